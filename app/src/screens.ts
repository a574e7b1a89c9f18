// The screens between calls: doors, history, visitors' passes, settings.

import { button, h, holdButton, on, tell } from "./dom";
import { forget } from "./key";
import type { Link } from "./link";
import type { Door, Opening, Pass, PastCall, Relay, State } from "./protocol";
import { switchPush } from "./push";
import { said, time, words } from "./words";

const DAY_MS = 86_400_000;

async function open(link: Link, door: Door, relay: Relay): Promise<void> {
  const answer = await link.ask("open", { nonce: crypto.randomUUID(), relay: relay.relay, door: door.mac });
  if (answer?.type === "opened") tell(`${words.opened}: ${relay.name || door.name}`);
  else tell(`${words.refused}: ${answer ? said(answer.text ?? answer.reason) : words.offline}`);
}

async function asked<T>(link: Link, what: string, more: object = {}): Promise<T | null> {
  const answer = await link.ask("ask", { what, ...more });
  if (answer?.type === "told") return answer.data as T;
  tell(answer ? said(answer.text ?? answer.reason) : words.offline);
  return null;
}

function notices(state: State): HTMLElement[] {
  const found: string[] = [];
  if (state.resident.activation !== "active") found.push(words[state.resident.activation]);
  for (const home of state.apartments) if (home.service !== "active") found.push(`${home.name}: ${words[home.service]}`);
  return found.map((text) => h("p", { class: "notice", role: "alert" }, text));
}

export function doors(state: State, link: Link): HTMLElement {
  const cards = state.doors.flatMap((door) =>
    door.relays.map((relay) =>
      holdButton("door", relay.name || door.name, door.online ? `${door.name} · ${words.hold}` : words.away, () => void open(link, door, relay)),
    ),
  );
  return h("main", {}, ...notices(state), cards.length ? h("div", { class: "doors" }, ...cards) : h("p", { class: "empty" }, words.noDoors));
}

export async function history(link: Link): Promise<HTMLElement> {
  const told = await asked<{ calls: PastCall[]; openings: Opening[] }>(link, "history", { limit: 50 });
  const row = (at: number, what: string, how: string): HTMLElement =>
    h("li", {}, h("time", { datetime: new Date(at).toISOString() }, time(at)), h("b", {}, what), h("span", {}, how));
  const calls = (told?.calls ?? []).map((c) =>
    row(c.at_ms, c.door || c.from, c.answered_by ? `${words.answeredBy} ${c.answered_by}` : c.opened ? words.opened : words.missed));
  const openings = (told?.openings ?? []).map((o) => row(o.at_ms, o.door, `${said(o.reason || o.outcome)} ${o.who ?? ""}`));
  const list = (rows: HTMLElement[]): HTMLElement => (rows.length ? h("ul", { class: "rows" }, ...rows) : h("p", { class: "empty" }, words.nothing));
  return h("main", {}, h("h2", {}, words.calls), list(calls), h("h2", {}, words.openings), list(openings));
}

export async function passes(state: State, link: Link, again: () => void): Promise<HTMLElement> {
  const told = await asked<{ passes: Pass[] }>(link, "passes");
  const rows = (told?.passes ?? []).map((pass) =>
    h("li", {}, h("b", {}, pass.name), h("span", {}, `${pass.apartment} · ${words.until.toLowerCase()} ${time(pass.until)} · ${pass.state}`),
      button("plain", words.revoke, () => void asked(link, "pass_revoke", { pass: pass.id }).then(again))));
  return h("main", {}, h("h2", {}, words.newPass), passForm(state, link, again), rows.length ? h("ul", { class: "rows" }, ...rows) : h("p", { class: "empty" }, words.nothing));
}

function passForm(state: State, link: Link, again: () => void): HTMLElement {
  const local = new Date(Date.now() + DAY_MS - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const options = state.apartments.map((home) => h("option", { value: home.id }, home.name));
  const form = h("form", { class: "form" },
    h("label", {}, words.passName, h("input", { name: "name", required: true, maxlength: "64", autocomplete: "off" })),
    h("label", {}, words.passUntil, h("input", { name: "until", type: "datetime-local", required: true, value: local })),
    h("label", {}, words.passKind, h("select", { name: "kind" }, h("option", { value: "qr" }, words.qr), h("option", { value: "pin" }, words.pin))),
    h("label", {}, words.apartment, h("select", { name: "apartment" }, ...options)),
    h("button", { class: "main", type: "submit" }, words.make));
  return on(form, { submit: (event: SubmitEvent) => { event.preventDefault(); void made(new FormData(form), form, link, again); } });
}

async function made(given: FormData, form: HTMLFormElement, link: Link, again: () => void): Promise<void> {
  const until_ms = new Date(String(given.get("until"))).getTime();
  const fields = { apartment: given.get("apartment"), name: given.get("name"), kind: given.get("kind"), until_ms };
  const pass = await asked<{ value: string; text: string }>(link, "pass_add", fields);
  if (!pass) return;
  const share = (): void => void (navigator.share ? navigator.share({ text: pass.text }) : navigator.clipboard.writeText(pass.text));
  form.replaceWith(h("div", { class: "made" }, h("p", {}, words.once), h("pre", {}, pass.text), button("main", words.share, share), button("plain", words.newPass, again)));
}

export function settings(state: State, link: Link): HTMLElement {
  const dnd = state.dnd ?? { from: "22:00", until: "07:00" };
  const form = h("form", { class: "form" },
    h("label", {}, words.from, h("input", { name: "from", type: "time", required: true, value: dnd.from })),
    h("label", {}, words.until, h("input", { name: "until", type: "time", required: true, value: dnd.until })),
    h("button", { class: "main", type: "submit" }, words.save),
    button("plain", words.never, () => void asked(link, "dnd", { from: null }).then((done) => done && tell(words.saved))));
  on(form, { submit: (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(form);
    void asked(link, "dnd", { from: given.get("from"), until: given.get("until") }).then((done) => done && tell(words.saved));
  } });
  const push = button("plain", state.push.subscribed ? words.pushOff : words.pushOn, () => void switchPush(state, (more) => asked(link, "push", more)));
  const leave = holdButton("danger", words.leave, words.leaveSure, () => void asked(link, "forget").then(forget).then(() => location.reload()));
  return h("main", {}, h("h2", {}, words.quiet), form, push, leave);
}
