// A still, large: in a dialog, with keys. Without scripts each small picture leads to the large one.

import { keys } from "./app.js";

const list = document.getElementById("stills");
const dialog = document.getElementById("still-large");

function begin() {
  const all = [...list.querySelectorAll("a.still")];
  const part = (name) => document.getElementById(`still-${name}`);
  let at = -1;

  function show(number) {
    if (number < 0 || number >= all.length) return;
    at = number;
    const still = all[number], small = still.querySelector("img");
    part("when").textContent = still.querySelector(".still-clock").textContent;
    part("facts").textContent = still.dataset.facts;
    part("watch").href = still.dataset.watch;
    part("save").href = `${still.getAttribute("href")}?download=true`;
    const picture = part("picture");
    picture.width = small.getAttribute("width");
    picture.height = small.getAttribute("height");
    picture.style.height = "auto";
    picture.alt = small.alt;
    picture.src = still.href;
    part("before").disabled = number === 0;
    part("after").disabled = number === all.length - 1;
    if (!dialog.open) dialog.showModal();
    if (all[number + 1]) new Image().src = all[number + 1].href; // the next one is there when it is asked for
  }

  list.addEventListener("click", (event) => {
    const still = event.target.closest("a.still");
    if (!still || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    show(all.indexOf(still));
  });
  part("before").addEventListener("click", () => show(at - 1));
  part("after").addEventListener("click", () => show(at + 1));
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { all[at]?.focus(); all[at]?.scrollIntoView({ block: "nearest" }); });
  dialog.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(to);
  });
  keys({ "Enter": ["A still, large; ← → the one before and after", null] });
}

// --- a film that is being made --------------------------------------------------------------------------------------------

async function follow(box) {
  const answer = await fetch(`/api/v1/timelapses/${box.dataset.id}`, { headers: { Accept: "application/json" } }).catch(() => null);
  const film = answer?.ok ? await answer.json() : null;
  if (film && film.state !== "working") { location.reload(); return; }
  if (film?.total) {
    const bar = document.getElementById("film-bar");
    bar.max = film.total;
    bar.value = film.done;
    document.getElementById("film-count").textContent = `${film.done} of ${film.total}`;
  }
  setTimeout(follow, 700, box);
}

const film = document.getElementById("film");
if (film?.dataset.state === "working") follow(film);
if (list && dialog) begin();
