// Notes written beside the picture (C012): the form of the page, sent without leaving it.
//
// Not here: notes drawn on the timeline (timeline/draw.js), the form without scripts (web/camera.py).

import { make, nowUs, toast } from "../app.js";
import { fullWords } from "../player/words.js";

/** Take over the form. `shownUs()`: the instant on the screen; `written(note)`: a note of the API; `go(us)`: show it. */
export function notes(camera, { shownUs, written, go }) {
  const form = document.getElementById("note-form");
  if (!form) return null;
  const [words, at, about, wrong] = ["note-words", "note-at", "note-about", "note-wrong"].map((id) => document.getElementById(id));
  const shown = at.querySelector('option:not([value="now"])') || at.insertBefore(make("option"), at.firstChild);

  /** The instant at which somebody began to write is what they write about, however long they take. */
  function hold() {
    const us = Math.round(shownUs());
    shown.value = us;
    shown.textContent = fullWords(us);
    at.value = String(us);
  }

  function refuse(why) {
    wrong.textContent = why;
    wrong.hidden = !why;
    words.toggleAttribute("aria-invalid", Boolean(why));
    if (why) { words.setAttribute("aria-invalid", "true"); words.focus(); }
  }

  async function send() {
    const said = words.value.trim();
    if (!said) { refuse("Write what happened: a note needs words"); return; }
    const body = { words: said, at: at.value, ...(about.value === "site" ? {} : { camera }) };
    let answer;
    try {
      answer = await fetch("/api/v1/notes", { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error?.message || `the server answered ${answer.status}`);
      list(told);
      written(told);
    } catch (error) {
      refuse(answer ? `It was not written: ${error.message}` : "It was not written: the server does not answer. Try again in a moment");
      return;
    }
    words.value = "";
    refuse("");
    words.blur();
    toast("Written on the timeline");
  }

  function list(note) {
    document.getElementById("note-none")?.remove();
    let found = document.getElementById("note-list");
    if (!found) { found = make("ul", { class: "gap-list", id: "note-list" }); form.after(found); }
    const link = make("a", { href: `/cameras/${encodeURIComponent(camera)}?at=${note.at_us}` }, fullWords(note.at_us));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(note.at_us - 2_000_000);
    });
    found.prepend(make("li", {}, link, ` ${note.words} `, make("span", { class: "quiet small" }, note.author)));
  }

  words.addEventListener("focus", () => { if (!words.value) hold(); });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = document.getElementById("note-send");
    if (button.disabled) return;
    button.disabled = true;
    send().finally(() => { button.disabled = false; });
  });
  if (!words.value) { shown.value = Math.round(nowUs()); shown.textContent = "The picture on screen"; at.value = shown.value; }
  return () => { words.scrollIntoView({ block: "nearest" }); words.focus(); };
}
