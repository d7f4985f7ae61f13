"""A reader's training program, as pieces that can be changed one at a time: model, data, compile, fit."""

import inspect
import random
from contextlib import contextmanager
from dataclasses import dataclass, replace

import keras
import numpy as np
from keras.src.backend.common.global_state import get_global_attribute, set_global_attribute

MOST = 6000  # training samples that are looked at; of validation data a third of that
FEW = 50  # too few to hold some back
FIT = inspect.signature(keras.Model.fit)


@dataclass(frozen=True)
class Data:
    """Arrays for training and validation.

    `weight` holds sample weights, class weights multiplied in, or None; `held_back` says that there
    was no validation data and a fifth of the training data took its place.
    """

    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    weight: np.ndarray | None = None
    shuffle: bool = True
    held_back: bool = False

    def keep(self, rows):
        """The same with these rows of the training data only."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], weight=weight)


@dataclass(frozen=True)
class Task:
    """What is to be learned, as the labels tell it: "classes" or "numbers".

    `classes` is how many there are, 0 for numbers; `one_hot` says how they are written.
    """

    kind: str
    classes: int = 0
    one_hot: bool = False

    def labels(self, y):
        """Class numbers, shape (n,); of numbers y itself, shape (n, targets)."""
        if self.kind == "numbers":
            return np.reshape(y, (len(y), -1))
        return np.argmax(y, axis=-1) if self.one_hot else np.reshape(y, -1).astype(int)


@dataclass(frozen=True)
class Program:
    """What `fit` would do.

    Parameters
    ----------
    model : keras.Model, the reader's own: never trained here, never changed
    data : Data
    task : Task
    size : int, training samples that `fit` would see in an epoch; `data` may hold a part of them
    batch_size, epochs : int
    edits : tuple of callables, layer -> layer or None to leave it; what a copy of the model changes
    optimizer : keras.optimizers.Optimizer, never used here, only copied
    loss : what `compile` got
    notes : tuple of str, what could not be seen, copied or run
    """

    model: keras.Model
    data: Data
    task: Task
    size: int
    batch_size: int
    epochs: int
    optimizer: object
    loss: object
    edits: tuple = ()
    anew: bool = False  # start from new weights, also where the reader's could be copied
    notes: tuple = ()

    @property
    def updates_per_epoch(self):
        return -(-self.size // self.batch_size)

    @property
    def updates(self):
        return self.epochs * self.updates_per_epoch

    def changed(self, **fields):
        return replace(self, **fields)

    def edited(self, edit, **fields):
        return replace(self, edits=(*self.edits, edit), **fields)

    def build(self, seed):
        """A compiled copy of the model, as the seed draws it; the reader's weights where they are a start.

        Weights are copied where they are what `fit` would start from: of a model that was never
        trained all of them with seed 0; with another seed, and of a model that was, only those of
        frozen layers and those that were not drawn by their initializers, such as a pretrained body.
        """
        with seeded(seed):
            copy = _copy(self.model, self.edits)
            started = not self.anew and not trained_before(self.model)
            for old, new in zip(flat(self.model), flat(copy)):
                if [w.shape for w in old.weights] != [w.shape for w in new.weights]:
                    continue
                if type(old) is not type(new) or not old.weights:
                    continue
                pretrained = is_pretrained(old) and (started or not old.trainable)
                if pretrained or (started and seed == 0):
                    new.set_weights(old.get_weights())
            optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
            copy.compile(optimizer, self.loss, jit_compile=False)
            optimizer.build(copy.trainable_variables)
        return copy


def read(model, arguments, named):
    """The program that `model.fit(*arguments, **named)` would run.

    Raises
    ------
    TypeError
        An argument that `fit` does not take.
    ValueError
        The model is no compiled keras.Model with one input and one output, or the data is no
        array, `tf.data.Dataset`, PyDataset or generator of batches (x, y), or is empty.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"model is a {type(model).__name__}: pass a compiled keras.Model (Keras 3)")
    bound = FIT.bind(model, *arguments, **named)
    bound.apply_defaults()
    fit = bound.arguments
    if not model.compiled:
        raise ValueError("model is not compiled: call model.compile(optimizer, loss) first")
    notes = []
    x, y, weight, size, batch_size, shuffle = _training(fit, notes)
    if not getattr(model, "inputs", None):
        model = _built(model, x.shape)
    for ends, name in ((model.inputs, "inputs"), (model.outputs, "outputs")):
        if len(ends) != 1:
            raise ValueError(f"model has {len(ends)} {name}: the check-up takes models with one")
    if tuple(x.shape[1:]) != tuple(model.inputs[0].shape[1:]) and None not in model.inputs[0].shape[1:]:
        if x.shape[1:] + (1,) == tuple(model.inputs[0].shape[1:]):
            x = x[..., np.newaxis]  # as fit does
        else:
            raise ValueError(
                f"x has samples of shape {x.shape[1:]}, but model takes {tuple(model.inputs[0].shape[1:])}"
            )
    task = task_of(y, model)
    if fit["class_weight"]:
        factors = np.array([fit["class_weight"].get(label, 1.0) for label in task.labels(y)], float)
        weight = factors if weight is None else weight * factors
    x_val, y_val, held_back = None, None, False
    if fit["validation_data"] is not None:
        x_val, y_val = _validation(fit["validation_data"], fit["validation_steps"])
    elif fit["validation_split"]:
        first = int(len(x) * (1 - fit["validation_split"]))
        if not 0 < first < len(x):
            raise ValueError(f"validation_split is {fit['validation_split']}: it leaves one part empty")
        x, x_val, y, y_val = x[:first], x[first:], y[:first], y[first:]
        weight, size = None if weight is None else weight[:first], first
    if x_val is not None and x_val.shape[1:] != x.shape[1:]:
        x_val = x_val.reshape(len(x_val), *x.shape[1:])
    rows = _some(len(x), MOST, shuffle)
    if x_val is None and len(rows) < FEW:
        x_val, y_val = x, y
        notes.append(f"{len(rows)} samples are too few to hold some back: all is judged on the training data")
    elif x_val is None:
        held_back = True
        drawn = np.random.default_rng(0).permutation(rows)
        rows, val = np.sort(drawn[len(drawn) // 5 :]), np.sort(drawn[: len(drawn) // 5])
        x_val, y_val = x[val], y[val]
        notes.append("no validation data was given, so a fifth of the training data was held back")
    val = _some(len(x_val), MOST // 3, True)
    data = Data(
        x[rows], y[rows], x_val[val], y_val[val], None if weight is None else weight[rows], shuffle, held_back
    )
    if len(data.x) == 0 or len(data.x_val) == 0:
        raise ValueError(
            f"{len(data.x)} training and {len(data.x_val)} validation samples: pass some of both"
        )
    optimizer, callbacks = model.optimizer, fit["callbacks"] or []
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss scale
    optimizer, told = _with_callbacks(optimizer, callbacks)
    notes += told
    return Program(
        model, data, task, size, batch_size, fit["epochs"] - fit["initial_epoch"], optimizer, model.loss,
        notes=tuple(notes),
    )  # fmt: skip


def _built(model, shape):
    """A copy of a Sequential model that `fit` would build itself; the reader's stays as it is."""
    if not isinstance(model, keras.Sequential):
        raise ValueError("model has no inputs to read: write a subclassed model with the functional API")
    with seeded(0):
        copy = keras.Sequential.from_config(model.get_config())
        copy.build((None, *shape[1:]))
    copy.compile(type(model.optimizer).from_config(model.optimizer.get_config()), model.loss)
    return copy


def _training(fit, notes):
    x, y, shuffle = fit["x"], fit["y"], bool(fit["shuffle"])
    if _is_array(x):
        x, weight = _array("x", x), fit["sample_weight"]
        if y is None:
            raise ValueError("y is missing: pass the labels")
        y = _array("y", y)
        if len(x) != len(y):
            raise ValueError(f"x has {len(x)} samples, y has {len(y)}: pass one label per sample")
        if len(x) == 0:
            raise ValueError("x is empty: pass at least one sample")
        batch_size = fit["batch_size"] or 32
        size = len(x)
        if fit["steps_per_epoch"]:
            size = fit["steps_per_epoch"] * batch_size
        return x, y, None if weight is None else _array("sample_weight", weight), size, batch_size, shuffle
    x, y, weight, batch_size, batches, complete = _collect(x, fit["steps_per_epoch"])
    size = (
        len(x) if complete else (fit["steps_per_epoch"] or batches or -(-len(x) // batch_size)) * batch_size
    )
    if not complete:
        notes.append(f"of the training data the first {len(x):,} samples were looked at")
    # what yields batches decides their order itself
    return x, y, weight, size, batch_size, False


def _validation(data, steps):
    if isinstance(data, (tuple, list)):
        if len(data) not in (2, 3):
            raise ValueError(f"validation_data has {len(data)} parts, but must be (x_val, y_val)")
        x, y = _array("x_val", data[0]), _array("y_val", data[1])
        if len(x) != len(y):
            raise ValueError(f"x_val has {len(x)} samples, y_val has {len(y)}: pass one label per sample")
        return x, y
    return _collect(data, steps)[:2]


def _collect(batches, steps):
    """The first `MOST` samples of what yields batches: x, y, weights, batch size, number of batches, all?"""
    if isinstance(batches, keras.utils.PyDataset):
        count = batches.num_batches if not callable(batches.num_batches) else batches.num_batches()
        each = (batches[i] for i in range(count))
    elif hasattr(batches, "element_spec"):  # tf.data
        count = int(batches.cardinality())
        count = None if count < 0 else count
        each = batches.as_numpy_iterator()
    elif hasattr(batches, "__next__"):
        count, each = steps, batches
        if not steps:
            raise ValueError("x is a generator: say with steps_per_epoch how many batches an epoch has")
    else:
        raise ValueError(
            f"x is a {type(batches).__name__}: pass arrays, a Dataset, a PyDataset or a generator"
        )
    limit = min(filter(None, (count, steps, MOST)))
    parts, seen, taken = [], 0, 0
    for batch in each:
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise ValueError("x must yield batches (x, y): map or zip the labels into it")
        parts.append([np.asarray(part) for part in batch])
        seen, taken = seen + len(parts[-1][0]), taken + 1
        if seen >= MOST or taken >= limit:
            break
    if not parts:
        raise ValueError("x yields no batch")
    arrays = [np.concatenate(column) for column in zip(*parts)]
    complete = count is not None and taken >= count and (not steps or steps <= count)
    weight = arrays[2] if len(arrays) == 3 else None
    return arrays[0], arrays[1], weight, len(parts[0][0]), steps or count, complete


def _is_array(x):
    if isinstance(x, keras.utils.PyDataset) or hasattr(x, "element_spec") or hasattr(x, "__next__"):
        return False
    if isinstance(x, dict) or (isinstance(x, (list, tuple)) and x and np.ndim(x[0]) > 2):
        raise ValueError(f"x is a {type(x).__name__} of inputs: the check-up takes models with one input")
    return True


def _array(name, values):
    array = np.asarray(values)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}: pass an array of numbers")
    return array


def _some(count, most, shuffled):
    """Rows of at most so many; where order matters, whole and evenly spaced."""
    if count <= most:
        return np.arange(count)
    if shuffled:
        return np.sort(np.random.default_rng(0).permutation(count)[:most])
    return np.linspace(0, count - 1, most).astype(int)


def task_of(y, model):
    """What the labels are, whatever the model makes of them.

    Whole numbers from 0 on, few of them and each often, are classes, unless the model puts out one
    number and is compiled with a loss for numbers and there are more than two. One row with a
    single 1 per sample is one-hot.
    """
    if y.ndim == 2 and y.shape[1] > 1:
        finite = np.nan_to_num(y)
        if np.isin(finite, (0, 1)).all() and (finite.sum(axis=1) == 1).all():
            return Task("classes", y.shape[1], True)
        return Task("numbers")
    flat = np.nan_to_num(y.reshape(len(y), -1))
    if flat.shape[1] != 1:
        return Task("numbers")
    values = np.unique(flat)
    whole = (values == np.floor(values)).all() and values.min() >= 0
    few = len(values) <= max(2, min(100, len(flat) // 4))
    if not (whole and few and len(values) > 1):
        return Task("numbers") if not whole or len(values) > 1 else Task("classes", int(values.max()) + 1)
    outputs = model.outputs[0].shape[-1]
    numbers = loss_name(model.loss).startswith(("mean_", "huber", "log_cosh", "poisson"))
    # star ratings, counts: one output, a loss for numbers, whole numbers with gaps or of float type
    if outputs == 1 and numbers and len(values) > 2 and (y.dtype.kind == "f" or len(values) <= values.max()):
        return Task("numbers")
    return Task("classes", int(values.max()) + 1)


def loss_name(loss):
    """Such as "mean_squared_error"; "" for a function of one's own."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return ""
    loss = getattr(loss, "fn", loss)
    known = getattr(loss, "__module__", "").startswith("keras")
    name = getattr(loss, "__name__", "") or getattr(loss, "name", "") or ""
    return name if known else ""


def trained_before(model):
    """Whether an optimizer has taken a step on this model."""
    optimizer = model.optimizer
    return bool(optimizer is not None and int(getattr(optimizer, "iterations", 0)) > 0)


def is_pretrained(layer):
    """Whether a layer's biases or batch statistics have left the values that they start with."""
    for weight in layer.weights:
        value = np.asarray(weight)
        if weight.name in ("bias", "beta", "moving_mean"):
            start = getattr(layer, f"{weight.name}_initializer", None)
            if (start is None or isinstance(start, keras.initializers.Zeros)) and np.any(value != 0):
                return True
    return False


def flat(model):
    """Layers in the order of the model, those of models inside it in place of these."""
    layers = []
    for layer in model.layers:
        layers += flat(layer) if isinstance(layer, keras.Model) else [layer]
    return layers


def _copy(model, edits):
    def copied(layer):
        for edit in edits:
            if not isinstance(layer, keras.layers.InputLayer):
                layer = edit(layer) or layer
        if isinstance(layer, keras.layers.Lambda):
            return keras.layers.Lambda(
                layer.function,
                getattr(layer, "_output_shape", None),
                layer.mask,
                layer.arguments,
                name=layer.name,
            )
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=copied, recursive=True)


def with_config(layer, **changes):
    """The layer with other settings, not built."""
    return type(layer).from_config(layer.get_config() | changes)


@contextmanager
def seeded(seed):
    """Keras draws from this seed; every random state is put back at the end."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras_random = get_global_attribute("global_seed_generator")
    kept = keras_random and keras_random.state.numpy()
    random.seed(seed)  # where Keras takes the seeds of initializers and dropout from
    np.random.seed(seed)  # noqa: NPY002
    set_global_attribute("global_seed_generator", None)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        set_global_attribute("global_seed_generator", keras_random)
        if keras_random:
            keras_random.state.assign(kept)


def _with_callbacks(optimizer, callbacks):
    """The optimizer with the first rate of a LearningRateScheduler, and what is not run."""
    callbacks = getattr(callbacks, "callbacks", callbacks)
    callbacks = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
    notes = []
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.LearningRateScheduler):
            rate = float(np.asarray(optimizer.learning_rate))
            try:
                rate = float(callback.schedule(0, rate))
            except TypeError:
                rate = float(callback.schedule(0))
            optimizer = with_rate(optimizer, rate)
    names = sorted({type(callback).__name__ for callback in callbacks if callback is not None})
    if names:
        notes.append(f"callbacks are not called in the experiments: {', '.join(names)}")
    return optimizer, notes


def with_rate(optimizer, rate):
    """A new optimizer of the same kind with a constant rate."""
    return type(optimizer).from_config(optimizer.get_config() | {"learning_rate": rate})
