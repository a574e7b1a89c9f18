"""What all tests share: real programs or a reason, addresses of one's own, and no skips in CI."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from edge.phone.loopback import AddressBlock
from tests.peers.programs import PROGRAMS, install_command, missing

# A busy machine is no fault of the code: what takes long is found by the benchmarks.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

IN_CI = os.environ.get("CI") == "true"
_skipped: list[str] = []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test whose programs are missing is skipped with the command that brings them; in CI it fails."""
    wanted = [str(name) for marker in item.iter_markers("peer") for name in marker.args]
    unknown = [name for name in wanted if name not in PROGRAMS]
    if unknown:
        pytest.fail(
            f"unknown program in the peer marker: {', '.join(unknown)} (tests/peers/programs.py)", pytrace=False
        )
    absent = missing(wanted)
    if not absent:
        return
    reason = f"{', '.join(absent)} missing: {install_command(absent)}"
    if IN_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked peer lives in tests/peers, and the other way round."""
    for item in items:
        in_peers = "/tests/peers/" in item.path.as_posix()
        if in_peers != (item.get_closest_marker("peer") is not None):
            raise pytest.UsageError(f"{item.nodeid}: tests in tests/peers have the peer marker, and only they")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skip is a failure: nobody reads the reasons there."""
    if IN_CI and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if IN_CI and _skipped:
        terminalreporter.section("skipped in CI, which counts as failed", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)


@pytest.fixture(scope="session")
def loopback_block() -> Iterator[AddressBlock]:
    """127.x.0.0/16 of this run alone."""
    with AddressBlock.claim() as block:
        yield block


@pytest.fixture
def address(loopback_block: AddressBlock) -> str:
    """A loopback address that no other test uses, so any fixed port on it is free."""
    return loopback_block.address()


@pytest.fixture
def addresses(loopback_block: AddressBlock) -> Iterator[str]:
    """More of them: ``next(addresses)`` for each device."""
    return loopback_block.addresses()
