"""Draw the README's picture: a learning rate too low, one too high, and the healthy one of notebook 00.

Usage: python tools/picture.py

Writes data/stalled_and_repaired.png. The three runs are those of the notebook, made by its cells.
"""

from cells import ROOT, deciding, read, run
from helpers.figures import learning_curves

PICTURE = ROOT / "data" / "stalled_and_repaired.png"


def train():
    """The histories of the three runs, by their names in the picture."""
    trained = "healthy = train(", "shuffled = "
    cells = deciding(read("00_reading_learning_curves"), lambda cell: cell.source.startswith(trained))
    namespace, _ = run(cells, {})
    stalled = {name: namespace["runs"][name] for name in ("rate too low", "rate too high")}
    return stalled | {"healthy": namespace["healthy"]}


def main():
    picture = learning_curves(train())
    PICTURE.write_bytes(picture.data)
    print(picture.alt)


if __name__ == "__main__":
    main()
