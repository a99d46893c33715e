// For ways that bring nothing but pictures: what the server says when none comes.

import { node } from "../app.js";

const ANSWER_MS = 8000;
const DAY_US = 86400e6;

/** `{kind: "out"}`, `{kind: "away"}`, or `{kind: "here", waiting}`: what the recorder says where it does not record. */
export async function why(camera, stream) {
  let answer;
  try {
    answer = await fetch("/api/v1/streams", { signal: AbortSignal.timeout(ANSWER_MS), headers: { Accept: "application/json" } });
  } catch {
    return { kind: "away" };
  }
  if (answer.status === 401) return { kind: "out" };
  if (!answer.ok) return { kind: "away" };
  const { streams } = await answer.json().catch(() => node);
  const found = streams.find((one) => one.camera === camera && one.stream === stream);
  const { reason = "", detail = "", hint = "", gap_since_us = null, state } = found || {};
  return { kind: "here", waiting: state === "recording" ? null : { since_us: gap_since_us, reason, detail, hint } };
}

const ABSENT = { "removed": "it was removed", "missing": "its file is missing" };

async function timeline(camera, from, to) {
  const query = new URLSearchParams({ from, to, pixels: 1000 });
  const answer = await fetch(`/api/v1/cameras/${encodeURIComponent(camera)}/timeline?${query}`, {
    signal: AbortSignal.timeout(ANSWER_MS), headers: { Accept: "application/json" },
  });
  return (await answer.json()).cameras[0];
}

/** What comes after an instant without footage, within a day: `{next_us, gap}`, each null where there is none. */
export async function beyond(camera, us) {
  const found = await timeline(camera, us, us + DAY_US).catch(() => null);
  const next = found?.segments.find((one) => one.state === "recorded" && one.start_us > us);
  return { next_us: next?.start_us ?? null, gap: found?.gaps.find((one) => us >= one.start_us && us < (one.end_us ?? Infinity)) ?? null };
}

/** Why there is no footage of an instant in which there is no gap, in words; empty where nobody knows. */
export async function absent(camera, us) {
  try {
    const found = await timeline(camera, us, us + 1_000_000);
    const part = found.segments.find((one) => us >= one.start_us && us < one.end_us);
    return ABSENT[part?.state] || (!part && found.known_us !== null && us < found.known_us ? "recording began later" : "");
  } catch {
    return ""; // the server is away, which is said elsewhere
  }
}

/** Looks every few seconds while nothing comes, tells the player, and asks anew (`again()`) once there is hope. */
export class Doubt {
  constructor(player, again) {
    this.player = player;
    this.again = again;
    this.calm();
  }

  /** Something came. */
  calm() { this.since = performance.now(); }

  /** Nothing came for longer than `limit_ms`: ask, unless that was done just now. */
  async look(limit_ms) {
    const { player } = this;
    if (this.asking || performance.now() - this.since < limit_ms) return;
    this.asking = true;
    const found = await why(player.getAttribute("camera"), player.getAttribute("stream") || "main");
    this.asking = false;
    this.calm();
    if (!player.isConnected) return;
    if (found.kind !== "here") { player.lost(found.kind, ""); return; }
    player.found();
    player.awaits(found.waiting && { ...found.waiting, since_us: found.waiting.since_us ?? player.wallUs });
    this.again();
  }
}
