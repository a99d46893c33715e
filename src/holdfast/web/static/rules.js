// The names that a rule would make, while it is typed: nothing is saved by it. Without scripts a button shows them.

const LATER_MS = 400; // chosen: nobody wants an answer to half a word
const form = document.getElementById("rule-form");
let later = 0, asking = null;

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams(new FormData(form));
  for (const field of form.querySelectorAll("input[type=password]")) body.delete(field.name); // names need no secret
  body.set("what", "names");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" }, signal: asking.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById("names"), here = document.getElementById("names");
    if (found && found.innerHTML !== here.innerHTML) here.replaceChildren(...found.childNodes);
  } catch { /* the next change asks again */ }
}

function soon() {
  clearTimeout(later);
  later = setTimeout(ask, LATER_MS);
}

form?.addEventListener("input", soon);
form?.addEventListener("change", soon);
addEventListener("pagehide", () => asking?.abort());
