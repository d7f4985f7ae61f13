"""Read every instrument on the healthy CNN, before and after training, into data/vitals.csv.

Usage: python tools/vitals.py SEEDS

The false-alarm counts in the docstrings of helpers.instruments come from this table.
"""

import sys
from pathlib import Path

from helpers import instruments
from helpers.data import load_fashion_mnist

import keras
import numpy as np
import pandas as pd
from keras import layers
from tqdm import trange

VITALS = Path(__file__).parent.parent / "data" / "vitals.csv"
LEARNING_RATE = 0.003


def healthy_cnn(seed):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate=LEARNING_RATE)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def readings(model, x, y):
    """One number per instrument."""
    batch = x[:256], y[:256]
    norms = list(instruments.gradient_norms(model, *batch).values())
    ratios = instruments.update_to_weight_ratios(model, *batch)
    dead = instruments.dead_units(model, x[:512])
    probes = list(instruments.linear_probes(model, x[:1000], y[:1000]).values())
    return {
        "initial_loss": instruments.initial_loss(model, *batch),
        "gradient_norms first/last": norms[0] / norms[-1],
        "update_to_weight_ratios median": np.median(list(ratios.values())),
        "dead_units largest share": max(units.mean() for units in dead.values()),
        "learning_rate_range_test suggested": instruments.learning_rate_range_test(model, x, y).suggested,
        "overfit_one_batch last loss": instruments.overfit_one_batch(model, x[:20], y[:20])[-1],
        "effective_ranks lowest": min(instruments.effective_ranks(model, x[:512]).values()),
        "gradient_noise_scale": instruments.gradient_noise_scale(model, x, y),
        "linear_probes largest drop": max(a - b for a, b in zip(probes, probes[1:])),
    }


def main(seeds):
    (x_train, y_train), (x_val, y_val), _ = load_fashion_mnist()
    x_train, x_val = x_train.astype("float32") / 255, x_val.astype("float32") / 255
    rows = []
    for seed in trange(seeds, unit="seed"):
        model = healthy_cnn(seed)
        before = readings(model, x_train, y_train)
        model.fit(x_train, y_train, epochs=4, batch_size=64, verbose=0)
        after = readings(model, x_train, y_train)
        after["val_accuracy"] = model.evaluate(x_val, y_val, verbose=0)[1]
        for moment, numbers in (("before", before), ("after", after)):
            rows += [("healthy", seed, moment, reading, value) for reading, value in numbers.items()]
    table = pd.DataFrame(rows, columns=["patient", "seed", "moment", "reading", "value"])
    table.to_csv(VITALS, index=False, float_format="%.6g")
    print(table.groupby(["moment", "reading"]).value.describe()[["min", "50%", "max"]].to_string())


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python tools/vitals.py SEEDS   (a number, such as 20)")
    main(int(sys.argv[1]))
