"""The causes: which reading raises a suspicion, and the one change that would repair it."""

from dataclasses import replace
from typing import NamedTuple

from helpers.checkup.experiment import from_logits
from helpers.checkup.facts import POOLING, SQUASHING, activation_name
from helpers.checkup.program import with_config, with_rate

import keras
import numpy as np


class Suspicion(NamedTuple):
    """A cause that might be at work: what was read, and what to change to find out."""

    cause: str
    strength: float  # from 0 to 1: in which order they are tried
    reading: str
    change: str  # the changed lines, as a diff
    repaired: object = None  # Program -> Program; None where no training is needed or possible
    measure: str = "val"  # what has to get better, as in diagnosis.gain: "val", "either" or "balanced"
    grows: float = 1.0  # times the updates of the program
    certain: bool = False  # named without an experiment


LESSONS = {
    "insufficient capacity": "01_insufficient_capacity",
    "information bottleneck": "02_information_bottleneck",
    "saturating activations": "03_saturating_activations",
    "dying ReLU": "04_dying_relu",
    "excessive pooling": "05_excessive_pooling",
    "learning rate too low": "06_learning_rate",
    "learning rate too high": "06_learning_rate",
    "optimizer choice": "07_optimizer_choice",
    "batch size": "08_batch_size",
    "overfitting": "09_overfitting",
    "over-regularized": "09_overfitting",
    "class imbalance": "10_class_imbalance",
    "unscaled inputs": "11_unscaled_inputs",
    "train/validation preprocessing mismatch": "11_unscaled_inputs",
    "noisy labels": "12_noisy_labels",
    "too little data": "13_too_little_data",
    "too few epochs": "14_silent_mistakes",
    "wrong output activation": "14_silent_mistakes",
    "wrong loss": "14_silent_mistakes",
    "labels misaligned or shuffled": "14_silent_mistakes",
    "unshuffled or sorted data/split": "14_silent_mistakes",
    "frozen layers": "14_silent_mistakes",
    "NaN in data": "14_silent_mistakes",
    "missing activation": "14_silent_mistakes",
    "bad initialization": "14_silent_mistakes",
}
# rates with which networks of a few layers usually learn: Keras's defaults, but for SGD and those for which
# the default is known to be too low
USUAL = {"SGD": 0.01, "Adadelta": 1.0, "Adagrad": 0.01, "Ftrl": 0.05}
SLOW = ("Adadelta", "Adagrad", "Ftrl")


def usual_rate(facts):
    return USUAL.get(facts.optimizer, 0.001)


def suspicions(facts):
    """Everything that the readings before training suggest, the strongest first."""
    found = []
    for look in LOOKS:
        found += look(facts) or []
    return sorted(found, key=lambda suspicion: -suspicion.strength)


def _edit(layers, **changes):
    """An edit that changes the settings of some layers, by name."""
    names = {layer.name for layer in layers}

    def edit(layer):
        if layer.name in names:
            kept = {name: value for name, value in changes.items() if name in layer.get_config()}
            return with_config(layer, **kept)

    return edit


def _names(layers):
    names = [layer.name for layer in layers]
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "")


# output and loss


def output_and_loss(facts):
    task, program = facts.program.task, facts.program
    outputs = program.model.outputs[0].shape[-1]
    found = []
    activation, loss = facts.output_activation, facts.loss
    if task.kind == "numbers":
        y = task.labels(program.data.y)
        low, high = float(np.nanmin(y)), float(np.nanmax(y))
        reach = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf), "softmax": (0, 1),
                 "softplus": (0, np.inf), "hard_sigmoid": (0, 1)}.get(activation)  # fmt: skip
        if reach and (low < reach[0] - 0.05 or high > reach[1] + 0.05 or activation == "softmax"):
            found.append(Suspicion(
                "wrong output activation", 1.0,
                f"the output is a {activation}, and the targets run from {low:.3g} to {high:.3g}",
                f'- activation="{activation}"\n+ activation=None  # numbers need no bounds',
                lambda p: p.edited(_output(facts, activation="linear")),
            ))  # fmt: skip
        shares = loss.startswith("binary") and low >= 0 and high <= 1  # several labels at once, gray values
        if ("crossentropy" in loss or "hinge" in loss) and not shares:
            found.append(Suspicion(
                "wrong loss", 1.0, f"the targets are numbers, and {loss} compares classes",
                f'- loss="{loss}"\n+ loss="mean_squared_error"',
                lambda p: p.changed(loss="mean_squared_error"),
            ))  # fmt: skip
        return found
    binary = outputs == 1 and task.classes <= 2
    right = "binary_crossentropy" if binary else (
        "categorical_crossentropy" if task.one_hot else "sparse_categorical_crossentropy"
    )  # fmt: skip
    wanted = "sigmoid" if binary else "softmax"
    logits = from_logits(program.loss) and activation == "linear"
    units = 1 if binary else max(task.classes, outputs)
    if (activation != wanted or outputs < units) and not logits:
        both = loss != right or outputs < units
        words = f"the output is {outputs} unit{'s' * (outputs > 1)} with {activation}"
        strength = 0.5 if activation == "sigmoid" and outputs >= units else 0.97
        found.append(Suspicion(
            "wrong output activation", strength,
            f"{words}, and {task.classes} classes want {units} with {wanted}",
            f'- {outputs}, activation="{activation}"\n+ {units}, activation="{wanted}"'
            + f'\n+ loss="{right}"' * both,
            lambda p: p.edited(_output(facts, activation=wanted, units=units), loss=right),
        ))  # fmt: skip
    fits = {right}
    if not binary and activation == "softmax":
        fits |= {"categorical_focal_crossentropy", "kl_divergence"}
    if binary:
        fits |= {"binary_focal_crossentropy"}
    if loss and loss not in fits:
        certain = (outputs == 1) != (loss.startswith("binary") or not loss.endswith("crossentropy"))
        found.append(Suspicion(
            "wrong loss", 0.96 if certain else 0.55,
            f"{loss} with {outputs} output{'s' * (outputs > 1)} and labels of {task.classes} classes",
            f'- loss="{loss}"\n+ loss="{right}"',
            lambda p: p.edited(_output(facts, activation=wanted, units=units), loss=right),
        ))  # fmt: skip
    return found


def _output(facts, **changes):
    """The last layer with a kernel, changed; activation layers behind it take nothing away."""
    output = facts.output
    behind = {layer.name for layer in facts.layers[facts.layers.index(output) + 1 :]}

    def edit(layer):
        if layer.name == output.name:
            return with_config(layer, **changes)
        if layer.name in behind and activation_name(layer) != "linear":
            return keras.layers.Identity(name=layer.name)

    return edit


# data


def holes(facts):
    spoiled = {name: count for name, count in facts.holes.items() if count}
    if not spoiled:
        return
    parts = ", ".join(f"{count} of {name}" for name, count in spoiled.items())

    def repaired(program):
        data = program.data
        good = np.isfinite(data.x.astype(float)).reshape(len(data.x), -1).all(axis=1)
        good &= np.isfinite(data.y.astype(float)).reshape(len(data.y), -1).all(axis=1)
        fine = np.isfinite(data.x_val.astype(float)).reshape(len(data.x_val), -1).all(axis=1)
        fine &= np.isfinite(data.y_val.astype(float)).reshape(len(data.y_val), -1).all(axis=1)
        return program.changed(data=replace(data.keep(good), x_val=data.x_val[fine], y_val=data.y_val[fine]))

    return [Suspicion(
        "NaN in data", 1.0, f"NaN or infinity in samples: {parts}",
        "+ good = np.isfinite(x).reshape(len(x), -1).all(axis=1)\n+ x, y = x[good], y[good]", repaired,
        certain=True,
    )]  # fmt: skip


def scale(facts):
    mean, std, largest = facts.seen
    far = max(std / 3, largest / 40, 0.1 / std if std else 1, abs(mean) / (4 * std) if std else 1)
    if far <= 1:
        return

    def repaired(program):
        data = program.data
        tabular = data.x.ndim == 2
        x, axis = np.nan_to_num(data.x.astype("float32")), 0 if tabular else None
        center, spread = x.mean(axis=axis), x.std(axis=axis)
        spread = np.where(spread > 0, spread, 1)
        scaled = [
            ((part.astype("float32") - center) / spread).astype("float32") for part in (data.x, data.x_val)
        ]
        return program.changed(data=replace(data, x=scaled[0], x_val=scaled[1]))

    strength = float(np.clip(0.55 + 0.15 * np.log10(far), 0.3, 0.95))
    return [Suspicion(
        "unscaled inputs", strength,
        f"the first layer sees mean {mean:.3g}, standard deviation {std:.3g}, at most {largest:.3g}",
        "+ x = (x - x_train.mean()) / x_train.std()  # the same for validation", repaired,
    )]  # fmt: skip


def mismatch(facts):
    (mean, std, _), (mean_val, std_val, _) = facts.seen, facts.seen_val
    if not std or not std_val:
        return
    ratio, shift = std_val / std, abs(mean_val - mean) / std
    if 0.6 < ratio < 1.7 and shift < 0.6:
        return

    def repaired(program):
        data = program.data
        x, x_val = data.x.astype("float32"), data.x_val.astype("float32")
        center, spread = x_val.mean(), x_val.std() or 1
        moved = (x_val - center) / spread * x.std() + x.mean()
        return program.changed(data=replace(data, x_val=moved.astype("float32")))

    return [Suspicion(
        "train/validation preprocessing mismatch", 0.9,
        f"inputs have mean {mean:.3g} and standard deviation {std:.3g} in training, {mean_val:.3g} and "
        f"{std_val:.3g} in validation", "- x_val\n+ x_val prepared as x_train", repaired,
    )]  # fmt: skip


def order(facts):
    program = facts.program
    task, data = program.task, program.data
    if task.kind == "numbers":
        return
    found = []
    labels, labels_val = task.labels(data.y), task.labels(data.y_val)
    unseen = float(np.mean(~np.isin(labels_val, np.unique(labels))))
    split = unseen > 0.05 or _kinds(labels_val) < 0.6 * _kinds(labels)
    same = float(np.mean(labels[1:] == labels[:-1]))
    chance = float(np.square(facts.counts / facts.counts.sum()).sum())
    if split and not data.held_back:

        def mixed(program):
            data = program.data
            x, y = np.concatenate([data.x, data.x_val]), np.concatenate([data.y, data.y_val])
            rows = np.random.default_rng(0).permutation(len(x))
            first = len(data.x)
            return program.changed(data=replace(
                data, x=x[rows[:first]], y=y[rows[:first]], x_val=x[rows[first:]], y_val=y[rows[first:]],
                weight=None, shuffle=True,
            ))  # fmt: skip

        found.append(Suspicion(
            "unshuffled or sorted data/split", 0.99,
            f"validation holds {len(np.unique(labels_val))} classes, training {len(np.unique(labels))}; "
            f"{unseen:.0%} of the validation labels never occur in training",
            "+ order = np.random.default_rng(0).permutation(len(x))\n+ x, y = x[order], y[order]", mixed,
            certain=True,
        ))  # fmt: skip
    elif not data.shuffle and same > chance + 0.5 * (1 - chance):
        found.append(Suspicion(
            "unshuffled or sorted data/split", 0.95,
            f"the samples come in a fixed order, and {same:.0%} follow one of their own class",
            "- shuffle=False\n+ shuffle=True", lambda p: p.changed(data=replace(p.data, shuffle=True)),
        ))  # fmt: skip
    return found


def _kinds(labels):
    """How many classes, the rare ones counted less: exp(entropy of their shares)."""
    shares = np.bincount(labels) / len(labels)
    return float(np.exp(-np.sum(shares[shares > 0] * np.log(shares[shares > 0]))))


def imbalance(facts):
    if facts.counts is None:
        return
    counts = facts.counts[facts.counts > 0]
    if len(counts) < 2 or counts.min() / counts.mean() > 0.4:
        return

    def repaired(program):
        labels = program.task.labels(program.data.y)
        counts = np.bincount(labels, minlength=program.task.classes).clip(1)
        weight = (counts.sum() / (np.count_nonzero(counts) * counts))[labels]
        return program.changed(data=replace(program.data, weight=weight))

    return [Suspicion(
        "class imbalance", 0.4 + 0.3 * (counts.min() / counts.mean() < 0.2),
        f"the rarest class has {counts.min()} samples, the mean class {counts.mean():.0f}",
        "+ class_weight={label: counts.mean() / count for label, count in enumerate(counts)}",
        repaired, "balanced",
    )]  # fmt: skip


def noise(facts):
    rows, looked = facts.suspects
    if looked == 0 or len(rows) / looked < 0.12:
        return
    share = len(rows) / looked

    def repaired(program):
        keep = np.ones(len(program.data.x), bool)
        keep[rows[rows < len(keep)]] = False
        return program.changed(data=program.data.keep(keep))

    return [Suspicion(
        "noisy labels", 0.3 + 0.4 * min(1, share), f"similar samples contradict {share:.0%} of the labels",
        "+ suspects = suspect_labels(x, y)  # look at them again, or leave them out", repaired,
    )]  # fmt: skip


# network


def activations(facts):
    found = []
    if facts.missing:
        found.append(Suspicion(
            "missing activation", 0.8, f"no activation behind {_names(facts.missing)}",
            '- activation=None\n+ activation="relu"',
            lambda p: p.edited(_edit(facts.missing, activation="relu")),
        ))  # fmt: skip
    squashing = [layer for layer in facts.hidden if activation_name(layer) in SQUASHING]
    layers = [layer for layer in facts.layers[:-1]
              if isinstance(layer, keras.layers.Activation) and activation_name(layer) in SQUASHING
              and layer is not facts.output]  # fmt: skip
    behind = set(facts.layers[facts.layers.index(facts.output) :]) if facts.output is not None else set()
    layers = [layer for layer in layers if layer not in behind]
    if squashing or layers:
        kinds = sorted({activation_name(layer) for layer in squashing + layers})
        found.append(Suspicion(
            "saturating activations", 0.75 if kinds != ["tanh"] else 0.45,
            f"{_names(squashing + layers)} squash with {' and '.join(kinds)}",
            f'- activation="{kinds[0]}"\n+ activation="relu"',
            lambda p: p.edited(
                _edit(squashing + layers, activation="relu", kernel_initializer="he_normal"), anew=True
            ),
        ))  # fmt: skip
    return found


def frozen(facts):
    if facts.frozen:
        return [Suspicion(
            "frozen layers", 0.85,
            f"trainable is False on {_names(facts.frozen)}, whose weights are as drawn",
            "- trainable=False\n+ trainable=True",
            lambda p: p.edited(_thaw),
        )]  # fmt: skip


def _thaw(layer):
    return with_config(layer, trainable=True) if not layer.trainable else None


def regularization(facts):
    rates, penalized = facts.penalties
    if not rates and not penalized:
        return
    heavy = max([layer.rate for layer in rates], default=0)
    words = [f"dropout of {heavy:g}"] if rates else []
    if penalized:
        words.append(f"penalties on {_names(penalized)}")

    def edit(layer):
        if "Dropout" in type(layer).__name__ and layer.rate > 0.5:
            return with_config(layer, rate=0.2)
        config = layer.get_config()
        changes = {
            name: None for name in config if name.endswith("_regularizer") and config[name] is not None
        }
        return with_config(layer, **changes) if changes else None

    return [Suspicion(
        "over-regularized", 0.7 if heavy >= 0.7 or penalized else 0.4, " and ".join(words),
        "- " + " and ".join(words) + "\n+ dropout of 0.2 at most, no penalty", lambda p: p.edited(edit),
    )]  # fmt: skip


def initialization(facts):
    layers = facts.equal_weights
    if not layers or any(layer for layer in layers if layer not in facts.weighted):
        return

    def edit(layer):
        if layer.name in {each.name for each in layers}:
            return with_config(layer, kernel_initializer="glorot_uniform", bias_initializer="zeros")

    return [Suspicion(
        "bad initialization", 0.9,
        f"the kernels of {_names(layers)} are constant or far from their usual size",
        '- kernel_initializer=…\n+ kernel_initializer="glorot_uniform"', lambda p: p.edited(edit, anew=True),
    )]  # fmt: skip


def dead(facts):
    relus = [layer for layer in facts.hidden if activation_name(layer) == "relu"]
    alone = [layer for layer in facts.layers if isinstance(layer, (keras.layers.ReLU,))]
    if not relus and not alone or facts.dead < 0.25:
        return

    def edit(layer):
        if layer.name in {each.name for each in relus}:
            return with_config(layer, activation="leaky_relu", bias_initializer="zeros")
        if isinstance(layer, keras.layers.ReLU):
            return keras.layers.LeakyReLU(name=layer.name)

    return [Suspicion(
        "dying ReLU", 0.8, f"{facts.dead:.0%} of the units of a layer are silent before training",
        '- activation="relu"\n+ activation="leaky_relu", bias_initializer="zeros"',
        lambda p: p.edited(edit, anew=True),
    )]  # fmt: skip


def pooling(facts):
    big = [layer for layer in facts.layers if isinstance(layer, POOLING) and max(layer.pool_size) >= 3]
    overall = [layer for layer in facts.layers if type(layer).__name__.startswith("Global")]
    found = []
    if big:

        def edit(layer):
            if layer.name in {each.name for each in big}:
                return keras.layers.Identity(name=layer.name)

        found.append(Suspicion(
            "excessive pooling", 0.6, f"{_names(big)} pools {max(big[0].pool_size)} pixels to one",
            f"- pooling of {max(big[0].pool_size)}\n+ none, or strides=2 in the convolution",
            lambda p: p.edited(edit),
        ))  # fmt: skip
    if overall and not big:

        def flatten(layer):
            if layer.name in {each.name for each in overall}:
                return keras.layers.Flatten(name=layer.name)

        found.append(Suspicion(
            "excessive pooling", 0.3, f"{_names(overall)} leaves nothing of the places",
            "- layers.GlobalAveragePooling2D()\n+ layers.Flatten()", lambda p: p.edited(flatten),
        ))  # fmt: skip
    return found


def _width(layer):
    return getattr(layer, "filters", None) or getattr(layer, "units", 0)


def _numbers(layer):
    """How many numbers a layer puts out for a sample; where sizes are not known, its width."""
    return int(np.prod([size or 1 for size in layer.output.shape[1:]]))


def capacity(facts):
    hidden = [layer for layer in facts.hidden if _width(layer)]
    if not hidden:
        return
    task = facts.program.task
    need = max(task.classes // 2, 2)
    widest = max(map(_width, hidden))
    squeezed = [
        layer for layer in hidden
        if _numbers(layer) <= need or (_width(layer) <= 2 and 8 * _width(layer) <= widest)
    ]  # fmt: skip
    found = []
    few = ", ".join(str(_width(layer)) for layer in hidden[:6])
    if squeezed and len(squeezed) < len(hidden) and widest >= 8:
        names = {layer.name for layer in squeezed}
        wide = max(32, 4 * need)
        found.append(Suspicion(
            "information bottleneck", 0.75,
            f"{_names(squeezed)} passes on {min(map(_width, squeezed))} where others have {widest}",
            f"- {_names(squeezed)}: {min(map(_width, squeezed))}\n+ {wide}",
            lambda p: p.edited(lambda layer: _wider(layer, wide) if layer.name in names else None),
        ))  # fmt: skip
    tiny = sum(_width(layer) <= need + 2 for layer in hidden) >= len(hidden) / 2
    if tiny or widest <= 16:
        names = {layer.name for layer in hidden}
        found.append(Suspicion(
            "insufficient capacity", 0.6 if tiny else 0.3, f"hidden layers of {few}",
            "- units and filters\n+ four times as many, at least 16",
            lambda p: p.edited(
                lambda layer: _wider(layer, max(4 * _width(layer), 16)) if layer.name in names else None
            ),
        ))  # fmt: skip
    return found


def _wider(layer, width):
    return with_config(layer, **{"filters" if hasattr(layer, "filters") else "units": width})


# training


def rate(facts):
    found, usual = [], usual_rate(facts)
    if facts.optimizer in SLOW or (
        facts.optimizer == "SGD" and not getattr(facts.program.optimizer, "momentum", 0)
    ):
        found.append(Suspicion(
            "optimizer choice", 0.6 if facts.optimizer in SLOW else 0.25,
            f"{facts.optimizer} at {facts.rate:.2g}" + ", no momentum" * (facts.optimizer == "SGD"),
            f"- {facts.optimizer}(learning_rate={facts.rate:.2g})\n+ Adam(learning_rate=0.001)",
            lambda p: p.changed(optimizer=keras.optimizers.Adam(0.001)),
        ))  # fmt: skip
    ratio = facts.rate / usual
    if facts.optimizer not in SLOW and ratio < 0.35:
        found.append(Suspicion(
            "learning rate too low", float(np.clip(0.3 - 0.25 * np.log10(ratio), 0.3, 0.95)),
            f"a rate of {facts.rate:.2g}, usual with {facts.optimizer} is {usual:g}",
            f"- learning_rate={facts.rate:.2g}\n+ learning_rate={usual:g}",
            lambda p: p.changed(optimizer=with_rate(p.optimizer, usual)),
        ))  # fmt: skip
    if ratio > 4:
        found.append(Suspicion(
            "learning rate too high", float(np.clip(0.3 + 0.3 * np.log10(ratio), 0.3, 0.95)),
            f"a rate of {facts.rate:.2g}, usual with {facts.optimizer} is {usual:g}",
            f"- learning_rate={facts.rate:.2g}\n+ learning_rate={usual:g}",
            lambda p: p.changed(optimizer=with_rate(p.optimizer, usual)),
        ))  # fmt: skip
    return found


def batches(facts):
    program = facts.program
    found = []
    if program.updates_per_epoch < 12 and program.batch_size > 64:
        found.append(Suspicion(
            "batch size", 0.6,
            f"{program.updates_per_epoch} updates an epoch, of {program.batch_size} samples",
            f"- batch_size={program.batch_size}\n+ batch_size=32",
            lambda p: p.changed(batch_size=32), grows=program.batch_size / 32,
        ))  # fmt: skip
    if program.epochs <= 5 and program.updates < 600:
        found.append(Suspicion(
            "too few epochs", 0.35 + 0.3 * (program.updates < 100),
            f"{program.updates} updates in {program.epochs} epochs",
            f"- epochs={program.epochs}\n+ epochs={program.epochs * 5}", lambda p: p, grows=5.0,
        ))  # fmt: skip
    return found


LOOKS = (
    holes, output_and_loss, order, mismatch, scale, initialization, frozen, activations, dead, regularization,
    rate, batches, pooling, capacity, imbalance, noise,
)  # fmt: skip
