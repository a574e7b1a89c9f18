// The WebSocket: says hello with the key, answers heartbeats, connects again after any loss.

import { signed, type Identity } from "./key";
import type { Message, State } from "./protocol";

const SILENT_MS = 9_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
const ANSWER_WITHIN_MS = 10_000;

export interface Watcher {
  welcomed(state: State, iceServers: RTCIceServer[]): void;
  received(message: Message): void;
  lost(): void;
  out(): void; // this session may not come in any more
}

export class Link {
  #socket: WebSocket | null = null;
  #retryMs = FIRST_RETRY_MS;
  #heardMs = 0;
  #waiting = new Map<string, (answer: Message | null) => void>();
  #closed = false;
  #token = "";

  constructor(
    private readonly identity: Identity,
    private readonly watcher: Watcher,
  ) {
    setInterval(() => this.#checkSilence(), 1_000);
    document.addEventListener("visibilitychange", () => this.send("presence", { visible: !document.hidden }));
    this.#connect();
  }

  send(type: string, fields: object = {}): string {
    const id = crypto.randomUUID();
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ v: 1, type, id, ...fields }));
    return id;
  }

  /** The answer; null where none came in 10 s or the link was lost. */
  ask(type: string, fields: object): Promise<Message | null> {
    return new Promise((resolve) => {
      const id = this.send(type, fields);
      const timer = setTimeout(() => done(null), ANSWER_WITHIN_MS);
      const done = (answer: Message | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      this.#waiting.set(id, done);
    });
  }

  /** A route of the edge, with this phone's token, which is asked for anew where it has ended; null without a way. */
  async http(path: string, options: RequestInit = {}): Promise<Response | null> {
    const ask = (): Promise<Response> =>
      fetch(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${this.#token}` } });
    try {
      const answer = await ask();
      return answer.status === 401 && (await this.#renew()) ? await ask() : answer;
    } catch {
      return null;
    }
  }

  async #renew(): Promise<boolean> {
    const { keys, session } = this.identity;
    const at_ms = Date.now();
    const signature = await signed(keys, "intercom-edge/1/token", location.origin, String(at_ms), session);
    const answer = await fetch("/app/api/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ session, at_ms, signature }),
    });
    if (answer.ok) this.#token = ((await answer.json()) as { token: string }).token;
    return answer.ok;
  }

  #connect(): void {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    this.#socket = socket;
    this.#heardMs = Date.now();
    socket.onmessage = (event) => void this.#heard(socket, JSON.parse(String(event.data)) as Message);
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  async #heard(socket: WebSocket, message: Message): Promise<void> {
    this.#heardMs = Date.now();
    if (message.type === "challenge") {
      const { keys, session } = this.identity;
      const signature = await signed(keys, "intercom-edge/1/ws", location.origin, String(message.nonce), session);
      const fields = { session, signature, language: navigator.language.slice(0, 2), visible: !document.hidden };
      socket.send(JSON.stringify({ v: 1, type: "hello", id: crypto.randomUUID(), ...fields }));
    } else if (message.type === "ping") {
      socket.send(JSON.stringify({ v: 1, type: "pong", id: crypto.randomUUID(), re: message.id }));
    } else if (message.type === "welcome") {
      this.#retryMs = FIRST_RETRY_MS;
      this.#token = String(message.token);
      this.watcher.welcomed(message.state as State, (message.ice_servers ?? []) as RTCIceServer[]);
    } else {
      if (message.re) this.#waiting.get(message.re)?.(message);
      this.watcher.received(message);
    }
  }

  #checkSilence(): void {
    if (this.#socket && Date.now() - this.#heardMs > SILENT_MS) this.#lost(this.#socket, 4408);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket || this.#closed) return;
    this.#socket = null;
    socket.onclose = null;
    socket.close();
    for (const done of [...this.#waiting.values()]) done(null);
    if (code === 4401 || code === 4403 || code === 4409) {
      this.#closed = true;
      if (code !== 4409) this.watcher.out();
      return;
    }
    this.watcher.lost();
    setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }
}
