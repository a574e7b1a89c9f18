// Whom one can call: the guard, a neighbour by the number of the apartment, and the house's telephone numbers.

import { button, card, empty, field, h, on, tile } from "../dom";
import { icon } from "../icons";
import type { State } from "../protocol";
import { words } from "../words";
import { drawn, notices, type Screen } from "./screen";

export const anybody = (state: State): boolean =>
  Boolean(state.may.call_guard || state.may.call_neighbours || state.community.phones?.length);

export function people(state: State, dial: (fields: object) => void): Screen {
  const shows = (now: State): unknown => [now.may, now.community, now.apartments, now.resident.activation];
  return drawn(state, shows, (now) => [
    ...notices(now),
    ...(anybody(now) ? [h("div", { class: "cards" }, ...cards(now, dial))] : [empty("phone", words.nobodyToCall)]),
  ]);
}

function cards(state: State, dial: (fields: object) => void): HTMLElement[] {
  const found: HTMLElement[] = [];
  if (state.may.call_guard) {
    found.push(
      card(
        "",
        h("div", { class: "head" }, tile("shield"), h("div", {}, h("h3", {}, words.guard), h("p", {}, words.guardHow))),
        button("main", words.callGuard, () => dial({ guard: true }), "phone"),
      ),
    );
  }
  if (state.may.call_neighbours) found.push(neighbour(dial));
  const phones = state.community.phones ?? [];
  if (phones.length) {
    const rows = phones.map((each) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: `tel:${each.number.replace(/[^+\d]/g, "")}` },
          tile("phone"),
          h("span", {}, h("b", {}, each.name), h("small", {}, each.number)),
        ),
      ),
    );
    found.push(card("", h("h3", {}, words.phones), h("ul", { class: "rows" }, ...rows)));
  }
  return found;
}

function neighbour(dial: (fields: object) => void): HTMLElement {
  const input = h("input", {
    name: "apartment",
    required: true,
    maxlength: "20",
    autocomplete: "off",
    placeholder: "101",
  });
  const form = h(
    "form",
    { class: "form" },
    field(words.number, input),
    h("button", { class: "main", type: "submit" }, icon("phone"), h("span", {}, words.call)),
  );
  on(form, {
    submit: (event: SubmitEvent) => {
      event.preventDefault();
      dial({ apartment: input.value.trim() });
    },
  });
  return card("", h("div", { class: "head" }, tile("people"), h("div", {}, h("h3", {}, words.callNeighbour))), form);
}
