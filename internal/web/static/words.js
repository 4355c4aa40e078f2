// What scripts say comes from the page, in its language: the attributes of <template id="script-words">.

const words = document.getElementById("script-words")?.dataset ?? {};

// word returns a text with {0}, {1}, … replaced; "" where the page has none.
export const word = (name, ...args) => (words[name] ?? "").replace(/\{(\d)\}/g, (_, i) => args[i] ?? "");

// make builds an element; every text is set as text, never as HTML.
export const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((c) => c !== ""));
  return element;
};

// tell says a text to a reader that listens, once.
let voice;
export const tell = (text) => {
  if (!voice) {
    voice = make("p", { class: "hidden", role: "status" });
    document.body.append(voice);
  }
  voice.textContent = text;
};

// local returns an address that stays on this site, else "".
export const local = (address) => {
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin && /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
};

// A browser may refuse to store anything: then nothing is remembered and nothing breaks.
const safely = (run) => {
  try {
    return run() ?? null;
  } catch {
    return null;
  }
};
const box = (store) => ({
  get: (key) => safely(() => store().getItem(key)),
  set: (key, value) => safely(() => store().setItem(key, value)),
  remove: (key) => safely(() => store().removeItem(key)),
  keys: () => safely(() => Object.keys(store())) ?? [],
});
export const lasting = box(() => localStorage);
export const passing = box(() => sessionStorage); // gone with the tab
