// What stands over the picture: the badge that says live or since when not, and one sentence with its button.
//
// Not here: what is so (player.js), how it is put into words (words.js).

import { span } from "../app.js";
import { clockWords, troubleWords, utcWords } from "./words.js";

const ORDER = ["held", "connection", "waiting", "empty", "gap", "skipped", "notice"]; // of several sentences the first is shown
export const OLD_S = 10; // chosen: a picture older than this is not called live, whatever the reason

export class Face {
  words = "";
  #sayings = new Map();

  /** `live()`: somebody wants to go live; `changed()`: another sentence is shown. */
  constructor(host, quiet, { live, changed }) {
    this.changed = changed;
    const add = (parent, name, className, facts = {}) => parent.appendChild(Object.assign(document.createElement(name), { className, ...facts }));
    this.video = add(host, "video", "hf-video", { muted: true, playsInline: true, autoplay: true });
    this.video.setAttribute("muted", "");
    if (quiet) return;
    this.badge = add(host, "button", "hf-live", { type: "button", title: "Go to live" });
    this.badge.addEventListener("click", live);
    this.box = add(host, "div", "hf-words", { hidden: true });
    this.text = add(this.box, "p", "");
    this.text.setAttribute("role", "status");
    this.button = add(this.box, "button", "hf-act", { type: "button", hidden: true });
    this.button.addEventListener("click", () => this.act?.());
  }

  /**
   * Say something of a kind until it is taken back with "", or for a while; `act` is `[words, action]` of a button, `us` the
   * instant that the words name, for whoever wants it in UTC.
   */
  said(kind, words, { forMs = 0, act = null, us = null } = {}) {
    const known = this.#sayings.get(kind);
    if (!words && !known) return;
    clearTimeout(known?.timer);
    if (words) this.#sayings.set(kind, { words, act, us, timer: forMs ? setTimeout(() => this.said(kind, ""), forMs) : 0 });
    else this.#sayings.delete(kind);
    this.#show();
  }

  /** Does somebody say this just now? */
  says(kind) { return this.#sayings.has(kind); }

  #show() {
    const first = this.#sayings.get(ORDER.find((one) => this.#sayings.has(one)));
    const words = first?.words || "";
    if (this.box) {
      this.act = first?.act?.[1];
      this.button.hidden = !first?.act;
      if (first?.act && this.button.textContent !== first.act[0]) this.button.textContent = first.act[0];
    }
    if (words === this.words) return;
    this.words = words;
    if (this.text) this.text.title = first?.us ? utcWords(first.us) : "";
    if (this.box) {
      this.box.hidden = !words;
      this.text.textContent = words;
    }
    this.changed();
  }

  /** Say on the badge what the picture is. */
  label({ live, now, delayS, wallUs, trouble }) {
    if (!this.badge) return;
    let words;
    if (trouble && (live || wallUs === null || trouble.kind === "held")) words = troubleWords(trouble);
    else if (!live) words = wallUs === null ? "Go live" : `${clockWords(wallUs)} · go live`;
    else if (delayS === null) words = "Going live";
    else words = now ? `LIVE ${Math.max(0, delayS).toFixed(1)} s` : `${span(delayS)} old`;
    if (this.badge.textContent !== words) this.badge.textContent = words;
    this.badge.title = trouble?.since_us ? utcWords(trouble.since_us) : "Go to live";
    this.badge.dataset.live = now;
    this.badge.dataset.trouble = trouble ? trouble.kind : "";
    this.badge.setAttribute("aria-label", now ? "Live" : live ? words : `${words.replace(" · go live", "")}, go to live`);
  }
}
