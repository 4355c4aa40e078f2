// Numbers that follow what happens: elements with data-live="name" get the count of that name from the page's stream of
// server-sent events. A page that nobody looks at listens to nothing; a stream that fails is asked again ever more rarely.

const from = document.body.dataset.liveFrom;
const targets = [...document.querySelectorAll("[data-live]")];
const FIRST = 5_000;
const LONGEST = 300_000;

const show = (counts) => {
  for (const e of targets) {
    const n = counts[e.dataset.live];
    if (!Number.isSafeInteger(n)) continue;
    const text = n.toLocaleString("en-US"); // in groups of three, as the server writes it
    if (e.textContent === text) continue;
    e.textContent = e.classList.contains("count") && n === 0 ? "" : text;
  }
};

if (from && targets.length > 0 && window.EventSource) {
  let stream = null;
  let wait = FIRST;
  let timer = 0;
  const take = (e) => {
    wait = FIRST;
    try {
      const data = JSON.parse(e.data);
      if (data && typeof data.counts === "object" && data.counts) show(data.counts);
    } catch {
      // an event that is not for us
    }
  };
  const close = () => {
    clearTimeout(timer);
    stream?.close();
    stream = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    stream = new EventSource(from);
    stream.addEventListener("message", take);
    stream.addEventListener("counts", take);
    stream.addEventListener("error", () => {
      close();
      timer = setTimeout(open, wait + Math.random() * 1000);
      wait = Math.min(wait * 2, LONGEST);
    });
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (e) => e.persisted && open());
  open();
}
