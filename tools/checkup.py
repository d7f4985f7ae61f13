"""Run the check-up on the programs of the bench and write what it says into data/results/checkup.csv.

Usage: python tools/checkup.py [--locked] [NUMBER ...]

Even numbers are open: on them the levels of helpers.checkup were set. Odd ones are locked away and run only
with --locked, when the levels stand.
"""

import sys
import time

import programs
from engine import results
from evidence import put, read
from helpers.data import RESULTS

import numpy as np
import pandas as pd

TABLE = RESULTS / "checkup.csv"
COLUMNS = ["number", "family", "planted", "cost", "named", "gains", "tried", "seconds", "val", "reference"]
HURTS = 0.04  # of validation accuracy or R squared: a program that loses less is not broken, and is left out
EQUAL = (
    {"learning rate too low", "optimizer choice"}, {"overfitting", "too little data"},
    {"batch size", "too few epochs"},
)  # fmt: skip


def examine(number):
    """The row of one program: what was planted, what the check-up names, and how long it took."""
    from helpers.checkup import checkup

    import keras

    given = programs.program(number)
    start = time.monotonic()
    report = checkup(given.model, *given.data, **given.fit)
    seconds = time.monotonic() - start
    base, facts = report._diagnosis.base, report._diagnosis.facts
    planted, named = (" + ".join(causes) or "healthy" for causes in (given.causes, report.causes))
    row = [
        number, given.family, planted, cost(number, given), named,
        " ".join(f"{finding.gain:.3f}" for finding in report.findings),
        "; ".join(f"{finding.cause} {finding.gain:.3f}" for finding in report.tried), round(seconds, 1),
        round(base.end.val_accuracy, 3) if base else None, round(facts.reference, 3),
    ]  # fmt: skip
    keras.utils.clear_session()
    return row


def cost(number, given):
    """What the causes cost: the score of the same program without them, less its own, trained in full."""
    if not given.causes or number >= programs.OWN:
        return None
    scores = []
    for each in (given, programs.program(number, healed=True)):
        history = each.model.fit(*each.data, **each.fit, verbose=0).history
        if "val_mae" in history:
            y = np.concatenate([np.ravel(part) for part in (each.data[1], each.fit["validation_data"][1])])
            scores.append(1 - history["val_mae"][-1] / np.abs(y - np.median(y)).mean())
        else:
            scores.append(history["val_accuracy"][-1])
    return round(float(np.nan_to_num(scores[1]) - np.nan_to_num(scores[0], nan=-1.0)), 3)


def main(numbers):
    table = read(TABLE, COLUMNS)
    for _, row in results(examine, [(number,) for number in numbers]):
        table = put(table, pd.DataFrame([row], columns=COLUMNS), TABLE, ["number"])
    print(summary(table[table.number.isin(numbers)]))


def is_right(named, planted):
    """Whether a name is a planted cause, or one that nothing tells apart from it."""
    return any(named == cause or {named, cause} in EQUAL for cause in planted)


def summary(table):
    """Shares of right first names, of right names among the first two, and of false alarms."""
    sick = table[(table.planted != "healthy") & ~(table.cost < HURTS)]
    planted, named = (sick[part].str.split(" + ", regex=False) for part in ("planted", "named"))
    exact = [is_right(names[0], causes) for names, causes in zip(named, planted)]
    top2 = [any(is_right(name, causes) for name in names[:2]) for names, causes in zip(named, planted)]
    healthy = table[table.planted == "healthy"]
    return "\n".join([
        f"{len(sick)} broken: exact {sum(exact)}, top-2 {sum(top2)}",
        f"{len(healthy)} healthy: {(healthy.named != 'healthy').sum()} false alarms",
        f"seconds: median {table.seconds.median():.0f}, most {table.seconds.max():.0f}",
    ])  # fmt: skip


if __name__ == "__main__":
    given = [int(number) for number in sys.argv[1:] if number.isdigit()]
    main(given or [number for number in range(programs.NUMBERS) if number % 2 == ("--locked" in sys.argv)])
