// Comfort on top of pages that work without it: selecting rows, moving by keyboard, copying.

const rows = () => [...document.querySelectorAll("[data-rows] > *")].filter((r) => r.querySelector("a, input"));

// A box that ticks all the boxes of its form, and a line that says how many are ticked.
for (const all of document.querySelectorAll("[data-tick-all]")) {
  const boxes = () => [...all.form.elements].filter((e) => e.type === "checkbox" && e.name === all.dataset.tickAll);
  const show = () => {
    const ticked = boxes().filter((b) => b.checked).length;
    all.checked = ticked > 0 && ticked === boxes().length;
    all.indeterminate = ticked > 0 && ticked < boxes().length;
    for (const some of all.form.querySelectorAll("[data-scope-some]")) {
      if (ticked > 0) some.checked = true;
    }
    for (const out of all.form.querySelectorAll("[data-ticked]")) {
      out.textContent = String(ticked);
      out.parentElement.hidden = ticked === 0;
    }
  };
  all.closest("[hidden]")?.removeAttribute("hidden");
  all.addEventListener("change", () => {
    for (const b of boxes()) b.checked = all.checked;
    show();
  });
  all.form.addEventListener("change", (e) => {
    if (e.target.name === all.dataset.tickAll) show();
  });
  show();
}

// Fields that belong to one answer show only with it.
for (const field of document.querySelectorAll("[data-with]")) {
  const [name, value] = field.dataset.with.split("=");
  const form = field.closest("form");
  const show = () => {
    const on = form.elements[name]?.value === value;
    field.hidden = !on;
    for (const input of field.querySelectorAll("input, textarea, select")) input.disabled = !on;
  };
  form.addEventListener("change", show);
  show();
}

// Keys: / goes to the search, j and k move through rows, Enter opens, x ticks.
let at = -1;
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
  const list = rows();
  if (e.key === "/") {
    const search = document.querySelector("[data-search]");
    if (!search) return;
    e.preventDefault();
    search.focus();
  } else if ((e.key === "j" || e.key === "k") && list.length > 0) {
    at = Math.min(Math.max(at + (e.key === "j" ? 1 : -1), 0), list.length - 1);
    const target = list[at].querySelector("a, input");
    target.focus();
    list[at].scrollIntoView({ block: "nearest" });
  } else if (e.key === "x" && list[at]) {
    const box = list[at].querySelector("input[type=checkbox]");
    if (box) box.click();
  }
});
