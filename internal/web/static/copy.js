// Buttons that copy: data-copy="#id" takes the text of that element, data-copy-text="…" the text itself. They are hidden in
// the page and show where copying can work.

import { tell, word } from "./words.js";

const copy = async (text, source) => {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Without TLS browsers copy only what is selected.
  if (!source) throw new Error("nothing to select");
  getSelection().selectAllChildren(source);
  if (!document.execCommand("copy")) throw new Error("not copied");
};

for (const button of document.querySelectorAll("[data-copy], [data-copy-text]")) {
  const source = button.dataset.copy ? document.querySelector(button.dataset.copy) : null;
  if (!source && !(button.dataset.copyText && window.isSecureContext)) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.textContent;
    let said = word("copied");
    try {
      await copy(button.dataset.copyText ?? source.textContent.trim(), source);
    } catch {
      said = word("copyFailed");
    }
    button.textContent = said;
    tell(said);
    setTimeout(() => (button.textContent = label), 2000);
  });
}

// A button that prints the page.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
