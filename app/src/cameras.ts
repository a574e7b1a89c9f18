// Cameras of other makers beside a door: who may look at the door may look at them, by WHEP.

import type { Link } from "./link";

const CAMERAS = "/app/api/cameras";

export interface Camera {
  id: string;
  name: string;
  door: string;
}

/** Those beside the door *mac* that may be seen now. */
export async function camerasBeside(link: Link, mac: string): Promise<Camera[]> {
  const answer = await link.http(CAMERAS);
  if (!answer?.ok) return [];
  const told = (await answer.json()) as { cameras: Camera[] };
  return told.cameras.filter((camera) => camera.door === mac);
}

/** One look at a camera; it has no sound. */
export class Look {
  readonly stream = new MediaStream();
  readonly #peer: RTCPeerConnection;
  #place: string | null = null; // where the edge has it, to end it
  #closed = false;

  constructor(
    private readonly link: Link,
    ice: RTCIceServer[],
  ) {
    this.#peer = new RTCPeerConnection({ iceServers: ice });
    this.#peer.addTransceiver("video", { direction: "recvonly" });
    this.#peer.ontrack = (event) => this.stream.addTrack(event.track);
  }

  /** Whether the edge lets us look. */
  async begin(camera: Camera): Promise<boolean> {
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    const answer = await this.link.http(`${CAMERAS}/${encodeURIComponent(camera.id)}`, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: this.#peer.localDescription?.sdp ?? "",
    });
    if (answer?.status !== 201) return false;
    this.#place = answer.headers.get("Location");
    if (this.#closed) this.#end();
    else await this.#peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#peer.close();
    this.#end();
  }

  #end(): void {
    if (this.#place) void this.link.http(this.#place, { method: "DELETE" });
    this.#place = null;
  }
}
