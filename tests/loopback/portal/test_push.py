"""Web Push: a sleeping phone is rung through a service that learns nothing; quiet hours; a service that fails."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.phone.handle import Phone
from tests.loopback.portal.home import GATE, Apartment, Home, home
from tests.loopback.portal.push_service import PushService, Subscriber

DAY_S = 86_400


async def dialled(here: Home, gate: Phone) -> int:
    return gate.call(here.uri("101"))


async def planned(here: Home) -> str:
    """Why the app rings, in the words of `edge call plan`."""
    (stage,) = (await here.site.edge("call", "plan", "1/101"))["stages"]
    (leg,) = stage["legs"]
    return str(leg["why"])


async def ended(gate: Phone, since: int) -> int:
    return int((await gate.state("disconnected", 20, since))["status"])


async def test_a_sleeping_phone_is_woken_and_the_service_learns_nothing(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    ip = next(addresses)
    settings = {"app.push_services": [ip]}
    async with (
        PushService(ip).running() as service,
        home(tmp_path, addresses, Apartment("101", 0, ("Anna",)), settings=settings) as here,
        here.sip_phone(GATE) as gate,
    ):
        browser, phone = Subscriber(), here.phones["Anna"]
        async with phone.connected() as anna:
            refused = await anna.asked("push", **browser.at("http://elsewhere.example/x"))
            assert refused["reason"] == "not_allowed"
            await anna.asked("push", **browser.at(f"{service.origin}/anna"))
            public_key = anna.state["push"]["public_key"]
            assert await planned(here) == "active resident; reachable: app phone"
        assert await planned(here) == "active resident; reachable: app phone, by push"

        since = await dialled(here, gate)
        push, again = await service.nth(1), await service.nth(2)
        async with phone.connected() as anna:
            call = (await anna.hear("ring"))["call"]
            assert browser.read(push.body) == {"v": 1, "type": "ring", "call": call}, "the call, and nothing else"
            assert browser.read(again.body) == browser.read(push.body), "a banner does not stay for long"
            assert again.headers["topic"] == push.headers["topic"], "and never stands there twice"
            told = push.headers
            assert (told["ttl"], told["urgency"], told["topic"]) == ("30", "high", call[:32])
            assert told["content-encoding"] == "aes128gcm"
            key, claims = push.vapid()
            assert key == public_key
            assert claims["aud"] == service.origin
            assert 0 < claims["exp"] - time.time() <= DAY_S
            assert claims["sub"].startswith(("mailto:", "https:"))
            for personal in ("Anna", "Berg", "Gate", "101", "Home"):
                assert personal not in repr((push.path, push.headers))
            gate.hang_up()
            assert await ended(gate, since) == 487
        assert await service.told(browser, "over", 0) == {"v": 1, "type": "over", "call": call}

        await a_phone_that_dies_while_it_rings_is_pushed(here, gate, service, browser)
        await a_service_that_fails_is_asked_again_not_for_ever(here, gate, service, browser)
        await nobody_is_woken_in_quiet_hours(here, gate, service)
        await a_subscription_that_is_gone_is_forgotten(here, gate, service)


async def a_phone_that_dies_while_it_rings_is_pushed(
    here: Home, gate: Phone, service: PushService, browser: Subscriber
) -> None:
    before = len(service.asked)
    async with here.phones["Anna"].connected() as anna:
        since = await dialled(here, gate)
        call = (await anna.hear("ring"))["call"]
        anna.dead = True
        await service.told(browser, "ring", before)  # nothing was heard of it for 9 s
    async with here.phones["Anna"].connected() as anna:
        await anna.hear("ring", call=call)
        gate.hang_up()
        await ended(gate, since)
    await service.told(browser, "over", before)


async def a_service_that_fails_is_asked_again_not_for_ever(
    here: Home, gate: Phone, service: PushService, browser: Subscriber
) -> None:
    before = len(service.asked)
    service.statuses = [503, 500, 201]
    since = await dialled(here, gate)
    third = await service.nth(before + 3)
    assert browser.read(third.body)["type"] == "ring"
    gate.hang_up()
    await ended(gate, since)
    await service.told(browser, "over", before)

    before = len(service.asked)
    service.statuses = [307, 201]
    since = await dialled(here, gate)
    await service.nth(before + 1)
    gate.hang_up()
    await ended(gate, since)
    await service.told(browser, "over", before)
    assert {push.path for push in service.asked} == {"/anna"}, "nobody is followed elsewhere"


async def nobody_is_woken_in_quiet_hours(here: Home, gate: Phone, service: PushService) -> None:
    before, now = len(service.asked), datetime.now(UTC).astimezone(ZoneInfo("Europe/Berlin"))
    hours = {"from": f"{now - timedelta(hours=1):%H:%M}", "until": f"{now + timedelta(hours=1):%H:%M}"}
    async with here.phones["Anna"].connected() as anna:
        await anna.asked("dnd", **hours)
    assert await ended(gate, await dialled(here, gate)) == 480, "nobody can be reached"
    async with here.phones["Anna"].connected() as anna:
        assert anna.state["dnd"] == hours
        since = await dialled(here, gate)
        assert (await anna.hear("ring"))["quiet"]
        gate.hang_up()
        await ended(gate, since)
        await anna.asked("dnd", **{"from": None})
    assert len(service.asked) == before


async def a_subscription_that_is_gone_is_forgotten(here: Home, gate: Phone, service: PushService) -> None:
    before = len(service.asked)
    service.statuses = [410]
    since = await dialled(here, gate)
    await service.nth(before + 1)
    async with here.phones["Anna"].connected() as anna:
        await anna.shows(lambda state: not state["push"]["subscribed"])
        gate.hang_up()
        await ended(gate, since)
    assert await ended(gate, await dialled(here, gate)) == 480, "nobody can be reached"
    assert await planned(here) == "active resident; not reachable now, would be passed over"
    assert len(service.asked) == before + 1
