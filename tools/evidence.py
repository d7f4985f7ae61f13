"""Run every notebook up to its verdict for many seeds; collect data/evidence.csv and data/arms.csv.

Usage: python tools/evidence.py SEEDS [NOTEBOOK ...]; all that have a verdict when none is named.

Every finished run is written at once, so an interrupted sweep goes on where it stopped.
Rows that no longer agree with the verdict stored in their notebook are stale: the
notebook's recipe has changed since, and its seeds are run again.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from execute import NOTEBOOKS, execute
from helpers.data import EARLIER_ARMS as ARMS
from helpers.data import EARLIER_EVIDENCE as EVIDENCE
from helpers.verdict import ARMS_MIME, MIME

import nbformat
import numpy as np
import pandas as pd
from nbclient.exceptions import CellExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from tqdm import tqdm

COLUMNS = ["notebook", "claim", "telltale", "seed", "broken", "fixed", "stalled_at", "recovered_at", "held"]
ARM_COLUMNS = ["notebook", "telltale", "arm", "seed", "value"]
TELLTALES = ["broken", "fixed", "value"]


def has_verdict(path):
    """Whether the notebook claims something; the opening and the clinic do not."""
    return any("verdict" in cell.metadata.get("tags", []) for cell in nbformat.read(path, as_version=4).cells)


def verdicts(notebook):
    """The verdict records among a notebook's outputs, as a table with `COLUMNS`."""
    return pd.DataFrame(_records(notebook, MIME), columns=COLUMNS)


def arms(notebook):
    """The compared arms among a notebook's outputs, as a table with `ARM_COLUMNS`."""
    rows = [
        record | {"arm": arm, "value": value}
        for record in _records(notebook, ARMS_MIME)
        for arm, value in record["arms"]
    ]
    return pd.DataFrame(rows, columns=ARM_COLUMNS)


def _records(notebook, mime):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][mime] for output in outputs if mime in output.get("data", {})]


def is_current(rows, stored):
    """Whether collected rows come from the recipe whose outputs are stored in the notebook.

    The rows of the notebook's own seed must tell the same claims with the same levels, or
    the same arms, and, but for what another processor does to the last digits, the same
    telltales.
    """
    if stored.empty:
        return rows.empty
    rows = rows[rows.seed.isin(stored.seed)].reset_index(drop=True)
    numbers = [column for column in stored if column in TELLTALES]
    same = stored.columns.drop(numbers)
    # how far a loss explodes is chance, hence the upper limit; that it does is not
    telltales = [table[numbers].clip(upper=10) for table in (rows, stored)]
    return rows[same].equals(stored[same]) and np.allclose(*telltales, rtol=0.1, atol=0.03)


def read(table, columns):
    """data/evidence.csv or data/arms.csv, or an empty table."""
    return pd.read_csv(table) if table.exists() else pd.DataFrame(columns=columns)


def add(collected, rows, table, order=("notebook", "seed")):
    """The collected rows with the new ones among them, written to the table's file."""
    collected = rows if collected.empty else pd.concat([collected, rows])
    # a stable sort keeps a notebook's claims and arms in their own order
    collected = collected.sort_values(list(order), kind="stable")
    collected.to_csv(table, index=False, float_format="%.6g")
    return collected


def run_to_verdict(path, seed):
    """The verdict records and the arms of one seed, the effect present or not."""
    notebook = parameterize_notebook(load_notebook_node(str(path)), {"SEED": seed})
    last = next(i for i, cell in enumerate(notebook.cells) if "verdict" in cell.metadata.tags)
    notebook.cells = notebook.cells[: last + 1]
    try:
        execute(notebook)
    except CellExecutionError as error:
        if error.ename != "VerdictError":
            raise
    return verdicts(notebook), arms(notebook)


def main(seeds, paths):
    evidence, compared = read(EVIDENCE, COLUMNS), read(ARMS, ARM_COLUMNS)
    for path in paths:
        stored = nbformat.read(path, as_version=4)
        rows, arm_rows = (table[table.notebook == path.stem] for table in (evidence, compared))
        if len(rows) and not (is_current(rows, verdicts(stored)) and is_current(arm_rows, arms(stored))):
            print(f"{path.stem}: the recipe has changed, its {len(rows) + len(arm_rows)} rows are dropped")
            evidence, compared = evidence.drop(rows.index), compared.drop(arm_rows.index)
    have = set(zip(evidence.notebook, evidence.seed))
    todo = [(path, seed) for path in paths for seed in range(seeds) if (path.stem, seed) not in have]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = [pool.submit(run_to_verdict, path, seed) for path, seed in todo]
        for run in tqdm(as_completed(runs), total=len(runs), unit="run"):
            rows, arm_rows = run.result()
            compared = add(compared, arm_rows, ARMS)
            evidence = add(evidence, rows, EVIDENCE)
    print(summary(evidence))


def summary(evidence):
    """One line per claim: telltales over the seeds, and in how many the effect held."""
    table = evidence.groupby(["notebook", "claim"], sort=False).agg(
        broken_min=("broken", "min"),
        broken_median=("broken", "median"),
        broken_max=("broken", "max"),
        fixed_min=("fixed", "min"),
        fixed_median=("fixed", "median"),
        fixed_max=("fixed", "max"),
        held=("held", "sum"),
        seeds=("seed", "size"),
    )
    return table.round(3).to_string()


if __name__ == "__main__":
    if len(sys.argv) < 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python tools/evidence.py SEEDS [NOTEBOOK ...]   (SEEDS a number, such as 20)")
    named = [Path(name) for name in sys.argv[2:]]
    main(int(sys.argv[1]), named or [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if has_verdict(path)])
