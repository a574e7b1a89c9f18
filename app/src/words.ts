// Everything that is said, in English and Russian.

const EN = {
  doors: "Doors", people: "Call", passes: "Visitors", history: "History", settings: "Settings", menu: "Pages",
  invited: "Welcome", invitedHow: "Give this phone a name. It will ring when somebody is at your door, and open it.",
  phoneName: "A name for this phone", letIn: "Let this phone in", myPhone: "My phone",
  invite_failed: "This invitation is used up, too old or unknown. Ask for a new one.",
  rate: "Too many tries. Wait a minute.", failed: "That did not work. Try again.",
  nobody: "This phone is not let in yet", nobodyHow: "Ask your house manager for an invitation and open its link here.",
  connecting: "Connecting…", offline: "No connection to the house. Trying again…",
  hold: "Hold to open", opened: "Opened", refused: "Not opened", look: "Look", online: "Online", away: "Offline",
  noDoors: "No door can be opened from here.",
  blocked: "The service of this apartment is blocked. Doors open by key or card.", off: "The service of this apartment is off.",
  expired: "Your app has expired. Ask your house manager.", inactive: "Your app is not active yet.",
  ringing: "rings", calling: "Calling…", looking: "You see the door. It does not hear you.", talking: "Talking",
  neighbour: "A neighbour", guard: "Guard", answer: "Answer", decline: "Decline", talk: "Talk",
  hangup: "Hang up", mute: "Mute", unmute: "Unmute", taken: "Answered by", over: "The call is over", picture: "Picture",
  noMicrophone: "No microphone: you can listen, see and open.",
  ended_cancelled: "It no longer rings here", ended_declined: "Declined", ended_timeout: "Nobody answered", ended_busy: "Busy",
  ended_unreachable: "Cannot be reached", ended_blocked: "The service is blocked", ended_lost: "The connection was lost",
  ended_failed: "The call failed", unreachable: "Cannot be reached.",
  callGuard: "Call the guard", guardHow: "Rings at every guard post of the house", callNeighbour: "Call a neighbour",
  number: "Apartment", call: "Call", phones: "Phone numbers", nobodyToCall: "There is nobody to call from here.",
  monitors: "At home", armed: "Guarded", armedHow: "The alarm of the monitor is on", disarmedHow: "The alarm of the monitor is off",
  unknownHow: "The monitor has not told yet", relayOn: "on", relayOff: "off", relay: "Relay",
  call_line: "Call", placed: "Called from the app", missed: "Missed", answeredBy: "Answered by", today: "Today", yesterday: "Yesterday", nothing: "Nothing yet.",
  declined: "Declined", busy: "Busy", cancelled: "The visitor left", no_answer: "Missed",
  pin: "Code", apt_pin: "Code", rf_card: "Card", nfc: "Phone at the reader", face: "Face", bluetooth: "Bluetooth", qr: "QR code",
  dtmf: "From a call", app_home: "From the app", app_talk: "From a call in the app", exit_button: "Exit button", fire: "Fire alarm",
  remote: "By the house", granted: "Opened", notOpened: "Not opened",
  newPass: "New pass", passName: "For whom", passUntil: "Valid until", passKind: "How it opens",
  apartment: "Apartment", make: "Make the pass", share: "Share", revoke: "Revoke", once: "Shown once. Share it now.", finished: "Done",
  myPasses: "Passes", noPasses: "No passes yet. Make one for a guest or a courier.", left: "uses left", copied: "Copied",
  pass_valid: "Valid", pass_used: "Used up", pass_over: "Over",
  quiet: "Quiet hours", quietHow: "No ring on this phone", from: "From", until: "Until", save: "Save", saved: "Saved",
  push: "Ring when the app is closed", pushHow: "By a notification of the browser", pushDenied: "Notifications are forbidden in the browser.",
  install: "Install the app", installHow: "On an iPhone: Share, then “Add to Home Screen”.",
  phone: "This phone", leave: "Remove this phone", leaveSure: "Hold to remove this phone",
  device_disabled: "The door is switched off.", door_offline: "The door is offline.", outside_schedule: "Not at this hour.",
  not_allowed: "Not allowed.", service_blocked: "The service is blocked.", service_off: "The service is off.", app_expired: "The app has expired.",
  method_not_on_relay: "This door does not open from the app.", door_not_served: "This door is not one of yours.",
  offline_monitor: "The monitor is offline.", no_answer_monitor: "The monitor did not answer.", refused_monitor: "The monitor refused.",
  not_connected: "This apartment cannot be called.", unknown: "There is no such apartment.",
  store: "Try again.", stopping: "The house restarts. Try again.", unknown_credential: "Unknown code or card", locked_out: "Too many tries",
  not_yet_valid: "Not yet valid", uses_spent: "Used up", permission: "Not allowed here", device_unknown: "Unknown door",
};
type Words = typeof EN;
const RU: Words = {
  doors: "Двери", people: "Вызов", passes: "Гости", history: "История", settings: "Настройки", menu: "Разделы",
  invited: "Добро пожаловать", invitedHow: "Дайте телефону имя. Он зазвонит, когда кто-то придёт, и откроет дверь.",
  phoneName: "Имя этого телефона", letIn: "Подключить телефон", myPhone: "Мой телефон",
  invite_failed: "Приглашение использовано, устарело или неизвестно. Попросите новое.",
  rate: "Слишком много попыток. Подождите минуту.", failed: "Не получилось. Попробуйте ещё раз.",
  nobody: "Этот телефон ещё не подключён", nobodyHow: "Попросите у управляющего приглашение и откройте его ссылку здесь.",
  connecting: "Соединение…", offline: "Нет связи с домом. Пробуем снова…",
  hold: "Держите, чтобы открыть", opened: "Открыто", refused: "Не открыто", look: "Посмотреть", online: "В сети", away: "Не в сети",
  noDoors: "Отсюда нельзя открыть ни одной двери.",
  blocked: "Обслуживание квартиры приостановлено. Двери открываются ключом или картой.", off: "Обслуживание квартиры отключено.",
  expired: "Срок приложения истёк. Обратитесь к управляющему.", inactive: "Приложение ещё не активно.",
  ringing: "звонит", calling: "Вызов…", looking: "Вы видите дверь. Вас не слышно.", talking: "Разговор",
  neighbour: "Сосед", guard: "Охрана", answer: "Ответить", decline: "Отклонить", talk: "Говорить",
  hangup: "Завершить", mute: "Без звука", unmute: "Включить звук", taken: "Ответил(а)", over: "Звонок завершён", picture: "Изображение",
  noMicrophone: "Нет микрофона: можно слушать, смотреть и открывать.",
  ended_cancelled: "Здесь больше не звонит", ended_declined: "Отклонено", ended_timeout: "Никто не ответил", ended_busy: "Занято",
  ended_unreachable: "Нет связи", ended_blocked: "Обслуживание приостановлено", ended_lost: "Связь прервалась",
  ended_failed: "Звонок не удался", unreachable: "Нет связи.",
  callGuard: "Вызвать охрану", guardHow: "Звонит на всех постах охраны дома", callNeighbour: "Позвонить соседу",
  number: "Квартира", call: "Вызвать", phones: "Телефоны", nobodyToCall: "Отсюда некому позвонить.",
  monitors: "Дома", armed: "Под охраной", armedHow: "Сигнализация монитора включена", disarmedHow: "Сигнализация монитора выключена",
  unknownHow: "Монитор ещё не сообщил", relayOn: "вкл.", relayOff: "выкл.", relay: "Реле",
  call_line: "Звонок", placed: "Вызов из приложения", missed: "Пропущен", answeredBy: "Ответил(а)", today: "Сегодня", yesterday: "Вчера", nothing: "Пока ничего.",
  declined: "Отклонён", busy: "Занято", cancelled: "Посетитель ушёл", no_answer: "Пропущен",
  pin: "Код", apt_pin: "Код", rf_card: "Карта", nfc: "Телефон у считывателя", face: "Лицо", bluetooth: "Bluetooth", qr: "QR-код",
  dtmf: "Из разговора", app_home: "Из приложения", app_talk: "Из разговора в приложении", exit_button: "Кнопка выхода", fire: "Пожарная тревога",
  remote: "Управлением дома", granted: "Открыто", notOpened: "Не открыто",
  newPass: "Новый пропуск", passName: "Для кого", passUntil: "Действует до", passKind: "Чем открывает",
  apartment: "Квартира", make: "Создать пропуск", share: "Поделиться", revoke: "Отозвать", once: "Показан один раз. Отправьте сейчас.", finished: "Готово",
  myPasses: "Пропуска", noPasses: "Пропусков пока нет. Создайте для гостя или курьера.", left: "осталось проходов", copied: "Скопировано",
  pass_valid: "Действует", pass_used: "Использован", pass_over: "Истёк",
  quiet: "Тихие часы", quietHow: "Этот телефон не звонит", from: "С", until: "До", save: "Сохранить", saved: "Сохранено",
  push: "Звонить, когда приложение закрыто", pushHow: "Уведомлением браузера", pushDenied: "Уведомления запрещены в браузере.",
  install: "Установить приложение", installHow: "На iPhone: «Поделиться», затем «На экран „Домой“».",
  phone: "Этот телефон", leave: "Удалить этот телефон", leaveSure: "Держите, чтобы удалить",
  device_disabled: "Дверь отключена.", door_offline: "Дверь не в сети.", outside_schedule: "Не в это время.",
  not_allowed: "Не разрешено.", service_blocked: "Обслуживание приостановлено.", service_off: "Обслуживание отключено.", app_expired: "Срок приложения истёк.",
  method_not_on_relay: "Эта дверь не открывается из приложения.", door_not_served: "Эта дверь не ваша.",
  offline_monitor: "Монитор не в сети.", no_answer_monitor: "Монитор не ответил.", refused_monitor: "Монитор отказал.",
  not_connected: "В эту квартиру нельзя позвонить.", unknown: "Такой квартиры нет.",
  store: "Попробуйте ещё раз.", stopping: "Дом перезапускается. Попробуйте ещё раз.", unknown_credential: "Неизвестный код или карта", locked_out: "Слишком много попыток",
  not_yet_valid: "Ещё не действует", uses_spent: "Использован", permission: "Здесь не разрешено", device_unknown: "Неизвестная дверь",
};

export const russian = navigator.language.toLowerCase().startsWith("ru");
const LOCALE = russian ? "ru" : "en-GB";
document.documentElement.lang = russian ? "ru" : "en";
export const words: Words = russian ? RU : EN;

/** What a word of the protocol is called; an unknown one is *otherwise*, or as it came. */
export const said = (reason: unknown, otherwise?: string): string =>
  (words as Record<string, string>)[String(reason)] ?? otherwise ?? String(reason ?? words.failed);

export const time = (at: number | string): string =>
  new Date(at).toLocaleString(LOCALE, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const hour = (at: number): string => new Date(at).toLocaleTimeString(LOCALE, { hour: "2-digit", minute: "2-digit" });

/** Today, yesterday, or the date. */
export function day(at: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (at >= midnight) return words.today;
  if (at >= midnight - 86_400_000) return words.yesterday;
  return new Date(at).toLocaleDateString(LOCALE, { weekday: "long", day: "numeric", month: "long" });
}
