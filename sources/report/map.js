// The map: the units in grey, their parents' borders, and the findings above them.

const MARKER_PX = 13;
const SMALL_PX = 13; // a finding that is smaller than this on the screen gets a marker
const SKIP_PX = 0.7;
const PATH_VERTICES = 500;
const REACH_PX = 9; // how far from a finding a click still means it

const niceLength = (most) => {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((digit) => digit * power).find((length) => length <= most);
};

const sayLength = (metres) => {
  if (metres >= 1000) return `${metres / 1000} km`;
  if (metres >= 1) return `${metres} m`;
  return metres >= 0.01 ? `${Math.round(metres * 100)} cm` : `${Math.round(metres * 1000)} mm`;
};

const makeMap = (canvas, data, rows) => {
  const units = readShapes(data.units);
  const parents = readShapes(data.parents);
  const findings = readShapes(data.findings);
  const points = data.findings.points;
  const forms = Object.fromEntries(Object.keys(MARKS).map((kind) => [kind, new Path2D(formOf(kind))]));
  const pen = canvas.getContext("2d");
  const kept = document.createElement("canvas"); // the last whole picture, for quick moves
  const heavy = units.x.length + findings.x.length > 60000;
  const boxes = (shapes) => Array.from({ length: shapes.n }, (_, i) => boxOf(shapes, i));
  const whole = jointBox([...boxes(units), ...boxes(parents), ...boxes(findings)]);
  // At first what is to be filled is seen: a unit far away must not make all else tiny.
  const filled = jointBox(boxes(parents)) || whole;
  const sideOf = (box) => Math.max(box[2] - box[0], box[3] - box[1]);
  const home = whole && sideOf(whole) < 1.6 * sideOf(filled) ? whole : filled;
  // Lines lie below land, large land below small: the list runs from large to small.
  const isLine = (i) => findings.dimensions[i] === "1";
  const every = (shapes) => Array.from({ length: shapes.n }, (_, i) => i);
  const order = [...every(findings).filter(isLine), ...every(findings).filter((i) => !isLine(i))];
  const topFirst = [...order].reverse();
  const view = { east: 0, north: 0, scale: 1 }; // metres at the middle; pixels a metre
  let keptView = null;
  let size = { width: 0, height: 0, dots: 1 };
  let shown = () => true;
  let picked = -1;
  let timer = 0;
  let frame = 0;

  const px = (east) => (east - view.east) * view.scale + size.width / 2;
  const py = (north) => (view.north - north) * view.scale + size.height / 2;
  const place = (left, top) => [
    view.east + (left - size.width / 2) / view.scale,
    view.north - (top - size.height / 2) / view.scale,
  ];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

  const outOfSight = (box, at, margin = 0) =>
    !(px(box[at]) < size.width + margin && px(box[at + 2]) > -margin) ||
    !(py(box[at + 3]) < size.height + margin && py(box[at + 1]) > -margin);

  // Vertices that fall on the pixel of the one before are passed over, but for a part's ends.
  const trace = (shapes, i, path) => {
    let drawn = 0;
    for (let p = shapes.first[i]; p < shapes.first[i + 1]; p++) {
      const begin = shapes.start[p];
      const end = shapes.start[p + 1];
      let left = px(shapes.x[begin]);
      let top = py(shapes.y[begin]);
      path.moveTo(left, top);
      for (let v = begin + 1; v < end; v++) {
        const x = px(shapes.x[v]);
        const y = py(shapes.y[v]);
        if (v < end - 1 && Math.abs(x - left) + Math.abs(y - top) < SKIP_PX) continue;
        path.lineTo(x, y);
        left = x;
        top = y;
        drawn++;
      }
      if (shapes.dimensions[i] === "2") path.closePath();
    }
    return drawn;
  };

  // A path grows slower the longer it is: many short ones are drawn instead.
  const traceAll = (shapes, chosen) => {
    const paths = [];
    let left = 0;
    for (const i of chosen) {
      const at = 4 * i;
      if (Number.isNaN(shapes.box[at]) || outOfSight(shapes.box, at)) continue;
      if (left <= 0) {
        paths.push(new Path2D());
        left = PATH_VERTICES;
      }
      const path = paths[paths.length - 1];
      const wide = (shapes.box[at + 2] - shapes.box[at]) * view.scale;
      const high = (shapes.box[at + 3] - shapes.box[at + 1]) * view.scale;
      if (Math.max(wide, high) < 1.5) {
        path.rect(px(shapes.box[at]), py(shapes.box[at + 3]), wide + 0.5, high + 0.5);
        left -= 4;
      } else {
        left -= trace(shapes, i, path);
      }
    }
    return paths;
  };

  const allUnits = every(units);
  const allParents = every(parents);

  const drawGround = () => {
    const ground = traceAll(units, allUnits);
    const coarse = data.units.toleranceM * view.scale > 2.5;
    pen.fillStyle = colour("--land");
    for (const path of ground) pen.fill(path);
    pen.strokeStyle = colour("--border");
    pen.lineWidth = 0.9;
    pen.setLineDash(coarse ? [2, 3] : []);
    for (const path of ground) pen.stroke(path);
    pen.setLineDash([]);
    pen.strokeStyle = colour("--parent");
    pen.lineWidth = 1.8;
    for (const path of traceAll(parents, allParents)) pen.stroke(path);
  };

  const isSmall = (i) => {
    const at = 4 * i;
    const wide = findings.box[at + 2] - findings.box[at];
    const high = findings.box[at + 3] - findings.box[at + 1];
    return Math.max(wide, high) * view.scale < SMALL_PX;
  };

  const drawMarker = (i, kind, waived) => {
    const [east, north] = points[i];
    const side = MARKER_PX / 24;
    pen.save();
    pen.translate(px(east) - MARKER_PX / 2, py(north) - MARKER_PX / 2);
    pen.scale(side, side);
    pen.lineWidth = 3.5;
    pen.strokeStyle = colour("--ground");
    pen.stroke(forms[kind]);
    pen.fillStyle = waived ? colour("--ground") : colourOf(kind);
    pen.fill(forms[kind]);
    if (waived) {
      pen.strokeStyle = colourOf(kind);
      pen.stroke(forms[kind]);
    }
    pen.restore();
  };

  const drawDots = (i, fill, radius) => {
    pen.fillStyle = fill;
    pen.beginPath();
    for (let v = findings.start[findings.first[i]]; v < findings.start[findings.first[i + 1]]; v++) {
      pen.moveTo(px(findings.x[v]), py(findings.y[v]));
      pen.arc(px(findings.x[v]), py(findings.y[v]), radius, 0, 7);
    }
    pen.fill();
  };

  const drawLand = (i, row) => {
    if (findings.dimensions[i] === "0") {
      drawDots(i, colour("--ground"), 5);
      drawDots(i, colourOf(row.kind), 3.8);
      return;
    }
    const path = new Path2D();
    trace(findings, i, path);
    const areal = findings.dimensions[i] === "2";
    pen.strokeStyle = pen.fillStyle = colourOf(row.kind);
    if (areal) {
      pen.globalAlpha = row.waived ? 0.12 : 0.45;
      pen.fill(path, "evenodd");
      pen.globalAlpha = 1;
    }
    // However thin a sliver is, its rim stays as wide.
    pen.lineWidth = areal ? 2 : 3;
    pen.setLineDash(row.waived ? [5, 4] : []);
    pen.stroke(path);
    pen.setLineDash([]);
  };

  const drawFinding = (i) => {
    const at = 4 * i;
    if (!points[i] || outOfSight(findings.box, at, MARKER_PX)) return;
    if (isSmall(i)) drawMarker(i, rows[i].kind, rows[i].waived);
    else drawLand(i, rows[i]);
  };

  const drawPicked = () => {
    const row = rows[picked];
    pen.strokeStyle = colour("--ink");
    pen.lineWidth = 1.8;
    for (const path of traceAll(units, row.at)) pen.stroke(path);
    if (!points[picked]) return;
    if (isSmall(picked)) {
      drawFinding(picked);
      pen.strokeStyle = colour("--ink");
      pen.lineWidth = 2.5;
      pen.beginPath();
      pen.arc(px(points[picked][0]), py(points[picked][1]), MARKER_PX, 0, 7);
      pen.stroke();
    } else if (findings.dimensions[picked] === "0") {
      drawDots(picked, colour("--ink"), 6);
      drawDots(picked, colourOf(row.kind), 4);
    } else {
      const path = new Path2D();
      trace(findings, picked, path);
      pen.strokeStyle = colour("--ground");
      pen.lineWidth = 9;
      pen.stroke(path);
      pen.strokeStyle = colourOf(row.kind);
      pen.lineWidth = 4;
      pen.stroke(path);
      drawLand(picked, row);
    }
  };

  const drawScale = () => {
    const metres = niceLength(Math.min(160, size.width / 4) / view.scale);
    const length = metres * view.scale;
    const [left, top] = [12, size.height - 14];
    pen.font = "12px system-ui, sans-serif";
    for (const [style, width] of [["--sea", 5], ["--ink", 2]]) {
      pen.strokeStyle = colour(style);
      pen.lineWidth = width;
      pen.beginPath();
      pen.moveTo(left, top - 5);
      pen.lineTo(left, top);
      pen.lineTo(left + length, top);
      pen.lineTo(left + length, top - 5);
      pen.stroke();
      if (width > 2) pen.strokeText(sayLength(metres), left + 6, top - 5);
    }
    pen.fillStyle = colour("--ink");
    pen.fillText(sayLength(metres), left + 6, top - 5);
  };

  const draw = () => {
    clearTimeout(timer);
    pen.setTransform(size.dots, 0, 0, size.dots, 0, 0);
    pen.lineJoin = pen.lineCap = "round";
    pen.clearRect(0, 0, size.width, size.height);
    drawGround();
    for (const i of order) if (i !== picked && shown(i)) drawFinding(i);
    if (picked >= 0) drawPicked();
    drawScale();
    if (!heavy) return;
    kept.width = canvas.width;
    kept.height = canvas.height;
    kept.getContext("2d").drawImage(canvas, 0, 0);
    keptView = { ...view };
  };

  const drawKept = () => {
    const ratio = view.scale / keptView.scale;
    pen.setTransform(size.dots, 0, 0, size.dots, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    pen.translate(px(keptView.east), py(keptView.north));
    pen.scale(ratio, ratio);
    pen.drawImage(kept, -size.width / 2, -size.height / 2, size.width, size.height);
    clearTimeout(timer);
    timer = setTimeout(draw, 150);
  };

  const redraw = (moving = false) => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(moving && heavy && keptView ? drawKept : draw);
  };

  const goTo = (box, margin = 1.12) => {
    if (!box || !size.width) return;
    const wide = Math.max((box[2] - box[0]) * margin, 1e-3);
    const high = Math.max((box[3] - box[1]) * margin, 1e-3);
    view.scale = Math.min(size.width / wide, size.height / high);
    view.east = (box[0] + box[2]) / 2;
    view.north = (box[1] + box[3]) / 2;
    redraw();
  };

  const limits = () => {
    const side = whole ? Math.max(whole[2] - whole[0], whole[3] - whole[1], 1) : 1;
    return [Math.min(size.width, size.height) / side / 4, 2000];
  };

  return {
    whole,
    units,
    view,
    redraw,
    drawNow: draw,
    fit: () => goTo(whole),
    show: (test) => {
      shown = test;
      redraw();
    },
    resize() {
      const { clientWidth: width, clientHeight: height } = canvas;
      const dots = Math.min(window.devicePixelRatio || 1, 3);
      const first = !size.width;
      const ratio = first ? 1 : Math.min(width / size.width, height / size.height) || 1;
      size = { width, height, dots };
      canvas.width = Math.round(width * dots);
      canvas.height = Math.round(height * dots);
      keptView = null;
      if (first) goTo(home);
      else view.scale *= ratio;
      draw();
    },
    zoom(factor, left = size.width / 2, top = size.height / 2) {
      const [east, north] = place(left, top);
      const [least, most] = limits();
      view.scale = Math.max(least, Math.min(most, view.scale * factor));
      const [newEast, newNorth] = place(left, top);
      view.east += east - newEast;
      view.north += north - newNorth;
      redraw(true);
    },
    move(right, down) {
      view.east -= right / view.scale;
      view.north += down / view.scale;
      redraw(true);
    },
    // A finding is shown with some ground around it; one without a place shows its units.
    pick(i, zoom) {
      picked = i;
      if (i < 0 || !zoom) return redraw();
      const own = boxOf(findings, i);
      const box = own || jointBox(rows[i].at.map((unit) => boxOf(units, unit)));
      if (!box) return redraw();
      const room = own ? Math.max(rows[i].width * 6, 30) : 30;
      const grow = Math.max(0, room - Math.max(box[2] - box[0], box[3] - box[1])) / 2;
      return goTo([box[0] - grow, box[1] - grow, box[2] + grow, box[3] + grow], 1.5);
    },
    findingAt(left, top) {
      const [east, north] = place(left, top);
      const reach = REACH_PX / view.scale;
      let best = -1;
      for (const i of topFirst) {
        if (!points[i] || !shown(i)) continue;
        const box = findings.box.subarray(4 * i, 4 * i + 4);
        if (east < box[0] - reach || east > box[2] + reach) continue;
        if (north < box[1] - reach || north > box[3] + reach) continue;
        const areal = findings.dimensions[i] === "2";
        const inside = areal && isInside(findings, i, east, north);
        if (inside || isSmall(i) || distanceTo(findings, i, east, north) < reach) {
          best = i;
          break;
        }
      }
      return best;
    },
    unitsAt(left, top) {
      const [east, north] = place(left, top);
      const found = [];
      for (let i = 0; i < units.n && found.length < 5; i++) {
        const at = 4 * i;
        const { box } = units;
        if (!(box[at] <= east && east <= box[at + 2])) continue;
        if (!(box[at + 1] <= north && north <= box[at + 3])) continue;
        if (isInside(units, i, east, north)) found.push(i);
      }
      return found;
    },
  };
};
