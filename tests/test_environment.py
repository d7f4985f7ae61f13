"""One list of dependencies, one lock, and the files that must agree with them."""

import os
import re
import subprocess
import sys

import pytest
import yaml
from conftest import NOTEBOOKS, ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.txt").read_text()
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def locked(python):
    """name -> version for one Python version, on this platform."""
    versions = {}
    for line in LOCK.splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate(
                {"python_version": python, "python_full_version": f"{python}.1"}
            ):
                versions[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return versions


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_pins_every_dependency_within_its_bounds(python):
    assert python in SpecifierSet(PROJECT["requires-python"])
    versions = locked(python)
    for dependency in map(Requirement, PROJECT["dependencies"]):
        assert dependency.specifier.contains(versions[canonicalize_name(dependency.name)]), dependency


def test_lock_holds_exact_versions_and_no_address():
    for line in LOCK.splitlines():
        if line and not line.lstrip().startswith("#"):
            assert re.match(r"[a-z0-9._\[\]-]+==[^ ]+( ; .+)?$", line), line
    assert "://" not in LOCK and "--" not in LOCK


def test_environment_yml_lists_nothing_twice():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, from_pip = environment["dependencies"]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    assert pip == "pip" and from_pip == {"pip": ["-r requirements.txt", "-e ."]}


def fake_python(folder, version):
    """An executable that says it is another version of Python."""
    path = folder / "python"
    path.write_text(
        f'#!/bin/sh\nshift\nexec "{sys.executable}" -c "import sys; sys.version_info = {version}; $1"\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", [(3, 9, 1), (3, 14, 0), (2, 7, 18)])
def test_make_refuses_a_wrong_python_in_one_line(tmp_path, version):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    python = fake_python(tmp_path, version)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    made = subprocess.run(
        ["make", "test", f"PYTHON={python}"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert made.returncode != 0 and not (tmp_path / ".venv").exists()
    message, from_make = made.stderr.splitlines()
    assert message.startswith(
        f"Stalled CNNs needs Python 3.10 to 3.13, but {python} is {version[0]}.{version[1]}"
    )
    assert "make PYTHON=" in message and from_make.startswith("make:")


def test_readme_table_matches_the_notebooks():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| \[(\d\d) .+?\]\(notebooks/(\S+)\.ipynb\)", readme, re.MULTILINE)
    assert rows == [(path.stem[:2], path.stem) for path in NOTEBOOKS]


@pytest.mark.parametrize("file", ["README.md", "data/README.md"])
def test_links_lead_to_files(file):
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / file).read_text())
    for link in links:
        assert ((ROOT / file).parent / link).exists(), link


def test_code_is_formatted_and_free_of_lint():
    for command in (["check", "."], ["format", "--check", "helpers", "tools", "tests"]):
        made = subprocess.run(
            [sys.executable, "-m", "ruff", *command], cwd=ROOT, capture_output=True, text=True
        )
        assert made.returncode == 0, made.stdout + made.stderr


def test_tensorflow_starts_without_noise_and_real_errors_pass():
    start = subprocess.run([sys.executable, "-c", "import helpers"], capture_output=True, text=True)
    assert start.stderr == "" and start.stdout == ""
    noise = "import helpers; print(*map(helpers._is_startup_noise, {}))"
    lines = [
        "I0000 00:00:1.2    1 port.cc:153] oneDNN custom operations are on.\n",
        "W0000 00:00:1.2    1 gpu_device.cc:1] Cannot dlopen some GPU libraries.\n",
        "E0000 00:00:1.2    1 anything.cc:1] out of memory\n",
        "Traceback (most recent call last):\n",
    ]
    told = subprocess.run([sys.executable, "-c", noise.format(lines)], capture_output=True, text=True)
    assert told.stdout.split() == ["True", "False", "False", "False"]
