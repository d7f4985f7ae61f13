"""Check the effect a notebook claims, and the answers to its exercises."""

from textwrap import shorten
from typing import NamedTuple

from IPython.display import display

MIME = "application/vnd.stalled-cnns.verdict+json"
ARMS_MIME = "application/vnd.stalled-cnns.arms+json"


class Claim(NamedTuple):
    """One broken/fixed pair and the levels that make it a stall and a recovery.

    Parameters
    ----------
    claim : str, what was changed
    telltale : str, the metric that should move, such as "val_accuracy"
    broken, fixed : keras.callbacks.History, or float
        A history counts with the telltale after its last epoch.
    stalled_at, recovered_at : float
        The broken run is stalled at `stalled_at` or worse, the fixed one recovered at
        `recovered_at` or better. Better is lower where `recovered_at` is the lower level.
    """

    claim: str
    telltale: str
    broken: object
    fixed: object
    stalled_at: float
    recovered_at: float


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
        sign = 1 if claim.recovered_at > claim.stalled_at else -1
        stalled = sign * broken <= sign * claim.stalled_at
        recovered = sign * fixed >= sign * claim.recovered_at
        levels = f"stalled at {claim.stalled_at}, recovered at {claim.recovered_at}"
        print(f"{claim.claim} ({claim.telltale}; {levels})")
        print(f"  broken: {'stalled' if stalled else 'not stalled'}  {broken:.3f}")
        print(f"  fixed: {'recovered' if recovered else 'not recovered'}  {fixed:.3f}")
        record = claim._asdict() | {
            "notebook": notebook,
            "seed": seed,
            "broken": broken,
            "fixed": fixed,
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
