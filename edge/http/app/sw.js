// Shows that the door rings while the app is closed. A notification holds no name and no door: the page asks for them.
const WORDS = {
  en: { ring: "Somebody is at the door", over: "The door is no longer ringing" },
  ru: { ring: "Кто-то у двери", over: "Звонок завершён" },
};

self.addEventListener("push", (event) => {
  let told;
  try {
    told = event.data.json();
  } catch {
    return;
  }
  if (told?.v !== 1 || typeof told.call !== "string" || !(told.type in WORDS.en)) return;
  const words = WORDS[self.navigator.language.slice(0, 2)] ?? WORDS.en;
  const options = { tag: told.call, renotify: told.type === "ring", icon: "/app/icon.svg", data: told.call };
  event.waitUntil(self.registration.showNotification(words[told.type], options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((pages) => (pages[0] ? pages[0].focus() : self.clients.openWindow("/app/"))),
  );
});
