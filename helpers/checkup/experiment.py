"""Short paired runs: the same seeds, the same batches, one change; is it better?"""

import time
import warnings
from dataclasses import dataclass
from typing import NamedTuple

from helpers.checkup.program import seeded

import numpy as np
import tensorflow as tf
from sklearn.metrics import balanced_accuracy_score

POINTS = 6  # of a curve
SEEN = 1000  # samples by which a point is judged


class OutOfTime(Exception):
    """The budget is spent."""


class Clock:
    """Seconds that are left; time for tracing a first step is given back."""

    def __init__(self, seconds):
        self.seconds, self.start = seconds, time.monotonic()

    @property
    def left(self):
        return self.seconds - (time.monotonic() - self.start)

    def give_back(self, seconds):
        self.start += seconds


class Point(NamedTuple):
    """How good a network is after some updates: accuracies and skills of training and validation.

    Skill is 1 - loss / loss of the best constant answer: cross-entropy for classes, mean squared
    error for numbers; 0 is guessing. `balanced` is the mean recall of the classes in validation.
    """

    update: int
    accuracy: float
    val_accuracy: float
    skill: float
    val_skill: float
    balanced: float


@dataclass
class Run:
    """One training: its curve, and what it put out at the end."""

    points: list
    right: np.ndarray  # of each validation sample: whether it was named right, or minus its squared error
    diverged: bool
    seconds: float  # without those for tracing the first step
    model: object = None

    @property
    def end(self):
        return self.points[-1]


def train(program, seed, updates, clock=None, keep=False, limit=np.inf):
    """Train a copy of the program's model for some updates; the order of the batches is the seed's.

    It ends early where the loss is no number, after `limit` seconds without those for tracing the first
    step, and when the clock has run out.

    Raises
    ------
    OutOfTime
        Before the first point of the curve was reached.
    """
    data, begun = program.data, time.monotonic()
    model = program.build(seed)
    batches = _batches(len(data.x), program.batch_size, data.shuffle, seed)
    seen = _seen(data, program.task)
    points, diverged = [], False
    at = sorted({round(updates * (i + 1) / POINTS) for i in range(POINTS)} - {0})
    with seeded(seed):
        for update in range(1, updates + 1):
            rows = next(batches)
            weight = None if data.weight is None else data.weight[rows]
            first = time.monotonic()
            loss = model.train_on_batch(data.x[rows], data.y[rows], weight)
            if update == 1:
                begun = time.monotonic()
                if clock:
                    clock.give_back(begun - first)
            if update in at or (update % 20 == 0 and not np.all(np.isfinite(loss))):
                point, right = _judge(model, seen, program.task, update)
                points.append(point)
                diverged = not np.all(np.isfinite(loss))
                if diverged:
                    break
            if update % 5 == 0 and (time.monotonic() - begun > limit or (clock and clock.left < 0)):
                if clock and clock.left < 0 and not points:
                    raise OutOfTime
                if not points or points[-1].update < update:
                    point, right = _judge(model, seen, program.task, update)
                    points.append(point)
                break
    return Run(points, right, diverged, time.monotonic() - begun, model if keep else None)


def _batches(count, size, shuffle, seed):
    """Row numbers of one batch after the other, without end; in their own order where fit keeps it."""
    random = np.random.default_rng(seed)
    while True:
        order = random.permutation(count) if shuffle else np.arange(count)
        for start in range(0, count, size):
            yield order[start : start + size]


def _seen(data, task):
    rows = np.random.default_rng(0).permutation(len(data.x))[:SEEN]
    val = np.random.default_rng(0).permutation(len(data.x_val))[:SEEN]
    x, y = data.x[rows], data.y[rows]
    good = np.isfinite(x).reshape(len(x), -1).all(axis=1)
    base = constant(task, data.y, data.weight)
    return (x[good], y[good]), (data.x_val[val], data.y_val[val]), base


def constant(task, y, weight=None):
    """The best answer that does not look at x: shares of the classes, or the mean."""
    labels = task.labels(y)
    if task.kind == "numbers":
        return labels.mean(axis=0)
    counts = np.bincount(labels, weight, minlength=task.classes).astype(float)
    return (counts + 1e-3) / (counts + 1e-3).sum()


def outputs_of(model, x):
    """What the model puts out in inference: float array, shape (n, outputs)."""
    parts = [
        np.asarray(model(tf.convert_to_tensor(x[i : i + 250]), training=False)) for i in range(0, len(x), 250)
    ]
    return np.concatenate(parts).reshape(len(x), -1)


def shares_of(outputs, task, model):
    """Shares of the classes, whatever the last layer is: logits are turned into shares."""
    outputs = np.nan_to_num(outputs.astype(float), nan=0.0, posinf=1e6, neginf=-1e6)
    if outputs.shape[1] == 1:
        logits = from_logits(model.loss) or outputs.min() < 0 or outputs.max() > 1
        one = 1 / (1 + np.exp(-np.clip(outputs[:, 0], -50, 50))) if logits else outputs[:, 0]
        shares = np.stack([1 - one, one], axis=1)
        if task.classes > 2:  # a number that stands for the class
            nearest = np.clip(np.round(outputs[:, 0]), 0, task.classes - 1).astype(int)
            shares = np.eye(task.classes)[nearest]
        return shares
    if from_logits(model.loss) or outputs.min() < 0:
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    outputs = outputs + 1e-7
    return outputs / outputs.sum(axis=1, keepdims=True)


def from_logits(loss):
    """Whether a loss, as `compile` got it, takes the outputs for logits."""
    losses = tf.nest.flatten(loss)
    return any(getattr(loss, "get_config", dict)().get("from_logits", False) for loss in losses if loss)


def _judge(model, seen, task, update):
    parts, base = seen[:2], seen[2]
    accuracies, skills = [], []
    for x, y in parts:
        labels, outputs = task.labels(y), outputs_of(model, x)
        if task.kind == "numbers":
            errors = np.square(np.nan_to_num(outputs, nan=1e6).reshape(len(y), -1) - labels).mean(axis=1)
            spread = np.square(labels - base).mean() or 1.0
            skills.append(float(np.clip(1 - errors.mean() / spread, -9, 1)))
            accuracies.append(skills[-1])
            right, balanced = -errors / spread, skills[-1]
        else:
            shares = shares_of(outputs, task, model)
            inside = labels < shares.shape[1]
            picked = np.where(
                inside, shares[np.arange(len(labels)), np.minimum(labels, shares.shape[1] - 1)], 1e-7
            )
            loss = -np.log(np.clip(picked, 1e-7, 1)).mean()
            guess = -np.log(np.clip(base[np.minimum(labels, len(base) - 1)], 1e-7, 1)).mean()
            skills.append(float(np.clip(1 - loss / max(guess, 1e-3), -9, 1)))
            right = (shares.argmax(axis=1) == labels).astype(float)
            accuracies.append(float(right.mean()))
            balanced = _balanced(labels, shares.argmax(axis=1))
    return Point(update, accuracies[0], accuracies[1], skills[0], skills[1], balanced), right


def _balanced(labels, answers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is answered and does not occur
        return float(balanced_accuracy_score(labels, answers))
