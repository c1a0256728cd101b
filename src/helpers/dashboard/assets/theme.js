// Light and dark: as the system has it, or as the reader chose; in the same place as the report's pages keep it.
(() => {
"use strict";
const root = document.documentElement, key = "steel-defect-report colours";
const system = matchMedia("(prefers-color-scheme: dark)");
const ofSystem = () => system.matches ? "dark" : "light";
const shown = () => root.dataset.theme || ofSystem();
const recall = () => { try { return localStorage.getItem(key); } catch { return null; } };
const keep = (theme) => {
  try { if (theme) localStorage.setItem(key, theme); else localStorage.removeItem(key); } catch { /* this page alone */ }
};
const set = (theme) => {
  if (theme && theme !== ofSystem()) root.dataset.theme = theme; else delete root.dataset.theme;
};
const name = () => {
  const button = document.getElementById("theme");
  if (button) button.textContent = shown() === "dark" ? "Light" : "Dark";
};
set(recall());
system.addEventListener("change", () => { set(recall()); name(); });
document.addEventListener("click", (event) => {
  if (!event.target.closest("#theme")) return;
  set(shown() === "dark" ? "light" : "dark");
  keep(root.dataset.theme);
  name();
});
// The button is drawn after this script ran.
new MutationObserver((changes, observer) => {
  if (document.getElementById("theme")) { name(); observer.disconnect(); }
}).observe(document, { childList: true, subtree: true });
})();
