"""Run every notebook up to its verdict for many seeds and collect data/evidence.csv.

Usage: python tools/evidence.py SEEDS [NOTEBOOK ...]; all of notebooks/ when none is named.

Every finished run is written at once, so an interrupted sweep goes on where it stopped.
Rows that no longer agree with the verdict stored in their notebook are stale: the
notebook's recipe has changed since, and its seeds are run again.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from execute import NOTEBOOKS, execute
from helpers.figures import EVIDENCE
from helpers.verdict import MIME

import nbformat
import numpy as np
import pandas as pd
from nbclient.exceptions import CellExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from tqdm import tqdm

COLUMNS = ["notebook", "claim", "telltale", "seed", "broken", "fixed", "stalled_at", "recovered_at", "held"]


def verdicts(notebook):
    """The verdict records among a notebook's outputs, as a table with `COLUMNS`."""
    records = [
        output["data"][MIME]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if MIME in output.get("data", {})
    ]
    return pd.DataFrame(records, columns=COLUMNS)


def is_current(rows, stored):
    """Whether evidence rows come from the recipe whose verdict is stored in the notebook.

    The row of the notebook's own seed must tell the same claims with the same levels and,
    but for what another processor does to the last digits, the same telltales.
    """
    rows = rows[rows.seed.isin(stored.seed)].reset_index(drop=True)
    same = ["notebook", "claim", "telltale", "seed", "stalled_at", "recovered_at", "held"]
    # how far a loss explodes is chance, hence the upper limit; that it does is not
    telltales = [table[["broken", "fixed"]].clip(upper=10) for table in (rows, stored)]
    return (
        len(stored) > 0 and rows[same].equals(stored[same]) and np.allclose(*telltales, rtol=0.1, atol=0.03)
    )


def read_evidence():
    """data/evidence.csv, or an empty table."""
    return pd.read_csv(EVIDENCE) if EVIDENCE.exists() else pd.DataFrame(columns=COLUMNS)


def run_to_verdict(path, seed):
    """The verdict records of one seed, the effect present or not."""
    notebook = parameterize_notebook(load_notebook_node(str(path)), {"SEED": seed})
    last = next(i for i, cell in enumerate(notebook.cells) if "verdict" in cell.metadata.tags)
    notebook.cells = notebook.cells[: last + 1]
    try:
        execute(notebook)
    except CellExecutionError as error:
        if error.ename != "VerdictError":
            raise
    return verdicts(notebook)


def main(seeds, paths):
    evidence = read_evidence()
    for path in paths:
        rows = evidence[evidence.notebook == path.stem]
        if len(rows) and not is_current(rows, verdicts(nbformat.read(path, as_version=4))):
            print(f"{path.stem}: the recipe has changed, its {len(rows)} rows are dropped")
            evidence = evidence.drop(rows.index)
    have = set(zip(evidence.notebook, evidence.seed))
    todo = [(path, seed) for path in paths for seed in range(seeds) if (path.stem, seed) not in have]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs = [pool.submit(run_to_verdict, path, seed) for path, seed in todo]
        for run in tqdm(as_completed(runs), total=len(runs), unit="run"):
            rows = run.result()
            evidence = rows if evidence.empty else pd.concat([evidence, rows])
            # a stable sort keeps a notebook's claims in their own order
            evidence = evidence.sort_values(["notebook", "seed"], kind="stable")
            evidence.to_csv(EVIDENCE, index=False, float_format="%.6g")
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
    main(int(sys.argv[1]), named or sorted(NOTEBOOKS.glob("*.ipynb")))
