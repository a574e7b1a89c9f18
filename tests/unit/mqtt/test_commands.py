from models.ids import Mac
from mqtt.commands import MAX_WAITING, Waiting
from mqtt.payloads import Ack

A, B = Mac("0c1105000001"), Mac("0c1105000002")


async def test_an_ack_wakes_who_waits_for_it_once() -> None:
    waiting = Waiting()
    identity, sent = waiting.add(A, 10.0)
    ack = Ack(identity, True, "", None)
    assert waiting.answer(A, ack) is sent
    assert sent.answer.result() is ack
    assert sent.sent_s == 10.0
    assert waiting.answer(A, ack) is None


async def test_another_devices_ack_and_an_unknown_id_wake_nobody() -> None:
    waiting = Waiting()
    identity, sent = waiting.add(A, 0.0)
    assert waiting.answer(B, Ack(identity, True, "", None)) is None
    assert waiting.answer(A, Ack("other", True, "", None)) is None
    assert not sent.answer.done()


async def test_a_late_ack_is_nobodys() -> None:
    waiting = Waiting()
    identity, _ = waiting.add(A, 0.0)
    waiting.drop(identity)
    assert waiting.answer(A, Ack(identity, True, "", None)) is None


async def test_ids_differ_and_their_number_is_bounded() -> None:
    waiting = Waiting()
    assert len({waiting.add(A, 0.0)[0] for _ in range(MAX_WAITING)}) == MAX_WAITING
    assert waiting.full
