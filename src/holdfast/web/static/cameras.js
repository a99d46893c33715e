// The list of cameras stays current: states come over the frame's one connection, and no row moves by it.

import { node, on, stateOf, toast, worstByCamera } from "./app.js";

const rows = [...document.querySelectorAll("#cameras [data-camera]")];
const here = new Set(rows.map((row) => row.dataset.camera));
const capital = (words) => words.slice(0, 1).toUpperCase() + words.slice(1);
let told = false;

function show(now) {
  const worst = worstByCamera(now.streams);
  for (const row of rows) {
    const stream = worst.get(row.dataset.camera);
    if (!stream) continue;
    row.toggleAttribute("data-bad", stream.health === "lost");
    for (const part of row.querySelectorAll(".badge, .dot")) {
      if (part.dataset.health !== stream.health) part.dataset.health = stream.health;
    }
    const state = row.querySelector(".state-word"), words = row.querySelector(".cameras-words");
    if (state.textContent !== stateOf(stream)) state.textContent = stateOf(stream);
    if (words.title !== stream.words) {
      words.title = stream.words;
      words.textContent = stream.words === stateOf(stream) ? "" : capital(stream.words);
    }
  }
  // Somebody else added or removed one: said once, and not done under this person's hands.
  if (!told && worst.size && [...worst.keys()].some((camera) => !here.has(camera))) {
    told = true;
    toast("There is another camera: load the page again to see it", { for_s: 20 });
  }
}
on(show);
show(node);

for (const button of document.querySelectorAll("[data-slow]")) {
  button.form.addEventListener("submit", () => button.setAttribute("aria-busy", "true"));
}
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-slow]")) button.removeAttribute("aria-busy");
});
