// <hf-player camera="gate">: one player for live and past, over the stream of docs/design/0006.
//
// Attributes: `camera`; `stream` (main, sub); `at`; `quiet` or `compact` for a tile without words and keys' feedback.
// API: play("live" | us), seek(us) (stays paused), pause(), resume(), toggle(), step(±1), speed, shuttle(±1), tier,
// hold(words) (live stops until somebody goes on), again(), wallUs, live (wanted), now (it is), trouble, words, delayS.
// Events: `hf-time` {us, live} with each picture, `hf-state` {live, now, paused, speed, words, trouble}, `hf-shown` {ms}
// after a seek, `hf-empty` {us, next_us, gap} where it led to no footage.
//
// Not here: what stands over the picture (player/face.js), the ways on which pictures come: the stream (stream.js), lists
// (list.js) and single pictures (pictures.js) for browsers and networks that take no stream.

import { nowUs } from "./app.js";
import { Face, OLD_S } from "./player/face.js";
import { Jog } from "./player/jog.js";
import { List } from "./player/list.js";
import { Pictures } from "./player/pictures.js";
import { decodes, Source } from "./player/sink.js";
import { Stream } from "./player/stream.js";
import { absent } from "./player/why.js";
import { emptyWords, lostWords, waitingWords } from "./player/words.js";

const TICK_MS = 250;
const LIVE_US = 3_000_000; // nearer than this to now is live
const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const EMPTY_MS = 12000; // chosen: a longer sentence, about where somebody wanted to go
const NOTICE_MS = 30000; // chosen: said once, about everything that follows

function styled() {
  const href = new URL("./player.css", import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

export class Player extends HTMLElement {
  mode = "live";
  wallUs = null;
  paused = false;
  #speed = 1;
  #jog = new Jog();

  connectedCallback() {
    styled();
    if (!this.video) this.#build();
    const can = decodes();
    if (!(Source && can) && this.hasAttribute("compact")) return; // a tile has its still
    const at = Number(this.getAttribute("at"));
    this.mode = at ? "past" : "live";
    this.#take(Source && can ? Stream : null, can);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.#looked);
    this.play(at || "live");
  }

  disconnectedCallback() {
    clearInterval(this.#ticking);
    this.#jog.stop();
    document.removeEventListener("visibilitychange", this.#looked);
    this.way?.stop();
  }

  #ticking = null;
  #looked = () => this.#visibility();

  #build() {
    const quiet = this.hasAttribute("quiet") || this.hasAttribute("compact");
    this.face = new Face(this, quiet, { live: () => this.play("live"), changed: () => this.#state() });
    this.video = this.face.video;
    for (const name of ["play", "pause", "volumechange"]) this.video.addEventListener(name, () => this.#state());
    if (!quiet) this.addEventListener("click", ({ target }) => { if (target.matches(".hf-video")) this.toggle(); });
  }

  /** Take a way for pictures to come; without one, the best of those that this browser can. */
  #take(Way, can = "", why = "") {
    const tier = this.tier;
    this.way?.stop();
    const Other = this.video.canPlayType("application/vnd.apple.mpegurl") && !why ? List : Pictures;
    this.way = new (Way || Other)(this, can);
    this.way.tier = tier;
    this.toggleAttribute("data-instead", !Way);
    const notice = why || this.way.notice;
    if (notice && !this.hasAttribute("compact")) this.face.said("notice", notice, { forMs: NOTICE_MS });
  }

  // --- what the page says ------------------------------------------------------------------------------------------------

  /** Go to live, or to an instant in microseconds, and play from there. */
  play(where = "live") {
    this.#jog.stop();
    this.#release();
    this.paused = false;
    if (where === "live" || where >= nowUs() - 1e6) {
      this.#speed = 1;
      this.mode = "live";
      this.way.show("live");
    } else {
      this.seek(where);
    }
    this.#state();
  }

  /** Go to an instant; what is paused stays paused. */
  seek(us) {
    if (us >= nowUs() - 1e6) { if (!this.paused) this.play("live"); return; }
    this.#release();
    this.mode = "past";
    this.way.seek(us);
    this.wallUs = us;
    this.#tell();
    this.#state();
  }

  pause() {
    this.#jog.stop();
    if (this.paused) return;
    this.#release();
    this.paused = true;
    this.mode = "past";
    this.way.pause();
    this.#state();
  }

  resume() {
    this.#jog.stop();
    this.paused = false;
    this.way.resume();
    this.#state();
  }

  toggle() {
    if (this.#held) this.play("live");
    else if (this.paused) this.resume();
    else this.pause();
  }

  /** One picture on (1) or back (-1); pauses. */
  step(direction) {
    this.pause();
    this.way.step(direction);
  }

  get speed() { return this.#jog.speed ? -this.#jog.speed : this.#speed; }

  set speed(value) {
    this.#jog.stop();
    this.#speed = Math.max(0.5, Math.min(16, value));
    if (this.live && this.#speed > 1) this.#speed = 1; // nothing is ahead of now
    if (this.#speed !== 1) this.mode = "past";
    this.way.paced();
    this.#state();
  }

  get tier() { return this.way?.tier || "source"; }

  /** Watch as recorded (`source`) or converted (`hd`, `sd`, `low`), from where the picture is. */
  set tier(value) {
    if (value === this.tier) return;
    this.#jog.stop();
    this.way.tier = value;
    this.way.renew();
    this.#state();
  }

  /** Faster forwards (1) or backwards (-1). */
  shuttle(direction) {
    if (direction > 0 || (this.#speed > 1 && !this.paused)) {
      const next = SPEEDS[SPEEDS.indexOf(this.#speed) + direction] || this.#speed;
      if (this.#jog.speed) this.#jog.stop();
      else if (this.paused) this.resume();
      else this.speed = next;
    } else if (this.wallUs !== null) {
      const was = this.#jog.speed;
      this.pause();
      this.#speed = 1;
      this.#jog.faster(was, (by_us) => { if (!this.way.busy) this.seek(this.wallUs - by_us); });
    }
    this.#state();
  }

  /** Stop live and what it costs, and say why, until somebody goes on. */
  hold(words) {
    if (!this.live || this.#held) return;
    this.#held = true;
    this.way.sleep();
    this.face.said("held", words, { act: ["Go on", () => this.play("live")] });
    this.#state();
  }

  #held = false;

  #release() {
    this.#held = false;
    this.face.said("held", "");
  }

  /** Ask anew now, whatever is not well. */
  again() { this.way.again(); }

  get words() { return this.face.words; }

  get live() { return this.mode === "live" && !this.paused; }

  /** Is what is on the screen live? */
  get now() { return this.live && !this.trouble && this.delayS !== null && this.delayS < (this.way.oldS ?? OLD_S); }

  /** Why it is not what it should be: `{kind: away | full | out | final | waiting | held, since_us}`, or null. */
  get trouble() { return this.#held ? { kind: "held" } : this.#away || (this.live && this.#waiting) || null; }

  /** How long ago the picture on the screen was taken, in seconds. */
  get delayS() { return this.wallUs === null ? null : (nowUs() - this.wallUs) / 1e6; }

  // --- what a way says -----------------------------------------------------------------------------------------------------

  #away = null;
  #waiting = null;

  /** The picture on the screen was taken then. */
  shown(us) {
    this.wallUs = us;
    this.#tell();
  }

  /** The picture that was asked for came after so long. */
  landed(ms) { this.dispatchEvent(new CustomEvent("hf-shown", { detail: { ms } })); }

  /** The server answers. */
  found() {
    if (!this.#away) return;
    this.#away = null;
    this.face.said("connection", "");
    this.#state();
  }

  /** It does not (`away`), refuses for now (`full`), for want of a session (`out`), for good (`final`); last heard of then. */
  lost(kind, words, heardAt = performance.now()) {
    this.awaits(null);
    this.#away = { kind, since_us: this.#away?.since_us ?? nowUs() - Math.round((performance.now() - heardAt) * 1000) };
    const signIn = () => location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`);
    const act = kind === "out" ? ["Sign in", signIn] : ["Try again", () => this.again()];
    this.face.said("connection", lostWords(kind, words), { act });
    this.#state();
  }

  /** The camera sends nothing: `{since_us, reason, detail, hint}`; null: it does. */
  awaits(waiting) {
    if (!waiting && !this.#waiting) return;
    this.#waiting = waiting && { ...waiting, kind: "waiting" };
    this.face.said("waiting", waiting ? waitingWords(waiting) : "", { us: waiting?.since_us, act: ["Try again", () => this.again()] });
    this.#state();
  }

  #missed = null;

  /** Somebody went to an instant that has no footage; the next one begins there (null: not known). */
  empty(us, next_us, gap = null) {
    const say = (why = "") => this.face.said("empty", emptyWords(us, next_us, gap, why), { us, forMs: next_us ? EMPTY_MS : 0 });
    const missed = this.#missed = {};
    say();
    if (!gap) absent(this.getAttribute("camera"), us).then((why) => { if (why && missed === this.#missed && this.face.says("empty")) say(why); });
    this.dispatchEvent(new CustomEvent("hf-empty", { detail: { us, next_us, gap } }));
  }

  /** The server answers, but its stream does not come through: another way shall be taken. */
  blocked() {
    if (this.hasAttribute("compact")) return; // a tile has its still
    const where = this.mode === "live" ? "live" : this.wallUs ?? "live";
    this.#take(null, "", "The live stream does not come through to this browser: single pictures instead");
    this.found();
    if (!this.paused) this.play(where);
    else this.seek(where);
  }

  /** What plays has come to live: from here on it is live. */
  arrive() {
    this.mode = "live";
    this.#speed = 1;
    this.#state();
  }

  // --- now and then --------------------------------------------------------------------------------------------------------

  #tick() {
    if (!this.#asleep && !this.#held) {
      this.way.tick();
      const near = this.mode === "past" && this.delayS !== null && this.delayS * 1e6 < LIVE_US && this.#speed >= 1;
      if (near && !this.paused && !this.way.busy) this.arrive();
    }
    this.#label();
  }

  #asleep = false;

  #visibility() {
    if (document.hidden) {
      this.#asleep = true;
      this.way.sleep();
    } else if (this.#asleep) {
      this.#asleep = false;
      if (this.#held) return;
      if (this.live) this.play("live");
      else if (!this.paused) this.resume();
    }
  }

  #tell() { this.dispatchEvent(new CustomEvent("hf-time", { detail: { us: this.wallUs, live: this.live } })); }

  #told = null;

  #label() {
    const { live, now, delayS, wallUs, trouble } = this;
    this.face.label({ live, now, delayS, wallUs, trouble });
    if (now !== this.#told) this.#state();
  }

  #state() {
    if (!this.way) return; // it is being built
    const { live, now, paused, speed, tier, words, trouble, video: { muted } } = this;
    this.#told = now;
    this.dispatchEvent(new CustomEvent("hf-state", { detail: { live, now, paused, speed, tier, words, trouble, muted } }));
    this.#label();
  }
}

customElements.define("hf-player", Player);
