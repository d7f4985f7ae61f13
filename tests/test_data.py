"""The bundled sample is what the datasheet says, and a spoiled one is refused."""

from pathlib import Path

import sample
from helpers import data

import keras
import numpy as np
import pytest

ORIGINALS = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="module")
def splits():
    return data.load_fashion_mnist()


def test_sizes_types_and_range(splits):
    for (x, y), n in zip(splits, (6000, 2000, 2000)):
        assert x.shape == (n, 28, 28, 1) and x.dtype == np.uint8
        assert y.shape == (n,) and y.dtype == np.int64
        assert (x.min(), x.max()) == (0, 255)


@pytest.mark.parametrize("seed", [None, 0, 12])
def test_every_prefix_is_balanced(seed):
    for _, y in data.load_fashion_mnist(seed=seed):
        assert y.reshape(-1, 10).tolist() == [list(range(10))] * (len(y) // 10)


def images_of(x):
    return {image.tobytes() for image in x}


def test_no_image_twice(splits):
    with np.load(data.SAMPLE) as file:
        assert len(images_of(file["x_pool"]) | images_of(file["x_test"])) == 18_000
    for seed in (None, 3):
        parts = [images_of(x) for x, _ in data.load_fashion_mnist(seed=seed)]
        assert len(set().union(*parts)) == sum(map(len, parts)) == 10_000


def test_a_seed_draws_other_images(splits):
    drawn = [data.load_fashion_mnist(seed=seed) for seed in (3, 3, 4)]
    for part in range(3):
        (x, y), (x_again, y_again), (x_other, _) = (split[part] for split in drawn)
        assert (x == x_again).all() and (y == y_again).all()
        known = len(images_of(x) & images_of(x_other)) / len(x)
        # of 16,000 images 6,000 or 2,000 are drawn: so many are common to two draws
        expected = {0: 6 / 16, 1: 2 / 16, 2: 1}[part]
        assert known == pytest.approx(expected, abs=0.03)
        assert images_of(splits[part][0]) != images_of(x) or part == 2


def test_a_drawn_image_keeps_its_label(splits):
    with np.load(data.SAMPLE) as file:
        label = dict(zip((image.tobytes() for image in file["x_pool"]), file["y_pool"]))
    for x, y in data.load_fashion_mnist(seed=8)[:2]:
        assert [label[image.tobytes()] for image in x] == y.tolist()


@pytest.mark.parametrize("seed, error", [(-1, ValueError), (1.5, TypeError), ("0", TypeError)])
def test_a_seed_must_be_a_whole_number(seed, error):
    with pytest.raises(error):
        data.load_fashion_mnist(seed=seed)


def test_datasheet_names_the_checksum_classes_and_counts(splits):
    sheet = (data.SAMPLE.parent / "README.md").read_text()
    assert data.SAMPLE_SHA256 in sheet
    for label, name in enumerate(data.CLASS_NAMES):
        counts = " | ".join(str(np.sum(y == label)) for _, y in splits)
        assert f"| {label} | {name} | {counts} |" in sheet


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason=f"no original files in {ORIGINALS}")
def test_script_cuts_the_same_sample():
    assert data.sha256_of(sample.cut(ORIGINALS)) == data.SAMPLE_SHA256


def test_missing_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "SAMPLE", tmp_path / "fashion_mnist_sample.npz")
    with pytest.raises(FileNotFoundError, match="missing.*git checkout -- data/fashion_mnist_sample.npz"):
        data.load_fashion_mnist()


@pytest.mark.parametrize("keep", [0, 10, 100_000, -1])
def test_truncated_sample(tmp_path, monkeypatch, keep):
    truncated = tmp_path / "fashion_mnist_sample.npz"
    truncated.write_bytes(data.SAMPLE.read_bytes()[:keep])
    monkeypatch.setattr(data, "SAMPLE", truncated)
    with pytest.raises(ValueError, match="truncated or damaged.*git checkout") as error:
        data.load_fashion_mnist()
    assert error.value.__context__ is None, "NumPy's own traceback should not show"


def test_sample_with_other_content(tmp_path, monkeypatch):
    with np.load(data.SAMPLE) as file:
        arrays = dict(file)
    arrays["y_pool"] = arrays["y_pool"].copy()
    arrays["y_pool"][0] += 1
    other = tmp_path / "fashion_mnist_sample.npz"
    np.savez_compressed(other, **arrays)
    monkeypatch.setattr(data, "SAMPLE", other)
    with pytest.raises(ValueError, match="does not hold the published.*git checkout"):
        data.load_fashion_mnist()


def test_full_set_splits_what_keras_loads(monkeypatch):
    x, y = np.zeros((60_000, 28, 28), np.uint8), np.arange(60_000) % 10
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((x, y), (x[:10_000], y[:10_000])))
    for seed in (None, 1):
        loaded = data.load_fashion_mnist(seed=seed, full=True)
        lengths = [(len(images), len(labels)) for images, labels in loaded]
        assert lengths == [(50_000, 50_000), (10_000, 10_000), (10_000, 10_000)]


def test_full_set_offline(monkeypatch):
    def offline():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", offline)
    with pytest.raises(ConnectionError, match=r"URL fetch failure.*bundled sample: load_fashion_mnist\(\)"):
        data.load_fashion_mnist(full=True)


def test_items_on_a_canvas(splits):
    x = splits[1][0][:500]
    canvases, positions = data.place_on_canvas(x, seed=3)
    assert canvases.shape == x.shape and canvases.dtype == np.float32
    assert positions.shape == (500, 2) and (positions.min(), positions.max()) == (0, 21)
    for canvas, image, (row, column) in zip(canvases, x, positions.astype(int)):
        item = canvas[row : row + 7, column : column + 7, 0]
        np.testing.assert_allclose(item[0, 0], image[:4, :4].mean(), rtol=1e-6)
        np.testing.assert_allclose(item.sum(), canvas.sum(), rtol=1e-5)  # nothing beside the item
        np.testing.assert_allclose(item.mean(), image.mean(), rtol=1e-5)
    again, _ = data.place_on_canvas(x, seed=3)
    other, _ = data.place_on_canvas(x, seed=4)
    assert (again == canvases).all() and (other != canvases).any()


def test_canvases_need_images_with_a_channel(splits):
    with pytest.raises(ValueError, match=r"x has shape \(2000, 28, 28\), but must be"):
        data.place_on_canvas(splits[1][0][..., 0], seed=0)


def test_flipped_labels_are_wrong_and_known():
    y = np.arange(1000) % 10
    labels, flipped = data.flip_labels(y, 0.2, seed=1)
    assert flipped.sum() == 200 and labels.dtype == y.dtype
    np.testing.assert_array_equal(labels != y, flipped)
    assert sorted(np.unique((labels - y)[flipped] % 10)) == list(range(1, 10))
    assert not np.array_equal(data.flip_labels(y, 0.2, seed=2)[1], flipped)
    np.testing.assert_array_equal(data.flip_labels(y, 0.2, seed=1)[0], labels)
    np.testing.assert_array_equal(data.flip_labels(y, 0.0, seed=1)[0], y)


@pytest.mark.parametrize(
    "y, share, message", [([0, 1], 1.2, "share is 1.2.*between 0 and 1"), ([0, 0], 0.5, "a single class")]
)
def test_flipping_refuses(y, share, message):
    with pytest.raises(ValueError, match=message):
        data.flip_labels(np.array(y), share, seed=0)


def test_spoiled_images_are_spoiled_as_said(splits):
    (x, y), (x_val, y_val), _ = splits
    images, labels, spoiled = data.spoil_images(x, y, x_val, y_val, seed=1, nan=4, constant=6, copied=30)
    assert [len(rows) for rows in spoiled.values()] == [4, 6, 30]
    everywhere = np.concatenate([*spoiled.values()])
    assert list(spoiled) == ["nan", "constant", "copied"] and len(set(everywhere)) == 40
    assert images.shape == x.shape and images.dtype == np.float32 and labels.dtype == y.dtype
    pixels = images.reshape(len(images), -1)
    np.testing.assert_array_equal(np.isnan(pixels).sum(axis=1), np.isin(np.arange(len(x)), spoiled["nan"]))
    np.testing.assert_array_equal(np.flatnonzero(np.ptp(pixels, axis=1) == 0), spoiled["constant"])
    originals = {image.tobytes(): label for image, label in zip(x_val.astype("float32"), y_val)}
    copies = [row for row, image in enumerate(images) if image.tobytes() in originals]
    found = {row: originals[images[row].tobytes()] for row in copies}
    assert sorted(found) == spoiled["copied"].tolist()
    assert len({images[row].tobytes() for row in found}) == 30, "every copy has another original"
    assert found == {row: labels[row] for row in found}
    untouched = ~np.isin(np.arange(len(x)), everywhere)
    np.testing.assert_array_equal(images[untouched], x[untouched])
    labels[spoiled["copied"]] = y[spoiled["copied"]]
    np.testing.assert_array_equal(labels, y)


def test_spoiling_repeats_with_its_seed_and_leaves_its_input(splits):
    (x, y), (x_val, y_val), _ = splits
    x, y, before = x[:200].astype("float32"), y[:200].copy(), (x[:200].copy(), y[:200].copy())
    images, labels, spoiled = data.spoil_images(x, y, x_val, y_val, seed=1)
    again = data.spoil_images(x, y, x_val, y_val, seed=1)
    np.testing.assert_array_equal(again[0], images)
    assert not np.array_equal(data.spoil_images(x, y, x_val, y_val, seed=2)[2]["copied"], spoiled["copied"])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])
    nothing = data.spoil_images(x, y, x_val, y_val, seed=1, nan=0, constant=0, copied=0)
    np.testing.assert_array_equal(nothing[0], x)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"nan": -1}, "nan, constant and copied are -1, 5 and 40, but must be 0 or more"),
        ({"constant": 60}, "together at most the 100 training images"),
        ({"copied": 51}, "copied at most the 50 validation images"),
        ({"x": np.zeros((100, 28, 28))}, r"shapes \(100, 28, 28\) and \(50, 28, 28, 1\), but must be"),
        ({"x_val": np.zeros((50, 14, 14, 1))}, "the same height, width and channels"),
        ({"y": np.zeros(99)}, "100 and 50 images have 99 and 50 labels"),
    ],
)
def test_spoiling_refuses(change, message):
    arguments = {"x": np.zeros((100, 28, 28, 1)), "y": np.zeros(100), "x_val": np.zeros((50, 28, 28, 1))}
    with pytest.raises(ValueError, match=message):
        data.spoil_images(**(arguments | {"y_val": np.zeros(50), "seed": 0} | change))


def test_few_are_kept_of_the_named_classes_only(splits):
    x, y = splits[1]
    few_x, few_y, kept = data.keep_few(x, y, classes=(2, 6), count=5, seed=1)
    assert np.bincount(few_y).tolist() == [200, 200, 5, 200, 200, 200, 5, 200, 200, 200]
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(few_x, x[kept])
    np.testing.assert_array_equal(few_y, y[kept])
    again, other = (data.keep_few(x, y, (2, 6), 5, seed)[2] for seed in (1, 2))
    np.testing.assert_array_equal(again, kept)
    assert not np.array_equal(other, kept)
    np.testing.assert_array_equal(data.keep_few(x, y, (2, 6), 200, seed=1)[2], np.arange(2000))


def test_few_are_chosen_from_the_whole_class():
    y = np.arange(1000) % 10
    rows = np.concatenate([data.keep_few(y, y, [3], 1, seed)[2] for seed in range(200)])
    chosen = rows[y[rows] == 3]
    assert len(set(chosen)) > 70 and chosen.min() < 100 and chosen.max() > 900


@pytest.mark.parametrize(
    "y, count, message",
    [
        ([0, 0, 1], 0, "count is 0, but must be at least 1"),
        ([0, 0, 1], 2, "class 1 has 1 images, so 2 cannot be kept"),
        ([0, 0, 0], 1, "class 1 has 0 images"),
        ([0, 1], 1, "3 images have 2 labels"),
    ],
)
def test_keeping_refuses(y, count, message):
    with pytest.raises(ValueError, match=message):
        data.keep_few(np.zeros((3, 28, 28, 1)), np.array(y), [1], count, seed=0)


def test_poses_are_what_is_said(splits):
    x = np.zeros((300, 28, 28, 1), dtype=np.uint8)
    x[:, 10:13, 17:20] = 200  # a spot 2.5 pixels above and 4.5 to the right of the center
    images, angles, scales, shifts = data.vary_pose(x, seed=5, degrees=60, smallest=0.7, pixels=3)
    assert images.shape == x.shape and images.dtype == np.float32
    assert 55 < angles.max() <= 60 and -60 <= angles.min() < -55
    assert 0.7 <= scales.min() < 0.72 and 0.98 < scales.max() <= 1
    assert shifts.shape == (300, 2) and -3 <= shifts.min() < -2.9 and 2.9 < shifts.max() <= 3
    turn = np.radians(angles)
    up = scales * (2.5 * np.cos(turn) + 4.5 * np.sin(turn))
    right = scales * (4.5 * np.cos(turn) - 2.5 * np.sin(turn))
    expected = 13.5 + np.stack([-up, right], axis=1) + shifts
    grid = np.indices((28, 28)).reshape(2, -1).T
    weights = images.reshape(300, -1)
    found = weights @ grid / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=0.2)
    np.testing.assert_allclose(weights.sum(axis=1), 9 * 200 * scales**2, rtol=0.25)


def test_poses_are_seeded_and_can_be_switched_off(splits):
    x = splits[1][0][:20]
    images = data.vary_pose(x, seed=3)[0]
    assert (images == data.vary_pose(x, seed=3)[0]).all()
    assert (images != data.vary_pose(x, seed=4)[0]).any()
    np.testing.assert_allclose(data.vary_pose(x, seed=3, degrees=0, smallest=1, pixels=0)[0], x, atol=1e-3)


@pytest.mark.parametrize(
    "limits, message",
    [
        ({"degrees": 200}, "degrees is 200, but must be between 0 and 180"),
        ({"smallest": 0}, "smallest is 0, but must be above 0 and at most 1"),
        ({"smallest": 1.5}, "smallest is 1.5, but"),
        ({"pixels": -1}, "pixels is -1, but must be 0 or more"),
        ({"pixels": float("nan")}, "pixels is nan, but"),
    ],
)
def test_impossible_poses(splits, limits, message):
    with pytest.raises(ValueError, match=message):
        data.vary_pose(splits[1][0][:2], seed=0, **limits)


def test_poses_need_images_with_a_channel(splits):
    with pytest.raises(ValueError, match=r"x has shape \(2000, 28, 28\), but must be"):
        data.vary_pose(splits[1][0][..., 0], seed=0)
