"""The clinic: cases are what their number says, show their fault, and recover; scoring; the panel."""

import clinic as practice
import helpers.clinic as clinic
import journal
from helpers import data
from helpers.clinic import FAULTS, HEALTHY, PRACTICE, TESTS, Case, Clinic, answer, plan, run
from helpers.verdict import has_recovered, is_stalled

import keras
import numpy as np
import pandas as pd
import pytest

CASES = pd.read_csv(data.CASES)


def test_a_number_is_always_the_same_case():
    assert [plan(number) for number in range(200)] == [plan(number) for number in range(200)]


def test_no_case_is_stale():
    entries = journal.read()
    for number in CASES.number:
        # the journal was written by another process, perhaps on another machine
        now = practice.fingerprint(number)
        assert journal.stale(entries, "clinic", f"case {number}", ["as planned"], now) == {}, number


def test_each_block_of_sixteen_has_every_fault():
    for block in range(12):
        faults = [plan(number).faults for number in range(16 * block, 16 * block + 16)]
        assert sorted(names[0] for names in faults if len(names) == 1) == sorted(FAULTS)
        assert sum(len(names) == 2 for names in faults) == 2 and faults.count(()) == 1


def test_severity_and_network_vary():
    plans = [plan(number) for number in range(400)]
    for name in FAULTS:
        broken = {p.broken for p in plans if p.faults == (name,)}
        bare = {clinic.replace(p.broken, seed=0) for p in plans if p.faults == (name,)}
        assert len(broken) == 25 and len(bare) >= 4, name


def test_broken_and_treated_differ_in_the_fault_only():
    for number in range(PRACTICE):
        planned = plan(number)
        changed = {
            field for field, value in vars(planned.broken).items() if value != vars(planned.treated)[field]
        }
        assert len(changed) == len(planned.faults), (number, changed)


@pytest.mark.parametrize("number", [-1, 1.5, "7", None])
def test_a_number_must_be_a_whole_number(number):
    with pytest.raises(ValueError, match="whole numbers from 0 on"):
        plan(number)


def test_every_practice_case_was_trained_and_held():
    assert CASES.number.tolist() == list(range(PRACTICE))
    assert CASES.held.all()
    sick = CASES[CASES.faults != HEALTHY]
    levels = sick.stalled_at, sick.recovered_at
    assert is_stalled(sick.broken, *levels).all() and has_recovered(sick.treated, *levels).all()
    healthy = CASES[CASES.faults == HEALTHY]
    assert (healthy.treated >= healthy.recovered_at).all()
    two = sick[sick.faults.str.contains(" and ")]
    assert two.half_treated.notna().all()
    assert not has_recovered(two.half_treated, two.stalled_at, two.recovered_at).any()


@pytest.mark.parametrize("number", [3, 12])  # quick ones: a fault, and no fault
@pytest.mark.trains
def test_a_case_trained_anew_is_as_the_table_says(number):
    row = dict(zip(practice.COLUMNS, practice.examine(number)))
    stored = CASES.set_index("number").loc[number]
    assert row["held"] and row["faults"] == stored.faults
    assert row["treated"] == pytest.approx(stored.treated, abs=0.05)


@pytest.fixture(scope="module")
def trained():
    """Case 2: dying ReLU."""
    return Case(2)


@pytest.fixture
def patient(trained):
    trained.spent, trained.ordered, trained.attempts = 0, [], 0
    trained.score = {"diagnosis": None, "recovery": None}
    return trained


@pytest.mark.trains
def test_a_test_costs_its_price_once(patient, capsys):
    patient.order("pixel values")
    assert patient.spent == 1 and "from 0 to 1" in capsys.readouterr().out
    patient.order("pixel values")
    assert patient.spent == 1
    picture = patient.order("dead_units")
    assert patient.spent == 3 and "1" in picture.alt


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.trains
def test_every_test_answers(patient, name, capsys):
    shown = patient.order(name)
    assert shown is not None or len(capsys.readouterr().out.splitlines()) > 1
    assert patient.spent == TESTS[name].points


@pytest.mark.trains
def test_an_unknown_test_is_named(patient):
    with pytest.raises(ValueError, match="no test 'blood'.*dead_units"):
        patient.order("blood")
    assert patient.spent == 0


@pytest.mark.trains
def test_diagnosis_is_scored(patient, capsys):
    patient.order("dead_units")
    patient.diagnose("learning rate")
    assert patient.score["diagnosis"] is None and "not what ails" in capsys.readouterr().out
    patient.diagnose("dying ReLU", "noisy labels")
    assert patient.score["diagnosis"] is None
    patient.diagnose("dying ReLU")
    assert patient.score["diagnosis"] == 100 - 2 - 2 * 25
    patient.diagnose("dying ReLU")
    assert patient.score["diagnosis"] == 100 - 2 - 2 * 25


@pytest.mark.trains
def test_half_a_diagnosis_is_told_from_a_wrong_one(patient, capsys):
    patient.plan = plan(15)
    try:
        patient.diagnose("noisy labels")
        assert "right, but that is not all" in capsys.readouterr().out
        patient.diagnose("learning rate", "noisy labels")
        assert patient.score["diagnosis"] == 75
    finally:
        patient.plan = plan(2)


@pytest.mark.trains
def test_a_diagnosis_must_be_one(patient):
    for names in (("ReLU",), ()):
        with pytest.raises(ValueError, match="choose from insufficient capacity"):
            patient.diagnose(*names)
    assert patient.attempts == 0


@pytest.mark.trains
def test_the_chart_is_free_after_a_diagnosis(patient):
    patient.diagnose("batch size")
    patient.order("chart")
    assert patient.spent == 0


@pytest.mark.trains
def test_another_treatment_that_works_counts(patient):
    assert answer(2).count("Constant") > 0
    # the standard treatment leaves the bias at 0
    code = patient.plan.broken.code().replace("Constant(-2.0)", "Constant(0.1)")
    patient.treat(run(code, patient.data)["history"])
    assert patient.score["recovery"] == 100


@pytest.mark.trains
def test_a_treatment_that_does_not_work_earns_nothing(patient):
    patient.treat(patient.history)
    assert patient.score["recovery"] == 0


@pytest.mark.trains
def test_changed_validation_images_are_passed_along(patient):
    x_train, y_train, x_val, y_val = patient.data
    history = run(plan(2).treated.code(), (1 - x_train, y_train, 1 - x_val, y_val))["history"]
    patient.treat(history)
    assert patient.score["recovery"] < 100
    patient.treat(history, x_val=1 - x_val)
    assert patient.score["recovery"] == 100


@pytest.mark.trains
def test_bad_treatments_are_refused(patient):
    with pytest.raises(ValueError, match="pass what model.fit"):
        patient.treat(patient.history.history)
    with pytest.raises(ValueError, match=r"x_val has shape \(3, 28, 28, 1\)"):
        patient.treat(patient.history, x_val=patient.data[2][:3])
    linear = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    with pytest.raises(ValueError, match="keep the softmax"):
        clinic.measure_telltale("val_accuracy", linear, *patient.data[2:])
    with pytest.raises(ValueError, match="puts out NaN"):
        patient.treat(patient.history, x_val=patient.data[2] * np.nan)


def test_telltales_by_hand():
    x, y = np.eye(3, dtype="float32"), np.array([0, 1, 1])
    bets = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(0.7, offset=0.1)])
    assert clinic.measure_telltale("val_accuracy", bets, x, y) == pytest.approx(2 / 3)
    assert clinic.measure_telltale("recall", bets, x, y, rare=(1,)) == pytest.approx(0.5)
    loss = -(2 * np.log(0.8) + np.log(0.1)) / 3
    assert clinic.measure_telltale("val_loss", bets, x, y) == pytest.approx(loss, rel=1e-3)


@pytest.mark.trains
def test_solutions_of_class_cases_stay_with_the_instructor(patient, capsys):
    patient.solution()
    assert "dying ReLU" in capsys.readouterr().out
    patient.number = PRACTICE
    try:
        with pytest.raises(ValueError, match="with the instructor"):
            patient.solution()
    finally:
        patient.number = 2


@pytest.mark.trains
def test_panel_from_admission_to_treatment(capsys):
    panel = Clinic()
    assert all(button.disabled for name, button in panel.buttons.items() if name != "Admit")
    panel.number.value = 3
    panel.buttons["Admit"].click()
    assert panel.code.disabled and panel.buttons["Treat"].disabled
    panel.test.value = "pixel values"
    panel.buttons["Order"].click()
    panel.names.value = ("unscaled inputs",)
    panel.buttons["Diagnose"].click()
    assert panel.patient.score["diagnosis"] == 99 and not panel.code.disabled
    panel.code.value = panel.code.value.replace("Input((28, 28, 1)),", "Inptu((28, 28, 1)),")
    panel.buttons["Treat"].click()
    assert "AttributeError" in capsys.readouterr().out and panel.patient.score["recovery"] is None
    panel.code.value = plan(3).treated.code()
    panel.buttons["Treat"].click()
    assert panel.patient.score["recovery"] == 100
    assert "epoch" in panel.line.value
