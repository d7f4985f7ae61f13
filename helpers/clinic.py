"""Mystery cases: a CNN with a hidden fault, tests that cost points, a treatment that is scored.

The other helpers never build a network; here the fault has to stay hidden, so `case` does.
It runs the very Keras code that the chart shows and that you edit to treat the patient.
"""

import difflib
import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

from helpers import instruments
from helpers.data import (
    CLASS_NAMES,
    flip_labels,
    keep_few,
    load_fashion_mnist,
    place_on_canvas,
    vary_pose,
)
from helpers.figures import (
    confusion_matrices,
    image_row,
    layer_bars,
    learning_curves,
    one_batch_curves,
    range_test_curve,
)
from helpers.live import LiveCurve, PlaygroundCurve

import keras
import numpy as np
from IPython.display import display
from ipywidgets import (
    HTML,
    BoundedIntText,
    Button,
    Dropdown,
    HBox,
    Label,
    Layout,
    Output,
    SelectMultiple,
    Textarea,
    VBox,
)
from ipywidgets import Image as ImageWidget
from sklearn.metrics import accuracy_score, log_loss, recall_score

PRACTICE = 100  # cases below this number have a solution
POINTS = 100
WRONG_DIAGNOSIS = 25
HEALTHY = "healthy"


@dataclass(frozen=True)
class Recipe:
    """All that a case is made of; the defaults are healthy. Strings are Keras code."""

    seed: int
    # data
    place: bool = False  # tell in which ninth of the canvas the item is, not what it is
    images: int = 3000
    pixels: str = "scaled"  # or "raw", "scaled twice"
    wrong_labels: float = 0.0
    rare: tuple = ()
    rare_count: int = 0
    pose: tuple = ()  # degrees, smallest, pixels of vary_pose
    # network
    before: str = ""
    filters: tuple = (8, 16)
    kernel_size: int = 3
    strided: bool = False
    activation: str = "relu"
    bias: float = 0.0
    head: str = "Flatten"
    squeeze: int = 0
    dense: int = 0
    # training
    optimizer: str = "Adam(learning_rate=0.003)"
    epochs: int = 4
    batch_size: int = 64
    class_weight: bool = False
    callback: str = ""

    def network(self):
        """The code that builds and compiles the network."""
        lines = [f"{self.before},"] if self.before else []
        bias = f", bias_initializer=keras.initializers.Constant({self.bias})" if self.bias else ""
        deep = len(self.filters) > 4
        for i, filters in enumerate(self.filters):
            halve = i in ((0, 2) if deep else (0, 1))
            strides = "strides=2, " if halve and (self.strided or deep) else ""
            lines.append(
                f'layers.Conv2D({filters}, {self.kernel_size}, {strides}padding="same", '
                f'activation="{self.activation}"{bias}),'
            )
            if halve and not strides:
                lines.append("layers.MaxPooling2D(),")
        lines.append(f"layers.{self.head}(),")
        for units in filter(None, (self.squeeze, self.dense)):
            lines.append(f'layers.Dense({units}, activation="{self.activation}"),')
        lines.append(f'layers.Dense({9 if self.place else 10}, activation="softmax"),')
        body = "\n".join(f"    {line}" for line in lines)
        return (
            f"keras.utils.set_random_seed({self.seed})\n"
            f"model = keras.Sequential([\n    keras.Input((28, 28, 1)),\n{body}\n])\n"
            f"model.compile(\n    keras.optimizers.{self.optimizer},\n"
            '    loss="sparse_categorical_crossentropy", metrics=["accuracy"],\n)\n'
        )

    def training(self):
        """The code that trains it."""
        callbacks = [f'LiveCurve("case {self.seed}")', self.callback]
        weight = ", class_weight=class_weight" if self.class_weight else ""
        lines = ["counts = np.bincount(y_train)", "class_weight = dict(enumerate(counts.mean() / counts))"]
        return "\n".join([
            *(lines if self.class_weight else ()),
            "history = model.fit(",
            "    x_train, y_train, validation_data=(x_val, y_val), validation_batch_size=500,",
            f"    epochs={self.epochs}, batch_size={self.batch_size}{weight}, verbose=0,",
            "    callbacks=[",
            *(f"        {callback}," for callback in callbacks if callback),
            "    ],",
            ")\n",
        ])  # fmt: skip

    def code(self):
        """The code of both."""
        return self.network() + self.training()

    def data(self):
        """x_train, y_train, x_val, y_val, the fault in them."""
        (x, y), (x_val, y_val), _ = load_fashion_mnist()
        x, y, x_val, y_val = x[: self.images], y[: self.images], x_val[:1000], y_val[:1000]
        if self.rare:
            x, y, _ = keep_few(x, y, self.rare, self.rare_count, self.seed)
        x, x_val = (part.astype("float32") / 255 for part in (x, x_val))
        if self.place:
            (x, y), (x_val, y_val) = (_ninths(part, self.seed + i) for i, part in enumerate((x, x_val)))
        if self.pose:
            x, x_val = (vary_pose(part, self.seed + i, *self.pose)[0] for i, part in enumerate((x, x_val)))
        if self.wrong_labels:
            y, _ = flip_labels(y, self.wrong_labels, self.seed)
        factor = np.float32({"scaled": 1, "raw": 255, "scaled twice": 1 / 255}[self.pixels])
        return x * factor, y, x_val * factor, y_val


def _ninths(x, seed):
    canvases, positions = place_on_canvas(x, seed)
    row, column = (positions.astype(int) * 3 // 22).T
    return canvases, 3 * row + column


class Fault(NamedTuple):
    """One way to break a recipe. What is not given in `treat` is put back as it was.

    `setting` and `plant` get a random generator and the recipe so far; all three return
    the fields to change. The levels are those of helpers.verdict.Claim.
    """

    setting: callable
    plant: callable
    treat: callable = None
    telltale: str = "val_accuracy"
    stalled_at: float = 0.3
    recovered_at: float = 0.65
    also: tuple = ()  # other names under which the fault is known


def _pick(random, *options):
    return options[random.integers(len(options))]


def _base(random):
    """A healthy recipe, varied."""
    strided = bool(random.random() < 0.6)
    return {
        "images": _pick(random, 3000, 4000),
        "filters": _pick(random, (8, 16), (12, 24), (16, 32)) if strided else (8, 16),
        "kernel_size": _pick(random, 3, 5) if strided else 3,
        "strided": strided,
        "dense": _pick(random, 0, 32, 64),
        "optimizer": _pick(random, "Adam(learning_rate=0.002)", "Adam(learning_rate=0.003)"),
        "epochs": _pick(random, 4, 5),
    }


def _sometimes_place(random, recipe):
    return {"place": bool(random.random() < 0.3)}


def _wrong_rate(random, recipe):
    kind, _, rest = recipe.optimizer.partition("(learning_rate=")
    momentum = rest[rest.index(",") :] if "," in rest else ")"
    rates = {"Adam": (1e-6, 1e-5, 0.2, 0.5), "SGD": (1e-5, 1e-4, 1.0, 2.0)}[kind]
    return {"optimizer": f"{kind}(learning_rate={_pick(random, *rates)}{momentum}"}


EARLY_STOPPING = 'keras.callbacks.EarlyStopping("{}", patience=3, restore_best_weights=True)'
SMALL_DATA_NETWORK = {"filters": (16, 32), "kernel_size": 3, "strided": True}

FAULTS = {
    "insufficient capacity": Fault(
        lambda random, recipe: {
            "filters": (16, 32),
            "kernel_size": 3,
            "strided": True,
            "head": "GlobalAveragePooling2D",
            "dense": 0,
            "optimizer": "Adam(learning_rate=0.01)",
            "epochs": 6,
        },
        lambda random, recipe: {"filters": _pick(random, (1, 2), (2, 1), (2, 2))},
        stalled_at=0.5,
        recovered_at=0.57,
    ),
    "information bottleneck": Fault(
        lambda random, recipe: {"squeeze": 64, "dense": 32},
        lambda random, recipe: {"squeeze": _pick(random, 1, 2)},
        stalled_at=0.7,
        recovered_at=0.72,
    ),
    "saturating activations": Fault(
        lambda random, recipe: {
            "filters": (8,) * random.integers(6, 9),
            "kernel_size": 3,
            "optimizer": "Adam(learning_rate=0.002)",
        },
        lambda random, recipe: {"activation": "sigmoid"},
        stalled_at=0.5,
    ),
    "dying ReLU": Fault(_sometimes_place, lambda random, recipe: {"bias": _pick(random, -0.5, -1.0, -2.0)}),
    "excessive pooling": Fault(
        lambda random, recipe: {"place": True, "dense": 32},
        lambda random, recipe: {"head": "GlobalAveragePooling2D"},
        stalled_at=0.5,
        recovered_at=0.85,
    ),
    "learning rate": Fault(
        lambda random, recipe: (
            _sometimes_place(random, recipe)
            | {
                "optimizer": _pick(
                    random,
                    "Adam(learning_rate=0.003)",
                    "SGD(learning_rate=0.02, momentum=0.9)",
                )
            }
        ),
        _wrong_rate,
    ),
    "optimizer choice": Fault(
        _sometimes_place,
        lambda random, recipe: {"optimizer": _pick(random, "Adadelta()", "Ftrl()", "Adagrad()")},
        stalled_at=0.5,
        also=("learning rate",),
    ),
    "batch size": Fault(
        lambda random, recipe: {"optimizer": "SGD(learning_rate=0.05)", "batch_size": 16, "images": 3000},
        lambda random, recipe: {"batch_size": _pick(random, 750, 1000, 1500)},
        stalled_at=0.6,
    ),
    "overfitting": Fault(
        lambda random, recipe: (
            SMALL_DATA_NETWORK
            | {
                "images": _pick(random, 800, 900, 1000),
                "dense": 128,
                "optimizer": f"Adam(learning_rate={_pick(random, 0.005, 0.006)})",
                "batch_size": 50,
                "epochs": _pick(random, 14, 16, 18),
            }
        ),
        lambda random, recipe: {},
        lambda recipe: {"callback": EARLY_STOPPING.format("val_loss")},
        telltale="val_loss",
        stalled_at=0.82,
        recovered_at=0.75,
        also=("too little data",),
    ),
    "class imbalance": Fault(
        lambda random, recipe: {
            "images": 6000,
            "filters": (8, 16),
            "kernel_size": 3,
            "strided": False,
            "dense": 0,
            "epochs": _pick(random, 4, 5),
        },
        lambda random, recipe: {
            "rare": (0, 2),
            "rare_count": int(random.integers(18, 25)),
        },
        lambda recipe: {"class_weight": True},
        telltale="recall of the rare classes",
        stalled_at=0.3,
        recovered_at=0.32,
    ),
    "unscaled inputs": Fault(
        lambda random, recipe: {"optimizer": "SGD(learning_rate=0.02, momentum=0.9)"},
        lambda random, recipe: {"pixels": _pick(random, "raw", "scaled twice")},
        lambda recipe: {"before": f"layers.Rescaling({'1 / 255' if recipe.pixels == 'raw' else 255})"},
    ),
    "noisy labels": Fault(
        lambda random, recipe: (
            SMALL_DATA_NETWORK
            | {
                "images": 2000,
                "dense": 128,
                "optimizer": "Adam(learning_rate=0.004)",
                "batch_size": 100,
                "epochs": _pick(random, 12, 14),
            }
        ),
        lambda random, recipe: {"wrong_labels": _pick(random, 0.4, 0.45)},
        lambda recipe: {"callback": EARLY_STOPPING.format("val_accuracy")},
        stalled_at=0.66,
        recovered_at=0.69,
    ),
    "too little data": Fault(
        lambda random, recipe: (
            SMALL_DATA_NETWORK
            | {
                "pose": (_pick(random, 0, 10), _pick(random, 0.6, 0.7), 7),
                "dense": 64,
                "batch_size": 50,
                "optimizer": "Adam(learning_rate=0.003)",
                "epochs": 40,
            }
        ),
        lambda random, recipe: {"images": _pick(random, 150, 200)},
        lambda recipe: {"before": 'layers.RandomTranslation(0.25, 0.25, fill_mode="constant")'},
        stalled_at=0.42,
        recovered_at=0.46,
        also=("overfitting",),
    ),
}


class Plan(NamedTuple):
    """What is planted in a case: its faults by name, and its recipe before and after treatment."""

    faults: tuple
    broken: Recipe
    treated: Recipe
    half_treated: tuple = ()  # of two faults, each treated alone

    @property
    def judged_by(self):
        """(telltale, stalled_at, recovered_at); with two faults that of the fault in the data."""
        if not self.faults:
            return "val_accuracy", None, 0.85 if self.broken.place else 0.7
        return FAULTS[self.faults[0]][3:6]


def plan(number):
    """The same number is the same plan on every machine.

    Of sixteen numbers in a row from a multiple of sixteen, each fault has one, one is
    healthy, and two have two faults: one in the data and one in the training.

    Raises
    ------
    ValueError
        The number is not a whole number from 0 on.
    """
    if not isinstance(number, (int, np.integer)) or number < 0:
        raise ValueError(f"number is {number!r}, but cases have whole numbers from 0 on")
    block, place = divmod(int(number), 16)
    kind = np.random.default_rng(block).permutation(16)[place]
    random = np.random.default_rng([number, 1])
    sound = Recipe(seed=int(number))
    sound = replace(sound, **_base(random))
    if kind == 13:
        sound = replace(sound, **_sometimes_place(random, sound))
        return Plan((), sound, sound)
    if kind < 13:
        name = list(FAULTS)[kind]
        sound = replace(sound, **FAULTS[name].setting(random, sound))
        broken, treated = _plant_and_treat(name, random, sound)
        return Plan((name,), broken, treated)
    in_data = _pick(random, "class imbalance", "noisy labels")
    in_training = _pick(random, "dying ReLU", "learning rate", "optimizer choice")
    sound = replace(sound, **FAULTS[in_data].setting(random, sound))
    data_broken, data_treated = _plant_and_treat(in_data, random, sound)
    broken, _ = _plant_and_treat(in_training, random, data_broken)
    data_treatment = FAULTS[in_data].treat(data_broken)
    return Plan(
        (in_data, in_training), broken, data_treated, (data_broken, replace(broken, **data_treatment))
    )


def _plant_and_treat(name, random, sound):
    planted = FAULTS[name].plant(random, sound)
    broken = replace(sound, **planted)
    if FAULTS[name].treat:
        return broken, replace(broken, **FAULTS[name].treat(broken))
    return broken, sound


def measure_telltale(telltale, model, x_val, y_val, rare=()):
    """val_accuracy, val_loss or recall of the rare classes of a model with a softmax output.

    Raises
    ------
    ValueError
        The model puts out NaN, or what does not sum to 1.
    """
    probabilities = np.asarray(model(x_val, training=False))
    if np.isnan(probabilities).any():
        raise ValueError("the model puts out NaN: its weights have exploded, or the images hold NaN")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise ValueError("the outputs of the model do not sum to 1: keep the softmax in its last layer")
    answers = probabilities.argmax(axis=1)
    if telltale == "val_loss":
        return float(log_loss(y_val, probabilities, labels=range(probabilities.shape[1])))
    if telltale == "val_accuracy":
        return float(accuracy_score(y_val, answers))
    return float(recall_score(y_val, answers, labels=list(rare), average="macro"))


def run(code, data, live=LiveCurve):
    """What the code of a network and its training leaves behind: a dict, with model and history."""
    namespace = dict(zip(("x_train", "y_train", "x_val", "y_val"), data))
    namespace |= {"keras": keras, "layers": keras.layers, "np": np, "LiveCurve": live}
    exec(code, namespace)
    return namespace


NINTHS = (
    "top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right",
)  # fmt: skip


class Examination(NamedTuple):
    """What a learner can order: its price in points, and a function from a case to a text or Picture."""

    points: int
    measure: callable


def _look(patient):
    x, y = patient.data[:2]
    return image_row(x[:8], [patient.class_names[label] for label in y[:8]])


def _pixels(patient):
    lines = [f"{len(patient.data[1]):,} training images, {len(patient.data[3]):,} validation images"]
    for name, x in zip(("training", "validation"), patient.data[::2]):
        lines.append(f"{name:10} pixels from {x.min():.4g} to {x.max():.4g}, mean {x.mean():.4g}")
    return "\n".join(lines)


def _counts(patient):
    counts = np.bincount(patient.data[1], minlength=len(patient.class_names))
    return "\n".join(f"{name:12} {count:4}" for name, count in zip(patient.class_names, counts))


def _evaluated(patient):
    lines = []
    for name, x, y in zip(("training", "validation"), patient.data[::2], patient.data[1::2]):
        loss, accuracy = (measure_telltale(t, patient.model, x, y) for t in ("val_loss", "val_accuracy"))
        lines.append(f"{name:10} evaluated after the last epoch: loss {loss:.3f}, accuracy {accuracy:.3f}")
    return "\n".join(lines)


def _confusion(patient):
    x, y = patient.data[2:]
    answers = np.asarray(patient.model(x, training=False)).argmax(axis=1)
    return confusion_matrices(y, {f"case {patient.number}": answers}, patient.class_names)


def _dead(patient):
    shares = {}
    for name, model in (("before training", patient.fresh()), ("after", patient.model)):
        dead = instruments.dead_units(model, patient.data[0][:512])
        shares[name] = _numbered({layer: units.mean() for layer, units in dead.items()})
    return layer_bars(
        shares, "share of dead units", healthy=instruments.HEALTHY["dead_units largest share"], log=False
    )


def _numbered(measurement):
    """The layers numbered: Keras gives those of each new model other names."""
    return {f"{i} {name.rstrip('_0123456789')}": value for i, (name, value) in enumerate(measurement.items())}


def _by_layer(label, when, measurement, **options):
    return layer_bars({when: _numbered(measurement)}, label, **options)


def _suspects(patient):
    x, y = patient.data[0][:2000], patient.data[1][:2000]
    ranked = instruments.suspect_labels(x, y)
    share = len(ranked) / len(x)
    print(f"{share:.2f} of the first {len(x):,} labels differ from what similar images are called")
    return image_row(x[ranked[:8]], [f"{patient.class_names[label]}?" for label in y[ranked[:8]]])


def _range_test(patient):
    model = patient.fresh()
    test = instruments.learning_rate_range_test(model, *patient.data[:2])
    return range_test_curve(test, {"this case": float(model.optimizer.learning_rate)})


def _optimizer(patient):
    optimizer = patient.model.optimizer
    return f"{optimizer.name}, learning rate {float(optimizer.learning_rate):.1e}, " + (
        f"{int(optimizer.iterations)} updates in {patient.plan.broken.epochs} epochs"
    )


TESTS = {
    "images": Examination(1, _look),
    "pixel values": Examination(1, _pixels),
    "class counts": Examination(1, _counts),
    "initial_loss": Examination(
        1,
        lambda p: (
            f"before training: loss {instruments.initial_loss(p.fresh(), *p.batch):.3f}, "
            f"of guessing {np.log(len(p.class_names)):.3f}"
        ),
    ),
    "evaluate": Examination(1, _evaluated),
    "confusion matrix": Examination(2, _confusion),
    "gradient_norms": Examination(
        2,
        lambda p: _by_layer(
            "gradient norm", "before training", instruments.gradient_norms(p.fresh(), *p.batch)
        ),
    ),
    "dead_units": Examination(2, _dead),
    "update_to_weight_ratios": Examination(
        2,
        lambda p: _by_layer(
            "update-to-weight ratio",
            "before training",
            instruments.update_to_weight_ratios(p.fresh(), *p.batch),
            healthy=instruments.HEALTHY["update_to_weight_ratios median"],
        ),
    ),
    "linear_probes": Examination(
        3,
        lambda p: _by_layer(
            "accuracy of a linear probe",
            "after training",
            instruments.linear_probes(p.model, p.data[0][:1000], p.data[1][:1000]),
            log=False,
        ),
    ),
    "effective_ranks": Examination(
        3,
        lambda p: _by_layer(
            "effective rank", "after training", instruments.effective_ranks(p.model, p.data[0][:512])
        ),
    ),
    "overfit_one_batch": Examination(
        4,
        lambda p: one_batch_curves(
            {f"case {p.number}": instruments.overfit_one_batch(p.fresh(), *(part[:20] for part in p.batch))}
        ),
    ),
    "learning_rate_range_test": Examination(4, _range_test),
    "gradient_noise_scale": Examination(
        4,
        lambda p: (
            f"{instruments.gradient_noise_scale(p.fresh(), *p.data[:2]):.0f} images before training; "
            f"this case trains in batches of {p.plan.broken.batch_size}"
        ),
    ),
    "suspect labels": Examination(5, _suspects),
    "optimizer": Examination(15, _optimizer),
    "chart": Examination(40, lambda p: p.plan.broken.code()),
}


def case(number):
    """Train the network of a case, the same case for the same number on every machine: a `Case`."""
    return Case(number)


class Case:
    """A patient: its curves are free, tests cost points, the diagnosis and the treatment are scored.

    Parameters
    ----------
    number : int, 0 or more; below 100 for practice, with a solution
    live : callable, name -> the callback that shows progress

    Attributes
    ----------
    data : x_train, y_train, x_val, y_val, as the network got them
    model : keras.Model, trained
    history : keras.callbacks.History
    score : dict, "diagnosis" and "recovery", each of 100 points, None until there is one

    Raises
    ------
    ValueError
        As in `plan`.
    """

    def __init__(self, number, live=LiveCurve):
        self.plan = plan(number)
        self.number = number
        self.class_names = NINTHS if self.plan.broken.place else CLASS_NAMES
        self.data = self.plan.broken.data()
        trained = run(self.plan.broken.code(), self.data, live)
        self.model, self.history = trained["model"], trained["history"]
        self.spent, self.ordered, self.attempts = 0, [], 0
        self.score = {"diagnosis": None, "recovery": None}

    @property
    def batch(self):
        """256 training images and their labels."""
        return self.data[0][:256], self.data[1][:256]

    def fresh(self):
        """The network before training."""
        return run(self.plan.broken.network(), self.data)["model"]

    def curves(self):
        """The learning curves, for nothing."""
        return learning_curves({f"case {self.number}": self.history}, guessing=self._guessing())

    def order(self, test):
        """Take a test and pay for it, the first time: a Picture, or None after a printed text.

        Raises
        ------
        ValueError
            There is no such test.
        """
        if test not in TESTS:
            raise ValueError(f"there is no test {test!r}; you can order {', '.join(TESTS)}")
        free = test in self.ordered or (test == "chart" and self.attempts)
        if not free:
            self.ordered.append(test)
            self.spent += TESTS[test].points
        try:
            result = TESTS[test].measure(self)
        except ValueError as error:  # an instrument that this network gives nothing to measure
            result = str(error)
        print(f"{test}: {'no new' if free else TESTS[test].points} points, {self.spent} spent so far")
        if not isinstance(result, str):
            return result
        print(result)

    def diagnose(self, *names):
        """Name the fault, or both, or "healthy". Print and return whether that is wholly right.

        100 points, less what the tests cost, less 25 for each diagnosis that was not wholly
        right. After the first diagnosis the chart is free.

        Raises
        ------
        ValueError
            A name is none of FAULTS and not "healthy".
        """
        for name in names or ("",):
            if name not in (*FAULTS, HEALTHY):
                raise ValueError(
                    f"{name!r} is no diagnosis here; choose from {', '.join((*FAULTS, HEALTHY))}"
                )
        right = [name for name in names if any(name in self._names_of(fault) for fault in self.planted)]
        correct = len(set(names)) == len(right) == len(self.planted)
        if self.score["diagnosis"] is not None:
            print(f"You had the diagnosis before: {self.score['diagnosis']} points")
        elif correct:
            points = POINTS - self.spent - WRONG_DIAGNOSIS * self.attempts
            self.score["diagnosis"] = max(0, points)
            print(f"Right. Diagnosis: {self.score['diagnosis']} points")
        elif len(right) == len(names):
            print(f"{' and '.join(right)}: right, but that is not all.")
        else:
            wrong = [name for name in names if name not in right]
            print(f"{' and '.join(wrong)}: not what ails this network.")
        self.attempts += 1
        return correct

    def treat(self, history, x_val=None):
        """Judge a treatment by the model that your edited `fit` left: the curve has to recover.

        Parameters
        ----------
        history : what `fit` returned
        x_val : the validation images as your model wants them, if you changed them

        Returns
        -------
        Picture, the learning curves before and after the treatment

        Raises
        ------
        ValueError
            `history` is no History, `x_val` are not the validation images of this case, or
            the model's outputs do not sum to 1.
        """
        if not isinstance(history, keras.callbacks.History):
            raise ValueError(f"history is a {type(history).__name__}: pass what model.fit(...) returned")
        x_val = self.data[2] if x_val is None else x_val
        if x_val.shape != self.data[2].shape:
            raise ValueError(f"x_val has shape {x_val.shape}, but this case's is {self.data[2].shape}")
        telltale, _, recovered_at = self.plan.judged_by
        y_val, rare = self.data[3], self.plan.broken.rare
        before = measure_telltale(telltale, self.model, self.data[2], y_val, rare)
        after = measure_telltale(telltale, history.model, x_val, y_val, rare)
        if not self.plan.faults:
            print(f"{telltale}: {before:.3f} before, {after:.3f} after. There was nothing to cure.")
        else:
            way = (after - before) / (recovered_at - before)
            points = round(POINTS * min(1, max(0, way)))
            self.score["recovery"] = max(points, self.score["recovery"] or 0)
            print(f"{telltale}: {before:.3f} before, {after:.3f} after, recovered at {recovered_at}")
            print(f"{'Recovered' if way >= 1 else 'Not recovered'}. Recovery: {points} points")
        return learning_curves({"before": self.history, "treated": history}, guessing=self._guessing())

    @property
    def planted(self):
        return self.plan.faults or (HEALTHY,)

    def solution(self):
        """Print what was planted and the standard treatment.

        Raises
        ------
        ValueError
            The case is for class: its number is 100 or more.
        """
        if self.number >= PRACTICE:
            raise ValueError(
                f"case {self.number} is for class, its solution is with the instructor; "
                f"cases 0 to {PRACTICE - 1} show theirs"
            )
        print(answer(self.number))

    def _names_of(self, fault):
        return (fault, *(FAULTS[fault].also if fault in FAULTS else ()))

    def _guessing(self):
        return np.log(len(self.class_names)), 1 / len(self.class_names)


def answer(number):
    """The planted faults of a case and the standard treatment as a diff of its code, as text."""
    planned = plan(number)
    if not planned.faults:
        return f"case {number}: healthy"
    codes = [recipe.code().splitlines() for recipe in (planned.broken, planned.treated)]
    changed = [
        line
        for line in difflib.unified_diff(*codes, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    return "\n".join([f"case {number}: {' and '.join(planned.faults)}", *changed])


class Clinic(VBox):
    """The panel: admit a case, order tests, diagnose, edit its code, treat; the last line of a cell."""

    def __init__(self):
        self.number = BoundedIntText(0, min=0, max=10**6, description="case")
        names = {f"{name}  ({test.points})": name for name, test in TESTS.items()}
        self.test = Dropdown(options=names, description="test")
        self.names = SelectMultiple(options=[*FAULTS, HEALTHY], rows=8, description="diagnosis")
        self.code = Textarea(disabled=True, layout=Layout(width="100%", height="22em"))
        self.code.add_class("stalled-code")
        self.picture = ImageWidget(format="png", width=500, height=240, layout=Layout(display="none"))
        self.line = Label("Choose a number and press Admit.")
        self.output = Output()
        self.buttons = {}
        for name, action in (
            ("Admit", self._admit),
            ("Order", lambda: self.patient.order(self.test.value)),
            ("Diagnose", self._diagnose),
            ("Treat", self._treat),
            ("Solution", lambda: self.patient.solution()),
        ):
            button = Button(description=name, disabled=name != "Admit")
            button.on_click(functools.partial(self._press, action))
            self.buttons[name] = button
        style = HTML("<style>.stalled-code textarea {font-family: monospace}</style>")
        super().__init__([
            style,
            HBox([self.number, self.buttons["Admit"]]),
            HBox([self.test, self.buttons["Order"]]),
            HBox([self.names, self.buttons["Diagnose"], self.buttons["Solution"]]),
            self.code,
            self.buttons["Treat"],
            self.line,
            self.picture,
            self.output,
        ])  # fmt: skip

    def __repr__(self):
        return "Run this cell in JupyterLab for the panel of the clinic."

    def _press(self, action, button):
        with self.output:
            try:
                shown = action()
            except Exception as error:  # what the learner's code raises is told, and nothing is lost
                print(f"{type(error).__name__}: {error}")
            else:
                if shown is not None:
                    display(shown)

    def _live(self, name):
        self.picture.layout.display = None
        return PlaygroundCurve(self.picture, self.line, "accuracy", 1.0)

    def _admit(self):
        self.output.clear_output()
        self.patient = Case(self.number.value, self._live)
        self.code.value, self.code.disabled = "the chart: order it, or diagnose first", True
        for name, button in self.buttons.items():
            button.disabled = name == "Treat"
        return self.patient.curves()

    def _diagnose(self):
        self.patient.diagnose(*self.names.value)
        self.code.value, self.code.disabled = self.patient.plan.broken.code(), False
        self.buttons["Treat"].disabled = False

    def _treat(self):
        left = run(self.code.value, self.patient.data, self._live)
        return self.patient.treat(left["history"], left["x_val"])
