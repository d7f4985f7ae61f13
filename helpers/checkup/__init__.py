"""Why does my network not improve? Look, measure, try the repair, and only then name the cause."""

import time
import warnings
from contextlib import suppress

from helpers.checkup.diagnosis import Diagnosis
from helpers.checkup.experiment import Clock
from helpers.checkup.program import read
from helpers.checkup.repair import try_repair
from helpers.checkup.report import Report

__all__ = ["checkup", "try_repair"]


def checkup(model, *arguments, seconds=60, **named):
    """Find out why a network does not improve: replace `model.fit(` by `checkup(model, ` and nothing else.

    It looks at configuration and data, trains copies of the network for a few seconds, as it is and
    with one change at a time, and names a cause when its repair helps. The model, its optimizer
    and the random state stay as they are.

    Parameters
    ----------
    model : keras.Model, compiled, Sequential or functional, with one input and one output
    *arguments, **named : what `keras.Model.fit` takes: arrays, a `tf.data.Dataset`, a PyDataset or a
        generator; validation_data or validation_split, epochs, batch_size, class_weight, ...
    seconds : float, what it may take, without compiling the first step of each network

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError
        An argument that `fit` does not take or that no network could be trained with.
    """
    start = time.monotonic()
    program = read(model, arguments, named)
    diagnosis = Diagnosis(program, Clock(seconds))
    # Keras warns of some of the very mistakes that are looked for; an interrupt leaves what is known
    with warnings.catch_warnings(), suppress(KeyboardInterrupt):
        warnings.simplefilter("ignore")
        diagnosis.run()
    return Report(diagnosis, time.monotonic() - start)
