// Which wall time a media time is, and back: what the server's `map` messages say, and the gaps between them.

export class MediaClock {
  constructor() { this.clear(); }

  clear() {
    this.maps = []; // {media_s, wall_us, gaps}, in order of media time
    this.gaps = []; // told, and not yet followed by a map
  }

  gap(gap) { this.gaps.push(gap); }

  add({ media_s, wall_us }) {
    const entry = { media_s, wall_us, gaps: this.gaps };
    this.gaps = [];
    this.maps = this.maps.filter((one) => one.media_s < media_s - 0.001);
    this.maps.push(entry);
    if (this.maps.length > 500) this.maps.shift();
    return entry;
  }

  /** The map that holds at a media time. */
  at(media_s) {
    let found = null;
    for (const one of this.maps) if (one.media_s <= media_s + 0.02) found = one; else break;
    return found;
  }

  /** What is missing between the maps of two pictures, in one: from its begin to its end, with the reason of the longest. */
  between(before, after) {
    const gaps = this.maps.filter((one) => one.media_s > before.media_s && one.media_s <= after.media_s).flatMap((one) => one.gaps);
    if (!gaps.length) return null;
    const longest = gaps.reduce((a, b) => (b.end_us - b.start_us > a.end_us - a.start_us ? b : a));
    return { ...longest, start_us: gaps[0].start_us, end_us: gaps.at(-1).end_us };
  }

  wall(media_s) {
    const map = this.at(media_s);
    return map && map.wall_us + Math.round((media_s - map.media_s) * 1e6);
  }

  /** The media time of an instant within what `holds(media_s)`, or null. The newest one of several. */
  media(wall_us, holds) {
    for (let n = this.maps.length - 1; n >= 0; n--) {
      const { media_s, wall_us: begin_us } = this.maps[n];
      const at = media_s + (wall_us - begin_us) / 1e6;
      const end = n + 1 < this.maps.length ? this.maps[n + 1].media_s : Infinity;
      if (at >= media_s - 0.001 && at < end && holds(at)) return at;
    }
    return null;
  }
}
