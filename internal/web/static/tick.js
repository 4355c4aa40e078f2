// Boxes in lists: one that ticks all, a line that says how many are ticked, a range with Shift; and fields that belong to
// one answer show only with it.

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
  // Boxes may stand outside the form and name it with form="": the event then passes by the form.
  document.addEventListener("change", (e) => {
    if (e.target.name === all.dataset.tickAll && e.target.form === all.form) show();
  });
  let last = null;
  document.addEventListener("click", (e) => {
    const list = boxes();
    const at = list.indexOf(e.target);
    if (at < 0) return;
    if (e.shiftKey && last !== null && list[last]) {
      for (const b of list.slice(Math.min(at, last), Math.max(at, last) + 1)) b.checked = e.target.checked;
    }
    last = at;
    show();
  });
  show();
}

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
