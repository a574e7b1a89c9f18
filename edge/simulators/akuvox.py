"""What an Akuvox door phone holds and answers: configuration, users, schedules, door log, relays. Pure.

With what is told of real ones: pages of ten rows, texts with spelling mistakes, card fields cut at 63 characters, a
`set` that replaces a user's whole record, values that are lost by a power cut unless the device was rebooted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

ROWS_A_PAGE: Final = 10
MAX_CARD_CHARS: Final = 63
MAX_LOG_ROWS: Final = 1_000
ALWAYS: Final = "1001"
NEVER: Final = "1002"
PASSWORDS: Final = (".Pwd", ".Password", ".Password02")
_PIN_DIGITS: Final = range(4, 9)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Model:
    """What differs between models and firmware."""

    name: str = "R29"
    firmware: str = "29.30.10.13"
    max_users: int = 10_000
    max_users_a_request: int = 1_000  # more can freeze it
    schedule_field: str = "ScheduleRelay"  # or Schedule-Relay, Schedule
    needs_target: bool = False  # takes a request only with its target in the body
    users_by_set_only: bool = False  # takes changes of users at /api/user/set alone, the action in the body
    base64_passwords: bool = False


FACTORY: Final[Mapping[str, str]] = {
    "Config.Account1.GENERAL.Enable": "0",
    "Config.Account1.GENERAL.UserName": "",
    "Config.Account1.GENERAL.AuthName": "",
    "Config.Account1.GENERAL.Pwd": "",
    "Config.Account1.SIP.Server": "",
    "Config.Account1.SIP.Port": "5060",
    "Config.Account1.SIP.TransType": "0",
    "Config.Autoprovision.GENERAL.Url": "",
    "Config.Autoprovision.GENERAL.UserName": "",
    "Config.Autoprovision.GENERAL.Pwd": "",
    "Config.Autoprovision.MODE.Mode": "1",
    "Config.Autoprovision.PNP.Enable": "1",
    "Config.DoorSetting.APIFCGI.Enable": "1",
    "Config.DoorSetting.APIFCGI.AuthMode": "4",
    "Config.DoorSetting.APIFCGI.UserName": "admin",
    "Config.DoorSetting.APIFCGI.Password": "httpapi",
    "Config.DoorSetting.CLOUDSERVER.RpsEnable": "1",
    "Config.DoorSetting.RELAY.RelayADelay": "5",
    "Config.DoorSetting.RELAY.RelayATrigAlways": "1",  # so that a test sees it forced off
    "Config.Features.ACTIONURL.Enable": "0",
    "Config.Firmware.Url": "",
    "Config.Settings.LOGLEVEL.RemoteServer": "",
    "Config.Settings.LOGLEVEL.RemoteSyslog": "0",
    "Config.Settings.WEB_LOGIN.Password": "admin",
    "Config.Settings.WEB_LOGIN.User": "admin",
}


@dataclass
class AkuvoxDevice:
    """One device. *mac*: 12 digits; *clock*: its own, as ``(YYYY-MM-DD, HH:MM:SS)``."""

    mac: str
    clock: Callable[[], tuple[str, str]]
    model: Model = Model()  # noqa: RUF009  # frozen
    config: dict[str, str] = field(default_factory=lambda: dict(FACTORY))
    users: dict[str, dict[str, Any]] = field(default_factory=dict)  # by ID
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    dial_list: dict[str, dict[str, Any]] = field(default_factory=dict)
    door_log: list[dict[str, Any]] = field(default_factory=list)
    call_log: list[dict[str, Any]] = field(default_factory=list)
    triggered: list[dict[str, Any]] = field(default_factory=list)  # what `relay/trig` did
    reboots: int = 0
    _flash: dict[str, str] = field(default_factory=lambda: dict(FACTORY))
    next_id: int = 1
    _next_log: int = 1

    # --- life -------------------------------------------------------------------------------------------------------

    def reboot(self) -> None:
        """An orderly one: what was set is kept."""
        self._flash = dict(self.config)
        self.reboots += 1

    def power_cut(self) -> None:
        """What was set since the last reboot is lost."""
        self.config = dict(self._flash)
        self.reboots += 1

    def reset(self) -> None:
        """The factory state: configuration, users and logs; the firmware stays."""
        self.config, self._flash = dict(FACTORY), dict(FACTORY)
        self.users, self.schedules, self.dial_list = {}, {}, {}
        self.door_log, self.call_log = [], []
        self.reboots += 1

    def flash(self, firmware: str) -> None:
        self.model = replace(self.model, firmware=firmware)
        self.reboot()

    # --- requests ---------------------------------------------------------------------------------------------------

    def ask(self, target: str, action: str, data: Json, page: int | None = None) -> dict[str, Any]:
        """The reply to one request of the HTTP API."""
        if target == "user" and self.model.users_by_set_only and action in ("add", "del", "clear"):
            return _refusal(action, "unsuport acton")
        handler = _HANDLERS.get((target, action))
        if handler is None:
            return _refusal(action, "unkown target or acton")
        try:
            told = handler(self, data, page)
        except _Refused as error:
            return _refusal(action, str(error))
        return {"retcode": 0, "action": action, "message": "OK", "data": told}

    def user_set(self, body: Json, page: int | None = None) -> dict[str, Any]:
        """`/api/user/set` with an action of its own in the body."""
        action, data = str(body.get("action", "set")), body.get("data", body)
        handler = _HANDLERS.get(("user", action))
        if handler is None:
            return _refusal(action, "unkown acton")
        try:
            return {"retcode": 0, "action": action, "message": "OK", "data": handler(self, data, page)}
        except _Refused as error:
            return _refusal(action, str(error))

    # --- what happens at the door -----------------------------------------------------------------------------------

    def who_has(self, kind: str, value: str) -> dict[str, Any] | None:
        """The user whose PIN (``PrivatePIN``) or card (``CardCode``) this is, if the door is open to it now."""
        for user in self.users.values():
            values = str(user.get(kind, "")).split(";")
            if value and value in values and not str(user.get(self.model.schedule_field, "")).startswith(NEVER):
                return user
        return None

    def log_door(self, kind: str, code: str, user: Json | None, relay: str = "") -> None:
        date, time = self.clock()
        row = {
            "ID": str(self._next_log), "Date": date, "Time": time, "Name": user["Name"] if user else "Unknown",
            "Code": code, "Type": kind, "Relay": relay if user else "", "AccessMode": "",
            "Status": "Succ" if user else "Failed",
        }  # fmt: skip
        self._next_log += 1
        self.door_log.insert(0, row)
        del self.door_log[MAX_LOG_ROWS:]

    # --- handlers ---------------------------------------------------------------------------------------------------

    def _info(self, data: Json, page: int | None) -> Json:
        mac = ":".join(self.mac.upper()[i : i + 2] for i in range(0, 12, 2))
        return {"Status": {"MAC": mac, "Model": self.model.name, "FirmwareVersion": self.model.firmware}}

    def _config_get(self, data: Json, page: int | None) -> Json:
        return dict(self.config)

    def _config_set(self, data: Json, page: int | None) -> Json:
        if not data:
            raise _Refused("parm eror")
        for key, value in data.items():
            if not key.startswith("Config.") or not isinstance(value, str):
                raise _Refused("parm eror")
        self.config |= dict(data)
        return {}

    def _users(self, data: Json, page: int | None) -> Json:
        return _paged(list(self.users.values()), page)

    def _add(self, data: Json, page: int | None) -> Json:
        items = _items(data)
        if len(items) > self.model.max_users_a_request:
            raise _Refused("memery is not enought")
        if len(self.users) + len(items) > self.model.max_users:
            raise _Refused("user is ful")
        known = {user["UserID"] for user in self.users.values()}
        for item in items:
            if not item.get("UserID") or item["UserID"] in known:
                raise _Refused("UserID is repeted")
            self._check(item)
        for item in items:
            identity = str(self.next_id)
            self.next_id += 1
            self.users[identity] = self._record({**item, "ID": identity})
        return {}

    def _set(self, data: Json, page: int | None) -> Json:
        for item in _items(data):
            if str(item.get("ID")) not in self.users:
                raise _Refused("ID is not exsit")
            self._check(item)
            self.users[str(item["ID"])] = self._record(item)
        return {}

    def _del(self, data: Json, page: int | None) -> Json:
        for item in _items(data):
            self.users.pop(str(item.get("ID")), None)
        return {}

    def _clear(self, data: Json, page: int | None) -> Json:
        self.users.clear()
        return {}

    def _check(self, item: Json) -> None:
        pin = str(item.get("PrivatePIN", ""))
        if pin and not (pin.isdigit() and len(pin) in _PIN_DIGITS):
            raise _Refused("PrivatePIN is ilegal")

    def _record(self, item: Json) -> dict[str, Any]:
        """A whole record: what is not in *item* is as from the factory."""
        own = self.model.schedule_field
        return {
            "ID": str(item["ID"]), "Name": str(item.get("Name", "")), "UserID": str(item.get("UserID", "")),
            "PrivatePIN": str(item.get("PrivatePIN", "")), "CardCode": str(item.get("CardCode", ""))[:MAX_CARD_CHARS],
            "WebRelay": str(item.get("WebRelay", "0")), own: str(item.get(own, f"{NEVER}-1;")),
            "LiftFloorNum": str(item.get("LiftFloorNum", "0")), "SourceType": "1",
        }  # fmt: skip

    def _schedules(self, data: Json, page: int | None) -> Json:
        return _paged(list(self.schedules.values()), page)

    def _schedule_add(self, data: Json, page: int | None) -> Json:
        for item in _items(data):
            identity = str(self.next_id)
            self.next_id += 1
            self.schedules[identity] = {**item, "ID": identity}
        return {}

    def _schedule_del(self, data: Json, page: int | None) -> Json:
        for item in _items(data):
            self.schedules.pop(str(item.get("ID")), None)
        return {}

    def _dial_list(self, data: Json, page: int | None) -> Json:
        return {"num": len(self.dial_list), "item": [dict(row) for row in self.dial_list.values()]}

    def _dial_add(self, data: Json, page: int | None) -> Json:
        for item in _items(data):
            if not item.get("Prefix"):
                raise _Refused("Prefix is nul")
            identity = str(self.next_id)
            self.next_id += 1
            self.dial_list[identity] = {**item, "ID": identity}
        return {}

    def _dial_clear(self, data: Json, page: int | None) -> Json:
        self.dial_list.clear()
        return {}

    def _door_log(self, data: Json, page: int | None) -> Json:
        return _paged(self.door_log, page)

    def _call_log(self, data: Json, page: int | None) -> Json:
        return _paged(self.call_log, page)

    def _trigger(self, data: Json, page: int | None) -> Json:
        if data.get("num") not in (1, 2, 3, 4) or data.get("mode") not in (0, 1) or "delay" not in data:
            raise _Refused("parm eror")
        self.triggered.append(dict(data))
        return {}

    def _relays(self, data: Json, page: int | None) -> Json:
        return {key: value for key, value in self.config.items() if key.startswith("Config.DoorSetting.RELAY.")}

    def _nothing(self, data: Json, page: int | None) -> Json:
        """A reboot and a reset are the web side's to carry out, after the reply."""
        return {}


class _Refused(Exception):
    """With the device's own spelling."""


_Handler = Callable[[AkuvoxDevice, Json, int | None], Json]
_HANDLERS: Final[Mapping[tuple[str, str], _Handler]] = {
    ("system", "info"): AkuvoxDevice._info,
    ("system", "status"): AkuvoxDevice._info,
    ("system", "reboot"): AkuvoxDevice._nothing,
    ("config", "get"): AkuvoxDevice._config_get,
    ("config", "set"): AkuvoxDevice._config_set,
    ("config", "reset_factory"): AkuvoxDevice._nothing,
    ("user", "get"): AkuvoxDevice._users,
    ("user", "add"): AkuvoxDevice._add,
    ("user", "set"): AkuvoxDevice._set,
    ("user", "del"): AkuvoxDevice._del,
    ("user", "clear"): AkuvoxDevice._clear,
    ("schedule", "get"): AkuvoxDevice._schedules,
    ("schedule", "add"): AkuvoxDevice._schedule_add,
    ("schedule", "del"): AkuvoxDevice._schedule_del,
    ("dialreplace", "get"): AkuvoxDevice._dial_list,
    ("dialreplace", "add"): AkuvoxDevice._dial_add,
    ("dialreplace", "clear"): AkuvoxDevice._dial_clear,
    ("doorlog", "get"): AkuvoxDevice._door_log,
    ("calllog", "get"): AkuvoxDevice._call_log,
    ("relay", "trig"): AkuvoxDevice._trigger,
    ("relay", "get"): AkuvoxDevice._relays,
    ("relay", "status"): AkuvoxDevice._relays,
}


def _refusal(action: str, text: str) -> dict[str, Any]:
    return {"retcode": -100, "action": action, "message": text, "data": {}}


def _items(data: Json) -> list[dict[str, Any]]:
    items = data.get("item")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _Refused("parm eror")
    return items


def _paged(rows: Sequence[Json], page: int | None) -> Json:
    """Ten rows, from the first on; *page* counts from 1."""
    first = ((page or 1) - 1) * ROWS_A_PAGE
    return {"num": len(rows), "item": [dict(row) for row in rows[first : first + ROWS_A_PAGE]]}
