// Ringing while the app is closed: Web Push, switched on by the resident.

import { tell } from "./dom";
import type { State } from "./protocol";
import { words } from "./words";

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export async function switchPush(state: State, ask: (fields: object) => Promise<unknown>): Promise<void> {
  const worker = await navigator.serviceWorker?.ready;
  if (!worker?.pushManager || !state.push.public_key) return tell(words.failed);
  const had = await worker.pushManager.getSubscription();
  if (state.push.subscribed) {
    await had?.unsubscribe();
    await ask({ endpoint: null });
    return;
  }
  if ((await Notification.requestPermission()) !== "granted") return tell(words.pushDenied);
  const options = { userVisibleOnly: true, applicationServerKey: bytes(state.push.public_key) };
  const made = had ?? (await worker.pushManager.subscribe(options).catch(() => null)); // no way to a push service
  if (!made) return tell(words.failed);
  const subscription = made.toJSON();
  if (await ask({ endpoint: subscription.endpoint, p256dh: subscription.keys?.p256dh, auth: subscription.keys?.auth }))
    tell(words.saved);
}
