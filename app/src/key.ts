// This phone's key: made here, kept in IndexedDB, never readable by a script.

const STORE = "intercom";

export interface Identity {
  keys: CryptoKeyPair;
  session: string;
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(STORE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function act<T>(mode: IDBTransactionMode, run: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const base = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const asked = run(base.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } finally {
    base.close();
  }
}

export const load = (): Promise<Identity | undefined> => act("readonly", (store) => store.get("identity"));
export const forget = (): Promise<unknown> => act("readwrite", (store) => store.delete("identity"));
const save = (identity: Identity): Promise<unknown> => act("readwrite", (store) => store.put(identity, "identity"));

export function base64url(bytes: ArrayBuffer): string {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export async function signed(keys: CryptoKeyPair, ...lines: string[]): Promise<string> {
  const text = new TextEncoder().encode(lines.join("\n"));
  return base64url(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, keys.privateKey, text));
}

/** Be let in by the invitation's *secret*. The reason why not, or null. */
export async function redeem(secret: string, name: string): Promise<string | null> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const public_key = base64url(await crypto.subtle.exportKey("raw", keys.publicKey));
  const signature = await signed(keys, "intercom-edge/1/invite", location.origin, secret);
  const answer = await fetch("/app/api/invite", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ secret, public_key, name, signature }),
  });
  const told = (await answer.json().catch(() => ({}))) as { session?: string; reason?: string };
  if (answer.status !== 201 || !told.session) return told.reason ?? "failed";
  await save({ keys, session: told.session });
  return null;
}
