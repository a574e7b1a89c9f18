"""The whole daemon under rubbish at every opening: it answers in the protocol's words, counts, and goes on."""

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho

from tests.peers.site import Login, Running, house

TORTURE: Final = sorted((Path(__file__).parents[2] / "data" / "rfc4475").glob("*.dat"))
GATE: Final = "0C1105C00001"
OPTIONS: Final = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {own}:{own_port};branch=z9hG4bK{token};rport\r\n"
    "From: <sip:probe@{own}>;tag=1\r\nTo: <sip:{host}>\r\nCall-ID: {token}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
)


async def answers_options(running: Running, own: str, token: str) -> bool:
    host, port = running.daemon.sip
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        probe.bind((own, 0))
        text = OPTIONS.format(host=host, port=port, own=own, own_port=probe.getsockname()[1], token=token)
        await loop.sock_sendto(probe, text.encode(), (host, port))
        async with asyncio.timeout(5.0):
            return (await loop.sock_recv(probe, 4096)).startswith(b"SIP/2.0 200 ")


def rubbish(count: int) -> list[bytes]:
    """Random bytes, and the torture messages with a byte dropped, doubled or changed; always the same ones."""
    dice = random.Random(4475)
    made = [dice.randbytes(dice.randint(1, 1400)) for _ in range(count)]
    for file in TORTURE:
        whole = file.read_bytes()
        for _ in range(4):
            at = dice.randrange(len(whole))
            made.append(whole[:at] + dice.choice([b"", whole[at : at + 1] * 2, dice.randbytes(1)]) + whole[at + 1 :])
    return made


async def over_udp(running: Running, own: str, messages: list[bytes]) -> None:
    host, port = running.daemon.sip
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((own, 5060))
        for index, message in enumerate(messages):
            sender.sendto(message[:60000], (host, port))
            if index % 20 == 19:
                await asyncio.sleep(0.05)


async def over_tcp(running: Running, messages: list[bytes]) -> None:
    host, port = running.daemon.sip
    for message in messages:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(message)
        writer.write_eof()
        async with asyncio.timeout(10.0):
            with contextlib.suppress(ConnectionResetError):  # a close with our bytes unread is an answer too
                await reader.read()
        writer.close()


async def present(login: Login, payloads: list[bytes]) -> list[bytes]:
    """Publish *payloads* as attempts of the device, then a good one; every answer that comes until that one's."""
    assert login.mqtt is not None
    loop = asyncio.get_running_loop()
    answers: list[bytes] = []
    done = loop.create_future()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=login.mqtt["client_id"])
    client.username_pw_set(login.mqtt["user"], login.mqtt["password"])
    root = f"{login.mqtt['prefix']}/{login.mqtt['community']}/{login.mqtt['user']}"

    def told(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        answers.append(message.payload)
        if b'"last"' in message.payload:
            loop.call_soon_threadsafe(done.set_result, None)

    client.on_message = told
    client.connect(login.mqtt["host"], login.mqtt["port"])
    client.loop_start()
    try:
        client.subscribe(f"{root}/down/decision", 1)
        good = b'{"id": "last", "at": "2026-01-01T00:00:00Z", "method": "rf_card", "value": "04AA"}'
        for payload in [*payloads, good]:
            client.publish(f"{root}/up/attempt", payload, qos=1)
        async with asyncio.timeout(10.0):
            await done
    finally:
        client.loop_stop()
        client.disconnect()
    return answers


BAD_ATTEMPTS: Final = [
    b"",
    b"\xff\xfe",
    b"[" * 30_000,
    b"null",
    b"[]",
    b'{"id": 1}',
    b'{"id": "", "at": "2026-01-01T00:00:00Z", "method": "pin", "value": "1"}',
    b'{"id": "a", "at": "2026-01-01T00:00:00", "method": "pin", "value": "1"}',
    b'{"id": "b", "at": "2026-01-01T00:00:00Z", "method": "telepathy", "value": "1"}',
    b'{"id": "c", "at": "2026-01-01T00:00:00Z", "method": "pin", "value": 1234}',
    b'{"id": "d", "at": "2026-01-01T00:00:00Z", "method": "pin", "value": ""}',
    b'{"id": "e", "at": "2026-01-01T00:00:00Z", "method": "pin", "value": "' + b"1" * 129 + b'"}',
    b'{"id": "f", "method": "pin", "value": "1"}',
    b'{"id": "g", "at": "2026-01-01T00:00:00Z", "method": "pin", "value": "' + b"9" * 70_000 + b'"}',
]


async def test_rubbish_at_every_opening_changes_nothing(tmp_path: Path, addresses: Iterator[str]) -> None:
    own = next(addresses)
    async with house(tmp_path, next(addresses), "--time-zone", "Europe/Berlin") as running:
        login = await running.device(GATE, "Gate", "--type", "0")
        await running.edge("relay", "add", GATE, "1")
        before = await running.edge("log", "list")
        assert len(TORTURE) == 49
        messages = [file.read_bytes() for file in TORTURE]
        await over_udp(running, own, [*messages, *rubbish(200)])
        await over_tcp(running, messages)
        assert await answers_options(running, next(addresses), "after")
        answers = await present(login, BAD_ATTEMPTS)
        assert len(answers) == 1, "a malformed attempt is not answered"
        new = [row for row in await running.edge("log", "list") if row["seq"] > before[-1]["seq"]]
        calls = await running.edge("call", "list")
        status = await running.edge("status")
    assert [row["reason"] for row in new if row["kind"] == "access"] == ["unknown_credential"]
    assert calls == []
    assert status["health"] == dict.fromkeys(status["health"], "ok")
