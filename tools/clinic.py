"""Train every practice case of the clinic, as planted and as treated, into data/clinic.csv.

Usage: python tools/clinic.py NUMBERS   (100: the cases 0 to 99)

Every finished case is written at once, so an interrupted run goes on where it stopped.
Rows of a case that is now planned otherwise are stale, and the case is trained again.
"""

import os
import sys
import zlib
from contextlib import redirect_stdout

from helpers.clinic import measure_telltale, plan, run
from helpers.data import CASES

import keras
import pandas as pd
from tqdm import tqdm

COLUMNS = [
    "number", "plan", "faults", "telltale", "stalled_at", "recovered_at",
    "broken", "half_treated", "treated", "held",
]  # fmt: skip


def checksum(planned):
    """A number that changes with anything in the plan."""
    return zlib.crc32(repr(planned).encode())


def examine(number):
    """The row of one case: the telltale of the network as planted and as treated.

    Of a healthy case only `treated` is filled in, its telltale as it stands. `half_treated` is the
    better of the two networks in which one of two faults was treated.
    """
    planned = plan(number)
    telltale, stalled_at, recovered_at = planned.judged_by

    def value(recipe):
        data = recipe.data()
        with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
            model = run(recipe.code(), data)["model"]
        return measure_telltale(telltale, model, *data[2:], recipe.rare)

    sign = -1 if telltale == "val_loss" else 1
    treated = value(planned.treated)
    held = sign * treated >= sign * recovered_at
    broken = value(planned.broken) if planned.faults else None
    half = max((sign * value(recipe) for recipe in planned.half_treated), default=None)
    if planned.faults:
        held = held and sign * broken <= sign * stalled_at
    if half is not None:
        half *= sign
        held = held and sign * half < sign * recovered_at
    keras.utils.clear_session()
    faults = " and ".join(planned.faults) or "healthy"
    return [
        number, checksum(planned), faults, telltale, stalled_at, recovered_at, broken, half, treated, held
    ]  # fmt: skip


def read():
    """data/clinic.csv without the rows of cases that are planned otherwise by now."""
    if not CASES.exists():
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.read_csv(CASES)
    return rows[[planned == checksum(plan(number)) for number, planned in zip(rows.number, rows.plan)]]


def main(numbers):
    rows = read().values.tolist()
    done = {row[0] for row in rows}
    for number in tqdm([number for number in range(numbers) if number not in done], unit="case"):
        rows.append(examine(number))
        table = pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=COLUMNS)
        table.to_csv(CASES, index=False, float_format="%.6g")
    print(
        read()
        .groupby("faults")[["broken", "half_treated", "treated", "held"]]
        .agg(["min", "max"])
        .to_string()
    )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python tools/clinic.py NUMBERS   (100: the cases 0 to 99)")
    main(int(sys.argv[1]))
