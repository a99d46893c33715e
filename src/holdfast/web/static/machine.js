// The system page: asks cameras without leaving the page, and follows a round while it goes on.

import { toast } from "./app.js";

const LOOK_MS = 1000; // chosen: a camera takes about two seconds
const AGAIN_MS = 5000; // chosen: after no answer
const ANSWER_MS = 10000;
const part = () => document.getElementById("checks");
let timer = null;

/** Put what the server says now in the place of what stood there; who is on a button stays on it. */
async function renew() {
  clearTimeout(timer);
  let again = LOOK_MS;
  try {
    const answer = await fetch("/machine/checks", { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(ANSWER_MS) });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("checks");
    if (answer.redirected || !found) return; // signed out: the bar says so
    const at = part().contains(document.activeElement) ? document.activeElement.id : "";
    // What is told to those who listen must stay the same element, or it is never told.
    const said = document.getElementById("checks-words"), words = found.querySelector("#checks-words");
    if (said && words) {
      if (said.textContent !== words.textContent) said.textContent = words.textContent;
      words.replaceWith(said);
    }
    part().replaceWith(found);
    if (at) document.getElementById(at)?.focus({ preventScroll: true });
  } catch {
    again = AGAIN_MS;
  }
  if (part().hasAttribute("data-running")) timer = setTimeout(renew, again);
}

addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-check]");
  if (!form) return;
  event.preventDefault();
  const camera = event.submitter?.value;
  try {
    const answer = await fetch("/api/v1/checks", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ cameras: camera ? [camera] : [] }), signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error((await answer.json()).error?.message);
    await renew();
  } catch (error) {
    toast(error instanceof TypeError || !error.message ? "The server does not answer: nothing was asked" : error.message, { bad: true });
  }
});

if (part()?.hasAttribute("data-running")) timer = setTimeout(renew, LOOK_MS);
