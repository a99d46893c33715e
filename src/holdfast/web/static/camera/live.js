// How long live has been playing, and whether anybody still watches: after half an hour without a hand it asks (C119).

import { span } from "../app.js";

const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "scroll"];

/** Count, and ask after `data-limit-s` of the page. */
export function watched(player) {
  const page = document.getElementById("camera");
  const told = document.getElementById("live-for");
  let touched = performance.now(), played_s = 0, before = performance.now();
  for (const sign of SIGNS) addEventListener(sign, () => { touched = performance.now(); }, { passive: true, capture: true });

  function tick() {
    const now = performance.now();
    const limit_s = Number(page.dataset.limitS);
    if (!player.live) played_s = 0;
    else if (player.now) played_s += (now - before) / 1000;
    before = now;
    if (!player.live || document.hidden) touched = now; // nothing live comes meanwhile
    else if (now - touched > limit_s * 1000 && player.trouble?.kind !== "held") {
      player.hold(`Still watching? Live was stopped: nobody has touched this page for ${span(limit_s)}`);
    }
    const words = player.now && played_s >= 1 ? `live for ${watch(played_s)}` : "";
    told.hidden = !words;
    if (told.textContent !== words) told.textContent = words;
  }
  setInterval(tick, 1000);
}

/** `0:42`, `12:03`, `1:02:03`. */
function watch(seconds) {
  const whole = Math.floor(seconds), hours = Math.floor(whole / 3600);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}
