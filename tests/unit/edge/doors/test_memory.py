from edge.doors.memory import HOLD_S, First, FirstAnswers, Uses
from edge.doors.work import Heard, MessageKey
from models.access import Credential, CredentialKind
from models.ids import Mac
from tests.unit.edge.core.door_house import NOW_MS, credential

DAY_MS = 24 * 3_600_000


def key(identity: str, heard: Heard = Heard.ATTEMPT) -> MessageKey:
    return MessageKey(Mac("0c1105000001"), heard, identity)


class Shelf:
    """A store that is asked for what memory lacks."""

    def __init__(self, **stored: bytes) -> None:
        self.stored = {key(identity): body for identity, body in stored.items()}
        self.asked: list[MessageKey] = []

    def __call__(self, wanted: MessageKey, now_ms: int) -> bytes | None:
        self.asked.append(wanted)
        return self.stored.get(wanted)


def test_attempts_and_events_are_known_apart() -> None:
    firsts = FirstAnswers(Shelf())
    firsts.add(key("1"), First(NOW_MS, b"a"))
    assert firsts.find(key("1", Heard.EVENT), NOW_MS) is None
    assert firsts.find(key("1"), NOW_MS) is not None


def test_while_nothing_was_dropped_the_store_is_not_asked() -> None:
    shelf = Shelf()
    firsts = FirstAnswers(shelf, max_remembered=2)
    firsts.add(key("1"), First(NOW_MS, b"a"))
    assert firsts.find(key("2"), NOW_MS) is None
    assert shelf.asked == []


def test_after_a_flood_the_store_is_asked_for_a_day() -> None:
    shelf = Shelf(**{"1": b"a"})
    firsts = FirstAnswers(shelf, max_remembered=2)
    for n in range(1, 4):
        firsts.add(key(str(n)), First(NOW_MS, b"x"))
    found = firsts.find(key("1"), NOW_MS)
    assert found is not None
    assert found.body == b"a"
    assert firsts.find(key("9"), NOW_MS) is None
    assert shelf.asked == [key("1"), key("9")]
    assert firsts.find(key("9"), NOW_MS + DAY_MS) is None
    assert len(shelf.asked) == 2


def test_what_was_loaded_in_part_is_looked_up_for_the_rest() -> None:
    shelf = Shelf()
    firsts = FirstAnswers(shelf)
    firsts.load({key("2"): (NOW_MS - 1, b"b")}, complete=False, now_ms=NOW_MS)
    firsts.find(key("1"), NOW_MS)
    assert shelf.asked == [key("1")]


def test_an_answer_lives_a_day() -> None:
    firsts = FirstAnswers(Shelf())
    firsts.load({key("1"): (NOW_MS, b"a"), key("2"): (NOW_MS + 5, b"b")}, complete=True, now_ms=NOW_MS)
    assert firsts.find(key("1"), NOW_MS + DAY_MS - 1) is not None
    assert firsts.find(key("1"), NOW_MS + DAY_MS) is None
    firsts.forget_old(NOW_MS + DAY_MS)
    assert firsts.find(key("1"), NOW_MS) is None
    assert firsts.find(key("2"), NOW_MS) is not None


def test_what_was_not_dealt_with_is_new_again() -> None:
    firsts = FirstAnswers(Shelf())
    firsts.add(key("1"), First(NOW_MS))
    firsts.forget(key("1"))
    assert firsts.find(key("1"), NOW_MS) is None


def card(uses_left: int | None) -> Credential:
    return credential(CredentialKind.RF_CARD, "04A1B2C3", uses_left=uses_left)


def test_uses_taken_are_seen_at_once() -> None:
    uses = Uses()
    assert uses.left(card(2), 0.0) == 2
    uses.take(card(2), 0.0)
    uses.take(card(2), 1.0)
    assert uses.left(card(2), 1.0) == 0


def test_no_limit_stays_no_limit() -> None:
    uses = Uses()
    uses.take(card(None), 0.0)
    assert uses.left(card(None), 0.0) is None


def test_a_newer_number_in_the_snapshot_counts() -> None:
    uses = Uses()
    uses.take(card(2), 0.0)
    assert uses.left(card(1), 0.1) == 1


def test_a_use_given_back_can_be_taken_again() -> None:
    uses = Uses()
    uses.take(card(1), 0.0)
    uses.give_back(card(1).id)
    uses.give_back(card(1).id)
    assert uses.left(card(1), 0.0) == 1


def test_memory_of_uses_ends_so_that_the_store_decides() -> None:
    uses = Uses()
    uses.take(card(1), 0.0)
    assert uses.left(card(1), HOLD_S - 0.1) == 0
    assert uses.left(card(1), HOLD_S) == 1
