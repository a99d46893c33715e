// Trying an address without leaving the form: what was typed stays, the password too. Without scripts it is a page.

const form = document.getElementById("try-form");
const button = document.getElementById("try");
let asking = null;

function panel() { return document.getElementById("trial"); }

form?.addEventListener("submit", async (event) => {
  if (event.submitter !== button) return;
  event.preventDefault();
  if (asking) return;
  asking = new AbortController();
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  panel().setAttribute("aria-busy", "true");
  panel().scrollIntoView({ block: "nearest", behavior: "smooth" });
  const body = new URLSearchParams(new FormData(form, button));
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
    asking = null;
    panel().removeAttribute("aria-busy");
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
    panel().scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
});

addEventListener("pagehide", () => asking?.abort());
