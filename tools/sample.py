"""Cut the bundled sample out of the original Fashion-MNIST files.

Usage: python tools/sample.py FOLDER

FOLDER holds the four gzipped IDX files that Zalando publishes (on Debian, the
package dataset-fashion-mnist puts them under /usr/share/datasets/fashion-mnist).
Nothing is random: of each class, in file order, the first 1,600 images of the training
file become the pool and the first 200 of the test file test. The classes take turns, so
every stretch of the sample is as balanced as the whole.
"""

import gzip
import sys
from pathlib import Path

from helpers.data import SAMPLE

import numpy as np


def read_idx(path):
    """The array in one gzipped IDX file (http://yann.lecun.com/exdb/mnist, "File formats")."""
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    shape = np.frombuffer(raw, ">u4", count=dimensions, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def rows_of_each_class(labels, count):
    """Row numbers of the first `count` images of each class, the classes taking turns."""
    return np.stack([np.flatnonzero(labels == k)[:count] for k in range(10)], axis=1).ravel()


def cut(folder):
    """The four arrays of the sample, by name."""
    arrays = {}
    for split, file, count in [("pool", "train", 1600), ("test", "t10k", 200)]:
        images = read_idx(folder / f"{file}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{file}-labels-idx1-ubyte.gz")
        rows = rows_of_each_class(labels, count)
        arrays[f"x_{split}"], arrays[f"y_{split}"] = images[rows], labels[rows]
    return arrays


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python tools/sample.py FOLDER   (the folder of the four IDX files)")
    np.savez_compressed(SAMPLE, **cut(Path(sys.argv[1])))
    print(f"wrote {SAMPLE.name}, {SAMPLE.stat().st_size:,} bytes")
