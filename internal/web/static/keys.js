// Keys: j and k move through rows, Enter opens, x ticks, * ticks all, / searches, g and a letter goes, ? shows all of them;
// whatever carries data-key is pressed by its key, for the row that is selected or else for the page. All of it can be
// switched off, which the browser remembers.

import { lasting, make, passing, word } from "./words.js";

const OFF = "tocsin.keys";
const off = () => lasting.get(OFF) === "off";
const shown = (e) => e && !e.disabled && e.getClientRects().length > 0;

// Rows are what a list holds that can be opened or ticked.
const rows = () => [...document.querySelectorAll("[data-rows] > *")].filter((r) => shown(r) && r.querySelector("a[href], input"));
const rowOf = (element) => {
  const row = element?.closest?.("[data-rows] > *");
  return row && row.querySelector("a[href], input") ? row : null;
};
const door = (row) => row.querySelector(".title a[href]") ?? row.querySelector("a[href]") ?? row.querySelector("input");
const boxOf = (row) => row?.querySelector("input[type=checkbox]:not([disabled])");

// The row that is selected is the one that has the focus, or the one that had it last.
let last = null;
document.addEventListener("focusin", (e) => {
  const row = rowOf(e.target);
  if (row) last = row;
});
const current = () => rowOf(document.activeElement) ?? (last?.isConnected && document.activeElement === document.body ? last : null);

const select = (row) => {
  door(row).focus();
  row.scrollIntoView({ block: "nearest" });
};
const move = (by) => {
  const list = rows();
  if (list.length === 0) return;
  const at = list.indexOf(current() ?? last);
  select(list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1)]);
};

// After an act the page comes again: the same place in the list is selected, where now the next item stands.
const PLACE = "tocsin.place:" + location.pathname;
const keepPlace = (row) => passing.set(PLACE, String(rows().indexOf(row)));
const place = Number(passing.get(PLACE) ?? -1);
passing.remove(PLACE);
if (place >= 0 && !off()) {
  const list = rows();
  if (list.length > 0) select(list[Math.min(place, list.length - 1)]);
}

// press uses what carries a key. An act on ticked rows with none ticked is meant for the row that is selected.
const press = (element, row) => {
  const closed = element.closest("details:not([open])");
  if (closed && element.tagName !== "SUMMARY") {
    closed.open = true; // what a person has not seen is not done at once
    element.focus();
    return;
  }
  if (element.matches("input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select")) {
    element.focus();
    return;
  }
  const mine = boxOf(row);
  if (mine && element.form && mine.form === element.form && !row.contains(element)) {
    const ticked = [...element.form.elements].some((e) => e.type === "checkbox" && e.name === mine.name && e.checked);
    if (!ticked) mine.click();
  }
  if (row) keepPlace(row);
  element.click();
  if (element.tagName === "SUMMARY" && element.parentElement.open) {
    element.parentElement.querySelector("textarea, input:not([type=hidden]), select")?.focus();
  }
};

const keyed = (key) => {
  const row = current();
  const named = (e) => e.dataset.key === key;
  const inRow = row && [...row.querySelectorAll("[data-key]")].find(named);
  if (inRow) return [inRow, row];
  const onPage = [...document.querySelectorAll("[data-key]")].find((e) => named(e) && !rowOf(e) && (shown(e) || e.closest("details:not([open])")));
  return onPage ? [onPage, row] : null;
};

// Help is built when it is asked for, from what this page can do.
let dialog;
const help = () => {
  dialog ??= document.body.appendChild(make("dialog", { class: "help", "aria-labelledby": "help-title" }));
  const line = (keys, text) => {
    const list = [];
    for (const k of keys) list.push(make("kbd", {}, k), " ");
    return [make("dt", {}, ...list), make("dd", {}, text)];
  };
  const list = make("dl", { class: "facts" });
  const add = (keys, text) => text && list.append(...line(keys, text));
  if (rows().length > 0) {
    add(["j", "k"], word("move"));
    add(["Enter"], word("open"));
    if (document.querySelector("[data-rows] input[type=checkbox]")) add(["x"], word("tick"));
    if (document.querySelector("[data-tick-all]")) add(["*"], word("tickEvery"));
  }
  const seen = new Set();
  for (const e of document.querySelectorAll("[data-key]")) {
    if (seen.has(e.dataset.key)) continue;
    seen.add(e.dataset.key);
    add([e.dataset.key], label(e));
  }
  if (document.querySelector("[data-search]")) add(["/"], word("find"));
  add(["Ctrl", "K"], word("palette"));
  for (const a of goals()) add(["g", a.dataset.go], label(a));
  add(["?"], word("help"));
  const box = make("input", { type: "checkbox" });
  box.checked = !off();
  box.addEventListener("change", () => (box.checked ? lasting.remove(OFF) : lasting.set(OFF, "off")));
  const close = make("button", { type: "button" }, word("close"));
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(
    make("h2", { id: "help-title" }, word("keys")),
    list,
    make("label", { class: "choice" }, box, make("span", {}, word("keysOn"))),
    make("p", { class: "toolbar" }, close),
  );
  dialog.showModal();
  close.focus();
};

// label is what a button or link says, without the key that it shows and the count beside it.
const label = (e) => {
  const copy = e.cloneNode(true);
  for (const k of copy.querySelectorAll("kbd, .count, .hidden, svg")) k.remove();
  return copy.textContent.trim().replace(/\s+/g, " ") || (e.getAttribute("aria-label") ?? "");
};

const goals = () => {
  const seen = new Set();
  return [...document.querySelectorAll("a[data-go]")].filter((a) => !seen.has(a.dataset.go) && seen.add(a.dataset.go));
};

const typing = (e) => {
  const field = e.target.closest?.("input, textarea, select, [contenteditable]");
  return field && !(field.type === "checkbox" || field.type === "radio");
};

let going = 0; // until when a letter after g goes somewhere

document.addEventListener("keydown", (e) => {
  if (e.defaultPrevented || e.isComposing || e.repeat && e.key !== "j" && e.key !== "k") return;
  if (e.key === "Escape" && typing(e) && e.target.matches("[data-search]")) e.target.blur();
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || document.querySelector("dialog[open]")) return;
  // Help stays, so that keys can be switched on again.
  if (e.key === "?") {
    e.preventDefault();
    help();
    return;
  }
  if (off()) return;
  if (going > e.timeStamp) {
    going = 0;
    const goal = goals().find((a) => a.dataset.go === e.key);
    if (goal) {
      e.preventDefault();
      goal.click();
    }
    return;
  }
  if (act(e)) e.preventDefault();
});

// act does what a key means and reports whether it means anything here.
const act = (e) => {
  const row = current();
  const found = keyed(e.key);
  if (found && row && row.contains(found[0])) {
    press(...found);
    return true;
  }
  switch (e.key) {
    case "j":
      move(1);
      return true;
    case "k":
      move(-1);
      return true;
    case "x":
      if (!boxOf(row)) break;
      boxOf(row).click();
      return true;
    case "*":
      document.querySelector("[data-tick-all]")?.click();
      return true;
    case "Enter":
      if (!row || e.target.closest("a, button, summary")) return false;
      door(row).click();
      return true;
    case "g":
      going = e.timeStamp + 1500;
      return true;
    case "/": {
      const search = [...document.querySelectorAll("[data-search]")].find(shown);
      search?.focus();
      search?.select?.();
      return Boolean(search);
    }
  }
  if (!found) return false;
  press(...found);
  return true;
};
