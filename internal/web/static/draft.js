// Text that was not sent is not lost: a form with data-draft="key" is kept in the browser while it is written, put back
// when the page comes again, and forgotten when it is sent. What is secret is never kept, and what is written on the public
// face goes with the tab, as the device may be somebody else's.

import { lasting, make, passing, word } from "./words.js";

const PREFIX = "tocsin.draft:";
const DAYS = 14;
const store = document.body.classList.contains("public") ? passing : lasting;
const kept = "textarea, select, input[type=text], input[type=email], input[type=url], input[type=tel], input[type=number], input[type=search], input[type=date], input[type=datetime-local], input:not([type])";
const secret = /pass|secret|token|receipt|code|otp|pin\b/i;

const fields = (form) =>
  [...form.elements].filter((e) => e.matches(kept) && e.name && !secret.test(e.name) && !/password|one-time-code/.test(e.autocomplete) && !e.closest("[data-no-draft]"));

const read = (key) => {
  try {
    const saved = JSON.parse(store.get(key));
    return saved && Date.now() - saved.at < DAYS * 864e5 && Array.isArray(saved.values) ? saved : null;
  } catch {
    return null;
  }
};

const values = (form) => fields(form).map((e) => [e.name, e.value]);

const put = (form, list) => {
  const all = fields(form);
  const used = new Set();
  for (const [name, value] of list) {
    const field = all.find((e) => e.name === name && !used.has(e));
    if (!field) continue;
    used.add(field);
    field.value = value;
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
};

for (const form of document.querySelectorAll("form[data-draft]")) {
  const key = PREFIX + form.dataset.draft;
  const before = values(form);
  const fresh = JSON.stringify(before);
  const saved = read(key);
  if (!saved) store.remove(key);
  else if (JSON.stringify(saved.values) !== fresh) {
    put(form, saved.values);
    const undo = make("button", { type: "button", class: "quiet" }, word("undo"));
    const note = make("p", { class: "note draft", role: "status" }, make("span", {}, word("restored")), " ", undo);
    undo.addEventListener("click", () => {
      put(form, before);
      store.remove(key);
      note.remove();
      fields(form)[0]?.focus();
    });
    form.prepend(note);
  }
  let pending = 0;
  const save = () => {
    clearTimeout(pending);
    const now = values(form);
    if (JSON.stringify(now) === fresh) store.remove(key);
    else store.set(key, JSON.stringify({ at: Date.now(), values: now }));
  };
  form.addEventListener("input", () => {
    clearTimeout(pending);
    pending = setTimeout(save, 400);
  });
  let sent = false;
  addEventListener("pagehide", () => !sent && pending && save());
  form.addEventListener("submit", (e) => {
    if (e.defaultPrevented) return;
    sent = true;
    clearTimeout(pending);
    store.remove(key);
  });
}

// Whoever signs out leaves nothing behind.
for (const form of document.querySelectorAll('form[action="/sign-out"]')) {
  form.addEventListener("submit", () => {
    for (const s of [lasting, passing]) {
      for (const key of s.keys()) if (key.startsWith("tocsin.") && key !== "tocsin.keys") s.remove(key);
    }
  });
}
