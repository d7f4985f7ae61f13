"""The preflight of lesson 14, as a reader copies it, and what the lesson says of it and shows in no cell."""

from helpers.data import flip_labels, spoil_images

import numpy as np
import pytest
from conftest import ROOT, prepared

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def lesson():
    """What the set-up cells of the lesson define."""
    return prepared(ROOT / "notebooks" / "14_silent_mistakes.ipynb")[1]


@pytest.fixture(scope="module")
def healthy(lesson):
    return lesson["build"]()


@pytest.fixture(scope="module")
def sound(lesson):
    return tuple(lesson[name] for name in ("x", "y", "x_new", "y_new"))


def state(model):
    model.optimizer.build(model.trainable_variables)
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
    before = state(healthy)
    lesson["preflight"](healthy, *sound, epochs=5)
    assert same(before, state(healthy))


def test_a_stopped_network_is_left_as_it_was(lesson, healthy, sound):
    x, y, x_new, y_new = sound
    before = state(healthy)
    with pytest.raises(AssertionError, match="^your validation: "):
        lesson["preflight"](healthy, x, y, 1 - x_new, y_new, epochs=5)
    assert same(before, state(healthy))


def test_a_body_frozen_on_purpose_sets_it_off(lesson, sound):
    with pytest.raises(AssertionError, match="^every weight: 6 of 8 "):
        lesson["preflight"](lesson["build"](frozen=True), *sound, epochs=5)


def test_units_that_start_equal_stay_equal(lesson, sound):
    equal = lesson["build"](weights=lesson["Constant"](0.05))
    equal.fit(*sound[:2], batch_size=64, epochs=2, verbose=0)
    *hidden, _ = [layer.get_weights() for layer in equal.layers if layer.weights]
    assert len(hidden) == 3
    for kernel, bias in hidden:
        assert np.ptp(kernel, axis=-1).max() == np.ptp(bias) == 0
        assert not np.allclose(kernel, 0.05)  # it has learned all the same
