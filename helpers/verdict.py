"""Check the effect a notebook claims, and the answers to its exercises."""

import warnings
from textwrap import shorten
from typing import NamedTuple

import numpy as np
from IPython.display import display
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error

MIME = "application/vnd.stalled-cnns.verdict+json"
ARMS_MIME = "application/vnd.stalled-cnns.arms+json"


class Level(float):
    """A number that says what it is: `meaning` is printed with it.

    >>> print(Level(0.8365, "the linear model"))
    0.837 = the linear model
    """

    def __new__(cls, value, meaning):
        level = super().__new__(cls, value)
        level.meaning = meaning
        return level

    def __str__(self):
        return f"{float(self):.3f} = {self.meaning}"


class References(dict):
    """What `references` measured: name -> dict, metric -> value."""

    def level(self, telltale, name, towards=None):
        """A `Level` for a claim: what `name` reaches, or the middle between it and `towards`.

        Parameters
        ----------
        telltale : str, such as "val_accuracy"
        name, towards : str, names of references

        Raises
        ------
        ValueError
            There is no such reference, or it does not tell this telltale.
        """
        values = []
        for reference in filter(None, (name, towards)):
            if telltale not in self.get(reference, {}):
                known = "; ".join(f"{key} tells {', '.join(metrics)}" for key, metrics in self.items())
                raise ValueError(f"no reference {reference!r} tells {telltale}: {known}")
            values.append(self[reference][telltale])
        return Level(np.mean(values), f"halfway from {name} to {towards}" if towards else name)


def references(x_train, y_train, x_val, y_val, healthy=None):
    """What can be had without the network in question: the marks by which levels are set.

    Guessing gives every image the best constant answer: each class as often as it occurs in
    training, or the mean target. The linear model sees the same inputs, each image as one row:
    for classes a logistic regression with an L2 penalty (scikit-learn's C = 0.01 on inputs
    centered and divided by one standard deviation for all, 100 steps of L-BFGS), for
    real-valued targets ridge regression. On three draws of the bundled sample, upright and
    varied, 6,000 and 200 images, no other C of 0.001, 0.1 and 1 was more than 0.025 better.
    It takes about two seconds for 6,000 images.

    Parameters
    ----------
    x_train, x_val : arrays, shapes (n, ...) and (m, ...), as the network gets them
    y_train, y_val : int arrays, shapes (n,) and (m,), classes; or float arrays, shapes
        (n, targets) and (m, targets)
    healthy : keras.callbacks.History of a healthy network on the same data, or None

    Returns
    -------
    References
        "guessing" and "the linear model" with val_loss and, for classes, val_accuracy; "the
        healthy network" with the last value of each of its curves, if there is one.

    Raises
    ------
    ValueError
        Inputs and labels differ in length, or the inputs are not finite.
    """
    for x, y in ((x_train, y_train), (x_val, y_val)):
        if len(x) != len(y):
            raise ValueError(f"{len(x)} images have {len(y)} labels: pass one label per image")
        if not np.isfinite(x).all():
            raise ValueError("the images hold NaN or infinite values: remove or repair those first")
    rows, new_rows = (np.reshape(x, (len(x), -1)) for x in (x_train, x_val))
    center, scale = rows.mean(axis=0), rows.std() or 1
    rows, new_rows = (rows - center) / scale, (new_rows - center) / scale
    if np.issubdtype(np.asarray(y_train).dtype, np.integer):
        measured = _classifiers(rows, y_train, new_rows, y_val)
    else:
        model = RidgeCV(alphas=(1, 10, 100, 1000)).fit(rows, y_train)
        guess = np.broadcast_to(np.mean(y_train, axis=0), np.shape(y_val))
        measured = {
            name: {"val_loss": mean_squared_error(y_val, answers)}
            for name, answers in (("guessing", guess), ("the linear model", model.predict(new_rows)))
        }
    if healthy is not None:
        measured["the healthy network"] = {name: float(curve[-1]) for name, curve in healthy.history.items()}
    return References(measured)


def _classifiers(rows, y_train, new_rows, y_val):
    """val_loss and val_accuracy of guessing and of logistic regression."""
    classes, counts = np.unique(y_train, return_counts=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is part of the rule
        model = LogisticRegression(C=0.01, max_iter=100).fit(rows, y_train)
    return {
        name: {
            "val_loss": float(log_loss(y_val, shares, labels=classes)),
            "val_accuracy": float(accuracy_score(y_val, classes[shares.argmax(axis=1)])),
        }
        for name, shares in (
            ("guessing", np.tile(counts / counts.sum(), (len(y_val), 1))),
            ("the linear model", model.predict_proba(new_rows)),
        )
    }


def is_stalled(telltale, stalled_at, recovered_at):
    """Whether a telltale is at `stalled_at` or worse; numbers, or arrays of one shape.

    Better is lower where `recovered_at` is the lower level. NaN is never stalled.
    """
    sign = np.where(np.greater(recovered_at, stalled_at), 1, -1)
    return sign * telltale <= sign * stalled_at


def has_recovered(telltale, stalled_at, recovered_at):
    """Whether a telltale is at `recovered_at` or better, as in `is_stalled`."""
    sign = np.where(np.greater(recovered_at, stalled_at), 1, -1)
    return sign * telltale >= sign * recovered_at


class Claim(NamedTuple):
    """One broken/fixed pair and the levels that make it a stall and a recovery.

    Parameters
    ----------
    claim : str, what was changed
    telltale : str, the metric that should move, such as "val_accuracy"
    broken, fixed : keras.callbacks.History, or float
        A history counts with the telltale after its last epoch.
    stalled_at, recovered_at : Level, or float
        The broken run is stalled at `stalled_at` or worse, the fixed one recovered at
        `recovered_at` or better. Better is lower where `recovered_at` is the lower level.
    slowness : int
        Where slowness is the failure itself, the epochs after which the broken run
        recovers; 0 for a stall, which three times the epochs must not lift.
    """

    claim: str
    telltale: str
    broken: object
    fixed: object
    stalled_at: float
    recovered_at: float
    slowness: int = 0


class VerdictError(AssertionError):
    """The effect a notebook claims did not occur."""


def verdict(notebook, seed, *claims):
    """Print whether each broken run stalled and each fixed run recovered; fail if one did not.

    Every claim is also displayed as data (MIME type above), before anything is raised, so
    that a run in which the effect is absent still leaves its numbers.

    Parameters
    ----------
    notebook : str, the file's name without .ipynb
    seed : int
    *claims : Claim

    Raises
    ------
    VerdictError
        A broken run did not stall, a fixed one did not recover, or a telltale is NaN.
    ValueError
        A claim's levels are equal, or a history does not record the telltale.
    """
    failed = []
    for claim in claims:
        broken, fixed = (_at_the_end(run, claim.telltale, claim.claim) for run in (claim.broken, claim.fixed))
        if claim.stalled_at == claim.recovered_at:
            raise ValueError(f"{claim.claim}: stalled_at and recovered_at must differ")
        levels = claim.stalled_at, claim.recovered_at
        stalled, recovered = bool(is_stalled(broken, *levels)), bool(has_recovered(fixed, *levels))
        print(f"{claim.claim} ({claim.telltale}; stalled at {levels[0]}, recovered at {levels[1]})")
        print(f"  broken: {'stalled' if stalled else 'not stalled'}  {broken:.3f}")
        print(f"  fixed: {'recovered' if recovered else 'not recovered'}  {fixed:.3f}")
        record = claim._asdict() | {
            "notebook": notebook,
            "seed": seed,
            "broken": broken,
            "fixed": fixed,
            "stalled_at": float(claim.stalled_at),
            "recovered_at": float(claim.recovered_at),
            "held": stalled and recovered,
        }
        display({MIME: record}, raw=True)
        if not record["held"]:
            failed.append(claim.claim)
    if failed:
        raise VerdictError(f"the effect is absent in: {', '.join(failed)}")


def compare(notebook, seed, telltale, arms):
    """Print one telltale of several runs that nothing is claimed about, and leave it as data.

    `make evidence` collects these over the seeds, `helpers.figures.arm_spread` draws them:
    arms that overlap cannot be told apart by one run.

    Parameters
    ----------
    notebook : str, the file's name without .ipynb
    seed : int
    telltale : str, a metric such as "val_accuracy"
    arms : dict, name -> keras.callbacks.History, of which the last epoch counts, or float

    Raises
    ------
    ValueError
        A history does not record the telltale.
    """
    values = {name: _at_the_end(run, telltale, name) for name, run in arms.items()}
    print(f"{telltale} with seed {seed}")
    for name, value in values.items():
        print(f"  {name:{max(map(len, values))}}  {value:.3f}")
    # pairs, not a dict: a notebook file sorts the keys, and the arms have an order
    record = {"notebook": notebook, "seed": seed, "telltale": telltale, "arms": [*values.items()]}
    display({ARMS_MIME: record}, raw=True)


def check(exercise, answer, passes, hint):
    """Print OK or FAIL for the answer to an exercise; an answer of None is not judged.

    An error in the answer is a FAIL too, told in the same line and without a traceback.

    Parameters
    ----------
    exercise : str, its name
    answer : the learner's answer, or None while the exercise is untouched
    passes : callable, answer -> bool
    hint : str, printed with FAIL
    """
    if answer is None:
        print(f"{exercise}: not answered yet")
        return
    try:
        passed, error = bool(passes(answer)), ""
    except Exception as raised:
        told = f"{type(raised).__name__}: {raised}".rstrip(":. \n")
        # a message of TensorFlow's may run over pages, and its first line alone say nothing
        passed, error = False, shorten(told, 300, placeholder=" …") + ". "
    print(f"{exercise}: OK" if passed else f"{exercise}: FAIL. {error}{hint}")


def _at_the_end(run, telltale, name):
    if isinstance(run, (int, float)):
        return float(run)
    if telltale not in run.history:
        raise ValueError(f"{name}: the history has no {telltale}, only {', '.join(run.history)}")
    return float(run.history[telltale][-1])
