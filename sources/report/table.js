// The table of findings: sorted, filtered, some rows at a time.

const COLUMNS = [
  "kind", "warning", "waived", "units", "unitCount", "area", "width", "households", "text",
  "detail", "fileRows",
];
const STEP = 100; // rows that are added at a time
const UNITS_SHOWN = 4;
const PRINTED = 1000;

const make = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

// Text as the page's own words have it, with what stands in braces put in.
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// Three digits, or all whole ones; what is smaller than a thousandth is told as such.
const makeMeasure = (words) => {
  const large = new Intl.NumberFormat(words.lang, { maximumFractionDigits: 0 });
  const small = new Intl.NumberFormat(words.lang, { maximumSignificantDigits: 3 });
  return (value) => {
    if (!value) return "";
    if (value >= 100) return large.format(value);
    return value < 0.001 ? `<${small.format(0.001)}` : small.format(value);
  };
};

const makeTable = (rows, words, kinds, names, onPick) => {
  const head = document.getElementById("head");
  const body = document.getElementById("body");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  const empty = document.getElementById("empty");
  const measure = makeMeasure(words);
  const whole = new Intl.NumberFormat(words.lang);
  const collator = new Intl.Collator(words.lang, { numeric: true });
  const texts = {
    kind: (row) => kinds[row.kind],
    units: (row) => row.units[0] || "",
    text: (row) => row.text,
  };
  const order = { by: "", falling: true };
  let test = () => true;
  let listed = rows;
  let shown = STEP;
  let picked = -1;

  const compare = (a, b) => {
    const way = order.falling ? -1 : 1;
    const by = texts[order.by];
    const difference = by ? collator.compare(by(a), by(b)) : a[order.by] - b[order.by];
    return way * difference || a.index - b.index;
  };

  const unitCell = (row) => {
    const cell = make("td", "units");
    for (const code of row.units.slice(0, UNITS_SHOWN)) {
      const line = make("div");
      line.append(make("code", "", code));
      if (names.get(code)) line.append(make("bdi", "name", names.get(code)));
      cell.append(line);
    }
    if (!row.units.length && row.fileRows.length) {
      cell.append(make("div", "name", fill(words.row, { row: row.fileRows.join(", ") })));
    }
    const left = row.unitCount - Math.min(row.units.length, UNITS_SHOWN);
    if (left > 0) cell.append(make("div", "name", fill(words.others, { n: whole.format(left) })));
    return cell;
  };

  const numberCell = (label, text) => {
    const cell = make("td", "number", text);
    cell.dataset.label = label;
    return cell;
  };

  const kindCell = (row) => {
    const cell = make("td", "kind");
    const button = make("button");
    button.type = "button";
    button.append(makeMark(row.kind), ` ${kinds[row.kind]}`);
    button.title = row.placed ? words.show : words.no_place;
    cell.append(button);
    if (row.waived) cell.append(make("span", "tag", words.waived));
    else if (row.warning) cell.append(make("span", "tag", words.warning));
    return cell;
  };

  const line = (row) => {
    const tr = make("tr", row.waived ? "waived" : "");
    tr.dataset.index = row.index;
    if (row.index === picked) tr.setAttribute("aria-current", "true");
    const says = make("td");
    says.append(make("div", "", row.text));
    if (row.detail) {
      const detail = make("div", "detail", row.detail);
      detail.lang = "en";
      says.append(detail);
    }
    tr.append(
      kindCell(row),
      unitCell(row),
      numberCell(words.area, measure(row.area)),
      numberCell(words.width, measure(row.width)),
      numberCell(words.households, row.households ? whole.format(row.households) : ""),
      says,
    );
    return tr;
  };

  const moreButton = (text, to) => {
    const button = make("button", "", text);
    button.type = "button";
    button.addEventListener("click", () => {
      shown = to;
      fillBody();
    });
    return button;
  };

  const fillBody = () => {
    const part = listed.slice(0, shown);
    body.replaceChildren(...part.map(line));
    const left = listed.length - part.length;
    more.replaceChildren();
    if (left > 0) {
      const next = Math.min(left, STEP);
      more.append(moreButton(fill(words.more, { n: whole.format(next) }), shown + STEP));
    }
    if (left > STEP) {
      const all = fill(words.all, { n: whole.format(listed.length) });
      more.append(moreButton(all, listed.length));
    }
    const values = { shown: whole.format(part.length), total: whole.format(rows.length) };
    count.textContent = rows.length ? fill(words.count, values) : "";
    empty.hidden = listed.length > 0;
    empty.textContent = rows.length ? words.none_left : words.none;
    document.getElementById("table").hidden = !listed.length;
  };

  const list = () => {
    listed = rows.filter(test);
    if (order.by) listed.sort(compare);
    fillBody();
  };

  const sortBy = (column) => {
    // Measures begin with the largest, texts with the first.
    order.falling = order.by === column ? !order.falling : !texts[column];
    order.by = column;
    for (const th of head.children) {
      if (th.dataset.column === column) {
        th.setAttribute("aria-sort", order.falling ? "descending" : "ascending");
      } else {
        th.removeAttribute("aria-sort");
      }
    }
    shown = Math.max(STEP, Math.min(shown, rows.length));
    list();
  };

  const headings = {
    kind: words.kind, units: words.codes, area: words.area, width: words.width,
    households: words.households, text: words.text,
  };
  for (const [column, label] of Object.entries(headings)) {
    const th = make("th", texts[column] ? "" : "number");
    th.scope = "col";
    th.dataset.column = column;
    const button = make("button", "", label);
    button.type = "button";
    button.addEventListener("click", () => sortBy(column));
    th.append(button);
    head.append(th);
  }

  body.addEventListener("click", (event) => {
    const tr = event.target.closest("tr");
    if (tr && !String(getSelection())) onPick(Number(tr.dataset.index));
  });
  addEventListener("beforeprint", () => {
    shown = Math.max(shown, PRINTED);
    fillBody();
  });

  return {
    filter(chosen) {
      test = chosen;
      shown = STEP;
      list();
    },
    pick(index, scroll) {
      picked = index;
      const at = listed.findIndex((row) => row.index === index);
      if (at >= shown) {
        shown = at + STEP;
        fillBody();
      }
      for (const tr of body.children) {
        const mine = Number(tr.dataset.index) === index;
        if (mine) tr.setAttribute("aria-current", "true");
        else tr.removeAttribute("aria-current");
        if (mine && scroll) tr.scrollIntoView({ block: "nearest" });
      }
    },
  };
};
