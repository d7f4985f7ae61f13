"""Measure one thing about a Keras model and a batch; return plain numbers.

Every instrument takes a Keras model with one input and one output, and arrays, and leaves
the model, its optimizer and the random state exactly as it found them, so you can measure
in the middle of training. A model inside the model, such as a pretrained body, is looked
into: its layers are called "body/conv_1". What cannot be measured raises a ValueError that
says why and what to pass instead. Only `suspect_labels` looks at the data alone.

`HEALTHY` holds the healthy range of every reading, where it comes from, and how often a
healthy CNN (Conv 8 - Conv 16 - Dense 10, Adam at 0.003) falls outside it.
"""

import functools
import random
import textwrap
from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from cleanlab.filter import find_label_issues
from keras.src.backend.common.global_state import get_global_attribute, set_global_attribute
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

IGNORED = (keras.layers.InputLayer, keras.layers.Flatten)  # they put out what comes in
NEIGHBORS = 10  # that name an image in `suspect_labels`
SEEDS = 20  # of the healthy CNN, in data/results/vitals.csv
MOMENTS = {"data": "on the data", "before": "before training", "after": "after it"}


class Reading(NamedTuple):
    """A number that tells healthy from ill, and how far to trust it."""

    lowest: float
    highest: float
    moments: tuple  # when it is taken: "data" needs no network, "before" and "after" training
    meaning: str
    source: str
    false_alarms: dict  # moment -> how many of SEEDS healthy CNNs are outside the range

    @property
    def range_in_words(self):
        """Such as "at most 2", for lowest values that nothing can fall below."""
        if self.highest == np.inf:
            return f"at least {self.lowest:g}"
        if self.lowest <= 0:
            return f"at most {self.highest:g}"
        return f"between {self.lowest:g} and {self.highest:g}"

    @property
    def alarms_in_words(self):
        """Such as "0 of 20 before training, 0 of 20 after it"."""
        counts = (f"{count} of {SEEDS} {MOMENTS[moment]}" for moment, count in self.false_alarms.items())
        return ", ".join(counts) or "not counted, the healthy CNN has no such reading"


CS231N = 'CS231n notes, "Neural Networks Part 3"'
CHECKER = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
# names as in the column `reading` of data/results/vitals.csv
HEALTHY = {
    "largest input": Reading(
        0.5, 10, ("data",), "largest absolute value of a pixel or number", "set here", {"data": 0}
    ),
    "distinct images": Reading(
        500, np.inf, ("data",), "number of images, each counted once", "set here", {"data": 0}
    ),
    "rarest class / mean class": Reading(
        0.5, 1, ("data",), "size of the rarest class, by that of the mean class", "set here", {"data": 0}
    ),
    "suspect labels": Reading(
        0, 0.25, ("data",), "share of the labels that similar images contradict",
        'Northcutt, Jiang and Chuang, "Confident Learning" (2021), section 3; the neighbors and the '
        "level were chosen here", {"data": 0},
    ),
    "initial_loss / guessing": Reading(
        0, 2, ("before",), "first loss, by that of guessing (ln K for K classes)",
        f"{CS231N}, sanity checks; the level was set here", {"before": 0},
    ),
    "gradient_norms first/last": Reading(
        1e-3, 70, ("before",), "gradient norm of the first layer, by that of the last",
        "AUTOTRAINER (Zhang et al., ICSE 2021), section 3, vanishing and exploding gradient", {"before": 0},
    ),
    "dead_units largest share": Reading(
        0, 0.5, ("before", "after"), "share of dead units, in the layer with most",
        "Amazon SageMaker Debugger, DeadRelu rule (layer alarm at 50 %)", {"before": 0, "after": 0},
    ),
    "saturated_units largest share": Reading(
        0, 0.6, ("before", "after"), "share of outputs on the flat ends, in the layer with most",
        'Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" '
        "(2010), section 3, which watches activations saturate; the measure and the level were set here",
        {},
    ),
    "update_to_weight_ratios median": Reading(
        1e-4, 0.1, ("before", "after"), "update of a kernel, by the kernel's size, median of the layers",
        f"{CS231N}, ratio of weights:updates (near 1e-3); the band is that of {CHECKER}",
        {"before": 0, "after": 0},
    ),
    "overfit_one_batch last loss": Reading(
        0, 0.1, ("before",), "loss of twenty images after 200 steps on them",
        f"{CS231N}, sanity checks (20 examples); the number of steps is that of {CHECKER}, the level was "
        "fitted here", {"before": 0},
    ),
    "rate / suggested": Reading(
        0.1, 10, ("before",), "learning rate in use, by the one that the range test suggests",
        'Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3; the band was '
        "set here", {"before": 0},
    ),
    "batch size / noise scale": Reading(
        0, 4, ("before",), "batch size in use, by the gradient noise scale",
        'McCandlish, Kaplan, Amodei et al., "An Empirical Model of Large-Batch Training" (2018), section '
        "2.2 and appendix A.1; the level was fitted here", {"before": 0},
    ),
    "effective_ranks lowest": Reading(
        3, np.inf, ("before", "after"), "effective rank, in the layer with the lowest, for ten classes",
        'Roy and Vetterli, "The effective rank: a measure of effective dimensionality" '
        "(2007), section 2; the level was fitted here", {"before": 0, "after": 0},
    ),
    "linear_probes largest drop": Reading(
        -1, 0.15, ("before", "after"), "largest fall of a probe's score from one layer to the next",
        'Alain and Bengio, "Understanding intermediate layers using linear classifier probes" (2016), '
        "section 3; the level was fitted here", {"before": 0, "after": 0},
    ),
    "accuracy - val_accuracy": Reading(
        -1, 0.1, ("after",), "gap between training and validation accuracy", "set here", {"after": 0}
    ),
    "val_loss last / best": Reading(
        0, 1.15, ("after",), "last validation loss, by the lowest on the way", "set here", {"after": 0}
    ),
    "recall lowest": Reading(
        0.2, 1, ("after",), "recall of the class that is found least often", "set here", {"after": 0}
    ),
    "loss / guessing": Reading(
        0, 0.3, ("after",), "training loss at the end, by that of guessing", "set here", {"after": 0}
    ),
}  # fmt: skip


def _reads(name):
    """Fill in what `HEALTHY` says about a reading, where the instrument's docstring has {healthy}."""
    reading = HEALTHY[name]
    when = " and ".join(MOMENTS[moment] for moment in reading.moments)
    told = (
        f'Healthy: "{name}" {reading.range_in_words}, {when}; it is the {reading.meaning}.',
        f"Source: {reading.source}.",
        f"False alarms: {reading.alarms_in_words}.",
    )
    text = "\n    ".join(line for part in told for line in textwrap.wrap(part, 92))

    def fill(instrument):
        if instrument.__doc__:  # python -OO drops it
            instrument.__doc__ = instrument.__doc__.replace("{healthy}", text)
        return instrument

    return fill


@_reads("initial_loss / guessing")
def initial_loss(model, x, y):
    """Loss of the model on one batch, before or without training.

    With K balanced classes and a softmax output, an untrained model spreads its bets
    and its cross-entropy is near ln K, 2.303 for ten classes.

    {healthy}

    Far above it: the inputs are not scaled.

    Parameters
    ----------
    model : keras.Model, compiled, with one input and one output
    x : array or list, shape (n, ...), finite numbers
    y : array or list, as the loss takes it: class numbers, shape (n,) or (n, 1), for
        sparse_categorical_crossentropy; otherwise shape (n, outputs), or (n,) for one output

    Returns
    -------
    float, the mean loss over the batch, regularization terms included

    Raises
    ------
    ValueError
        The model is not built or compiled, has several inputs or outputs, or its weights hold
        NaN; the batch is empty, no numbers, not finite, does not fit the model's input or has
        labels that the loss cannot take; or the loss is not finite.
    """
    x, y = _checked_batch(model, x, y)
    with _unchanged(model):
        return _finite_loss(_loss(model, x, y, training=False))


@_reads("gradient_norms first/last")
def gradient_norms(model, x, y):
    """Euclidean norm of the loss's gradient with respect to each layer's weights.

    {healthy}

    Below it the gradient vanishes on its way down, above it explodes; exactly 0 everywhere
    means that nothing is learning at all.

    Parameters and errors as in `initial_loss`; a model without trainable weights is refused.

    Returns
    -------
    dict, layer name -> float, for layers with trainable weights, in the order of the model
    """
    x, y = _checked_batch(model, x, y, trains=True)
    with _unchanged(model):
        gradients = dict(zip(map(id, model.trainable_variables), _gradients(model, x, y)))
    norms = {
        name: float(np.sqrt(sum(np.sum(np.square(gradients[id(weight)])) for weight in weights)))
        for name, layer in _layers(model).items()
        if (weights := layer.trainable_variables)
    }
    for name, norm in norms.items():
        if not np.isfinite(norm):
            raise ValueError(
                f"the gradient of layer {name} is {norm}, though the loss is finite: it overflows on its "
                "way back; scale the inputs or compile with clipnorm"
            )
    return norms


@_reads("update_to_weight_ratios median")
def update_to_weight_ratios(model, x, y):
    """How far one optimizer step on this batch moves each layer's kernel, relative to its size.

    ||kernel after - kernel before|| / ||kernel before||, biases left out.

    {healthy}

    Below: the learning rate is too low. Above: each step overwrites what was learned.

    Parameters and errors as in `gradient_norms`; a model all of whose kernels are frozen or 0
    is refused.

    Returns
    -------
    dict, layer name -> float, for layers with a trainable kernel; a kernel of zeros has no
    size to compare a step with, and its layer is left out
    """
    x, y = _checked_batch(model, x, y, trains=True)
    kernels = {name: kernel for name, layer in _layers(model).items() if (kernel := _kernels(layer))}
    before = {name: _flat(kernel) for name, kernel in kernels.items()}
    with _unchanged(model, trains=True):
        # what a loss scale multiplies the optimizer divides again; without one it is 1
        scale = model.optimizer.scale_loss(1.0)
        gradients = [gradient * scale for gradient in _gradients(model, x, y)]
        model.optimizer.apply(gradients, model.trainable_variables)
        after = {name: _flat(kernel) for name, kernel in kernels.items()}
    sizes = {name: size for name in kernels if (size := np.linalg.norm(before[name]))}
    if not sizes:
        raise ValueError("model has no trainable kernel other than 0, so no size to compare a step with")
    return {name: float(np.linalg.norm(after[name] - before[name]) / size) for name, size in sizes.items()}


@_reads("dead_units largest share")
def dead_units(model, x):
    """Which hidden units put out exactly 0 for every image and at every position of `x`.

    A ReLU unit that never fires on the training data gets no gradient and cannot come
    back. A unit of a convolution is one channel. LeakyReLU and ELU never put out exactly 0.

    {healthy}

    Pass at least 256 images: a unit may simply have nothing to say about a few.

    Parameters
    ----------
    model : keras.Model, Sequential or functional, with one input and one output
    x : array or list, shape (n, ...)

    Returns
    -------
    dict, layer name -> bool array, shape (units,), for each hidden layer with an activation

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden layer with an activation; one that is
        called as a function, such as keras.ops.relu(x), is no layer.
    """
    x = _checked_images(model, x)
    hidden = {name: layer for name, layer in _hidden(model).items() if _has_activation(layer)}
    if not hidden:
        raise ValueError(
            "model has no hidden layer with an activation, so it has no units that could die; a function "
            "such as keras.ops.relu(x) is seen only as a layer, layers.ReLU()(x)"
        )
    return {
        name: np.all(output == 0, axis=tuple(range(output.ndim - 1)))
        for name, output in _outputs(model, hidden, x).items()
    }


@_reads("saturated_units largest share")
def saturated_units(model, x):
    """Share of each sigmoid or tanh layer's outputs that lie on the flat ends of the curve.

    Flat means that the slope is less than a tenth of its largest value: a sigmoid below
    0.026 or above 0.974, a tanh beyond 0.949 in size.

    {healthy}

    A low share does not clear a stack of sigmoids: its gradient vanishes without a single
    saturated unit; see `gradient_norms`.

    Parameters
    ----------
    model : keras.Model, Sequential or functional, with one input and one output
    x : array or list, shape (n, ...)

    Returns
    -------
    dict, layer name -> float, for each hidden layer with a sigmoid or tanh

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden sigmoid or tanh layer.
    """
    x = _checked_images(model, x)
    slopes = {
        keras.activations.sigmoid: lambda a: 4 * a * (1 - a),
        keras.activations.tanh: lambda a: 1 - a * a,
    }
    curves = {name: slopes.get(getattr(layer, "activation", None)) for name, layer in _hidden(model).items()}
    hidden = {name: layer for name, layer in _hidden(model).items() if curves[name]}
    if not hidden:
        raise ValueError("model has no hidden layer with a sigmoid or tanh, so none that could saturate")
    return {
        name: float(np.mean(curves[name](output) < 0.1))
        for name, output in _outputs(model, hidden, x).items()
    }


@_reads("overfit_one_batch last loss")
def overfit_one_batch(model, x, y, steps=200):
    """Train on this one batch again and again; the loss of every step.

    A network that cannot learn twenty images by heart lacks capacity, or training is broken. One
    that can may still be too small for all images (notebook 01).

    {healthy}

    Above it while `update_to_weight_ratios` is healthy: capacity, a bottleneck or a bug. Above
    it with tiny ratios: the learning rate.

    Parameters
    ----------
    model : keras.Model, compiled
    x : array or list, shape (n, ...), about 20 images
    y : array or list, as in `initial_loss`
    steps : int

    Returns
    -------
    array, shape (steps,), the loss before each step; NaN from where training diverges

    Raises
    ------
    ValueError
        As in `gradient_norms`.
    """
    x, y = _checked_batch(model, x, y, trains=True)
    with _unchanged(model, trains=True):
        losses = [_train_one_step(model, x, y) for _ in range(steps)]
    _finite_loss(losses[0])
    return np.array(losses, dtype=float)


@_reads("effective_ranks lowest")
def effective_ranks(model, x):
    """How many directions the outputs of each hidden layer really use.

    exp(entropy of the singular values, normalized to a sum of 1) of the outputs, one row
    per image, mean subtracted: between 1 (all images on one line) and min(n, outputs).

    {healthy}

    Compare neighbors: what falls from one layer to the next was squeezed out there.

    Parameters
    ----------
    model : keras.Model, Sequential or functional, with one input and one output
    x : array or list, shape (n, ...), about 512 images

    Returns
    -------
    dict, layer name -> float, for each hidden layer but Flatten; 0 where all images agree

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden layer.
    """
    x = _checked_images(model, x)
    ranks = {}
    for name, output in _outputs(model, _measured(model), x).items():
        rows = output.reshape(len(x), -1)
        values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
        share = values / max(values.sum(), np.finfo(values.dtype).tiny)
        share = share[share > 0]
        ranks[name] = float(np.exp(-np.sum(share * np.log(share)))) if len(share) else 0.0
    return ranks


@_reads("linear_probes largest drop")
def linear_probes(model, x, y):
    """How well a linear model can read y off the output of each hidden layer.

    The first half of the images fits a ridge model, its strength chosen by leaving one out;
    the second half scores it. For classes the score is the accuracy; for real-valued y, such as
    positions, it is R squared, the share of the variance that is explained.

    {healthy}

    Where the score falls, information was lost, or was put out of a linear model's reach: if
    it stays low in the layers behind, it was lost.

    Parameters
    ----------
    model : keras.Model, Sequential or functional, with one input and one output
    x : array or list, shape (n, ...), about 1,000 images in random order
    y : classes: int array, shape (n,) or (n, 1), or one-hot rows, shape (n, classes); anything
        else, shape (n,) or (n, targets), is read as real-valued. Whole floats are classes if
        the model is compiled with a cross-entropy.

    Returns
    -------
    dict, layer name -> float, for "input" and each hidden layer but Flatten

    Raises
    ------
    ValueError
        As in `initial_loss`, the model has no hidden layer, there are fewer than four images,
        or only one class in the first half.
    """
    x = _checked_images(model, x)
    y = _labels(x, y)
    if len(x) < 4:
        raise ValueError(f"x has {len(x)} images: probes need some to fit and some to score, at least 4")
    if y.ndim > 2:
        raise ValueError(f"y has shape {y.shape}: probes read one class or one row of numbers per image")
    classes = _class_numbers(y, floats=model.compiled and "crossentropy" in _loss_name(model))
    if classes is not None and len(np.unique(classes[: len(x) // 2])) < 2:
        raise ValueError("the first half of y holds a single class: pass more images, in random order")
    outputs = {"input": x} | _outputs(model, _measured(model), x)
    kind, y = (RidgeCV, y) if classes is None else (RidgeClassifierCV, classes)
    probe = kind(alphas=(1, 10, 100, 1000))
    half = len(x) // 2
    scores = {}
    for name, output in outputs.items():
        rows = output.reshape(len(x), -1)
        rows = rows - rows[:half].mean(axis=0)
        # one scale for all: scaled by itself, a pixel that is hardly ever on would decide
        rows = rows / (rows[:half].std() or 1)
        scores[name] = float(probe.fit(rows[:half], y[:half]).score(rows[half:], y[half:]))
    return scores


@_reads("batch size / noise scale")
def gradient_noise_scale(model, x, y, batch_size=32):
    """Batch size at which the noise in a batch's gradient is as large as the gradient itself.

    tr(Sigma) / |G|^2, with the gradient G over all images and the covariance Sigma of the
    gradients of single images, both estimated without bias from batches of `batch_size`.
    Far below it, twice the batch makes a step almost twice as good; far above it, hardly better.

    {healthy}

    While a network learns the number moves, by up to a factor of ten either way.

    Parameters
    ----------
    model : keras.Model, compiled
    x : array or list, shape (n, ...), some thousand images, at least two batches
    y : array or list, as in `initial_loss`
    batch_size : int, of the batches that are compared with all images together

    Returns
    -------
    float, a number of images; infinity where the gradient is lost in its noise

    Raises
    ------
    ValueError
        As in `gradient_norms`, or x holds fewer than two batches.
    """
    x, y = _checked_batch(model, x, y, trains=True)
    count = len(x) // batch_size
    if count < 2:
        raise ValueError(
            f"x has {len(x)} images: two batches of {batch_size} are needed; "
            + (f"pass more, or batch_size={len(x) // 2}" if len(x) > 1 else "pass more")
        )
    order = np.random.default_rng(0).permutation(len(x))[: count * batch_size]
    total, small = 0.0, 0.0
    with _unchanged(model):
        for batch in np.split(order, count):
            gradient = np.concatenate([np.ravel(part) for part in _gradients(model, x[batch], y[batch])])
            total = total + gradient
            small += float(gradient @ gradient) / count
    large = float(total @ total) / count**2  # all batches weigh the same: the mean is that of all images
    if not np.isfinite(small):
        raise ValueError("the gradient of a batch is not finite: `gradient_norms` tells in which layer")
    noise = (small - large) / (1 / batch_size - 1 / len(order))
    signal = (count * large - small) / (count - 1)
    return noise / signal if signal > 0 else float("inf")


@_reads("suspect labels")
def suspect_labels(x, y):
    """Images whose label differs from what similar images are called, without any network.

    Each image is named by its ten nearest neighbors among two thirds of the others (three
    folds), and confident learning picks the labels that disagree too much.

    {healthy}

    It presumes that images of one class look alike. Classes that neighbors cannot read, such
    as turned items, raise it without a single wrong label.

    Parameters
    ----------
    x : array or list, shape (n, ...), about 2,000 images
    y : classes: whole numbers, shape (n,) or (n, 1), or one-hot rows, shape (n, classes)

    Returns
    -------
    int array, shape (suspects,), rows of `x`, the most suspicious first; an image that is
    alone in its class cannot be judged, and is never among them

    Raises
    ------
    ValueError
        x or y is empty, no numbers or not finite, y is not one class per image, or there are
        too few images or classes.
    """
    x = _images(x)
    y = _class_numbers(_labels(x, y), floats=True)
    if y is None:
        raise ValueError("y is not one class per image: pass class numbers, shape (n,), or one-hot rows")
    _, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    (rows,) = np.nonzero(counts[y] > 1)
    names, y, counts = np.unique(y[rows], return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"y has {len(names)} classes of two or more images: at least two are needed")
    folds = min(3, counts.min())
    if len(rows) - -(-len(rows) // folds) < NEIGHBORS:
        raise ValueError(
            f"x has {len(rows)} images to compare: naming one by {NEIGHBORS} neighbors among the others "
            f"needs at least {NEIGHBORS * folds // (folds - 1)}"
        )
    votes = cross_val_predict(
        KNeighborsClassifier(NEIGHBORS), x[rows].reshape(len(rows), -1), y, cv=folds, method="predict_proba"
    )
    return rows[find_label_issues(y, votes, return_indices_ranked_by="self_confidence", n_jobs=1)]


class RangeTest(NamedTuple):
    """What `learning_rate_range_test` saw; arrays of shape (steps taken,)."""

    learning_rates: np.ndarray
    losses: np.ndarray
    suggested: float


class RateSweep(NamedTuple):
    """What `learning_rate_sweep` saw; arrays of shape (number of rates,)."""

    learning_rates: np.ndarray
    losses: np.ndarray
    val_losses: np.ndarray


@_reads("rate / suggested")
def learning_rate_range_test(model, x, y, lowest=1e-6, highest=10.0, steps=120, batch_size=64):
    """Train for a few steps while the learning rate grows exponentially; record the loss.

    The suggestion is a tenth of the rate at which the smoothed loss was lowest, the rule of
    the fastai library. Smith (2017, section 3.3), who invented the test, lets the rate grow
    linearly and reads the accuracy. The point of steepest descent, which is often advised,
    gave rates too high to train with here. Ask an untrained network: one that has learned
    can only get worse, and its answer says nothing.

    {healthy}

    Parameters
    ----------
    model : keras.Model, compiled; a learning rate schedule is set aside during the test
    x, y : arrays or lists, the training data, as in `initial_loss`
    lowest, highest : float, the rates of the first and the last step
    steps : int, number of batches; fewer are used once the loss is four times its best
    batch_size : int, at most all images

    Returns
    -------
    RangeTest

    Raises
    ------
    ValueError
        As in `gradient_norms`.
    """
    x, y = _checked_batch(model, x, y, trains=True)
    rates = np.geomspace(lowest, highest, steps)
    shuffled = np.random.default_rng(0).permutation(len(x))
    smoothed, losses = [], []
    with _unchanged(model, trains=True), _settable_rate(model) as learning_rate:
        for rate, batch in zip(rates, np.resize(shuffled, (steps, min(batch_size, len(x))))):
            learning_rate.assign(rate)
            losses.append(_train_one_step(model, x[batch], y[batch]))
            _finite_loss(losses[0])
            smoothed.append(losses[0] if len(losses) == 1 else 0.8 * smoothed[-1] + 0.2 * losses[-1])
            if not losses[-1] < 4 * min(losses):
                break
    best = rates[: len(losses)][np.nanargmin(smoothed)]
    return RangeTest(rates[: len(losses)], np.array(losses, dtype=float), float(best / 10))


def learning_rate_sweep(model, x, y, x_val, y_val, learning_rates, epochs=2, batch_size=64):
    """Train for a few epochs at each of several learning rates, from the same weights; record the end.

    Weights, optimizer, random state and order of the batches are the same for every rate. Batches
    that are not full are left out.

    Parameters
    ----------
    model : keras.Model, compiled; a learning rate schedule is set aside
    x, y, x_val, y_val : arrays or lists, training and validation data, as in `initial_loss`
    learning_rates : list of float
    epochs : int
    batch_size : int, at most all images

    Returns
    -------
    RateSweep
        Loss of all training and validation data after the last epoch; NaN where it overflowed.

    Raises
    ------
    ValueError
        As in `gradient_norms`.
    """
    data = _checked_batch(model, x, y, trains=True), _checked_batch(model, x_val, y_val)
    (x, y), size = data[0], min(batch_size, len(x))
    initial_loss(model, x[:size], y[:size])  # raises where nothing can be measured
    ends = []
    with _settable_rate(model) as learning_rate:
        for rate in learning_rates:
            with _unchanged(model, trains=True):
                learning_rate.assign(rate)
                order = np.random.default_rng(0)
                for _ in range(epochs):
                    whole = order.permutation(len(x))[: len(x) // size * size]
                    for batch in whole.reshape(-1, size):
                        model.train_on_batch(x[batch], y[batch])
                seen = (model.evaluate(*each, batch_size=500, verbose=0, return_dict=True) for each in data)
                ends.append([end["loss"] for end in seen])
    return RateSweep(np.array(learning_rates, float), *np.array(ends, float).T)


def _loss(model, x, y, training):
    """As fit computes it, regularization terms included."""
    return model.compute_loss(x, y, model(x, training=training))


def _finite_loss(loss):
    loss = float(loss)
    if not np.isfinite(loss):
        raise ValueError(
            f"the loss of this batch is {loss}, though images and weights are finite: numbers overflow on "
            "their way through the model, or the loss takes other labels; scale the inputs, check y"
        )
    return loss


def _gradients(model, x, y):
    """One array per trainable variable; zeros where the loss does not depend on it."""
    with tf.GradientTape() as tape:
        loss = _loss(model, x, y, training=True)
    _finite_loss(loss)
    variables = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return [tf.convert_to_tensor(gradient) for gradient in gradients]  # an Embedding's is sparse


def _train_one_step(model, x, y):
    """Loss of the batch before the step; without the reset Keras returns a mean over all steps."""
    model.reset_metrics()
    return model.train_on_batch(x, y, return_dict=True)["loss"]


@contextmanager
def _unchanged(model, trains=False):
    """Put back weights, batch statistics, optimizer slots, metrics and random state at the end."""
    variables = [*model.variables, *model.metrics_variables]
    if model.compiled:
        if trains and not model.optimizer.built:  # a loss scale would build itself again
            model.optimizer.build(model.trainable_variables)
        variables += model.optimizer.variables
    keras_random = get_global_attribute("global_seed_generator")
    if keras_random:
        variables.append(keras_random.state)
    values = [variable.numpy() for variable in variables]
    python_random, numpy_random = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        model.reset_metrics()  # those that were first built here
        for variable, value in zip(variables, values):
            variable.assign(value)
        set_global_attribute("global_seed_generator", keras_random)
        random.setstate(python_random)
        np.random.set_state(numpy_random)  # noqa: NPY002


@contextmanager
def _settable_rate(model):
    """The variable of the learning rate; where a schedule decides, one that stands in for it."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # of a loss scale
    schedule, train_function = optimizer._learning_rate, model.train_function
    if isinstance(schedule, keras.Variable):
        yield schedule
        return
    rate = keras.Variable(0.0, trainable=False)
    # Keras lets no number replace a schedule, but a function may
    optimizer.learning_rate = lambda: rate
    model.train_function = None  # it may have been traced with the schedule
    try:
        yield rate
    finally:
        optimizer.learning_rate, model.train_function = schedule, train_function


def _layers(model, prefix=""):
    """Layers by name, in the order of the model; of a model inside it as "body/conv_1"."""
    layers = {}
    for layer in model.layers:
        name = prefix + layer.name
        layers |= _layers(layer, f"{name}/") if isinstance(layer, keras.Model) else {name: layer}
    return layers


def _hidden(model):
    """All layers but the last: dict, name -> layer."""
    return dict(list(_layers(model).items())[:-1])


def _measured(model):
    """Hidden layers that put out something else than what comes in: dict, name -> layer."""
    hidden = {name: layer for name, layer in _hidden(model).items() if not isinstance(layer, IGNORED)}
    if not hidden:
        raise ValueError("model has no hidden layer whose output could be measured")
    return hidden


def _outputs(model, layers, x):
    """What these layers put out for x in inference: dict, layer name -> array, shape (n, ...)."""
    outputs = {}

    def record(name, call, *args, **kwargs):
        output = call(*args, **kwargs)
        outputs[name] = np.asarray(keras.tree.flatten(output)[0])
        return output

    with _unchanged(model):
        try:
            for name, layer in layers.items():
                # past Keras's own bookkeeping of attributes
                vars(layer)["call"] = functools.partial(record, name, layer.call)
            model(x, training=False)
        finally:
            for layer in layers.values():
                vars(layer).pop("call", None)
    for name in outputs:
        if not np.isfinite(outputs[name]).all():
            raise ValueError(
                f"layer {name} puts out NaN or infinity, though images and weights are finite: numbers "
                "overflow there; scale the inputs"
            )
    return {name: outputs[name] for name in layers if name in outputs}


def _kernels(layer):
    return [weight for weight in layer.trainable_variables if weight.name.endswith("kernel")]


def _flat(variables):
    return np.concatenate([variable.numpy().ravel() for variable in variables])


def _has_activation(layer):
    activations = (keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)
    linear = getattr(layer, "activation", keras.activations.linear) is keras.activations.linear
    return isinstance(layer, activations) or not linear


def _checked_images(model, x):
    """x as an array; refuse, with the remedy, whatever would make a measurement meaningless."""
    _check_model(model)
    x = _images(x, model.inputs[0].shape)
    _check_weights(model)
    _try(model, x)
    return x


def _checked_batch(model, x, y, trains=False):
    """x and y as arrays, checked as in `_checked_images`, for a model with a loss."""
    _check_model(model)
    if not model.compiled:
        raise ValueError("model is not compiled: call model.compile(optimizer, loss) first")
    if trains and not model.trainable_variables:
        raise ValueError("model has no trainable weights: set trainable = True on a layer, compile again")
    x = _images(x, model.inputs[0].shape)
    y = _labels(x, y)
    _check_labels(model, y)
    _check_weights(model)
    _try(model, x, y)
    return x, y


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise ValueError(f"model is a {type(model).__name__}: pass a keras.Model (Keras 3)")
    if not model.built or not getattr(model, "inputs", None):
        raise ValueError(
            "model is not built: give a Sequential model a keras.Input as its first layer, "
            "or use the functional API"
        )
    for ends, name in ((model.inputs, "inputs"), (model.outputs, "outputs")):
        if len(ends) > 1:
            raise ValueError(
                f"model has {len(ends)} {name}: pass one with one input and one output, for example "
                "keras.Model(model.inputs[0], model.outputs[0]), compiled"
            )


def _check_weights(model):
    for name, layer in _layers(model).items():
        if not all(np.isfinite(weight.numpy()).all() for weight in layer.weights):
            raise ValueError(
                f"the weights of layer {name} hold NaN or infinity: training has diverged; build the model "
                "anew, and lower the learning rate or scale the inputs"
            )


def _numbers(name, values):
    """An array of numbers, or a clear refusal."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(f"{name} is a {type(values).__name__} that makes no array: {error}") from error
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise ValueError(
            f"{name} is {type(values).__name__} of dtype {array.dtype}, shape {array.shape}: "
            "pass an array of numbers, one row per image"
        )
    return array


def _images(x, shape=None):
    """Finite images as an array; `shape` is that of the model's input, None where anything goes."""
    x = _numbers("x", x)
    if len(x) == 0:
        raise ValueError("x is empty: pass at least one image")
    if shape and not _fits(x.shape[1:], shape[1:]):
        raise ValueError(
            f"x has images of shape {x.shape[1:]}, but model takes {tuple(shape[1:])}; "
            "a missing channel axis is added with x[..., None]"
        )
    spoiled = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
    if spoiled.any():
        what = "NaN" if np.isnan(x).any() else "infinity"
        raise ValueError(f"x holds {what} in {spoiled.sum()} of {len(x)} images: remove or repair them first")
    return x


def _labels(x, y):
    """One finite label, or row of them, per image."""
    y = _numbers("y", y)
    if len(y) != len(x):
        raise ValueError(f"y has {len(y)} labels for {len(x)} images: pass one label per image")
    if not np.isfinite(y).all():
        what = "NaN" if np.isnan(y).any() else "infinity"
        raise ValueError(f"y holds {what}: remove those images and their labels first")
    return y


def _class_numbers(y, floats):
    """Class numbers, shape (n,), from such numbers or one-hot rows; None if y is neither."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    whole = y.dtype.kind != "f" or (floats and (y == np.floor(y)).all())
    return y.astype(y.dtype if y.dtype.kind in "iu" else int) if y.ndim == 1 and whole else None


def _loss_name(model):
    """Name of the loss function, such as "mean_squared_error"; "" where Keras chooses or there is none."""
    losses = keras.tree.flatten(model.loss)
    if len(losses) != 1 or str(losses[0]).lower() in ("crossentropy", "ce"):
        return ""
    loss = keras.losses.get(losses[0])
    return getattr(getattr(loss, "fn", loss), "__name__", "")


# losses that compare each output with a label of its own, between 0 and 1 or anything
SHARES = (
    "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_crossentropy", "categorical_focal_crossentropy",
)  # fmt: skip
VALUES = (
    "mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error", "huber", "log_cosh", "kl_divergence", "poisson",
)  # fmt: skip


def _check_labels(model, y):
    """Whether y is what the loss takes; of a loss function of one's own nothing is known."""
    name, outputs = _loss_name(model), tuple(model.outputs[0].shape)
    classes = outputs[-1]
    if name == "sparse_categorical_crossentropy":
        if not (_fits(y.shape, outputs[:-1]) or _fits(y.shape, (*outputs[:-1], 1))):
            raise ValueError(
                f"y has shape {y.shape}, but {name} takes class numbers, shape (n,): pass "
                "y.argmax(axis=-1), or compile with categorical_crossentropy"
            )
        if not (y.min() >= 0 and y.max() < classes and (y == np.floor(y)).all()):
            raise ValueError(
                f"y has labels from {y.min()} to {y.max()}, but model has {classes} outputs: "
                f"labels must run from 0 to {classes - 1}, whole numbers"
                + ("; one output takes binary_crossentropy" if classes == 1 else "")
            )
    elif name in SHARES + VALUES:
        if not (_fits(y.shape, outputs) or (classes == 1 and _fits(y.shape, outputs[:-1]))):
            remedy = (
                "keras.utils.to_categorical(y), or compile with sparse_categorical_crossentropy"
                if name in SHARES
                else "one number per output"
            )
            raise ValueError(
                f"y has shape {y.shape}, but model puts out shape {('n', *outputs[1:])} and {name} compares "
                f"one by one: pass {remedy}"
            )
        if name in SHARES and not (y.min() >= 0 and y.max() <= 1):
            raise ValueError(
                f"y has labels from {y.min()} to {y.max()}, but {name} takes numbers from 0 to 1"
            )


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(w in (None, s) for s, w in zip(shape, wanted))


def _try(model, x, y=None):
    """Run two images through the model, and its loss, to fail early and in plain words."""
    with _unchanged(model):
        try:
            outputs = model(x[:2], training=False)
            loss = 0.0 if y is None else model.compute_loss(x[:2], y[:2], outputs)
        except Exception as error:  # whatever a layer or loss of one's own may raise
            labels = "" if y is None else f" and y of shape {y.shape}"
            raise ValueError(
                f"model cannot compute with x of shape {x.shape}{labels}: {str(error).strip()}"
            ) from error
    if np.ndim(loss):
        raise ValueError(
            f"the loss of two images has shape {np.shape(loss)}: compile with a loss that is one number, "
            'reduction="sum_over_batch_size"'
        )
