// The way of most browsers: the stream of docs/design/0006 into a MediaSource, for live and past alike.
//
// A wish is asked for (`target`), its map comes and says where in the media it is (`landing`), its picture is shown. The
// player is told what is on the screen and what is not well; what it wants is read from it (`mode`, `paused`, `speed`).

import { node, nowUs, span } from "../app.js";
import { MediaClock } from "./clock.js";
import { Edge } from "./edge.js";
import { Feed } from "./feed.js";
import { Sink } from "./sink.js";
import { Steps } from "./steps.js";
import { gapWords } from "./words.js";

const AHEAD_S = 10;
const LAST_S = 0.15; // measured: up to three pictures at 25 a second
const HOLE_S = 1;
const NEAR_S = 0.2; // a picture this near is the one that was asked for, or the next best
const LANDING_MS = 2000; // later than this, what is on the screen is what there is
const SETTLE_MS = 150; // a picture of its own is reported within this
const ROUNDED_S = 0.002; // an instant at which a picture begins shows that picture, not the one before it
const SAID_MS = 5000;
const NOTICE_MS = 8000;
const LATE_S = 6;
const OPEN_US = 3_000_000; // a gap that ended less than this ago may still go on
const EMPTY_US = 500_000; // chosen: nobody means an instant more exactly
const SILENT_MS = 7000; // chosen: live, the server says something every 2 s, if only why nothing comes
const ANSWER_MS = 25000; // chosen: so long a converter may take to begin
const DRY_MS = 2500; // chosen: at the end of the footage; it is the live feed that says why nothing more comes

const holds = (gap, us) => us >= gap.start_us - 1 && us < gap.end_us;

export class Stream {
  notice = "";
  #wishes = 0;
  #target = null; // asked for, and its map has not come
  #landing = null; // its map has come, and its picture was not shown
  #serving = null;
  #from_s = 0; // what is buffered before this belongs to older wishes
  #last_s = 0;
  #map = null;
  #anew = false;
  #edge = false; // everything that there is has been sent
  #dry = 0;
  #ticks = 0;
  #broken = [];
  #gone = false;

  constructor(player, can) {
    this.player = player;
    this.video = player.video;
    this.clock = new MediaClock();
    this.steps = new Steps();
    this.sink = new Sink(this.video, () => this.#broke(), () => { if (player.live && !this.#target) this.edge.came(); });
    this.edge = new Edge(this.video, this.sink);
    this.feed = new Feed(player.getAttribute("camera"), player.getAttribute("stream") || "main", {
      open: () => this.#opened(), hear: (name, value) => this.#hear(name, value), blocked: () => player.blocked(),
      lost: (kind, words) => player.lost(kind, words, this.feed.heardAt || undefined),
      data: (bytes) => { player.awaits(null); this.sink.data(bytes); },
    });
    this.feed.can = can;
    const on = (name, act) => this.video.addEventListener(name, () => { if (!this.#gone) act(); });
    on("error", () => { if (this.video.error && this.video.src) this.#broke(); });
    on("waiting", () => { this.edge.stalled(); this.#hole(); });
    on("seeked", () => this.#settle());
    this.#watch();
  }

  get tier() { return this.feed.tier; }

  set tier(value) { this.feed.tier = value; }

  /** Is something on its way to the screen that was asked for? */
  get busy() { return this.video.seeking || Boolean(this.#target || this.#landing); }

  // --- what the player says ------------------------------------------------------------------------------------------------

  show(where) {
    this.#aim(where);
    this.#landing = null;
    this.#edge = false;
    this.player.awaits(null);
    this.player.face.said("empty", "");
    this.edge.begin();
    if (this.feed.connected) this.#send();
    else if (!this.feed.socket) this.feed.open();
  }

  seek(us) {
    this.steps.forget();
    const media = this.feed.connected && !this.#target ? this.clock.media(us, (at) => this.#near(at)) : null;
    if (media === null) {
      this.show(Math.round(us));
      return;
    }
    this.player.face.said("empty", "");
    const since = performance.now();
    this.#landing = { at: media, us, since, until: since + LANDING_MS };
    this.video.currentTime = media + ROUNDED_S;
    this.run();
  }

  pause() {
    this.video.pause();
    this.feed.say({ pause: true });
  }

  resume() {
    if (this.#serving === "live" || !this.feed.connected) { this.#from(); return; }
    this.feed.say({ pause: false });
    this.run();
  }

  step(direction) {
    const { player, video } = this;
    const { frame_s, target } = this.steps;
    const exact = Boolean(video.requestVideoFrameCallback);
    // From the picture on the screen, or from the one that is on its way there; the clock of a video runs between pictures.
    const from = target?.at ?? (exact ? this.#last_s : video.currentTime);
    const us = (target?.us ?? player.wallUs) + Math.round(direction * frame_s * 1e6);
    const to = from + direction * frame_s;
    const at = to + (exact ? frame_s / 2 : 0); // the middle of a picture is that picture, however times are rounded
    const here = !this.#target && target?.at !== null && at >= this.#from_s && this.sink.range(at);
    if (here) video.currentTime = at;
    else if (player.wallUs !== null) player.seek(us + Math.round(frame_s * 5e5));
    this.steps.to(here ? to : null, us);
  }

  /** Everything anew, from where the picture is. */
  renew() {
    this.#target = null;
    this.#landing = null;
    this.sink.reset();
    this.feed.open();
  }

  again() { if (this.feed.connected) this.#from(); else this.feed.again(); }

  /** Nobody looks: nothing live shall come. */
  sleep() {
    this.video.pause();
    if (this.player.live) this.feed.close(); else this.feed.say({ pause: true });
  }

  stop() {
    this.#gone = true;
    this.feed.close();
    this.sink.reset();
  }

  /** Play, as fast as is wanted, or do not. */
  run() {
    const { player, video } = this;
    if (!player.live) video.playbackRate = Math.max(0.5, player.speed); // backwards is seeks
    if (player.paused) { video.pause(); return; }
    video.play()?.catch((error) => { if (error.name === "NotAllowedError") player.face.said("notice", "Press space to play", { forMs: NOTICE_MS }); });
  }

  /** Another speed is wanted, and with it another amount in hand. */
  paced() {
    this.run();
    this.#ahead();
  }

  tick() {
    const { player } = this;
    this.#ticks += 1;
    this.#listens();
    if (this.#ticks % 4 === 0) this.#ahead();
    if (player.paused || this.#target) return;
    this.#hole();
    this.#ended();
    if (player.mode !== "live") return;
    this.edge.keep();
    if (this.#serving !== "live" && player.delayS > LATE_S && this.feed.connected) this.show("live"); // only live says why nothing comes
  }

  // --- the server ----------------------------------------------------------------------------------------------------------

  #from() {
    const { player } = this;
    if (player.mode === "live" || player.wallUs === null) player.play("live"); else this.show(player.wallUs);
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

  get #want() { return AHEAD_S * Math.max(1, this.player.speed); }

  #opened() {
    const { player } = this;
    this.#anew = true;
    this.#from_s = 0;
    this.clock.clear();
    player.found();
    // What was asked for and has not come is asked for again, and not what is on the screen.
    if (this.#target) this.#target.begun = false;
    else this.#aim(player.mode === "live" || player.wallUs === null ? "live" : player.wallUs);
    this.#send();
  }

  #hear(name, value) {
    const { face } = this.player;
    if (name === "init") {
      if (this.#anew) this.sink.reset();
      this.#anew = false;
      face.said("notice", value.notice, { forMs: NOTICE_MS });
      this.sink.init(value.mime);
    } else if (name === "map") {
      this.#mapped(this.clock.add(value));
    } else if (name === "gap") {
      this.clock.gap(value);
      const { where, begun } = this.#target || {};
      if (begun && value.end_us > nowUs() - OPEN_US && holds(value, where)) this.player.empty(where, null, value);
    } else if (name === "live") {
      this.#edge = true;
    } else if (name === "waiting") {
      const known = node.streams.find((one) => one.camera === this.feed.camera && one.stream === this.feed.stream);
      this.player.awaits({ ...value, since_us: value.since_us ?? known?.gap_since_us ?? null });
    } else if (name === "skipped") {
      face.said("skipped", `The connection is slow: ${value < 1 ? "a moment" : span(value)} left out`, { forMs: SAID_MS });
    } else if (name === "begins") {
      if (this.#target?.id === value) this.#target.begun = true; // until here it was what older wishes brought
    } else if (name === "end") {
      face.said("notice", String(value), { forMs: NOTICE_MS });
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
      this.#missed(landing.us, entry);
    }
  }

  #land(entry) {
    const { where, since } = this.#target;
    this.#target = null;
    const past_s = where === "live" ? 0 : Math.max(0, (where - entry.wall_us) / 1e6);
    const at = entry.media_s + past_s;
    this.#landing = { at, us: where, since, until: performance.now() + LANDING_MS };
    this.#from_s = entry.media_s - 0.001;
    this.sink.cut(this.#from_s);
    this.#missed(where, entry);
    const go = () => { if (this.#landing?.at === at) this.video.currentTime = at + ROUNDED_S; };
    if (this.video.readyState) go(); else this.video.addEventListener("loadedmetadata", go, { once: true });
    this.run();
  }

  /** What came begins later than what was asked for. */
  #missed(us, entry) {
    if (us !== "live" && entry.wall_us - us > EMPTY_US) this.player.empty(us, entry.wall_us, entry.gaps.find((gap) => holds(gap, us)));
  }

  #broke() {
    const now = performance.now();
    this.#broken = this.#broken.filter((at) => now - at < 30_000).concat(now);
    if (this.#broken.length > 2 && this.feed.tier === "source") {
      this.feed.tier = "hd";
      this.player.face.said("notice", "This browser cannot decode what the camera sends: it is converted", { forMs: NOTICE_MS });
    }
    this.sink.reset();
    this.feed.close();
    setTimeout(() => { if (this.player.isConnected && !this.#gone && !this.feed.socket) this.feed.open(); }, Math.min(5000, 200 * this.#broken.length ** 2));
  }

  // --- what is on the screen -----------------------------------------------------------------------------------------------

  #near(at) {
    if (at < this.#from_s) return false; // it is about to be thrown away
    const range = this.sink.range(at);
    return range !== null && range[1] > this.sink.end - 0.5 && range[1] - at > 0.05;
  }

  #watch() {
    const { video } = this;
    const seen = (now, { mediaTime }) => {
      if (!this.player.isConnected || this.#gone) return;
      this.#showed(mediaTime);
      video.requestVideoFrameCallback(seen);
    };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(seen);
    else video.addEventListener("timeupdate", () => { if (!this.#gone) this.#showed(video.currentTime); });
  }

  #showed(media_s) {
    const { player, video, steps } = this;
    if (!video.readyState) return; // what was shown before the media was thrown away
    const steady = !player.paused && !this.busy && video.playbackRate <= 1.1;
    if (steady) steps.paced(media_s - this.#last_s);
    this.#last_s = media_s;
    steps.showed(media_s, {
      paused: player.paused, seeking: video.seeking,
      arrived: () => !this.#target && Math.abs(media_s - (this.#landing?.at ?? media_s)) < steps.frame_s,
    });
    const map = this.clock.at(media_s);
    if (!map) return;
    if (this.#target) return; // what an older wish brought
    const landing = this.#landing;
    // A picture of before a jump may still come: it says nothing of where we are.
    if (landing && Math.abs(media_s - landing.at) > NEAR_S && performance.now() < landing.until) return;
    this.#landing = null;
    if (!landing && this.#map && map.media_s > this.#map.media_s) {
      const missing = this.clock.between(this.#map, map); // a jump may go over several maps at once
      if (missing) player.face.said("gap", gapWords(missing), { forMs: SAID_MS });
    }
    this.#map = map;
    player.shown(this.clock.wall(media_s));
    if (landing) player.landed(performance.now() - landing.since);
  }

  /** A seek to the picture that is on the screen already brings no other one: then it has landed, too. */
  #settle() {
    const landing = this.#landing;
    if (!landing) return;
    setTimeout(() => {
      const at = this.video.currentTime;
      if (this.#landing !== landing || this.video.seeking) return;
      this.#showed(Math.abs(this.#last_s - at) <= this.steps.frame_s ? this.#last_s : at);
    }, SETTLE_MS);
  }

  #ahead() {
    if (this.#serving === "live" || this.#target) return;
    this.feed.say({ ahead_s: Math.max(0, this.sink.end - this.video.currentTime), want_s: this.player.paused ? 2 : this.#want });
  }

  #hole() {
    const { video } = this;
    if (this.player.paused || video.readyState > 2 || !video.buffered.length) return;
    const here = this.sink.range(video.currentTime);
    if (here && here[1] - video.currentTime > LAST_S) return; // a picture stops a little before the end of what it has
    const next = this.sink.next(video.currentTime);
    if (next === null || next - video.currentTime > HOLE_S) return;
    if (this.#landing) this.#landing.at = next;
    video.currentTime = next + 0.001;
  }

  // --- whether anything comes ----------------------------------------------------------------------------------------------

  /** A server that is gone without a word leaves a connection that only seems to be one. */
  #listens() {
    const { feed, player } = this;
    if (!feed.connected || player.paused) return;
    const owed = this.#target || this.video.readyState < 3 ? ANSWER_MS : Infinity;
    const limit = this.#serving === "live" && feed.tier === "source" ? SILENT_MS : owed;
    if (performance.now() - feed.heardAt > limit) feed.drop();
  }

  /** The past has come to where footage ends: from here on it is live that is waited for. */
  #ended() {
    const { player, video, feed } = this;
    const dry = player.mode === "past" && this.#edge && player.speed >= 1 && !this.#landing && video.readyState < 3 && feed.connected;
    if (!dry) this.#dry = 0;
    else if (!this.#dry) this.#dry = performance.now();
    else if (performance.now() - this.#dry > DRY_MS) {
      player.arrive();
      this.show("live");
    }
  }
}
