"""What the check-up found, as a report that shows itself in a notebook, as text, and as data."""

import html

from helpers.checkup.causes import LESSONS
from helpers.checkup.diagnosis import BEHIND
from helpers.figures import repair_curves

CERTAIN = ((0.25, "its repair makes this network learn"), (0.0, "its repair makes this network better"))


class Report:
    """The last line of a cell shows it; `print(report)` is for a terminal or a question in a forum.

    Attributes
    ----------
    causes : list of str, most likely first; [] for a healthy network
    findings : list of Finding, one for each cause: what was read, and the experiment that confirmed it
    tried : list of Finding, all experiments, those that did not help among them
    notes : list of str, what could not be seen, changed or finished
    seconds : float
    """

    def __init__(self, diagnosis, seconds):
        self.findings, self.tried, self.seconds = diagnosis.findings, diagnosis.tried, seconds
        self.notes = [*diagnosis.program.notes]
        if not diagnosis.done:
            self.notes.append("it ended before everything was tried: pass more seconds for the rest")
        self._diagnosis = diagnosis

    @property
    def causes(self):
        return [finding.cause for finding in self.findings]

    def _health(self):
        """Sentences: how the network stands as it is."""
        base, facts = self._diagnosis.base, self._diagnosis.facts
        if base is None:
            return []
        name = "accuracy" if facts.program.task.kind == "classes" else "R squared"
        told = [
            f"After {base.end.update} updates validation {name} is {base.end.val_accuracy:.2f}, training "
            f"{base.end.accuracy:.2f}; guessing has {facts.guessing:.2f}, a linear model or ten neighbors "
            f"{facts.reference:.2f}."
        ]
        if not self.findings:
            behind = base.end.val_accuracy < facts.reference - BEHIND
            told.append(
                "It is behind these simple models, and no repair that was tried helps: no cause is named."
                if behind
                else "No repair that was tried makes it better: as far as this can tell, the network is "
                "healthy. A better result may be a matter of more data or more time."
            )
        return told

    def _sections(self):
        """(cause, certainty, reading, change, lesson, what the experiment showed) of each finding."""
        for finding in self.findings:
            suspicion = finding.suspicion
            if finding.after is None:
                certainty, shown = "seen without training", ""
            else:
                certainty = next(words for level, words in CERTAIN if finding.gain >= level)
                shown = (
                    f"validation {finding.before.end.val_accuracy:.2f} before, "
                    f"{finding.after.end.val_accuracy:.2f} after, same seed"
                )
            yield (
                suspicion.cause,
                certainty,
                suspicion.reading,
                suspicion.change,
                LESSONS[suspicion.cause],
                shown,
            )

    def __str__(self):
        lines = [f"Causes: {', '.join(self.causes) or 'none found'}", *self._health()]
        for cause, certainty, reading, change, lesson, shown in self._sections():
            lines += ["", f"{cause}: {certainty}", f"  read: {reading}"]
            lines += [f"  tried: {shown}"] if shown else []
            lines += [*(f"    {line}" for line in change.splitlines()), f"  lesson: notebooks/{lesson}.ipynb"]
        others = [finding for finding in self.tried if finding.cause not in self.causes]
        if others:
            told = (f"{finding.cause} ({finding.gain:+.2f})" for finding in others)
            lines += ["", "Tried, and no help: " + ", ".join(dict.fromkeys(told))]
        lines += [f"Note: {note}." for note in self.notes]
        return "\n".join([*lines, f"{self.seconds:.0f} seconds."])

    __repr__ = __str__

    def _repr_html_(self):
        def p(text):
            return f"<p>{html.escape(text)}</p>"

        parts = [
            f"<h3>{html.escape(', '.join(self.causes) or 'No cause found')}</h3>",
            *map(p, self._health()),
        ]
        for (cause, certainty, reading, change, lesson, shown), finding in zip(
            self._sections(), self.findings
        ):
            parts.append(f"<h4>{html.escape(cause)}: {html.escape(certainty)}</h4>")
            parts.append(p(f"Read: {reading}."))
            if finding.after is not None:
                picture = repair_curves([(finding.before, finding.after)])
                parts += [p(f"Tried: {shown}."), picture.tag()]
            rows = "".join(f"<b>{html.escape(line)}</b>\n" for line in change.splitlines())
            parts.append(f"<pre>{rows}</pre>")
            parts.append(f'<p>Lesson: <a href="{lesson}.ipynb">{lesson.replace("_", " ")}</a></p>')
        others = {finding.cause: finding for finding in self.tried if finding.cause not in self.causes}
        if others:
            told = ", ".join(f"{cause} ({finding.gain:+.2f})" for cause, finding in others.items())
            parts.append(p(f"Tried, and no help: {told}."))
        parts += [p(f"Note: {note}.") for note in self.notes]
        return "\n".join([*parts, p(f"{self.seconds:.0f} seconds.")])
