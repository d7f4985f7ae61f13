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


def test_every_prefix_is_balanced(splits):
    for _, y in splits:
        assert y.reshape(-1, 10).tolist() == [list(range(10))] * (len(y) // 10)


def test_no_image_twice(splits):
    images = [image.tobytes() for x, _ in splits for image in x]
    assert len(set(images)) == len(images) == 10_000


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
    arrays["y_train"] = arrays["y_train"].copy()
    arrays["y_train"][0] += 1
    other = tmp_path / "fashion_mnist_sample.npz"
    np.savez_compressed(other, **arrays)
    monkeypatch.setattr(data, "SAMPLE", other)
    with pytest.raises(ValueError, match="does not hold the published.*git checkout"):
        data.load_fashion_mnist()


def test_full_set_splits_what_keras_loads(monkeypatch):
    x, y = np.zeros((60_000, 28, 28), np.uint8), np.arange(60_000) % 10
    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", lambda: ((x, y), (x[:10_000], y[:10_000])))
    lengths = [(len(images), len(labels)) for images, labels in data.load_fashion_mnist(full=True)]
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
