"""Where a tunnel may lead: to the device, and to nothing else."""

import pytest

from edge.fleet.tunnel_target import NoWay, Target, target
from provisioning.settings import DeviceWebSettings

SETTINGS = DeviceWebSettings()
OURS = ("192.168.1.1", "0.0.0.0", "::")  # noqa: S104  # as sockets say it


def test_the_address_that_an_installer_set_counts_then_where_it_registered_from() -> None:
    assert target(SETTINGS, "192.168.1.20", "192.168.1.30", OURS, 80, tls=False).url == "http://192.168.1.20:80"
    assert target(SETTINGS, "", "192.168.1.30", OURS, 443, tls=True) == Target("192.168.1.30", 443, True)
    assert target(SETTINGS, "fd00::20", "", OURS, 80, tls=False).url == "http://[fd00::20]:80"


@pytest.mark.parametrize(
    "address",
    [
        "192.168.1.1", "127.0.0.1", "127.0.0.53", "::1", "::ffff:127.0.0.1", "::ffff:192.168.1.1", "0.0.0.0",  # noqa: S104
        "169.254.169.254", "224.0.1.75", "fe80::1", "8.8.8.8", "2001:db8::1", "gate.example", "",
    ],
)  # fmt: skip
def test_nothing_else_is_reached(address: str) -> None:
    with pytest.raises(NoWay):
        target(SETTINGS, address, "", OURS, 80, tls=False)


def test_loopback_is_never_ours_to_open_even_where_its_network_is_allowed() -> None:
    wide = DeviceWebSettings(networks=("127.0.0.0/8",))
    with pytest.raises(NoWay):
        target(wide, "127.0.0.1", "", OURS, 80, tls=False)
    assert target(wide, "127.9.9.9", "", OURS, 80, tls=False).host == "127.9.9.9"


def test_only_ports_of_web_pages() -> None:
    with pytest.raises(NoWay):
        target(SETTINGS, "192.168.1.20", "", OURS, 22, tls=False)
