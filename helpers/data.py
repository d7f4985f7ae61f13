"""Load Fashion-MNIST, the bundled sample or the full set, and plant faults in data."""

import hashlib
from pathlib import Path

import keras
import numpy as np
from scipy.ndimage import affine_transform

# in an installed package the folder data/ of the repository lies inside the package
_BUNDLED = Path(__file__).parent / "bundled"
DATA = _BUNDLED if _BUNDLED.exists() else Path(__file__).parent.parent / "data"
SAMPLE = DATA / "fashion_mnist_sample.npz"
RESULTS = DATA / "results"  # what the commands of the Makefile measured, one table a file
EVIDENCE, ARMS = RESULTS / "evidence.csv", RESULTS / "arms.csv"
VITALS, CURVES = RESULTS / "vitals.csv", RESULTS / "curves.csv"
CASES = RESULTS / "clinic.csv"
SAMPLE_SHA256 = "4a307de9e314b8b64f79957e1cfc37853ee3f99135afeaff8c4fc8a0d81a5162"
ARRAYS = ("x_pool", "y_pool", "x_test", "y_test")

CLASS_NAMES = (
    "T-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def load_fashion_mnist(seed=None, full=False):
    """Fashion-MNIST, split into training, validation and test data.

    Parameters
    ----------
    seed : int, 0 or more, or None
        Draws the training and validation images from the pool, of each class equally many:
        another seed, other images. None takes the first ones. The test images stay the same.
    full : bool
        False: the bundled sample, 6,000 and 2,000 images out of a pool of 16,000, and 2,000
        test images, every class equally often (data/README.md says how it was cut). True:
        all 70,000 images, 50,000 and 10,000 out of 60,000, and 10,000, which Keras
        downloads once.

    Returns
    -------
    (x_train, y_train), (x_val, y_val), (x_test, y_test)
        Images: uint8, shape (n, 28, 28, 1), values 0 to 255. Labels: int64, shape (n,),
        0 to 9; `CLASS_NAMES` names them. Of the sample, and of any draw, the classes take
        turns, so every stretch of ten images holds each class once.

    Raises
    ------
    TypeError, ValueError
        `seed` is no whole number, or negative.
    FileNotFoundError
        The sample is not where the repository keeps it.
    ValueError
        The sample is truncated, damaged or not the file that was published.
    ConnectionError
        `full=True`, the set was never downloaded, and the download failed.

    >>> (x_train, y_train), (x_val, y_val), _ = load_fashion_mnist(seed=7)
    >>> x_train.shape, y_val.shape
    ((6000, 28, 28, 1), (2000,))
    """
    arrays = _load_full() if full else _load_sample(SAMPLE)
    labels = arrays["y_pool"]
    train, val = (50_000, 10_000) if full else (6000, 2000)
    order = np.arange(len(labels)) if seed is None else _draw(labels, seed)
    parts = {
        "pool": (order[:train], order[train : train + val]),
        "test": (np.arange(len(arrays["y_test"])),),
    }
    return tuple(
        (arrays[f"x_{name}"][rows][..., np.newaxis], arrays[f"y_{name}"][rows].astype("int64"))
        for name, splits in parts.items()
        for rows in splits
    )


def place_on_canvas(x, seed):
    """Shrink every image to 7 x 7 pixels and put it at a random place of an empty canvas.

    Parameters
    ----------
    x : array, shape (n, 28, 28, 1), values of any scale
    seed : int

    Returns
    -------
    canvases : float32, shape (n, 28, 28, 1), on the scale of `x`, 0 around the item
    positions : float32, shape (n, 2), (row, column) of the item's upper left pixel, each
        from 0 to 21, every place equally likely

    Raises
    ------
    ValueError
        `x` has another shape.
    """
    if x.ndim != 4 or x.shape[1:] != (28, 28, 1):
        raise ValueError(f"x has shape {x.shape}, but must be (n, 28, 28, 1)")
    items = x.reshape(-1, 7, 4, 7, 4, 1).mean(axis=(2, 4))
    positions = np.random.default_rng(seed).integers(0, 21, size=(len(x), 2), endpoint=True)
    canvases = np.zeros(x.shape, dtype="float32")
    for canvas, item, (row, column) in zip(canvases, items, positions):
        canvas[row : row + 7, column : column + 7] = item
    return canvases, positions.astype("float32")


def flip_labels(y, share, seed):
    """Replace some labels, chosen at random, by any of the other classes.

    Parameters
    ----------
    y : int array, shape (n,), every class from 0 to the highest
    share : float, from 0 to 1, of the labels to replace, rounded to whole labels
    seed : int

    Returns
    -------
    labels : int array, shape (n,)
    flipped : bool array, shape (n,), where `labels` is wrong

    Raises
    ------
    ValueError
        `share` is not between 0 and 1, or `y` has a single class.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}, but must be between 0 and 1")
    classes = int(np.max(y)) + 1
    if classes < 2:
        raise ValueError("y has a single class, so no label could be replaced by another")
    random = np.random.default_rng(seed)
    flipped = np.zeros(len(y), dtype=bool)
    flipped[random.permutation(len(y))[: round(share * len(y))]] = True
    labels = np.where(flipped, (y + random.integers(1, classes, len(y))) % classes, y)
    return labels, flipped


def spoil_images(x, y, x_val, y_val, seed, nan=3, constant=5, copied=40):
    """Replace some training images, chosen at random, by what a data set should not hold.

    Parameters
    ----------
    x, y : arrays, shapes (n, height, width, channels) and (n,), training images and labels
    x_val, y_val : arrays, as `x` and `y`, validation images and labels
    seed : int
    nan : int, how many images get a NaN in one pixel
    constant : int, how many get the same value, one of `x`, in all pixels
    copied : int, how many are replaced, with their labels, by different validation images

    Returns
    -------
    x : float32, shape as before
    y : shape and type as before
    spoiled : dict, "nan", "constant", "copied" -> int array, the rows of `x`, ascending; no
        row is spoiled twice

    Raises
    ------
    ValueError
        A number is negative, they add up to more than there are images, `copied` exceeds the
        validation images, or the shapes do not fit together.
    """
    counts = {"nan": nan, "constant": constant, "copied": copied}
    if x.ndim != 4 or x.shape[1:] != x_val.shape[1:]:
        raise ValueError(
            f"x and x_val have shapes {x.shape} and {x_val.shape}, but must be (n, height, width, channels) "
            "with the same height, width and channels"
        )
    if len(y) != len(x) or len(y_val) != len(x_val):
        raise ValueError(
            f"{len(x)} and {len(x_val)} images have {len(y)} and {len(y_val)} labels: "
            "pass one label per image"
        )
    if min(counts.values()) < 0 or sum(counts.values()) > len(x) or copied > len(x_val):
        raise ValueError(
            f"nan, constant and copied are {nan}, {constant} and {copied}, but must be 0 or more, together "
            f"at most the {len(x)} training images, and copied at most the {len(x_val)} validation images"
        )
    random = np.random.default_rng(seed)
    rows = np.split(random.permutation(len(x))[: sum(counts.values())], np.cumsum([nan, constant]))
    spoiled = {name: np.sort(part) for name, part in zip(counts, rows)}
    x, y = x.astype("float32"), y.copy()
    for row in spoiled["constant"]:
        x[row] = random.choice(x[row].ravel())
    for row in spoiled["nan"]:
        x[row].flat[random.integers(x[row].size)] = np.nan
    originals = random.permutation(len(x_val))[:copied]
    x[spoiled["copied"]], y[spoiled["copied"]] = x_val[originals], y_val[originals]
    return x, y, spoiled


def keep_few(x, y, classes, count, seed):
    """Drop all but a few images, chosen at random, of some classes; the others stay complete.

    Parameters
    ----------
    x : array, shape (n, ...)
    y : int array, shape (n,)
    classes : sequence of int, the classes to make rare
    count : int, at least 1, how many images of each of them to keep
    seed : int

    Returns
    -------
    x, y : the rows that were kept, in the order they had
    kept : int array, the numbers of these rows, ascending

    Raises
    ------
    ValueError
        `count` is under 1, a class has fewer than `count` images, or the lengths differ.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} images have {len(y)} labels: pass one label per image")
    if count < 1:
        raise ValueError(f"count is {count}, but must be at least 1")
    random = np.random.default_rng(seed)
    keep = ~np.isin(y, classes)
    for label in classes:
        rows = np.flatnonzero(y == label)
        if len(rows) < count:
            raise ValueError(f"class {label} has {len(rows)} images, so {count} cannot be kept")
        keep[random.permutation(rows)[:count]] = True
    kept = np.flatnonzero(keep)
    return x[kept], y[kept], kept


def vary_pose(x, seed, degrees=40.0, smallest=0.5, pixels=4.0):
    """Turn, shrink and shift every image at random, black where nothing is left of it.

    Parameters
    ----------
    x : array, shape (n, 28, 28, 1), values of any scale
    seed : int
    degrees : float, from 0 to 180, the largest turn to either side
    smallest : float, above 0 and at most 1, the smallest scale; 1 leaves the size alone
    pixels : float, 0 or more, the largest shift in each direction

    Returns
    -------
    images : float32, shape (n, 28, 28, 1), on the scale of `x`
    angles : float, shape (n,), in degrees, counterclockwise
    scales : float, shape (n,)
    shifts : float, shape (n, 2), in pixels (down, right)
        What was done to each image, every value between the limits equally likely.

    Raises
    ------
    ValueError
        `x` has another shape, or a limit is out of its range.
    """
    if x.ndim != 4 or x.shape[1:] != (28, 28, 1):
        raise ValueError(f"x has shape {x.shape}, but must be (n, 28, 28, 1)")
    if not 0 <= degrees <= 180:
        raise ValueError(f"degrees is {degrees}, but must be between 0 and 180")
    if not 0 < smallest <= 1:
        raise ValueError(f"smallest is {smallest}, but must be above 0 and at most 1")
    if not pixels >= 0:
        raise ValueError(f"pixels is {pixels}, but must be 0 or more")
    random = np.random.default_rng(seed)
    angles = random.uniform(-degrees, degrees, len(x))
    scales = random.uniform(smallest, 1, len(x))
    shifts = random.uniform(-pixels, pixels, (len(x), 2))
    items, images = x[..., 0].astype("float32"), np.empty(x.shape, dtype="float32")
    for item, image, angle, scale, shift in zip(items, images, np.radians(angles), scales, shifts):
        back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
        offset = 13.5 - back @ (13.5 + shift)  # (13.5, 13.5) is the center of the image
        affine_transform(item, back, offset, output=image[..., 0], order=1)
    return images, angles, scales, shifts


def _draw(labels, seed):
    """All rows in random order, the classes taking turns; every class occurs equally often."""
    random = np.random.default_rng(seed)
    return np.stack([random.permutation(np.flatnonzero(labels == k)) for k in range(10)], axis=1).ravel()


def sha256_of(arrays):
    """Checksum over the contents of the four arrays, whatever the compression of the file."""
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _load_sample(path):
    remedy = f"Restore it with: git checkout -- data/{path.name}, or install stalled-cnns again"
    if not path.is_file():
        raise FileNotFoundError(f"The Fashion-MNIST sample is missing at {path}. {remedy}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS}
    except Exception:  # NumPy raises eight kinds here, from EOFError to zlib.error
        arrays = None
    if arrays is None:
        raise ValueError(f"The Fashion-MNIST sample {path} is truncated or damaged. {remedy}")
    if sha256_of(arrays) != SAMPLE_SHA256:
        raise ValueError(f"{path} does not hold the published Fashion-MNIST sample. {remedy}")
    return arrays


def _load_full():
    try:
        (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # keras.utils.get_file raises a bare Exception when offline
        reason = str(error)
    else:
        return dict(zip(ARRAYS, (x, y, x_test, y_test)))
    raise ConnectionError(
        "The full Fashion-MNIST has to be downloaded once, and that failed "
        f"({reason}). Go online and try again, or use the bundled sample: load_fashion_mnist()"
    )
