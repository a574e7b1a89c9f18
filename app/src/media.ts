// Picture and sound of one call. The picture comes while it rings; the microphone is asked for when somebody wants to talk.

import type { Link } from "./link";

const AGAIN_MS = 1_000;

export class Media {
  readonly stream = new MediaStream();
  #peer: RTCPeerConnection | null = null;
  #voice: RTCRtpSender | null = null;
  #microphone: MediaStreamTrack | null = null;
  #timer = 0;
  #closed = false;

  constructor(
    private readonly link: Link,
    private readonly call: string,
    private readonly ice: RTCIceServer[],
  ) {}

  /** Connect, or connect anew where the connection broke; one that holds is left alone. */
  async offer(video: boolean): Promise<void> {
    const state = this.#peer?.connectionState;
    if (this.#closed || state === "connected" || state === "connecting" || state === "new") return;
    this.#peer?.close();
    const peer = new RTCPeerConnection({ iceServers: this.ice });
    this.#peer = peer;
    this.#voice = peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    if (video) peer.addTransceiver("video", { direction: "recvonly" });
    peer.ontrack = (event) => this.#received(event.track);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") this.#again(video);
    };
    if (this.#microphone) await this.#voice.replaceTrack(this.#microphone);
    await peer.setLocalDescription(await peer.createOffer());
    const answer = await this.link.ask("offer", { call: this.call, sdp: peer.localDescription?.sdp });
    if (peer !== this.#peer || peer.signalingState !== "have-local-offer") return;
    if (answer?.type === "answer_sdp") await peer.setRemoteDescription({ type: "answer", sdp: String(answer.sdp) });
    else peer.close();
  }

  /** Whether there is a microphone that we may use; what it hears goes to the house from now. */
  async speak(): Promise<boolean> {
    try {
      const heard = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
      this.#microphone = heard.getAudioTracks()[0] ?? null;
    } catch {
      return false;
    }
    if (this.#closed)
      this.#microphone?.stop(); // it ended while the browser asked
    else await this.#voice?.replaceTrack(this.#microphone);
    return true;
  }

  get speaks(): boolean {
    return this.#microphone !== null;
  }

  mute(muted: boolean): void {
    if (this.#microphone) this.#microphone.enabled = !muted;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#microphone?.stop();
    this.#peer?.close();
  }

  #received(track: MediaStreamTrack): void {
    for (const old of this.stream.getTracks()) if (old.kind === track.kind) this.stream.removeTrack(old);
    this.stream.addTrack(track);
  }

  #again(video: boolean): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.offer(video), AGAIN_MS);
  }
}
