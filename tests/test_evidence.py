"""The tables of evidence: complete, 20 of 20 on fresh seeds, and of the code as it stands."""

import cells
import evidence
import journal
from evidence import ARM_COLUMNS, COLUMNS, runs_of
from helpers.data import ARMS, EVIDENCE
from helpers.verdict import ARMS_MIME, MIME, has_recovered, is_stalled

import pandas as pd
import pytest
from conftest import LESSONS

TABLE, ARM_TABLE = evidence.read(EVIDENCE, COLUMNS), evidence.read(ARMS, ARM_COLUMNS)
ENTRIES = journal.read()


def test_every_lesson_follows_the_protocol_and_is_in_the_table():
    stems = sorted(path.stem for path in LESSONS)
    assert [stem for stem in stems if evidence.follows_protocol(stem)] == stems
    assert list(TABLE.columns) == COLUMNS and sorted(TABLE.notebook.unique()) == stems


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def stem(request):
    return request.param.stem


@pytest.fixture
def rows(stem):
    return TABLE[TABLE.notebook == stem]


def test_no_run_is_missing_or_stale(stem):
    found = evidence.claims(stem)
    runs = [f"{kind} {seed}" for kind, seed, _ in runs_of(stem)]
    assert journal.stale(ENTRIES, "evidence", stem, runs, journal.fingerprint(cells.code_of(found))) == {}


def test_every_claim_has_every_run(stem, rows):
    for claim, of_claim in rows.groupby("claim"):
        runs = sorted(zip(of_claim.kind, of_claim.seed))
        assert runs == sorted((kind, seed) for kind, seed, _ in runs_of(stem)), claim


def test_holds_on_every_fresh_seed_and_with_three_times_the_epochs(rows):
    for claim, of_claim in rows.groupby("claim"):
        judged = of_claim[of_claim.kind == "judgment"]
        assert len(judged) == 20 and judged.held.all(), claim
        longer = of_claim[of_claim.kind == "longer"]
        # where slowness is the failure, the longer run shows the recovery that the notebook tells of
        assert (longer.held | (longer.slowness > 0)).all(), claim


def test_held_says_what_the_levels_say():
    levels = TABLE.stalled_at, TABLE.recovered_at
    held = is_stalled(TABLE.broken, *levels) & has_recovered(TABLE.fixed, *levels)
    assert (held == TABLE.held).all()


def test_every_arm_has_every_run(stem):
    rows = ARM_TABLE[ARM_TABLE.notebook == stem]
    for arm, of_arm in rows.groupby(["telltale", "arm"]):
        runs = sorted(zip(of_arm.kind, of_arm.seed))
        assert runs == sorted((kind, seed) for kind, seed, _ in runs_of(stem)), arm
        assert of_arm.value.notna().all(), arm


def record(seed, broken):
    return {
        "notebook": "04_x", "claim": "pair", "telltale": "val_loss", "seed": seed,
        "broken": broken, "fixed": 0.4, "stalled_at": 0.8, "recovered_at": 0.5, "slowness": 0, "held": True,
    }  # fmt: skip


def test_rows_are_read_off_what_a_run_displayed():
    arms = {"notebook": "04_x", "seed": 5, "telltale": "val_loss", "arms": [("a", 0.5), ("b", 0.6)]}
    rows, arm_rows = evidence.rows_of(
        [{MIME: record(5, 0.9)}, {ARMS_MIME: arms}, {"text/plain": ""}], "longer"
    )
    assert list(rows.columns) == COLUMNS and rows.kind.tolist() == ["longer"]
    assert arm_rows.values.tolist() == [
        ["04_x", "val_loss", "a", "longer", 5, 0.5],
        ["04_x", "val_loss", "b", "longer", 5, 0.6],
    ]


def test_a_run_done_again_takes_the_place_of_the_earlier_one(tmp_path):
    table, keys = tmp_path / "evidence.csv", ["notebook", "kind", "seed"]
    collected = pd.DataFrame(columns=COLUMNS)
    for seed, broken in ((1, 0.9), (0, 0.8), (1, 0.7)):
        rows, _ = evidence.rows_of([{MIME: record(seed, broken)}], "judgment")
        collected = evidence.put(collected, rows, table, keys)
    stored = pd.read_csv(table)
    assert stored[["seed", "broken"]].values.tolist() == [[0, 0.8], [1, 0.7]]


def test_summary_counts():
    rows = pd.DataFrame([record(seed, 0.9) | {"kind": "judgment"} for seed in range(3)])
    assert evidence.summary(rows).splitlines()[-1].split()[-2:] == ["3", "3"]
