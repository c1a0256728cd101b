(() => {
"use strict";

// Light and dark: as the system has it, or as the reader chose; what was chosen is kept where pages may keep anything.
const root = document.documentElement, key = "steel-defect-report colours";
const system = matchMedia("(prefers-color-scheme: dark)");
const recall = () => { try { return localStorage.getItem(key); } catch { return null; } };
const keep = (theme) => {
  try { if (theme) localStorage.setItem(key, theme); else localStorage.removeItem(key); } catch { /* this page alone */ }
};
const ofSystem = () => system.matches ? "dark" : "light";
const shown = () => root.dataset.theme || ofSystem();
const set = (theme) => {
  if (theme && theme !== ofSystem()) root.dataset.theme = theme; else delete root.dataset.theme;
};
set(recall());

const prepareTheme = () => {
  const button = document.querySelector("button.theme");
  const name = () => {
    const other = shown() === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Show the page in ${other} colours`);
  };
  button.addEventListener("click", () => {
    set(shown() === "dark" ? "light" : "dark");
    keep(root.dataset.theme);
    name();
  });
  system.addEventListener("change", () => { set(recall()); name(); });
  button.hidden = false;
  name();
};

const prepareCode = () => {
  const button = document.querySelector("button.code");
  if (!button) return;
  const parts = () => document.querySelectorAll("details.source");
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-pressed") !== "true";
    for (const part of parts()) part.open = open;
    button.setAttribute("aria-pressed", open);
    button.textContent = open ? "Hide all code" : "Show all code";
  });
  button.hidden = false;
};

// Menus close on a click beside them and on Escape.
const prepareMenus = () => {
  const close = (but) => {
    for (const menu of document.querySelectorAll("header details[open]")) if (!menu.contains(but)) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(null); });
  for (const contents of document.querySelectorAll("details.contents"))
    contents.addEventListener("click", (event) => { if (event.target.closest("a")) contents.open = false; });
};

// A cell's number is what it begins with: "0.612 (0.550 to 0.660)", "1,234", "12 %", "-2.6e+23". A dash has none.
const NUMBER = /^[+\u2212-]?(\d[\d,]*\.?\d*|\.\d+)(e[+-]?\d+)?(?=$|[\s%(])/i;
const textOf = (row, column) => row.cells[column].textContent.trim();
const isEmpty = (text) => text === "" || text === "\u2013";
const numberOf = (text) => {
  const found = text.match(NUMBER);
  return found ? Number(found[0].replaceAll(",", "").replace("\u2212", "-")) : NaN;
};

const compare = (rows, column) => {
  const texts = rows.map((row) => textOf(row, column)).filter((text) => !isEmpty(text));
  const numeric = texts.every((text) => !Number.isNaN(numberOf(text)));
  return (one, other) => numeric
    ? numberOf(one) - numberOf(other)
    : one.localeCompare(other, undefined, { numeric: true, sensitivity: "base" });
};

const sort = (body, original, column, direction) => {
  const order = compare(original, column), sign = direction === "descending" ? -1 : 1;
  const rows = direction === "none" ? original : [...original].sort((one, other) => {
    const [left, right] = [textOf(one, column), textOf(other, column)];
    if (isEmpty(left) || isEmpty(right)) return isEmpty(left) - isEmpty(right);
    return sign * order(left, right);
  });
  body.append(...rows);
};

const prepareTable = (table) => {
  const body = table.tBodies[0], heads = table.tHead?.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
  const original = body ? [...body.rows] : [];
  if (original.length < 2 || !heads.length) return;
  if ([...heads, ...original.flatMap((row) => [...row.cells])].some((cell) => cell.colSpan > 1 || cell.rowSpan > 1)) return;
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.title = "Sort by this column";
    button.append(...head.childNodes);
    if (!button.textContent.trim()) button.setAttribute("aria-label", "Sort by the first column");
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const direction = next[head.getAttribute("aria-sort")];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", direction);
      sort(body, original, column, direction);
    });
  });
};

// A figure that a narrow window shrinks can be shown at its own size, to be scrolled.
const prepareFigure = (figure) => {
  const picture = figure.querySelector(".picture"), image = picture?.querySelector("img");
  const caption = figure.querySelector("figcaption");
  if (!image || !caption) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "larger";
  const name = () => {
    const large = figure.classList.contains("large");
    button.textContent = large ? "Smaller" : "Larger";
    button.setAttribute("aria-pressed", large);
    button.hidden = !large && image.naturalWidth < 1.3 * picture.clientWidth;
  };
  button.addEventListener("click", () => {
    figure.classList.toggle("large");
    if (figure.classList.contains("large")) picture.tabIndex = 0; else picture.removeAttribute("tabindex");
    name();
  });
  caption.append(" ", button);
  new ResizeObserver(name).observe(picture);
  if (!image.complete) image.addEventListener("load", name);
};

document.addEventListener("DOMContentLoaded", () => {
  prepareTheme();
  prepareCode();
  prepareMenus();
  document.querySelectorAll("main figure").forEach(prepareFigure);
  for (const table of document.querySelectorAll("table.data:not(.facts)")) prepareTable(table);
});
})();
