// Messages of docs/app-protocol.md, version 1.

export interface Relay {
  relay: string;
  name: string;
}
export interface Door {
  mac: string;
  name: string;
  online: boolean;
  look: boolean;
  relays: Relay[];
}
export interface Apartment {
  id: string;
  name: string;
  service: "active" | "blocked" | "off";
}
/** An address request: what the resident asked to be told of, too. */
export interface Asked {
  address: string;
  state: "new" | "confirmed";
  at_ms: number;
}
export interface Monitor {
  mac: string;
  name: string;
  apartment: string;
  online: boolean;
  arming: boolean;
  armed: boolean | null;
  relays: { relay: string; on: boolean }[];
}
export type Kind = "visitor" | "neighbour" | "guard" | "look";

/** A call as the app is told of it: `ring`, an entry of `state.calls`, or what became of `dial`. */
export interface Call {
  call: string;
  kind: Kind;
  from: string;
  door: { mac: string; name: string } | null;
  apartment: string | null;
  video: boolean;
  relays: Relay[];
  quiet?: boolean;
  answered?: boolean;
  outgoing?: boolean;
  to?: string;
  talk?: boolean;
}
export interface State {
  resident: { id: string; name: string; activation: "active" | "inactive" | "expired" };
  community: {
    name: string;
    time_zone: string;
    calls: boolean;
    phones?: { name: string; number: string }[];
    logo?: string | null;
    colour?: string | null;
  };
  apartments: Apartment[];
  requests?: Asked[];
  may: { talk: boolean; history: boolean; passes: boolean; call_guard?: boolean; call_neighbours?: boolean };
  doors: Door[];
  monitors?: Monitor[];
  calls: Call[];
  dnd: { from: string; until: string } | null;
  push: { public_key: string | null; subscribed: boolean };
}
export interface Message {
  v: 1;
  type: string;
  id: string;
  re?: string;
  [more: string]: unknown;
}
export interface Pass {
  id: string;
  name: string;
  kind: string;
  apartment: string;
  from: string | number | null;
  until: string | number;
  uses_left: number | null;
  by?: string;
  state: string;
}
export interface PastCall {
  id: string;
  at_ms: number;
  from: string;
  apartment: string;
  outcome: string;
  answered_by: string | null;
  opened: unknown;
  duration_s: number | null;
}
export interface Opening {
  at_ms: number;
  door: string;
  method: string;
  outcome: string;
  reason: string;
  who: string | null;
}
