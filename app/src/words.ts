// What is said, in the language of the browser, and how times are.

import { ENGLISH, type Words } from "./english";
import { RUSSIAN } from "./russian";

export const russian = navigator.language.toLowerCase().startsWith("ru");
const LOCALE = russian ? "ru" : "en-GB";
document.documentElement.lang = russian ? "ru" : "en";
export const words: Words = russian ? RUSSIAN : ENGLISH;

/** What a word of the protocol is called; an unknown one is *otherwise*, or as it came. */
export const said = (reason: unknown, otherwise?: string): string =>
  (words as Record<string, string>)[String(reason)] ?? otherwise ?? String(reason ?? words.failed);

export const time = (at: number | string): string =>
  new Date(at).toLocaleString(LOCALE, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const hour = (at: number): string =>
  new Date(at).toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit" });

/** Today, yesterday, or the date. */
export function day(at: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (at >= midnight) return words.today;
  if (at >= midnight - 86_400_000) return words.yesterday;
  return new Date(at).toLocaleDateString(LOCALE, { weekday: "long", day: "numeric", month: "long" });
}
