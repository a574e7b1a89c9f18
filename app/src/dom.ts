// Elements. Text is always text: nothing that comes from outside is ever read as HTML.

import { icon, type Icon } from "./icons";

export type Child = Node | string | null | false;
type Listeners = Partial<Record<keyof HTMLElementEventMap, (event: never) => void>>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean>,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return made;
}

export function on<T extends HTMLElement>(element: T, listeners: Listeners): T {
  for (const [name, run] of Object.entries(listeners)) element.addEventListener(name, run as EventListener);
  return element;
}

export const button = (kind: string, label: string, pressed: () => void, sign?: Icon): HTMLButtonElement =>
  on(h("button", { class: kind, type: "button" }, sign ? icon(sign) : null, h("span", {}, label)), { click: pressed });

/** A button that shows only its sign; *label* is what a screen reader says. */
export const signButton = (kind: string, sign: Icon, label: string, pressed: () => void): HTMLButtonElement =>
  on(h("button", { class: `sign ${kind}`, type: "button", "aria-label": label, title: label }, icon(sign)), {
    click: pressed,
  });

/** A switch: *changed* is told what is wanted, and the switch follows what holds when it is drawn again. */
export const toggle = (
  label: string,
  checked: boolean,
  changed: (wanted: boolean) => void,
  more = "",
): HTMLButtonElement =>
  on(
    h(
      "button",
      { class: "toggle", type: "button", role: "switch", "aria-checked": String(checked) },
      h("span", {}, label, more ? h("small", {}, more) : null),
      h("i", { "aria-hidden": "true" }),
    ),
    { click: () => changed(!checked) },
  );

const HOLD_MS = 700;
const DONE_MS = 3_000;

/**
 * A button that acts when it was held, or by keyboard and screen reader when it was pressed: a pocket opens no door.
 * What *act* resolves to is shown in the button for three seconds: true as done, with *done* as its words.
 */
export function holdButton(
  kind: string,
  sign: Icon,
  label: string,
  hint: string,
  act: () => Promise<boolean | void> | void,
  done = "",
): HTMLButtonElement {
  const words = h("span", {}, label, h("small", {}, hint));
  const made = h("button", { class: `hold ${kind}`, type: "button" }, icon(sign), words);
  let timer = 0;
  const release = (): void => {
    clearTimeout(timer);
    made.classList.remove("held");
  };
  const run = async (): Promise<void> => {
    if ((await act()) !== true || !done) return;
    made.classList.add("done");
    made.replaceChildren(icon("check"), h("span", {}, label, h("small", {}, done)));
    setTimeout(() => {
      made.classList.remove("done");
      made.replaceChildren(icon(sign), words);
    }, DONE_MS);
  };
  const hold = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    made.classList.add("held");
    timer = window.setTimeout(() => {
      release();
      navigator.vibrate?.(40);
      void run();
    }, HOLD_MS);
  };
  return on(made, {
    pointerdown: hold,
    pointerup: release,
    pointerleave: release,
    pointercancel: release,
    contextmenu: (event: Event) => event.preventDefault(),
    click: (event: MouseEvent) => {
      if (event.detail === 0) void run();
    },
  });
}

export const card = (kind: string, ...children: Child[]): HTMLElement =>
  h("section", { class: `card ${kind}` }, ...children);
export const tile = (sign: Icon, kind = ""): HTMLElement =>
  h("span", { class: `tile ${kind}`, "aria-hidden": "true" }, icon(sign));
export const empty = (sign: Icon, text: string): HTMLElement =>
  h("div", { class: "empty" }, icon(sign), h("p", {}, text));
export const field = (label: string, input: HTMLElement): HTMLElement => h("label", {}, label, input);

let hidden = 0;

/** Tell in passing, also to a screen reader. */
export function tell(text: string): void {
  const place = document.getElementById("told");
  if (!place) return;
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(hidden);
  hidden = window.setTimeout(() => place.classList.remove("shown"), 3_500);
}
