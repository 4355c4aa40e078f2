// The palette: Ctrl-K or Cmd-K, a few letters, Enter. First the links of this page and the pages seen in this tab, then
// what the desk's search finds. A combobox with a listbox, as the ARIA Authoring Practices describe it.

import { local, make, passing, tell, word } from "./words.js";

const RECENT = "tocsin.recent";
const MOST = 12;
const from = local(word("searchFrom"));

// Pages that were seen in this tab, newest first; of the public face none is kept.
const recent = () => {
  try {
    return JSON.parse(passing.get(RECENT) ?? "[]").filter((r) => typeof r.title === "string" && local(r.href));
  } catch {
    return [];
  }
};
if (!document.body.classList.contains("public")) {
  const here = { title: document.querySelector("h1")?.textContent.trim() || document.title, href: location.pathname };
  passing.set(RECENT, JSON.stringify([here, ...recent().filter((r) => r.href !== here.href)].slice(0, 9)));
}

// What the page itself leads to.
const links = () => {
  const seen = new Set();
  const out = [];
  for (const a of document.querySelectorAll("nav a[href], a[data-palette], .head a.button[href]")) {
    const copy = a.cloneNode(true);
    for (const k of copy.querySelectorAll("kbd, .count, svg")) k.remove();
    const title = (a.dataset.palette || copy.textContent).trim();
    if (!title || seen.has(a.href) || !local(a.href)) continue;
    seen.add(a.href);
    out.push({ title, sub: "", href: a.href });
  }
  return out;
};

let dialog, input, list, status;
let hits = [];
let at = 0;
let waiting = null;
let pending = 0;

const build = () => {
  input = make("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
    "aria-label": word("palette"), placeholder: word("palettePlaceholder"), autocomplete: "off", spellcheck: "false", maxlength: "200",
  });
  list = make("ul", { id: "palette-list", role: "listbox", "aria-label": word("results") });
  status = make("p", { class: "soft" });
  dialog = make("dialog", { class: "palette", "aria-label": word("palette") }, input, list, status);
  document.body.append(dialog);
  input.addEventListener("input", look);
  dialog.addEventListener("keydown", steer);
  dialog.addEventListener("click", (e) => e.target === dialog && dialog.close());
  dialog.addEventListener("close", () => waiting?.abort());
};

const show = () => {
  list.replaceChildren(
    ...hits.map((h, i) => {
      const option = make("li", { role: "option", id: "palette-" + i, "aria-selected": String(i === at) }, make("span", { class: "what" }, h.title));
      if (h.sub) option.append(make("span", { class: "soft" }, h.sub));
      if (h.kind) option.append(make("span", { class: "state" }, h.kind));
      option.addEventListener("click", (e) => go(h, e.ctrlKey || e.metaKey));
      option.addEventListener("pointermove", () => at !== i && mark(i));
      return option;
    }),
  );
  mark(Math.min(at, Math.max(hits.length - 1, 0)));
  status.textContent = hits.length === 0 ? word("nothing") : "";
};

const mark = (i) => {
  at = i;
  for (const [n, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(n === at));
  const option = list.children[at];
  if (option) {
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
};

const steer = (e) => {
  const n = hits.length;
  const to = { ArrowDown: (at + 1) % n, ArrowUp: (at + n - 1) % n, PageDown: Math.min(at + 8, n - 1), PageUp: Math.max(at - 8, 0) }[e.key];
  if (to !== undefined && n > 0) {
    e.preventDefault();
    mark(to);
  } else if (e.key === "Enter" && !e.isComposing) {
    e.preventDefault();
    if (hits[at]) go(hits[at], e.ctrlKey || e.metaKey);
  }
};

const go = (hit, apart) => {
  const href = local(hit.href);
  if (!href) return;
  if (apart) {
    window.open(href, "_blank", "noopener");
    return;
  }
  dialog.close();
  location.assign(href);
};

const near = (q) => {
  const parts = q.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (h) => parts.every((p) => h.title.toLowerCase().includes(p));
  if (parts.length === 0) {
    const seen = recent().slice(1).map((r) => ({ ...r, kind: word("recent") }));
    return [...seen, ...links()].slice(0, MOST);
  }
  return links().filter(fits).slice(0, MOST);
};

const look = () => {
  const q = input.value.trim();
  at = 0;
  hits = near(q);
  show();
  waiting?.abort();
  clearTimeout(pending);
  if (!from || q.length < 2) return;
  pending = setTimeout(() => ask(q), 150);
};

const ask = async (q) => {
  waiting = new AbortController();
  const mine = waiting;
  try {
    const url = new URL(from);
    url.searchParams.set("q", q);
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = (await answer.json()).hits ?? [];
    if (mine.signal.aborted || input.value.trim() !== q) return;
    const text = (v) => (typeof v === "string" ? v : "");
    const more = found.map((h) => ({ kind: text(h.kind), title: text(h.title), sub: text(h.sub), href: text(h.href) }));
    hits = [...near(q).slice(0, 5), ...more.filter((h) => h.title && local(h.href))].slice(0, 30);
    show();
    tell(word("found", hits.length));
  } catch (e) {
    if (e.name !== "AbortError") status.textContent = word("unreachable");
  }
};

const open = () => {
  if (!dialog) build();
  if (dialog.open) {
    dialog.close();
    return;
  }
  input.value = "";
  look();
  dialog.showModal();
  input.focus();
};

document.addEventListener("keydown", (e) => {
  if (!(e.ctrlKey || e.metaKey) || e.altKey || e.shiftKey || e.key.toLowerCase() !== "k") return;
  if (document.querySelector("dialog[open]:not(.palette)")) return;
  e.preventDefault();
  open();
});
for (const button of document.querySelectorAll("[data-open-palette]")) {
  button.hidden = false;
  button.addEventListener("click", open);
}
