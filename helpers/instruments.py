"""Measure one thing about a Keras model and a batch; return plain numbers.

Every instrument takes a compiled Keras model and NumPy arrays, and leaves the model and
its optimizer exactly as it found them, so you can measure in the middle of training.
Only `suspect_labels` looks at the data alone.

`False alarms` in a docstring counts how often a healthy CNN (Conv 8 - Conv 16 - Dense 10,
Adam at 0.003, 20 seeds, data/vitals.csv) falls outside the healthy range given there.
"""

from contextlib import contextmanager
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from cleanlab.filter import find_label_issues
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

IGNORED = (keras.layers.InputLayer, keras.layers.Flatten)  # they put out what comes in


def initial_loss(model, x, y):
    """Loss of the model on one batch, before or without training.

    With K balanced classes and a softmax output, an untrained model spreads its bets
    and its cross-entropy is near ln K, 2.303 for ten classes.

    Healthy: below 2 ln K before training. Far above it: the inputs are not scaled.
    Source: CS231n notes, "Neural Networks Part 3", sanity checks.
    False alarms: 0 of 20 (before training).

    Parameters
    ----------
    model : keras.Model, compiled
    x : array, shape (n, ...)
    y : array, shape (n,) or (n, outputs)

    Returns
    -------
    float, the mean loss over the batch, regularization terms included

    Raises
    ------
    ValueError
        The model is not built or compiled, or the batch is empty, holds NaN, does not fit
        the model's input or has labels the model cannot predict.
    """
    _check(model, x, y)
    return float(model.compute_loss(x, y, model(x, training=False)))


def gradient_norms(model, x, y):
    """Euclidean norm of the loss's gradient with respect to each layer's weights.

    Healthy: first layer / last layer between 1e-3 and 70 before training. Below it the
    gradient vanishes on its way down, above it explodes; exactly 0 everywhere means that
    nothing is learning at all.
    Source: AUTOTRAINER (Zhang et al., ICSE 2021), section 3, vanishing and exploding gradient.
    False alarms: 0 of 20 (before training).

    Parameters and errors as in `initial_loss`.

    Returns
    -------
    dict, layer name -> float, for layers with trainable weights, in the order of the model
    """
    _check(model, x, y)
    with _unchanged(model):
        gradients = iter(_gradients(model, x, y))
    return {
        layer.name: float(np.sqrt(sum(np.sum(np.square(next(gradients))) for _ in weights)))
        for layer in model.layers
        if (weights := layer.trainable_variables)
    }


def update_to_weight_ratios(model, x, y):
    """How far one optimizer step on this batch moves each layer's kernel, relative to its size.

    ||kernel after - kernel before|| / ||kernel before||, biases left out.

    Healthy: median over the layers between 1e-4 and 1e-1, at any time while training is
    under way. Below: the learning rate is too low. Above: each step overwrites what was learned.
    Source: CS231n notes, "Neural Networks Part 3", ratio of weights:updates (near 1e-3);
    the band is TheDeepChecker's (Ben Braiek and Khomh, 2023).
    False alarms: 0 of 20 before training, 0 of 20 after it.

    Parameters and errors as in `initial_loss`.

    Returns
    -------
    dict, layer name -> float, for layers with a trainable kernel
    """
    _check(model, x, y)
    kernels = {layer.name: layer.kernel for layer in model.layers if _has_kernel(layer)}
    before = {name: kernel.numpy() for name, kernel in kernels.items()}
    with _unchanged(model):
        model.optimizer.apply(_gradients(model, x, y), model.trainable_variables)
        after = {name: kernel.numpy() for name, kernel in kernels.items()}
    return {
        name: float(np.linalg.norm(after[name] - before[name]) / np.linalg.norm(before[name]))
        for name in kernels
    }


def dead_units(model, x):
    """Which hidden units put out exactly 0 for every image and at every position of `x`.

    A ReLU unit that never fires on the training data gets no gradient and cannot come
    back. A unit of a convolution is one channel. LeakyReLU and ELU never put out exactly 0.

    Healthy: at most half the units of each layer. Pass at least 256 images: a unit may
    simply have nothing to say about a few.
    Source: Amazon SageMaker Debugger, DeadRelu rule (layer alarm at 50 %).
    False alarms: 0 of 20 before training, 0 of 20 after it.

    Parameters
    ----------
    model : keras.Model, Sequential or functional
    x : array, shape (n, ...)

    Returns
    -------
    dict, layer name -> bool array, shape (units,), for each hidden layer with an activation

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden layer with an activation.
    """
    _check(model, x)
    hidden = [layer for layer in model.layers[:-1] if _has_activation(layer)]
    if not hidden:
        raise ValueError("model has no hidden layer with an activation, so it has no units that could die")
    return {
        name: np.all(output == 0, axis=tuple(range(output.ndim - 1)))
        for name, output in _outputs(model, hidden, x).items()
    }


def saturated_units(model, x):
    """Share of each sigmoid or tanh layer's outputs that lie on the flat ends of the curve.

    Flat means that the slope is less than a tenth of its largest value: a sigmoid below
    0.026 or above 0.974, a tanh beyond 0.949 in size.

    Healthy: at most 0.6 of the outputs of each layer. A low share does not clear a stack of
    sigmoids: its gradient vanishes without a single saturated unit; see `gradient_norms`.
    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks" (2010), section 3, which watches activations saturate; the measure and
    the level were set here.
    False alarms: does not apply to the healthy CNN, which has ReLUs.

    Parameters
    ----------
    model : keras.Model, Sequential or functional
    x : array, shape (n, ...)

    Returns
    -------
    dict, layer name -> float, for each hidden layer with a sigmoid or tanh

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden sigmoid or tanh layer.
    """
    _check(model, x)
    slopes = {
        keras.activations.sigmoid: lambda a: 4 * a * (1 - a),
        keras.activations.tanh: lambda a: 1 - a * a,
    }
    hidden = [layer for layer in model.layers[:-1] if getattr(layer, "activation", None) in slopes]
    if not hidden:
        raise ValueError("model has no hidden layer with a sigmoid or tanh, so none that could saturate")
    outputs = _outputs(model, hidden, x)
    return {
        layer.name: float(np.mean(slopes[layer.activation](outputs[layer.name]) < 0.1)) for layer in hidden
    }


def overfit_one_batch(model, x, y, steps=200):
    """Train on this one batch again and again; the loss of every step.

    A network that cannot learn twenty images by heart lacks capacity, or training is broken.

    Healthy: the last loss is below 0.1. Above it while `update_to_weight_ratios` is
    healthy: capacity, a bottleneck or a bug. Above it with tiny ratios: the learning rate.
    Source: CS231n notes, "Neural Networks Part 3", sanity checks (20 examples); the number
    of steps is TheDeepChecker's (Ben Braiek and Khomh, 2023), the level was fitted here.
    False alarms: 0 of 20 (before training).

    Parameters
    ----------
    model : keras.Model, compiled
    x : array, shape (n, ...), about 20 images
    y : array, shape (n,) or (n, outputs)
    steps : int

    Returns
    -------
    array, shape (steps,), the loss before each step

    Raises
    ------
    ValueError
        As in `initial_loss`.
    """
    _check(model, x, y)
    with _unchanged(model):
        losses = [_train_one_step(model, x, y) for _ in range(steps)]
    return np.array(losses, dtype=float)


def effective_ranks(model, x):
    """How many directions the outputs of each hidden layer really use.

    exp(entropy of the singular values, normalized to a sum of 1) of the outputs, one row
    per image, mean subtracted: between 1 (all images on one line) and min(n, outputs).

    Healthy: above 3 in every layer, for ten classes. Compare neighbors: what falls from one
    layer to the next was squeezed out there.
    Source: Roy and Vetterli, "The effective rank: a measure of effective dimensionality"
    (2007), section 2; the level was fitted here.
    False alarms: 0 of 20 before training, 0 of 20 after it.

    Parameters
    ----------
    model : keras.Model, Sequential or functional
    x : array, shape (n, ...), about 512 images

    Returns
    -------
    dict, layer name -> float, for each hidden layer but Flatten; 0 where all images agree

    Raises
    ------
    ValueError
        As in `initial_loss`, or the model has no hidden layer.
    """
    _check(model, x)
    ranks = {}
    for name, output in _outputs(model, _hidden(model), x).items():
        rows = output.reshape(len(x), -1)
        values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
        share = values / max(values.sum(), np.finfo(values.dtype).tiny)
        share = share[share > 0]
        ranks[name] = float(np.exp(-np.sum(share * np.log(share)))) if len(share) else 0.0
    return ranks


def linear_probes(model, x, y):
    """How well a linear model can read y off the output of each hidden layer.

    The first half of the images fits a ridge model, its strength chosen by leaving one out;
    the second half scores it. For integer labels the score is the accuracy; for real-valued y, such as
    positions, it is R squared, the share of the variance that is explained.

    Healthy: no layer scores 0.15 less than the layer before it. Where the score falls,
    information was lost, or was put out of a linear model's reach: if it stays low in the
    layers behind, it was lost.
    Source: Alain and Bengio, "Understanding intermediate layers using linear classifier
    probes" (2016), section 3; the level was fitted here.
    False alarms: 0 of 20 before training, 0 of 20 after it.

    Parameters
    ----------
    model : keras.Model, Sequential or functional
    x : array, shape (n, ...), about 1,000 images in random order
    y : int array, shape (n,), or float array, shape (n, targets)

    Returns
    -------
    dict, layer name -> float, for "input" and each hidden layer but Flatten

    Raises
    ------
    ValueError
        As in `initial_loss`, the model has no hidden layer, there are fewer than four images,
        or the labels are one-hot.
    """
    _check(model, x)
    _check_pairs(x, y)
    if len(x) < 4:
        raise ValueError(f"x has {len(x)} images: probes need some to fit and some to score, at least 4")
    integers = np.issubdtype(np.asarray(y).dtype, np.integer)
    if integers and np.ndim(y) > 1:
        raise ValueError(f"y has shape {np.shape(y)}: pass class numbers, shape (n,), not one-hot rows")
    outputs = {"input": np.asarray(x)} | _outputs(model, _hidden(model), x)
    kind = RidgeClassifierCV if integers else RidgeCV
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


def gradient_noise_scale(model, x, y, batch_size=32):
    """Batch size at which the noise in a batch's gradient is as large as the gradient itself.

    tr(Sigma) / |G|^2, with the gradient G over all images and the covariance Sigma of the
    gradients of single images, both estimated without bias from batches of `batch_size`.
    Far below it, twice the batch makes a step almost twice as good; far above it, hardly better.

    Healthy: at least a quarter of the batch size you train with, measured before training.
    While a network learns the number moves, by up to a factor of ten either way.
    Source: McCandlish, Kaplan, Amodei et al., "An Empirical Model of Large-Batch Training"
    (2018), section 2.2 and appendix A.1; the level was fitted here.
    False alarms: 0 of 20 (before training).

    Parameters
    ----------
    model : keras.Model, compiled
    x : array, shape (n, ...), some thousand images, at least two batches
    y : array, shape (n,) or (n, outputs)
    batch_size : int, of the batches that are compared with all images together

    Returns
    -------
    float, a number of images; infinity where the gradient is lost in its noise

    Raises
    ------
    ValueError
        As in `initial_loss`, or x holds fewer than two batches.
    """
    _check(model, x, y)
    _check_pairs(x, y)
    count = len(x) // batch_size
    if count < 2:
        raise ValueError(f"x has {len(x)} images: two batches of {batch_size} are needed")
    order = np.random.default_rng(0).permutation(len(x))[: count * batch_size]
    total, small = 0.0, 0.0
    with _unchanged(model):
        for batch in np.split(order, count):
            gradient = np.concatenate([np.ravel(part) for part in _gradients(model, x[batch], y[batch])])
            total = total + gradient
            small += float(gradient @ gradient) / count
    large = float(total @ total) / count**2  # all batches weigh the same: the mean is that of all images
    noise = (small - large) / (1 / batch_size - 1 / len(order))
    signal = (count * large - small) / (count - 1)
    return noise / signal if signal > 0 else float("inf")


def suspect_labels(x, y):
    """Images whose label differs from what similar images are called, without any network.

    Each image is named by its ten nearest neighbors among two thirds of the others (three
    folds), and confident learning picks the labels that disagree too much.

    Healthy: at most a quarter of the labels, if images of one class look alike. Classes that
    neighbors cannot read, such as turned items, raise it without a single wrong label.
    Source: Northcutt, Jiang and Chuang, "Confident Learning" (2021), section 3; the
    neighbors and the level were chosen here.
    False alarms: none on the healthy data of data/vitals.csv, which are the same for all seeds.

    Parameters
    ----------
    x : array, shape (n, ...), about 2,000 images
    y : int array, shape (n,)

    Returns
    -------
    int array, shape (suspects,), rows of `x`, the most suspicious first
    """
    folds = min(3, np.unique(y, return_counts=True)[1].min())
    neighbors = KNeighborsClassifier(10)
    votes = cross_val_predict(neighbors, x.reshape(len(x), -1), y, cv=folds, method="predict_proba")
    return find_label_issues(y, votes, return_indices_ranked_by="self_confidence", n_jobs=1)


class RangeTest(NamedTuple):
    """What `learning_rate_range_test` saw; arrays of shape (steps taken,)."""

    learning_rates: np.ndarray
    losses: np.ndarray
    suggested: float


def learning_rate_range_test(model, x, y, lowest=1e-6, highest=10.0, steps=120, batch_size=64):
    """Train for a few steps while the learning rate grows exponentially; record the loss.

    The suggestion is a tenth of the rate at which the smoothed loss was lowest. The point
    of steepest descent, which is often advised, gave rates too high to train with here.

    Healthy: your own rate lies within a factor of ten of the suggestion.
    Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3.
    False alarms: 0 of 20 (before training).

    Parameters
    ----------
    model : keras.Model, compiled, with a number (no schedule) as learning rate
    x, y : arrays, the training data
    lowest, highest : float, the rates of the first and the last step
    steps : int, number of batches; fewer are used once the loss is four times its best
    batch_size : int

    Returns
    -------
    RangeTest

    Raises
    ------
    ValueError
        As in `initial_loss`, or the learning rate is a schedule.
    """
    _check(model, x, y)
    if not isinstance(model.optimizer.learning_rate, keras.Variable):
        raise ValueError(
            "model is compiled with a learning rate schedule, which the test cannot override; "
            "compile it with a number, for example Adam(learning_rate=0.001)"
        )
    rates = np.geomspace(lowest, highest, steps)
    order = np.resize(np.random.default_rng(0).permutation(len(x)), (steps, batch_size))
    smoothed, losses = [], []
    with _unchanged(model):
        for rate, batch in zip(rates, order):
            model.optimizer.learning_rate = rate
            losses.append(_train_one_step(model, x[batch], y[batch]))
            smoothed.append(losses[0] if len(losses) == 1 else 0.8 * smoothed[-1] + 0.2 * losses[-1])
            if not losses[-1] < 4 * min(losses):
                break
    best = rates[: len(losses)][np.nanargmin(smoothed)]
    return RangeTest(rates[: len(losses)], np.array(losses, dtype=float), float(best / 10))


def _gradients(model, x, y):
    """One array per trainable variable; zeros where the loss does not depend on it."""
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y, model(x, training=True))
    variables = [variable.value for variable in model.trainable_variables]
    return tape.gradient(loss, variables, unconnected_gradients="zero")


def _train_one_step(model, x, y):
    """Loss of the batch before the step; without the reset Keras returns a mean over all steps."""
    model.reset_metrics()
    return model.train_on_batch(x, y, return_dict=True)["loss"]


@contextmanager
def _unchanged(model):
    """Put back weights, batch statistics, random state, optimizer slots and metrics at the end."""
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    values = [variable.numpy() for variable in variables]
    try:
        yield
    finally:
        model.reset_metrics()  # those that were first built here
        for variable, value in zip(variables, values):
            variable.assign(value)


def _outputs(model, hidden, x):
    """What the hidden layers put out for x in inference: dict, layer name -> array."""
    # inputs[0] and outputs as a dict: a list of one would make Keras warn on every call
    probe = keras.Model(model.inputs[0], {layer.name: layer.output for layer in hidden})
    outputs = probe(x, training=False)
    return {layer.name: np.asarray(outputs[layer.name]) for layer in hidden}


def _hidden(model):
    hidden = [layer for layer in model.layers[:-1] if not isinstance(layer, IGNORED)]
    if not hidden:
        raise ValueError("model has no hidden layer whose output could be measured")
    return hidden


def _has_kernel(layer):
    return getattr(layer, "kernel", None) is not None and layer.trainable


def _has_activation(layer):
    activations = (keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)
    linear = getattr(layer, "activation", keras.activations.linear) is keras.activations.linear
    return isinstance(layer, activations) or not linear


def _check(model, x, y=None):
    """Refuse, with the remedy, whatever would make a measurement meaningless."""
    if not model.built or not getattr(model, "inputs", None):
        raise ValueError(
            "model is not built: give a Sequential model a keras.Input as its first layer, "
            "or use the functional API"
        )
    if y is not None and not model.compiled:
        raise ValueError("model is not compiled: call model.compile(optimizer, loss) first")
    if len(x) == 0:
        raise ValueError("x is empty: pass at least one image")
    if x.shape[1:] != tuple(model.input_shape[1:]):
        raise ValueError(
            f"x has images of shape {x.shape[1:]}, but model takes {tuple(model.input_shape[1:])}; "
            "a missing channel axis is added with x[..., None]"
        )
    if np.isnan(x).any():
        raise ValueError(
            f"x holds NaN in {int(np.isnan(x).any(axis=tuple(range(1, x.ndim))).sum())} of {len(x)} "
            "images: remove or repair them first"
        )
    if y is None:
        return
    _check_pairs(x, y)
    classes = model.output_shape[-1]
    if np.ndim(y) == 1 and classes > 1 and not (np.min(y) >= 0 and np.max(y) < classes):
        raise ValueError(
            f"y has labels from {np.min(y)} to {np.max(y)}, but model has {classes} outputs: "
            f"labels must run from 0 to {classes - 1}"
        )


def _check_pairs(x, y):
    if len(y) != len(x):
        raise ValueError(f"y has {len(y)} labels for {len(x)} images: pass one label per image")
    if np.isnan(np.asarray(y, dtype=float)).any():
        raise ValueError("y holds NaN: remove those images and their labels first")
