"""The preflight of lesson 14, as a reader copies it: what it lets through, and that it leaves the network."""

from helpers.data import flip_labels, spoil_images

import nbformat
import numpy as np
import pytest
from conftest import ROOT, tagged

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def lesson():
    """What the set-up cells of the lesson define."""
    notebook = nbformat.read(ROOT / "notebooks" / "14_silent_mistakes.ipynb", as_version=4)
    namespace = {}
    for cell in tagged(notebook, "setup"):
        exec(cell.source, namespace)
    return namespace


@pytest.fixture(scope="module")
def healthy(lesson):
    return lesson["build"]()


@pytest.fixture(scope="module")
def sound(lesson):
    return tuple(lesson[name] for name in ("x", "y", "x_new", "y_new"))


def state(model):
    return [*model.get_weights(), *(variable.numpy() for variable in model.optimizer.variables)]


def same(before, after):
    return len(before) == len(after) and all(map(np.array_equal, before, after))


def copied(x, y, x_new, y_new):
    x, y, _ = spoil_images(x, y, x_new, y_new, seed=3, nan=0, constant=0, copied=400)
    return x, y, x_new, y_new


def mislabeled(x, y, x_new, y_new):
    return x, flip_labels(y, 0.2, seed=3)[0], x_new, flip_labels(y_new, 0.2, seed=4)[0]


@pytest.mark.parametrize("spoil", [copied, mislabeled])
def test_what_the_text_says_it_does_not_see(lesson, healthy, sound, spoil):
    lesson["preflight"](healthy, *spoil(*sound), epochs=5)


def test_the_network_is_left_as_it_was(lesson, healthy, sound):
    healthy.optimizer.build(healthy.trainable_variables)
    before = state(healthy)
    lesson["preflight"](healthy, *sound, epochs=5)
    assert same(before, state(healthy))


def test_a_stopped_network_is_left_as_it_was(lesson, healthy, sound):
    x, y, x_new, y_new = sound
    healthy.optimizer.build(healthy.trainable_variables)
    before = state(healthy)
    with pytest.raises(AssertionError, match="^your validation: "):
        lesson["preflight"](healthy, x, y, 1 - x_new, y_new, epochs=5)
    assert same(before, state(healthy))


def test_a_body_frozen_on_purpose_sets_it_off(lesson, sound):
    with pytest.raises(AssertionError, match="^every weight: 6 of 8 "):
        lesson["preflight"](lesson["build"](frozen=True), *sound, epochs=5)
