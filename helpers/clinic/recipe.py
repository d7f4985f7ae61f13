"""What a case is made of: its photographs and labels, and the script that trains on them."""

import linecache
from dataclasses import dataclass
from typing import NamedTuple

from helpers.data import flip_labels, keep_few, load_fashion_mnist, vary_pose
from helpers.instruments import suspect_labels
from helpers.live import LiveCurve

import keras
import numpy as np


class Photographs(NamedTuple):
    """What the script of a case finds.

    Photographs: float32, shape (n, 28, 28, 1), from 0 to 255. Labels: int, shape (n,), 0 to 4. The
    training photographs come kind by kind, as from folders; there are 500 for validation.
    """

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    review: callable  # rows of x -> their labels, from somebody who looks at them again

    def copy(self):
        """The same with arrays of its own, which a script may change."""
        return self._replace(**{name: getattr(self, name).copy() for name in self._fields[:4]})


@dataclass(frozen=True)
class Recipe:
    """All that decides a case; the defaults are healthy. Strings are pieces of its script."""

    seed: int
    # photographs and labels
    kinds: tuple
    images: int
    pose: tuple  # degrees, smallest, pixels of vary_pose
    wrong_labels: float = 0.0
    rare: tuple = ()
    rare_count: int = 0
    # preparation
    scaled: str = "images / 255"
    reviewed: bool = False
    shuffled: str = "x[order], y[order]"
    # network
    augmented: bool = True
    shrunk: str = ""  # a layer before the convolutions
    filters: tuple = (8, 16, 16)
    kernel_size: int = 3
    activation: str = '"relu"'
    options: str = ""  # of every hidden layer
    squeeze: int = 0
    dense: int = 64
    dropout: float = 0.0
    output: str = '"softmax"'
    # training
    optimizer: str = "Adam(learning_rate=0.002)"
    batch_size: int = 32
    epochs: int = 6
    shuffle: bool = True
    oversampled: bool = False

    def preparation(self):
        """The code that makes arrays for `fit` of the photographs."""
        lines = ["def prepare(images):", f"    return {self.scaled}", "", ""]
        if self.reviewed:
            lines += [
                "for _ in range(2):  # with the first errors gone, more of the others are found",
                "    rows = suspect_labels(prepare(x), y)",
                "    y[rows] = review(rows)",
            ]
        if self.shuffled:
            lines += [
                f"order = np.random.default_rng({self.seed}).permutation(len(y))",
                f"x, y = {self.shuffled}",
            ]
        return "\n".join([*lines, "x_train, y_train, x_val = prepare(x), y, prepare(x_val)", ""])

    def network(self):
        """The code that builds and compiles the network."""
        hidden = f"activation={self.activation}" + f", {self.options}" * bool(self.options)
        lines = ["keras.Input((28, 28, 1)),"]
        if self.augmented:
            lines += [
                'layers.RandomTranslation(0.15, 0.15, fill_mode="constant"),',
                'layers.RandomRotation(0.1, fill_mode="constant"),',
            ]
        if self.shrunk:
            lines.append(f"layers.{self.shrunk},")
        for i, filters in enumerate(self.filters):
            strides = "strides=2, " * (i < 2)
            lines.append(f'layers.Conv2D({filters}, {self.kernel_size}, {strides}padding="same", {hidden}),')
        lines.append("layers.Flatten(),")
        if self.squeeze:
            lines.append(f"layers.Dense({self.squeeze}),")
        lines.append(f"layers.Dense({self.dense}, {hidden}),")
        if self.dropout:
            lines.append(f"layers.Dropout({self.dropout}),")
        lines.append(f"layers.Dense({len(self.kinds)}, activation={self.output}),")
        body = "\n".join(f"    {line}" for line in lines)
        return (
            f"keras.utils.set_random_seed({self.seed})\n"
            f"model = keras.Sequential([\n{body}\n])\n"
            f"model.compile(\n    keras.optimizers.{self.optimizer},\n"
            '    loss="sparse_categorical_crossentropy", metrics=["accuracy"],\n)\n'
        )

    def training(self):
        """The code that trains it."""
        rows = "np.resize(np.arange(len(y_train)), 3200)  # an epoch shows 3,200, some of them again"
        if self.oversampled:
            rows = "np.concatenate([np.resize(np.flatnonzero(y_train == kind), 640) for kind in range(5)])"
        shuffle = "" if self.shuffle else "shuffle=False, "
        return (
            f"rows = {rows}\n"
            "history = model.fit(\n"
            "    x_train[rows], y_train[rows], validation_data=(x_val, y_val), validation_batch_size=500,\n"
            f"    epochs={self.epochs}, batch_size={self.batch_size}, {shuffle}verbose=0,\n"
            f'    callbacks=[LiveCurve("case {self.seed}")],\n'
            ")\n"
        )

    def code(self):
        """The whole script."""
        return self.preparation() + self.network() + self.training()

    def data(self):
        """What the script finds, and what it never sees: 1,000 new photographs and their labels.

        Returns
        -------
        Photographs, (x_new, y_new), every kind equally often among the new ones
        """
        splits = zip(load_fashion_mnist(seed=self.seed), (self.images, 500, 1000))
        (x, y), (x_val, y_val), new = (
            _posed(*split, count, self.kinds, self.pose, [self.seed, i])
            for i, (split, count) in enumerate(splits)
        )
        if self.rare:
            x, y, _ = keep_few(x, y, self.rare, self.rare_count, self.seed)
        folders = np.argsort(y, kind="stable")
        x, true = x[folders], y[folders]
        y = flip_labels(true, self.wrong_labels, self.seed)[0]
        return Photographs(x, y, x_val, y_val, true.__getitem__), new


def _posed(x, y, count, kinds, pose, seed):
    rows = np.flatnonzero(np.isin(y, kinds))[:count]
    return vary_pose(x[rows], seed, *pose)[0], np.searchsorted(kinds, y[rows])


def run(code, data, live=LiveCurve):
    """Run a script on copies of its photographs: dict, name -> what it defined.

    Parameters
    ----------
    code : str, what `Recipe.code` returns or what a learner made of it
    data : Photographs
    live : callable, name -> the callback that stands in for LiveCurve

    Raises
    ------
    Exception
        Whatever the script raises; the traceback shows its lines.
    """
    # where Python looks for the lines of a traceback
    linecache.cache["<script>"] = len(code), None, code.splitlines(keepends=True), "<script>"
    namespace = {
        "keras": keras, "layers": keras.layers, "np": np, "LiveCurve": live, "suspect_labels": suspect_labels,
    }  # fmt: skip
    namespace |= data.copy()._asdict()
    exec(compile(code, "<script>", "exec"), namespace)
    return namespace
