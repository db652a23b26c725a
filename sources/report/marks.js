// A colour and a form for each kind: both, so that they can be told apart without seeing colours.
// The colours are those of Okabe and Ito, some lighter on a dark page.

const FORMS = {
  circle: "M12 2a10 10 0 1 0 .01 0z",
  square: "M3 3h18v18H3z",
  up: "M12 2 23 21H1z",
  down: "M12 22 1 3h22z",
  diamond: "M12 0 24 12 12 24 0 12z",
  cross: "M4 0 12 8 20 0l4 4-8 8 8 8-4 4-8-8-8 8-4-4 8-8-8-8z",
  plus: "M8 0h8v8h8v8h-8v8H8v-8H0V8h8z",
  house: "M12 0 24 10v14H0V10z",
  bar: "M0 7h24v10H0z",
  star: "M12 0l3.5 8.2 8.5.8-6.4 5.7 1.9 8.8L12 19l-7.5 4.5 1.9-8.8L0 9l8.5-.8z",
};

const MARKS = {
  BLANK: ["circle", "#d55e00", "#ff8a3d"],
  OVERLAP: ["square", "#0072b2", "#5db4ec"],
  OUTSIDE: ["up", "#b0488a", "#e28fc0"],
  MISMATCH: ["diamond", "#c98500", "#f0b429"],
  INVALID_RING: ["cross", "#00805c", "#35c79d"],
  STRADDLES: ["down", "#2b8fc9", "#8fd0f5"],
  ORPHAN: ["star", "#8a7a00", "#f0e442"],
  WRONG_PARENT: ["plus", "#5b4bb0", "#a99cf5"],
  HOUSEHOLD_UNCOVERED: ["house", "#222831", "#f2f4f7"],
  HOUSEHOLD_DOUBLED: ["house", "#7a4a21", "#d9a679"],
  NO_GEOMETRY: ["bar", "#5d6673", "#a9b2c0"],
  WRONG_TYPE: ["bar", "#5d6673", "#a9b2c0"],
  DUPLICATE_CODE: ["plus", "#5d6673", "#a9b2c0"],
  MISSING_CODE: ["plus", "#5d6673", "#a9b2c0"],
};

const formOf = (kind) => FORMS[MARKS[kind][0]];

// Paper is white whatever the screen is.
const isDark = () =>
  !("print" in document.documentElement.dataset) && matchMedia("(prefers-color-scheme: dark)").matches;

const colourOf = (kind) => MARKS[kind][isDark() ? 2 : 1];

const EMPTY_MARK = document.createElement("template");
EMPTY_MARK.innerHTML = '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path/></svg>';

const makeMark = (kind) => {
  const svg = EMPTY_MARK.content.firstChild.cloneNode(true);
  const path = svg.firstChild;
  path.setAttribute("d", formOf(kind));
  path.setAttribute("data-kind", kind);
  path.setAttribute("fill", colourOf(kind));
  return svg;
};

const recolourMarks = () => {
  for (const path of document.querySelectorAll("path[data-kind]")) {
    path.setAttribute("fill", colourOf(path.dataset.kind));
  }
};
