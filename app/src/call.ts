// The screen of a call: somebody rings, or we call; one looks, one talks, it is over.

import { camerasBeside, Look, type Camera } from "./cameras";
import { button, h, holdButton, tell, type Child } from "./dom";
import { icon } from "./icons";
import type { Link } from "./link";
import { Media } from "./media";
import { openDoor } from "./opening";
import type { Call, Message } from "./protocol";
import { said, words } from "./words";

/** `calling`: nobody is there yet; `looking`: connected, our microphone is shut. */
type Phase = "ringing" | "calling" | "looking" | "talking";

function phaseOf(call: Call): Phase {
  if (!call.answered) return call.outgoing ? "calling" : "ringing";
  return call.outgoing && !call.talk ? "looking" : "talking";
}

export class CallScreen {
  readonly element = h("section", { class: "call" });
  readonly #media: Media;
  readonly #picture = h("video", { autoplay: true, playsinline: true, muted: true });
  readonly #title = h("h1", { tabindex: "-1" });
  readonly #status = h("p", { class: "status", role: "status" });
  readonly #opens = h("div", { class: "opens" });
  readonly #acts = h("div", { class: "acts" });
  readonly #stage = h("div", { class: "stage" });
  readonly #beside = h("video", { class: "beside", autoplay: true, playsinline: true, muted: true, hidden: true });
  readonly #views = h("div", { class: "views", role: "group", "aria-label": words.picture });
  #cameras: Camera[] = [];
  #look: Look | null = null;
  #phase: Phase;
  #muted = false;
  #since = 0;
  #clock = 0;
  #drawn = "";

  constructor(
    private call: Call,
    private readonly link: Link,
    private readonly ice: RTCIceServer[],
    private readonly done: () => void,
  ) {
    this.#media = new Media(link, call.call, ice);
    this.#picture.muted = true; // the door is heard after Answer, not before
    this.#picture.srcObject = this.#media.stream;
    this.#picture.onplaying = () => this.element.classList.add("seen");
    this.#phase = phaseOf(call);
    const sign = call.kind === "neighbour" ? "people" : call.kind === "guard" ? "shield" : "door";
    const figure = h("span", { class: "figure", "aria-hidden": "true" }, icon(sign));
    this.#stage.append(figure, this.#picture, this.#beside, this.#views);
    this.element.append(
      this.#stage,
      h("div", { class: "panel" }, h("div", { class: "who" }, this.#title, this.#status), this.#opens, this.#acts),
    );
    this.#draw();
    if (this.#phase !== "calling") this.#see(call.video);
    if (this.#phase === "talking") this.#talks();
  }

  get ringing(): boolean {
    return this.#phase === "ringing" && !this.call.quiet;
  }

  /** Put the focus on who it is, not on a button: whoever is typing must not answer by it. */
  shown(): void {
    this.#title.focus();
  }

  /** What the edge says of this call now; buttons that are not permitted any more go away. */
  became(call: Call): void {
    this.call = { ...this.call, relays: call.relays };
    if (this.#phase === "calling" && call.answered) this.#connected({ ...call, talk: call.talk === true });
    else if (this.#phase !== "calling") void this.#media.offer(this.call.video);
    this.#draw();
  }

  received(message: Message): void {
    if (message.type === "won") this.#talks();
    else if (message.type === "connected") this.#connected(message as unknown as Call & { talk: boolean });
    else if (message.type === "taken") this.#end(`${words.taken} ${String(message.by)}`);
    else if (message.type === "ended") this.#end(said(`ended_${String(message.reason)}`, words.over));
  }

  close(): void {
    clearInterval(this.#clock);
    this.#look?.close();
    this.#media.close();
    this.element.remove();
  }

  #end(text: string): void {
    tell(text);
    this.close();
    this.done();
  }

  #connected(told: Call & { talk: boolean }): void {
    this.call = { ...this.call, video: told.video, relays: told.relays };
    this.#picture.muted = false;
    this.#phase = "looking";
    this.#see(told.video);
    if (told.talk) void this.#speak().then(() => this.#talks());
    else this.#draw();
  }

  /** The door's picture and sound, and what cameras there are beside it. */
  #see(video: boolean): void {
    void this.#media.offer(video);
    const mac = this.call.door?.mac;
    if (!mac || this.#cameras.length) return;
    void camerasBeside(this.link, mac).then((found) => {
      this.#cameras = found;
      this.#drawViews(null);
    });
  }

  /** *chosen* null: the door's own picture. Its sound goes on beside any picture. */
  #drawViews(chosen: Camera | null): void {
    const view = (name: string, camera: Camera | null): HTMLElement => {
      const made = button("view", name, () => void this.#watch(camera), camera ? "eye" : "door");
      made.setAttribute("aria-pressed", String(camera === chosen));
      return made;
    };
    const cameras = this.#cameras.map((camera) => view(camera.name, camera));
    this.#views.replaceChildren(...(cameras.length ? [view(this.#who(), null), ...cameras] : []));
  }

  async #watch(camera: Camera | null): Promise<void> {
    this.#look?.close();
    this.#look = camera ? new Look(this.link, this.ice) : null;
    this.#beside.hidden = camera === null;
    this.#beside.srcObject = this.#look?.stream ?? null;
    this.#drawViews(camera);
    this.#views.querySelector<HTMLElement>('[aria-pressed="true"]')?.focus();
    const look = this.#look;
    if (!camera || !look || (await look.begin(camera)) || look !== this.#look) return;
    tell(words.noCamera);
    await this.#watch(null);
  }

  #talks(): void {
    this.#phase = "talking";
    this.#picture.muted = false;
    this.#since = Date.now();
    clearInterval(this.#clock);
    this.#clock = window.setInterval(() => this.#say(), 1_000);
    if (!this.#media.speaks) void this.#speak();
    this.#draw();
  }

  async #speak(): Promise<void> {
    if (!(await this.#media.speak())) tell(words.noMicrophone);
  }

  async #answer(): Promise<void> {
    await this.#speak();
    const answer = await this.link.ask("answer", { call: this.call.call });
    if (answer?.type === "refused") tell(said(answer.reason, words.failed));
  }

  /** Open the microphone in a call that began by looking. */
  async #talk(): Promise<void> {
    await this.#speak();
    const answer = await this.link.ask("talk", { call: this.call.call, on: true });
    if (answer?.type === "talking") this.#talks();
    else tell(said(answer?.reason, words.failed));
  }

  #mute(): void {
    this.#muted = !this.#muted;
    this.#media.mute(this.#muted);
    this.#draw();
  }

  #say(): void {
    const home = this.call.apartment && this.#phase === "ringing" ? `${words.apartment} ${this.call.apartment} · ` : "";
    const seconds = Math.floor((Date.now() - this.#since) / 1000);
    const clock =
      this.#phase === "talking" ? ` · ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "";
    this.#status.textContent = `${home}${words[this.#phase]}${clock}`;
  }

  #who(): string {
    const { call } = this;
    if (call.outgoing) return call.door?.name ?? call.to ?? words.guard;
    return call.kind === "guard" ? words.guard : (call.door?.name ?? call.from);
  }

  #buttons(): Child[] {
    const { call } = this.call;
    const hangUp = button(
      "act end",
      words.hangup,
      () => {
        this.link.send("hangup", { call });
        if (this.#phase === "calling") this.#end(words.over);
      },
      "off",
    );
    if (this.#phase === "ringing") {
      return [
        button("act end", words.decline, () => this.link.send("decline", { call }), "off"),
        button("act go", words.answer, () => void this.#answer(), "phone"),
      ];
    }
    if (this.#phase === "looking") return [hangUp, button("act go", words.talk, () => void this.#talk(), "mic")];
    if (this.#phase === "talking")
      return [
        button("act", this.#muted ? words.unmute : words.mute, () => this.#mute(), this.#muted ? "mute" : "mic"),
        hangUp,
      ];
    return [hangUp];
  }

  /** Only what changed is drawn: a button that is being held stays under the finger. */
  #draw(): void {
    this.#say();
    const drawn = JSON.stringify([this.#phase, this.#muted, this.call.relays, this.call.video]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const who = this.#who();
    this.#title.textContent = who;
    this.element.dataset.phase = this.#phase;
    this.#picture.setAttribute("aria-label", `${words.picture}: ${who}`);
    this.element.classList.toggle("pictured", this.call.video);
    this.#opens.replaceChildren(
      ...(this.#phase === "calling"
        ? []
        : this.call.relays.map((relay) =>
            holdButton(
              "open",
              "key",
              relay.name || who,
              words.hold,
              () => openDoor(this.link, relay, { call: this.call.call }),
              words.opened,
            ),
          )),
    );
    this.#acts.replaceChildren(...this.#buttons().filter((each): each is Node => each instanceof Node));
  }
}
