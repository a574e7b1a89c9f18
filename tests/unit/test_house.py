"""The house itself: names that nobody else owns, samples that somebody loads, a README that says what to type."""

import ast
import configparser
import importlib.metadata
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

from edge.demo import sample
from sip.media.settings import MediaSettings
from sip.settings import SipSettings

ROOT = Path(__file__).parents[2]
ROOT_NAMES = ("cli", "edge", "models", "mqtt", "provisioning", "sip")
SOURCES = [path for name in ROOT_NAMES if name != "cli" for path in (ROOT / name).rglob("*.py")]


@pytest.mark.parametrize("name", ROOT_NAMES)
def test_a_root_name_is_ours_and_nobody_elses(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)
    assert set(importlib.metadata.packages_distributions().get(name, [])) <= {"intercom-edge"}


def test_every_folder_of_python_files_is_a_package() -> None:
    folders = {path.parent for path in (*SOURCES, *(ROOT / "tests").rglob("*.py"))}
    migrations = {folder for folder in folders if "migrations" in folder.parts}  # Alembic runs these as scripts
    assert [folder for folder in sorted(folders - migrations) if not (folder / "__init__.py").exists()] == []


def test_nobody_imports_the_command_line() -> None:
    assert [path for path in SOURCES if "cli" in _imports(path)] == []


def test_only_the_worker_imports_pjsua2() -> None:
    importers = [path.relative_to(ROOT).as_posix() for path in SOURCES if "pjsua2" in _imports(path)]
    assert importers == ["edge/phone/pjsua.py"]


def test_nobody_imports_a_worker() -> None:
    workers = {"edge.phone.pjsua", "edge.phone.own"}
    assert [path for path in SOURCES if workers & _imports(path)] == []


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_every_sample_in_configs_is_loaded_by_a_test() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    assert [file.name for file in sorted((ROOT / "configs").iterdir()) if file.name not in tests] == []


def test_the_sample_community_is_what_its_script_writes(tmp_path: Path) -> None:
    sample.write(tmp_path / "new.xlsx")
    assert _cells(ROOT / "configs" / "sample-community.xlsx") == _cells(tmp_path / "new.xlsx")


def _cells(path: Path) -> list[tuple[object, ...]]:
    import openpyxl

    return list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))


def test_the_sample_community_has_every_case_that_the_play_needs() -> None:
    apartments = sample.BY_PATH.values()
    assert {apartment.call_type for apartment in apartments} == set(range(6))
    assert len({apartment.building for apartment in apartments}) == 3
    without_handset = [apartment for apartment in apartments if not apartment.handset and not apartment.devices]
    assert {apartment.whitelisted for apartment in without_handset} == {True, False}
    assert set(sample.SERVICE.values()) == {"blocked", "off"}
    kinds = [device.type for apartment in sample.APARTMENTS for device in apartment.devices]
    assert set(kinds) == {0, 1, 2, 3}


def test_the_firewall_sample_opens_the_default_ports() -> None:
    text = (ROOT / "configs" / "firewall.nft").read_text()
    media, sip = MediaSettings(), SipSettings()
    assert f"udp dport {media.port_min}-{media.port_max} accept" in text
    assert f"tcp dport {{ {sip.port}, {sip.tls_port} }} accept" in text


def test_the_unit_runs_the_daemon_under_supervision() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys have capitals
    unit.read(ROOT / "configs" / "intercom-edge.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["ExecStart"].endswith(" serve")
    assert service["Restart"] == "always"


def test_the_readme_begins_with_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    first = [line.strip().split()[:2] for line in readme.splitlines() if line.strip().startswith("make ")][:2]
    assert first == [["make", "demo"], ["make", "test"]]
    for link in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / link).exists(), f"the README links to {link}, which is not there"


def test_the_drawing_has_every_layer_that_is_built() -> None:
    import tomllib

    drawings = [
        re.findall(r"^```\n(cli.*?)```", (ROOT / name).read_text(), re.DOTALL | re.MULTILINE)
        for name in ("README.md", "docs/architecture.md")
    ]
    assert drawings[0]
    assert drawings[0] == drawings[1]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    built = [name for name in re.findall(r"[a-z][a-z.]*", " ".join(layers)) if importlib.util.find_spec(name)]
    assert built
    for name in built:
        assert re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", drawings[0][0]), f"{name} is not in the drawing"


def test_contributing_shows_only_commands_that_ci_runs() -> None:
    shown = re.findall(r"^make (\w+)", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    ci = (ROOT / ".ci" / "run").read_text()
    assert shown
    assert [command for command in shown if f"make {command}" not in ci] == []


def test_the_lock_has_everything_that_the_project_names() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=;\s]", requirement)[0].lower() for requirement in wanted}
    locked = set(re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.M))
    assert names - {name.lower() for name in locked} == set()


def test_the_makefile_explains_itself() -> None:
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    for target in ("setup", "demo", "test", "check", "bench", "peers"):
        assert re.search(rf"^{target}\s+\S", result.stdout, re.M), result.stdout
