"""Dependencies and their locks, installation and wheel, the start of TensorFlow, files that must agree."""

import os
import re
import shutil
import subprocess
import sys
import zipfile

import helpers

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

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LEARNER, TESTER = "requirements.txt", "tests/requirements.txt"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
PLATFORMS = ["linux", "darwin", "win32"]
# of packages that change nothing for a learner
FOR_TESTS = {"distributed", "nbval", "playwright", "pytest", "pytest-xdist", "ruff", "uv"}


def group(name):
    """The requirements of a dependency group and of those that it includes."""
    for entry in PYPROJECT["dependency-groups"][name]:
        yield from group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]


def locked(lock, python, platform=sys.platform):
    """name -> version for one Python version on one platform."""
    versions = {}
    environment = {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": platform}
    for line in (ROOT / lock).read_text().splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                name = canonicalize_name(requirement.name)
                assert name not in versions, f"{name} is locked twice"
                versions[name] = str(requirement.specifier).removeprefix("==")
    return versions


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_locks_pin_every_dependency_within_its_bounds(python, platform):
    assert python in SpecifierSet(PROJECT["requires-python"])
    learner, tester = locked(LEARNER, python, platform), locked(TESTER, python, platform)
    build = PYPROJECT["build-system"]["requires"]
    for dependency in map(Requirement, [*PROJECT["dependencies"], *build]):
        assert dependency.specifier.contains(learner[canonicalize_name(dependency.name)]), dependency
    for dependency in group("test"):
        if dependency.marker is None or dependency.marker.evaluate({"python_version": python}):
            assert dependency.specifier.contains(tester[canonicalize_name(dependency.name)]), dependency


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_locks_agree_and_the_learner_installs_no_test_tools(python, platform):
    learner, tester = locked(LEARNER, python, platform), locked(TESTER, python, platform)
    for name in learner.keys() & tester.keys():
        assert learner[name] == tester[name], name
    assert tester.keys() >= FOR_TESTS and not FOR_TESTS & learner.keys()


def test_papermill_is_gone():
    for file in (LEARNER, TESTER, "pyproject.toml"):
        assert "papermill>" not in (ROOT / file).read_text(), file
    assert "papermill" not in locked(LEARNER, "3.12").keys() | locked(TESTER, "3.12").keys()


@pytest.mark.parametrize("lock", [LEARNER, TESTER])
def test_lock_holds_exact_versions_and_no_address(lock):
    text = (ROOT / lock).read_text()
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            assert re.match(r"[a-z0-9._\[\]-]+==[^ ]+( ; .+)?$", line), line
    assert "://" not in text and "--" not in text


def test_environment_yml_lists_nothing_twice():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, from_pip = environment["dependencies"]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    assert pip == "pip" and from_pip == {"pip": ["-r requirements.txt", "-e ."]}


def copy_what_make_reads(folder):
    """The files that the installation depends on."""
    (folder / "tests").mkdir()
    for name in ("Makefile", LEARNER, TESTER, "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder / name)


def make(folder, *arguments):
    """make in `folder`, as from a shell."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_make_installs_test_tools_for_tests_alone_once_and_again_when_they_change(tmp_path):
    copy_what_make_reads(tmp_path)

    def installed_by(target):
        return re.findall(r"--requirement (\S+)", make(tmp_path, "--dry-run", target).stdout)

    assert installed_by("lab") == [LEARNER] and installed_by("test") == [LEARNER, TESTER]
    (tmp_path / ".venv").mkdir()
    for seconds, stamp in enumerate(("installed", "tested")):
        (tmp_path / ".venv" / stamp).touch()
        os.utime(tmp_path / ".venv" / stamp, (2e9 + seconds, 2e9 + seconds))
    assert installed_by("lab") == installed_by("test") == []
    os.utime(tmp_path / TESTER, (2.1e9, 2.1e9))
    assert installed_by("lab") == [] and installed_by("test") == [TESTER]
    os.utime(tmp_path / LEARNER, (2.2e9, 2.2e9))
    assert installed_by("lab") == [LEARNER] and installed_by("test") == [LEARNER, TESTER]


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
    copy_what_make_reads(tmp_path)
    python = fake_python(tmp_path, version)
    made = make(tmp_path, "test", f"PYTHON={python}")
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


def in_fresh_python(code, path=None, cwd=ROOT, **options):
    """Run `code` in a new process, with the folder `path` first on its search path."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, **options
    )


def test_importing_helpers_is_silent_and_changes_nothing_in_tensorflow():
    code = """if True:
        import os
        before = dict(os.environ)
        import helpers
        import tensorflow as tf
        print(dict(os.environ) == before, tf.config.optimizer.get_experimental_options())
    """
    started = in_fresh_python(code)
    # the options of a TensorFlow in which nobody has set one
    options = {"disable_model_pruning": False, "disable_meta_optimizer": False}
    assert (started.stdout, started.stderr) == (f"True {options}\n", "")


def test_only_noise_is_taken_for_noise():
    told = map(
        helpers._is_startup_noise,
        [
            "I0000 00:00:1.2    1 port.cc:153] oneDNN custom operations are on.\n",
            "W0000 00:00:1.2    1 gpu_device.cc:1] Cannot dlopen some GPU libraries.\n",
            "E0000 00:00:1.2    1 anything.cc:1] out of memory\n",
            "Traceback (most recent call last):\n",
        ],
    )
    assert list(told) == [True, False, False, False]


NOISE, FAULT = "I0000 00:00:1.2    1 port.cc:153] oneDNN custom operations are on.", "F0000 check failed"


@pytest.fixture
def fake_tensorflow(tmp_path):
    """Write a TensorFlow that tells noise and a fault, and then runs some code; its folder."""

    def write(code, fault=f"{NOISE}\n{FAULT}\n{NOISE}\nno end of line"):
        package = tmp_path / "fake" / "tensorflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(
            f"import os, subprocess, sys, types\n{f'os.write(2, {fault!r}.encode())' if fault else ''}\n"
            f"config = types.SimpleNamespace(list_physical_devices=list)\n{code}\n"
        )
        return package.parent

    return write


@pytest.mark.parametrize("end", ["os.abort()", "os._exit(3)", "raise RuntimeError('no device')", ""])
def test_no_message_of_a_crash_is_lost(fake_tensorflow, end):
    started = in_fresh_python("import helpers", fake_tensorflow(end), timeout=60)
    assert started.stderr.startswith(f"{FAULT}\nno end of line")
    assert (started.returncode == 0) == (end == "")
    assert ("RuntimeError: no device" in started.stderr) == end.startswith("raise")


def test_a_long_message_arrives_whole(fake_tensorflow):
    line = "'y' * 999_999 + '\\n'"
    folder = fake_tensorflow(f"for _ in range(9): os.write(2, ({line}).encode())\nos.abort()", fault="")
    assert in_fresh_python("import helpers", folder, timeout=60).stderr == eval(line) * 9


def test_importing_helpers_leaves_nothing_behind(fake_tensorflow):
    code = """if True:
        import os, sys
        before = os.fstat(2), sorted(os.listdir("/dev/fd"))
        import helpers
        assert (os.fstat(2), sorted(os.listdir("/dev/fd"))) == before
        os.write(2, b"I0000 from the reader")
        try:
            print("left:", os.waitpid(-1, os.WNOHANG))
        except ChildProcessError:
            print("no child")
    """
    started = in_fresh_python(code, fake_tensorflow(""), timeout=60)
    assert started.stdout == "no child\n" and started.stderr.endswith("I0000 from the reader")


@pytest.mark.parametrize("executable", [None, "", "/no/such/python", shutil.which("false")])
def test_tensorflow_starts_where_no_filter_can_run(fake_tensorflow, executable):
    code = f"import sys; sys.executable = {executable!r}; import helpers; print('started')"
    started = in_fresh_python(code, fake_tensorflow(""), timeout=60)
    assert started.stdout == "started\n"
    assert started.stderr == f"{NOISE}\n{FAULT}\n{NOISE}\nno end of line"


def test_tensorflow_starts_with_stderr_closed(fake_tensorflow):
    code = "import os; os.close(2); import helpers; print('started')"
    started = in_fresh_python(code, fake_tensorflow("", fault=""), timeout=60)
    assert started.stdout == "started\n"


def test_a_process_that_tensorflow_leaves_running_does_not_stop_the_import(fake_tensorflow):
    sleep = "[sys.executable, '-c', 'import time; time.sleep(50)']"
    folder = fake_tensorflow(f"config.left = subprocess.Popen({sleep}, stdout=subprocess.DEVNULL)")
    code = "import helpers, tensorflow; print('started'); tensorflow.config.left.kill()"
    started = in_fresh_python(code, folder, timeout=40)
    assert started.stdout == "started\n" and FAULT in started.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an installation from the wheel, and the sources it was built from."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for name in ("helpers", "data"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)

    def run(*command):
        made = subprocess.run([sys.executable, *command], cwd=source, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr

    wheel = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    run("-c", f"from setuptools.build_meta import build_sdist; build_sdist({str(out)!r})")
    run(*wheel, out, *out.glob("*.tar.gz"))
    (built,) = out.glob("*.whl")
    run(*wheel, out / "direct", ".")
    (direct,) = (out / "direct").glob("*.whl")
    assert zipfile.ZipFile(built).namelist() == zipfile.ZipFile(direct).namelist()
    run("-m", "pip", "install", "--no-deps", "--no-index", "--target", out / "site", built)
    return out / "site", source


def test_wheel_holds_the_package_and_the_data(installed):
    site, source = installed

    def files(folder):
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}

    data = files(source / "data") - {
        (source / "data" / "stalled_and_repaired.png").relative_to(source / "data")
    }
    assert files(site / "helpers" / "bundled") == data
    package = {path for path in files(site / "helpers") if path.parts[0] != "bundled"}
    assert {path for path in package if path.suffix != ".pyc"} == files(source / "helpers")


def test_installed_wheel_finds_its_data_without_the_repository(installed, tmp_path):
    site, _ = installed
    code = """if True:
        import sys
        # the editable installation of the repository
        sys.meta_path = [finder for finder in sys.meta_path if "Editable" not in str(finder)]
        import helpers.figures
        from helpers.data import DATA, load_fashion_mnist
        print(helpers.__file__, DATA, *(x.shape[0] for x, y in load_fashion_mnist()), sep="\\n")
    """
    started = in_fresh_python(code, site, cwd=tmp_path)
    assert started.stderr == ""
    file, data, *images = started.stdout.splitlines()
    package = site / "helpers"
    assert (file, data) == (str(package / "__init__.py"), str(package / "bundled"))
    assert images == ["6000", "2000", "2000"]
