"""The lock file, environment.yml and pyproject.toml agree."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def lock_pins():
    """Each package of the lock: "name==version" and its condition, read line by line."""
    pins = set()
    for line in LOCK.splitlines():
        if re.match(r"[a-z0-9]", line):
            pin, _, condition = line.removesuffix("\\").partition(";")
            pins.add((pin.strip(), condition.strip()))
    return pins


def test_environment_pins_what_the_lock_pins():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    found = re.findall(r'^ {6}- "([^"]+==[^"]+)"$', text, re.MULTILINE)
    pins = {tuple(part.strip() for part in f"{line} ; ".split(";")[:2]) for line in found}
    assert pins == lock_pins()
    assert len(found) == len(pins) > 100


def test_environment_has_a_python_that_the_project_takes():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert re.search(r"python=3\.1[123]\n", text)


def test_lock_pins_each_dependency_with_hashes_and_names_no_host():
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK)
    assert all("--hash=sha256:" in block for block in blocks if block.strip())
    assert "://" not in LOCK and "--index" not in LOCK and "--find-links" not in LOCK


def test_lock_holds_every_dependency_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    extras.pop("kaggle")  # which reaches out, and is asked for
    wanted = [name for names in (project["dependencies"], *extras.values()) for name in names]
    locked = {pin.partition("==")[0] for pin, _ in lock_pins()} | {project["name"]}
    assert {re.match(r"[\w-]+", name).group().lower() for name in wanted} <= locked
