"""The experiment on its own: does a change make a network better, by more than chance?"""

import html
from typing import NamedTuple

from helpers.checkup.experiment import Clock, OutOfTime, train
from helpers.checkup.program import read
from helpers.figures import repair_curves

import numpy as np


class Comparison(NamedTuple):
    """What `try_repair` found.

    Attributes
    ----------
    answer : str, "better", "worse" or "not to be told apart"
    gain : float, mean difference of validation accuracy (of numbers R squared), repaired less original
    error : float, its standard error, over the seeds and over the validation samples
    pairs : list of (Run, Run), original and repaired, one for each seed
    """

    answer: str
    gain: float
    error: float
    pairs: list

    def __str__(self):
        each = ", ".join(
            f"{before.end.val_accuracy:.3f} to {after.end.val_accuracy:.3f}" for before, after in self.pairs
        )
        return (
            f"{self.answer}: {self.gain:+.3f} with a standard error of {self.error:.3f}, over "
            f"{len(self.pairs)} seeds ({each})"
        )

    __repr__ = __str__

    def _repr_html_(self):
        return f"<p>{html.escape(str(self))}</p>{repair_curves(self.pairs).tag()}"


def try_repair(model, repaired, *arguments, seeds=3, seconds=60, repaired_fit=None, **named):
    """Whether a repaired network is better: both from the same seeds, on the same batches.

    "better" and "worse" are two standard errors from 0. They hold the spread over the seeds and that
    of the validation samples, each of which both networks see.

    Parameters
    ----------
    model, repaired : keras.Model, compiled; neither is trained, copies are
    *arguments, **named : what `keras.Model.fit` takes, for both
    seeds : int, at least 2
    seconds : float, for all runs together, without compiling their first steps
    repaired_fit : dict, arguments of `fit` that are the repair, such as {"batch_size": 32}

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError, ValueError
        As in `checkup`, or fewer than two seeds.
    TimeoutError
        Not even two seeds could be run.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}: with fewer than 2 the spread between seeds is not known")
    first = read(model, arguments, named)
    second = read(repaired, arguments, named | (repaired_fit or {}))
    clock, pairs, limit = Clock(seconds), [], seconds / seeds / 2
    try:
        for seed in range(seeds):
            pairs.append(
                tuple(train(each, seed, each.updates, clock, limit=limit) for each in (first, second))
            )
    except OutOfTime:
        pass
    if len(pairs) < 2:
        raise TimeoutError(
            f"{seconds} seconds were not enough for two seeds: pass more seconds, or fewer epochs"
        )
    gains = np.array([after.end.val_accuracy - before.end.val_accuracy for before, after in pairs])
    # what differs on the single validation sample, in the mean of the seeds
    single = np.mean([after.right - before.right for before, after in pairs], axis=0)
    error = float(np.sqrt(gains.var(ddof=1) / len(gains) + single.var(ddof=1) / len(single)))
    gain = float(gains.mean())
    answer = "better" if gain > 2 * error else "worse" if gain < -2 * error else "not to be told apart"
    return Comparison(answer, gain, error, pairs)
