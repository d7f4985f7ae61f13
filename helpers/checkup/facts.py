"""Look and measure: what configuration, data and the untrained network tell, before anything is tried."""

import warnings
from dataclasses import dataclass
from functools import cached_property

from helpers import instruments
from helpers.checkup.program import Program, flat, is_pretrained, loss_name

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier

WEIGHTED = (
    keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D,
    keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose,
)  # fmt: skip
POOLING = tuple(getattr(keras.layers, f"{kind}Pooling{n}D") for kind in ("Max", "Average") for n in (1, 2, 3))
SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax", "hard_tanh")
NONLINEAR = (keras.layers.Activation, keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU,
             keras.layers.PReLU, keras.layers.Softmax)  # fmt: skip


def activation_name(layer):
    """Such as "relu"; "linear" for a layer without one."""
    if isinstance(layer, keras.layers.Activation) or hasattr(layer, "activation"):
        activation = layer.activation
        return getattr(activation, "__name__", type(activation).__name__.lower()) if activation else "linear"
    if isinstance(layer, NONLINEAR):
        return type(layer).__name__.lower()
    return "linear"


@dataclass
class Facts:
    """What is known of a program; every number is measured when it is first asked for."""

    program: Program

    # configuration

    @cached_property
    def layers(self):
        return flat(self.program.model)

    @cached_property
    def weighted(self):
        """Layers with a kernel, in order."""
        return [layer for layer in self.layers if isinstance(layer, WEIGHTED)]

    @property
    def hidden(self):
        return self.weighted[:-1]

    @property
    def output(self):
        """The last layer with a kernel."""
        return self.weighted[-1] if self.weighted else None

    @cached_property
    def output_activation(self):
        """Of the last layer with a kernel, or of activation layers behind it."""
        if self.output is None:
            return "linear"
        name = activation_name(self.output)
        for layer in self.layers[self.layers.index(self.output) + 1 :]:
            if isinstance(layer, NONLINEAR) and activation_name(layer) != "linear":
                name = activation_name(layer)
        return name

    @cached_property
    def loss(self):
        return loss_name(keras.tree.flatten(self.program.loss)[0]) if self.program.loss else ""

    @cached_property
    def optimizer(self):
        return type(self.program.optimizer).__name__

    @cached_property
    def rate(self):
        """The learning rate now, of a schedule that of the first step."""
        rate = self.program.optimizer._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            return float(rate(0))
        return float(np.asarray(self.program.optimizer.learning_rate))

    @cached_property
    def missing(self):
        """Hidden layers with a kernel behind which nothing bends before the next kernel."""
        found = []
        for layer in self.hidden:
            if activation_name(layer) != "linear":
                continue
            if not self._bends_behind(layer):
                found.append(layer)
        return found

    def _bends_behind(self, layer, depth=0):
        """Whether every way on from here meets an activation before the next kernel."""
        targets = [node.operation for node in getattr(layer, "_outbound_nodes", [])]
        if not targets or depth > 12:
            following = self.layers[self.layers.index(layer) + 1 :] if layer in self.layers else []
            targets = following[:1]
        if not targets:
            return False
        for target in targets:
            if isinstance(target, NONLINEAR):
                continue
            if isinstance(target, WEIGHTED):
                return False
            if type(target).__name__ in (
                "Relu",
                "Relu6",
                "LeakyRelu",
                "Elu",
                "Gelu",
                "Silu",
                "Tanh",
                "Sigmoid",
            ):
                continue
            if not self._bends_behind(target, depth + 1):
                return False
        return True

    @cached_property
    def frozen(self):
        """Layers with weights that no step moves, and that no training has moved before."""
        return [
            layer for layer in self.layers
            if layer.weights and isinstance(layer, WEIGHTED) and not layer.trainable_variables
            and not is_pretrained(layer)
        ]  # fmt: skip

    @cached_property
    def penalties(self):
        """Layers with an L1 or L2 penalty, dropout rates above one half."""
        rates = [layer for layer in self.layers if "Dropout" in type(layer).__name__ and layer.rate > 0.5]
        penalized = [
            layer for layer in self.layers
            if any(getattr(layer, name, None) is not None
                   for name in ("kernel_regularizer", "activity_regularizer", "bias_regularizer"))
        ]  # fmt: skip
        return rates, penalized

    @cached_property
    def equal_weights(self):
        """Hidden layers whose kernels hold the same number everywhere, or are far from their usual size."""
        found = []
        for layer in self.weighted:
            for weight in layer.weights:
                if not weight.name.endswith("kernel"):
                    continue
                value = np.asarray(weight)
                fan = max(1, int(np.prod(value.shape[:-1])))
                usual = np.sqrt(2 / fan)
                if value.std() < usual / 30 or value.std() > usual * 8:
                    found.append(layer)
        return found

    # data

    @cached_property
    def holes(self):
        """Samples with NaN or infinity: in x, y, x_val, y_val."""
        data = self.program.data
        return {
            name: int((~np.isfinite(part.astype(float))).reshape(len(part), -1).any(axis=1).sum())
            for name, part in (("x", data.x), ("y", data.y), ("x_val", data.x_val), ("y_val", data.y_val))
        }

    @cached_property
    def seen(self):
        """(mean, standard deviation, largest) of the inputs as the first layer with a kernel sees them."""
        return self._moments(self.program.data.x)

    @cached_property
    def seen_val(self):
        return self._moments(self.program.data.x_val)

    def _moments(self, x):
        x = np.nan_to_num(x[np.random.default_rng(0).permutation(len(x))[:300]].astype("float32"))
        first = self.weighted[0] if self.weighted else None
        try:
            values = _input_of(self.program.model, first, x) if first is not None else x
        except Exception:  # a model that this cannot look into
            values = x
        return float(values.mean()), float(values.std()), float(np.abs(values).max())

    @cached_property
    def counts(self):
        task, data = self.program.task, self.program.data
        return np.bincount(task.labels(data.y), minlength=task.classes) if task.kind == "classes" else None

    @cached_property
    def rows(self):
        """(rows, labels, rows_val, labels_val): at most 2,000 and 1,000 samples for simple models."""
        data, task = self.program.data, self.program.task
        rows = np.random.default_rng(0).permutation(len(data.x))[:2000]
        val = np.random.default_rng(1).permutation(len(data.x_val))[:1000]
        x = np.nan_to_num(data.x[rows].reshape(len(rows), -1).astype("float32"))
        x_val = np.nan_to_num(data.x_val[val].reshape(len(val), -1).astype("float32"))
        center, scale = x.mean(axis=0), x.std(axis=0)
        scale = np.where(scale > 0, scale, 1) if x.shape[1] < 100 else (x.std() or 1)
        return (
            (x - center) / scale,
            task.labels(data.y[rows]),
            (x_val - center) / scale,
            task.labels(data.y_val[val]),
        )

    @cached_property
    def reference(self):
        """val_accuracy (of numbers R squared) of the better of a linear model and ten neighbors."""
        x, y, x_val, y_val = self.rows
        if self.program.task.kind == "numbers":
            model = RidgeCV(alphas=(1, 10, 100, 1000)).fit(x, y)
            errors = np.square(model.predict(x_val).reshape(y_val.shape) - y_val).mean()
            return float(1 - errors / (np.square(y_val - y.mean(axis=0)).mean() or 1))
        if len(np.unique(y)) < 2:
            return 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            linear = LogisticRegression(C=0.01 if x.shape[1] >= 100 else 1.0, max_iter=60).fit(x, y)
        neighbors = KNeighborsClassifier(min(10, len(x))).fit(x, y)
        return float(max(linear.score(x_val, y_val), neighbors.score(x_val, y_val)))

    @cached_property
    def guessing(self):
        """val_accuracy of the most frequent class of the training data; 0 for numbers."""
        if self.program.task.kind == "numbers":
            return 0.0
        labels = self.program.task.labels(self.program.data.y_val)
        return float(np.mean(labels == self.counts.argmax()))

    @cached_property
    def distinct(self):
        """How many different samples there are, of those that were kept; of more, as many as fit sees."""
        data, size = self.program.data, self.program.size
        different = len({row.tobytes() for row in np.ascontiguousarray(data.x)})
        return size if different > 0.9 * len(data.x) else different

    @cached_property
    def few(self):
        """Whether so few samples are there that more of them would be the first thing to ask for."""
        return self.distinct <= 600 or (
            self.counts is not None and self.distinct / self.program.task.classes < 60
        )

    @cached_property
    def suspects(self):
        """Rows of the training data whose label similar samples contradict, and how many were looked at."""
        if self.program.task.kind == "numbers":
            return np.array([], int), 0
        data, task = self.program.data, self.program.task
        rows = np.random.default_rng(0).permutation(len(data.x))[:2000]
        x = np.nan_to_num(data.x[rows].reshape(len(rows), -1).astype("float32"))
        if x.shape[1] < 100:
            x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
        try:
            return rows[instruments.suspect_labels(x, task.labels(data.y[rows]))], len(rows)
        except ValueError:
            return np.array([], int), len(rows)

    # the untrained network

    @cached_property
    def fresh(self):
        return self.program.build(0)

    @cached_property
    def dead(self):
        """Largest share of dead units in a hidden layer before training."""
        return self.dead_in(self.fresh)

    def dead_in(self, model):
        try:
            x = np.nan_to_num(self.program.data.x[:512].astype("float32"))
            return max(float(units.mean()) for units in instruments.dead_units(model, x).values())
        except ValueError:
            return 0.0


def _input_of(model, layer, x):
    """What a layer of the model is given for x."""
    for inner in model.layers:
        if isinstance(inner, keras.Model) and layer in flat(inner):
            before = _input_of_top(model, inner, x)
            return _input_of(inner, layer, before)
    return _input_of_top(model, layer, x)


def _input_of_top(model, layer, x):
    if isinstance(model, keras.Sequential):
        for each in model.layers:
            if each is layer:
                break
            x = each(x, training=False)
        return np.asarray(x)
    tensor = next(node.input_tensors[0] for node in layer._inbound_nodes if node.input_tensors)
    return np.asarray(keras.Model(model.inputs[0], tensor)(x, training=False))
