// Trying an address, and saving it, without leaving the form: what was typed stays, the password and the preview too.
// Without scripts each is a page.

const form = document.getElementById("try-form");
const button = document.getElementById("try");
let asking = null;

function panel() { return document.getElementById("trial"); }

form?.addEventListener("submit", async (event) => {
  if (event.submitter !== button) {
    if ("keep" in form.dataset) await save(event);
    return;
  }
  event.preventDefault();
  if (asking) return;
  asking = new AbortController();
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  panel().setAttribute("aria-busy", "true");
  panel().scrollIntoView({ block: "nearest", behavior: "smooth" });
  const body = new URLSearchParams(new FormData(form, button));
  const began = performance.now(), seconds = panel().querySelector("[data-seconds]");
  const ticking = setInterval(() => { if (seconds) seconds.textContent = Math.round((performance.now() - began) / 1000); }, 1000);
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" }, signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("trial");
    if (!found) throw new Error("no answer");
    for (const alert of found.querySelectorAll("[role=alert]")) alert.removeAttribute("role"); // the panel is live itself
    panel().replaceChildren(...found.childNodes);
  } catch {
    const said = document.createElement("p");
    said.textContent = "The server did not answer, or you were signed out. Try once more.";
    panel().querySelector(".trial-facts").replaceChildren(said);
  } finally {
    clearInterval(ticking);
    asking = null;
    panel().removeAttribute("aria-busy");
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
    panel().scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
});

/** Save; go where the server says, or stay and say what is wrong. */
async function save(event) {
  event.preventDefault();
  const pressed = event.submitter;
  if (pressed.getAttribute("aria-busy")) return;
  pressed.setAttribute("aria-busy", "true");
  let said = null;
  try {
    const body = new URLSearchParams(new FormData(form, pressed));
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    said = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#error, .empty p");
  } catch { /* said below */ }
  pressed.removeAttribute("aria-busy");
  const box = document.getElementById("said");
  const away = document.createElement("p");
  away.textContent = "The server did not answer: nothing was saved, as far as this page knows. Look at the list of cameras, then try once more.";
  box.replaceChildren(said || away);
  box.focus({ preventScroll: true });
  box.scrollIntoView({ block: "nearest" });
}

addEventListener("pagehide", () => asking?.abort());
