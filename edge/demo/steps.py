"""The play: what happens at the door of North/103 and its neighbours, each step checked at both ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from edge.demo.by_http import a_panel_without_mqtt
from edge.demo.screen import Proof
from edge.demo.stage import RING_S, Stage, require

TALK_S: Final = 1.5
_HEARD_PACKETS: Final = 25  # half a second of speech

Step = Callable[[Stage], Awaitable[Proof]]


async def devices_register(stage: Stage) -> Proof:
    for name in ("Gate", "Monitor 103"):
        await stage[name].registered()
    await stage["App of David"].wait("registration", status=200)
    rows = {row["name"]: row for row in await stage.site.edge("device", "list")}
    shown = [row for name in ("Gate", "Monitor 103") if (row := rows[name])["sip"]["online"] and row["mqtt"]["online"]]
    require(len(shown) == 2, f"the edge does not show both devices online: {[rows['Gate'], rows['Monitor 103']]}")
    offline = rows["Monitor 104"]
    require(not offline["sip"]["online"], "the edge shows a device online that was never there")
    return Proof("200 OK to REGISTER, link up, hello sent", "both online, Monitor 104 offline")


async def next_stage_answers(stage: Stage) -> Proof:
    gate, monitor, app = stage["Gate"], stage["Monitor 103"], stage["App of David"]
    since, before = {device.name: device.events.mark() for device in (gate, monitor, app)}, await stage.last_seq()
    stage.say("Gate", "a visitor dials 103")
    gate.do("call", to=stage.uri("103"))
    await monitor.wait("incoming", since=since["Monitor 103"])
    require(not app.seen("incoming"), "the app rang in the monitors' stage")
    await monitor.wait("state", RING_S + 4, since["Monitor 103"], state="disconnected")
    await app.wait("incoming", since=since["App of David"])
    await gate.wait("state", 8.0, since["Gate"], state="confirmed")
    await asyncio.sleep(TALK_S)
    heard = [await _heard(device) for device in (gate, app)]
    relays = await _opens_by_digit(stage, gate, app, "rfc4733", before)
    await _hang_up(app, gate, since)
    row = await stage.ended_call("103")
    _require_legs(row, {"monitor": "timeout", "app": "answered"})
    require(row["opened"] == relays, f"the call's row does not say which relay it opened: {row['opened']}")
    return Proof(
        f"monitor rang {RING_S:g} s, app answered, both heard ({heard[0]} and {heard[1]} packets), relay 1 opened",
        f"call {row['outcome']} by the app in stage 2, dtmf granted, relay {relays[0]}",
    )


async def landline_answers(stage: Stage) -> Proof:
    gate, telephone = stage["Gate"], stage["Telephone"]
    since, before = {device.name: device.events.mark() for device in (gate, telephone)}, await stage.last_seq()
    stage.say("Gate", "a visitor dials 104, whose monitor is unplugged")
    gate.do("call", to=stage.uri("104"))
    await telephone.wait("incoming", 3.0, since["Telephone"])
    await gate.wait("state", 8.0, since["Gate"], state="confirmed")
    await asyncio.sleep(TALK_S)
    heard = [await _heard(device) for device in (gate, telephone)]
    relays = await _opens_by_digit(stage, gate, telephone, "info", before)
    await _hang_up(telephone, gate, since)
    row = await stage.ended_call("104")
    _require_legs(row, {"monitor": "skipped", "landline": "answered"})
    require(row["opened"] == relays, f"the call's row does not say which relay it opened: {row['opened']}")
    return Proof(
        f"telephone rang at once, both heard ({heard[0]} and {heard[1]} packets), relay 1 opened",
        "monitor skipped, landline answered, dtmf granted",
    )


async def pin_and_card_open(stage: Stage) -> Proof:
    for kind in ("pin", "rf_card"):
        before, gate = await stage.last_seq(), stage["Gate"]
        stage.say("Gate", f"a {'PIN' if kind == 'pin' else 'card'} is presented")
        decision = await gate.attempt(f"demo-{kind}", kind, stage.secrets[kind])
        require(decision["message"]["granted"] and decision["relays"] == ["1"], f"the door stayed shut: {decision}")
        row = await stage.log_row(before, method=kind, outcome="granted")
        require("103" in str(row["apartment"]), f"the row names another apartment: {row}")
    return Proof("decision granted, relay 1 opened, twice", "pin granted 103, rf_card granted 103")


async def a_wrong_pin_does_not(stage: Stage) -> Proof:
    before, gate = await stage.last_seq(), stage["Gate"]
    wrong = str((int(stage.secrets["pin"]) + 1) % 10 ** len(stage.secrets["pin"])).zfill(len(stage.secrets["pin"]))
    stage.say("Gate", "a wrong PIN is presented")
    decision = await gate.attempt("demo-wrong", "pin", wrong)
    require(not decision["message"]["granted"] and not decision["relays"], f"a wrong PIN opened: {decision}")
    row = await stage.log_row(before, method="pin", outcome="denied")
    require(wrong not in str(row), "the log shows the PIN")
    return Proof(f"stays shut: {decision['message']['reason']}", f"pin denied: {row['reason']}")


async def a_repeated_message_opens_nothing(stage: Stage) -> Proof:
    gate = stage["Gate"]
    before = await stage.last_seq()
    stage.say("Gate", "the card's message arrives once more")
    decision = await gate.attempt("demo-rf_card", "rf_card", stage.secrets["rf_card"])
    require(decision["message"]["granted"], f"not the first answer: {decision}")
    require(not decision["relays"], "a repeated message opened the door again")
    rows = [row for row in await stage.site.log("--after", str(before)) if row["method"] == "rf_card"]
    require(not rows, f"a second row for one attempt: {rows}")
    return Proof("the same answer, no second opening", "no second row")


async def refused_apartments(stage: Stage) -> Proof:
    monitor_rang_before = stage["Monitor 103"].seen("incoming")
    for number, status, reason in (("203", 403, "blocked"), ("202", 403, "not_connected"), ("204", 404, "unknown")):
        gate = stage["Gate"]
        since = gate.events.mark()
        stage.say("Gate", f"a visitor dials {number}")
        gate.do("call", to=stage.uri(number))
        end = await gate.wait("state", since=since, state="disconnected")
        require(end["status"] == status, f"{number}: {end['status']} instead of {status}")
        row = await stage.ended_call(number)
        require((row["outcome"], row["reason"]) == ("refused", reason), f"{number}: the row says {row}")
    require(stage["Monitor 103"].seen("incoming") == monitor_rang_before, "somebody else's monitor rang")
    return Proof(
        "403 (blocked), 403 (no handset, not whitelisted), 404 (off)", "refused: blocked, not_connected, unknown"
    )


STEPS: Final[Mapping[str, Step]] = {
    "Devices are registered": devices_register,
    "Nobody at the monitor: the app rings, answers and opens": next_stage_answers,
    "A monitor is unplugged: the telephone rings at once and opens": landline_answers,
    "A PIN and a card open": pin_and_card_open,
    "A wrong PIN does not": a_wrong_pin_does_not,
    "A repeated message opens nothing": a_repeated_message_opens_nothing,
    "Apartments that may not be called are refused": refused_apartments,
    "A door phone without MQTT is set up and opened over HTTP": a_panel_without_mqtt,
}


async def _heard(device: Any) -> int:
    """RTP packets that *device* received in its call so far; at least half a second of them."""
    since = device.events.mark()
    device.do("stats")
    received = int((await device.wait("stats", since=since))["received"])
    require(received >= _HEARD_PACKETS, f"{device.name} hears nothing: {received} packets")
    return received


async def _opens_by_digit(stage: Stage, gate: Any, answerer: Any, by: str, before: int) -> list[Any]:
    """*answerer* presses the gate's code; the relays of the call as the log has them."""
    since = gate.events.mark()
    stage.say(answerer.name, f"presses 1 ({'RFC 4733' if by == 'rfc4733' else 'SIP INFO'})")
    answerer.do("dtmf", digits="1", by=by)
    opened = await gate.wait("down", since=since, verb="open")
    require(opened["relays"] == ["1"], f"the wrong relay: {opened}")
    row = await stage.log_row(before, method="dtmf", outcome="granted")
    require(row["device"] or row["door"], f"the row names no door: {row}")
    return list(row["relays"])


async def _hang_up(who: Any, other: Any, since: Mapping[str, int]) -> None:
    who.do("hangup")
    for device in (who, other):
        await device.wait("state", since=since[device.name], state="disconnected")


def _require_legs(row: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
    states = {leg["kind"]: leg["state"] for leg in row["legs"]}
    require(states == dict(wanted), f"legs are {states} instead of {dict(wanted)}")
    require(row["outcome"] == "answered", f"outcome {row['outcome']}")
