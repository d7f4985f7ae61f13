"""The tests that a learner can order, each at a price: what it shows of a case."""

from dataclasses import replace
from typing import NamedTuple

from helpers import instruments
from helpers.clinic.recipe import run
from helpers.data import CLASS_NAMES
from helpers.figures import confusion_matrices, image_row, layer_bars, one_batch_curves, range_test_curve
from helpers.instruments import HEALTHY
from helpers.verdict import references

import numpy as np

CHART = "chart"


class Trained:
    """A network as its script left it, which is what the examinations look at.

    Parameters
    ----------
    recipe : Recipe
    live : callable, name -> the callback that shows progress
    """

    def __init__(self, recipe, live):
        self.recipe = recipe
        self.class_names = [CLASS_NAMES[kind] for kind in recipe.kinds]
        self.data, self.new = recipe.data()
        self.script = run(recipe.code(), self.data, live)
        self.model, self.history = self.script["model"], self.script["history"]

    @property
    def training(self):
        """The training images and their labels, as the network got them."""
        return self.script["x_train"], self.script["y_train"]

    @property
    def validation(self):
        return self.script["x_val"], self.script["y_val"]

    def some(self, count):
        """The first training images and their labels."""
        return tuple(part[:count] for part in self.training)

    def fresh(self):
        """The network before training."""
        return run(self.recipe.network(), self.data)["model"]


class Examination(NamedTuple):
    """What can be ordered: its price in points, and a function of `Trained`: to a text, a Picture or both.

    Prices: 1 for a look at what lies open and 2 for a count or a measurement on one batch; 3 for
    what fits a model of its own, 4 for what trains the network. The script costs more than half of
    all points: in real life the faulty line hides among hundreds.
    """

    points: int
    measure: callable

    def take(self, trained):
        """What it shows, as a tuple; where an instrument has nothing to measure, why."""
        try:
            shown = self.measure(trained)
        except ValueError as error:
            shown = str(error)
        return shown if isinstance(shown, tuple) else (shown,)


def _in_range(name, value):
    reading = HEALTHY[name]
    return f"{value:.3g} ({reading.meaning}; healthy: {reading.range_in_words})"


def _images(trained):
    x, y = trained.some(8)
    return image_row(x, [trained.class_names[label] for label in y])


def _pixels(trained):
    return "\n".join(
        f"{name:10} from {x.min():.4g} to {x.max():.4g}, mean {x.mean():.4g}"
        for name, (x, _) in (("training", trained.training), ("validation", trained.validation))
    )


def _counts(trained):
    counts = np.bincount(trained.training[1], minlength=len(trained.class_names))
    return "\n".join(f"{name:12} {count:4}" for name, count in zip(trained.class_names, counts))


def _initial_loss(trained):
    loss = instruments.initial_loss(trained.fresh(), *trained.some(256))
    guessing = np.log(len(trained.class_names))
    return f"before training {loss:.3f}, guessing {guessing:.3f}: " + _in_range(
        "initial_loss / guessing", loss / guessing
    )


def _evaluated(trained):
    lines = []
    for name, part in (("training", trained.training), ("validation", trained.validation)):
        loss, accuracy = trained.model.evaluate(*part, batch_size=500, verbose=0)
        lines.append(f"{name:10} after the last epoch: loss {loss:.3f}, accuracy {accuracy:.3f}")
    return "\n".join(lines)


def _optimizer(trained):
    optimizer = trained.model.optimizer
    return (
        f"{optimizer.name}, learning rate {float(optimizer.learning_rate):.1e}, "
        f"{int(optimizer.iterations)} updates in {trained.history.params['epochs']} epochs"
    )


def _unmoved(trained):
    model = trained.fresh()
    before = model.get_weights()
    model.fit(*trained.some(256), batch_size=32, verbose=0)
    unmoved = sum(map(np.array_equal, model.get_weights(), before))
    return f"after eight steps {unmoved} of {len(before)} arrays of weights are what they were"


def _confusion(trained):
    x, y = trained.validation
    answers = np.asarray(trained.model(x, training=False)).argmax(axis=1)
    return confusion_matrices(y, {f"case {trained.recipe.seed}": answers}, trained.class_names)


def _linear(trained):
    accuracy = references(*trained.training, *trained.validation)["the linear model"]["val_accuracy"]
    return f"a linear model on the same photographs: val_accuracy {accuracy:.3f}"


def _permuted(trained):
    x, y = trained.training
    losses = {}
    for name, labels in (("own", y), ("permuted", np.random.default_rng(0).permutation(y))):
        model = trained.fresh()
        model.fit(x, labels, batch_size=32, epochs=2, verbose=0)
        losses[name] = model.evaluate(*trained.validation, batch_size=500, verbose=0)[0]
    return ", ".join(
        f"val_loss after two epochs on its {name} labels {loss:.3f}" for name, loss in losses.items()
    )


def _numbered(values):
    """The layers by number: names would tell which of them other cases do not have."""
    return {str(i): value for i, value in enumerate(values, 1)}


def _by_layer(label, when, measured, reading=None, log=True):
    return layer_bars({when: _numbered(measured.values())}, label, reading and HEALTHY[reading], log)


def _dead(trained):
    shares = {}
    for when, model in (("before training", trained.fresh()), ("after", trained.model)):
        dead = instruments.dead_units(model, trained.some(512)[0])
        shares[when] = _numbered(units.mean() for units in dead.values())
    return layer_bars(shares, "share of dead units", HEALTHY["dead_units largest share"], log=False)


def _different(trained):
    """Units with the same weights are one unit: they put out the same and are moved alike."""
    kernels = [layer.kernel.numpy() for layer in trained.model.layers if hasattr(layer, "kernel")]
    rows = [kernel.reshape(-1, kernel.shape[-1]).T for kernel in kernels]
    shares = _numbered(len(np.unique(units, axis=0)) / len(units) for units in rows)
    return layer_bars({"after training": shares}, "share of different units", log=False)


def _suspects(trained):
    x, y = trained.training
    ranked = instruments.suspect_labels(x, y)
    text = f"{len(ranked)} of {len(x)}: " + _in_range("suspect labels", len(ranked) / len(x))
    return text, image_row(x[ranked[:8]], [f"{trained.class_names[label]}?" for label in y[ranked[:8]]])


def _one_batch(trained):
    # not turned and shifted: those would be other images in every step
    model = run(replace(trained.recipe, augmented=False).network(), trained.data)["model"]
    losses = instruments.overfit_one_batch(model, *trained.some(20))
    return one_batch_curves({f"case {trained.recipe.seed}": losses})


def _range_test(trained):
    model = trained.fresh()
    rate = float(model.optimizer.learning_rate)
    x, y = trained.training
    return range_test_curve(instruments.learning_rate_range_test(model, x, y), {"this case": rate})


def _noise_scale(trained):
    x, y = trained.training
    scale = instruments.gradient_noise_scale(trained.fresh(), x, y)
    size = trained.recipe.batch_size
    return f"before training {scale:.0f} images, batches of {size}: " + _in_range(
        "batch size / noise scale", size / scale
    )


def _chart(trained):
    return (
        "x, y, x_val, y_val, review = patient.data  # copies of what the script finds\n\n\n"
        + trained.recipe.code()
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
        lambda trained: _by_layer(
            "gradient norm",
            "before training",
            instruments.gradient_norms(trained.fresh(), *trained.some(256)),
        ),
    ),
    "dead_units": Examination(2, _dead),
    "saturated_units": Examination(
        2,
        lambda trained: _by_layer(
            "share of saturated units",
            "after training",
            instruments.saturated_units(trained.model, trained.some(512)[0]),
            "saturated_units largest share",
            log=False,
        ),
    ),
    "different units": Examination(2, _different),
    "update_to_weight_ratios": Examination(
        2,
        lambda trained: _by_layer(
            "update-to-weight ratio",
            "before training",
            instruments.update_to_weight_ratios(trained.fresh(), *trained.some(256)),
            "update_to_weight_ratios median",
        ),
    ),
    "linear_probes": Examination(
        3,
        lambda trained: _by_layer(
            "accuracy of a linear probe",
            "after training",
            instruments.linear_probes(trained.model, *trained.some(1000)),
            log=False,
        ),
    ),
    "effective_ranks": Examination(
        3,
        lambda trained: _by_layer(
            "effective rank",
            "after training",
            instruments.effective_ranks(trained.model, trained.some(512)[0]),
            "effective_ranks lowest",
        ),
    ),
    "linear model": Examination(3, _linear),
    "suspect labels": Examination(3, _suspects),
    "overfit_one_batch": Examination(4, _one_batch),
    "permuted labels": Examination(4, _permuted),
    "learning_rate_range_test": Examination(4, _range_test),
    "gradient_noise_scale": Examination(4, _noise_scale),
    CHART: Examination(60, _chart),
}
