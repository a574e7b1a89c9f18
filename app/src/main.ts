// The beginning: whoever has a key goes in, whoever has an invitation is asked for a name, nobody else sees anything.

import { App, notice } from "./app";
import { card, field, h, on } from "./dom";
import { icon } from "./icons";
import { load, redeem } from "./key";
import { words } from "./words";

const root = document.getElementById("app") as HTMLElement;

function invited(secret: string): HTMLElement {
  const form = h(
    "form",
    { class: "form" },
    field(
      words.phoneName,
      h("input", { name: "name", required: true, maxlength: "64", value: words.myPhone, autocomplete: "off" }),
    ),
    h("button", { class: "main", type: "submit" }, icon("key"), h("span", {}, words.letIn)),
  );
  on(form, {
    submit: (event: SubmitEvent) => {
      event.preventDefault();
      void come(secret, form);
    },
  });
  const place = notice("house", words.invited, words.invitedHow);
  place.append(card("", form));
  return place;
}

async function come(secret: string, form: HTMLFormElement): Promise<void> {
  const why = await redeem(secret, String(new FormData(form).get("name")).trim());
  if (why === null) return begin();
  const text = why === "invite" ? words.invite_failed : why === "rate" ? words.rate : words.failed;
  form.querySelector(".notice")?.remove();
  form.prepend(h("p", { class: "notice", role: "alert" }, text));
}

async function begin(): Promise<void> {
  const identity = await load();
  if (identity) new App(identity, root);
  else root.replaceChildren(notice("key", words.nobody, words.nobodyHow));
}

/** The secret leaves the address bar at once: it is in no history and no screenshot. */
function invitation(): string | null {
  const secret = new URLSearchParams(location.hash.slice(1)).get("invite");
  if (location.hash) window.history.replaceState(null, "", location.pathname);
  return secret;
}

function arrive(): void {
  const secret = invitation();
  if (secret) root.replaceChildren(invited(secret));
  else if (!root.hasChildNodes()) void begin();
}

arrive();
window.addEventListener("hashchange", arrive); // a link that is opened in a page that is here already
void navigator.serviceWorker?.register("/app/sw.js", { scope: "/app/" }).catch(() => undefined);
