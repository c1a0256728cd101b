// Sends files that are dropped on a place, or chosen there, and tells the page what came of it.
(() => {
"use strict";
const say = (zone, text) => { const state = zone.querySelector(".drop-state"); if (state) state.textContent = text; };
const answer = (zone, problem) => {
  window.dash_clientside.set_props(zone.dataset.answer, { data: { at: Date.now(), problem } });
};

const send = async (zone, files) => {
  if (!files.length) return;
  if (files.length > 1 && !zone.dataset.several) return answer(zone, "Got several files, expected one. Drop one at a time.");
  const form = new FormData();
  for (const file of files) form.append("file", file, file.name);
  say(zone, "Sending…");
  try {
    const reply = await fetch(zone.dataset.address, { method: "POST", body: form, credentials: "same-origin" });
    const told = await reply.json().catch(() => ({ problem: `The server refused it (${reply.status}). Reload the page.` }));
    answer(zone, told.problem);
  } catch {
    answer(zone, "The server didn't answer, or the file is far too large. Is `steel dashboard` still running?");
  } finally {
    say(zone, "");
  }
};

const choose = (zone) => {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = zone.dataset.accept;
  input.multiple = Boolean(zone.dataset.several);
  input.addEventListener("change", () => send(zone, [...input.files]));
  input.click();
};

document.addEventListener("click", (event) => {
  const zone = event.target.closest(".drop button") && event.target.closest(".drop");
  if (zone) choose(zone);
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  event.target.closest?.(".drop")?.classList.add("over");
});
document.addEventListener("dragleave", (event) => event.target.closest?.(".drop")?.classList.remove("over"));
// A file that is dropped beside the place must not open in the page's stead.
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const zone = event.target.closest?.(".drop");
  if (!zone) return;
  zone.classList.remove("over");
  send(zone, [...event.dataTransfer.files]);
});
})();
