"""Train every case of the clinic, healthy, as planted and as treated, into data/results/clinic.csv.

Usage: python tools/clinic.py [NUMBER ...]; all cases when none is named.

Every finished case is written at once, so an interrupted run goes on where it stopped.
A case whose code, data or versions have changed is trained again (tools/journal.py).
"""

import inspect
import sys

import cells
import journal
from engine import results
from evidence import put, read
from helpers.clinic.case import balanced_recall
from helpers.clinic.faults import CASES, plan
from helpers.clinic.recipe import run
from helpers.data import CASES as TABLE
from helpers.verdict import references

import keras
import numpy as np
import pandas as pd

COLUMNS = [
    "number", "faults", "linear", "sound", "broken", "half_treated", "treated", "recovered_at", "held",
]  # fmt: skip
# two standard errors of the difference between two networks that disagree about four in ten of the same
# 1,000 photographs: 2 * sqrt(0.4 / 1000)
SHOWS = 0.04


def fingerprint(number):
    """What decides the row of a case: its recipes and their scripts, how these are run and examined.

    Not the rule that gives a number its recipes: whatever that comes to stands in the recipes.
    """
    planned = plan(number)
    recipes = (planned.sound, planned.broken, planned.treated, *planned.half_treated)
    ours = (examine, judged, recall, linear)
    code = [
        "from helpers.clinic.case import balanced_recall",
        "from helpers.clinic.recipe import Recipe, run",
        "from helpers.verdict import references",
        f"{SHOWS}",
        *(cells.bare(inspect.getsource(function)) for function in ours),
    ]
    recipes = [f"{recipe!r}\n{recipe.code()}" for recipe in recipes]
    return journal.fingerprint("\n".join([*code, repr(planned.faults), *recipes]))


def examine(number):
    """The row of one case: mean recall on its new photographs without, with and after the fault.

    `half_treated` is the better of the two networks in which one of two faults was treated. A case
    has recovered halfway from the better of `broken` and `half_treated` to `treated`, but not below the
    linear model.
    """
    planned = plan(number)
    measured = {recipe: recall(recipe) for recipe in {planned.sound, planned.broken, planned.treated}}
    halves = [recall(recipe) for recipe in planned.half_treated]
    sound, broken, treated = (measured[recipe] for recipe in planned[1:4])
    half = max(halves, default=np.nan)
    faults, floor = " and ".join(planned.faults) or "healthy", linear(planned.sound)
    recovered_at = max(floor, (max([broken, *halves]) + treated) / 2) if planned.faults else np.nan
    row = [number, faults, floor, sound, broken, half, treated, recovered_at]
    return [*row, judged(*row)]


def judged(number, faults, linear, sound, broken, half_treated, treated, recovered_at):
    """Whether a case is what it should be: each of these could fail.

    Healthy, its network is better than a linear model. The fault costs recall, the treatment gets half
    of that back or more and clearly recovers, and of two faults treating both is better than one.
    "Better" and "costs" are `SHOWS` or more, "clearly" is half of that.
    """
    if faults == "healthy":
        return bool(sound >= linear + SHOWS)
    return bool(
        sound >= linear + SHOWS
        and broken <= sound - SHOWS
        and treated >= (broken + sound) / 2
        and treated >= recovered_at + SHOWS / 2
        and not half_treated > treated - SHOWS
    )


def recall(recipe):
    """The mean recall of a recipe's network on the photographs that its script never saw."""
    data, (x_new, y_new) = recipe.data()
    trained = cells.silently(lambda: run(recipe.code(), data))
    value = balanced_recall(trained["model"], trained["prepare"](x_new), y_new)
    keras.utils.clear_session()
    return value


def linear(recipe):
    """The same of a linear model on the recipe's photographs; no kind is rare among the new ones."""
    data, (x_new, y_new) = recipe.data()
    measured = references(data.x / 255, data.y, x_new / 255, y_new)
    return measured["the linear model"]["val_accuracy"]


def main(numbers):
    entries, cases = journal.read(), read(TABLE, COLUMNS)
    prints = {number: fingerprint(number) for number in numbers}
    todo = [n for n in prints if journal.stale(entries, "clinic", f"case {n}", ["as planned"], prints[n])]
    for _, row in results(examine, [(number,) for number in todo]):
        cases = put(cases, pd.DataFrame([row], columns=COLUMNS), TABLE, ["number"])
        entries = journal.enter(entries, "clinic", f"case {row[0]}", "as planned", prints[row[0]])
    cases["lost"], cases["back"] = cases.sound - cases.broken, cases.treated - cases.broken
    columns = ["broken", "half_treated", "treated", "lost", "back", "held"]
    print(cases.groupby("faults")[columns].agg(["min", "max"]).round(3).to_string())
    print(f"{cases.held.sum()} of {len(cases)} cases held")


if __name__ == "__main__":
    if not all(number.isdigit() for number in sys.argv[1:]):
        sys.exit("usage: python tools/clinic.py [NUMBER ...]   (all cases when none is named)")
    main([int(number) for number in sys.argv[1:]] or range(CASES))
