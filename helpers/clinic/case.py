"""A case: a patient whose curves are free, whose tests cost points; diagnosis and treatment are scored."""

import difflib
from typing import NamedTuple

from helpers.clinic.examinations import CHART, TESTS, Trained
from helpers.clinic.faults import FAULTS, plan
from helpers.data import CASES
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


class Ordered(NamedTuple):
    """A test that was paid for."""

    expected: str
    shown: tuple  # texts and Pictures

    def show(self):
        for part in self.shown:
            print(part) if isinstance(part, str) else display(part)


class Case:
    """Train the network of a case, the same case for the same number on every machine.

    Its curves are free, tests cost points, the diagnosis and the treatment are scored.

    Parameters
    ----------
    number : int, 0 to 199; below 100 for practice, with a solution
    live : callable, name -> the callback that shows progress

    Attributes
    ----------
    history : keras.callbacks.History
    ordered : dict, test -> Ordered, in the order in which they were paid for
    wrong : int, how many diagnoses were not right
    score : dict, "diagnosis" and "recovery", each of 100 points, None until there is one

    Raises
    ------
    ValueError
        As in `plan`.
    """

    def __init__(self, number, live=LiveCurve):
        self.plan = plan(number)
        self.number = number
        self._trained = Trained(self.plan.broken, live)
        self.history = self._trained.history
        self.ordered, self.wrong = {}, 0
        self.score = {"diagnosis": None, "recovery": None}

    @property
    def spent(self):
        """Points for tests."""
        return sum(TESTS[test].points for test in self.ordered)

    @property
    def chart_is_open(self):
        """Whether the script and its photographs may be seen: paid for, or the diagnosis is settled."""
        return CHART in self.ordered or self.score["diagnosis"] is not None

    @property
    def data(self):
        """Copies of x, y, x_val, y_val, review, which the script finds; with the chart.

        Raises
        ------
        ValueError
            The chart is closed.
        """
        if not self.chart_is_open:
            raise ValueError(f'the photographs come with the chart: diagnose, give_up() or order("{CHART}")')
        return self._trained.data.copy()

    def curves(self):
        """The learning curves, for nothing: a Picture."""
        return self._curves({f"case {self.number}": self.history})

    def order(self, test, expected=""):
        """Take a test, pay for it the first time, and show it.

        Parameters
        ----------
        test : str, one of TESTS
        expected : str, what you expect and why; needed the first time, and shown by `review`

        Raises
        ------
        ValueError
            There is no such test, or nothing is expected of it.
        """
        if test not in TESTS:
            raise ValueError(f"there is no test {test!r}; you can order {', '.join(TESTS)}")
        free = test in self.ordered or (test == CHART and self.chart_is_open)
        if not free and not expected.strip():
            raise ValueError(f'say first what you expect: order("{test}", "I expect … because …")')
        taken = self.ordered.get(test) or Ordered(expected.strip(), TESTS[test].take(self._trained))
        if not free:
            self.ordered[test] = taken
        print(f"{test}: {0 if free else TESTS[test].points} points, {self.spent} spent so far")
        taken.show()

    def diagnose(self, *names):
        """Name the fault, both faults, or "healthy". Print and return whether that is right, all of it.

        100 points, less what the tests cost, less 25 for each diagnosis that was not right. Of a
        wrong one nothing is told, not even which of two names. After the right one, or after
        `give_up`, the chart is free.

        Raises
        ------
        ValueError
            No name, more than two, or one that is not in NAMES.
        """
        if not 1 <= len(names) <= 2 or not {*names} <= {*NAMES}:
            raise ValueError(f"name one or two of: {', '.join(NAMES)}")
        planted = self.plan.faults or (HEALTHY,)
        right = {SAME.get(name, name) for name in names} == {SAME.get(name, name) for name in planted}
        if self.score["diagnosis"] is None:
            self.wrong += not right
            if right:
                self.score["diagnosis"] = max(0, POINTS - self.spent - WRONG_DIAGNOSIS * self.wrong)
        print(f"Right. Diagnosis: {self.score['diagnosis']} points" if right else "Not right.")
        return right

    def give_up(self):
        """No points for the diagnosis; the chart is free, and a treatment still counts."""
        if self.score["diagnosis"] is None:
            self.score["diagnosis"] = 0

    def review(self):
        """Show each test that was paid for below what was expected of it."""
        for test, taken in self.ordered.items():
            print(f"\n{test.upper()}: {taken.expected}")
            taken.show()

    def treat(self, history, prepare=None):
        """Judge a treatment by the model that your edited `fit` left: it has to recover.

        It reads 1,000 photographs that no script of this case has seen. What counts is the mean
        recall of the kinds: 0 points where the broken network stands, or guessing; 100 from halfway
        to what the standard treatment reaches, at least what a linear model does. With two faults it
        is halfway from the better of the two networks in which one was treated.

        Parameters
        ----------
        history : what `fit` returned
        prepare : your script's function of that name, if you changed it

        Returns
        -------
        Picture, the learning curves before and after

        Raises
        ------
        ValueError
            `history` is no History, or as in `balanced_recall`.
        """
        if not isinstance(history, keras.callbacks.History):
            raise ValueError(f"history is a {type(history).__name__}: pass what model.fit(...) returned")
        x, y = self._trained.new
        after = balanced_recall(history.model, (prepare or self._trained.script["prepare"])(x), y)
        known = pd.read_csv(CASES).set_index("number").loc[self.number]
        print(f"mean recall of the kinds: {known.broken:.3f} before, {after:.3f} after")
        if self.plan.faults:
            start = max(known.broken, 1 / len(self.plan.sound.kinds))  # below it, any one answer is better
            way = (after - start) / (known.recovered_at - start)
            points = round(POINTS * min(1, max(0, way)))
            self.score["recovery"] = max(points, self.score["recovery"] or 0)
            told = "Recovered" if way >= 1 else f"Not recovered: that begins at {known.recovered_at:.3f}"
            print(f"{told}. Recovery: {points} points")
        else:
            print("There was nothing to cure.")
        return self._curves({"before": self.history, "treated": history})

    def solution(self):
        """Print what was planted and the standard treatment.

        Raises
        ------
        ValueError
            The diagnosis is not settled, or the case is for class: its number is 100 or more.
        """
        if self.number >= PRACTICE:
            raise ValueError(
                f"case {self.number} is for class, its solution is with the instructor; "
                f"cases 0 to {PRACTICE - 1} show theirs"
            )
        if self.score["diagnosis"] is None:
            raise ValueError("first diagnose, or give_up()")
        print(answer(self.number))

    def _curves(self, runs):
        kinds = len(self.plan.sound.kinds)
        return learning_curves(runs, guessing=(np.log(kinds), 1 / kinds))


def answer(number):
    """The planted faults of a case and the standard treatment as a diff of its script, as text."""
    planned = plan(number)
    if not planned.faults:
        return f"case {number}: {HEALTHY}"
    scripts = [recipe.code().splitlines() for recipe in (planned.broken, planned.treated)]
    changed = [
        line
        for line in difflib.unified_diff(*scripts, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    return "\n".join([f"case {number}: {' and '.join(planned.faults)}", *changed])
