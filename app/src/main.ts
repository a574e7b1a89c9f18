// The app: who this phone is, which screen is shown, and the call that goes before every screen.

import { CallScreen } from "./call";
import { button, h, on } from "./dom";
import { forget, load, redeem, type Identity } from "./key";
import { Link } from "./link";
import type { Message, Ring, State } from "./protocol";
import { doors, history, passes, settings } from "./screens";
import { words } from "./words";

type Tab = "doors" | "history" | "passes" | "settings";
const TABS: Tab[] = ["doors", "history", "passes", "settings"];
const root = document.getElementById("app") as HTMLElement;

class App {
  #state: State | null = null;
  #ice: RTCIceServer[] = [];
  #tab: Tab = "doors";
  #calls = new Map<string, CallScreen>();
  readonly #link: Link;

  constructor(identity: Identity) {
    root.replaceChildren(notice(words.connecting));
    this.#link = new Link(identity, {
      welcomed: (state, ice) => { this.#ice = ice; this.#became(state); },
      received: (message) => this.#received(message),
      lost: () => { this.#hangUp(); root.replaceChildren(notice(words.offline)); },
      out: () => void forget().then(() => root.replaceChildren(nobody())),
    });
  }

  #received(message: Message): void {
    if (message.type === "state") this.#became(message.state as State);
    else if (message.type === "ring") this.#rings(message as unknown as Ring);
    else if (typeof message.call === "string") this.#calls.get(message.call)?.received(message);
    else if (message.type === "opened" || message.type === "refused") for (const call of this.#calls.values()) call.received(message);
  }

  #rings(ring: Ring): void {
    if (this.#calls.has(ring.call)) return;
    const screen = new CallScreen(ring, this.#link, this.#ice, () => { this.#calls.delete(ring.call); void this.#draw(); });
    this.#calls.set(ring.call, screen);
    root.replaceChildren(screen.element);
    if (!ring.quiet) navigator.vibrate?.([300, 200, 300]);
  }

  #became(state: State): void {
    this.#state = state;
    document.title = state.community.name;
    for (const ring of state.calls) if (!ring.answered || ring.mine) this.#rings(ring);
    if (!this.#calls.size) void this.#draw();
  }

  #hangUp(): void {
    for (const call of this.#calls.values()) call.close();
    this.#calls.clear();
  }

  async #draw(): Promise<void> {
    const state = this.#state;
    if (!state || this.#calls.size) return;
    const tab = this.#tab;
    const body = await this.#screen(state, tab);
    if (this.#calls.size || tab !== this.#tab) return;
    const tabs = TABS.filter((each) => (each !== "history" || state.may.history) && (each !== "passes" || state.may.passes));
    const bar = tabs.map((each) => {
      const made = button("tab", words[each], () => { this.#tab = each; void this.#draw(); });
      if (each === tab) made.setAttribute("aria-current", "page");
      return made;
    });
    root.replaceChildren(
      h("header", {}, h("h1", {}, state.community.name), h("p", {}, state.apartments.map((home) => home.name).join(", "))),
      body, h("nav", { "aria-label": state.community.name }, ...bar),
    );
  }

  async #screen(state: State, tab: Tab): Promise<HTMLElement> {
    if (tab === "history") return history(this.#link);
    if (tab === "passes") return passes(state, this.#link, () => void this.#draw());
    return tab === "settings" ? settings(state, this.#link) : doors(state, this.#link);
  }
}

const notice = (text: string): HTMLElement => h("main", { class: "centre" }, h("p", {}, text));
const nobody = (): HTMLElement => h("main", { class: "centre" }, h("h1", {}, words.nobody), h("p", {}, words.nobodyHow));

function invited(secret: string): HTMLElement {
  const form = h("form", { class: "form" },
    h("label", {}, words.phoneName, h("input", { name: "name", required: true, maxlength: "64", value: words.myPhone })),
    h("button", { class: "main", type: "submit" }, words.letIn));
  const place = h("main", { class: "centre" }, h("h1", {}, words.invited), form);
  return on(place, { submit: (event: SubmitEvent) => { event.preventDefault(); void come(secret, form, place); } });
}

async function come(secret: string, form: HTMLFormElement, place: HTMLElement): Promise<void> {
  const why = await redeem(secret, String(new FormData(form).get("name")).trim());
  if (why === null) return begin();
  const text = why === "invite" ? words.invite_failed : why === "rate" ? words.rate : words.failed;
  place.querySelector(".notice")?.remove();
  form.before(h("p", { class: "notice", role: "alert" }, text));
}

async function begin(): Promise<void> {
  const identity = await load();
  if (identity) new App(identity);
  else root.replaceChildren(nobody());
}

const secret = new URLSearchParams(location.hash.slice(1)).get("invite");
history_cleared();
if (secret) root.replaceChildren(invited(secret));
else void begin();
void navigator.serviceWorker?.register("/app/sw.js", { scope: "/app/" }).catch(() => undefined);

/** The secret leaves the address bar at once: it is in no history and no screenshot. */
function history_cleared(): void {
  if (location.hash) window.history.replaceState(null, "", location.pathname);
}
