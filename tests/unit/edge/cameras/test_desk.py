from collections.abc import Callable

import pytest

from edge.cameras.desk import LOOKS_OF_A_SESSION_MAX, RUNNING_MAX, CameraDesk
from edge.cameras.stored import Camera
from edge.http.whep import Refusal
from models.ids import DeviceId, Mac
from sip.media.webrtc import NotUsable


class FakeReading:
    """Says whether it reads."""

    offer = b""

    def __init__(self, camera: Camera) -> None:
        self.reads = False

    def begin(self, port: int) -> None:
        self.reads = True

    async def stop(self) -> None:
        self.reads = False


class FakeHub:
    picture_port = 5000

    def __init__(self, gone: Callable[[str], None]) -> None:
        self.gone = gone
        self.apps: list[str] = []
        self.closed = False

    def stop_tone(self) -> None: ...

    async def connect(self, app: str, offer: str) -> str:
        if offer == "unfit":
            raise NotUsable("unfit")
        self.apps.append(app)
        return f"answer to {offer}"

    async def disconnect(self, app: str) -> None:
        self.apps.remove(app)

    async def close(self) -> None:
        self.closed = True


class Stage:
    def __init__(self, cameras: int = 1) -> None:
        self.cameras = {f"m_{n}": camera(n) for n in range(cameras)}
        self.allowed = {"anna", "boris"}
        self.hubs: list[FakeHub] = []
        self.desk = CameraDesk(
            lambda: dict(self.cameras),
            lambda _offer, _picture, gone: self._hub(gone),  # type: ignore[arg-type, return-value]
            lambda session, _door: session in self.allowed,
            FakeReading,  # type: ignore[arg-type]
        )

    def _hub(self, gone: Callable[[str], None]) -> FakeHub:
        self.hubs.append(FakeHub(gone))
        return self.hubs[-1]


def camera(number: int) -> Camera:
    return Camera(f"m_{number}", f"Yard {number}", DeviceId("d_1"), Mac("0c1105e00001"), "rtsp://x/", "admin", "secret")


async def status(stage: Stage, session: str, camera: str, offer: str = "offer") -> int:
    with pytest.raises(Refusal) as refused:
        await stage.desk.look(session, camera, offer)
    return refused.value.status


async def test_one_reader_serves_all_who_look_and_one_session_has_so_many_looks() -> None:
    stage = Stage()
    await stage.desk.start()
    looks = [await stage.desk.look("anna", "m_0", f"{n}") for n in range(LOOKS_OF_A_SESSION_MAX)]
    assert looks[0][1] == "answer to 0"
    assert await status(stage, "anna", "m_0") == 429
    await stage.desk.look("boris", "m_0", "offer")
    (hub,) = stage.hubs
    assert len(hub.apps) == LOOKS_OF_A_SESSION_MAX + 1
    assert not await stage.desk.leave("boris", looks[0][0]), "another's look"
    assert await stage.desk.leave("anna", looks[0][0])
    hub.gone(looks[1][0])
    await stage.desk.look("anna", "m_0", "offer")
    await stage.desk.stop()
    assert hub.closed


async def test_who_may_not_and_what_is_not_there_get_the_same_answer() -> None:
    stage = Stage()
    await stage.desk.start()
    assert await status(stage, "stranger", "m_0") == await status(stage, "anna", "m_9") == 404
    assert stage.desk.listed("stranger") == []
    assert stage.desk.listed("anna") == [{"id": "m_0", "name": "Yard 0", "door": "0c1105e00001"}]
    assert await status(stage, "anna", "m_0", "unfit") == 400
    assert "secret" not in f"{stage.cameras}"


async def test_so_many_cameras_are_read_at_a_time() -> None:
    stage = Stage(RUNNING_MAX + 1)
    await stage.desk.start()
    for number in range(RUNNING_MAX):
        await stage.desk.look("anna" if number % 2 else "boris", f"m_{number}", "offer")
    assert await status(stage, "carl", "m_0") == 404
    stage.allowed.add("carl")
    assert await status(stage, "carl", f"m_{RUNNING_MAX}") == 503
    await stage.desk.look("carl", "m_0", "offer")
