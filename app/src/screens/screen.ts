// What a screen between calls is: made once when its tab is opened, and told whenever what holds has changed.

import { h } from "../dom";
import type { Link } from "../link";
import type { State } from "../protocol";
import { words } from "../words";

export interface Screen {
  readonly element: HTMLElement;
  became?(state: State): void;
}
export type Make = (state: State, link: Link) => Screen;

/**
 * A screen that is drawn from the state alone. Only a change of what it shows (*of*) draws it anew, so that a button stays
 * under the finger that holds it; whatever had the focus has it again.
 */
export function drawn(state: State, of: (state: State) => unknown, draw: (state: State) => HTMLElement[]): Screen {
  const element = h("div", { class: "page" });
  let shown = "";
  const became = (now: State): void => {
    const shows = JSON.stringify(of(now));
    if (shows === shown) return;
    shown = shows;
    const focused = element.contains(document.activeElement) ? label(document.activeElement) : null;
    element.replaceChildren(...draw(now));
    if (focused)
      [...element.querySelectorAll<HTMLElement>("button, input")].find((each) => label(each) === focused)?.focus();
  };
  became(state);
  return { element, became };
}

/** Which button it is, whatever it says of what holds: the name of its card, and its own. */
function label(element: Element | null): string {
  const own = element?.getAttribute("aria-label") ?? element?.querySelector("span")?.firstChild?.textContent ?? "";
  return `${element?.closest(".card")?.querySelector("h3")?.textContent ?? ""}/${own}`;
}

/** What a resident must know before anything else. */
export function notices(state: State): HTMLElement[] {
  const found: string[] = [];
  if (state.resident.activation !== "active") found.push(words[state.resident.activation]);
  for (const home of state.apartments)
    if (home.service !== "active") found.push(`${home.name}: ${words[home.service]}`);
  return found.map((text) => h("p", { class: "notice", role: "alert" }, text));
}
