"""A case: a patient whose curves are free, whose tests cost points; diagnosis and treatment are scored."""

import difflib
from typing import NamedTuple

from helpers.clinic.examinations import CHART, TESTS
from helpers.clinic.faults import FAULTS, plan
from helpers.clinic.recipe import run
from helpers.data import CASES, CLASS_NAMES
from helpers.figures import learning_curves
from helpers.live import LiveCurve

import keras
import numpy as np
import pandas as pd
from IPython.display import display
from sklearn.metrics import balanced_accuracy_score

POINTS = 100
WRONG_DIAGNOSIS = 25
PRACTICE = 100  # cases below this number show their solution
HEALTHY = "healthy"
# two names of one disease: either is right, and both together are one name
SAME = {"overfitting": "too little data", "optimizer choice": "learning rate"}
NAMES = (*sorted({*FAULTS, *SAME}, key=str.lower), HEALTHY)


def balanced_recall(model, x, y):
    """Mean over the classes of the share that is found: 1 / classes for whoever always answers the same.

    Parameters
    ----------
    model : keras.Model with one output for each class
    x : array, shape (n, ...), images as the model wants them
    y : int array, shape (n,), classes from 0 on

    Returns
    -------
    float, scikit-learn's balanced accuracy

    Raises
    ------
    ValueError
        The model puts out NaN, or another number of outputs.
    """
    outputs = np.asarray(model(x, training=False))
    classes = int(y.max()) + 1
    if outputs.shape != (len(y), classes):
        raise ValueError(
            f"the model puts out shape {outputs.shape[1:]} for an image, but there are {classes} classes: "
            "give its last layer one output for each"
        )
    if np.isnan(outputs).any():
        raise ValueError("the model puts out NaN: its weights have exploded, or the images hold NaN")
    return float(balanced_accuracy_score(y, outputs.argmax(axis=1)))
