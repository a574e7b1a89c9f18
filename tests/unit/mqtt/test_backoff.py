from mqtt.backoff import Backoff


def test_it_doubles_with_jitter_up_to_the_most_and_begins_anew() -> None:
    backoff = Backoff(1.0, 4.0)
    for most_s in (1.0, 2.0, 4.0, 4.0):
        assert most_s / 2 <= backoff.next_s() <= most_s
    backoff.reset()
    assert backoff.next_s() <= 1.0
