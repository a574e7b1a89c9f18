"""What the app shows of the home: its monitors with relays and arming, the community's numbers, sign and colour."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from edge.admin import apartments
from edge.admin.site import Site as OpenSite
from models.service import ServiceState
from tests.loopback.portal.home import MONITOR, Apartment, Home, home
from tests.loopback.portal.phones import App

SIGN: Final = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


async def monitor(app: App, **wanted: Any) -> Mapping[str, Any]:
    """The only monitor, once it is as *wanted*."""
    await app.shows(lambda state: wanted.items() <= state["monitors"][0].items())
    (found,) = app.state["monitors"]
    return dict(found)


async def test_a_monitor_tells_of_its_relays_and_is_armed_by_who_lives_there(
    tmp_path: Path, addresses: Iterator[str]
) -> None:
    rooms = (Apartment("101", 0, ("Anna",), monitor=True), Apartment("102", 0, ("Ben",)))
    async with home(tmp_path, addresses, *rooms) as here:
        async with here.phones["Anna"].connected() as anna, here.phones["Ben"].connected() as ben:
            assert [(one["name"], one["armed"]) for one in anna.state["monitors"]] == [("Hall", None)]
            assert ben.state["monitors"] == []
            assert (await anna.asked("arm", monitor=MONITOR, armed=True))["reason"] == "offline"
            async with here.device(MONITOR, "2") as hall:
                await monitor(anna, online=True)
                hall.do("event", id="e-1", type="relay", n=2, state=True)
                assert (await monitor(anna, relays=[{"relay": "2", "on": True}]))["arming"]
                assert await anna.asked("arm", monitor=MONITOR, armed=True) == {"armed": True}
                assert (await hall.wait("down", verb="arm", timeout_s=20))["verb"] == "arm"
                await monitor(anna, armed=True)
                hall.do("event", id="e-2", type="arming", armed=False)
                await monitor(anna, armed=False)
                assert (await ben.asked("arm", monitor=MONITOR, armed=True))["reason"] == "not_allowed"
                await it_is_forgotten_when_the_service_is_blocked(here, anna)
        orders = [row for row in await here.site.log("--kind", "audit") if row["detail"]["action"] == "device arm"]
        assert [row["detail"]["by"] for row in orders] == ["app: Anna Berg"] * len(orders)
        await here.daemon.stop()
        async with here.site.daemon(tmp_path / "again.log"), here.phones["Anna"].connected() as anna:
            (known,) = anna.state["monitors"]
            assert (known["armed"], known["relays"]) == (False, [{"relay": "2", "on": True}])


async def it_is_forgotten_when_the_service_is_blocked(here: Home, anna: App) -> None:
    office = OpenSite.open(here.site.folder)
    try:
        for service in (ServiceState.BLOCKED, ServiceState.ACTIVE):
            with office.admin("installer").edit() as edit:
                apartments.set_service(edit, "1/101", service)
            shown = service is ServiceState.ACTIVE
            await anna.shows(lambda state, shown=shown: bool(state["monitors"]) is shown)
            if not shown:
                assert (await anna.asked("arm", monitor=MONITOR, armed=True))["reason"] == "not_allowed"
    finally:
        office.close()


async def test_the_communitys_numbers_sign_and_colour(tmp_path: Path, addresses: Iterator[str]) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sign.svg").write_bytes(SIGN)
    settings = {"app.phones": ["Caretaker: +49 30 123456"], "app.logo": "sign.svg", "app.colour": "#204a87"}
    async with (
        home(tmp_path, addresses, Apartment("101", 0, ("Anna",)), settings=settings) as here,
        here.phones["Anna"].connected() as anna,
        httpx.AsyncClient(trust_env=False, base_url=here.origin) as web,
    ):
        community = anna.state["community"]
        assert community["phones"] == [{"name": "Caretaker", "number": "+49 30 123456"}]
        assert community["colour"] == "#204a87"
        sign = await web.get(community["logo"])
        assert (sign.content, sign.headers["content-type"]) == (SIGN, "image/svg+xml")
        assert "sandbox" in sign.headers["content-security-policy"]
