"""Train every practice case of the clinic, as planted and as treated, into data/results/clinic.csv.

Usage: python tools/clinic.py NUMBERS   (100: the cases 0 to 99)

Every finished case is written at once, so an interrupted run goes on where it stopped.
A case whose plan, code, data or versions have changed is trained again (tools/journal.py).
"""

import inspect
import sys

import cells
import journal
from engine import results
from evidence import put, read
from helpers.clinic import measure_telltale, plan, run
from helpers.data import CASES
from helpers.verdict import has_recovered, is_stalled

import keras
import pandas as pd

COLUMNS = [
    "number", "faults", "telltale", "stalled_at", "recovered_at",
    "broken", "half_treated", "treated", "held",
]  # fmt: skip


def fingerprint(number):
    """What decides the row of a case: its code before and after treatment, how it is made and examined."""
    planned = plan(number)
    recipes = (planned.broken, planned.treated, *planned.half_treated)
    code = ["from helpers.clinic import measure_telltale, plan, run", inspect.getsource(examine)]
    return journal.fingerprint("\n".join([*code, *(recipe.code() for recipe in recipes)]))


def examine(number):
    """The row of one case: the telltale of the network as planted and as treated.

    Of a healthy case only `treated` is filled in, its telltale as it stands. `half_treated` is the
    better of the two networks in which one of two faults was treated.
    """
    planned = plan(number)
    telltale, *levels = planned.judged_by

    def value(recipe):
        data = recipe.data()
        model = cells.silently(lambda: run(recipe.code(), data))["model"]
        return measure_telltale(telltale, model, *data[2:], recipe.rare)

    treated = value(planned.treated)
    broken = half = None
    if planned.faults:
        broken, halves = value(planned.broken), [value(recipe) for recipe in planned.half_treated]
        half = (min if telltale == "val_loss" else max)(halves, default=None)
        held = bool(is_stalled(broken, *levels) and has_recovered(treated, *levels))
        held &= half is None or not has_recovered(half, *levels)
    else:
        held = treated >= levels[1]
    keras.utils.clear_session()
    faults = " and ".join(planned.faults) or "healthy"
    return [number, faults, telltale, *levels, broken, half, treated, held]


def main(numbers):
    entries, cases = journal.read(), read(CASES, COLUMNS)
    prints = {number: fingerprint(number) for number in range(numbers)}
    todo = [n for n in prints if journal.stale(entries, "clinic", f"case {n}", ["as planned"], prints[n])]
    for _, row in results(examine, [(number,) for number in todo]):
        cases = put(cases, pd.DataFrame([row], columns=COLUMNS), CASES, ["number"])
        entries = journal.enter(entries, "clinic", f"case {row[0]}", "as planned", prints[row[0]])
    print(
        cases.groupby("faults")[["broken", "half_treated", "treated", "held"]].agg(["min", "max"]).to_string()
    )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python tools/clinic.py NUMBERS   (100: the cases 0 to 99)")
    main(int(sys.argv[1]))
