"""The tests that a learner can order, each at a price: what it shows of a case."""

from typing import NamedTuple

from helpers import instruments
from helpers.figures import confusion_matrices, image_row, layer_bars, one_batch_curves, range_test_curve
from helpers.instruments import HEALTHY
from helpers.verdict import references

import numpy as np

CHART = "chart"


class Examination(NamedTuple):
    """What can be ordered: its price in points, and a function from a case to a text or a Picture.

    Prices: 1 for a look at what lies open and 2 for a count or a measurement on one batch; 3 for
    what fits a model of its own, 4 for what trains the network. The script costs more than half of
    all points: in real life the faulty line hides among hundreds.
    """

    points: int
    measure: callable


def _in_range(name, value):
    reading = HEALTHY[name]
    return f"{value:.3g} ({reading.meaning}; healthy: {reading.range_in_words})"


def _images(patient):
    x, y = patient.some(8)
    return image_row(x, [patient.class_names[label] for label in y])


def _pixels(patient):
    return "\n".join(
        f"{name:10} from {x.min():.4g} to {x.max():.4g}, mean {x.mean():.4g}"
        for name, x in (("training", patient.script["x_train"]), ("validation", patient.script["x_val"]))
    )


def _counts(patient):
    counts = np.bincount(patient.script["y_train"], minlength=len(patient.class_names))
    return "\n".join(f"{name:12} {count:4}" for name, count in zip(patient.class_names, counts))


def _initial_loss(patient):
    loss, guessing = instruments.initial_loss(patient.fresh(), *patient.some(256)), np.log(5)
    return f"before training {loss:.3f}, guessing {guessing:.3f}: " + _in_range(
        "initial_loss / guessing", loss / guessing
    )


def _evaluated(patient):
    lines = []
    for name, part in (("training", "train"), ("validation", "val")):
        x, y = patient.script[f"x_{part}"], patient.script[f"y_{part}"]
        loss, accuracy = patient.model.evaluate(x, y, batch_size=500, verbose=0)
        lines.append(f"{name:10} after the last epoch: loss {loss:.3f}, accuracy {accuracy:.3f}")
    return "\n".join(lines)


def _optimizer(patient):
    optimizer = patient.model.optimizer
    return (
        f"{optimizer.name}, learning rate {float(optimizer.learning_rate):.1e}, "
        f"{int(optimizer.iterations)} updates in {patient.history.params['epochs']} epochs"
    )


def _unmoved(patient):
    model = patient.fresh()
    before = model.get_weights()
    model.fit(*patient.some(256), batch_size=32, verbose=0)
    unmoved = sum(map(np.array_equal, model.get_weights(), before))
    return f"after eight steps {unmoved} of {len(before)} arrays of weights are what they were"


def _confusion(patient):
    x, y = patient.script["x_val"], patient.script["y_val"]
    answers = np.asarray(patient.model(x, training=False)).argmax(axis=1)
    return confusion_matrices(y, {f"case {patient.number}": answers}, patient.class_names)


def _linear(patient):
    parts = (patient.script[name] for name in ("x_train", "y_train", "x_val", "y_val"))
    accuracy = references(*parts)["the linear model"]["val_accuracy"]
    return f"a linear model on the same photographs: val_accuracy {accuracy:.3f}"


def _permuted(patient):
    x, y = patient.script["x_train"], patient.script["y_train"]
    losses = {}
    for name, labels in (("own", y), ("permuted", np.random.default_rng(0).permutation(y))):
        model = patient.fresh()
        model.fit(x, labels, batch_size=32, epochs=2, verbose=0)
        x_val, y_val = patient.script["x_val"], patient.script["y_val"]
        losses[name] = model.evaluate(x_val, y_val, batch_size=500, verbose=0)[0]
    return ", ".join(
        f"val_loss after two epochs on its {name} labels {loss:.3f}" for name, loss in losses.items()
    )


def _numbered(values):
    """The layers by number: names would tell which of them other cases do not have."""
    return {str(i): value for i, value in enumerate(values, 1)}


def _by_layer(label, when, measured, reading=None, log=True):
    return layer_bars({when: _numbered(measured.values())}, label, reading and HEALTHY[reading], log)


def _dead(patient):
    shares = {}
    for when, model in (("before training", patient.fresh()), ("after", patient.model)):
        dead = instruments.dead_units(model, patient.some(512)[0])
        shares[when] = _numbered(units.mean() for units in dead.values())
    return layer_bars(shares, "share of dead units", HEALTHY["dead_units largest share"], log=False)


def _suspects(patient):
    x, y = patient.script["x_train"], patient.script["y_train"]
    ranked = instruments.suspect_labels(x, y)
    print(f"{len(ranked)} of {len(x)}: " + _in_range("suspect labels", len(ranked) / len(x)))
    return image_row(x[ranked[:8]], [f"{patient.class_names[label]}?" for label in y[ranked[:8]]])


def _one_batch(patient):
    losses = instruments.overfit_one_batch(patient.fresh(), *patient.some(20))
    return one_batch_curves({f"case {patient.number}": losses})


def _range_test(patient):
    model = patient.fresh()
    rate = float(model.optimizer.learning_rate)
    x, y = patient.script["x_train"], patient.script["y_train"]
    return range_test_curve(instruments.learning_rate_range_test(model, x, y), {"this case": rate})


def _noise_scale(patient):
    x, y = patient.script["x_train"], patient.script["y_train"]
    scale = instruments.gradient_noise_scale(patient.fresh(), x, y)
    size = min(patient.plan.broken.batch_size, 3200)
    return f"before training {scale:.0f} images, batches of {size}: " + _in_range(
        "batch size / noise scale", size / scale
    )


TESTS = {
    "images": Examination(1, _images),
    "pixel values": Examination(1, _pixels),
    "initial_loss": Examination(1, _initial_loss),
    "evaluate": Examination(1, _evaluated),
    "optimizer": Examination(2, _optimizer),
    "class counts": Examination(2, _counts),
    "weights that move": Examination(2, _unmoved),
    "confusion matrix": Examination(2, _confusion),
    "gradient_norms": Examination(
        2,
        lambda patient: _by_layer(
            "gradient norm",
            "before training",
            instruments.gradient_norms(patient.fresh(), *patient.some(256)),
        ),
    ),
    "dead_units": Examination(2, _dead),
    "update_to_weight_ratios": Examination(
        2,
        lambda patient: _by_layer(
            "update-to-weight ratio",
            "before training",
            instruments.update_to_weight_ratios(patient.fresh(), *patient.some(256)),
            "update_to_weight_ratios median",
        ),
    ),
    "linear_probes": Examination(
        3,
        lambda patient: _by_layer(
            "accuracy of a linear probe",
            "after training",
            instruments.linear_probes(patient.model, *patient.some(1000)),
            log=False,
        ),
    ),
    "effective_ranks": Examination(
        3,
        lambda patient: _by_layer(
            "effective rank",
            "after training",
            instruments.effective_ranks(patient.model, patient.some(512)[0]),
            "effective_ranks lowest",
        ),
    ),
    "linear model": Examination(3, _linear),
    "suspect labels": Examination(3, _suspects),
    "overfit_one_batch": Examination(4, _one_batch),
    "permuted labels": Examination(4, _permuted),
    "learning_rate_range_test": Examination(4, _range_test),
    "gradient_noise_scale": Examination(4, _noise_scale),
    CHART: Examination(60, lambda patient: patient.plan.broken.code()),
}
