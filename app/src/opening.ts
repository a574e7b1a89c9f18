// A press that opens: one nonce, so that it moves a relay at most once however often it is sent.

import { tell } from "./dom";
import type { Link } from "./link";
import type { Relay } from "./protocol";
import { said, words } from "./words";

/** Whether the edge granted it and told the door; why not is told. */
export async function openDoor(link: Link, relay: Relay, where: { call: string } | { door: string }): Promise<boolean> {
  const answer = await link.ask("open", { nonce: crypto.randomUUID(), relay: relay.relay, ...where });
  if (answer?.type === "opened") {
    tell(`${words.opened}: ${relay.name}`);
    return true;
  }
  tell(`${words.refused}: ${answer ? said(answer.text ?? answer.reason) : words.offline}`);
  return false;
}

/** What the edge tells of *what*; null where it does not, which is told. */
export async function asked<T>(link: Link, what: string, more: object = {}): Promise<T | null> {
  const answer = await link.ask("ask", { what, ...more });
  if (answer?.type === "told") return answer.data as T;
  tell(answer ? said(answer.text ?? answer.reason) : words.offline);
  return null;
}
