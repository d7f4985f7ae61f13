"""Draw the README's picture: the learning rate too low, too high, and as notebook 06 finds it.

Usage: python tools/picture.py

Writes data/stalled_and_repaired.png. The three runs are those of the notebook, made by its cells.
"""

import os
from contextlib import redirect_stdout

from execute import NOTEBOOKS
from helpers.figures import learning_curves

import nbformat

PICTURE = NOTEBOOKS.parent / "data" / "stalled_and_repaired.png"
RUNS = {"too low": "too_low", "too high": "too_high", "range test": "fixed"}


def train():
    """The histories of the three runs, by their names in the picture."""
    namespace = {}
    for cell in nbformat.read(NOTEBOOKS / "06_learning_rate.ipynb", as_version=4).cells:
        # the training cells: the broken runs, the range test, the repaired run
        trains = cell.source.startswith(("too_low = ", "found = ", "fixed = "))
        if trains or "setup" in cell.metadata.get("tags", ()):
            exec(cell.source, namespace)
    return {name: namespace[variable] for name, variable in RUNS.items()}


def main():
    with open(os.devnull, "w") as quiet, redirect_stdout(quiet):
        runs = train()
    picture = learning_curves(runs)
    PICTURE.write_bytes(picture.data)
    print(picture.alt)


if __name__ == "__main__":
    main()
