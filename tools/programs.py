"""Programs for the bench of the check-up: networks on data that the course does not use, healthy or broken.

A program is a number. Odd numbers are locked away: tools/checkup.py runs them only with --locked, when
the levels of helpers.checkup stand.
"""

from typing import NamedTuple

import cells
import vitals
from helpers.clinic.faults import plan
from helpers.clinic.recipe import run
from helpers.data import flip_labels, load_fashion_mnist, place_on_canvas

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_breast_cancer, load_digits, make_friedman1


class Program(NamedTuple):
    """A compiled model, what `fit` gets, and the planted causes; none for a healthy program."""

    family: str
    causes: tuple
    model: keras.Model
    data: tuple  # x, y
    fit: dict


# data: each returns x, y, x_val, y_val on a scale that suits a network


def digits(random, count=1200):
    x, y = load_digits(return_X_y=True)
    order = random.permutation(len(x))
    x, y = (x[order] / 16).astype("float32").reshape(-1, 8, 8, 1), y[order]
    return x[:count], y[:count], x[-400:], y[-400:]


def flat_digits(random):
    x, y, x_val, y_val = digits(random)
    return x.reshape(-1, 64), y, x_val.reshape(-1, 64), y_val


def shapes(random, kinds=4, count=1600):
    """Disks, squares, triangles and crosses in random colors, at random places, on noise: 16 x 16 x 3."""
    total = count + 400
    y = random.integers(0, kinds, total)
    rows, columns = np.mgrid[:16, :16]
    x = random.normal(0.3, 0.12, (total, 16, 16, 3))
    for image, kind in zip(x, y):
        row, column, size = *random.uniform(5, 11, 2), random.uniform(3, 5)
        down, right = rows - row, columns - column
        inside = (
            down**2 + right**2 < size**2,
            np.maximum(abs(down), abs(right)) < 0.85 * size,
            (abs(right) < (down + size) / 2) & (down < size * 0.8),
            np.minimum(abs(down), abs(right)) < 0.3 * size,
        )[kind] & (np.maximum(abs(down), abs(right)) < 1.1 * size)
        image[inside] = random.uniform(0, 1, 3) * 0.7 + 0.3 + random.normal(0, 0.05, 3)
    x = x.clip(0, 1).astype("float32")
    return x[:count], y[:count], x[count:], y[count:]


def two_shapes(random):
    return shapes(random, 2, 1000)


def waves(random):
    """Sine, square, saw and noise of random period and phase: 64 steps, one channel."""
    total = 1600
    y = random.integers(0, 4, total)
    steps = np.arange(64)
    angle = steps / random.uniform(10, 30, (total, 1)) + random.uniform(0, 1, (total, 1))
    kinds = np.sin(2 * np.pi * angle), np.sign(np.sin(2 * np.pi * angle)), 2 * (angle % 1) - 1
    noise = random.normal(0, 1, (total, 64))
    x = (
        np.choose(np.minimum(y, 2)[:, None], kinds) * (y < 3)[:, None]
        + noise * np.where(y == 3, 0.7, 0.35)[:, None]
    )
    x = x.astype("float32")[..., None]
    return x[:1200], y[:1200], x[1200:], y[1200:]


def cancer(random):
    x, y = load_breast_cancer(return_X_y=True)
    order = random.permutation(len(x))
    x, y = x[order], y[order]
    x = ((x - x[:400].mean(axis=0)) / x[:400].std(axis=0)).astype("float32")
    return x[:400], y[:400], x[400:], y[400:]


def friedman(random):
    x, y = make_friedman1(1600, 8, noise=1.0, random_state=int(random.integers(10**6)))
    y = (y - y.mean()) / 5
    x = (x * 2 - 1).astype("float32")
    return x[:1200], y[:1200].astype("float32"), x[1200:], y[1200:].astype("float32")


def places(random):
    """Where a small item lies: (row, column) by 21."""
    (x, _), (x_val, _), _ = load_fashion_mnist(seed=int(random.integers(10**6)))
    parts = [place_on_canvas(part.astype("float32") / 255, int(random.integers(10**6)))
             for part in (x[:1500], x_val[:400])]  # fmt: skip
    (x, y), (x_val, y_val) = parts
    return x, y / 21, x_val, y_val / 21


def clothes(random):
    (x, y), (x_val, y_val), _ = load_fashion_mnist(seed=int(random.integers(10**6)))
    return x[:2000].astype("float32") / 255, y[:2000], x_val[:500].astype("float32") / 255, y_val[:500]


class Family(NamedTuple):
    """Data and a network; the network's parts are named in `Parts`, so that a fault changes one of them."""

    data: callable
    body: callable  # parts, inputs -> tensor of features
    inputs: tuple
    outputs: int
    optimizer: tuple = ("Adam", 0.002)
    batch_size: int = 32
    epochs: int = 8
    numbers: bool = False


class Parts(NamedTuple):
    """What of a network may be other than healthy."""

    width: int = 16
    dense: int = 64
    activation: str = "relu"
    options: dict = {}
    squeeze: int = 0
    pool: int = 2
    dropout: float = 0.0
    norm: bool = False


def _conv(parts, factor=1, **more):
    return layers.Conv2D(
        parts.width * factor, 3, padding="same", activation=parts.activation, **parts.options, **more
    )  # fmt: skip


def _head(parts, x):
    if parts.squeeze:
        x = layers.Dense(parts.squeeze, activation=parts.activation, **parts.options)(x)
    x = layers.Dense(parts.dense, activation=parts.activation, **parts.options)(x)
    return layers.Dropout(parts.dropout)(x) if parts.dropout else x


def plain_cnn(parts, x):
    x = _conv(parts)(x)
    x = layers.MaxPooling2D(parts.pool)(x)
    x = layers.BatchNormalization()(x) if parts.norm else x
    x = _conv(parts, 2)(x)
    return _head(parts, layers.Flatten()(layers.MaxPooling2D(2, padding="same")(x)))


def residual_cnn(parts, x):
    x = _conv(parts, strides=2)(x)
    for _ in range(2):
        y = layers.BatchNormalization()(_conv(parts)(x))
        y = layers.Conv2D(parts.width, 3, padding="same", **parts.options)(y)
        x = layers.Activation(parts.activation or "linear")(layers.Add()([x, y]))
    return _head(parts, layers.GlobalAveragePooling2D()(x) if parts.pool == 2 else
                 layers.Flatten()(layers.AveragePooling2D(parts.pool, padding="same")(x)))  # fmt: skip


def dense_body(parts, x):
    for _ in range(2):
        x = layers.Dense(parts.width * 4, activation=parts.activation, **parts.options)(x)
    return _head(parts, x)


def wave_cnn(parts, x):
    for factor in (1, 2):
        x = layers.Conv1D(
            parts.width * factor, 5, padding="same", activation=parts.activation, **parts.options
        )(x)  # fmt: skip
        x = layers.MaxPooling1D(parts.pool * 2)(x)
    return _head(parts, layers.Flatten()(x))


FAMILIES = {
    "digits": Family(digits, plain_cnn, (8, 8, 1), 10),
    "shapes": Family(shapes, plain_cnn, (16, 16, 3), 4, epochs=12),
    "two shapes": Family(two_shapes, plain_cnn, (16, 16, 3), 1, epochs=12),
    "waves": Family(waves, wave_cnn, (64, 1), 4, epochs=8),
    "dense digits": Family(flat_digits, dense_body, (64,), 10, ("Adam", 0.001), epochs=10),
    "cancer": Family(cancer, dense_body, (30,), 1, ("Adam", 0.001), epochs=12),
    "friedman": Family(friedman, dense_body, (8,), 1, ("Adam", 0.002), epochs=15, numbers=True),
    "places": Family(places, plain_cnn, (28, 28, 1), 2, epochs=5, numbers=True),
    "clothes": Family(clothes, plain_cnn, (28, 28, 1), 10, epochs=5),
    "residual shapes": Family(shapes, residual_cnn, (16, 16, 3), 4, epochs=12),
    "residual clothes": Family(clothes, residual_cnn, (28, 28, 1), 10, epochs=5),
}


class Spec:
    """A healthy program of a family, varied; a fault changes what it is about."""

    def __init__(self, name, random):
        self.name, self.family, self.random = name, FAMILIES[name], random
        self.seed = int(random.integers(10**6))
        self.x, self.y, self.x_val, self.y_val = self.family.data(random)
        self.parts = Parts(
            width=self.pick(8, 16, 24), dense=self.pick(32, 64), norm=self.pick(False, False, True),
            dropout=self.pick(0.0, 0.0, 0.3),
        )  # fmt: skip
        optimizer, rate = self.family.optimizer
        self.optimizer, self.rate = self.pick((optimizer, rate), (optimizer, rate), ("RMSprop", 0.001),
                                              ("AdamW", rate), ("SGD", 0.05))  # fmt: skip
        self.momentum = 0.9 if self.optimizer == "SGD" else None
        self.batch_size, self.epochs = self.pick(16, 32, 64), self.family.epochs
        self.units, self.loss = self.family.outputs, None
        if self.family.numbers:
            self.output, self.loss = None, self.pick("mse", "mae")
        elif self.units == 1:
            self.output, self.loss = "sigmoid", "binary_crossentropy"
        else:
            self.output = "softmax"
            self.one_hot = bool(random.random() < 0.3)
            self.loss = "categorical_crossentropy" if self.one_hot else "sparse_categorical_crossentropy"
        self.frozen, self.fit, self.split, self.classes = False, {}, None, self.units

    def pick(self, *options):
        return options[self.random.integers(len(options))]

    def build(self):
        keras.utils.set_random_seed(self.seed)
        inputs = keras.Input(self.family.inputs)
        features = self.family.body(self.parts, inputs)
        if self.frozen:
            keras.Model(inputs, features).trainable = False
        outputs = layers.Dense(self.units, activation=self.output)(features)
        model = keras.Model(inputs, outputs)
        more = {"momentum": self.momentum} if self.momentum and self.optimizer == "SGD" else {}
        optimizer = getattr(keras.optimizers, self.optimizer)
        optimizer = optimizer(self.rate, **more) if self.rate else optimizer()
        model.compile(optimizer, self.loss, metrics=["mae" if self.family.numbers else "accuracy"])
        return model

    def labels(self, y):
        return np.eye(self.classes, dtype="float32")[y] if getattr(self, "one_hot", False) else y

    def program(self, causes):
        fit = {"epochs": self.epochs, "batch_size": self.batch_size, **self.fit}
        if self.split is None:
            fit["validation_data"] = (self.x_val, self.labels(self.y_val))
        else:
            fit["validation_split"] = self.split
        return Program(self.name, causes, self.build(), (self.x, self.labels(self.y)), fit)

    def change(self, **fields):
        self.parts = self.parts._replace(**fields)


def _hidden_options(spec, **options):
    spec.change(options=spec.parts.options | options)


def _keep(spec, rows):
    spec.x, spec.y = spec.x[rows], spec.y[rows]


def _imbalance(spec):
    rare = spec.random.permutation(spec.classes)[: max(1, spec.classes // 2)] if spec.classes > 1 else [1]
    count = spec.pick(6, 12)
    keep = ~np.isin(spec.y, rare)
    for kind in rare:
        keep[np.flatnonzero(spec.y == kind)[:count]] = True
    _keep(spec, keep)


def _scale(spec):
    factor, offset = spec.pick((255, 0), (1000, 300), (0.001, 0))
    spec.x, spec.x_val = spec.x * factor + offset, spec.x_val * factor + offset


def _mismatch(spec):
    spec.x_val = spec.pick(lambda x: x * 255, lambda x: x / 255, lambda x: x * 2 - 1.5)(spec.x_val)


def _noise(spec):
    spec.y = flip_labels(spec.y, spec.pick(0.4, 0.5) if spec.classes > 2 else 0.35, spec.seed)[0]


def _output(spec):
    if spec.family.numbers:
        spec.output = spec.pick("sigmoid", "softmax", "relu") if spec.name == "friedman" else "softmax"
    elif spec.units == 1:
        spec.output = spec.pick("softmax", "relu", None)
    else:
        spec.output = spec.pick("relu", None)


def _loss(spec):
    if spec.family.numbers:
        spec.loss = "binary_crossentropy"
    elif spec.units == 1:
        spec.loss = "categorical_crossentropy"
    else:
        spec.one_hot, spec.loss = True, spec.pick("mean_absolute_error", "mean_squared_logarithmic_error")


def _sorted(spec):
    order = np.argsort(spec.y, kind="stable")
    if spec.random.random() < 0.5:
        x, y = np.concatenate([spec.x, spec.x_val]), np.concatenate([spec.y, spec.y_val])
        order = np.argsort(y, kind="stable")
        spec.x, spec.y, spec.split = x[order], y[order], 0.2
    else:
        _keep(spec, order)
        spec.fit["shuffle"] = False


def _holes(spec):
    rows = spec.random.permutation(len(spec.x))[: spec.pick(3, 20)]
    spec.x = spec.x.astype("float32").copy()
    spec.x[rows] = np.nan


def _few_epochs(spec):
    _keep(spec, slice(None, 600))
    spec.epochs, spec.batch_size = 1, 64


def _overfit(spec):
    _keep(spec, slice(None, 300))
    spec.y = flip_labels(spec.y, 0.15, spec.seed)[0] if not spec.family.numbers else spec.y
    spec.change(width=32, dense=256, dropout=0.0)
    spec.epochs = 40


def _set(**fields):
    def plant(spec):
        for name, options in fields.items():
            setattr(spec, name, spec.pick(*options))

    return plant


def _rate(*factors):
    def plant(spec):
        spec.rate *= spec.pick(*factors)

    return plant


def _slow(spec):
    spec.optimizer, spec.rate, spec.momentum = spec.pick("Adadelta", "Ftrl", "Adagrad"), None, None


def _regularize(spec):
    if spec.random.random() < 0.5:
        spec.change(dropout=spec.pick(0.9, 0.95))
    else:
        _hidden_options(
            spec, kernel_regularizer=spec.pick(keras.regularizers.L2(0.3), keras.regularizers.L1(0.1))
        )


PLANT = {
    "insufficient capacity": lambda spec: spec.change(width=1, dense=spec.pick(1, 2)),
    "information bottleneck": lambda spec: spec.change(squeeze=1),
    "saturating activations": lambda spec: spec.change(activation="sigmoid"),
    "dying ReLU": lambda spec: _hidden_options(
        spec, bias_initializer=keras.initializers.Constant(spec.pick(-1.0, -2.0, -5.0))
    ),
    "excessive pooling": lambda spec: spec.change(pool=8),
    "learning rate too low": _rate(0.0005, 0.002),
    "learning rate too high": _rate(100, 300),
    "optimizer choice": _slow,
    "batch size": _set(batch_size=(1200,)),
    "overfitting": _overfit,
    "class imbalance": _imbalance,
    "unscaled inputs": _scale,
    "train/validation preprocessing mismatch": _mismatch,
    "noisy labels": _noise,
    "too little data": lambda spec: _keep(spec, slice(None, spec.pick(30, 50))),
    "too few epochs": _few_epochs,
    "wrong output activation": _output,
    "wrong loss": _loss,
    "labels misaligned or shuffled": lambda spec: setattr(spec, "y", spec.random.permutation(spec.y)),
    "unshuffled or sorted data/split": _sorted,
    "frozen layers": _set(frozen=(True,)),
    "over-regularized": _regularize,
    "NaN in data": _holes,
    "missing activation": lambda spec: spec.change(activation=None),
    "bad initialization": lambda spec: _hidden_options(spec, kernel_initializer=spec.pick(
        "zeros", keras.initializers.Constant(0.05), keras.initializers.RandomNormal(stddev=3.0)
    )),
}  # fmt: skip
FOR_CLASSES = {"class imbalance", "noisy labels", "unshuffled or sorted data/split", "overfitting"}
IMAGES = {
    "digits",
    "shapes",
    "two shapes",
    "waves",
    "places",
    "clothes",
    "residual shapes",
    "residual clothes",
}
PAIRS = (
    ("unscaled inputs", "learning rate too high"), ("noisy labels", "learning rate too low"),
    ("wrong output activation", "optimizer choice"), ("dying ReLU", "unscaled inputs"),
    ("missing activation", "learning rate too low"), ("frozen layers", "over-regularized"),
    ("too few epochs", "learning rate too low"), ("wrong loss", "learning rate too high"),
    ("bad initialization", "optimizer choice"), ("saturating activations", "optimizer choice"),
)  # fmt: skip
BLOCK = len(PLANT) + 5 + 13
OWN = 3 * BLOCK


def program(number, healed=False):
    """The program of a number; `healed` without its causes, for own ones.

    Own ones first, each block of which has every cause once, five pairs and thirteen healthy ones; then
    cases of the clinic, then the patients of the lessons.
    """
    if number >= OWN + len(CLINIC):
        return of_a_lesson(list(vitals.PATIENTS)[number - OWN - len(CLINIC)])
    if number >= OWN:
        return of_the_clinic(CLINIC[number - OWN])
    block, place = divmod(number, BLOCK)
    kind = int(np.random.default_rng([block, 16]).permutation(BLOCK)[place])
    random = np.random.default_rng([number, 17])
    causes = ()
    if kind < len(PLANT):
        causes = (list(PLANT)[kind],)
    elif kind < len(PLANT) + 5:
        causes = PAIRS[(5 * block + kind - len(PLANT)) % len(PAIRS)]
    names = [name for name, family in FAMILIES.items() if _fits(name, family, causes)]
    spec = Spec(names[random.integers(len(names))], random)
    for cause in () if healed else causes:
        PLANT[cause](spec)
    return spec.program(causes)


def _fits(name, family, causes):
    if family.numbers and set(causes) & FOR_CLASSES:
        return False
    if "excessive pooling" in causes and name not in (
        "digits",
        "shapes",
        "waves",
        "residual shapes",
        "places",
    ):
        return False
    return not ("missing activation" in causes and name in ("cancer", "dense digits", "digits", "clothes"))


# programs from the course: its clinic's cases and its lessons' patients

CLINIC = range(25)
NAMES = {
    "labels out of step": "labels misaligned or shuffled", "output and loss": "wrong output activation",
    "no activation": "missing activation", "equal weights": "bad initialization",
    "too much regularization": "over-regularized", "unshuffled data": "unshuffled or sorted data/split",
}  # fmt: skip


def of_the_clinic(number):
    """A case of the clinic, its network before training."""
    planned = plan(number)
    recipe = planned.broken
    data, _ = recipe.data()
    made = run(recipe.preparation() + recipe.network(), data)
    rows = np.resize(np.arange(len(made["y_train"])), 3200)
    causes = tuple(_vocabulary(name, made["model"]) for name in planned.faults)
    fit = {"validation_data": (made["x_val"], made["y_val"]), "epochs": recipe.epochs,
           "batch_size": recipe.batch_size, "shuffle": recipe.shuffle}  # fmt: skip
    return Program(
        "clinic", causes, made["model"], (made["x_train"][rows], made["y_train"][rows]), fit
    )  # fmt: skip


def _vocabulary(name, model):
    if name == "learning rate":
        return f"learning rate too {'low' if float(model.optimizer.learning_rate) < 1e-3 else 'high'}"
    return NAMES.get(name, name)


PATIENTS = {
    "01": "insufficient capacity", "02": "information bottleneck", "03": "saturating activations",
    "04": "dying ReLU", "05": "excessive pooling", "06 rate too low": "learning rate too low",
    "06 rate too high": "learning rate too high", "07": "optimizer choice", "08": "batch size",
    "09": "overfitting", "10": "class imbalance", "11": "unscaled inputs", "12": "noisy labels",
    "13": "too little data", "14": "unshuffled or sorted data/split",
}  # fmt: skip


class Fitted(Exception):
    """Raised in place of training."""


def of_a_lesson(patient, seed=3):
    """The broken network of a lesson, before training."""
    namespace, _ = cells.run(vitals.recipe(patient), {"SEED": seed})
    _, build, train = vitals.PATIENTS[patient]
    model = eval(build, namespace)

    def fit(x, y, **arguments):
        raise Fitted(
            x, y, {name: value for name, value in arguments.items() if name not in ("verbose", "callbacks")}
        )

    model.fit = fit
    try:
        eval(train, namespace | {"model": model})
    except Fitted as fitted:
        x, y, arguments = fitted.args
    del model.fit
    causes = tuple(cause for start, cause in PATIENTS.items() if patient.startswith(start))
    return Program("lesson", causes, model, (x, y), arguments)


NUMBERS = OWN + len(CLINIC) + len(vitals.PATIENTS)
