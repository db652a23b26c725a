// Numbers and shapes as the report packs them: varints, zigzagged differences, counts of parts.

const readNumbers = (text) => {
  const bytes = atob(text);
  const numbers = [];
  let value = 0;
  let shift = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    value += (byte & 0x7f) * shift;
    if (byte & 0x80) {
      shift *= 128;
    } else {
      numbers.push(value);
      value = 0;
      shift = 1;
    }
  }
  return numbers;
};

// Shape i has the parts first[i] to first[i + 1]; part p has the vertices start[p] to start[p + 1].
// All lengths are metres from the frame's south-west corner; y grows to the north.
const readShapes = (packed) => {
  const counts = readNumbers(packed.counts);
  const steps = readNumbers(packed.steps);
  const n = packed.n;
  const first = new Uint32Array(n + 1);
  const start = [0];
  for (let i = 0, at = 0; i < n; i++) {
    const parts = counts[at++];
    first[i + 1] = first[i] + parts;
    for (let p = 0; p < parts; p++) start.push(start[start.length - 1] + counts[at++]);
  }
  const x = new Float64Array(steps.length / 2);
  const y = new Float64Array(steps.length / 2);
  const signed = (number) => (number % 2 ? -(number + 1) / 2 : number / 2);
  let east = 0;
  let north = 0;
  for (let v = 0; v < x.length; v++) {
    east += signed(steps[2 * v]);
    north += signed(steps[2 * v + 1]);
    x[v] = east * packed.stepM;
    y[v] = north * packed.stepM;
  }
  const box = new Float64Array(4 * n).fill(NaN);
  for (let i = 0; i < n; i++) {
    for (let v = start[first[i]]; v < start[first[i + 1]]; v++) {
      if (!(box[4 * i] <= x[v])) box[4 * i] = x[v];
      if (!(box[4 * i + 1] <= y[v])) box[4 * i + 1] = y[v];
      if (!(box[4 * i + 2] >= x[v])) box[4 * i + 2] = x[v];
      if (!(box[4 * i + 3] >= y[v])) box[4 * i + 3] = y[v];
    }
  }
  return { n, first, start, x, y, box, dimensions: packed.dimensions };
};

const boxOf = (shapes, i) => {
  const box = Array.from(shapes.box.subarray(4 * i, 4 * i + 4));
  return Number.isNaN(box[0]) ? null : box;
};

const jointBox = (boxes) =>
  boxes
    .filter(Boolean)
    .reduce(
      (all, box) =>
        all
          ? [
              Math.min(all[0], box[0]),
              Math.min(all[1], box[1]),
              Math.max(all[2], box[2]),
              Math.max(all[3], box[3]),
            ]
          : box,
      null,
    );

const isInside = (shapes, i, east, north) => {
  let inside = false;
  for (let p = shapes.first[i]; p < shapes.first[i + 1]; p++) {
    const begin = shapes.start[p];
    const end = shapes.start[p + 1];
    for (let a = begin, b = end - 1; a < end; b = a++) {
      const above = shapes.y[a] > north !== shapes.y[b] > north;
      const slope = (shapes.x[b] - shapes.x[a]) / (shapes.y[b] - shapes.y[a]);
      if (above && east < shapes.x[a] + (north - shapes.y[a]) * slope) inside = !inside;
    }
  }
  return inside;
};

const distanceTo = (shapes, i, east, north) => {
  let best = Infinity;
  const closed = shapes.dimensions[i] === "2";
  for (let p = shapes.first[i]; p < shapes.first[i + 1]; p++) {
    const begin = shapes.start[p];
    const end = shapes.start[p + 1];
    for (let b = begin; b < end; b++) {
      const a = b > begin ? b - 1 : closed ? end - 1 : b;
      const dx = shapes.x[b] - shapes.x[a];
      const dy = shapes.y[b] - shapes.y[a];
      const along = (east - shapes.x[a]) * dx + (north - shapes.y[a]) * dy;
      const t = Math.max(0, Math.min(1, along / (dx * dx + dy * dy) || 0));
      best = Math.min(best, Math.hypot(shapes.x[a] + t * dx - east, shapes.y[a] + t * dy - north));
    }
  }
  return best;
};
