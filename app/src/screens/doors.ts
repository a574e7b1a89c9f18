// The doors that may be opened or looked in to now, and the monitors at home.

import { card, empty, h, holdButton, button, tell, tile, toggle } from "../dom";
import type { Link } from "../link";
import { openDoor } from "../opening";
import type { Door, Monitor, State } from "../protocol";
import { said, words } from "../words";
import { drawn, notices, type Screen } from "./screen";

export function doors(state: State, link: Link, dial: (fields: object) => void): Screen {
  const shows = (now: State): unknown => [now.resident.activation, now.apartments, now.doors, now.monitors];
  return drawn(state, shows, (now) => {
    const monitors = now.monitors ?? [];
    const cards = now.doors.map((door) => doorCard(door, link, dial));
    return [
      ...notices(now),
      cards.length ? h("div", { class: "cards" }, ...cards) : empty("door", words.noDoors),
      ...(monitors.length
        ? [
            h("h2", {}, words.monitors),
            h("div", { class: "cards" }, ...monitors.map((each) => monitorCard(each, link))),
          ]
        : []),
    ];
  });
}

function doorCard(door: Door, link: Link, dial: (fields: object) => void): HTMLElement {
  const opens = door.relays.map((relay) =>
    holdButton(
      door.online ? "open" : "open away",
      "key",
      relay.name || door.name,
      words.hold,
      () => openDoor(link, relay, { door: door.mac }),
      words.opened,
    ),
  );
  const look = button("soft", words.look, () => dial({ door: door.mac }), "eye");
  look.setAttribute("aria-label", `${words.look}: ${door.name}`);
  return card("door", head("door", door.name, online(door.online), door.look && look), ...opens);
}

function monitorCard(monitor: Monitor, link: Link): HTMLElement {
  const how = monitor.armed === null ? words.unknownHow : monitor.armed ? words.armedHow : words.disarmedHow;
  const arm = async (armed: boolean): Promise<void> => {
    const answer = await link.ask("ask", { what: "arm", monitor: monitor.mac, armed });
    if (answer?.type === "told") tell(armed ? words.armedHow : words.disarmedHow);
    else tell(answer ? said(`${String(answer.reason)}_monitor`, said(answer.reason)) : words.offline);
  };
  const relays = monitor.relays.map((each) =>
    h(
      "li",
      { class: each.on ? "on" : "" },
      `${words.relay} ${each.relay}: ${each.on ? words.relayOn : words.relayOff}`,
    ),
  );
  return card(
    "monitor",
    head("house", monitor.name, h("span", {}, `${monitor.apartment} · `, online(monitor.online)), false),
    monitor.arming ? toggle(words.armed, monitor.armed === true, (wanted) => void arm(wanted), how) : null,
    relays.length ? h("ul", { class: "chips" }, ...relays) : null,
  );
}

const online = (is: boolean): HTMLElement =>
  h("span", { class: is ? "dot on" : "dot" }, is ? words.online : words.away);

const head = (sign: "door" | "house", name: string, more: HTMLElement, act: HTMLElement | false): HTMLElement =>
  h("div", { class: "head" }, tile(sign), h("div", {}, h("h3", {}, name), h("p", {}, more)), act);

/** Why a call was not even tried. */
export const notDialled = (reason: unknown): string =>
  said(reason === "blocked" ? "service_blocked" : reason, words.failed);
