// Clips to download: one of up to a day, or a list of days where more was marked.

import { dialog, make } from "../app.js";
import { clockWords, dayWords, lengthWords } from "../player/words.js";
import { DAY, midnight } from "../timeline/scale.js";

export const LONGEST_US = DAY; // as the server allows
const LEAST_US = 1e6;

export const clipAddress = (api, from, to) => `${api}/clip.mp4?from=${Math.round(from)}&to=${Math.round(to)}`;

/** A long span in parts `[from, to]`: the site's days, and one of 25 hours in two. */
export function parts(from, to) {
  const found = [];
  for (let at = from; to - at >= LEAST_US;) {
    const end = Math.min(to, midnight(at, 1), at + LONGEST_US);
    found.push([at, end]);
    at = end;
  }
  return found;
}

/** Offer what is longer than a clip may be, a day at a time. */
export function byDay(api, from, to) {
  const days = parts(from, to);
  const list = make("ol", { class: "clip-list" }, ...days.map(([begin, end]) => {
    const until = end === midnight(begin, 1) ? "24:00" : clockWords(end);
    const link = make("a", { href: clipAddress(api, begin, end), download: true }, `${dayWords(begin)}, ${clockWords(begin)} to ${until}`);
    link.addEventListener("click", () => link.parentElement.toggleAttribute("data-taken", true));
    return make("li", {}, link, make("span", { class: "quiet small" }, lengthWords(end - begin)));
  }));
  dialog("Download by day", make("p", {}, `A clip is 24 hours long at most. What you marked is ${lengthWords(to - from)}: ${days.length} clips.`), list);
}
