// <hf-player camera="gate">: one player for live and past, over the stream of docs/design/0006.
//
// Attributes: `camera`; `stream` (main, sub); `quiet` or `compact` for a tile without words and keys' feedback.
// API: play("live" | us), seek(us) (stays paused), pause(), resume(), toggle(), step(±1), speed, shuttle(±1), tier,
// wallUs, live, delayS.
// Events: `hf-time` {us, live} with each picture, `hf-state` {live, paused, speed, words}, `hf-shown` {ms} after a seek.

import { nowUs, span, zoned } from "./app.js";
import { MediaClock } from "./player/clock.js";
import { Edge } from "./player/edge.js";
import { Feed } from "./player/feed.js";
import { decodes, Sink, Source } from "./player/sink.js";
import { gapWords, waitingWords } from "./player/words.js";

const TICK_MS = 250;
const AHEAD_S = 10;
const LIVE_US = 3_000_000; // nearer than this to now is live
const LAST_S = 0.15; // measured: up to three pictures at 25 a second
const HOLE_S = 1;
const NEAR_S = 0.2; // a picture this near is the one that was asked for, or the next best
const LANDING_MS = 2000; // later than this, what is on the screen is what there is
const SETTLE_MS = 150; // a picture of its own is reported within this
const ROUNDED_S = 0.002; // an instant at which a picture begins shows that picture, not the one before it
const SPEEDS = [0.5, 1, 2, 4, 8, 16];
const SAID_MS = 5000;

function styled() {
  const href = new URL("./player.css", import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return;
  document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href }));
}

export class Player extends HTMLElement {
  mode = "live";
  wallUs = null;
  paused = false;
  words = "";
  #speed = 1;
  #wishes = 0;
  #target = null; // asked for, and its map has not come
  #landing = null; // its map has come, and its picture was not shown
  #serving = null;
  #from_s = 0; // what is buffered before this belongs to older wishes
  #frame_s = 0.04; // until pictures were seen
  #broken = [];

  connectedCallback() {
    styled();
    if (!this.video) this.#build();
    this.clock = new MediaClock();
    this.sink = new Sink(this.video, (error) => this.#broke(error), () => { if (this.live && !this.#target) this.edge.came(); });
    this.edge = new Edge(this.video, this.sink);
    this.feed = new Feed(this.getAttribute("camera"), this.getAttribute("stream") || "main", {
      open: () => this.#opened(), hear: (name, value) => this.#hear(name, value), lost: (words, final) => this.#lost(words, final),
      data: (bytes) => { this.#said("waiting", ""); this.sink.data(bytes); },
    });
    this.feed.can = decodes();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.#looked);
    const at = Number(this.getAttribute("at"));
    this.#watch();
    if (Source && this.feed.can) this.play(at || "live");
    else this.#native();
  }

  disconnectedCallback() {
    clearInterval(this.#ticking);
    clearInterval(this.#backwards);
    document.removeEventListener("visibilitychange", this.#looked);
    this.feed.close();
    this.sink.reset();
  }

  #ticking = null;
  #backwards = null;
  #looked = () => this.#visibility();

  #build() {
    const quiet = this.hasAttribute("quiet") || this.hasAttribute("compact");
    const add = (name, className, facts = {}) => this.appendChild(Object.assign(document.createElement(name), { className, ...facts }));
    this.video = add("video", "hf-video", { muted: true, playsInline: true, autoplay: true });
    this.video.setAttribute("muted", "");
    this.video.addEventListener("error", () => { if (this.video.error && this.video.src) this.#broke(this.video.error); });
    this.video.addEventListener("waiting", () => { this.edge.stalled(); this.#hole(); });
    this.video.addEventListener("seeked", () => this.#settle());
    for (const name of ["play", "pause", "volumechange"]) this.video.addEventListener(name, () => this.#state());
    if (quiet) return;
    this.badge = add("button", "hf-live", { type: "button", title: "Go to live" });
    this.badge.addEventListener("click", () => this.play("live"));
    this.box = add("p", "hf-words", { hidden: true });
    this.box.setAttribute("role", "status");
    this.video.addEventListener("click", () => this.toggle());
  }

  // --- what the page says ------------------------------------------------------------------------------------------------

  /** Go to live, or to an instant in microseconds, and play from there. */
  play(where = "live") {
    this.#stopShuttle();
    this.paused = false;
    if (where === "live" || where >= nowUs() - 1e6) {
      this.#speed = 1;
      this.mode = "live";
      this.#ask("live");
    } else {
      this.seek(where);
    }
    this.#state();
  }

  /** Go to an instant; what is paused stays paused. */
  seek(us) {
    if (us >= nowUs() - 1e6) { if (!this.paused) this.play("live"); return; }
    this.mode = "past";
    this.#stepped = null;
    const media = this.feed.connected && !this.#target ? this.clock.media(us, (at) => this.#near(at)) : null;
    if (media === null) {
      this.#ask(Math.round(us));
    } else {
      this.#landing = { at: media, us, since: performance.now() };
      this.video.currentTime = media + ROUNDED_S;
      this.#run();
    }
    this.wallUs = us;
    this.#tell();
    this.#state();
  }

  pause() {
    this.#stopShuttle();
    if (this.paused) return;
    this.paused = true;
    this.mode = "past";
    this.video.pause();
    this.feed.say({ pause: true });
    this.#state();
  }

  resume() {
    this.#stopShuttle();
    this.paused = false;
    if (this.#serving === "live" || !this.feed.connected) this.seekAnew(this.wallUs);
    else { this.feed.say({ pause: false }); this.#run(); }
    this.#state();
  }

  toggle() { if (this.paused) this.resume(); else this.pause(); }

  seekAnew(us) { if (us === null) this.play("live"); else this.#ask(us); }

  /** One picture on (1) or back (-1); pauses. */
  step(direction) {
    this.pause();
    const exact = Boolean(this.video.requestVideoFrameCallback);
    // From the picture on the screen, or from the one that is on its way there; the clock of a video runs between pictures.
    const from = this.#stepped?.at ?? (exact ? this.#last_s : this.video.currentTime);
    const us = (this.#stepped?.us ?? this.wallUs) + Math.round(direction * this.#frame_s * 1e6);
    const to = from + direction * this.#frame_s;
    const at = to + (exact ? this.#frame_s / 2 : 0); // the middle of a picture is that picture, however times are rounded
    const here = !this.#target && this.#stepped?.at !== null && at >= this.#from_s && this.sink.range(at);
    if (here) this.video.currentTime = at;
    else if (this.wallUs !== null) this.seek(us + Math.round(this.#frame_s * 5e5));
    this.#stepped = { at: here ? to : null, us, since: performance.now() };
  }

  #stepped = null; // where steps lead whose picture was not shown yet

  get speed() { return this.#backwards ? -this.#back : this.#speed; }

  set speed(value) {
    this.#stopShuttle();
    this.#speed = Math.max(0.5, Math.min(16, value));
    if (this.live && this.#speed > 1) this.#speed = 1; // nothing is ahead of now
    if (this.#speed !== 1) this.mode = "past";
    this.#run();
    this.#ahead();
    this.#state();
  }

  get tier() { return this.feed.tier; }

  /** Watch as recorded (`source`) or converted (`hd`, `sd`, `low`), from where the picture is. */
  set tier(value) {
    if (value === this.feed.tier) return;
    this.#stopShuttle();
    this.feed.tier = value;
    this.#target = null;
    this.#landing = null;
    this.sink.reset();
    this.feed.open();
    this.#state();
  }

  #back = 0;

  /** Faster forwards (1) or backwards (-1), as with the jog wheel of a cutting table. */
  shuttle(direction) {
    if (direction > 0 || (this.#speed > 1 && !this.paused)) {
      const next = SPEEDS[SPEEDS.indexOf(this.#speed) + direction] || this.#speed;
      if (this.#backwards) this.#stopShuttle();
      else if (this.paused) this.resume();
      else this.speed = next;
      this.#state();
      return;
    }
    if (this.wallUs === null) return;
    const faster = this.#backwards ? Math.min(16, this.#back * 2) : 1;
    this.pause();
    this.#speed = 1;
    this.#back = faster;
    this.#backwards = setInterval(() => {
      if (!this.video.seeking && !this.#target) this.seek(this.wallUs - Math.round(this.#back * 150_000));
    }, 150);
    this.#state();
  }

  #stopShuttle() {
    clearInterval(this.#backwards);
    this.#backwards = null;
    this.#back = 0;
  }

  get live() { return this.mode === "live" && !this.paused; }

  /** How long ago the picture on the screen was taken, in seconds. */
  get delayS() { return this.wallUs === null ? null : (nowUs() - this.wallUs) / 1e6; }

  // --- the server ----------------------------------------------------------------------------------------------------------

  #ask(where) {
    this.#aim(where);
    this.#landing = null;
    this.#asleep = false;
    this.edge.begin();
    if (this.feed.connected) this.#send();
    else if (!this.feed.socket) this.feed.open();
  }

  #aim(where) {
    this.#wishes += 1;
    this.#target = { id: this.#wishes, where, since: performance.now(), begun: false };
    this.#serving = where;
  }

  #send() {
    const { where, id } = this.#target;
    this.feed.say({ play: where, id, want_s: this.#want });
  }

  get #want() { return AHEAD_S * Math.max(1, this.#speed); }

  #opened() {
    this.#anew = true;
    this.#from_s = 0;
    this.clock.clear();
    this.#said("connection", "");
    if (!this.#target) {
      this.#aim(this.mode === "live" || this.wallUs === null ? "live" : this.wallUs);
    }
    this.#send();
  }

  #anew = false;
  #asleep = false;

  #hear(name, value) {
    if (name === "init") {
      if (this.#anew) this.sink.reset();
      this.#anew = false;
      this.#said("notice", value.notice, value.notice ? 8000 : 0);
      this.sink.init(value.mime);
    } else if (name === "map") {
      this.#mapped(this.clock.add(value));
    } else if (name === "gap") {
      this.clock.gap(value);
      const { where, begun } = this.#target || {};
      if (begun && where >= value.start_us - 1 && where < value.end_us) this.#said("gap", gapWords(value), SAID_MS);
    } else if (name === "waiting") {
      this.#said("waiting", waitingWords(value));
    } else if (name === "skipped") {
      this.#said("skipped", `The connection is slow: ${span(value) === "0 s" ? "a moment" : span(value)} left out`, SAID_MS);
    } else if (name === "begins") {
      if (this.#target?.id === value) this.#target.begun = true; // until here it was what older wishes brought
    } else if (name === "end") {
      this.#said("waiting", String(value));
    }
  }

  #mapped(entry) {
    const landing = this.#landing;
    if (this.#target) {
      if (this.#target.begun) this.#land(entry);
    } else if (landing && landing.us !== "live" && entry.media_s < landing.at) {
      // Footage ended before the instant that was asked for: what comes after the gap is the next best.
      landing.at = entry.media_s + Math.max(0, (landing.us - entry.wall_us) / 1e6);
      this.video.currentTime = landing.at + ROUNDED_S;
    }
  }

  #land(entry) {
    const { where, since } = this.#target;
    this.#target = null;
    const past_s = where === "live" ? 0 : Math.max(0, (where - entry.wall_us) / 1e6);
    const at = entry.media_s + past_s;
    this.#landing = { at, us: where, since };
    this.#from_s = entry.media_s - 0.001;
    this.sink.cut(this.#from_s);
    this.#place(at);
    this.#run();
  }

  #place(at) {
    const go = () => { if (this.#landing?.at === at) this.video.currentTime = at + ROUNDED_S; };
    if (this.video.readyState) go(); else this.video.addEventListener("loadedmetadata", go, { once: true });
  }

  #lost(words, final) {
    this.#target = null;
    this.#said("connection", words);
    if (final) clearInterval(this.#ticking);
  }

  #broke() {
    const now = performance.now();
    this.#broken = this.#broken.filter((at) => now - at < 30_000).concat(now);
    if (this.#broken.length > 2 && this.feed.tier === "source") {
      this.feed.tier = "hd";
      this.#said("notice", "This browser cannot decode what the camera sends: it is converted", 8000);
    }
    this.sink.reset();
    this.feed.close();
    setTimeout(() => { if (this.isConnected && !this.feed.socket) this.feed.open(); }, Math.min(5000, 200 * this.#broken.length ** 2));
  }

  #native() {
    // No MediaSource: an old phone. Its own player takes the list, some seconds late.
    if (this.video.canPlayType("application/vnd.apple.mpegurl")) {
      this.video.src = `/api/v1/cameras/${encodeURIComponent(this.getAttribute("camera"))}/live.m3u8`;
      this.video.controls = true;
    } else {
      this.#said("connection", "This browser cannot play video from a stream");
    }
  }

  // --- what is on the screen -----------------------------------------------------------------------------------------------

  #near(at) {
    if (at < this.#from_s) return false; // it is about to be thrown away
    const range = this.sink.range(at);
    return range !== null && range[1] > this.sink.end - 0.5 && range[1] - at > 0.05;
  }

  #run() {
    if (!this.live) this.video.playbackRate = this.#speed;
    if (this.paused) { this.video.pause(); return; }
    const begun = this.video.play();
    if (begun) begun.catch((error) => { if (error.name === "NotAllowedError") this.#said("notice", "Press space to play"); });
  }

  #watch() {
    const seen = (now, { mediaTime }) => {
      if (!this.isConnected) return;
      this.#showed(mediaTime);
      this.video.requestVideoFrameCallback(seen);
    };
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(seen);
    else this.video.addEventListener("timeupdate", () => this.#showed(this.video.currentTime));
  }

  #last_s = 0;
  #map = null;
  #steps = [];

  /** How long a picture stands: of the last steps a short one, as a busy machine leaves pictures out. */
  #paced(step) {
    const steady = !this.paused && !this.video.seeking && !this.#landing && !this.#target && this.video.playbackRate <= 1.1;
    if (!steady || step < 0.005 || step > 2) return;
    this.#steps.push(step);
    if (this.#steps.length > 25) this.#steps.shift();
    this.#frame_s = [...this.#steps].sort((one, other) => one - other)[this.#steps.length >> 2];
  }

  #stepping(media_s) {
    const { at, since } = this.#stepped;
    const late = !this.video.seeking && performance.now() - since > SETTLE_MS;
    const there = at === null ? !this.#target && Math.abs(media_s - (this.#landing?.at ?? media_s)) < this.#frame_s
      : Math.abs(media_s - at) < this.#frame_s / 2;
    if (!this.paused || late || there) this.#stepped = null;
  }

  #showed(media_s) {
    this.#paced(media_s - this.#last_s);
    this.#last_s = media_s;
    if (this.#stepped) this.#stepping(media_s);
    const map = this.clock.at(media_s);
    if (!map) return;
    if (this.#target) return; // what an older wish brought
    const landing = this.#landing;
    // A picture of before a jump may still come: it says nothing of where we are.
    if (landing && Math.abs(media_s - landing.at) > NEAR_S && performance.now() - landing.since < LANDING_MS) return;
    this.wallUs = this.clock.wall(media_s);
    if (landing) {
      this.#landing = null;
      this.dispatchEvent(new CustomEvent("hf-shown", { detail: { ms: performance.now() - landing.since } }));
    } else if (this.#map && map.media_s > this.#map.media_s) {
      const missing = this.clock.between(this.#map, map); // a jump may go over several maps at once
      if (missing) this.#said("gap", gapWords(missing), SAID_MS);
    }
    this.#map = map;
    this.#tell();
  }

  /** A seek to the picture that is on the screen already brings no other one: then it has landed, too. */
  #settle() {
    const landing = this.#landing;
    if (!landing) return;
    setTimeout(() => {
      const at = this.video.currentTime;
      if (this.#landing !== landing || this.video.seeking) return;
      this.#showed(Math.abs(this.#last_s - at) <= this.#frame_s ? this.#last_s : at);
    }, SETTLE_MS);
  }

  #tell() { this.dispatchEvent(new CustomEvent("hf-time", { detail: { us: this.wallUs, live: this.live } })); }

  #ticks = 0;

  #tick() {
    if (this.#asleep) return;
    this.#ticks += 1;
    const target = this.#target;
    if (this.#ticks % 4 === 0) this.#ahead();
    if (!this.paused && !target) {
      if (this.mode === "past" && this.delayS !== null && nowUs() - this.wallUs < LIVE_US && this.#speed >= 1 && !this.#landing) {
        this.mode = "live";
        this.#speed = 1;
        this.#state();
      }
      this.#hole();
      if (this.mode === "live") {
        this.edge.keep();
        if (this.#serving !== "live" && this.delayS > 6) this.#ask("live"); // only the live feed says why nothing comes
      }
    }
    this.#label();
  }

  #ahead() {
    if (this.#serving === "live" || this.#target) return;
    this.feed.say({ ahead_s: Math.max(0, this.sink.end - this.video.currentTime), want_s: this.paused ? 2 : this.#want });
  }

  #hole() {
    const video = this.video;
    if (this.paused || video.readyState > 2 || !video.buffered.length) return;
    const here = this.sink.range(video.currentTime);
    if (here && here[1] - video.currentTime > LAST_S) return; // a picture stops a little before the end of what it has
    const next = this.sink.next(video.currentTime);
    if (next === null || next - video.currentTime > HOLE_S) return;
    if (this.#landing) this.#landing.at = next;
    video.currentTime = next + 0.001;
  }

  #visibility() {
    if (document.hidden) {
      this.#asleep = true;
      this.video.pause();
      if (this.live) this.feed.close(); else this.feed.say({ pause: true });
    } else if (this.#asleep) {
      this.#asleep = false;
      if (this.live) this.play("live");
      else if (!this.paused) this.resume();
    }
  }

  // --- words ----------------------------------------------------------------------------------------------------------------

  #sayings = new Map();

  #said(kind, words, forMs = 0) {
    const known = this.#sayings.get(kind);
    if (!words && !known) return;
    if (known) clearTimeout(known.timer);
    if (words) this.#sayings.set(kind, { words, timer: forMs ? setTimeout(() => this.#said(kind, ""), forMs) : 0 });
    else this.#sayings.delete(kind);
    const first = ["connection", "waiting", "gap", "skipped", "notice"].find((one) => this.#sayings.has(one));
    const shown = first ? this.#sayings.get(first).words : "";
    if (shown === this.words) return;
    this.words = shown;
    if (this.box) {
      this.box.hidden = !shown;
      this.box.textContent = shown;
    }
    this.#state();
  }

  #label() {
    if (!this.badge) return;
    const delay = this.delayS;
    this.badge.dataset.live = this.live;
    this.badge.setAttribute("aria-label", this.live ? "Live" : "Go to live");
    if (this.live) {
      this.badge.textContent = delay === null ? "LIVE" : delay < 10 ? `LIVE ${Math.max(0, delay).toFixed(1)} s` : `LIVE · ${span(delay)} old`;
    } else {
      const at = this.wallUs === null ? null : zoned(this.wallUs);
      this.badge.textContent = at ? `${at.hour}:${at.minute}:${at.second} · go live` : "Go live";
    }
  }

  #state() {
    const detail = { live: this.live, paused: this.paused, speed: this.speed, tier: this.tier, words: this.words, muted: this.video.muted };
    this.dispatchEvent(new CustomEvent("hf-state", { detail }));
    this.#label();
  }
}

customElements.define("hf-player", Player);
