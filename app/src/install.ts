// Whether the browser offers to install the app, or must be shown how.

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

let offered: InstallPrompt | null = null;
window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offered = event as InstallPrompt;
});

const installed = (): boolean => matchMedia("(display-mode: standalone)").matches;
const onApple = (): boolean => /iPhone|iPad/.test(navigator.userAgent);

export const canInstall = (): boolean => !installed() && (offered !== null || onApple());

export async function install(): Promise<void> {
  await offered?.prompt();
  offered = null;
}
