// The sound of a ring: two notes every three seconds. Browsers allow it once the page was touched.

const NOTES_HZ = [660, 528];
const NOTE_S = 0.45;
const EVERY_MS = 3_000;

export class Ringer {
  #context: AudioContext | null = null;
  #timer = 0;

  start(): void {
    if (this.#timer) return;
    this.#timer = window.setInterval(() => this.#play(), EVERY_MS);
    this.#play();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = 0;
    navigator.vibrate?.(0);
    void this.#context?.close();
    this.#context = null;
  }

  #play(): void {
    navigator.vibrate?.([300, 200, 300]);
    const context = (this.#context ??= new AudioContext());
    if (context.state !== "running") return void context.resume().catch(() => undefined);
    NOTES_HZ.forEach((hz, index) => {
      const [note, volume] = [new OscillatorNode(context, { frequency: hz }), new GainNode(context, { gain: 0 })];
      const at = context.currentTime + index * NOTE_S;
      volume.gain.linearRampToValueAtTime(0.25, at + 0.02);
      volume.gain.setTargetAtTime(0, at + 0.1, 0.15);
      note.connect(volume).connect(context.destination);
      note.start(at);
      note.stop(at + 1);
    });
  }
}
