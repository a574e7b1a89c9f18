"""Messages between the daemon and a process that carries media of apps: JSON over a Unix socket, with descriptors."""

import array
import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

MESSAGE_BYTES_MAX: Final = 131_072  # any description that `RemoteHub` lets pass fits; below the system's usual limit
UNSENT_MAX: Final = 1024
_DESCRIPTORS_MAX: Final = 4

Take = Callable[[Mapping[str, Any], list[int]], None]
"""A message and the descriptors that came with it, which are the taker's from there."""


class ChannelClosed(Exception):
    """Nobody is there, or nobody reads."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends; each message arrives whole, and the end of one side is seen by the other."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MESSAGE_BYTES_MAX)
    return ends


class Channel:
    """One end, on the event loop. *closed* is called once, when the other end is gone; not by `close`."""

    def __init__(self, end: socket.socket, take: Take, closed: Callable[[], None]) -> None:
        end.setblocking(False)
        self._end, self._take, self._closed = end, take, closed
        self._loop = asyncio.get_running_loop()
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._open = True
        self._loop.add_reader(end.fileno(), self._readable)

    def send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """In order, with copies of *descriptors*. Raises ChannelClosed."""
        data = json.dumps(message).encode()
        if not self._open or len(self._unsent) >= UNSENT_MAX or len(data) > MESSAGE_BYTES_MAX:
            raise ChannelClosed("gone, too slow, or the message is too long")
        self._unsent.append((data, [os.dup(one) for one in descriptors]))
        if len(self._unsent) == 1:
            self._flush()

    def close(self) -> None:
        if self._open:
            self._open = False
            while self._unsent:
                self._drop_first()
            self._loop.remove_reader(self._end.fileno())
            self._loop.remove_writer(self._end.fileno())
            self._end.close()

    def _flush(self) -> None:
        while self._unsent:
            data, descriptors = self._unsent[0]
            try:
                socket.send_fds(self._end, [data], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._end.fileno(), self._flush)
                return
            except OSError:
                self._lost()
                return
            self._drop_first()
        self._loop.remove_writer(self._end.fileno())

    def _drop_first(self) -> None:
        for descriptor in self._unsent.popleft()[1]:
            os.close(descriptor)

    def _readable(self) -> None:
        try:
            data, descriptors = _receive(self._end)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if data:
            self._take(json.loads(data), descriptors)
        else:
            self._lost()

    def _lost(self) -> None:
        if self._open:
            self.close()
            self._loop.call_soon(self._closed)


def _receive(end: socket.socket) -> tuple[bytes, list[int]]:
    size = array.array("i").itemsize
    data, ancillary, _, _ = end.recvmsg(MESSAGE_BYTES_MAX, socket.CMSG_LEN(_DESCRIPTORS_MAX * size))
    found = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) - len(content) % size])
    return data, list(found)
