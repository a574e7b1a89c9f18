// The app of a phone that was let in: its pages, and the call that goes before every page.

import { CallScreen } from "./call";
import { button, h, tell } from "./dom";
import { icon, type Icon } from "./icons";
import { forget, type Identity } from "./key";
import { Link } from "./link";
import type { Call, Message, State } from "./protocol";
import { Ringer } from "./ringer";
import { doors, notDialled } from "./screens/doors";
import { history } from "./screens/history";
import { anybody, people } from "./screens/people";
import type { Screen } from "./screens/screen";
import { settings } from "./screens/settings";
import { visitors } from "./screens/visitors";
import { paint } from "./theme";
import { words } from "./words";

type Tab = "doors" | "people" | "passes" | "history" | "settings";
const TABS: Record<Tab, Icon> = { doors: "door", people: "phone", passes: "guest", history: "clock", settings: "gear" };

export const notice = (sign: Icon, title: string, text = ""): HTMLElement =>
  h(
    "main",
    { class: "centre" },
    h("span", { class: "figure", "aria-hidden": "true" }, icon(sign)),
    h("h1", {}, title),
    text ? h("p", {}, text) : null,
  );

export class App {
  #state: State | null = null;
  #ice: RTCIceServer[] = [];
  #tab: Tab = "doors";
  #screen: Screen | null = null;
  #calls = new Map<string, CallScreen>();
  readonly #link: Link;
  readonly #ringer = new Ringer();
  #awake: Promise<WakeLockSentinel | null> | null = null;
  readonly #header = h("header", {});
  readonly #main = h("main", {});
  readonly #nav = h("nav", { "aria-label": words.menu });
  readonly #shell = h("div", { class: "shell" }, this.#header, this.#nav, this.#main);
  readonly #lost = h("p", { class: "lost", role: "status", hidden: true }, icon("link"), words.offline);

  constructor(
    identity: Identity,
    private readonly root: HTMLElement,
  ) {
    root.replaceChildren(notice("door", words.connecting));
    this.#link = new Link(identity, {
      welcomed: (state, ice) => {
        this.#ice = ice;
        this.#lost.hidden = true;
        this.#welcomed(state);
      },
      received: (message) => this.#received(message),
      lost: () => this.#offline(),
      out: () =>
        void forget().then(() => {
          this.#hangUp();
          root.replaceChildren(notice("key", words.nobody, words.nobodyHow));
        }),
    });
  }

  #received(message: Message): void {
    if (message.type === "state") this.#became(message.state as State);
    else if (message.type === "ring") this.#begins(message as unknown as Call);
    else if (typeof message.call === "string") this.#calls.get(message.call)?.received(message);
  }

  /** Calls that are over since the connection was lost are over here, too. */
  #welcomed(state: State): void {
    for (const [call, screen] of [...this.#calls]) {
      if (!state.calls.some((each) => each.call === call))
        screen.received({ v: 1, type: "ended", id: "", reason: "lost", call });
    }
    this.#became(state);
  }

  #became(state: State): void {
    this.#state = state;
    document.title = state.community.name;
    paint(state.community.colour);
    for (const call of state.calls) {
      const known = this.#calls.get(call.call);
      if (known) known.became(call);
      else this.#begins(call);
    }
    this.#draw();
  }

  #begins(call: Call): void {
    if (this.#calls.has(call.call)) return;
    const screen = new CallScreen(call, this.#link, this.#ice, () => {
      this.#calls.delete(call.call);
      this.#show();
    });
    this.#calls.set(call.call, screen);
    this.#show();
    screen.shown();
  }

  async #dial(fields: object): Promise<void> {
    const answer = await this.#link.ask("dial", fields);
    if (answer?.type !== "dialled") return tell(answer ? notDialled(answer.reason) : words.offline);
    this.#begins({ ...(answer as unknown as Call), relays: [], outgoing: true, answered: false });
  }

  #offline(): void {
    if (this.#state) this.#lost.hidden = false;
    else this.root.replaceChildren(notice("link", words.offline));
  }

  #hangUp(): void {
    for (const call of this.#calls.values()) call.close();
    this.#calls.clear();
    this.#ringer.stop();
  }

  /** The newest call, or the pages. A page that was there before is there again as it was left. */
  #show(): void {
    const call = [...this.#calls.values()].at(-1);
    if ([...this.#calls.values()].some((each) => each.ringing)) this.#ringer.start();
    else this.#ringer.stop();
    this.#keepAwake(call !== undefined);
    const wanted = call ? call.element : this.#shell;
    if (!this.root.contains(wanted)) this.root.replaceChildren(wanted, this.#lost);
  }

  /** A screen that goes dark in the middle of a call would hide who is there. */
  #keepAwake(wanted: boolean): void {
    if (wanted && !this.#awake) this.#awake = navigator.wakeLock?.request("screen").catch(() => null) ?? null;
    if (wanted || !this.#awake) return;
    void this.#awake.then((lock) => lock?.release());
    this.#awake = null;
  }

  #draw(): void {
    const state = this.#state;
    if (!state) return;
    const { name, logo } = state.community;
    const sign = logo ? h("img", { src: logo, alt: "" }) : icon("house");
    this.#header.replaceChildren(
      h("span", { class: "tile brand", "aria-hidden": "true" }, sign),
      h("div", {}, h("h1", {}, name), h("p", {}, state.apartments.map((home) => home.name).join(", "))),
    );
    const may: Record<Tab, boolean> = {
      doors: true,
      people: anybody(state),
      passes: state.may.passes,
      history: state.may.history,
      settings: true,
    };
    if (!may[this.#tab]) this.#turn("doors");
    if (!this.#screen) this.#turn(this.#tab);
    this.#screen?.became?.(state);
    this.#drawTabs((Object.keys(TABS) as Tab[]).filter((tab) => may[tab]));
    this.#show();
  }

  /** The buttons are kept, so that the focus stays where it is. */
  #drawTabs(tabs: Tab[]): void {
    if (this.#nav.dataset.tabs !== tabs.join()) {
      this.#nav.dataset.tabs = tabs.join();
      this.#nav.replaceChildren(
        ...tabs.map((tab) => {
          const made = button(
            "tab",
            words[tab],
            () => {
              this.#turn(tab);
              this.#draw();
            },
            TABS[tab],
          );
          made.dataset.tab = tab;
          return made;
        }),
      );
    }
    for (const each of this.#nav.querySelectorAll("button")) {
      if (each.dataset.tab === this.#tab) each.setAttribute("aria-current", "page");
      else each.removeAttribute("aria-current");
    }
  }

  #turn(tab: Tab): void {
    const state = this.#state;
    if (!state) return;
    const dial = (fields: object): void => void this.#dial(fields);
    const make: Record<Tab, () => Screen> = {
      doors: () => doors(state, this.#link, dial),
      people: () => people(state, dial),
      history: () => history(state, this.#link),
      passes: () => visitors(state, this.#link),
      settings: () => settings(state, this.#link),
    };
    this.#tab = tab;
    this.#screen = make[tab]();
    this.#main.replaceChildren(this.#screen.element);
    window.scrollTo(0, 0);
  }
}
