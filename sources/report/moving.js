// Moving the map by pointer, touch and key, and what is under the pointer.

const makeMovable = (canvas, map, tip, say, choose) => {
  const pointers = new Map();
  let travelled = 0;
  let spread = 0;

  const at = (event) => {
    const edge = canvas.getBoundingClientRect();
    return [event.clientX - edge.left, event.clientY - edge.top];
  };

  const middle = () => {
    const all = [...pointers.values()];
    return [0, 1].map((axis) => all.reduce((sum, point) => sum + point[axis], 0) / all.length);
  };

  const span = () => {
    const [a, b] = [...pointers.values()];
    return b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;
  };

  const point = (event) => {
    const [left, top] = at(event);
    tip.textContent = say(left, top);
    tip.hidden = !tip.textContent;
    const { clientWidth: wide, clientHeight: high } = canvas;
    const x = Math.min(left + 14, wide - tip.offsetWidth - 4);
    const y = top + 18 + tip.offsetHeight > high ? top - tip.offsetHeight - 8 : top + 18;
    tip.style.transform = `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`;
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 1) travelled = 0;
    spread = span();
    tip.hidden = true;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) {
      point(event);
      return;
    }
    const before = middle();
    pointers.set(event.pointerId, at(event));
    const now = middle();
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (travelled < 4 && pointers.size === 1) return;
    canvas.classList.add("dragging");
    map.move(now[0] - before[0], now[1] - before[1]);
    const wider = span();
    if (spread && wider) map.zoom(wider / spread, now[0], now[1]);
    if (pointers.size > 1) travelled += 4;
    spread = wider;
  });
  const release = (event) => {
    const here = pointers.delete(event.pointerId);
    canvas.classList.remove("dragging");
    spread = span();
    if (here && event.type === "pointerup" && !pointers.size && travelled < 4) choose(...at(event));
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode ? event.deltaY * 30 : event.deltaY;
      map.zoom(2 ** (-Math.max(-240, Math.min(240, lines)) / 240), ...at(event));
    },
    { passive: false },
  );
  canvas.addEventListener("dblclick", (event) => map.zoom(2, ...at(event)));

  const keys = {
    ArrowLeft: () => map.move(60, 0),
    ArrowRight: () => map.move(-60, 0),
    ArrowUp: () => map.move(0, 60),
    ArrowDown: () => map.move(0, -60),
    "+": () => map.zoom(1.5),
    "=": () => map.zoom(1.5),
    "-": () => map.zoom(1 / 1.5),
    0: () => map.fit(),
  };
  canvas.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
};
