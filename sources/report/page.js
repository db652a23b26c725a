// The page: what was found, on the map and in the table, chosen and filtered in both at once.

const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
const rows = data.rows.map((values, index) => {
  const row = Object.fromEntries(COLUMNS.map((column, place) => [column, values[place]]));
  const placed = Boolean(data.map.findings.points[index]);
  return { ...row, index, at: data.map.at[index], placed };
});
const unitLabels = data.map.units;
const names = new Map(unitLabels.codes.map((code, i) => [code, unitLabels.names[i] || ""]));

document.getElementById("map-part").hidden = false;
document.getElementById("table-part").hidden = false;
const canvas = document.getElementById("canvas");
const map = makeMap(canvas, data.map, rows);
const hiddenKinds = new Set();
let sought = "";

const pick = (index, fromMap) => {
  map.pick(index, !fromMap);
  table.pick(index, fromMap);
  if (!fromMap) document.getElementById("map").scrollIntoView({ block: "nearest" });
};
const table = makeTable(rows, words, data.kinds, names, (index) => pick(index, false));

const textOf = (row) => {
  const called = row.units.map((code) => names.get(code) || "");
  return [data.kinds[row.kind], ...row.units, ...called, row.text, row.detail].join(" ").toLowerCase();
};
const isShown = (row) => {
  if (hiddenKinds.has(row.kind)) return false;
  if (!sought) return true;
  row.sought ??= textOf(row);
  return row.sought.includes(sought);
};
const applyFilter = () => {
  table.filter(isShown);
  map.show((index) => isShown(rows[index]));
};

const legend = document.getElementById("legend");
legend.setAttribute("aria-label", words.legend);
for (const [kind, label] of Object.entries(data.kinds)) {
  const many = rows.filter((row) => row.kind === kind).length;
  if (!many) continue;
  const button = make("button");
  button.type = "button";
  button.dataset.kind = kind;
  button.setAttribute("aria-pressed", "true");
  button.append(makeMark(kind), `${label} ${many.toLocaleString(words.lang)}`);
  button.addEventListener("click", () => {
    if (!hiddenKinds.delete(kind)) hiddenKinds.add(kind);
    button.setAttribute("aria-pressed", String(!hiddenKinds.has(kind)));
    applyFilter();
  });
  legend.append(button);
}

const search = document.getElementById("search");
search.placeholder = words.search_hint;
document.getElementById("search-label").textContent = words.search;
search.addEventListener("input", () => {
  sought = search.value.trim().toLowerCase();
  applyFilter();
});

const zoom = document.getElementById("zoom");
for (const [sign, label, action] of [
  ["+", words.zoom_in, () => map.zoom(1.6)],
  ["−", words.zoom_out, () => map.zoom(1 / 1.6)],
  ["⤢", words.fit, () => map.fit()],
]) {
  const button = make("button", "", sign);
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", action);
  zoom.append(button);
}

const sayUnit = (i) => {
  const code = unitLabels.codes[i] || fill(words.row, { row: unitLabels.rows[i] ?? "" });
  return [code, unitLabels.names[i]].filter(Boolean).join(" ");
};
const sayPlace = (left, top) => {
  const index = map.findingAt(left, top);
  const units = map.unitsAt(left, top).map(sayUnit);
  const found = index < 0 ? [] : [`${data.kinds[rows[index].kind]}: ${rows[index].text}`];
  return [...found, ...units].join("\n");
};
makeMovable(canvas, map, document.getElementById("tip"), sayPlace, (left, top) => {
  const index = map.findingAt(left, top);
  pick(index, true);
});

const swatch = (kind, colour) => {
  const svg = makeMark("NO_GEOMETRY");
  const path = svg.firstChild;
  path.removeAttribute("data-kind");
  path.setAttribute("fill", `var(${colour})`);
  path.setAttribute("d", kind === "line" ? "M0 10h24v4H0z" : "M1 4h22v16H1z");
  return svg;
};
const key = document.getElementById("key");
const explain = (form, colour, text) => {
  const part = make("span");
  part.append(swatch(form, colour), text);
  key.append(part);
};
explain("land", "--border", words.units);
if (data.map.parents.n) explain("line", "--parent", words.parents);

const notes = document.getElementById("notes");
for (const note of data.notes) notes.append(make("p", "note", note));
const nowhere = rows.filter((row) => !row.placed).length;
if (nowhere) {
  const forms = words.nowhere;
  const text = nowhere === 1 && forms.one ? forms.one : forms.other;
  notes.append(make("p", "note", fill(text, { n: nowhere.toLocaleString(words.lang) })));
}
if (!map.whole) {
  document.getElementById("map").hidden = true;
  notes.append(make("p", "note", words.empty_map));
}

new ResizeObserver(() => map.resize()).observe(canvas);
const recolour = () => {
  recolourMarks();
  map.drawNow();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
// On paper the page is light.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.print = "";
  map.resize();
  recolour();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.print;
  map.resize();
  recolour();
});
applyFilter();
