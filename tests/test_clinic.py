"""The clinic: cases give nothing away, are what the table says, and are scored fairly; the panel."""

from contextlib import suppress
from dataclasses import fields, replace
from types import SimpleNamespace

import clinic as practice
import journal
from helpers.clinic import NAMES, TESTS, Case, Clinic
from helpers.clinic.case import HEALTHY, PRACTICE, answer, balanced_recall
from helpers.clinic.faults import BLOCK, CASES, FAULTS, IN_DATA, IN_SCRIPT, TWO_FAULTS, plan, settings
from helpers.clinic.recipe import Recipe, run
from helpers.data import CASES as TABLE

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

STORED = pd.read_csv(TABLE)
# ten in which the fault differs, one of them healthy, one with two faults
SAMPLE = (3, 4, 7, 8, 13, 16, 18, 24, 42, 57)


def names_of(number):
    return " and ".join(plan(number).faults) or HEALTHY


# the cases


def test_a_number_is_the_same_case_as_when_it_was_trained():
    assert STORED.number.tolist() == list(range(CASES))
    assert STORED.faults.tolist() == [names_of(number) for number in range(CASES)]
    entries = journal.read()
    for number in range(CASES):
        # the journal was written by another process, perhaps on another machine
        now = practice.fingerprint(number)
        assert journal.stale(entries, "clinic", f"case {number}", ["as planned"], now) == {}, number


def test_each_block_has_every_fault():
    for start in range(0, CASES, BLOCK):
        faults = [plan(number).faults for number in range(start, start + BLOCK)]
        assert sorted(names[0] for names in faults if len(names) == 1) == sorted(FAULTS)
        pairs = [names for names in faults if len(names) == 2]
        assert len(pairs) == TWO_FAULTS
        assert all(names[0] in IN_DATA and names[1] in IN_SCRIPT for names in pairs)
        assert faults.count(()) == BLOCK - len(FAULTS) - TWO_FAULTS > 0


@pytest.mark.parametrize("number", [-1, 200, 1.5, "7", None])
def test_a_number_must_be_one_of_the_cases(number):
    with pytest.raises(ValueError, match="whole numbers from 0 to 199"):
        plan(number)


def changed(recipe, number):
    """The fields in which a recipe departs from the settings of its case."""
    now, sound = vars(recipe), vars(settings(number))
    return {field.name for field in fields(Recipe) if now[field.name] != sound[field.name]}


def test_severity_varies_and_nothing_else_goes_with_a_fault():
    found = {name: [] for name in FAULTS}
    for number in range(CASES):
        planned = plan(number)
        if len(planned.faults) == 1:
            found[planned.faults[0]].append(changed(planned.broken, number))
        assert planned.sound == settings(number) and changed(planned.treated, number) <= {
            *changed(planned.broken, number), "augmented", "reviewed", "oversampled",
        }  # fmt: skip
    for name, departures in found.items():
        assert len(departures) == CASES // BLOCK
        # of too little data the augmentation goes too, of regularization it is one of two fields
        assert len(set().union(*departures)) <= 2, name
    broken = {repr(replace(plan(n).broken, seed=0)) for n in range(CASES)}
    assert len(broken) == CASES, "no two cases are the same network on the same kinds"


def shown(recipe):
    """All numbers that a case shows for nothing or for one point, but for what was measured."""
    return [
        recipe.seed % BLOCK, recipe.seed % 2, recipe.epochs, len(recipe.kinds),
        *(kind in recipe.kinds for kind in range(10)), *recipe.pose,
        # by dearer tests, and never part of a fault
        recipe.kernel_size, len(recipe.filters),
    ]  # fmt: skip


def accuracy_of_a_tree(plans):
    """How often a decision tree names the fault of unseen cases, and how often guessing does."""
    x = np.array([shown(planned.broken) for planned in plans], float)
    y = [planned.faults[0] if planned.faults else HEALTHY for planned in plans]
    # grown further it learns its cases by heart, and is worse than guessing on others
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=20, random_state=0)
    share = np.unique(y, return_counts=True)[1].max() / len(y)
    return cross_val_score(tree, x, y, cv=5).mean(), share


@pytest.fixture
def many_plans(monkeypatch):
    """4,000 cases, of which 200 are the clinic's: the rule of the numbers goes on."""
    monkeypatch.setattr("helpers.clinic.faults.CASES", 4000)
    return [plan(number) for number in range(4000)]


# four standard errors of a share of .15 among 4,000
MARGIN = 0.023


def test_what_is_shown_does_not_tell_the_fault(many_plans):
    accuracy, guessing = accuracy_of_a_tree(many_plans)
    assert accuracy <= guessing + MARGIN, (accuracy, guessing)


@pytest.mark.parametrize("name", ["too little data", "equal weights", HEALTHY])
def test_a_setting_that_leaks_is_noticed(many_plans, name):
    leaking = [
        planned._replace(broken=replace(planned.broken, epochs=20))
        if name in (planned.faults or (HEALTHY,))
        else planned
        for planned in many_plans
    ]
    accuracy, guessing = accuracy_of_a_tree(leaking)
    assert accuracy > guessing + MARGIN, (accuracy, guessing)


# what was measured


def test_every_case_is_what_it_should_be():
    rows = STORED[practice.COLUMNS[:-1]].itertuples(index=False)
    assert [practice.judged(*row) for row in rows] == STORED.held.tolist() == [True] * CASES
    sick = STORED[STORED.faults != HEALTHY]
    halfway = (sick[["broken", "half_treated"]].max(axis=1) + sick.treated) / 2
    assert np.allclose(np.maximum(halfway, sick.linear), sick.recovered_at, atol=1e-4)
    two = [len(plan(number).faults) == 2 for number in sick.number]
    assert sick.half_treated.notna().tolist() == two


ROW = {
    "number": 0, "faults": "noisy labels and learning rate", "linear": 0.5, "sound": 0.8, "broken": 0.3,
    "half_treated": 0.6, "treated": 0.7, "recovered_at": 0.65,
}  # fmt: skip


def test_a_case_that_is_not_what_it_should_be_is_noticed():
    assert practice.judged(**ROW)
    for spoiled in (
        {"linear": 0.77},
        {"broken": 0.77},
        {"treated": 0.54, "half_treated": 0.3, "recovered_at": 0.5},  # less than half comes back
        {"recovered_at": 0.69},
        {"half_treated": 0.67},
    ):
        assert not practice.judged(**ROW | spoiled), spoiled
    healthy = ROW | {"faults": HEALTHY}
    assert practice.judged(**healthy) and not practice.judged(**healthy | {"linear": 0.78})


@pytest.mark.parametrize("number", SAMPLE)
@pytest.mark.trains
def test_a_case_trained_anew_is_as_the_table_says(number):
    planned, stored = plan(number), STORED.set_index("number").loc[number]
    broken = practice.recall(planned.broken)
    treated = practice.recall(planned.treated) if planned.faults else broken
    # other machines add in another order: two standard errors
    assert broken == pytest.approx(stored.broken, abs=practice.SHOWS)
    assert treated == pytest.approx(stored.treated, abs=practice.SHOWS)


def test_the_sample_has_ten_different_faults():
    assert len({names_of(number) for number in SAMPLE}) == 10
    assert {len(plan(number).faults) for number in SAMPLE} == {0, 1, 2}


# mean recall


class Answers:
    """In place of a model: it puts out what it was given, whatever the images."""

    def __init__(self, outputs):
        self.outputs = np.array(outputs, float)

    def __call__(self, x, training):
        return self.outputs


def test_balanced_recall_by_hand():
    y = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    x = np.zeros((8, 1))
    always_0 = Answers([[1, 0, 0]] * 8)
    assert balanced_recall(always_0, x, y) == pytest.approx(1 / 3), "not the half that are 0"
    right = np.eye(3)[y]
    assert balanced_recall(Answers(right), x, y) == 1
    right[4:6] = 1, 0, 0
    assert balanced_recall(Answers(right), x, y) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "outputs, told", [([[0.5]] * 4, "2 classes: give its last"), ([[np.nan, 1]] * 4, "puts out NaN")]
)
def test_outputs_that_cannot_be_judged_are_refused(outputs, told):
    with pytest.raises(ValueError, match=told):
        balanced_recall(Answers(outputs), np.zeros((4, 1)), np.array([0, 1, 0, 1]))


# diagnosis, without a network


class Untrained:
    """In place of helpers.clinic.examinations.Trained: five new photographs, one a kind, all found."""

    def __init__(self, recipe, live):
        self.recipe, self.history = recipe, keras.callbacks.History()
        self.history.history = dict.fromkeys(("loss", "val_loss", "accuracy", "val_accuracy"), [1.0, 0.5])
        self.history.set_model(Answers(np.eye(5)))
        self.new = np.zeros((5, 28, 28, 1)), np.arange(5)
        self.script = {"prepare": lambda images: images}
        self.data = SimpleNamespace(copy=lambda: "copies")


@pytest.fixture
def admit(monkeypatch):
    """Case of a number, without training."""
    monkeypatch.setattr("helpers.clinic.case.Trained", Untrained)
    return Case


BECAUSE = "I expect a rate near 0.001 because the loss is flat"


def first_with(*faults):
    return next(number for number in range(CASES) if plan(number).faults == faults)


def test_a_test_costs_its_price_once_and_needs_a_hypothesis(admit, monkeypatch, capsys):
    patient = admit(7)
    for nothing in ("", "   "):
        with pytest.raises(ValueError, match='order\\("optimizer", "I expect … because …"\\)'):
            patient.order("optimizer", nothing)
    assert patient.spent == 0 and not patient.ordered
    monkeypatch.setitem(TESTS, "optimizer", TESTS["optimizer"]._replace(measure=lambda trained: "adam, 1e-3"))
    patient.order("optimizer", BECAUSE)
    assert capsys.readouterr().out == "optimizer: 2 points, 2 spent so far\nadam, 1e-3\n"
    monkeypatch.setitem(TESTS, "optimizer", TESTS["optimizer"]._replace(measure=None))
    patient.order("optimizer")
    assert capsys.readouterr().out == "optimizer: 0 points, 2 spent so far\nadam, 1e-3\n"
    patient.review()
    assert capsys.readouterr().out == f"\nOPTIMIZER: {BECAUSE}\nadam, 1e-3\n"


def test_an_instrument_that_has_nothing_to_measure_says_so(admit, monkeypatch, capsys):
    def nothing(trained):
        raise ValueError("model has no hidden layer")

    monkeypatch.setitem(TESTS, "dead_units", TESTS["dead_units"]._replace(measure=nothing))
    admit(7).order("dead_units", BECAUSE)
    assert "model has no hidden layer" in capsys.readouterr().out


def test_an_unknown_test_is_named(admit):
    patient = admit(7)
    with pytest.raises(ValueError, match="no test 'blood'.*dead_units"):
        patient.order("blood", BECAUSE)
    assert patient.spent == 0


def test_diagnosis_is_scored(admit, capsys):
    patient = admit(first_with("dying ReLU"))
    patient.order("chart", BECAUSE)
    assert patient.spent == 60
    assert not patient.diagnose("learning rate") and patient.score["diagnosis"] is None
    assert patient.diagnose("dying ReLU") and patient.score["diagnosis"] == 100 - 60 - 25
    assert not patient.diagnose("learning rate") and patient.diagnose("dying ReLU")
    assert patient.score["diagnosis"] == 15, "right again and again, for the same points"
    assert capsys.readouterr().out.endswith("Not right.\nRight. Diagnosis: 15 points\n")


def test_points_never_fall_below_nothing(admit):
    patient = admit(first_with("dying ReLU"))
    for _ in range(5):
        patient.diagnose("learning rate")
    patient.diagnose("dying ReLU")
    assert patient.score["diagnosis"] == 0


def test_a_wrong_diagnosis_reveals_nothing(admit, capsys):
    """Every wrong list is answered alike, and one right name of two is a wrong list."""
    number = first_with("too little data", "dying ReLU")
    for names in (("too little data",), ("dying ReLU",), ("healthy",), ("too little data", "noisy labels"),
                  ("frozen layers", "equal weights"), ("dying ReLU", "healthy")):  # fmt: skip
        patient = admit(number)
        assert not patient.diagnose(*names) and not patient.chart_is_open and patient.wrong == 1
    assert set(capsys.readouterr().out.splitlines()) == {"Not right."}
    assert patient.diagnose("dying ReLU", "too little data") and patient.score["diagnosis"] == 75


def test_names_of_one_disease_count_once(admit):
    rate = first_with("learning rate")
    assert admit(rate).diagnose("optimizer choice") and admit(rate).diagnose(
        "learning rate", "optimizer choice"
    )
    both = first_with("too little data", "learning rate")
    assert not admit(both).diagnose("learning rate", "optimizer choice"), "one disease, not two"
    assert not admit(both).diagnose("overfitting", "too little data")
    assert admit(both).diagnose("overfitting", "optimizer choice")


def test_healthy_is_a_diagnosis(admit):
    assert admit(first_with()).diagnose("healthy")
    assert not admit(first_with("noisy labels")).diagnose("healthy")


def test_a_diagnosis_is_one_name_or_two(admit):
    patient = admit(7)
    for names in (("ReLU",), (), NAMES, ("dying ReLU", "healthy", "noisy labels")):
        with pytest.raises(ValueError, match="name one or two of: batch size"):
            patient.diagnose(*names)
    assert patient.wrong == 0


def test_guessing_does_not_pay(admit):
    """Neither the chart before the diagnosis nor one name after the other: honest tests leave 80 or more."""
    read, guessed = [], []
    for number in range(CASES):
        planted = plan(number).faults or (HEALTHY,)
        patient = admit(number)
        patient.order("chart", BECAUSE)
        patient.diagnose(*planted)
        read.append(patient.score["diagnosis"])
        patient = admit(number)
        any(patient.diagnose(name) for name in np.random.default_rng(number).permutation(NAMES))
        guessed.append(patient.score["diagnosis"] or 0)
    assert max(read) == 40 and np.mean(guessed) < 20


def test_chart_photographs_and_solution_are_closed_until_the_diagnosis_is_settled(admit, capsys):
    patient = admit(first_with("dying ReLU"))
    for look in (patient.solution, lambda: patient.data):
        with pytest.raises(ValueError, match="give_up"):
            look()
    patient.diagnose("learning rate")
    assert not patient.chart_is_open
    patient.give_up()
    assert patient.data == "copies" and patient.score["diagnosis"] == 0
    patient.order("chart")
    patient.solution()
    assert patient.spent == 0 and "Constant" in capsys.readouterr().out
    patient.diagnose("dying ReLU")
    patient.give_up()
    assert patient.score["diagnosis"] == 0, "too late"


def test_giving_up_takes_no_points_away(admit):
    patient = admit(first_with("dying ReLU"))
    patient.diagnose("dying ReLU")
    patient.give_up()
    assert patient.score["diagnosis"] == 100


def test_solutions_of_class_cases_stay_with_the_instructor(admit):
    patient = admit(PRACTICE)
    patient.give_up()
    with pytest.raises(ValueError, match="with the instructor"):
        patient.solution()


def test_answers_show_the_changed_lines():
    lines = answer(first_with("dying ReLU")).splitlines()
    assert lines[0].endswith("dying ReLU") and len(lines) > 4
    assert all(("bias_initializer" in line) == (line[0] == "-") for line in lines[1:])
    assert answer(first_with()).endswith("healthy")


# treatment, without a network


def test_recovery_runs_from_broken_to_recovered(admit, capsys):
    number = first_with("labels out of step")
    known = STORED.set_index("number").loc[number]
    halfway = (max(known.broken, 0.2) + known.recovered_at) / 2
    for after, points in ((0.0, 0), (0.2, 0), (halfway, 50), (known.recovered_at, 100), (1.0, 100)):
        patient = admit(number)
        # of the five new images, one of each kind, some are found
        patient._trained.new = np.zeros((1000, 1)), np.repeat(np.arange(5), 200)
        found = np.arange(1000) % 200 < round(200 * after)
        outputs = np.eye(5)[np.where(found, patient._trained.new[1], (patient._trained.new[1] + 1) % 5)]
        patient.history.set_model(Answers(outputs))
        patient.treat(patient.history)
        assert patient.score["recovery"] == pytest.approx(points, abs=2), after
    assert "Recovered. Recovery: 100 points" in capsys.readouterr().out


def test_always_the_same_answer_recovers_nothing(admit):
    for number in range(CASES):
        if plan(number).faults:
            patient = admit(number)
            patient.history.set_model(Answers(np.tile(np.eye(5)[0], (5, 1))))
            patient.treat(patient.history)
            assert patient.score["recovery"] <= 1, number


def test_of_several_treatments_the_best_counts(admit):
    patient = admit(first_with("labels out of step"))
    for model, points in ((Answers(np.eye(5)), 100), (Answers(np.eye(5)[::-1]), 100)):
        patient.history.set_model(model)
        patient.treat(patient.history)
        assert patient.score["recovery"] == points


def test_a_healthy_patient_has_nothing_to_cure(admit, capsys):
    patient = admit(first_with())
    patient.treat(patient.history)
    assert patient.score["recovery"] is None and "nothing to cure" in capsys.readouterr().out


def test_a_treatment_is_what_fit_returned(admit):
    patient = admit(7)
    with pytest.raises(ValueError, match="history is a dict: pass what model.fit"):
        patient.treat(patient.history.history)


def test_images_are_prepared_as_the_treatment_prepares_them(admit):
    patient = admit(first_with("unscaled inputs"))
    seen = []
    patient.treat(patient.history, prepare=lambda images: seen.append(1) or images)
    assert seen == [1]


# with a network


@pytest.fixture(scope="module")
def trained():
    """A dying ReLU."""
    return Case(first_with("dying ReLU"))


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.trains
def test_every_test_answers(trained, name, capfd):
    trained.ordered.clear()
    trained.order(name, BECAUSE)
    assert trained.spent == TESTS[name].points
    assert all(isinstance(part, str) or part.alt for part in trained.ordered[name].shown)
    assert capfd.readouterr().err == ""


@pytest.mark.trains
def test_layers_have_numbers_not_names():
    number = first_with("excessive pooling")
    patient = Case(number)
    for name in ("linear_probes", "effective_ranks", "gradient_norms", "dead_units"):
        patient.order(name, BECAUSE)
        (picture,) = patient.ordered[name].shown
        assert not any(word in picture.alt for word in ("pool", "conv", "dense"))


@pytest.mark.trains
def test_a_treatment_by_the_learner(trained):
    trained.give_up()
    data, code = trained.data, plan(trained.number).broken.code()
    trained.treat(run(code.replace("Constant(-", "Constant(0 * -"), data)["history"])
    assert trained.score["recovery"] == 100
    data.y[:] = 0
    assert len(np.unique(trained.data.y)) == 5, "copies"


@pytest.mark.trains
def test_panel_from_admission_to_treatment(capsys):
    panel = Clinic()
    assert all(button.disabled for name, button in panel.buttons.items() if name != "Admit")
    number = first_with("unscaled inputs")
    panel.number.value = number
    panel.buttons["Admit"].click()
    assert panel.script.disabled and panel.buttons["Treat"].disabled and panel.script.value == ""
    panel.test.value = "pixel values"
    panel.buttons["Order"].click()
    assert "say first what you expect" in capsys.readouterr().out and panel.patient.spent == 0
    panel.buttons["Diagnose"].click()
    assert "name one or two of" in capsys.readouterr().out and panel.patient.wrong == 0
    panel.expected.value = BECAUSE
    panel.buttons["Order"].click()
    assert panel.expected.value == "" and len(panel.results.children) == 2
    panel.names.value = ("unscaled inputs",)
    panel.buttons["Diagnose"].click()
    assert panel.patient.score["diagnosis"] == 99 and not panel.script.disabled
    panel.script.value = panel.script.value.replace("Input((28, 28, 1)),", "Inptu((28, 28, 1)),")
    # where there is an IPython, the Output shows the traceback (tests/test_browser.py)
    with suppress(AttributeError):
        panel.buttons["Treat"].click()
    assert panel.patient.score["recovery"] is None and "Inptu" in panel.script.value
    panel.script.value = "history = None"
    panel.buttons["Treat"].click()
    assert "pass what model.fit(...) returned" in capsys.readouterr().out
    panel.script.value = plan(number).treated.code()
    panel.buttons["Treat"].click()
    assert panel.patient.score["recovery"] == 100
    assert "1 points spent, 0 diagnoses not right" in panel.line.value
    panel.number.value = number + 1
    panel.buttons["Admit"].click()
    assert panel.script.disabled and panel.script.value == "" and not panel.results.children
