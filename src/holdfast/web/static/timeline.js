// <hf-timeline camera="gate" source="/address">: the site's time from a minute to a year, what was recorded, and why not.
//
// API: at (us on the screen), live, mark {from, to}, show(from, to), zoom(factor), known, lane({name, colour, ask}) adds a lane
// of other things and gives it (timeline/lanes.js). Events: `hf-seek` {us}, `hf-view`, `hf-lanes` when a lane knows more.

import { nowUs, zoned } from "./app.js";
import { clockWords, dayWords, fullWords, lengthWords, meaning, nearWords, utcWords } from "./player/words.js";
import { Known } from "./timeline/data.js";
import { colours, draw, heightOf, laneAt } from "./timeline/draw.js";
import { Lane } from "./timeline/lanes.js";
import { DAY, midnight, MINUTE } from "./timeline/scale.js";
import { Sheets } from "./timeline/sheets.js";

const NARROWEST = 10e6, WIDEST = 400 * DAY;
const REST_MS = 140; // chosen: who only passes over wants no pictures
const DRAG = 4; // pixels
const LEAD_US = 2e6; // what led to something is shown first

export class Timeline extends HTMLElement {
  mark = { from: null, to: null };
  lanes = [];
  #at = null;
  #live = true;
  #follows = true; // what plays is in view, and the view goes with it; else somebody looks elsewhere
  #drawn = 0;
  #pointers = new Map();

  connectedCallback() {
    if (!this.canvas) this.#build();
    this.known = new Known(this.getAttribute("source"), () => this.redraw());
    this.sheets = new Sheets(this.getAttribute("camera"), () => this.#picture());
    if (this.from == null) [this.from, this.to] = this.#first();
    this.#size = new ResizeObserver(() => this.#resize());
    this.#size.observe(this);
    this.#say(); // a slider has a value from its first moment
    this.#timer = setInterval(() => { if (!document.hidden) this.#tick(); }, 1000);
    document.addEventListener("hf-theme", this.#themed);
    this.#scheme.addEventListener("change", this.#themed);
    this.#themed();
  }

  disconnectedCallback() {
    this.#size.disconnect();
    clearInterval(this.#timer);
    document.removeEventListener("hf-theme", this.#themed);
    this.#scheme.removeEventListener("change", this.#themed);
  }

  #size = null;
  #timer = null;
  #scheme = matchMedia("(prefers-color-scheme: light)");
  #themed = () => { this.colour = colours(this); this.redraw(); };

  #first() {
    const now = nowUs(), begin = Number(this.dataset.first) || now;
    const at = Number(this.getAttribute("at")) || now;
    if (now - begin < 3 * 3600e6) return [Math.min(at, now - 30 * MINUTE), Math.max(now + 2 * MINUTE, at + 5 * MINUTE)];
    return [midnight(at), midnight(at, 1)];
  }

  #build() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d");
    this.tip = Object.assign(document.createElement("div"), { className: "hf-tip", hidden: true });
    this.thumb = Object.assign(document.createElement("canvas"), { hidden: true });
    this.tipShown = document.createElement("span");
    this.tipTime = document.createElement("strong");
    this.tipWords = document.createElement("span");
    this.tipUtc = document.createElement("span");
    this.tip.append(this.thumb, this.tipShown, this.tipTime, this.tipUtc, this.tipWords);
    this.replaceChildren(this.canvas, this.tip);
    this.tabIndex = 0;
    for (const [name, value] of [["role", "slider"], ["aria-label", "Time"], ["aria-orientation", "horizontal"]]) this.setAttribute(name, value);
    const canvas = this.canvas;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#leave());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  // --- view -----------------------------------------------------------------------------------------------------------

  get at() { return this.#at; }

  set at(us) {
    if (us === this.#at) return;
    const was = this.#at;
    this.#at = us;
    this.#follows ||= us >= this.from && us <= this.to;
    const width = this.to - this.from;
    // While it plays the view goes with it; where somebody looks elsewhere it stays.
    if (was !== null && us !== null && !this.#pointers.size && was <= this.to && us > this.to && us - was < width) this.show(this.from + width * 0.5, this.to + width * 0.5);
    this.redraw();
  }

  set live(live) { this.#live = live; }

  get live() { return this.#live; }

  /** Show a span. */
  show(from, to) {
    const width = Math.max(NARROWEST, Math.min(WIDEST, to - from));
    const middle = (from + to) / 2;
    this.from = middle - width / 2;
    this.to = middle + width / 2;
    const over = this.from - nowUs();
    if (over > 0) { this.from -= over + width * 0.1; this.to -= over + width * 0.1; }
    const at = this.#at ?? nowUs();
    this.#follows = this.from <= at && at <= this.to;
    this.dispatchEvent(new CustomEvent("hf-view"));
    this.redraw();
  }

  /** Nearer (below 1) or farther, around a place between 0 and 1, or around the instant on the screen. */
  zoom(factor, place = null) {
    const width = this.to - this.from;
    if (place === null) place = this.#at >= this.from && this.#at <= this.to ? (this.#at - this.from) / width : 0.5;
    const next = Math.max(NARROWEST, Math.min(WIDEST, width * factor));
    const fixed = this.from + width * place;
    this.show(fixed - next * place, fixed + next * (1 - place));
  }

  /** Add a lane below the others. */
  lane(facts) {
    const made = new Lane(facts, () => { this.redraw(); this.dispatchEvent(new CustomEvent("hf-lanes")); });
    this.lanes.push(made);
    if (this.width) this.#resize();
    return made;
  }

  /** Bring an instant into view. */
  reveal(us) {
    if (us >= this.from && us <= this.to) return;
    const width = this.to - this.from;
    this.show(us - width / 2, us + width / 2);
  }

  #tick() {
    if (this.#live && this.#follows && this.#at !== null && this.#at > this.to && !this.#pointers.size) this.reveal(this.#at);
    this.#say();
    this.redraw();
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.width = Math.max(100, this.clientWidth);
    this.ratio = ratio;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(heightOf(this.lanes.length) * ratio);
    this.style.height = this.canvas.style.height = `${heightOf(this.lanes.length)}px`;
    this.redraw();
  }

  /** Draw with the next picture of the screen. */
  redraw() {
    if (this.#drawn || !this.width) return;
    this.#drawn = requestAnimationFrame(() => {
      this.#drawn = 0;
      if (devicePixelRatio !== this.ratio) this.#resize();
      this.known.look(this.from, this.to, this.width);
      for (const lane of this.lanes) lane.look(this.from, this.to);
      draw(this.context, { from: this.from, to: this.to, width: this.width, ratio: this.ratio, at: this.#at, mark: this.mark, hover: this.#hover }, this.known, this.colour, this.lanes);
      this.toggleAttribute("data-failed", this.known.failed);
    });
  }

  #say() {
    const at = this.#at ?? nowUs();
    this.setAttribute("aria-valuemin", Math.round(this.from / 1e6));
    this.setAttribute("aria-valuemax", Math.round(this.to / 1e6));
    this.setAttribute("aria-valuenow", Math.round(Math.min(this.to, Math.max(this.from, at)) / 1e6));
    const gap = this.known.gapAt(at);
    const there = this.lanes.flatMap((lane) => lane.between(at, at + 1).map((item) => `, ${item.words}`)).join("");
    this.setAttribute("aria-valuetext", (this.#live ? "Live, " : "") + fullWords(at) + (gap ? `, no footage: ${meaning(gap.reason, gap.detail)}` : "") + there);
  }

  // --- hands --------------------------------------------------------------------------------------------------------------

  #hover = null;
  #resting = null;
  #pictured = null; // the instant whose picture is wanted

  #us(x) { return Math.round(this.from + ((this.to - this.from) * x) / this.width); }

  #y(event) { return event.clientY - this.canvas.getBoundingClientRect().top; }

  #x(event) { return event.clientX - this.canvas.getBoundingClientRect().left; }

  #down(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, { x: this.#x(event), begun: this.#x(event), moved: false });
    if (this.#pointers.size > 1) for (const one of this.#pointers.values()) one.moved = true;
  }

  #move(event) {
    const x = this.#x(event);
    const mine = this.#pointers.get(event.pointerId);
    if (!mine) { this.#hovers(x, this.#y(event)); return; }
    if (Math.abs(x - mine.begun) > DRAG) mine.moved = true;
    if (mine.moved) {
      this.#leave();
      const others = [...this.#pointers.values()].filter((one) => one !== mine);
      if (others.length) {
        const before = Math.max(8, Math.abs(mine.x - others[0].x)), after = Math.max(8, Math.abs(x - others[0].x));
        this.zoom(before / after, (x + others[0].x) / 2 / this.width);
      } else {
        const by = ((mine.x - x) * (this.to - this.from)) / this.width;
        this.show(this.from + by, this.to + by);
        this.classList.add("drags");
      }
    }
    if (mine.moved || this.#pointers.size > 1) mine.x = x;
  }

  #up(event) {
    const mine = this.#pointers.get(event.pointerId);
    this.#pointers.delete(event.pointerId);
    this.classList.remove("drags");
    if (!mine || mine.moved || event.type !== "pointerup") return;
    const us = this.#us(mine.begun), item = this.lanes[laneAt(this.#y(event))]?.at(us, this.#near());
    this.#seek(item ? item.start_us - LEAD_US : us);
  }

  #seek(us) {
    this.dispatchEvent(new CustomEvent("hf-seek", { detail: { us: Math.min(us, Math.round(nowUs())) } }));
  }

  #wheel(event) {
    event.preventDefault();
    const x = this.#x(event);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((event.deltaX || event.deltaY) * (this.to - this.from)) / this.width;
      this.show(this.from + by, this.to + by);
    } else {
      this.zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY * (event.deltaMode ? 30 : 1))) * 0.0025), x / this.width);
    }
    if (!this.tip.hidden) this.#hovers(x, this.#y(event));
  }

  #key(event) {
    const width = this.to - this.from;
    const done = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      "PageUp": () => this.show(this.from + width * 0.8, this.to + width * 0.8),
      "PageDown": () => this.show(this.from - width * 0.8, this.to - width * 0.8),
      "Home": () => this.#seek(Math.round(this.from)), "End": () => this.#seek(Math.round(Math.min(this.to, nowUs()))),
    }[event.key];
    if (!done || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    done();
  }

  #leave() {
    clearTimeout(this.#resting);
    this.#resting = null;
    this.#pictured = null;
    this.#hover = null;
    this.tip.hidden = true;
    this.#picture();
    this.redraw();
  }

  /** How much time lies under a fingertip. */
  #near() { return (6 * (this.to - this.from)) / this.width; }

  #hovers(x, y = 0) {
    this.#hover = x;
    const us = this.#us(x);
    const gap = this.known.gapAt(us), footage = this.known.segmentAt(us);
    const near = this.#near(), pointed = this.lanes[laneAt(y)];
    const item = pointed ? pointed.at(us, near) : this.lanes.map((lane) => lane.at(us, 0)).find(Boolean);
    const note = this.known.parts.notes.find((one) => Math.abs(one.at_us - us) < near);
    const close = gap || this.known.parts.gaps.find((one) => Math.min(Math.abs(one.start_us - us), Math.abs(this.known.endOf(one) - us)) < near / 2);
    this.tipTime.textContent = `${clockWords(us)} ${zoned(us).offset} · ${dayWords(us)}`;
    this.tipUtc.textContent = utcWords(us);
    const lasts = (one) => (one.end_us === null ? `lasts ${lengthWords(nowUs() - one.start_us)}` : lengthWords(one.end_us - one.start_us));
    this.tipWords.textContent = item && (pointed || !note) ? `${item.words}, ${lasts(item)}, from ${clockWords(item.start_us)}` : note ? `${note.words}${note.author ? ` (${note.author})` : ""}`
      : close ? `${lengthWords(this.known.endOf(close) - close.start_us)} without footage: ${meaning(close.reason, close.detail)}`
        : us > nowUs() ? "not yet" : "";
    this.tipWords.hidden = !this.tipWords.textContent;
    this.tip.hidden = false;
    const wanted = !gap && us < nowUs() && (footage || !this.known.parts.segments.length);
    this.#pictured = wanted ? us : null;
    if (this.#resting === true) this.#picture();
    else this.#resting ??= setTimeout(() => { this.#resting = true; this.#picture(); }, REST_MS);
    const wide = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(this.width - wide, x - wide / 2))}px`;
    this.redraw();
  }

  /** Show the picture of where the pointer is, once it is there. */
  #picture() {
    const us = this.#pictured;
    const found = us === null ? null : this.sheets.at(us, this.to - this.from);
    this.thumb.hidden = !found;
    this.tipShown.hidden = !found || Math.abs(found.shown_us - us) < 1e6;
    if (!found) return;
    const { image, x, y, width, height, shown_us } = found;
    if (this.thumb.width !== width || this.thumb.height !== height) Object.assign(this.thumb, { width, height });
    this.thumb.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
    this.tipShown.textContent = `picture of ${nearWords(shown_us, us)}`;
  }
}

customElements.define("hf-timeline", Timeline);
