"""data/evidence.csv and data/arms.csv: complete, 20 of 20, and from the recipes as they stand."""

from evidence import ARM_COLUMNS, COLUMNS, arms, is_current, read, summary, verdicts
from helpers.data import EARLIER_ARMS as ARMS
from helpers.data import EARLIER_EVIDENCE
from helpers.verdict import ARMS_MIME

import nbformat
import pandas as pd
import pytest
from conftest import LESSONS

EVIDENCE = pd.read_csv(EARLIER_EVIDENCE)
COMPARED = read(ARMS, ARM_COLUMNS)


def test_covers_the_notebooks_and_nothing_else():
    assert list(EVIDENCE.columns) == COLUMNS
    assert sorted(EVIDENCE.notebook.unique()) == [path.stem for path in LESSONS]


def test_holds_in_20_of_20_seeds(lesson_path):
    for claim, rows in EVIDENCE[EVIDENCE.notebook == lesson_path.stem].groupby("claim"):
        assert sorted(rows.seed) == list(range(20)), claim
        assert rows.held.all(), claim
        if rows.recovered_at.iloc[0] > rows.stalled_at.iloc[0]:
            assert rows.fixed.min() > rows.broken.max(), claim
        else:
            assert rows.fixed.max() < rows.broken.min(), claim


def test_every_arm_has_20_seeds(lesson_path, lesson):
    stored = arms(lesson)
    rows = COMPARED[COMPARED.notebook == lesson_path.stem]
    assert is_current(rows, stored)
    assert sorted(rows.arm.unique()) == sorted(stored.arm)
    for arm, values in rows.groupby("arm"):
        assert sorted(values.seed) == list(range(20)), arm
        assert values.value.notna().all(), arm


def test_arms_are_read_off_the_outputs():
    record = {"notebook": "n", "seed": 5, "telltale": "val_loss", "arms": [("a", 0.5), ("b", 0.6)]}
    output = nbformat.v4.new_output("display_data", data={ARMS_MIME: record})
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])
    stored = arms(book)
    assert stored.values.tolist() == [["n", "val_loss", "a", 5, 0.5], ["n", "val_loss", "b", 5, 0.6]]
    assert is_current(stored, stored)
    assert not is_current(stored.assign(value=[0.5, 0.9]), stored)
    assert not is_current(stored[:1], stored) and not is_current(stored, stored[:0])


def test_held_says_what_the_levels_say():
    higher = EVIDENCE.recovered_at > EVIDENCE.stalled_at
    sign = higher.map({True: 1, False: -1})
    stalled = sign * EVIDENCE.broken <= sign * EVIDENCE.stalled_at
    recovered = sign * EVIDENCE.fixed >= sign * EVIDENCE.recovered_at
    assert (EVIDENCE.held == (stalled & recovered)).all()


def test_is_of_the_recipe_that_stands_in_the_notebook(lesson_path, lesson):
    assert is_current(EVIDENCE[EVIDENCE.notebook == lesson_path.stem], verdicts(lesson))


@pytest.mark.parametrize("column, value", [("fixed", 0.8), ("stalled_at", 0.31), ("claim", "other")])
def test_a_changed_recipe_is_noticed(column, value):
    stored = verdicts(nbformat.read(LESSONS[0], as_version=4))
    rows = EVIDENCE[EVIDENCE.notebook == LESSONS[0].stem]
    assert is_current(rows, stored)
    changed = stored.copy()
    changed.loc[0, column] = stored.loc[0, "fixed"] * value if column == "fixed" else value
    assert not is_current(rows, changed)
    assert not is_current(rows, stored[1:].reset_index(drop=True))
    assert not is_current(rows, stored[:0])


def test_summary_counts():
    line = summary(EVIDENCE[EVIDENCE.claim == EVIDENCE.claim.iloc[0]]).splitlines()[-1]
    assert line.split()[-2:] == ["20", "20"]
