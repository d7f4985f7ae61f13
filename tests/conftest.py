"""What all tests share: small models, the notebooks, and how they are spread over the processes."""

import os
import re
import time
from functools import lru_cache
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:
    # one core for each of two processes: sharing two is slower than either alone
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

# TensorFlow is imported where it is used: the process that only hands out tests does without
from benchmark import peak_memory

import nbformat
import numpy as np
import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# those that break a network and repair it: all but the opening and the clinic
LESSONS = [path for path in NOTEBOOKS if path.stem[:2] not in ("00", "15")]


def tagged(notebook, tag):
    """The cells of a notebook with a tag."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def code_of(solution):
    """The Python in a solution's cell."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", solution.source, re.DOTALL | re.MULTILINE)
    return code


@lru_cache(maxsize=1)
def prepared(path):
    """A notebook, and what its set-up cells define."""
    notebook = nbformat.read(path, as_version=4)
    namespace = {}
    for cell in tagged(notebook, "setup"):
        exec(cell.source, namespace)
    return notebook, namespace


@pytest.fixture(scope="session", autouse=True)
def no_gpu():
    """As in the notebooks, whose set-up cells also run in a process that has trained before."""
    import helpers  # noqa: F401  first: it quiets the start of TensorFlow

    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    """Each notebook's path in turn."""
    return request.param


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def lesson_path(request):
    """Each lesson's path in turn."""
    return request.param


@pytest.fixture
def lesson(lesson_path):
    """Each lesson in turn, as it is stored."""
    return nbformat.read(lesson_path, as_version=4)


@pytest.fixture
def notebook(path):
    """Each notebook in turn, as it is stored."""
    return nbformat.read(path, as_version=4)


@pytest.fixture
def batch():
    """Eight random images and their labels for `softmax_model`."""
    random = np.random.default_rng(0)
    return random.random((8, 4, 4, 1), dtype="float32"), np.arange(8) % 3


@pytest.fixture
def softmax_model():
    """A compiled CNN of the smallest kind, with a random layer and batch statistics."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(2, 3, activation="relu", name="conv"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, activation="softmax", name="output"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Plan:
    """Which tests run together in a process, and in what order.

    Groups that train come first, so that short ones are left to fill up whichever process is done before
    the other.
    """

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        from helpers.verdict import MIME

        for item in items:
            if isinstance(item, IPyNbCell):
                item.add_marker("trains")
                if MIME not in item.parent.skip_compare:
                    # the verdict's words are compared, as printed; its numbers are for programs
                    item.parent.skip_compare += (MIME,)
        yield
        ranks = {}
        for item in items:
            rank = 0 if isinstance(item, IPyNbCell) else 1 if item.get_closest_marker("trains") else 2
            ranks[group(item.nodeid)] = min(rank, ranks.get(group(item.nodeid), rank))
        place = {name: index for index, name in enumerate(sorted(ranks, key=ranks.get))}
        items.sort(key=lambda item: place[group(item.nodeid)])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config, log):
        from xdist.scheduler import LoadScopeScheduling

        # not --dist loadgroup, of which pytest 9.2 and pytest-xdist 3.8 make single tests
        scheduler = LoadScopeScheduling(config, log)
        scheduler._split_scope = group
        return scheduler


def group(nodeid):
    """What a test stays together with: its file, or the other exercises of the same notebook."""
    exercises = re.match(r"(.*test_exercises\.py)::.*?(\d\d)_", nodeid)
    return "::".join(exercises.groups()) if exercises else nodeid.partition("::")[0]


class NotebookFigures:
    """Time and peak memory of each notebook, printed at the end."""

    def __init__(self):
        self.started = {}

    def pytest_runtest_setup(self, item):
        self.started.setdefault(item.parent, time.monotonic())

    def pytest_runtest_teardown(self, item, nextitem):
        last = nextitem is None or nextitem.parent is not item.parent
        if last and isinstance(item.parent, IPyNbFile):
            seconds = time.monotonic() - self.started[item.parent]
            memory = peak_memory(item.parent.kernel.km.provisioner.pid)
            # a property reaches the process that prints, whichever ran the notebook
            item.user_properties.append(("notebook", (item.parent.name, seconds, memory)))

    def pytest_terminal_summary(self, terminalreporter):
        reports = (report for kind in terminalreporter.stats.values() for report in kind)
        figures = [dict(getattr(report, "user_properties", ())).get("notebook") for report in reports]
        for name, seconds, memory in sorted(filter(None, figures)):
            peak = f", peak memory {memory:.2f} GB" if memory else ""
            terminalreporter.write_line(f"{name}: {seconds:.0f} s{peak}")


def pytest_configure(config):
    # as plugins: the hooks of tests/conftest.py itself do not see items outside tests/
    config.pluginmanager.register(Plan())
    config.pluginmanager.register(NotebookFigures())
