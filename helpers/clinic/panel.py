"""The clinic as a panel: admit a case, say what you expect, order, diagnose, edit its script, treat."""

from contextlib import contextmanager

from helpers.clinic.case import NAMES, Case
from helpers.clinic.examinations import TESTS
from helpers.clinic.faults import CASES
from helpers.clinic.recipe import run
from helpers.live import PlaygroundCurve

from IPython.display import display
from ipywidgets import (
    HTML,
    BoundedIntText,
    Button,
    Dropdown,
    HBox,
    Image,
    Label,
    Layout,
    Output,
    SelectMultiple,
    Text,
    Textarea,
    VBox,
)


class Clinic(VBox):
    """The panel; the last line of a cell. What a button brings appears right below its row.

    Attributes
    ----------
    patient : Case, None before the first is admitted
    """

    patient = None

    def __init__(self):
        self.number = BoundedIntText(0, min=0, max=CASES - 1, description="case")
        prices = {f"{name}  ({test.points})": name for name, test in TESTS.items()}
        self.test = Dropdown(options=prices, description="test")
        self.expected = Text(placeholder="I expect … because …", layout=Layout(width="36em"))
        self.names = SelectMultiple(options=NAMES, rows=8, description="diagnosis")
        self.script = Textarea(disabled=True, layout=Layout(width="100%", height="26em"))
        self.script.add_class("stalled-code")
        self.buttons = {
            name: self._button(name, action)
            for name, action in {
                "Admit": self._admit,
                "Order": self._order,
                "Diagnose": self._diagnose,
                "Give up": self._give_up,
                "Review": self._review,
                "Solution": self._solution,
                "Treat": self._treat,
            }.items()
        }
        self.line = Label("Choose a number and press Admit.")
        self.admitted, self.diagnosed, self.treated = Output(), Output(), Output()
        self.results = VBox()  # of the tests, the newest first: there the eye is
        self.treatment_line = Label()
        self.admission_curve, self.treatment_curve = (
            Image(format="png", width=500, height=240, layout=Layout(display="none")) for _ in range(2)
        )
        settle = VBox([self.buttons[name] for name in ("Diagnose", "Give up", "Review", "Solution")])
        super().__init__([
            HTML("<style>.stalled-code textarea {font-family: monospace}</style>"),
            HBox([self.number, self.buttons["Admit"], self.line]),
            self.admission_curve,
            self.admitted,
            HBox([self.test, self.expected, self.buttons["Order"]]),
            self.results,
            HBox([self.names, settle]),
            self.diagnosed,
            self.script,
            HBox([self.buttons["Treat"], self.treatment_line]),
            self.treatment_curve,
            self.treated,
        ])  # fmt: skip
        self._tell()

    def __repr__(self):
        return "Run this cell in JupyterLab for the panel of the clinic."

    def _button(self, name, action):
        button = Button(description=name)
        button.on_click(lambda _: action())
        return button

    def _tell(self):
        """Set what can be pressed, and the line that says what was spent."""
        patient = self.patient
        settled = patient is not None and patient.score["diagnosis"] is not None
        for name, button in self.buttons.items():
            button.disabled = name != "Admit" and patient is None
        self.buttons["Review"].disabled = self.buttons["Solution"].disabled = not settled
        self.buttons["Treat"].disabled = self.script.disabled = not (patient and patient.chart_is_open)
        if patient:
            self.line.value = f"{patient.spent} points spent, {patient.wrong} diagnoses not right"
            if patient.chart_is_open and not self.script.value:
                self.script.value = patient.plan.broken.code()

    def _live(self, picture, line):
        picture.layout.display = None
        return lambda name: PlaygroundCurve(picture, line, "accuracy", 1.0)

    def _admit(self):
        self.patient, self.results.children = None, ()
        self.script.value, self.script.placeholder = "", "The chart: diagnose, give up, or order it."
        for output in (self.admitted, self.diagnosed, self.treated):
            output.clear_output()
        self._tell()
        with self.admitted:
            self.patient = Case(self.number.value, self._live(self.admission_curve, self.line))
            self.admission_curve.layout.display = "none"
            display(self.patient.curves())
        self._tell()

    def _order(self):
        result = Output()
        self.results.children = result, *self.results.children
        with result, _in_words():
            if self.expected.value:
                print(self.expected.value)
            self.patient.order(self.test.value, self.expected.value)
            self.expected.value = ""
        self._tell()

    def _diagnose(self):
        self.diagnosed.clear_output()
        with self.diagnosed, _in_words():
            self.patient.diagnose(*self.names.value)
        self._tell()

    def _give_up(self):
        self.patient.give_up()
        self._tell()

    def _review(self):
        self.diagnosed.clear_output()
        with self.diagnosed:
            self.patient.review()

    def _solution(self):
        self.diagnosed.clear_output()
        with self.diagnosed, _in_words():
            self.patient.solution()

    def _treat(self):
        self.treated.clear_output()
        with self.treated:
            live = self._live(self.treatment_curve, self.treatment_line)
            left = run(self.script.value, self.patient.data, live)
            self.treatment_curve.layout.display = "none"
            with _in_words():
                display(self.patient.treat(left.get("history"), left.get("prepare")))


@contextmanager
def _in_words():
    """A refusal is shown as its message; what the learner's script raises keeps its traceback."""
    try:
        yield
    except ValueError as error:
        print(error)
