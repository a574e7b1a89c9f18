// Messages of docs/app-protocol.md, version 1.

export interface Relay { relay: string; name: string }
export interface Door { mac: string; name: string; online: boolean; look: boolean; relays: Relay[] }
export interface Apartment { id: string; name: string; service: "active" | "blocked" | "off" }
export interface Ring {
  call: string; kind: "visitor" | "neighbour" | "guard"; from: string; door: { mac: string; name: string } | null;
  apartment: string; at_ms: number; until_ms: number; video: boolean; audio: string; relays: Relay[];
  quiet?: boolean; mine?: boolean; answered?: boolean;
}
export interface State {
  resident: { id: string; name: string; language: string; activation: "active" | "inactive" | "expired" };
  community: { name: string; time_zone: string; calls: boolean };
  apartments: Apartment[];
  may: { talk: boolean; history: boolean; passes: boolean; call_guard: boolean };
  doors: Door[];
  calls: Ring[];
  dnd: { from: string; until: string } | null;
  push: { public_key: string; subscribed: boolean };
}
export interface Message { v: 1; type: string; id: string; re?: string; [more: string]: unknown }
export interface Pass { id: string; name: string; kind: string; apartment: string; from: number; until: number; state: string }
export interface PastCall {
  id: string; at_ms: number; from: string; door: string; apartment: string; outcome: string; answered_by: string; opened: boolean;
}
export interface Opening { at_ms: number; door: string; method: string; outcome: string; reason: string; who: string }
