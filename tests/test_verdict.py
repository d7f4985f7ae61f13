"""The verdict passes when the effect is there, and fails in every way in which it is not."""

from helpers.verdict import (
    ARMS_MIME,
    MIME,
    Claim,
    Level,
    VerdictError,
    check,
    compare,
    has_recovered,
    is_stalled,
    references,
    verdict,
)

import keras
import numpy as np
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
            "slowness": 0,
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


def test_a_level_says_what_it_is(displayed, capsys):
    stalled_at, recovered_at = Level(0.4, "halfway up"), Level(0.75, "the top")
    verdict("04_x", 0, claim(FLAT, RISING, stalled_at, recovered_at))
    out = capsys.readouterr().out
    assert "stalled at 0.400 = halfway up, recovered at 0.750 = the top)" in out
    assert displayed[0]["stalled_at"] == 0.4 and type(displayed[0]["recovered_at"]) is float


def test_stalled_and_recovered_of_whole_tables():
    values = np.array([0.2, 0.3, 0.7, np.nan])
    assert is_stalled(values, 0.3, 0.7).tolist() == [True, True, False, False]
    assert has_recovered(values, 0.3, 0.7).tolist() == [False, False, True, False]
    # each row by its own levels: of the second, lower is better
    assert is_stalled(np.array([0.2, 0.8]), np.array([0.3, 0.7]), np.array([0.7, 0.3])).all()
    assert has_recovered(np.array([0.8, 0.2]), np.array([0.3, 0.7]), np.array([0.7, 0.3])).all()


@pytest.fixture(scope="module")
def blobs():
    """Two classes that a line tells apart, the first three times as frequent as the second."""
    random = np.random.default_rng(0)
    y = (np.arange(400) % 4 == 3).astype(int)
    x = random.normal(size=(400, 2, 2, 1)) + 100 + 8 * y[:, None, None, None]
    return x[:200], y[:200], x[200:], y[200:]


def test_references_of_classes(blobs):
    known = references(*blobs, healthy=RISING)
    assert known["guessing"]["val_accuracy"] == 0.75
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert known["guessing"]["val_loss"] == pytest.approx(entropy)
    assert known["the linear model"]["val_accuracy"] > 0.98
    assert known["the linear model"]["val_loss"] < 0.2
    assert known["the healthy network"] == {"val_accuracy": 0.8}


def test_references_of_real_valued_targets(blobs):
    x, y, x_val, y_val = blobs
    target, new = np.stack([y, -2 * y], axis=1) + 0.0, np.stack([y_val, -2 * y_val], axis=1) + 0.0
    known = references(x, target, x_val, new)
    # variance of each target, 3/16 and 4 * 3/16, on average
    assert known["guessing"]["val_loss"] == pytest.approx(5 * 3 / 16 / 2)
    assert known["the linear model"]["val_loss"] < 0.1


def test_references_need_one_label_per_image_and_finite_images(blobs):
    x, y, x_val, y_val = blobs
    with pytest.raises(ValueError, match="200 images have 199 labels"):
        references(x, y, x_val, y_val[1:])
    with pytest.raises(ValueError, match="NaN or infinite"):
        references(np.where(x == x.max(), np.nan, x), y, x_val, y_val)


def test_levels_of_references(blobs):
    known = references(*blobs)
    linear = known["the linear model"]["val_accuracy"]
    assert known.level("val_accuracy", "the linear model") == linear
    middle = known.level("val_accuracy", "guessing", "the linear model")
    assert middle == pytest.approx((0.75 + linear) / 2)
    assert middle.meaning == "halfway from guessing to the linear model"
    for telltale, name in (("recall", "guessing"), ("val_loss", "the healthy network")):
        with pytest.raises(ValueError, match=f"no reference '{name}' tells {telltale}: guessing tells val_"):
            known.level(telltale, name)


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
