// The screen of a call: it rings, one talks, it is over.

import { button, h, holdButton, tell } from "./dom";
import type { Link } from "./link";
import { Media } from "./media";
import type { Message, Relay, Ring } from "./protocol";
import { said, words } from "./words";

export class CallScreen {
  readonly element = h("section", { class: "call", "aria-live": "assertive" });
  readonly #media: Media | null;
  readonly #picture = h("video", { autoplay: true, playsinline: true, muted: true, "aria-label": words.noPicture });
  #talking = false;
  #muted = false;

  constructor(readonly ring: Ring, private readonly link: Link, iceServers: RTCIceServer[], private readonly done: () => void) {
    this.#media = new Media(link, ring.call, ring.video, iceServers);
    this.#picture.muted = true; // the door is heard after Answer, not before
    this.#picture.srcObject = this.#media.stream;
    this.#draw();
  }

  received(message: Message): void {
    if (message.type === "won") this.#won();
    else if (message.type === "taken") this.#end(`${words.taken} ${String(message.by)}`);
    else if (message.type === "ended") this.#end(words.over);
    else if (message.type === "opened") tell(words.opened);
    else if (message.type === "refused") tell(`${words.refused}: ${said(message.text ?? message.reason)}`);
  }

  close(): void {
    this.#media?.close();
    this.element.remove();
  }

  #end(text: string): void {
    tell(text);
    this.close();
    this.done();
  }

  #won(): void {
    this.#talking = true;
    this.#picture.muted = false;
    this.#draw();
  }

  async #answer(): Promise<void> {
    const call = this.ring.call;
    if (!(await this.#media?.speak())) tell(words.noMicrophone);
    this.link.send("answer", { call });
  }

  #open(relay: Relay): void {
    this.link.send("open", { nonce: crypto.randomUUID(), relay: relay.relay, call: this.ring.call });
  }

  #mute(): void {
    this.#muted = !this.#muted;
    this.#media?.mute(this.#muted);
    this.#draw();
  }

  #draw(): void {
    const { ring } = this;
    const who = ring.kind === "visitor" ? (ring.door?.name ?? ring.from) : words[ring.kind];
    const opens = ring.relays.map((relay) => holdButton("open", relay.name || who, words.hold, () => this.#open(relay)));
    const acts = this.#talking
      ? [
          button("plain", this.#muted ? words.unmute : words.mute, () => this.#mute()),
          button("end", words.hangup, () => this.link.send("hangup", { call: ring.call })),
        ]
      : [
          button("end", words.decline, () => this.link.send("decline", { call: ring.call })),
          button("answer", words.answer, () => void this.#answer()),
        ];
    this.element.replaceChildren(
      h("div", { class: "picture" }, ring.video ? this.#picture : h("p", {}, words.noPicture)),
      h("h1", {}, who), h("p", { class: "state" }, `${ring.apartment} · ${this.#talking ? words.talking : words.ringing}`),
      h("div", { class: "opens" }, ...opens), h("div", { class: "acts" }, ...acts),
    );
  }
}
