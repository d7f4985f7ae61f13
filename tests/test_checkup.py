"""The check-up: it takes what fit takes, leaves everything as it was, and names what its repair confirms."""

import random
import time

from helpers.checkup import checkup, try_repair
from helpers.checkup.causes import LESSONS
from helpers.checkup.program import read

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import ROOT
from keras import layers

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 12)).astype("float32")
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + 2 * (X[:, 2] > 0)  # four classes, none of them linear


def network(
    outputs=4, activation="softmax", rate=0.003, loss="sparse_categorical_crossentropy", hidden="relu"
):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((12,)),
        layers.Dense(64, activation=hidden),
        layers.Dense(64, activation=hidden),
        layers.Dense(outputs, activation=activation),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    return model


FIT = {"validation_data": (X[450:], Y[450:]), "epochs": 15, "batch_size": 32}


def test_causes_have_lessons():
    assert all((ROOT / "notebooks" / f"{lesson}.ipynb").exists() for lesson in LESSONS.values())


# what fit takes


def generator():
    while True:
        yield X[:32], Y[:32]


class Batches(keras.utils.PyDataset):
    @property
    def num_batches(self):
        return 10

    def __getitem__(self, i):
        return X[32 * i : 32 * i + 32], Y[32 * i : 32 * i + 32]


DATASET = tf.data.Dataset.from_tensor_slices((X, Y)).batch(50)


@pytest.mark.parametrize(
    "arguments, named, size, batch_size, shuffle",
    [
        ((X, Y), {}, 600, 32, True),
        ((X, Y, 10), {"shuffle": False}, 600, 10, False),
        ((X, Y), {"validation_split": 0.25}, 450, 32, True),
        ((X.tolist(), Y.tolist()), {}, 600, 32, True),
        ((DATASET,), {"validation_data": DATASET.take(2)}, 600, 50, False),
        ((Batches(),), {}, 320, 32, False),
        ((generator(),), {"steps_per_epoch": 7}, 7 * 32, 32, False),
    ],
    ids=["arrays", "positional", "split", "lists", "dataset", "pydataset", "generator"],
)
def test_data_as_fit_takes_them(arguments, named, size, batch_size, shuffle):
    program = read(network(), arguments, named)
    assert (program.size, program.batch_size, program.data.shuffle) == (size, batch_size, shuffle)
    assert len(program.data.x) == len(program.data.y) > 0 < len(program.data.x_val) == len(program.data.y_val)
    assert program.task.kind == "classes" and program.task.classes == 4


def test_validation_split_takes_the_last():
    data = read(network(), (X, Y), {"validation_split": 0.25}).data
    assert np.array_equal(data.x_val, X[450:]) and np.array_equal(data.x, X[:450])


def test_without_validation_data_a_fifth_is_held_back():
    program = read(network(), (X, Y), {})
    data = program.data
    assert data.held_back and (len(data.x), len(data.x_val)) == (480, 120)
    assert not {row.tobytes() for row in data.x} & {row.tobytes() for row in data.x_val}
    assert "held back" in program.notes[0]
    few = read(network(), (X[:8], Y[:8]), {})
    assert np.array_equal(few.data.x_val, X[:8]) and "too few to hold some back" in few.notes[0]


def test_class_weights_are_sample_weights():
    weight = read(network(), (X, Y), {"class_weight": {0: 2.0, 3: 0.5}, "validation_split": 0.5}).data.weight
    assert np.array_equal(weight, np.select([Y[:300] == 0, Y[:300] == 3], [2.0, 0.5], 1.0))


@pytest.mark.parametrize(
    "y, outputs, loss, kind, classes",
    [
        (Y, 4, "sparse_categorical_crossentropy", "classes", 4),
        (np.eye(4)[Y], 4, "categorical_crossentropy", "classes", 4),
        (Y % 2, 1, "binary_crossentropy", "classes", 2),
        ((Y % 2).astype("float32")[:, None], 1, "binary_crossentropy", "classes", 2),
        (X[:, 0], 1, "mse", "numbers", 0),
        (X[:, :2], 2, "mse", "numbers", 0),
        (Y.astype("float32"), 1, "mse", "numbers", 0),
    ],
)
def test_labels_tell_the_task(y, outputs, loss, kind, classes):
    task = read(network(outputs, None, loss=loss), (X, y), {}).task
    assert (task.kind, task.classes) == (kind, classes)


@pytest.mark.parametrize(
    "arguments, named, error, told",
    [
        ((X, Y), {"epoch": 3}, TypeError, "epoch"),
        ((X, Y[:-1]), {}, ValueError, "600 samples, y has 599"),
        ((X,), {}, ValueError, "y is missing"),
        ((X[:0], Y[:0]), {}, ValueError, "empty"),
        ((X[:, :5], Y), {}, ValueError, r"shape \(5,\), but model takes \(12,\)"),
        (({"a": X}, Y), {}, ValueError, "one input"),
        ((generator(),), {}, ValueError, "steps_per_epoch"),
        (("images", Y), {}, ValueError, "array of numbers"),
        ((X, Y), {"validation_data": (X,)}, ValueError, "1 parts"),
        ((X, Y), {"validation_split": 1.0}, ValueError, "one part empty"),
    ],
)
def test_bad_arguments_are_refused_before_training(arguments, named, error, told):
    start = time.monotonic()
    with pytest.raises(error, match=told):
        checkup(network(), *arguments, **named)
    assert time.monotonic() - start < 2


def test_a_model_must_be_compiled():
    with pytest.raises(ValueError, match="not compiled"):
        checkup(keras.Sequential([keras.Input((12,)), layers.Dense(4)]), X, Y)
    with pytest.raises(ValueError, match="pass a compiled keras.Model"):
        checkup("model", X, Y)


# manners


def states(model):
    weights = [np.asarray(weight).tobytes() for weight in [*model.variables, *model.optimizer.variables]]
    return (
        weights,
        random.getstate(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002
        keras.random.uniform((3,)).numpy().tobytes(),
    )


@pytest.mark.trains
@pytest.mark.parametrize("epochs", [0, 2], ids=["untrained", "half trained"])
def test_model_optimizer_and_random_states_stay_as_they_are(epochs, capfd):
    seen = []
    for look in (False, True):
        model = network(rate=1e-6)
        if epochs:
            model.fit(X[:100], Y[:100], epochs=epochs, verbose=0)
        keras.utils.set_random_seed(1)
        if look:
            checkup(model, X, Y, **FIT)
        seen.append(states(model))
    assert seen[0][0] == seen[1][0] and seen[0][1:] == seen[1][1:]
    assert capfd.readouterr().err == ""


@pytest.mark.trains
def test_the_budget_is_kept():
    start = time.monotonic()
    report = checkup(network(rate=1e-6, hidden="sigmoid"), X, Y, **FIT | {"epochs": 3000}, seconds=4)
    # compiling the first steps is not counted
    assert time.monotonic() - start < 4 * 1.1 + 2 * (1 + len(report.tried))


@pytest.mark.trains
def test_an_interrupt_leaves_what_is_known(monkeypatch):
    def interrupt(self, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.checkup.diagnosis.Diagnosis._search", interrupt)
    report = checkup(network(), X, Y, **FIT)
    assert report.causes == [] and "ended before everything was tried" in str(report)


# what it names


@pytest.mark.trains
def test_a_healthy_network_gets_a_clean_bill():
    report = checkup(network(), X, Y, **FIT)
    assert report.causes == [], str(report)
    assert "the network is healthy" in str(report) and "Causes: none found" in str(report)


@pytest.mark.trains
@pytest.mark.parametrize(
    "model, y, named, cause",
    [
        (lambda: network(rate=1e-6), Y, {}, "learning rate too low"),
        (lambda: network(rate=1.0), Y, {}, "learning rate too high"),
        (lambda: network(activation=None), Y, {}, "wrong output activation"),
        (lambda: network(hidden=None), Y, {}, "missing activation"),
        (lambda: network(1, "softmax", loss="binary_crossentropy"), Y % 2, {}, "wrong output activation"),
        (lambda: network(1, "sigmoid", loss="mse"), 30 * X[:, 0] ** 2, {}, "wrong output activation"),
    ],
    ids=["rate low", "rate high", "logits", "linear", "one softmax", "bounded"],
)
def test_a_cause_is_named_and_confirmed(model, y, named, cause):
    fit = FIT | {"validation_data": (X[450:], y[450:])} | named
    report = checkup(model(), X[:450], y[:450], **fit)
    assert report.causes[:1] == [cause], str(report)
    assert report.findings[0].gain > 0.1
    page = report._repr_html_()
    assert f"<h3>{cause}" in page and "data:image/png" in page and LESSONS[cause] in page


@pytest.mark.trains
def test_nan_is_named_without_training():
    x = X.copy()
    x[5, 3] = np.nan
    report = checkup(network(), x[:450], Y[:450], **FIT)
    assert report.causes[0] == "NaN in data" and report.findings[0].after is None


# the experiment on its own


@pytest.mark.trains
def test_a_repair_that_helps_and_one_that_does_nothing():
    fit = FIT | {"epochs": 6}
    better = try_repair(network(rate=1e-6), network(), X[:450], Y[:450], **fit)
    assert better.answer == "better" and better.gain > 0.3 and len(better.pairs) == 3
    worse = try_repair(network(), network(rate=1e-6), X[:450], Y[:450], **fit)
    assert worse.answer == "worse" and worse.gain == pytest.approx(-better.gain)
    same = try_repair(network(), network(), X[:450], Y[:450], **fit)
    assert same.answer == "not to be told apart" and same.gain == 0
    assert "better: +" in str(better) and "data:image/png" in better._repr_html_()


@pytest.mark.trains
def test_a_repair_of_fit_arguments():
    batches = try_repair(
        network(), network(), X[:450], Y[:450], repaired_fit={"batch_size": 450}, seeds=2, **FIT
    )
    assert batches.answer == "worse"


def test_one_seed_tells_nothing():
    with pytest.raises(ValueError, match="fewer than 2"):
        try_repair(network(), network(), X, Y, seeds=1)
