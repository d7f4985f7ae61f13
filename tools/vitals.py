"""Examine the broken CNN of every lesson, and the healthy one of notebook 00, with every instrument.

Usage: python tools/vitals.py SEEDS [NOTEBOOK ...]; the patients of all lessons when none is named.

Writes data/results/vitals.csv, one row per patient, seed, moment and reading, and
data/results/curves.csv, the learning curves. The false-alarm counts of helpers.instruments and the
map of notebook 00 come from these tables. Every patient is built and trained by the cells of its
own notebook, those of 06 on the map by the cells of 00, whose readers have just seen them fail. An
interrupted run goes on where it stopped; a patient whose code, helpers, data or versions have changed
is examined anew (tools/journal.py).

Beside each patient of the map stands another with the same disease in another form, on five seeds:
on those a rule that was made from the map can fail (notebook 00, exercise 3).
"""

import inspect
import sys
from contextlib import suppress
from typing import NamedTuple

import cells
import journal
from engine import results
from evidence import put, read
from helpers import instruments
from helpers.data import CURVES, VITALS

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import recall_score


class Patient(NamedTuple):
    """A notebook, its broken model, and how that is trained, in the words of the notebook."""

    notebook: str
    build: str = "build()"
    train: str = "train('', model)"


# what validation_split makes of the folders of 14, the four that train in mixed order
LAST_FOLDER = "train('', model, x[y < 4], y[y < 4], validation_data=(x[y == 4], y[y == 4]))"
MAPPED = {
    "healthy": Patient("00_reading_learning_curves"),
    "01 capacity": Patient("01_insufficient_capacity"),
    "02 bottleneck": Patient("02_information_bottleneck", "build((1, 7, 1))"),
    "03 sigmoids": Patient("03_saturating_activations"),
    "04 dying ReLU": Patient("04_dying_relu", "build(learning_rate=0.003, bias=-1.0)"),
    "05 pooling": Patient("05_excessive_pooling", "build(layers.GlobalMaxPooling2D(name='pooling'))"),
    "06 rate too low": Patient("00_reading_learning_curves", "build(learning_rate=3e-6)"),
    "06 rate too high": Patient("00_reading_learning_curves", "build(learning_rate=0.3)"),
    "07 optimizer": Patient("07_optimizer_choice", "build(optimizer='adadelta')"),
    "08 batch size": Patient("08_batch_size", "build(SGD(0.1))", "train('', model, 1200)"),
    "09 overfitting": Patient("09_overfitting"),
    "10 imbalance": Patient("10_class_imbalance"),
    "11 unscaled": Patient("11_unscaled_inputs"),
    "12 noisy labels": Patient("12_noisy_labels"),
    "13 little data": Patient("13_too_little_data", train="train('', model, 200)"),
    "14 last folder": Patient("14_silent_mistakes", train=LAST_FOLDER),
}
OTHERS = {
    "healthy, another": Patient("00_reading_learning_curves", "build(learning_rate=0.001)"),
    "01 capacity, another": Patient("01_insufficient_capacity", "build(filters=(2, 2))"),
    "02 bottleneck, another": Patient("02_information_bottleneck", "build((16, 3, 2), (1, 3, 1))"),
    "03 sigmoids, another": Patient("03_saturating_activations", "build(init='he_normal')"),
    "04 dying ReLU, another": Patient(
        "04_dying_relu", "build(learning_rate=0.003, bias=-1.0, init='glorot_uniform')"
    ),
    "05 pooling, another": Patient(
        "05_excessive_pooling", "build(layers.GlobalAveragePooling2D(name='pooling'))"
    ),
    "06 rate too low, another": Patient("06_learning_rate", "build(learning_rate=0.0001)"),
    "06 rate too high, another": Patient("06_learning_rate", "build(learning_rate=1.0)"),
    "07 optimizer, another": Patient("07_optimizer_choice", "build(keras.optimizers.Adagrad(0.0001))"),
    "08 batch size, another": Patient("08_batch_size", "build(SGD(0.1))", "train('', model, 500)"),
    "09 overfitting, another": Patient("09_overfitting", "build(batch_norm=True)"),
    "10 imbalance, another": Patient(
        "10_class_imbalance", train="train('', model, *keep_few(x_train, y_train, RARE, 40, SEED)[:2])"
    ),
    "11 unscaled, another": Patient(
        "11_unscaled_inputs", "build(optimizer=SGD(falling(0.01), momentum=0.9))"
    ),
    "12 noisy labels, another": Patient("12_noisy_labels", train="train('', model, val=(x_val, y_val))"),
    "13 little data, another": Patient("13_too_little_data", train="train('', model, 100)"),
    "14 last folder, another": Patient("14_silent_mistakes", "build(dropout=0.5)", LAST_FOLDER),
}
PATIENTS = MAPPED | OTHERS
SEEDS_OF_OTHERS = 5
COLUMNS = ["patient", "seed", "moment", "reading", "value"]
CURVE_COLUMNS = ["patient", "seed", "epoch", "metric", "value"]


def recipe(patient):
    """The cells of the notebook that define how a patient is built and trained."""
    return cells.recipe(PATIENTS[patient].notebook)


def fingerprint(patient):
    """What decides the readings of a patient: its recipe, this examination, the instruments."""
    ours = (examine, distinct, guessing, readings, data_readings, training_readings)
    code = [cells.code_of(recipe(patient)), repr(PATIENTS[patient]), "from helpers import instruments"]
    return journal.fingerprint("\n".join([*code, *map(inspect.getsource, ours)]))


def examine(found, patient, seed):
    """The readings and the learning curves of one patient, as rows of the two tables.

    Parameters
    ----------
    found : list of cells.Cell, the recipe
    patient, seed : str and int
    """
    _, build, train = PATIENTS[patient]
    namespace, _ = cells.run(found, {"SEED": seed})
    model = eval(build, namespace)
    seen = {}

    def fit(x, y, validation_data, **arguments):
        rows = distinct(x)
        seen["before"] = readings(model, x[rows], y[rows], arguments)
        seen["before"] |= data_readings(x[rows], y[rows], *validation_data)
        history = keras.Model.fit(model, x, y, validation_data=validation_data, **arguments)
        seen["after"] = readings(model, x[rows], y[rows], arguments)
        seen["after"] |= training_readings(model, x[rows], y[rows], *validation_data, history.history)
        return history

    model.fit = fit
    history = cells.silently(lambda: eval(train, namespace | {"model": model})).history
    vitals = [
        (patient, seed, moment, reading, value)
        for moment, numbers in seen.items()
        for reading, value in numbers.items()
    ]
    curves = [
        (patient, seed, epoch, metric, value)
        for metric, values in history.items()
        for epoch, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(vitals, columns=COLUMNS), pd.DataFrame(curves, columns=CURVE_COLUMNS)


def distinct(x):
    """Rows of the images that did not occur before."""
    return np.sort(np.unique(x.reshape(len(x), -1), axis=0, return_index=True)[1])


def guessing(y):
    """The loss of guessing: cross-entropy over equally frequent classes, or the variance."""
    return np.log(y.max() + 1) if np.issubdtype(y.dtype, np.integer) else y.var(axis=0).mean()


def readings(model, x, y, fit_arguments):
    """One number per instrument."""
    batch = x[:256], y[:256]
    norms = list(instruments.gradient_norms(model, *batch).values())
    ratios = instruments.update_to_weight_ratios(model, *batch)
    dead = instruments.dead_units(model, x[:512])
    probes = list(instruments.linear_probes(model, x[:1000], y[:1000]).values())
    numbers = {
        "initial_loss": instruments.initial_loss(model, *batch),
        "initial_loss / guessing": instruments.initial_loss(model, *batch) / guessing(y),
        "gradient_norms largest": max(norms),
        "gradient_norms first/last": norms[0] / norms[-1] if norms[-1] else 0.0,
        "update_to_weight_ratios median": np.median(list(ratios.values())),
        "dead_units largest share": max(units.mean() for units in dead.values()),
        "learning_rate_range_test suggested": instruments.learning_rate_range_test(model, x, y).suggested,
        "overfit_one_batch last loss": instruments.overfit_one_batch(model, x[:20], y[:20])[-1],
        "effective_ranks lowest": min(instruments.effective_ranks(model, x[:512]).values()),
        "gradient_noise_scale": instruments.gradient_noise_scale(model, x, y),
        "linear_probes largest drop": max(a - b for a, b in zip(probes, probes[1:])),
    }
    numbers["rate / suggested"] = (
        float(model.optimizer.learning_rate) / numbers["learning_rate_range_test suggested"]
    )
    numbers["batch size / noise scale"] = fit_arguments["batch_size"] / numbers["gradient_noise_scale"]
    with suppress(ValueError):  # only a model with sigmoids has units that could saturate
        numbers["saturated_units largest share"] = max(instruments.saturated_units(model, x[:512]).values())
    return numbers


def data_readings(x, y, x_val, y_val):
    """What a look at the data tells, without any network."""
    numbers = {
        "largest input": np.abs(x).max(),
        "validation mean off by": abs(x_val.mean() - x.mean()) / x.std(),
        "distinct images": len(x),
    }
    if np.issubdtype(y.dtype, np.integer):
        x, y = x[:2000], y[:2000]
        counts = np.bincount(y)
        numbers["rarest class / mean class"] = counts.min() / counts.mean()
        numbers["suspect labels"] = len(instruments.suspect_labels(x, y)) / len(x)
    return numbers


def training_readings(model, x, y, x_val, y_val, history):
    """What the curves and one evaluation tell after training."""
    training, validation = (
        model.evaluate(*data, batch_size=500, verbose=0, return_dict=True)
        for data in ((x, y), (x_val, y_val))
    )
    numbers = {f"val_{name}": value for name, value in validation.items()} | training
    numbers["loss / guessing"] = training["loss"] / guessing(y)
    numbers["val_loss / guessing"] = validation["loss"] / guessing(y)
    numbers["val_loss last / best"] = history["val_loss"][-1] / min(history["val_loss"])
    numbers["updates"] = int(model.optimizer.iterations)
    if "accuracy" in training:
        numbers["accuracy - val_accuracy"] = training["accuracy"] - validation["accuracy"]
        # not the first epoch, whose accuracy is a mean over a network that hardly knows anything yet
        below = np.subtract(history["val_accuracy"], history["accuracy"])[1:]
        numbers["val_accuracy above accuracy, at most"] = below.max()
        answers = np.asarray(model(x_val, training=False)).argmax(axis=1)
        numbers["recall lowest"] = recall_score(y_val, answers, average=None, labels=np.unique(y_val)).min()
    return numbers


def seeds_of(patient, seeds):
    """The seeds of a patient, as the journal names them; the healthy one's false alarms are counted."""
    count = max(seeds, instruments.SEEDS) if patient == "healthy" else seeds
    return map(str, range(min(count, SEEDS_OF_OTHERS) if patient in OTHERS else count))


def main(seeds, stems=()):
    entries, vitals, curves = journal.read(), read(VITALS, COLUMNS), read(CURVES, CURVE_COLUMNS)
    patients = [patient for patient, (stem, *_) in PATIENTS.items() if not stems or stem in stems]
    prints = {patient: fingerprint(patient) for patient in patients}
    todo = [
        (patient, int(seed))
        for patient in patients
        for seed in journal.stale(entries, "vitals", patient, seeds_of(patient, seeds), prints[patient])
    ]
    tasks = [(recipe(patient), patient, seed) for patient, seed in todo]
    for number, (rows, curve_rows) in results(examine, tasks):
        patient, seed = todo[number]
        vitals = put(vitals, rows, VITALS, ["patient", "seed"])
        curves = put(curves, curve_rows, CURVES, ["patient", "seed"])
        entries = journal.enter(entries, "vitals", patient, str(seed), prints[patient])
    for table, path in ((vitals, VITALS), (curves, CURVES)):
        known = [
            ("vitals", patient, str(seed)) in entries.index
            for patient, seed in zip(table.patient, table.seed)
        ]
        table[known].to_csv(path, index=False, float_format="%.6g")  # without rows of runs nobody knows
    medians = vitals.groupby(["patient", "moment", "reading"], sort=False).value.median()
    print(medians.unstack("patient").to_string())


if __name__ == "__main__":
    known = {stem for stem, *_ in PATIENTS.values()}
    if len(sys.argv) < 2 or not sys.argv[1].isdigit() or not set(sys.argv[2:]) <= known:
        sys.exit(f"usage: python tools/vitals.py SEEDS [NOTEBOOK ...]   (20, and some of {', '.join(known)})")
    main(int(sys.argv[1]), sys.argv[2:])
