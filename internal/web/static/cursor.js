// A cross-hair on charts along an axis: it moves with the pointer or with the arrow keys, and a line below says the values
// at its place. The words are those of the drawing's own tool tips.

import { make, word } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const groups = [...figure.querySelectorAll(".chart-hits")];
  const said = groups.flatMap((g) => [[...g.querySelectorAll("title")].map((t) => t.textContent)]).find((list) => list.length > 0);
  const body = figure.querySelector(".chart-body");
  if (!said || !body) continue;

  const out = make("p", { class: "chart-read", role: "status" });
  body.after(out);
  body.tabIndex = 0;
  body.setAttribute("role", "group");
  body.setAttribute("aria-label", word("cursor"));
  out.textContent = "\u00a0";

  let at = -1;
  const hair = document.createElementNS(SVG, "path");
  hair.setAttribute("class", "chart-hair");

  const seen = () => groups.find((g) => g.ownerSVGElement.getClientRects().length > 0);
  const show = (i) => {
    const g = seen();
    if (!g || i < 0 || i >= said.length) return;
    at = i;
    const x = Number(g.dataset.x) + i * Number(g.dataset.step);
    hair.setAttribute("d", `M${x} ${g.dataset.top}V${g.dataset.foot}`);
    if (hair.parentNode !== g.ownerSVGElement) g.before(hair);
    const [place, ...values] = said[i].split("\n");
    out.replaceChildren(make("strong", {}, place), ...values.flatMap((v) => [" · ", v]));
  };
  const hide = () => {
    at = -1;
    hair.remove();
    out.textContent = "\u00a0";
  };

  body.addEventListener("pointermove", (e) => {
    const g = seen();
    const matrix = g?.ownerSVGElement.getScreenCTM();
    if (!matrix) return;
    const x = new DOMPoint(e.clientX, e.clientY).matrixTransform(matrix.inverse()).x;
    const i = Math.round((x - Number(g.dataset.x)) / Number(g.dataset.step));
    show(Math.min(Math.max(i, 0), said.length - 1));
  });
  body.addEventListener("pointerleave", () => document.activeElement !== body && hide());
  body.addEventListener("blur", hide);
  body.addEventListener("keydown", (e) => {
    if (e.target !== body || e.ctrlKey || e.metaKey || e.altKey) return;
    const end = said.length - 1;
    const to = {
      ArrowLeft: at < 0 ? end : at - 1, ArrowRight: at < 0 ? end : at + 1, Home: 0, End: end, PageUp: at - 7, PageDown: at + 7,
    }[e.key];
    if (e.key === "Escape") hide();
    if (to === undefined) return;
    e.preventDefault();
    show(Math.min(Math.max(to, 0), end));
  });
}
