"""Collect the evidence of every lesson: data/results/evidence.csv and data/results/arms.csv.

Usage: python tools/evidence.py [--calibration] [NOTEBOOK ...]; all lessons that follow the protocol
when none is named.

Each lesson is run with seeds 0 to 9 (calibration: the recipe and the rule of its levels may still
change), 10 to 29 (judgment: once the recipe stands), and 10 to 14 with three times the epochs
(longer: a stall is not slowness). A lesson whose recipe went back after a judgment is judged on the
twenty seeds that follow. With --calibration, only the first. A seed is another start, another order
and other images. Only the cells are run that the claims need.

Every finished run is written at once, so an interrupted sweep goes on where it stopped. A run is done
again when its code, the helpers it calls, the data or the versions have changed (tools/journal.py).
"""

import argparse
import time
from pathlib import Path

import cells
import journal
from engine import results
from helpers.data import ARMS, EVIDENCE
from helpers.verdict import ARMS_MIME, MIME

import pandas as pd

COLUMNS = [
    "notebook", "claim", "kind", "telltale", "seed",
    "broken", "fixed", "stalled_at", "recovered_at", "held", "slowness",
]  # fmt: skip
ARM_COLUMNS = ["notebook", "telltale", "arm", "kind", "seed", "value"]
# first judging seed of the lessons whose recipe went back after a judgment: no seed judges twice
JUDGED_FROM = {
    "03_saturating_activations": 30,
    "05_excessive_pooling": 30,
    "06_learning_rate": 30,
    "07_optimizer_choice": 30,
    "08_batch_size": 50,
    "09_overfitting": 30,
    "10_class_imbalance": 30,
    "11_unscaled_inputs": 30,
    "12_noisy_labels": 30,
    "13_too_little_data": 30,
}
CALIBRATION = [("calibration", seed, 1) for seed in range(10)]


def runs_of(stem):
    """All runs of a lesson: kind, seed, how many times the epochs."""
    first = JUDGED_FROM.get(stem, 10)
    judgment = [("judgment", seed, 1) for seed in range(first, first + 20)]
    return [*CALIBRATION, *judgment, *(("longer", seed, 3) for seed in range(first, first + 5))]


def claims(stem):
    """The cells of a lesson that its claims and comparisons need; none without a verdict."""
    found = cells.read(stem)
    if not any("verdict" in cell.tags for cell in found):
        return []
    return cells.deciding(found, lambda cell: "verdict" in cell.tags or "\ncompare(" in f"\n{cell.source}")


def follows_protocol(stem):
    """Whether a lesson draws its images by its seed, as evidence needs it."""
    return any("load_fashion_mnist(seed=SEED)" in cell.source for cell in claims(stem))


def rows_of(shown, kind):
    """The rows of the two tables, from what one run displayed as data."""
    records = [data[MIME] | {"kind": kind} for data in shown if MIME in data]
    arms = [
        data[ARMS_MIME] | {"kind": kind, "arm": arm, "value": value}
        for data in shown
        if ARMS_MIME in data
        for arm, value in data[ARMS_MIME]["arms"]
    ]
    return pd.DataFrame(records, columns=COLUMNS), pd.DataFrame(arms, columns=ARM_COLUMNS)


def read(table, columns):
    """A table of results, or an empty one."""
    return pd.read_csv(table) if table.exists() else pd.DataFrame(columns=columns)


def put(collected, rows, table, keys):
    """The collected rows with new ones in place of those of the same run, written to the file.

    Parameters
    ----------
    collected, rows : pandas.DataFrame
    table : path of the file
    keys : columns that name the run; the file is sorted by them
    """
    if len(rows):
        run = rows[keys].drop_duplicates()
        same = collected[keys].apply(tuple, axis=1).isin([tuple(key) for key in run.to_numpy()])
        kept = collected[~same.astype(bool)] if len(collected) else collected
        # a stable sort keeps the claims and arms of a run in the notebook's order
        collected = pd.concat([kept, rows] if len(kept) else [rows]).sort_values(keys, kind="stable")
        collected.to_csv(table, index=False, float_format="%.6g")
    return collected


def main(stems, calibration=False):
    entries, evidence, arms = journal.read(), read(EVIDENCE, COLUMNS), read(ARMS, ARM_COLUMNS)
    prints, tasks, order = {}, [], []
    for stem in stems:
        found = claims(stem)
        prints[stem] = journal.fingerprint(cells.code_of(found))
        epochs = cells.value_of(found, "EPOCHS")
        runs = CALIBRATION if calibration else runs_of(stem)
        plan = {f"{kind} {seed}": (kind, seed, times * epochs) for kind, seed, times in runs}
        todo = journal.stale(entries, "evidence", stem, plan, prints[stem])
        reasons = sorted({reason for changed in todo.values() for reason in changed})
        print(f"{stem}: {len(todo)} of {len(plan)} runs to do {', '.join(reasons)}")
        for run in todo:
            kind, seed, epochs = plan[run]
            tasks.append((found, {"SEED": seed, "EPOCHS": epochs}))
            order.append((stem, run, kind))
    start = time.monotonic()
    for number, shown in results(cells.shown_by, tasks):
        stem, run, kind = order[number]
        rows, arm_rows = rows_of(shown, kind)
        evidence = put(evidence, rows, EVIDENCE, ["notebook", "kind", "seed"])
        arms = put(arms, arm_rows, ARMS, ["notebook", "kind", "seed"])
        entries = journal.enter(entries, "evidence", stem, run, prints[stem])
    if tasks:
        seconds = time.monotonic() - start
        print(f"{len(tasks)} runs in {seconds:.0f} s, {3600 * len(tasks) / seconds:.0f} an hour")
    print(summary(evidence[evidence.notebook.isin(stems)]))


def summary(evidence):
    """One line per claim and kind: telltales over the seeds, and in how many the effect held."""
    table = evidence.groupby(["notebook", "claim", "kind"], sort=False).agg(
        broken_min=("broken", "min"),
        broken_max=("broken", "max"),
        stalled_at=("stalled_at", "min"),
        recovered_at=("recovered_at", "max"),
        fixed_min=("fixed", "min"),
        fixed_max=("fixed", "max"),
        held=("held", "sum"),
        seeds=("seed", "size"),
    )
    return table.round(3).to_string()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calibration", action="store_true", help="seeds 0 to 9 only")
    parser.add_argument("notebooks", nargs="*", help="paths or names")
    given = parser.parse_args()
    named = [Path(each).stem for each in given.notebooks]
    lessons = [path.stem for path in sorted(cells.NOTEBOOKS.glob("*.ipynb")) if follows_protocol(path.stem)]
    if unknown := set(named) - set(lessons):
        parser.error(
            f"no lesson that follows the protocol: {', '.join(unknown)}; choose from {', '.join(lessons)}"
        )
    main(named or lessons, given.calibration)
