"""A central store on a real socket that misbehaves on request: what it sends can be cut, changed, delayed, repeated."""

import asyncio
import base64
import contextlib
import gzip
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.cloud import tokens
from edge.cloud.wire import KINDS, canonical, items_hash, sign

CODE: Final = "enrol-me"
EDGE: Final = "e-1"


@dataclass(slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Sent:
    """What will be sent; a script may change it."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None  # so many bytes of the body, then the connection is closed


Script = Callable[[Asked, Sent], Sent]


class FakeCentral:
    """Use as an asynchronous context manager. `put` and `drop` make revisions; `scripts` meet each answer once."""

    def __init__(self, host: str = "127.0.0.1", *, epoch: str = "e7f0", page_items: int = 0, sign: bool = True) -> None:
        self._host = host
        self.epoch = epoch
        self.page_items = page_items
        self.key = Ed25519PrivateKey.generate()
        self.signs = sign
        self.rev = 0
        self.floor = 0
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.scripts: list[Script] = []  # each is used for one answer to `sync`
        self.always: Script | None = None  # for every request
        self.confirm = False
        self.asked: list[Asked] = []
        self.acks: list[dict[str, Any]] = []
        self.events: dict[tuple[str, int], dict[str, Any]] = {}
        self.doubled = 0
        self.edge_key: Ed25519PublicKey | None = None
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in list(self._links):
            link.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    # --- content -----------------------------------------------------------------------------------------------------

    def put(self, kind: str, identity: str, /, **body: Any) -> int:
        """A thing is made or changed; the new revision."""
        return self.change([{"kind": kind, "id": identity, "body": body}])

    def drop(self, kind: str, identity: str) -> int:
        return self.change([{"kind": kind, "id": identity, "del": True}])

    def change(self, items: Iterable[dict[str, Any]]) -> int:
        """Several things in one transaction."""
        self.rev += 1
        for item in items:
            self.items[item["kind"], item["id"]] = {**item, "rev": self.rev}
        return self.rev

    async def tell(self) -> None:
        """Wake the questions that wait."""
        async with self._changed:
            self._changed.notify_all()

    def live(self) -> list[dict[str, Any]]:
        return self._ordered(item for item in self.items.values() if "body" in item)

    def _ordered(self, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(items, key=lambda item: (KINDS.index(item["kind"]), item["id"]))

    def answer(self, mode: str, since: int, to: int, items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """An answer as it should be."""
        sha256 = items_hash(canonical(item) for item in items)
        told: dict[str, Any] = {
            "v": 1, "epoch": self.epoch, "mode": mode, "from": since, "to": to, "count": len(items),
            "sha256": sha256, "more": "next" in more, "items": items, **more,
        }  # fmt: skip
        if self.signs:
            told["sig"] = sign(self.key, self.epoch, since, to, sha256)
        if self.confirm:
            told["confirm"] = True
        return told

    # --- requests ----------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._links.add(writer)
        try:
            while asked := await _read(reader):
                self.asked.append(asked)
                sent = await self._answered(asked)
                if self.always is not None:
                    sent = self.always(asked, sent)
                if not await _write(writer, sent):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._links.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answered(self, asked: Asked) -> Sent:
        if asked.name == "enrol":
            return self._enrol(asked)
        if not self._knows(asked):
            return Sent(401)
        if asked.name == "sync":
            sent = await self._sync(asked)
            return self.scripts.pop(0)(asked, sent) if self.scripts else sent
        if asked.name == "ack":
            self.acks.append(asked.json())
            return Sent()
        return self._store(asked.json())

    def _enrol(self, asked: Asked) -> Sent:
        told = asked.json()
        if told["code"] != CODE:
            return Sent(403, b'{"error":"the code is not known"}')
        self.edge_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(told["public_key"]))
        known = {"central_public_key": base64.b64encode(self.key.public_key().public_bytes_raw()).decode()}
        return Sent(200, json.dumps({"edge": EDGE, **(known if self.signs else {})}).encode())

    def _knows(self, asked: Asked) -> bool:
        if self.edge_key is None:
            return False
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = tokens.check(bearer, self.edge_key, audiences=frozenset({"central"}), now_s=time.time())
        except tokens.TokenError:
            return False
        return claims.issuer == EDGE

    async def _sync(self, asked: Asked) -> Sent:
        since, epoch = int(asked.query["since"]), asked.query.get("epoch", "")
        if since and (epoch != self.epoch or since < self.floor or since > self.rev):
            return Sent(410, json.dumps({"error": "gone", "epoch": self.epoch, "floor": self.floor}).encode())
        wait_s = float(asked.query.get("wait", 0))
        if since == self.rev and "page" not in asked.query and wait_s and since:
            async with self._changed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait_s)
        if since and since == self.rev:
            return Sent(304, b"")
        told = self._snapshot(asked) if since == 0 else self._delta(since)
        return Sent(200, gzip.compress(json.dumps(told).encode(), 1), {"Content-Encoding": "gzip"})

    def _snapshot(self, asked: Asked) -> dict[str, Any]:
        items = self.live()
        size = self.page_items or len(items) or 1
        page = int(asked.query.get("page", f"{self.rev}.0").split(".")[1])
        rest = {"next": f"{self.rev}.{page + 1}"} if (page + 1) * size < len(items) else {}
        return self.answer("snapshot", 0, self.rev, items[page * size : (page + 1) * size], **rest)

    def _delta(self, since: int) -> dict[str, Any]:
        return self.answer("delta", since, self.rev, self._ordered(i for i in self.items.values() if i["rev"] > since))

    def _store(self, told: dict[str, Any]) -> Sent:
        for event in told["events"]:
            key = told["db_id"], event["seq"]
            self.doubled += key in self.events
            self.events.setdefault(key, event)
        upto = 0
        while (told["db_id"], upto + 1) in self.events:
            upto += 1
        return Sent(200, json.dumps({"upto": upto}).encode())


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode().rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Asked(method, parts.path, query, headers, body)


async def _write(writer: asyncio.StreamWriter, sent: Sent) -> bool:
    """Whether the connection goes on."""
    lines = [f"HTTP/1.1 {sent.status} Status", f"Date: {formatdate(usegmt=True)}", f"Content-Length: {len(sent.body)}"]
    lines += [f"{name}: {value}" for name, value in sent.headers.items()]
    body = sent.body if sent.cut_at is None else sent.body[: sent.cut_at]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()
    return sent.cut_at is None
