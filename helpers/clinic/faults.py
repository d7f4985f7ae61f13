"""The faults: what each changes in a healthy recipe, how it is treated, and which case has which."""

from dataclasses import replace
from typing import NamedTuple

from helpers.clinic.recipe import Recipe

import numpy as np

CASES = 200
BLOCK = 25  # numbers in a row with every fault once, three with two faults, and three healthy ones
TWO_FAULTS = 3


class Fault(NamedTuple):
    """How a recipe is broken and treated; both return the fields to change."""

    plant: callable  # random generator, healthy recipe -> fields
    treat: callable = None  # broken recipe -> fields; without it what was planted is taken back


def _pick(random, *options):
    return options[random.integers(len(options))]


def _one_of(field, *values):
    return Fault(lambda random, recipe: {field: _pick(random, *values)})


def _constant(initializer, *values):
    return [f"{initializer}=keras.initializers.Constant({value})" for value in values]


def _rate(random, recipe):
    name, _, rest = recipe.optimizer.partition("(learning_rate=")
    rates = {"Adam": ("0.000001", "0.000003", "0.1", "0.3"), "SGD": ("0.00001", "0.00003", "0.3", "3.0")}
    return {"optimizer": f"{name}(learning_rate={_pick(random, *rates[name])}{rest.lstrip('.0123456789')}"}


def _scaling(random, recipe):
    # Adam hides raw pixels (lesson 11)
    raw = recipe.optimizer.startswith("SGD") and random.random() < 0.5
    return {"scaled": "images" if raw else "images / 255 / 255"}


def _rare(random, recipe):
    rare = tuple(sorted(random.permutation(5)[:3].tolist()))
    return {"rare": rare, "rare_count": _pick(random, 25, 30, 35)}


FAULTS = {
    "insufficient capacity": Fault(
        lambda random, recipe: {
            "filters": (1,) + (2,) * (len(recipe.filters) - 1),
            "dense": _pick(random, 4, 6),
        }
    ),
    "information bottleneck": _one_of("squeeze", 1),
    "saturating activations": _one_of("activation", '"sigmoid"'),
    "dying ReLU": _one_of("options", *_constant("bias_initializer", -0.5, -1.0, -2.0)),
    "excessive pooling": _one_of("shrunk", "AveragePooling2D(7)", "AveragePooling2D(14)", "MaxPooling2D(14)"),
    "learning rate": Fault(_rate),
    "optimizer choice": _one_of("optimizer", "Adadelta()", "Ftrl()", "Adagrad()"),
    "batch size": _one_of("batch_size", 1600, 3200),
    "too much regularization": Fault(
        lambda random, recipe: _pick(
            random, {"dropout": 0.95}, {"options": "kernel_regularizer=keras.regularizers.L2(0.1)"}
        )
    ),
    "class imbalance": Fault(_rare, lambda recipe: {"oversampled": True}),
    "unscaled inputs": Fault(_scaling),
    "noisy labels": Fault(
        lambda random, recipe: {"wrong_labels": _pick(random, 0.5, 0.6)}, lambda recipe: {"reviewed": True}
    ),
    "too little data": Fault(
        lambda random, recipe: {"images": _pick(random, 100, 80), "augmented": False},
        lambda recipe: {"augmented": True},
    ),
    "labels out of step": _one_of("shuffled", "x[order], y", "x, y[order]"),
    "output and loss": _one_of("output", "None", '"relu"'),
    "frozen layers": _one_of("options", "trainable=False"),
    "no activation": _one_of("activation", "None"),
    "equal weights": _one_of(
        "options", 'kernel_initializer="zeros"', *_constant("kernel_initializer", 0.02, 0.05)
    ),
    "unshuffled data": Fault(lambda random, recipe: {"shuffled": "", "shuffle": False}),
}
# of two faults, one is in the data, at its harshest so that treating the other is not enough, and one in
# the script
IN_DATA = {"noisy labels": {"wrong_labels": 0.6}, "too little data": {"images": 100, "augmented": False}}
IN_SCRIPT = ("dying ReLU", "learning rate", "optimizer choice", "unscaled inputs", "output and loss")


class Plan(NamedTuple):
    """What is planted in a case: its faults by name, and its recipe without and with them, and treated."""

    faults: tuple
    sound: Recipe
    broken: Recipe
    treated: Recipe
    half_treated: tuple = ()  # of two faults, each treated alone


def settings(number):
    """A healthy recipe, varied: all about a case but its fault, and drawn without looking at that."""
    random = np.random.default_rng([number, 0])
    first, depth = _pick(random, 8, 12, 16), _pick(random, 3, 4)
    # of T-shirt, pullover, coat and shirt two at most, and not T-shirt with shirt: so few and small
    # photographs hardly tell them apart
    some = [*random.permutation([0, 2, 4, 6])[:2].tolist(), 1, 3, 5, 7, 8, 9]
    kinds = random.permutation(some)[:5].tolist()
    if {0, 6} <= {*kinds}:
        kinds[kinds.index(6)] = 2
    return Recipe(
        seed=number,
        kinds=tuple(sorted(kinds)),
        images=_pick(random, 1500, 2000, 2500),
        pose=_pick(random, (30, 0.6, 4), (40, 0.5, 4)),
        filters=(first,) + (2 * first,) * (depth - 1),
        kernel_size=_pick(random, 3, 5),
        dense=_pick(random, 32, 64, 128),
        optimizer=_pick(
            random,
            "Adam(learning_rate=0.002)",
            "Adam(learning_rate=0.003)",
            "SGD(learning_rate=0.01, momentum=0.9)",
        ),
        batch_size=_pick(random, 32, 40, 50),
        epochs=_pick(random, 7, 8, 9),
    )


def plan(number):
    """What is planted in a case; the same number is the same plan on every machine.

    It is, as long as NumPy's generators draw alike: from 2.1 to 2.4 they do. A later one may change
    them, and then the tests say so. Of `BLOCK` numbers in a row from a multiple of it, each fault has
    one, `TWO_FAULTS` have two faults, and the others are healthy.

    Raises
    ------
    ValueError
        The number is not a whole number from 0 to 199.

    >>> plan(7).faults
    ()
    """
    if not isinstance(number, (int, np.integer)) or not 0 <= number < CASES:
        raise ValueError(f"number is {number!r}, but cases have whole numbers from 0 to {CASES - 1}")
    number = int(number)
    block, place = divmod(number, BLOCK)
    kind = int(np.random.default_rng([block, 1]).permutation(BLOCK)[place])
    random = np.random.default_rng([number, 2])
    sound = settings(number)
    if kind < len(FAULTS):
        return _with_one(list(FAULTS)[kind], random, sound)
    if kind < len(FAULTS) + TWO_FAULTS:
        return _with_two((_pick(random, *IN_DATA), _pick(random, *IN_SCRIPT)), random, sound)
    return Plan((), sound, sound, sound)


def _with_one(name, random, sound):
    plant, treat = FAULTS[name]
    broken = replace(sound, **plant(random, sound))
    return Plan((name,), sound, broken, replace(broken, **treat(broken)) if treat else sound)


def _with_two(names, random, sound):
    data_broken = replace(sound, **IN_DATA[names[0]])
    broken = replace(data_broken, **FAULTS[names[1]].plant(random, sound))
    treatment = FAULTS[names[0]].treat(sound)
    halves = data_broken, replace(broken, **treatment)
    return Plan(names, sound, broken, replace(data_broken, **treatment), halves)
