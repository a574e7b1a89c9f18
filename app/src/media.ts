// Picture and sound of one call. The picture comes while it rings; the microphone is asked for when Answer is pressed.

import type { Link } from "./link";
import type { Message } from "./protocol";

export class Media {
  readonly #peer: RTCPeerConnection;
  readonly stream = new MediaStream();
  #microphone: MediaStream | null = null;
  #voice: RTCRtpSender;

  constructor(private readonly link: Link, private readonly call: string, video: boolean, iceServers: RTCIceServer[]) {
    this.#peer = new RTCPeerConnection({ iceServers });
    this.#voice = this.#peer.addTransceiver("audio", { direction: "sendrecv" }).sender;
    if (video) this.#peer.addTransceiver("video", { direction: "recvonly" });
    this.#peer.ontrack = (event) => this.stream.addTrack(event.track);
    void this.#offer();
  }

  async #offer(): Promise<void> {
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    const answer = await this.link.ask("offer", { call: this.call, sdp: this.#peer.localDescription?.sdp });
    if (answer?.type === "answer_sdp") await this.described(answer);
  }

  async described(answer: Message): Promise<void> {
    if (this.#peer.signalingState !== "have-local-offer") return;
    await this.#peer.setRemoteDescription({ type: "answer", sdp: String(answer.sdp) });
  }

  /** Whether there is a microphone that we may use. */
  async speak(): Promise<boolean> {
    try {
      this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
    } catch {
      return false;
    }
    await this.#voice.replaceTrack(this.#microphone.getAudioTracks()[0] ?? null);
    return true;
  }

  mute(muted: boolean): void {
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  close(): void {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#peer.close();
  }
}
