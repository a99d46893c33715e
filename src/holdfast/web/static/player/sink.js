// Takes fragments in order into a MediaSource: a queue, what is thrown away, and what happens when there is no room.
//
// Not here: what the fragments mean (clock.js), where they come from (feed.js), when to show what (player.js).

export const Source = globalThis.ManagedMediaSource || globalThis.MediaSource;

const KEEP_S = 60; // behind the picture: steps back are instant within it
const SLACK_S = 10; // thrown away in pieces of this, not with every fragment

/** What this browser decodes, as the server wants to hear it: `h264,hevc`. */
export function decodes() {
  if (!Source) return "";
  const known = { h264: 'video/mp4; codecs="avc1.640028"', hevc: 'video/mp4; codecs="hvc1.1.6.L120.B0"' };
  return Object.keys(known).filter((name) => Source.isTypeSupported(known[name])).join(",");
}

const kinds = (mime) => (/codecs="([^"]*)"/.exec(mime)?.[1] || "").split(",").map((one) => /^(avc|hvc|hev)/.test(one)).join();

export class Sink {
  /** `onBroken(error)`: the picture cannot go on and everything must be asked for anew. `onMore()`: there is more to show. */
  constructor(video, onBroken, onMore = () => {}) {
    this.video = video;
    this.onBroken = onBroken;
    this.onMore = onMore;
    this.queue = [];
    this.media = null;
    this.buffer = null;
    this.mime = "";
  }

  /** Forget everything; the next init begins anew. */
  reset() {
    this.queue = [];
    this.buffer = null;
    this.mime = "";
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
    this.media = null;
    if (this.video.src) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  /** What comes next is of this type. */
  init(mime) { this.queue.push({ mime }); this.pump(); }

  data(bytes) { this.queue.push({ bytes }); this.pump(); }

  /** Throw away everything before a media time, because somebody went elsewhere. */
  cut(before_s) { this.queue.push({ cut: before_s }); this.pump(); }

  /** `[begin, end]` of the part that holds a media time, or null. */
  range(at_s, slack_s = 0) {
    const ranges = this.buffer && this.media.readyState !== "closed" ? this.video.buffered : null;
    for (let n = 0; ranges && n < ranges.length; n++) {
      if (at_s >= ranges.start(n) - slack_s && at_s < ranges.end(n)) return [ranges.start(n), ranges.end(n)];
    }
    return null;
  }

  /** Where the next part after a media time begins, or null. */
  next(at_s) {
    const ranges = this.video.buffered;
    for (let n = 0; n < ranges.length; n++) if (ranges.start(n) > at_s) return ranges.start(n);
    return null;
  }

  get end() {
    const ranges = this.video.buffered;
    return ranges.length ? ranges.end(ranges.length - 1) : 0;
  }

  open(mime) {
    const media = new Source();
    this.media = media;
    this.mime = mime;
    this.buffer = null;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(media);
    this.video.disableRemotePlayback = true;
    media.addEventListener("sourceopen", () => {
      if (this.media !== media) return;
      try {
        media.duration = 2 ** 31; // else a seek to what comes in a moment ends at what is there; so would one with Infinity
        this.buffer = media.addSourceBuffer(mime);
      } catch (error) {
        this.onBroken(error);
        return;
      }
      this.buffer.mode = "segments";
      this.buffer.addEventListener("updateend", () => { this.evict(); this.pump(); this.onMore(); });
      this.pump();
    }, { once: true });
    this.video.src = this.address;
  }

  pump() {
    while (this.queue.length) {
      if (this.media && (!this.buffer || this.buffer.updating)) return;
      const [item] = this.queue;
      try {
        if (item.mime) this.change(item.mime);
        else if (item.cut != null) this.remove(0, item.cut);
        else if (this.buffer) this.buffer.appendBuffer(item.bytes);
        this.queue.shift();
      } catch (error) {
        if (error.name === "QuotaExceededError" && this.makeRoom()) return;
        this.queue = [];
        this.onBroken(error);
        return;
      }
    }
  }

  change(mime) {
    if (!this.media) {
      this.open(mime);
    } else if (mime !== this.mime) {
      // A buffer takes another codec, but not another number of tracks.
      if (this.buffer.changeType && kinds(mime) === kinds(this.mime)) {
        this.buffer.changeType(mime);
        this.mime = mime;
      } else {
        this.open(mime);
      }
    }
  }

  remove(from_s, to_s) {
    if (this.buffer && to_s > from_s && this.video.buffered.length) this.buffer.remove(from_s, to_s);
  }

  evict() {
    const at = this.video.currentTime;
    const ranges = this.video.buffered;
    if (!ranges.length || this.buffer.updating || ranges.start(0) > at - KEEP_S - SLACK_S) return;
    this.remove(0, at - KEEP_S);
  }

  /** The browser has no room: what is behind goes first, then what is far ahead. Says whether there was anything. */
  makeRoom() {
    const at = this.video.currentTime;
    const ranges = this.video.buffered;
    if (!ranges.length) return false;
    if (ranges.start(0) < at - 3) this.remove(0, at - 2);
    else if (this.end > at + 30) this.remove(at + 30, Infinity);
    else setTimeout(() => this.pump(), 500); // what is shown meanwhile makes room
    return true;
  }
}
