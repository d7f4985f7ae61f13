"""Draw the README's picture: the learning rate too low, too high, and as notebook 06 finds it.

Usage: python tools/picture.py

Writes data/stalled_and_repaired.png. The three runs are those of the notebook, made by its cells.
"""

from cells import ROOT, deciding, read, run
from helpers.figures import learning_curves

PICTURE = ROOT / "data" / "stalled_and_repaired.png"
RUNS = {"too low": "too_low", "too high": "too_high", "range test": "fixed"}


def train():
    """The histories of the three runs, by their names in the picture."""
    trained = tuple(f"{variable} = " for variable in RUNS.values())
    cells = deciding(read("06_learning_rate"), lambda cell: cell.source.startswith(trained))
    namespace, _ = run(cells, {})
    return {name: namespace[variable] for name, variable in RUNS.items()}


def main():
    picture = learning_curves(train())
    PICTURE.write_bytes(picture.data)
    print(picture.alt)


if __name__ == "__main__":
    main()
