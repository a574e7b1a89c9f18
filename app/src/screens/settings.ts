// This phone: when it is quiet, whether it rings while the app is closed, and that it may be removed.

import { button, card, field, h, holdButton, on, tell, tile, toggle } from "../dom";
import { canInstall, install } from "../install";
import { forget } from "../key";
import type { Link } from "../link";
import { asked } from "../opening";
import type { State } from "../protocol";
import { switchPush } from "../push";
import { time, words } from "../words";
import { drawn, type Screen } from "./screen";

const NIGHT = { from: "22:00", until: "07:00" };

export function settings(state: State, link: Link): Screen {
  const shows = (now: State): unknown => [
    now.dnd,
    now.push,
    now.resident.name,
    now.apartments,
    now.requests,
    canInstall(),
  ];
  return drawn(state, shows, (now) => [
    h(
      "div",
      { class: "cards" },
      quiet(now, link),
      ringing(now, link),
      ...(canInstall() ? [installing()] : []),
      addresses(now),
      phone(now, link),
    ),
  ]);
}

async function hours(link: Link, dnd: { from: string; until: string } | { from: null }): Promise<void> {
  if (await asked(link, "dnd", dnd)) tell(words.saved);
}

function quiet(state: State, link: Link): HTMLElement {
  const given = state.dnd ?? NIGHT;
  const form = h(
    "form",
    { class: "form" },
    h(
      "div",
      { class: "pair" },
      field(words.from, h("input", { name: "from", type: "time", required: true, value: given.from })),
      field(words.until, h("input", { name: "until", type: "time", required: true, value: given.until })),
    ),
    h("button", { class: "soft", type: "submit" }, h("span", {}, words.save)),
  );
  on(form, {
    submit: (event: SubmitEvent) => {
      event.preventDefault();
      const told = new FormData(form);
      void hours(link, { from: String(told.get("from")), until: String(told.get("until")) });
    },
  });
  const choose = toggle(
    words.quiet,
    state.dnd !== null,
    (wanted) => void hours(link, wanted ? NIGHT : { from: null }),
    words.quietHow,
  );
  return card("", choose, state.dnd ? form : null);
}

const ringing = (state: State, link: Link): HTMLElement =>
  card(
    "",
    toggle(
      words.push,
      state.push.subscribed,
      () => void switchPush(state, (more) => asked(link, "push", more)),
      words.pushHow,
    ),
  );

/** Where the resident lives, and what became of asking for another address. */
function addresses(state: State): HTMLElement {
  const row = (name: string, text: string): HTMLElement =>
    h("div", { class: "head" }, tile("house"), h("div", {}, h("h3", {}, name), h("p", {}, text)));
  const homes = state.apartments.map((home) => row(home.name, words[home.service]));
  const known = new Set(state.apartments.map((home) => home.name));
  const waiting = (state.requests ?? [])
    .filter((request) => !known.has(request.address))
    .map((request) => row(request.address, `${words[`request_${request.state}`]} ${time(request.at_ms)}`));
  return card("", ...homes, ...waiting);
}

const installing = (): HTMLElement =>
  card(
    "",
    button("soft", words.install, () => void install(), "plus"),
    h("p", { class: "hint" }, words.installHow),
  );

function phone(state: State, link: Link): HTMLElement {
  const gone = (): Promise<void> =>
    asked(link, "forget")
      .then(forget)
      .then(() => location.reload());
  return card(
    "",
    h("div", { class: "head" }, tile("phone"), h("div", {}, h("h3", {}, state.resident.name), h("p", {}, words.phone))),
    holdButton("danger", "cross", words.leave, words.leaveSure, gone),
  );
}
