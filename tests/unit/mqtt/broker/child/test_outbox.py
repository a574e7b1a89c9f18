import asyncio

from mqtt.broker.child.outbox import MAX_BYTES, MAX_UNACKED, Outbox, Outgoing


def message(name: str, qos: int = 1) -> Outgoing:
    return Outgoing("t", name.encode(), qos, retain=False)


async def take(outbox: Outbox, count: int) -> list[tuple[bytes, bool]]:
    return [(out.data, out.dup) for out in [await outbox.next() for _ in range(count)]]


async def waits(outbox: Outbox) -> bool:
    task = asyncio.ensure_future(outbox.next())
    for _ in range(3):
        await asyncio.sleep(0)
    if task.done():
        return False
    task.cancel()
    return True


async def test_messages_leave_in_order() -> None:
    outbox = Outbox()
    for name in ("a", "b", "c"):
        outbox.put(message(name, qos=0 if name == "b" else 1))
    assert await take(outbox, 3) == [(b"a", False), (b"b", False), (b"c", False)]
    assert await waits(outbox)


async def test_what_has_no_ack_comes_again_first_with_its_id_and_dup() -> None:
    outbox = Outbox()
    for name in ("a", "b", "c"):
        outbox.put(message(name))
    sent = [await outbox.next() for _ in range(3)]
    ids = [out.packet_id for out in sent]
    assert len(set(ids)) == 3
    outbox.acked(ids[1])
    outbox.put(message("d"))
    outbox.lost_link()
    outbox.new_link()
    again = [await outbox.next() for _ in range(3)]
    assert [(out.data, out.dup) for out in again] == [(b"a", True), (b"c", True), (b"d", False)]
    assert [out.packet_id for out in again[:2]] == [ids[0], ids[2]]


async def test_a_fresh_id_is_never_one_that_will_be_repeated() -> None:
    outbox = Outbox()
    for n in range(MAX_UNACKED):
        outbox.put(message(str(n)))
    kept = {(await outbox.next()).packet_id for _ in range(MAX_UNACKED)}
    outbox.new_link()
    outbox._last_id = 0  # as if all ids had been used once
    assert outbox._fresh_id() not in kept


async def test_the_window_closes_and_an_ack_opens_it() -> None:
    outbox = Outbox()
    for n in range(MAX_UNACKED + 1):
        outbox.put(message(str(n)))
    first = await outbox.next()
    for _ in range(MAX_UNACKED - 1):
        await outbox.next()
    assert await waits(outbox)
    outbox.acked(first.packet_id)
    assert (await outbox.next()).data == str(MAX_UNACKED).encode()


async def test_qos_0_does_not_wait_for_a_client_that_is_away() -> None:
    outbox = Outbox()
    outbox.put(message("a", qos=0))
    outbox.put(message("b"))
    outbox.lost_link()
    assert await take(outbox, 1) == [(b"b", False)]


async def test_the_size_is_bounded() -> None:
    outbox = Outbox()
    big = Outgoing("t", b"x" * (MAX_BYTES // 2), 1, retain=False)
    assert outbox.put(big)
    assert outbox.put(Outgoing("t", b"x" * (MAX_BYTES // 2), 1, retain=False))
    assert not outbox.put(message("one more"))
    await outbox.next()
    assert outbox.put(message("one more"))
