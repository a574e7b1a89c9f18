// Visitors' passes: make one, share it once, see and revoke those that there are.

import { encode } from "uqr";
import { button, card, empty, field, h, on, signButton, tell, tile } from "../dom";
import { code, icon } from "../icons";
import type { Link } from "../link";
import { asked } from "../opening";
import type { Pass, State } from "../protocol";
import { said, time, words } from "../words";
import type { Screen } from "./screen";

const DAY_MS = 86_400_000;

export function visitors(state: State, link: Link): Screen {
  const list = h("div", { class: "list", "aria-busy": "true" });
  const maker = h("div", { class: "maker" });
  const refresh = async (): Promise<void> => {
    const told = await asked<{ passes: Pass[] }>(link, "passes");
    list.removeAttribute("aria-busy");
    const rows = (told?.passes ?? []).map((pass) =>
      row(pass, () => void asked(link, "pass_revoke", { pass: pass.id }).then(refresh)),
    );
    list.replaceChildren(
      h("h2", {}, words.myPasses),
      rows.length ? h("ul", { class: "rows card" }, ...rows) : empty("guest", words.noPasses),
    );
  };
  const again = (): void => {
    maker.replaceChildren(form(state, link, shown));
  };
  const shown = (pass: Made): void => {
    maker.replaceChildren(made(pass, again));
    void refresh();
  };
  again();
  void refresh();
  return { element: h("div", { class: "page split" }, maker, list) };
}

function row(pass: Pass, revoke: () => void): HTMLElement {
  const uses = pass.uses_left === null || pass.uses_left === undefined ? "" : ` · ${words.left}: ${pass.uses_left}`;
  const valid = pass.state === "valid";
  return h(
    "li",
    {},
    tile("guest", valid ? "good" : ""),
    h(
      "span",
      {},
      h("b", {}, pass.name),
      h("small", {}, `${pass.apartment} · ${words.until.toLowerCase()} ${time(pass.until)}${uses}`),
    ),
    h("em", { class: valid ? "badge on" : "badge" }, said(`pass_${pass.state}`, pass.state)),
    valid && (pass.by ?? "resident") === "resident"
      ? signButton("quiet", "cross", `${words.revoke}: ${pass.name}`, revoke)
      : null,
  );
}

interface Made {
  name: string;
  kind: string;
  value: string;
  text: string;
}

function form(state: State, link: Link, shown: (pass: Made) => void): HTMLElement {
  const local = new Date(Date.now() + DAY_MS - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const homes = state.apartments
    .filter((home) => home.service === "active")
    .map((home) => h("option", { value: home.id }, home.name));
  const place = h(
    "form",
    { class: "form" },
    field(words.passName, h("input", { name: "name", required: true, maxlength: "64", autocomplete: "off" })),
    field(words.passUntil, h("input", { name: "until", type: "datetime-local", required: true, value: local })),
    h(
      "div",
      { class: "pair" },
      field(
        words.passKind,
        h("select", { name: "kind" }, h("option", { value: "qr" }, words.qr), h("option", { value: "pin" }, words.pin)),
      ),
      field(words.apartment, h("select", { name: "apartment" }, ...homes)),
    ),
    h("button", { class: "main", type: "submit" }, icon("plus"), h("span", {}, words.make)),
  );
  on(place, {
    submit: (event: SubmitEvent) => {
      event.preventDefault();
      void make(new FormData(place), link, shown);
    },
  });
  return card("", h("h2", {}, words.newPass), place);
}

async function make(given: FormData, link: Link, shown: (pass: Made) => void): Promise<void> {
  const [name, kind] = [String(given.get("name")), String(given.get("kind"))];
  const until_ms = new Date(String(given.get("until"))).getTime();
  const pass = await asked<{ value: string; text: string }>(link, "pass_add", {
    apartment: given.get("apartment"),
    name,
    kind,
    until_ms,
  });
  if (pass) shown({ name, kind, ...pass });
}

function made(pass: Made, again: () => void): HTMLElement {
  const heading = h("h2", { tabindex: "-1" }, pass.name);
  const { size, data } = pass.kind === "qr" ? encode(pass.value, { border: 0, ecc: "M" }) : { size: 0, data: [] };
  const sign = size
    ? code(size, (x, y) => data[y]?.[x] === true, `${words.qr}: ${pass.name}`)
    : h("p", { class: "pin" }, pass.value);
  queueMicrotask(() => heading.focus());
  return card(
    "made",
    heading,
    sign,
    h("pre", {}, pass.text),
    h("p", { class: "hint" }, words.once),
    button("main", words.share, () => void share(pass), "share"),
    button("soft", words.finished, again, "check"),
  );
}

async function share(pass: Made): Promise<void> {
  if (navigator.share) return navigator.share({ text: pass.text }).catch(() => undefined);
  await navigator.clipboard.writeText(pass.text);
  tell(words.copied);
}
