// One image, large: opening, leafing, zooming, and the keyboard. What is shown, the server says.
(() => {
"use strict";
const root = document.documentElement, viewer = () => document.getElementById("viewer");
const MOST = 24, NEAR = 4, STEP = 1.4;
let opened = null, left = null, zoom = 1, x = 0, y = 0;
const held = new Map();

const isOpen = () => Boolean(viewer() && !viewer().hidden);
const tell = (value) => { opened = value; window.dash_clientside.set_props("opened", { data: value }); };
const total = () => Number(document.querySelector("#viewer-title > span")?.dataset.total || 0);

const open = (card) => {
  left = card;
  place(1, 0, 0);
  tell({ ...splitQuery(card.closest("[data-query]").dataset.query), position: Number(card.dataset.position) });
};
const splitQuery = (text) => {
  const { compared, ...query } = JSON.parse(text);
  return compared ? { query, compared } : { query };
};
const close = () => { tell(null); if (left?.isConnected) left.focus(); };
const leaf = (step) => {
  if (!opened) return;
  const position = Math.min(Math.max(opened.position + step, 0), total() - 1);
  if (position !== opened.position) tell({ ...opened, position });
};

const place = (newZoom, newX, newY) => {
  const pane = document.querySelector("#viewer .pane"), width = pane?.clientWidth || 0, height = pane?.clientHeight || 0;
  zoom = Math.min(Math.max(newZoom, 1), MOST);
  x = Math.min(0, Math.max(newX, width * (1 - zoom)));
  y = Math.min(0, Math.max(newY, height * (1 - zoom)));
  root.style.setProperty("--zoom", zoom);
  root.style.setProperty("--x", `${x}px`);
  root.style.setProperty("--y", `${y}px`);
  root.classList.toggle("near", zoom >= NEAR);
};
// Zoom so that what lies under a point of the pane stays there.
const zoomAt = (factor, px, py) => {
  const next = Math.min(Math.max(zoom * factor, 1), MOST), grown = next / zoom;
  place(next, px - (px - x) * grown, py - (py - y) * grown);
};
const zoomMiddle = (factor) => {
  const pane = document.querySelector("#viewer .pane");
  if (pane) zoomAt(factor, pane.clientWidth / 2, pane.clientHeight / 2);
};

const pointIn = (pane, event) => {
  const box = pane.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};

document.addEventListener("click", (event) => {
  const card = event.target.closest("[data-position].card");
  if (card) return open(card);
  const button = event.target.closest("#viewer button");
  if (!button) return;
  if (button.id === "viewer-close") close();
  if (button.id === "viewer-before") leaf(-1);
  if (button.id === "viewer-next") leaf(1);
  if (button.dataset.zoom === "in") zoomMiddle(STEP);
  if (button.dataset.zoom === "out") zoomMiddle(1 / STEP);
  if (button.dataset.zoom === "none") place(1, 0, 0);
});

document.addEventListener("wheel", (event) => {
  const pane = event.target.closest?.(".pane");
  if (!pane) return;
  event.preventDefault();
  zoomAt(Math.exp(-event.deltaY / 400), ...pointIn(pane, event));
}, { passive: false });

document.addEventListener("pointerdown", (event) => {
  const pane = event.target.closest?.(".pane");
  if (!pane) return;
  event.preventDefault();
  pane.setPointerCapture(event.pointerId);
  pane.classList.add("held");
  held.set(event.pointerId, pointIn(pane, event));
});
document.addEventListener("pointermove", (event) => {
  const pane = event.target.closest?.(".pane");
  if (!pane || !held.has(event.pointerId)) return;
  const before = held.get(event.pointerId), now = pointIn(pane, event);
  const others = [...held].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
  held.set(event.pointerId, now);
  if (!others.length) return place(zoom, x + now[0] - before[0], y + now[1] - before[1]);
  const other = others[0], far = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
  zoomAt(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
});
for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, (event) => {
  held.delete(event.pointerId);
  if (!held.size) document.querySelector(".pane.held")?.classList.remove("held");
});
document.addEventListener("dblclick", (event) => {
  const pane = event.target.closest?.(".pane");
  if (pane) zoom > 1 ? place(1, 0, 0) : zoomAt(NEAR, ...pointIn(pane, event));
});

// The next choice of a row of buttons, and the first one behind the last.
const turn = (identifier) => {
  const boxes = [...document.querySelectorAll(`#${identifier} input`)];
  const chosen = boxes.findIndex((box) => box.checked);
  boxes[(chosen + 1) % boxes.length]?.click();
};
const KEYS = {
  ArrowLeft: () => leaf(-1),
  ArrowRight: () => leaf(1),
  Escape: close,
  o: () => document.querySelector("#overlays input")?.click(),
  p: () => turn("map"),
  "+": () => zoomMiddle(STEP),
  "=": () => zoomMiddle(STEP),
  "-": () => zoomMiddle(1 / STEP),
  0: () => place(1, 0, 0),
  m: () => document.getElementById("note")?.focus(),
};
document.addEventListener("keydown", (event) => {
  if (!isOpen() || event.ctrlKey || event.metaKey || event.altKey) return;
  const writes = event.target.matches?.("textarea, input[type=text], input[type=number]");
  if (writes && event.key !== "Escape") return;
  // Sliders and radio buttons have a use of their own for the arrows.
  const steers = event.target.matches?.("input[type=radio], input[type=range], [role=slider]");
  if (steers && event.key.startsWith("Arrow")) return;
  if (event.key === "Tab") return keepFocus(event);
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  if (writes) event.target.blur(); else act();
});
// Tab stays within the viewer while it is open.
const keepFocus = (event) => {
  const parts = [...viewer().querySelectorAll("button, input, textarea, [role=slider]")].filter((one) => one.checkVisibility());
  const [first, last] = [parts[0], parts.at(-1)];
  if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last.focus(); }
  if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
};

window.dash_clientside = Object.assign({}, window.dash_clientside, { steel: {
  look: (overlays, opacity) => {
    root.classList.toggle("bare", !overlays.length);
    root.style.setProperty("--opacity", opacity / 100);
    return opacity;
  },
  focus: (hidden) => {
    document.body.style.overflow = hidden ? "" : "hidden";
    if (!hidden && !viewer().contains(document.activeElement)) document.getElementById("viewer-close").focus();
    return !hidden;
  },
} });
})();
