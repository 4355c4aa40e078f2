// Asks the browser for a passkey and sends its answer as a form. Pages that need this say so without it.

const form = document.querySelector("form[data-passkey]");

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const show = (name) => {
  for (const p of form.querySelectorAll("[data-says]")) p.hidden = p.dataset.says !== name;
};

// What the browser wants in bytes comes as base64url.
const options = () => {
  const o = JSON.parse(form.dataset.options);
  o.challenge = bytes(o.challenge);
  if (o.user) o.user.id = bytes(o.user.id);
  for (const list of [o.excludeCredentials, o.allowCredentials]) {
    for (const c of list ?? []) c.id = bytes(c.id);
  }
  return o;
};

const answer = (made) => {
  const r = made.response;
  const response = { clientDataJSON: text(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = text(r.attestationObject);
    response.transports = r.getTransports?.() ?? [];
  } else {
    response.authenticatorData = text(r.authenticatorData);
    response.signature = text(r.signature);
    response.userHandle = r.userHandle ? text(r.userHandle) : "";
  }
  return JSON.stringify({
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: {},
    response,
  });
};

const ask = async () => {
  show("asking");
  try {
    const publicKey = options();
    const made = await (form.dataset.passkey === "create"
      ? navigator.credentials.create({ publicKey })
      : navigator.credentials.get({ publicKey }));
    form.elements.response.value = answer(made);
    form.submit();
  } catch (e) {
    show(e.name === "InvalidStateError" ? "known" : "failed");
    form.querySelector("[data-again]").hidden = false;
  }
};

if (form && window.PublicKeyCredential) {
  form.querySelector("[data-again]").addEventListener("click", ask);
  ask();
} else if (form) {
  show("unable");
}
