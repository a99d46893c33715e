// Events of this camera, such as something that moved: a lane of the timeline.

import { capital } from "../app.js";

const MOST = 1000;
const BEFORE_US = 3600e6; // chosen: what began earlier and goes on into the view is longer than any event that people look for

/** A lane as timeline/lanes.js has it. */
export function eventLane(camera) {
  return {
    name: "event",
    colour: (item, colours) => (item.reviewed ? colours["line-strong"] : colours.accent),
    async ask(from, to, signal) {
      const query = new URLSearchParams({ camera, from: Math.max(86400e6, from - BEFORE_US), to, limit: MOST });
      const answer = await fetch(`/api/v1/events?${query}`, { signal, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const body = await answer.json();
      const items = body.items.map((one) => ({
        id: one.id, kind: one.kind, start_us: one.start_us, end_us: one.end_us, reviewed: one.reviewed, href: `/events/${one.id}`, link: "pictures",
        words: `${capital(one.label || (one.kind === "motion" ? "something moved" : one.kind))}, ${Math.round(one.confidence)} %`,
      }));
      return { items, more: Boolean(body.cursor) };
    },
  };
}
