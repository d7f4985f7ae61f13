"""Each instrument reads what is known by hand, changes nothing, and refuses bad input."""

import functools
import random
import re

from helpers import instruments
from helpers.data import VITALS
from helpers.instruments import (
    HEALTHY,
    MOMENTS,
    SEEDS,
    Reading,
    dead_units,
    effective_ranks,
    gradient_noise_scale,
    gradient_norms,
    initial_loss,
    learning_rate_range_test,
    learning_rate_sweep,
    linear_probes,
    overfit_one_batch,
    saturated_units,
    suspect_labels,
    update_to_weight_ratios,
)

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from keras.src.backend.common.global_state import get_global_attribute

MEASURE = [
    initial_loss,
    gradient_norms,
    update_to_weight_ratios,
    learning_rate_range_test,
    overfit_one_batch,
    lambda model, x, y: gradient_noise_scale(model, x, y, batch_size=4),
]


@pytest.fixture
def quadratic():
    """Loss (2 w1 + w2 - 1)^2 at w = (3, 4), one image, plain gradient descent."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, use_bias=False, name="w")])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.set_weights([np.array([[3.0], [4.0]])])
    return model, np.array([[2.0, 1.0]]), np.array([[1.0]])


def test_initial_loss_of_equal_bets_is_ln_k():
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(10, activation="softmax", kernel_initializer="zeros")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert initial_loss(model, np.ones((5, 4)), np.arange(5)) == pytest.approx(np.log(10))


def test_gradient_norm_of_a_quadratic(quadratic):
    # gradient = 2 (2 * 3 + 4 - 1) (2, 1) = 18 (2, 1)
    assert gradient_norms(*quadratic) == {"w": pytest.approx(18 * np.sqrt(5))}


def test_gradient_norm_of_an_unused_layer_is_0():
    inputs = keras.Input((2,))
    outputs = layers.Dense(1, name="used")(inputs) + 0 * layers.Dense(1, name="unused")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    norms = gradient_norms(model, np.ones((1, 2)), np.ones((1, 1)))
    assert norms["unused"] == 0 < norms["used"]


def test_update_of_a_quadratic(quadratic):
    assert update_to_weight_ratios(*quadratic) == {"w": pytest.approx(0.01 * 18 * np.sqrt(5) / 5)}


def test_first_update_of_adam_is_its_learning_rate(quadratic):
    model, x, y = quadratic
    model.compile(keras.optimizers.Adam(0.01), "mse")
    assert update_to_weight_ratios(model, x, y) == {"w": pytest.approx(0.01 * np.sqrt(2) / 5, rel=1e-4)}


def test_three_known_dead_units():
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(5, activation="relu", name="hidden"), layers.Dense(2)]
    )
    kernel = np.eye(3, 5)
    kernel[:, 4] = -1  # negative for every positive input
    model.set_weights([kernel, np.array([0.1, -9, 0.1, 0, 0]), np.zeros((5, 2)), np.zeros(2)])
    dead = dead_units(model, np.random.default_rng(0).random((20, 3)))
    assert dead["hidden"].tolist() == [False, True, False, True, True]
    assert list(dead) == ["hidden"]


def test_a_channel_that_fires_once_anywhere_is_alive():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), layers.Conv2D(2, 1), layers.ReLU(name="relu"), layers.Flatten()]
    )
    model.set_weights([np.array([1.0, -1.0]).reshape(1, 1, 1, 2), np.zeros(2)])
    x = np.zeros((6, 4, 4, 1))
    x[3, 2, 1] = 1
    assert dead_units(model, x)["relu"].tolist() == [False, True]


@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
def test_units_with_a_slope_do_not_die(activation):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation=activation), layers.Dense(2)])
    model.layers[0].bias.assign(np.full(4, -9.0))
    assert not next(iter(dead_units(model, np.random.default_rng(0).random((20, 3))).values())).any()


def test_range_test_follows_gradient_descent_by_hand():
    # loss w^2 from w = 1: every step multiplies w by (1 - 2 rate)
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.set_weights([np.ones((1, 1))])
    test = learning_rate_range_test(model, np.ones((4, 1)), np.zeros((4, 1)), 1e-3, 10, 80, batch_size=2)
    w = np.cumprod([1, *(1 - 2 * test.learning_rates)])
    expected = (w**2)[: len(test.losses)]
    np.testing.assert_allclose(test.losses, expected, rtol=1e-3, atol=1e-12)
    assert test.losses[-1] >= 4 * test.losses[:-1].min(), "stops once the loss is four times its best"
    assert 0.01 < test.suggested < 1, "above a rate of 1, this descent diverges"


def test_range_test_survives_nan():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    test = learning_rate_range_test(model, np.full((4, 1), 1e18), np.zeros((4, 1)), 1e-3, 10, batch_size=2)
    assert not np.isfinite(test.losses[-1]) and np.isfinite(test.suggested)


def test_sweep_follows_gradient_descent_by_hand():
    # loss w^2 from w = 1: every step multiplies w by (1 - 2 rate); 4 images are 2 batches an epoch
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.set_weights([np.ones((1, 1))])
    x, y, rates = np.ones((5, 1)), np.zeros((5, 1)), [0.01, 0.4, 2.0]
    sweep = learning_rate_sweep(model, x, y, 2 * x, y, rates, epochs=3, batch_size=2)
    w = (1 - 2 * np.array(rates)) ** 6
    np.testing.assert_allclose(sweep.losses, w**2, rtol=1e-4)
    np.testing.assert_allclose(sweep.val_losses, 4 * w**2, rtol=1e-4)
    assert model.get_weights()[0] == 1 and float(model.optimizer.learning_rate) == 1


@pytest.mark.parametrize("activation, flat", [("sigmoid", 4), ("tanh", 2)])
def test_saturated_outputs_are_counted_by_hand(activation, flat):
    model = keras.Sequential(
        [keras.Input((1,)), layers.Dense(1, activation=activation, name="hidden"), layers.Dense(2)]
    )
    model.layers[0].set_weights([np.ones((1, 1)), np.zeros(1)])
    # sigmoid(3.6) = 0.973, just not flat; tanh(1.8) = 0.947, just not flat
    edge = 3.6 if activation == "sigmoid" else 1.8
    x = np.array([[-edge - 0.2], [-edge], [0], [edge], [edge + 0.2]]).repeat(flat, axis=0)
    assert saturated_units(model, x) == {"hidden": pytest.approx(2 / 5)}


def test_one_batch_follows_gradient_descent_by_hand():
    # loss w^2 from w = 1: every step of rate 0.25 halves w
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.25), "mse")
    model.set_weights([np.ones((1, 1))])
    losses = overfit_one_batch(model, np.ones((4, 1)), np.zeros((4, 1)), steps=5)
    np.testing.assert_allclose(losses, 0.25 ** np.arange(5.0))


def linear_chain(**kernels):
    """A linear layer without bias for each kernel, one after the other, and two outputs."""
    hidden = [layers.Dense(len(kernel[0]), use_bias=False, name=name) for name, kernel in kernels.items()]
    model = keras.Sequential([keras.Input((3,)), *hidden, layers.Dense(2)])
    for layer, kernel in zip(hidden, kernels.values()):
        layer.set_weights([kernel])
    return model


def test_effective_ranks_known_by_hand():
    one = np.zeros((3, 3))
    one[:, 0] = 1
    model = linear_chain(all=np.eye(3), one=one, none=0 * one)
    x = 5 + np.concatenate([np.eye(3), -np.eye(3)])  # three directions of equal strength
    expected = {"all": pytest.approx(3), "one": pytest.approx(1), "none": 0}
    assert effective_ranks(model, x) == expected


def probed_model():
    """Passes three numbers on, then only their sum, then nothing."""
    return linear_chain(all=np.eye(3), sum=np.ones((3, 1)), nothing=np.zeros((1, 1)))


def test_probes_find_where_positions_are_lost():
    x = np.random.default_rng(0).normal(size=(4000, 3))
    scores = linear_probes(probed_model(), x, x[:, :1] * [1, 1])
    # R squared: one of three equal terms explains a third of its sum
    expected = {"input": 1, "all": 1, "sum": 1 / 3, "nothing": 0}
    assert scores == pytest.approx(expected, abs=0.05)


def test_probes_are_scored_on_images_they_were_not_fitted_to():
    random = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((400,)), layers.Dense(2), layers.Dense(2)])
    scores = linear_probes(model, random.normal(size=(400, 400)), random.integers(0, 2, 400))
    assert scores["input"] < 0.65, "labels without a cause cannot be read off"


def test_probes_find_where_classes_are_lost():
    x = np.random.default_rng(0).normal(size=(2000, 3))
    x[:, 2] = -x[:, 1] + 0.01 * x[:, 0]
    scores = linear_probes(probed_model(), x, (x[:, 1] > 0).astype(int))
    assert scores["input"] > 0.95 and scores["all"] > 0.95
    assert scores["sum"] < 0.6 and scores["nothing"] < 0.6


def test_noise_scale_of_single_images_known_by_hand():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[0.0]])])
    # the gradient of (w x - y)^2 at w = 0, x = 1 is -2 y: 2, 4 and 6, with mean 4, variance 4
    x, y = np.ones((3, 1)), np.array([[-1.0], [-2.0], [-3.0]])
    assert gradient_noise_scale(model, x, y, batch_size=1) == pytest.approx(4 / (16 - 4 / 3))


@pytest.mark.trains
def test_noise_scale_does_not_depend_on_the_batches():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[0.0]])])
    y = np.random.default_rng(0).normal(1, 2, (4000, 1))  # variance / mean^2 is 4
    scales = [gradient_noise_scale(model, np.ones((4000, 1)), y, batch_size) for batch_size in (4, 32)]
    np.testing.assert_allclose(scales, 4, rtol=0.3)


def test_noise_scale_without_noise_and_without_gradient(softmax_model, batch):
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[0.0]])])
    x = np.ones((4, 1))
    assert gradient_noise_scale(model, x, x, batch_size=2) == pytest.approx(0)
    y = np.array([[1.0], [-1.0], [1.0], [-1.0]])  # the gradients cancel
    assert gradient_noise_scale(model, x, y, batch_size=1) == np.inf


def test_noise_scale_refuses_a_single_batch(softmax_model, batch):
    with pytest.raises(ValueError, match="x has 8 images: two batches of 5 are needed"):
        gradient_noise_scale(softmax_model, *batch, batch_size=5)


@pytest.mark.parametrize("measure", MEASURE)
@pytest.mark.parametrize("trained", [False, True])
def test_nothing_is_changed(measure, trained, softmax_model, batch):
    if trained:
        softmax_model.fit(*batch, epochs=2, verbose=0)
    else:
        softmax_model.optimizer.build(softmax_model.trainable_variables)
    variables = [
        *softmax_model.variables,
        *softmax_model.optimizer.variables,
        *softmax_model.metrics_variables,
    ]
    before = [variable.numpy().copy() for variable in variables]
    measure(softmax_model, *batch)
    for variable, value in zip(variables, before):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


@pytest.mark.trains
def test_training_goes_on_as_if_nothing_was_measured(softmax_model, batch):
    weights = softmax_model.get_weights()
    histories = []
    for measured in (False, True):
        keras.utils.set_random_seed(1)
        model = keras.models.clone_model(softmax_model)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.set_weights(weights)
        if measured:
            for measure in MEASURE:
                measure(model, *batch)
        keras.utils.set_random_seed(2)
        histories.append(model.fit(*batch, epochs=3, batch_size=2, verbose=0).history["loss"])
    assert histories[0] == histories[1]


@pytest.mark.parametrize("measure", MEASURE)
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda x, y: (x[:0], y[:0]), "x is empty: pass at least one image"),
        (lambda x, y: (x[..., 0], y), r"x has images of shape \(4, 4\).*x\[..., None\]"),
        (lambda x, y: (x[:, :3], y), r"x has images of shape \(3, 4, 1\), but model takes \(4, 4, 1\)"),
        (lambda x, y: (np.where(x == x[2], np.nan, x), y), "x holds NaN in 1 of 8 images"),
        (lambda x, y: (x, np.where(y == 2, np.nan, y)), "y holds NaN"),
        (lambda x, y: (x, y[:5]), "y has 5 labels for 8 images"),
        (lambda x, y: (x, y + 1), "y has labels from 1 to 3.*must run from 0 to 2"),
        (lambda x, y: (x, y - 1), "y has labels from -1 to 1.*must run from 0 to 2"),
    ],
)
def test_bad_batches(measure, spoil, message, softmax_model, batch):
    with pytest.raises(ValueError, match=message):
        measure(softmax_model, *spoil(*batch))


@pytest.mark.parametrize("measure", MEASURE)
def test_unbuilt_and_uncompiled_models(measure, batch):
    unbuilt = keras.Sequential([layers.Flatten(), layers.Dense(3)])
    unbuilt.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="model is not built.*keras.Input"):
        measure(unbuilt, *batch)
    uncompiled = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="model is not compiled: call model.compile"):
        measure(uncompiled, *batch)


def test_dead_units_refuses_too(softmax_model, batch):
    x, _ = batch
    with pytest.raises(ValueError, match="x is empty"):
        dead_units(softmax_model, x[:0])
    with pytest.raises(ValueError, match="x holds NaN"):
        dead_units(softmax_model, x * np.nan)
    linear = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)])
    with pytest.raises(ValueError, match="no hidden layer with an activation"):
        dead_units(linear, x)


def test_layer_instruments_refuse_too(softmax_model, batch):
    x, y = batch
    for measure in (effective_ranks, lambda model, x: linear_probes(model, x, y[: len(x)])):
        with pytest.raises(ValueError, match="x is empty"):
            measure(softmax_model, x[:0])
        with pytest.raises(ValueError, match="no hidden layer"):
            flat = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)])
            measure(flat, x)
    with pytest.raises(ValueError, match="y has 5 labels for 8 images"):
        linear_probes(softmax_model, x, y[:5])
    with pytest.raises(ValueError, match="y holds NaN"):
        linear_probes(softmax_model, x, np.full((8, 2), np.nan))
    with pytest.raises(ValueError, match="x has 3 images.*at least 4"):
        linear_probes(softmax_model, x[:3], y[:3])
    with pytest.raises(ValueError, match="no hidden layer with a sigmoid or tanh"):
        saturated_units(softmax_model, x)


def test_range_test_sets_a_schedule_aside(softmax_model, batch):
    weights = softmax_model.get_weights()
    tests = []
    for rate in (0.1, keras.optimizers.schedules.CosineDecay(0.1, 10)):
        softmax_model.set_weights(weights)
        optimizer = keras.optimizers.Adam(rate)
        softmax_model.compile(optimizer, "sparse_categorical_crossentropy")
        softmax_model.train_on_batch(*batch)  # traces the step with the schedule
        step = softmax_model.train_function
        softmax_model.set_weights(weights)
        for variable in optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(0 * variable)
        for layer in softmax_model.layers:
            if isinstance(layer, layers.Dropout):
                layer.seed_generator.state.assign([1, 1])
        tests.append(learning_rate_range_test(softmax_model, *batch, steps=10))
        assert softmax_model.train_function is step
    assert optimizer._learning_rate is rate
    np.testing.assert_array_equal(tests[0].losses, tests[1].losses)


READINGS = {
    "initial_loss": "initial_loss / guessing",
    "gradient_norms": "gradient_norms first/last",
    "update_to_weight_ratios": "update_to_weight_ratios median",
    "dead_units": "dead_units largest share",
    "saturated_units": "saturated_units largest share",
    "overfit_one_batch": "overfit_one_batch last loss",
    "effective_ranks": "effective_ranks lowest",
    "linear_probes": "linear_probes largest drop",
    "gradient_noise_scale": "batch size / noise scale",
    "suspect_labels": "suspect labels",
    "learning_rate_range_test": "rate / suggested",
}


@pytest.mark.parametrize("reading", HEALTHY)
def test_false_alarms_are_those_of_the_healthy_cnn(reading):
    lowest, highest, moments, meaning, source, told = HEALTHY[reading]
    vitals = pd.read_csv(VITALS).query("patient == 'healthy' and reading == @reading")
    counted = {}
    for moment in moments:
        # what the data tell stands with what was read before training
        values = vitals[vitals.moment == moment.replace("data", "before")].value
        assert len(values) in (0, SEEDS)
        if len(values):
            counted[moment] = int((~values.between(lowest, highest)).sum())
    assert told == counted
    assert lowest < highest and set(moments) <= set(MOMENTS) and meaning and source


@pytest.mark.parametrize("instrument, reading", READINGS.items())
def test_docstrings_are_filled_in_from_the_table(instrument, reading):
    documented = re.sub(r"\s+", " ", getattr(instruments, instrument).__doc__)
    row = HEALTHY[reading]
    assert f'Healthy: "{reading}" {row.range_in_words}, {MOMENTS[row.moments[0]]}' in documented
    assert f"Source: {row.source}." in documented
    assert f"False alarms: {row.alarms_in_words}." in documented
    assert "{healthy}" not in documented


def test_ranges_in_words():
    def words(lowest, highest):
        return Reading(lowest, highest, (), "", "", {}).range_in_words

    assert [words(-1, 0.15), words(3, np.inf), words(1e-4, 0.1)] == [
        "at most 0.15",
        "at least 3",
        "between 0.0001 and 0.1",
    ]


def test_python_without_docstrings_is_no_obstacle():
    def stripped():  # as python -OO leaves it
        pass

    assert instruments._reads("suspect labels")(stripped) is stripped and stripped.__doc__ is None


def test_suspect_labels_are_those_that_neighbors_contradict():
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = random.normal(size=(300, 2, 2, 1)) + 10 * y[:, None, None, None]
    wrong = np.arange(0, 300, 20)
    told = y.copy()
    told[wrong] = (y[wrong] + 1) % 3
    found = suspect_labels(x, told)
    # none that is right; cleanlab estimates how many are wrong, and may stop one short
    assert set(found) <= set(wrong) and len(found) >= len(wrong) - 1
    assert len(suspect_labels(x, y)) == 0


def test_healthy_labels_are_not_suspected():
    vitals = pd.read_csv(VITALS).query("reading == 'suspect labels'")
    shares = vitals[vitals.patient == "healthy"].value
    level = HEALTHY["suspect labels"].highest
    assert len(shares) == SEEDS and (shares <= level).all()
    assert (vitals[vitals.patient == "12 noisy labels"].value > level).all()


# ------------------------------------------------------------------ ordinary programs of other people


class Noise(layers.Layer):
    """Draws from every global generator, in inference too."""

    def call(self, x):
        shift = random.random() + np.random.random()  # noqa: NPY002
        return x + 0.01 * (shift + keras.random.normal(keras.ops.shape(x)))


def shares(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


IMAGES = np.random.default_rng(0).random((48, 8, 8, 3), dtype="float32")
CLASSES = np.random.default_rng(1).permutation(np.arange(48) % 3)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
TABLE = IMAGES[:, 0, :, 0]
NUMBERS = IMAGES[:, 0, 0, :2]
CROSSENTROPY = "sparse_categorical_crossentropy"


def chain(*body, outputs=3, activation="softmax", shape=(8, 8, 3), name="output"):
    return keras.Sequential(
        [keras.Input(shape), *body, layers.Dense(outputs, activation=activation, name=name)]
    )


def conv_1(**options):
    return layers.Conv2D(4, 3, **{"activation": "relu", "name": "conv_1"} | options)


def flat(**options):
    """A convolution, flattened, and a Dense layer."""
    return chain(conv_1(), layers.Flatten(), **options)


def compiled(model, loss=CROSSENTROPY, optimizer="adam", **options):
    model.compile(optimizer, loss, **options)
    return model


def body():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(
        inputs, layers.Conv2D(4, 3, activation="tanh", name="conv_2")(conv_1()(inputs)), name="body"
    )


def nested(trainable=True):
    inputs = keras.Input((8, 8, 3))
    inner = body()
    inner.trainable = trainable
    pooled = layers.GlobalAveragePooling2D(name="pool")(inner(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax", name="output")(pooled))


def residual():
    inputs = keras.Input((8, 8, 3))
    x = conv_1(padding="same")(inputs)
    x = layers.Add()([x, layers.Conv2D(4, 3, padding="same", activation="relu")(x)])
    return keras.Model([inputs], [layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x))])


def augmented():
    return chain(
        layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.Rescaling(2.0, offset=-1.0),
        conv_1(activation=None), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(),
        layers.SeparableConv2D(4, 2, activation="relu"), layers.Flatten(), layers.Dropout(0.5),
    )  # fmt: skip


def any_size():
    return chain(conv_1(), layers.GlobalAveragePooling2D(), shape=(None, None, 3))


def embedded():
    return chain(layers.Embedding(5, 4), layers.LSTM(4), shape=(8,))


def dense(**options):
    return chain(layers.Dense(4, activation="relu"), shape=(8,), **options)


def frozen_all():
    model = flat()
    model.trainable = False
    return model


MIXED = functools.partial(keras.optimizers.LossScaleOptimizer, keras.optimizers.SGD(0.1))
SCHEDULE = functools.partial(keras.optimizers.schedules.ExponentialDecay, 0.01, 10, 0.9)
OBJECTS = [keras.metrics.SparseCategoricalAccuracy, keras.metrics.SparseTopKCategoricalAccuracy]
NO_CURVES = {"saturated_units": "no hidden layer with a sigmoid or tanh"}
TRAINS = (
    "gradient_norms", "update_to_weight_ratios", "overfit_one_batch", "gradient_noise_scale",
    "learning_rate_range_test", "learning_rate_sweep",
)  # fmt: skip
NO_CLASSES = {"suspect_labels": "y is not one class per image"}
# name -> model, images, labels, what cannot be measured
PROGRAMS = {
    "class numbers": lambda: (compiled(flat()), IMAGES, CLASSES, NO_CURVES),
    "one-hot rows": lambda: (compiled(flat(), "categorical_crossentropy"), IMAGES, ONE_HOT, NO_CURVES),
    "a column of labels": lambda: (compiled(flat()), IMAGES, CLASSES[:, None], NO_CURVES),
    "lists": lambda: (compiled(dense()), TABLE.tolist(), list(CLASSES), NO_CURVES),
    "labels as floats": lambda: (compiled(flat()), IMAGES, CLASSES.astype("float32"), NO_CURVES),
    "one sigmoid": lambda: (
        compiled(flat(outputs=1, activation="sigmoid"), "binary_crossentropy", metrics=["accuracy"]),
        IMAGES, CLASSES % 2, NO_CURVES,
    ),
    "one target": lambda: (
        compiled(dense(outputs=1, activation=None), "mse"), TABLE, NUMBERS[:, 0], NO_CURVES | NO_CLASSES
    ),
    "two targets": lambda: (
        compiled(flat(outputs=2, activation=None), keras.losses.Huber()), IMAGES, NUMBERS,
        NO_CURVES | NO_CLASSES,
    ),
    "logits": lambda: (
        compiled(flat(activation=None), keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        IMAGES, CLASSES, NO_CURVES,
    ),
    "a loss function": lambda: (compiled(flat(), shares), IMAGES, CLASSES, NO_CURVES),
    "a schedule": lambda: (
        compiled(flat(), optimizer=keras.optimizers.Adam(SCHEDULE())), IMAGES, CLASSES, NO_CURVES
    ),
    "a loss scale": lambda: (compiled(flat(), optimizer=MIXED()), IMAGES, CLASSES, NO_CURVES),
    "Nadam": lambda: (compiled(flat(), optimizer="nadam"), IMAGES, CLASSES, NO_CURVES),
    "no activation": lambda: (
        compiled(chain(conv_1(activation=None), layers.Flatten())), IMAGES, CLASSES,
        NO_CURVES | {"dead_units": "no hidden layer with an activation"},
    ),
    "no hidden layer": lambda: (
        compiled(chain(layers.Flatten())), IMAGES, CLASSES,
        NO_CURVES | dict.fromkeys(("dead_units", "effective_ranks", "linear_probes"), "no hidden layer"),
    ),
    "a body": lambda: (compiled(nested()), IMAGES, CLASSES, {}),
    "a frozen body": lambda: (compiled(nested(trainable=False)), IMAGES, CLASSES, {}),
    "all frozen": lambda: (
        compiled(frozen_all()), IMAGES, CLASSES, NO_CURVES | dict.fromkeys(TRAINS, "no trainable weights")
    ),
    "residual": lambda: (compiled(residual()), IMAGES, CLASSES, NO_CURVES),
    "any size": lambda: (compiled(any_size()), IMAGES, CLASSES, NO_CURVES),
    "augmentation": lambda: (compiled(augmented()), IMAGES, CLASSES, NO_CURVES),
    "whole pixels": lambda: (
        compiled(chain(layers.Rescaling(1 / 255), conv_1(), layers.Flatten())),
        (255 * IMAGES).astype("uint8"), CLASSES, NO_CURVES,
    ),
    "five images": lambda: (
        compiled(flat()), IMAGES[:5], np.array([0, 1, 2, 1, 0]),
        NO_CURVES | {
            "gradient_noise_scale": "two batches of 16 are needed; pass more, or batch_size=2",
            "suspect_labels": "needs at least 20",
        },
    ),
    "metrics": lambda: (
        compiled(flat(), metrics=[metric() for metric in OBJECTS]), IMAGES, CLASSES, NO_CURVES
    ),
    "an embedding": lambda: (compiled(embedded()), (5 * TABLE).astype(int), CLASSES, {}),
    "noise without a seed": lambda: (
        compiled(chain(Noise(), layers.Flatten(), layers.Dense(4, activation="relu"))),
        IMAGES, CLASSES, NO_CURVES,
    ),
}  # fmt: skip
INSTRUMENTS = {
    "initial_loss": initial_loss,
    "gradient_norms": gradient_norms,
    "update_to_weight_ratios": update_to_weight_ratios,
    "dead_units": lambda model, x, y: dead_units(model, x),
    "saturated_units": lambda model, x, y: saturated_units(model, x),
    "overfit_one_batch": functools.partial(overfit_one_batch, steps=3),
    "effective_ranks": lambda model, x, y: effective_ranks(model, x),
    "linear_probes": linear_probes,
    "gradient_noise_scale": functools.partial(gradient_noise_scale, batch_size=16),
    "learning_rate_range_test": functools.partial(learning_rate_range_test, steps=4),
    "learning_rate_sweep": lambda model, x, y: learning_rate_sweep(model, x, y, x, y, [0.01], epochs=1),
    "suspect_labels": lambda model, x, y: suspect_labels(x, y),
}


def everything(model):
    """All that an instrument could change, as a list of arrays and objects."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    generator = get_global_attribute("global_seed_generator")
    state = np.random.get_state()  # noqa: NPY002
    return [
        *(variable.numpy() for variable in variables),
        *(generator, None if generator is None else generator.state.numpy()),
        *(random.getstate(), state[1].copy(), state[2:], optimizer._learning_rate),
        *(sorted(vars(layer)) for layer in instruments._layers(model).values()),
    ]


def same(old, new):
    return np.array_equal(old, new) if isinstance(old, np.ndarray) else old == new


@pytest.mark.trains
@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
@pytest.mark.parametrize("program", PROGRAMS)
def test_instruments_read_ordinary_programs_or_say_why_not(program):
    keras.utils.set_random_seed(0)
    model, x, y, expected = PROGRAMS[program]()
    model.optimizer.build(model.trainable_variables)
    model.reset_metrics()
    if model.trainable_variables:
        model.train_on_batch(np.asarray(x), np.asarray(y))  # builds the metrics
    if program == "noise without a seed":
        keras.random.normal((1,))  # makes the global generator
    refused = {}
    for name, measure in INSTRUMENTS.items():
        before = everything(model)
        try:
            reading = measure(model, x, y)
        except ValueError as error:
            refused[name] = str(error)
        else:
            numbers = reading if isinstance(reading, tuple) else keras.tree.flatten(reading)
            lost_in_noise = name == "gradient_noise_scale" and reading == np.inf
            assert lost_in_noise or all(np.isfinite(number).all() for number in numbers), name
            assert all(isinstance(number, (float, np.ndarray)) for number in numbers), name
        after = everything(model)
        assert len(before) == len(after)
        for old, new in zip(before, after):
            assert same(old, new), name
    assert list(refused) == [name for name in INSTRUMENTS if name in expected]
    for name, message in expected.items():
        assert message in refused[name]


def test_layers_of_a_body_are_named_and_measured():
    keras.utils.set_random_seed(0)
    model = compiled(nested())
    hidden = ["body/conv_1", "body/conv_2"]
    assert list(gradient_norms(model, IMAGES, CLASSES)) == [*hidden, "output"]
    assert list(update_to_weight_ratios(model, IMAGES, CLASSES)) == [*hidden, "output"]
    assert list(dead_units(model, IMAGES)) == hidden
    assert list(saturated_units(model, IMAGES)) == hidden[1:]
    assert list(effective_ranks(model, IMAGES)) == [*hidden, "pool"]
    assert list(linear_probes(model, IMAGES, CLASSES)) == ["input", *hidden, "pool"]
    assert list(gradient_norms(compiled(nested(trainable=False)), IMAGES, CLASSES)) == ["output"]


def test_a_body_is_measured_as_its_layers_are_without_one():
    keras.utils.set_random_seed(0)
    model = nested()
    inner, pool, output = model.layers[1:]
    plain = keras.Sequential([keras.Input((8, 8, 3)), *inner.layers[1:], pool, output])
    for measure in (gradient_norms, update_to_weight_ratios, linear_probes):
        readings = measure(compiled(model), IMAGES, CLASSES), measure(compiled(plain), IMAGES, CLASSES)
        assert [*readings[0].values()] == pytest.approx([*readings[1].values()], rel=1e-5)
    assert [*effective_ranks(model, IMAGES).values()] == [*effective_ranks(plain, IMAGES).values()]


def test_labels_0_and_1_meet_one_sigmoid_one_by_one():
    model = chain(outputs=1, activation="sigmoid", shape=(1,))
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    x, y = np.array([[5.0], [-5.0]]), np.array([1, 0])
    for loss in ("binary_crossentropy", keras.losses.BinaryCrossentropy(), lambda y, p: (y - p) ** 2):
        # right about both: compared with each other's labels, the mean loss would be far above 0
        assert initial_loss(compiled(model, loss), x, y) < 0.01
        assert initial_loss(compiled(model, loss), x, y[:, None]) < 0.01


def test_a_loss_scale_does_not_change_the_update(quadratic):
    model, x, y = quadratic
    expected = update_to_weight_ratios(model, x, y)
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01)), "mse")
    assert update_to_weight_ratios(model, x, y) == {"w": pytest.approx(expected["w"], rel=1e-5)}


def test_a_kernel_of_zeros_has_no_ratio():
    zeros = layers.Dense(2, kernel_initializer="zeros", name="zeros")
    model = compiled(chain(layers.Dense(2, name="hidden"), zeros, shape=(8,)))
    assert list(update_to_weight_ratios(model, TABLE, CLASSES)) == ["hidden", "output"]
    model = compiled(keras.Sequential([keras.Input((8,)), layers.Dense(3, kernel_initializer="zeros")]))
    with pytest.raises(ValueError, match="no trainable kernel other than 0"):
        update_to_weight_ratios(model, TABLE, CLASSES)


@pytest.mark.parametrize("labels", [ONE_HOT, ONE_HOT.astype(int), CLASSES[:, None], CLASSES.astype(bool) * 1])
def test_probes_take_classes_in_every_form(labels):
    model = dense()
    numbers = labels.argmax(axis=1) if labels.shape[-1] == 3 else labels.ravel()
    assert linear_probes(model, TABLE, labels) == linear_probes(model, TABLE, numbers)


def test_range_test_shrinks_its_batches_to_the_images(softmax_model, batch):
    wide, fitting = (
        learning_rate_range_test(softmax_model, *batch, steps=5, batch_size=size) for size in (64, 8)
    )
    np.testing.assert_array_equal(wide.losses, fitting.losses)


def overflowing():
    model = compiled(chain(outputs=1, activation=None, shape=(1,)), "mse")
    return model, np.full((40, 1), 1e30), np.zeros((40, 1))


def spoiled():
    model = compiled(chain(layers.Dense(4, activation="tanh", name="hidden"), shape=(8,)))
    model.layers[0].bias.assign([0, np.nan, 0, 0])
    return model, TABLE, CLASSES


def two_inputs():
    inputs = keras.Input((8,)), keras.Input((8,))
    outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()(inputs))
    return compiled(keras.Model(inputs, outputs)), TABLE, CLASSES


def two_outputs():
    inputs = keras.Input((8,))
    outputs = [layers.Dense(3, activation="softmax", name=name)(inputs) for name in "ab"]
    return compiled(keras.Model(inputs, outputs)), TABLE, CLASSES


MODEL_INSTRUMENTS = [name for name in INSTRUMENTS if name != "suspect_labels"]
LOSS_INSTRUMENTS = ["initial_loss", *TRAINS]


@pytest.mark.parametrize(
    "case, names, message",
    [
        (spoiled, MODEL_INSTRUMENTS, "the weights of layer hidden hold NaN or infinity: training"),
        (two_inputs, MODEL_INSTRUMENTS, "model has 2 inputs: pass one with one input"),
        (two_outputs, MODEL_INSTRUMENTS, "model has 2 outputs: pass one with one input and one output"),
        (overflowing, LOSS_INSTRUMENTS, "the loss of this batch is (inf|nan), though images and weights"),
        (lambda: ("cnn", TABLE, CLASSES), MODEL_INSTRUMENTS, "model is a str: pass a keras.Model"),
        (lambda: (compiled(dense()), np.where(TABLE.max() > TABLE, TABLE, np.inf), CLASSES), [*INSTRUMENTS],
         "x holds infinity in 1 of 48 images"),
        (lambda: (compiled(dense()), None, CLASSES), [*INSTRUMENTS], "x is NoneType of dtype object"),
        (lambda: (compiled(dense()), [[1, 2], [3]], CLASSES), [*INSTRUMENTS],
         "x is a list that makes no array"),
        (lambda: (compiled(dense()), TABLE.astype(str), CLASSES), [*INSTRUMENTS], "x is ndarray of dtype <U"),
        (lambda: (compiled(dense()), TABLE.astype(object), CLASSES), [*INSTRUMENTS], "dtype object"),
        (lambda: (compiled(dense()), TABLE, None), [*LOSS_INSTRUMENTS, "linear_probes", "suspect_labels"],
         "y is NoneType of dtype object.*pass an array of numbers"),
        (lambda: (compiled(dense()), TABLE, ["coat"] * 48),
         [*LOSS_INSTRUMENTS, "linear_probes", "suspect_labels"], "y is list of dtype <U4"),
        (lambda: (compiled(dense()), TABLE, ONE_HOT), LOSS_INSTRUMENTS,
         r"y has shape \(48, 3\), but sparse_categorical_crossentropy takes class numbers"),
        (lambda: (compiled(dense()), TABLE, CLASSES + 0.5), LOSS_INSTRUMENTS,
         "labels must run from 0 to 2, whole"),
        (lambda: (compiled(dense(), "categorical_crossentropy"), TABLE, CLASSES), LOSS_INSTRUMENTS,
         r"y has shape \(48,\), but .* one by one: pass keras.utils.to_categorical\(y\)"),
        (lambda: (compiled(dense(), keras.losses.CategoricalCrossentropy()), TABLE, 2 * ONE_HOT),
         LOSS_INSTRUMENTS, "y has labels from 0.0 to 2.0, but categorical_crossentropy takes"),
        (lambda: (compiled(dense(outputs=1, activation="sigmoid"), "binary_crossentropy"), TABLE, CLASSES),
         LOSS_INSTRUMENTS, "y has labels from 0 to 2, but binary_crossentropy takes numbers from 0 to 1"),
        (lambda: (compiled(dense(outputs=1)), TABLE, CLASSES % 2), LOSS_INSTRUMENTS,
         "model has 1 outputs.*one output takes binary_crossentropy"),
        (lambda: (compiled(dense(), "mse"), TABLE, CLASSES), LOSS_INSTRUMENTS, "pass one number per output"),
        (lambda: (compiled(dense(), keras.losses.MeanSquaredError(reduction=None)), TABLE, ONE_HOT),
         LOSS_INSTRUMENTS, "compile with a loss that is one number"),
        (lambda: (compiled(dense(), lambda y, p: y @ p), TABLE, ONE_HOT), LOSS_INSTRUMENTS,
         r"model cannot compute with x of shape \(48, 8\) and y of shape \(48, 3\)"),
        (lambda: (compiled(any_size()), IMAGES[:, :2, :2], CLASSES), MODEL_INSTRUMENTS,
         r"model cannot compute with x of shape \(48, 2, 2, 3\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured(case, names, message):
    model, x, y = case()
    for name in names:
        with pytest.raises(ValueError, match=message):
            INSTRUMENTS[name](model, x, y)


def test_layers_whose_outputs_overflow_are_named():
    model = chain(
        layers.Dense(1, name="big", kernel_initializer=keras.initializers.Constant(1e30)), shape=(1,)
    )
    for measure in (effective_ranks, lambda model, x: linear_probes(model, x, np.arange(4) % 2)):
        with pytest.raises(ValueError, match="layer big puts out NaN or infinity"):
            measure(model, np.full((4, 1), 1e30))


def test_probes_need_two_classes_to_tell_apart():
    with pytest.raises(ValueError, match="first half of y holds a single class: pass more images, in random"):
        linear_probes(dense(), TABLE, np.repeat([0, 1], 24))


def test_suspect_labels_in_every_form_and_number():
    y = np.arange(60) % 3
    x = np.random.default_rng(0).normal(size=(60, 4)) + 10 * y[:, None]
    y[7] = (y[7] + 1) % 3
    found = suspect_labels(x, y)
    assert found.tolist() == [7]
    for told in (y[:, None], np.eye(3)[y], y + 4, 2.0 * y, y.tolist()):
        np.testing.assert_array_equal(suspect_labels(x.tolist(), told), found)
    alone = y.copy()
    alone[3] = 9  # the only one of its class: rows behind it keep their numbers
    assert suspect_labels(x, alone).tolist() == [7]


@pytest.mark.parametrize(
    "x, y, message",
    [
        (TABLE, np.zeros(48, int), "y has 1 classes of two or more images"),
        (TABLE, np.arange(48), "y has 0 classes of two or more images"),
        (TABLE[:6], np.arange(6) % 2, "x has 6 images to compare.*at least 15"),
        (TABLE, NUMBERS, "y is not one class per image"),
        (TABLE, NUMBERS[:, 0], "y is not one class per image"),
        (TABLE, CLASSES[:5], "y has 5 labels for 48 images"),
        (TABLE, np.where(CLASSES, np.nan, 0), "y holds NaN"),
        (TABLE * np.nan, CLASSES, "x holds NaN in 48 of 48"),
        (TABLE[:0], CLASSES[:0], "x is empty"),
    ],
)
def test_suspect_labels_refuses(x, y, message):
    with pytest.raises(ValueError, match=message):
        suspect_labels(x, y)
