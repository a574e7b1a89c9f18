from sip.bans import FIRST_S, FORGIVEN_PER_S, LONGEST_S, RECORD_KEPT_S, SOURCES_MAX, STRIKES_MAX, Bans


def provoked(bans: Bans, now: float, source: str = "192.0.2.9") -> float:
    """Strikes until the ban; how long it lasts."""
    while not bans.strike(source, 1.0, now):
        assert not bans.banned(source, now)
    low, high = 0.0, 2 * LONGEST_S
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if bans.banned(source, now + middle) else (low, middle)
    return high


def test_each_ban_is_twice_as_long_as_the_one_before_up_to_an_hour():
    bans, now, lasted = Bans(), 1000.0, []
    for _ in range(9):
        lasted.append(round(provoked(bans, now)))
        now += lasted[-1] + 1
    assert lasted == [FIRST_S * 2**n for n in range(6)] + [LONGEST_S] * 3


def test_after_a_day_of_peace_it_begins_anew():
    bans = Bans()
    first = provoked(bans, 0.0)
    assert provoked(bans, first + RECORD_KEPT_S - 1) > FIRST_S + 1
    assert provoked(bans, 10 * RECORD_KEPT_S) < FIRST_S + 1


def test_a_mistake_now_and_then_is_forgiven():
    bans = Bans()
    for number in range(500):
        assert not bans.strike("a phone", 1.0, number / FORGIVEN_PER_S)


def test_who_proves_himself_is_forgiven_at_once():
    bans = Bans()
    for _ in range(10):
        for _ in range(int(STRIKES_MAX) - 1):
            assert not bans.strike("a house", 1.0, 0.0)
        bans.forgive("a house")
    bans.forgive("nobody")


def test_baresip_with_a_wrong_password_is_not_banned():
    """Measured: 16 REGISTERs in 12 s, half of them answers to a challenge; then it waits longer and longer."""
    bans = Bans()
    for second in range(12):
        assert not bans.strike("baresip", 0.1, second)
        assert not bans.strike("baresip", 0.7, second)


def test_the_memory_is_bounded_and_the_newest_offenders_stay():
    bans = Bans()
    for number in range(SOURCES_MAX + 100):
        bans.strike(number, STRIKES_MAX, 0.0)
    assert bans.count(1.0) == SOURCES_MAX
    assert not bans.banned(0, 1.0)
    assert bans.banned(SOURCES_MAX + 99, 1.0)
    assert bans.count(FIRST_S + 1) == 0
