// Gap reasons and waits in words, as core.gap means them.

import { capital, nowUs, span, zoned } from "../app.js";

const MEANING = {
  "unreachable": "no connection to the camera could be made",
  "refused": "the camera would not give the stream",
  "auth": "the camera rejected the user name or password",
  "stalled": "connected, but nothing arrived",
  "no-keyframe": "nothing arrived that can be decoded alone",
  "unsupported": "the camera sends something that cannot be recorded",
  "ended": "the camera or the network closed the stream",
  "restarted": "the recorder restarted this stream",
  "recorder-down": "the recorder was not running",
  "host-off": "the host was off",
  "disk-full": "there was no room left to write",
  "disk-error": "the volume could not be written",
  "disk-slow": "the disk could not keep up",
  "clock": "a clock jumped",
  "off-schedule": "recording was not wanted at this time",
  "disabled": "the camera is switched off",
  "unknown": "no reason was left behind",
};

/** A reason in words: what it means, and what was seen, where that says more. */
export function meaning(reason, detail = "") {
  const words = MEANING[reason] || reason;
  return detail && words ? `${words} (${detail})` : detail || words;
}

/** `14:03:27` at the site, or in another zone. */
export function clockWords(us, zone) {
  const at = zoned(us, zone);
  return `${at.hour}:${at.minute}:${at.second}`;
}

export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `21 Nov 2026`, as the server says days. */
export function dayWords(us, zone) {
  const at = zoned(us, zone);
  return `${Number(at.day)} ${MONTHS[at.month - 1]} ${at.year}`;
}

/** `21 Nov 2026 14:03:27 +01:00`. */
export const fullWords = (us) => `${dayWords(us)} ${clockWords(us)} ${zoned(us).offset}`;

/** `21 Nov 2026 13:03:27 UTC`, for whoever hovers. */
export const utcWords = (us) => `${dayWords(us, "UTC")} ${clockWords(us, "UTC")} UTC`;

/** How long a gap is: tenths below ten seconds. */
export function lengthWords(us) {
  return us < 10e6 ? `${(us / 1e6).toFixed(1)} s` : span(us / 1e6);
}

export function gapWords({ start_us, end_us, reason, detail }) {
  return `${lengthWords(end_us - start_us)} without footage from ${clockWords(start_us)}: ${meaning(reason, detail)}`;
}

/** `14:03:27` on the day of another instant, else with its day. */
export function nearWords(us, other_us) {
  return dayWords(us) === dayWords(other_us) ? clockWords(us) : `${dayWords(us)} ${clockWords(us)}`;
}

export function waitingWords({ since_us, reason, detail, hint }) {
  const since = since_us ? ` since ${nearWords(since_us, nowUs())}` : "";
  const why = reason ? `: ${meaning(reason, detail)}` : "";
  return `Nothing comes from the camera${since}${why}${hint ? `. ${capital(hint)}` : ""}`;
}

const STANDS = { "stalled": "Stalled", "disabled": "Off", "off-schedule": "Off" };

/** On the badge: why the picture is not live, `{kind, since_us, reason}`. */
export function troubleWords({ kind, since_us, reason }) {
  const since = since_us ? ` since ${nearWords(since_us, nowUs())}` : "";
  if (kind === "waiting") return `${STANDS[reason] || "No picture"}${since}`;
  return { away: `No answer${since}`, full: "Too many watch", out: "Signed out", held: "Stopped", final: "Ended" }[kind];
}

/** Over the picture while the server is lost. */
export function lostWords(kind, said) {
  if (kind === "out") return "You were signed out";
  if (kind === "away" && !said) return "The server does not answer; trying again";
  return kind === "final" ? said : `${said}; trying again`;
}

/** Somebody went to an instant without footage: why, and what comes next, as far as it is known. */
export function emptyWords(asked_us, next_us, gap, why = "") {
  const at = nearWords(asked_us, nowUs());
  const what = gap ? `Nothing was recorded at ${at}: ${meaning(gap.reason, gap.detail)}` : `There is no footage of ${at}${why && `: ${why}`}`;
  return `${what}; ${next_us ? `the next footage is at ${nearWords(next_us, asked_us)}` : "none has come since"}`;
}
