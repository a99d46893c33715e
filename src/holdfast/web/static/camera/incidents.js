// Incidents of this camera: a lane of the timeline; and what lanes show as a list, too.

import { capital, make, nowUs, zoned } from "../app.js";
import { clockWords, dayWords, lengthWords } from "../player/words.js";

const NAMES = {
  blackscreen: "black picture", freeze: "frozen picture", audio_loss: "no sound", signal_lost: "no signal", stalled: "stalled",
  stream_mismatch: "unexpected stream", disk: "disk", archive: "archive", macroblocks: "damaged picture", errors: "errors",
};
const COLOURS = { freeze: "warn", audio_loss: "warn", macroblocks: "warn", stream_mismatch: "warn" };
const MOST = 1000;
const SHOWN = 50;
const LATER_MS = 300; // chosen: whoever drags the timeline reads no list

/** A lane as timeline/lanes.js has it. */
export function incidentLane(camera) {
  return {
    name: "incident",
    colour: (item, colours) => (item.discarded ? colours.off : colours[COLOURS[item.kind] || "bad"]),
    async ask(from, to, signal) {
      const query = new URLSearchParams({ device_id: camera, from, to, within: true, active_limit: MOST, resolved_limit: MOST });
      const answer = await fetch(`/api/v1/incidents?${query}`, { signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const body = await answer.json();
      const items = body.items.map((one) => {
        const name = NAMES[one.incident_type] || one.incident_type;
        return { id: one.id, kind: one.incident_type, name, start_us: one.start_us, end_us: one.end_us, discarded: one.discard,
          words: capital(name) + (one.discard ? " (discarded)" : ""), href: `/incidents?open=${one.id}#i${one.id}`, link: "evidence" };
      });
      return { items, more: Boolean(body.cursor) };
    },
  };
}

const several = (count, word) => `${count || "no"} ${count === 1 ? word : `${word}s`}`;

/** Say what of some lanes is in view, as links to where it begins. `shown` is the `details` that holds the list. */
export function laneList(shown, timeline, lanes) {
  const count = shown.querySelector("summary span"), list = shown.querySelector("ul");
  let timer = null, last = "";

  function say() {
    timer = null;
    const inView = lanes.map((lane) => lane.between(timeline.from, timeline.to));
    const found = inView.flat().sort((a, b) => a.start_us - b.start_us);
    const lost = lanes.filter((lane) => lane.failed && !lane.items.length).map((lane) => `${lane.name}s`);
    const words = lost.length ? `${capital(lost.join(" and "))} cannot be read just now`
      : `${capital(lanes.map((lane, n) => several(inView[n].length, lane.name)).join(", "))} in view`;
    if (count.textContent !== words) count.textContent = words;
    if (!shown.open) return;
    const items = found.slice(-SHOWN).reverse();
    const key = JSON.stringify(items.map((one) => [one.id, one.end_us, one.discarded]));
    if (key === last && found.every((one) => one.end_us !== null)) return;
    last = key;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.at : null;
    list.replaceChildren(...items.map((one) => {
      const day = dayWords(one.start_us), link = make("a", { href: `?at=${one.start_us}`, "data-at": one.start_us }, `${day}, ${clockWords(one.start_us)}`);
      link.title = zoned(one.start_us).offset;
      const long = lengthWords((one.end_us ?? nowUs()) - one.start_us);
      return make("li", {}, link, make("span", {}, `${one.words}, ${one.end_us === null ? `lasts ${long}` : long}`),
        make("a", { class: "quiet", href: one.href }, one.link));
    }), ...(found.length > SHOWN ? [make("li", { class: "quiet small" }, `and ${found.length - SHOWN} earlier ones: show less time`)] : []));
    if (focused) list.querySelector(`[data-at="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  const soon = () => { timer ??= setTimeout(say, LATER_MS); };
  timeline.addEventListener("hf-view", soon);
  timeline.addEventListener("hf-lanes", soon);
  shown.addEventListener("toggle", soon);
  soon();
}
