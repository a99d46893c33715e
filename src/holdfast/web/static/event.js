// One event: its span in the player, which stops at its end, and its pictures in a lightbox, by keys and by swipes.

import "./player.js";

const facts = document.getElementById("event").dataset;
const player = document.getElementById("player");
const toggle = document.getElementById("toggle");
const place = document.getElementById("place");
const [play, to] = [Number(facts.play), Number(facts.to)];
let stopped = false;

document.getElementById("deck").hidden = false;
player.addEventListener("hf-time", ({ detail }) => {
  place.textContent = `${Math.max(0, Math.round((detail.us - play) / 1e6))} of ${Math.round((to - play) / 1e6)} s`;
  // Once: whoever goes on from there wants to see what came after.
  if (detail.us < to || stopped) return;
  stopped = true;
  player.pause();
});
player.addEventListener("hf-state", ({ detail }) => (toggle.textContent = detail.paused ? "Play" : "Pause"));
toggle.addEventListener("click", () => player.toggle());
document.getElementById("again").addEventListener("click", () => {
  stopped = false;
  player.play(play);
});
document.getElementById("speed").addEventListener("change", ({ target }) => (player.speed = Number(target.value)));

const box = document.getElementById("lightbox");
const large = document.getElementById("large");
const links = [...document.querySelectorAll("#pictures a")];
let shown = 0;

function show(number) {
  shown = (number + links.length) % links.length;
  const link = links[shown];
  large.src = link.href;
  large.alt = link.dataset.words;
  document.getElementById("caption").textContent = `${link.dataset.words}, ${shown + 1} of ${links.length}`;
  document.getElementById("save").href = link.href;
  if (!box.open) box.showModal();
}

links.forEach((link, number) =>
  link.addEventListener("click", (event) => {
    event.preventDefault();
    show(number);
  }),
);
for (const [id, step] of [["before", -1], ["after", 1]]) {
  document.getElementById(id).addEventListener("click", () => show(shown + step));
}
document.getElementById("close").addEventListener("click", () => box.close());

const typing = (target) => target.closest("input, select, textarea, hf-player");

addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (box.open) show(shown + step);
  else if (!typing(event.target)) document.getElementById(step < 0 ? "later" : "earlier")?.click();
});

let from = null;
large.addEventListener("pointerdown", (event) => (from = event.clientX));
large.addEventListener("pointerup", (event) => {
  const by = event.clientX - (from ?? event.clientX);
  from = null;
  if (Math.abs(by) > 40) show(shown + (by < 0 ? 1 : -1));
});
large.draggable = false;
