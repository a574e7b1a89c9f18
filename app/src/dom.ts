// Elements. Text is always text: nothing that comes from outside is ever read as HTML.

type Child = Node | string | null | false;
type Listeners = Partial<Record<keyof HTMLElementEventMap, (event: never) => void>>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string | boolean>, ...children: Child[]
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

export const button = (kind: string, label: string, pressed: () => void): HTMLButtonElement =>
  on(h("button", { class: kind, type: "button" }, label), { click: pressed });

const HOLD_MS = 700;

/** A button that acts when it was held, or by keyboard and screen reader when it was pressed: a pocket opens no door. */
export function holdButton(kind: string, label: string, hint: string, act: () => void): HTMLButtonElement {
  const made = h("button", { class: `hold ${kind}`, type: "button" }, h("span", {}, label), h("small", {}, hint));
  let timer = 0;
  const release = (): void => {
    clearTimeout(timer);
    made.classList.remove("held");
  };
  const hold = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    made.classList.add("held");
    timer = window.setTimeout(() => {
      release();
      navigator.vibrate?.(40);
      act();
    }, HOLD_MS);
  };
  return on(made, {
    pointerdown: hold, pointerup: release, pointerleave: release, pointercancel: release,
    contextmenu: (event: Event) => event.preventDefault(),
    click: (event: MouseEvent) => { if (event.detail === 0) act(); },
  });
}

export function tell(text: string): void {
  const place = document.getElementById("told");
  if (!place) return;
  place.textContent = text;
  place.classList.add("shown");
  setTimeout(() => place.classList.remove("shown"), 3_500);
}
