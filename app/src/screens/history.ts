// What happened at the doors: calls and openings together, by day, the newest first.

import { empty, h, tile } from "../dom";
import type { Icon } from "../icons";
import type { Link } from "../link";
import { asked } from "../opening";
import type { Opening, PastCall, State } from "../protocol";
import { day, hour, said, words } from "../words";
import type { Screen } from "./screen";

interface Entry {
  at: number;
  sign: Icon;
  mood: "" | "good" | "bad";
  what: string;
  how: string;
}

const MINUTE_S = 60;

export function history(state: State, link: Link): Screen {
  const element = h("div", { class: "page narrow", "aria-busy": "true" });
  void asked<{ calls: PastCall[]; openings: Opening[] }>(link, "history", { limit: 50 }).then((told) => {
    element.removeAttribute("aria-busy");
    const entries = [
      ...(told?.calls ?? []).map((call) => ofCall(call, state.resident.name)),
      ...(told?.openings ?? []).map(ofOpening),
    ].sort((a, b) => b.at - a.at);
    element.replaceChildren(...(entries.length ? days(entries) : [empty("clock", words.nothing)]));
  });
  return { element };
}

function days(entries: Entry[]): HTMLElement[] {
  const lists = new Map<string, HTMLElement[]>();
  for (const entry of entries) {
    const row = h(
      "li",
      {},
      tile(entry.sign, entry.mood),
      h("span", {}, h("b", {}, entry.what), h("small", {}, entry.how)),
      h("time", { datetime: new Date(entry.at).toISOString() }, hour(entry.at)),
    );
    lists.set(day(entry.at), [...(lists.get(day(entry.at)) ?? []), row]);
  }
  return [...lists].flatMap(([name, rows]) => [h("h2", {}, name), h("ul", { class: "rows card" }, ...rows)]);
}

/** A call that *me* placed is named by who was called. */
function ofCall(call: PastCall, me: string): Entry {
  const answered = call.outcome === "answered";
  const seconds = Math.round(call.duration_s ?? 0);
  const long = answered ? ` · ${Math.floor(seconds / MINUTE_S)}:${String(seconds % MINUTE_S).padStart(2, "0")}` : "";
  const by = call.answered_by ?? "";
  if (call.from === me) {
    return { at: call.at_ms, sign: "out", mood: "", what: by || words.call_line, how: `${words.placed}${long}` };
  }
  const how = answered ? `${by ? `${words.answeredBy} ${by}` : words.call_line}${long}` : said(call.outcome);
  return {
    at: call.at_ms,
    sign: answered ? "phone" : "missed",
    mood: answered ? "" : "bad",
    what: call.from || words.call_line,
    how,
  };
}

function ofOpening(opening: Opening): Entry {
  const granted = opening.outcome === "granted";
  const why = granted ? said(opening.method) : `${words.notOpened}: ${said(opening.reason)}`;
  const how = [why, opening.who].filter(Boolean).join(" · ");
  return {
    at: opening.at_ms,
    sign: granted ? "key" : "cross",
    mood: granted ? "good" : "bad",
    what: opening.door,
    how,
  };
}
