// Everything that is said, in English and Russian.

const EN = {
  doors: "Doors", history: "History", passes: "Visitors", settings: "Settings",
  invited: "You are invited", phoneName: "A name for this phone", letIn: "Let this phone in", myPhone: "My phone",
  invite_failed: "This invitation is used up, too old or unknown. Ask for a new one.",
  rate: "Too many tries. Wait a minute.", failed: "That did not work. Try again.",
  nobody: "This phone is not let in yet", nobodyHow: "Ask your house manager for an invitation and open its link here.",
  connecting: "Connecting…", offline: "No connection to the house. Trying again…",
  hold: "Hold to open", opened: "Opened", refused: "Not opened", look: "Look", away: "offline", noDoors: "No door can be opened from here.",
  blocked: "The service of this apartment is blocked. Doors open by key or card.", off: "The service of this apartment is off.",
  expired: "Your app has expired. Ask your house manager.", inactive: "Your app is not active yet.",
  ringing: "rings", neighbour: "A neighbour calls", guard: "The guard calls", answer: "Answer", decline: "Decline",
  hangup: "Hang up", mute: "Mute", unmute: "Unmute", talking: "Talking", taken: "Answered by", over: "The call is over",
  noMicrophone: "No microphone: you can listen, see and open.", noPicture: "No picture",
  calls: "Calls", openings: "Openings", nothing: "Nothing yet.", missed: "missed", answeredBy: "answered by",
  newPass: "New pass", passName: "For whom", passUntil: "Valid until", passKind: "How it opens", pin: "Code", qr: "QR code",
  apartment: "Apartment", make: "Make the pass", share: "Share", revoke: "Revoke", once: "Shown once. Share it now.",
  quiet: "Quiet hours", from: "From", until: "Until", save: "Save", never: "No quiet hours", saved: "Saved",
  pushOn: "Ring this phone when the app is closed", pushOff: "Do not ring when closed", pushDenied: "Notifications are forbidden in the browser.",
  leave: "Remove this phone", leaveSure: "Hold to remove this phone",
  device_disabled: "The door is switched off.", door_offline: "The door is offline.", outside_schedule: "Not at this hour.",
  not_allowed: "Not allowed.", service_blocked: "The service is blocked.", service_off: "The service is off.", app_expired: "The app has expired.",
};
type Words = typeof EN;
const RU: Words = {
  doors: "Двери", history: "История", passes: "Гости", settings: "Настройки",
  invited: "Вас приглашают", phoneName: "Имя этого телефона", letIn: "Подключить телефон", myPhone: "Мой телефон",
  invite_failed: "Приглашение использовано, устарело или неизвестно. Попросите новое.",
  rate: "Слишком много попыток. Подождите минуту.", failed: "Не получилось. Попробуйте ещё раз.",
  nobody: "Этот телефон ещё не подключён", nobodyHow: "Попросите у управляющего приглашение и откройте его ссылку здесь.",
  connecting: "Соединение…", offline: "Нет связи с домом. Пробуем снова…",
  hold: "Держите, чтобы открыть", opened: "Открыто", refused: "Не открыто", look: "Посмотреть", away: "не в сети", noDoors: "Отсюда нельзя открыть ни одной двери.",
  blocked: "Обслуживание квартиры приостановлено. Двери открываются ключом или картой.", off: "Обслуживание квартиры отключено.",
  expired: "Срок приложения истёк. Обратитесь к управляющему.", inactive: "Приложение ещё не активно.",
  ringing: "звонит", neighbour: "Звонит сосед", guard: "Звонит охрана", answer: "Ответить", decline: "Отклонить",
  hangup: "Завершить", mute: "Без звука", unmute: "Включить звук", talking: "Разговор", taken: "Ответил(а)", over: "Звонок завершён",
  noMicrophone: "Нет микрофона: можно слушать, смотреть и открывать.", noPicture: "Нет изображения",
  calls: "Звонки", openings: "Открытия", nothing: "Пока ничего.", missed: "пропущен", answeredBy: "ответил(а)",
  newPass: "Новый пропуск", passName: "Для кого", passUntil: "Действует до", passKind: "Чем открывает", pin: "Код", qr: "QR-код",
  apartment: "Квартира", make: "Создать пропуск", share: "Поделиться", revoke: "Отозвать", once: "Показан один раз. Отправьте сейчас.",
  quiet: "Тихие часы", from: "С", until: "До", save: "Сохранить", never: "Без тихих часов", saved: "Сохранено",
  pushOn: "Звонить, когда приложение закрыто", pushOff: "Не звонить при закрытом", pushDenied: "Уведомления запрещены в браузере.",
  leave: "Удалить этот телефон", leaveSure: "Держите, чтобы удалить",
  device_disabled: "Дверь отключена.", door_offline: "Дверь не в сети.", outside_schedule: "Не в это время.",
  not_allowed: "Не разрешено.", service_blocked: "Обслуживание приостановлено.", service_off: "Обслуживание отключено.", app_expired: "Срок приложения истёк.",
};

export const russian = navigator.language.toLowerCase().startsWith("ru");
document.documentElement.lang = russian ? "ru" : "en";
export const words: Words = russian ? RU : EN;

/** What a reason of the protocol is called; an unknown one as it came. */
export const said = (reason: unknown): string => (words as Record<string, string>)[String(reason)] ?? String(reason ?? words.failed);

export const time = (ms: number): string =>
  new Date(ms).toLocaleString(russian ? "ru" : "en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
