"""Which causes are at work: suspicions from readings, confirmed where their repair helps this network."""

import zlib
from dataclasses import replace
from typing import NamedTuple

from helpers.checkup.causes import Suspicion, suspicions
from helpers.checkup.experiment import OutOfTime, Run, outputs_of, shares_of, train
from helpers.checkup.facts import Facts, activation_name
from helpers.checkup.program import with_config, with_rate

import keras
import numpy as np
from cleanlab.filter import find_label_issues

# chosen by hand so far: the bench (make checkup) has not judged them
BEHIND = 0.03  # of a linear model or ten neighbors: then something is wrong, and a smaller gain counts
GAIN, GAIN_BEHIND = 0.08, 0.05
SHARE = 0.13  # of the seconds, for the run as it is; the others get as many updates


class Finding(NamedTuple):
    """A cause, what was read, and what its repair did; without a run nothing had to be tried."""

    suspicion: Suspicion
    before: Run | None = None
    after: Run | None = None
    gain: float = 0.0

    @property
    def cause(self):
        return self.suspicion.cause


class Diagnosis:
    """All that is known so far; `run` can be interrupted and leaves what it has.

    Attributes
    ----------
    findings : list of Finding, the named causes, most likely first
    tried : list of Finding, every experiment, in order
    base : Run, the program as it is
    """

    def __init__(self, program, clock, tell=lambda words: None):
        self.program, self.clock, self.tell = program, clock, tell
        self.facts = Facts(program)
        self.findings, self.tried, self.base, self.done = [], [], None, False
        self.updates = 0

    def run(self):
        try:
            self._run()
            self.done = True
        except OutOfTime:
            pass
        return self

    def _run(self):
        self.tell("looking at configuration and data")
        found = suspicions(self.facts)
        program = self.program
        for suspicion in [each for each in found if each.certain]:
            self.findings.append(Finding(suspicion))
            program = suspicion.repaired(program)
            self.facts = Facts(program)
            found = [each for each in suspicions(self.facts) if not each.certain]
        self.tell("training as it is")
        limit = SHARE * self.clock.seconds
        self.base = train(program, 0, min(program.updates, 4000), self.clock, keep=True, limit=limit)
        self.updates = self.base.end.update
        found += self._after_training()
        found = _once(sorted(found, key=lambda each: -each.strength))
        self._search(program, self.base, found)
        if not [finding for finding in self.findings if finding.after]:
            self._together(program, found)
        if not [finding for finding in self.findings if finding.after]:
            self._from_the_data(program)
        if not self.findings and self._nothing_to_learn():
            self.findings.append(Finding(Suspicion(
                "labels misaligned or shuffled", 0.5,
                f"neither this network ({self.base.end.val_accuracy:.2f}) nor a linear model or neighbors "
                f"({self.facts.reference:.2f}) do better than guessing ({self.facts.guessing:.2f})",
                "+ look at some samples with their labels", None,
            )))  # fmt: skip

    # suspicions that need a trained network

    def _after_training(self):
        facts, end, found = self.facts, self.base.end, []
        program = self.program
        if self.base.diverged and not any(self.facts.holes.values()):
            found.append(Suspicion(
                "learning rate too high", 0.9, "the loss became NaN",
                f"- learning_rate={facts.rate:.2g}\n+ learning_rate={facts.rate / 100:.2g}",
                lambda p: p.changed(optimizer=with_rate(p.optimizer, facts.rate / 100)),
            ))  # fmt: skip
        gap = end.accuracy - end.val_accuracy
        if gap > 0.08:
            words = f"training {end.accuracy:.2f}, validation {end.val_accuracy:.2f}"
            if facts.few and program.data.x.ndim == 4:
                found.append(Suspicion(
                    "too little data", 0.7, f"{facts.distinct} samples; {words}",
                    "+ layers.RandomTranslation(0.1, 0.1), layers.RandomRotation(0.05)",
                    lambda p: p.changed(data=_augmented(p.data)), "either",
                ))  # fmt: skip
            found.append(Suspicion(
                "overfitting", 0.45, words, "+ kernel_regularizer=L2(0.01), layers.Dropout(0.5)",
                lambda p: p.edited(_dropout_before(facts)), "either",
            ))  # fmt: skip
        relus = [layer for layer in facts.hidden if activation_name(layer) == "relu"]
        if relus and self.base.model is not None and not facts.dead >= 0.25:
            share = facts.dead_in(self.base.model)
            if share > 0.4:
                names = {layer.name for layer in relus}

                def edit(layer):
                    if layer.name in names:
                        return with_config(layer, activation="leaky_relu", bias_initializer="zeros")

                found.append(Suspicion(
                    "dying ReLU", 0.5, f"{share:.0%} of the units of a layer are silent after training",
                    '- activation="relu"\n+ activation="leaky_relu"', lambda p: p.edited(edit, anew=True),
                ))  # fmt: skip
        if self._stuck and not any(each.cause.startswith("learning rate") for each in found):
            for factor, cause in ((0.05, "learning rate too high"), (20.0, "learning rate too low")):
                rate = facts.rate * factor
                found.append(Suspicion(
                    cause, 0.3, f"no better than guessing at a rate of {facts.rate:.2g}",
                    f"- learning_rate={facts.rate:.2g}\n+ learning_rate={rate:.2g}",
                    lambda p, rate=rate: p.changed(optimizer=with_rate(p.optimizer, rate)),
                ))  # fmt: skip
        return found

    @property
    def _stuck(self):
        return self.base.end.val_accuracy < self.facts.guessing + 0.05

    def _nothing_to_learn(self):
        guessing = self.facts.guessing
        return self._stuck and self.facts.reference < guessing + 0.05 and guessing < 0.9

    # experiments

    def _enough(self, base):
        behind = base.end.val_accuracy < self.facts.reference - BEHIND
        return GAIN_BEHIND if behind else GAIN

    def _try(self, suspicion, program, base):
        """A Finding, or None where the change cannot be made."""
        self.tell(f"trying: {suspicion.cause}")
        updates = int(min(self.updates * suspicion.grows, max(3 * self.updates, 400)))
        try:
            run = train(
                suspicion.repaired(program), 0, updates, self.clock, limit=3 * SHARE * self.clock.seconds
            )
        except OutOfTime:
            raise
        except Exception:  # a change that this model cannot take
            return None
        finding = Finding(suspicion, base, run, gain(base, run, suspicion.measure))
        self.tried.append(finding)
        return finding

    def _search(self, program, base, found):
        """Name the best repair, apply it, and go on with the others on top of it."""
        left = [each for each in found if each.repaired]
        for _ in range(4):
            results = []
            for suspicion in left:
                if self._settled(base, results, suspicion):
                    continue
                result = self._try(suspicion, program, base)
                if result is not None:
                    results.append(result)
            helped = [result for result in results if result.gain >= self._enough(base)]
            if not helped:
                return
            best = max(helped, key=lambda result: result.gain + 0.1 * result.suspicion.strength)
            self.findings.append(best)
            program, base = best.suspicion.repaired(program), best.after
            same = {best.cause, *SAME.get(best.cause, ())}
            left = [each for each in left if each.cause not in same and each.strength >= 0.5]
            if not left:
                return

    def _settled(self, base, results, suspicion):
        """Whether a repair has brought so much that a weaker suspicion need not be tried."""
        good = self.facts.reference - BEHIND
        return any(
            result.gain >= 0.2 and result.after.end.val_accuracy >= good
            and suspicion.strength < result.suspicion.strength - 0.15
            for result in results
        )  # fmt: skip

    def _from_the_data(self, program):
        """What no change of the network repairs: early stopping, less data, a rare class, wrong labels."""
        base, facts = self.base, self.facts
        end, best = base.end, max(base.points, key=lambda point: point.val_skill)
        gap = end.accuracy - end.val_accuracy
        if gap > 0.1 and facts.few:
            # by what they are, not where they stand: a sample that occurs twice is in the half twice or not
            rows = np.array(
                [zlib.crc32(row.tobytes()) % 2 == 0 for row in np.ascontiguousarray(program.data.x)]
            )
            self.tell("trying: half of the data")
            half = train(program.changed(data=program.data.keep(rows)), 0, self.updates, self.clock)
            if gain(half, base, "either") >= 0.03:
                self.findings.append(Finding(Suspicion(
                    "too little data", 0.5,
                    f"{facts.distinct} samples; {end.accuracy:.2f} seen, {end.val_accuracy:.2f} unseen",
                    f"- {facts.distinct // 2} samples\n+ {facts.distinct} samples", None,
                ), half, base, gain(half, base, "either")))  # fmt: skip
        if facts.counts is not None and end.accuracy < 0.9 and not self._stuck:
            self._wrong_labels(program)
        if gap > 0.08 and best.val_skill - end.val_skill > 0.1 and best is not end:
            stopped = Run(base.points[: base.points.index(best) + 1], base.right, False, base.seconds)
            self.findings.append(Finding(Suspicion(
                "overfitting", 0.5,
                f"the validation loss was best after {best.update} of {end.update} updates",
                "+ callbacks=[keras.callbacks.EarlyStopping(restore_best_weights=True)]", None,
            ), base, stopped, 0.5 * (best.val_skill - end.val_skill)))  # fmt: skip

    def _wrong_labels(self, program):
        """Labels that the network itself contradicts, each half of the data judged by the other's network."""
        data, task = program.data, program.task
        order = np.random.default_rng(0).permutation(len(data.x))
        shares = np.zeros((len(data.x), max(task.classes, 2)))
        self.tell("trying: each half of the labels by the other half")
        for kept, judged in ((order[::2], order[1::2]), (order[1::2], order[::2])):
            run = train(program.changed(data=data.keep(kept)), 0, self.updates, self.clock, keep=True)
            outputs = shares_of(outputs_of(run.model, data.x[judged]), task, run.model)
            shares[judged] = outputs[:, : shares.shape[1]]
        try:
            wrong = find_label_issues(task.labels(data.y), shares, n_jobs=1)
        except ValueError:  # a class that does not occur
            return
        if wrong.mean() < 0.08:
            return
        cleaned = program.changed(data=data.keep(~wrong))
        suspicion = Suspicion(
            "noisy labels", 0.5,
            f"networks that have not seen them contradict {wrong.mean():.0%} of the labels",
            "+ find_label_issues(y, predictions_out_of_fold)  # look at them again, or leave them out",
            lambda p: cleaned,
        )  # fmt: skip
        result = self._try(suspicion, program, self.base)
        if result and result.gain >= GAIN_BEHIND:
            self.findings.append(result)

    def _together(self, program, found):
        """Where no single repair helps: all of them, and each left out once."""
        left = [
            each for each in found if each.repaired and each.strength >= 0.35 and each.cause != "noisy labels"
        ]  # fmt: skip
        if len(left) < 2 or not (self._stuck or self.base.end.val_accuracy < self.facts.reference - BEHIND):
            return
        run = self._all(left, program)
        if run is None or gain(self.base, run) < self._enough(self.base):
            return
        for suspicion in list(left):
            others = [each for each in left if each is not suspicion]
            without = self._all(others, program)
            if without is not None and gain(without, run) >= GAIN_BEHIND:
                finding = Finding(suspicion, without, run, gain(without, run))
                self.findings.append(finding)
                self.tried.append(finding)
        self.findings.sort(key=lambda finding: -finding.gain)

    def _all(self, chosen, program):
        grows = 1.0
        for suspicion in chosen:
            program, grows = suspicion.repaired(program), max(grows, suspicion.grows)
        self.tell("trying: " + ", ".join(each.cause for each in chosen))
        try:
            return train(program, 0, int(min(self.updates * grows, max(3 * self.updates, 400))), self.clock)
        except OutOfTime:
            raise
        except Exception:
            return None


# causes of which a repair of one is a repair of the other
SAME = {
    "learning rate too low": ("optimizer choice",),
    "optimizer choice": ("learning rate too low",),
    "overfitting": ("too little data",),
    "too little data": ("overfitting",),
}


def gain(before, after, measure="val"):
    """How much better: of accuracy (numbers: R squared), or half the skill where that says more."""
    if after.diverged:
        return -1.0
    skill = 0.5 * (max(after.end.val_skill, -0.5) - max(before.end.val_skill, -0.5))
    if measure == "balanced":
        return after.end.balanced - before.end.balanced
    accuracy = after.end.val_accuracy - before.end.val_accuracy
    if measure == "either":
        return max(accuracy, skill)
    return accuracy if abs(accuracy) > 0.02 else max(accuracy, min(skill, 0.1))


def _once(found):
    seen, kept = set(), []
    for suspicion in found:
        if suspicion.cause not in seen:
            kept.append(suspicion)
            seen.add(suspicion.cause)
    return kept


def _augmented(data):
    """Four turned and shifted copies of each image beside it; labels as they were."""
    random = keras.Sequential([
        layer for layer in (
            keras.layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=0),
            keras.layers.RandomRotation(0.05, fill_mode="nearest", seed=1),
        )
    ])  # fmt: skip
    x = data.x.astype("float32")
    copies = [x, *(np.asarray(random(x, training=True)) for _ in range(4))]
    weight = None if data.weight is None else np.tile(data.weight, 5)
    rows = np.random.default_rng(0).permutation(5 * len(x))
    return replace(
        data, x=np.concatenate(copies)[rows], y=np.concatenate([data.y] * 5)[rows],
        weight=None if weight is None else weight[rows],
    )  # fmt: skip


def _dropout_before(facts):
    output = facts.output

    def edit(layer):
        if "Dropout" in type(layer).__name__ and layer.rate < 0.5:
            return type(layer).from_config(layer.get_config() | {"rate": 0.5})
        if layer.name == output.name:
            return with_config(layer, kernel_regularizer=keras.regularizers.L2(0.01))

    return edit
