"""The verdict passes when the effect is there, and fails in every way in which it is not."""

from helpers.verdict import ARMS_MIME, MIME, Claim, VerdictError, check, compare, verdict

import keras
import pytest


def history(*values, key="val_accuracy"):
    run = keras.callbacks.History()
    run.history = {key: list(values)}
    return run


FLAT, RISING = history(0.1, 0.1, 0.1), history(0.3, 0.6, 0.8)
NAN = float("nan")


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed as data, in order."""
    records = []
    monkeypatch.setattr("helpers.verdict.display", lambda data, raw: records.append(data[MIME]))
    return records


def claim(broken, fixed, stalled_at=0.3, recovered_at=0.7, name="pair"):
    return Claim(name, "val_accuracy", broken, fixed, stalled_at, recovered_at)


def test_holds(displayed, capsys):
    verdict("04_x", 7, claim(FLAT, RISING))
    out = capsys.readouterr().out
    assert "broken: stalled  0.100" in out and "fixed: recovered  0.800" in out
    assert displayed == [
        {
            "notebook": "04_x",
            "claim": "pair",
            "telltale": "val_accuracy",
            "seed": 7,
            "broken": 0.1,
            "fixed": 0.8,
            "stalled_at": 0.3,
            "recovered_at": 0.7,
            "held": True,
        }
    ]


def test_levels_themselves_count(displayed):
    verdict("04_x", 0, claim(0.3, 0.7))


def test_lower_is_better_where_recovery_is_lower(displayed):
    verdict("04_x", 0, claim(0.6, 0.4, stalled_at=0.5, recovered_at=0.45))
    with pytest.raises(VerdictError):
        verdict("04_x", 0, claim(0.4, 0.6, stalled_at=0.5, recovered_at=0.45))


@pytest.mark.parametrize(
    "broken, fixed, line",
    [
        (FLAT, FLAT, "fixed: not recovered"),
        (RISING, RISING, "broken: not stalled"),
        (RISING, FLAT, "broken: not stalled"),
        (history(0.1, NAN), RISING, "broken: not stalled  nan"),
        (FLAT, history(0.8, NAN), "fixed: not recovered  nan"),
        (0.5, 0.8, "broken: not stalled"),
        (0.1, 0.5, "fixed: not recovered"),
    ],
    ids=[
        "equal, flat",
        "equal, rising",
        "swapped",
        "broken NaN",
        "fixed NaN",
        "half stalled",
        "half recovered",
    ],
)
def test_fails(broken, fixed, line, displayed, capsys):
    with pytest.raises(VerdictError, match="the effect is absent in: pair"):
        verdict("04_x", 0, claim(broken, fixed))
    assert line in capsys.readouterr().out
    assert displayed[0]["held"] is False, "the numbers are left behind all the same"


def test_one_failing_claim_among_several(displayed):
    with pytest.raises(VerdictError, match="absent in: second$"):
        verdict("04_x", 0, claim(FLAT, RISING, name="first"), claim(FLAT, FLAT, name="second"))
    assert [record["held"] for record in displayed] == [True, False]


def test_bad_claims(displayed):
    with pytest.raises(ValueError, match="history has no val_accuracy, only loss"):
        verdict("04_x", 0, claim(history(1.0, key="loss"), RISING))
    with pytest.raises(ValueError, match="must differ"):
        verdict("04_x", 0, claim(FLAT, RISING, 0.5, 0.5))


def test_check(capsys):
    for answer in (None, 3, 4):
        check("Exercise 1", answer, lambda number: number > 3, "Larger.")
    assert capsys.readouterr().out.splitlines() == [
        "Exercise 1: not answered yet",
        "Exercise 1: FAIL. Larger.",
        "Exercise 1: OK",
    ]


def raises(error):
    def passes(answer):
        raise error

    return passes


@pytest.mark.parametrize(
    "error, told",
    [
        (NameError("name 'x' is not defined"), "NameError: name 'x' is not defined. "),
        (
            ValueError("Wrong shape.\n\nArguments received: 3"),
            "ValueError: Wrong shape. Arguments received: 3. ",
        ),
        (AssertionError(), "AssertionError. "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_check_tells_an_error_in_the_answer_in_its_line(error, told, capsys):
    check("Exercise 1", 3, raises(error), "Larger.")
    assert capsys.readouterr().out == f"Exercise 1: FAIL. {told}Larger.\n"


def test_check_cuts_a_message_of_pages(capsys):
    check("Exercise 1", 3, raises(ValueError("at node " * 1000)), "Larger.")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Exercise 1: FAIL. ValueError: at node at") and line.endswith(" …. Larger.")
    assert len(line) < 350


def test_check_does_not_swallow_an_interrupt():
    with pytest.raises(KeyboardInterrupt):
        check("Exercise 1", 3, raises(KeyboardInterrupt()), "Larger.")


def test_compare_prints_and_leaves_data(monkeypatch, capsys):
    records = []
    monkeypatch.setattr("helpers.verdict.display", lambda data, raw: records.append(data[ARMS_MIME]))
    compare("07_x", 3, "val_accuracy", {"flat": FLAT, "given": 0.25})
    assert capsys.readouterr().out == "val_accuracy with seed 3\n  flat   0.100\n  given  0.250\n"
    assert records == [
        {"notebook": "07_x", "seed": 3, "telltale": "val_accuracy", "arms": [("flat", 0.1), ("given", 0.25)]}
    ]


def test_compare_names_the_arm_that_lacks_the_telltale():
    with pytest.raises(ValueError, match="rising: the history has no val_loss, only val_accuracy"):
        compare("07_x", 0, "val_loss", {"rising": RISING})
