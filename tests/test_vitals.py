"""vitals.csv and curves.csv: every patient as it stands, and each is the one its notebook shows."""

import journal
import vitals
from helpers.data import CURVES, EVIDENCE, VITALS
from helpers.instruments import HEALTHY

import numpy as np
import pandas as pd
import pytest
from conftest import LESSONS

TABLE, CURVE_TABLE = pd.read_csv(VITALS), pd.read_csv(CURVES)
ENTRIES = journal.read()

# patient -> the claim whose broken run it is
CLAIMS = {
    "01 capacity": "3 filters, 16 filters",
    "02 bottleneck": "1 number, 32 numbers",
    "03 sigmoids": "sigmoid, tanh, both Glorot",
    "04 dying ReLU": "low bias, bias 0",
    "05 pooling": "global maximum, pooling by 2",
    "06 rate too low, another": "rate 0.0001, rate of the range test",
    "06 rate too high, another": "rate 1, rate of the range test",
    "07 optimizer": "Adadelta 0.001, Adam 0.001",
    "08 batch size, another": "batch 500, batch 16",
    "09 overfitting": "plain, dropout and L2",
    "11 unscaled": "0...255, Rescaling",
    "12 noisy labels, another": "as given, the 1,800 right ones",
    "13 little data": "200 images, augmented",
    "14 last folder": "as read, shuffled",
}

# notebook 00's table, in its order: a reading, and the patients with this symptom that are left to it
INVESTIGATION = {
    "flat at guessing": [
        ("largest input", "before", {"11 unscaled"}),
        ("dead_units largest share", "before", {"04 dying ReLU"}),
        ("gradient_norms first/last", "before", {"03 sigmoids"}),
        ("update_to_weight_ratios median", "before", {"06 rate too low", "06 rate too high", "07 optimizer"}),
        ("linear_probes largest drop", "after", {"05 pooling"}),
    ],
    "low together": [
        ("effective_ranks lowest", "after", {"02 bottleneck"}),
        ("batch size / noise scale", "before", {"08 batch size"}),
        ("linear_probes largest drop", "after", set()),  # 01 capacity is what is left
    ],
    "training far above validation": [("recall lowest", "after", {"14 last folder"})],
    "looks healthy": [("rarest class / mean class", "before", {"10 imbalance"})],
}


def test_every_lesson_sends_a_patient_and_another():
    for patients in (vitals.MAPPED, vitals.OTHERS):
        numbers = {name[:2] for name in patients if not name.startswith("healthy")}
        assert numbers == {path.stem[:2] for path in LESSONS}
    stems = {stem for stem, *_ in vitals.PATIENTS.values()}
    assert stems == {"00_reading_learning_curves", *(path.stem for path in LESSONS)}
    for table in (TABLE, CURVE_TABLE):
        assert set(table.patient) == set(vitals.PATIENTS)


@pytest.mark.parametrize("patient", vitals.PATIENTS)
def test_every_patient_was_read_with_several_seeds(patient):
    least = vitals.seeds_of(patient, 20)
    for table in (TABLE, CURVE_TABLE):
        seeds = sorted(table[table.patient == patient].seed.unique())
        assert seeds == list(range(len(seeds))) and {*map(str, seeds)} >= {*least}
        runs = map(str, seeds)
        assert journal.stale(ENTRIES, "vitals", patient, runs, vitals.fingerprint(patient)) == {}
    readings = TABLE[TABLE.patient == patient].groupby("seed").size()
    assert readings.nunique() == 1  # nobody lacks a reading
    assert not TABLE.value.isna().any()


@pytest.mark.parametrize("patient, claim", CLAIMS.items())
def test_a_patient_is_the_broken_run_of_its_notebook(patient, claim):
    evidence = pd.read_csv(EVIDENCE).query("kind != 'longer'")
    rows = evidence[(evidence.claim == claim) & (evidence.notebook == vitals.PATIENTS[patient][0])]
    broken = rows.set_index("seed").broken
    reading = (
        TABLE[(TABLE.patient == patient) & (TABLE.reading == rows.telltale.iloc[0])].set_index("seed").value
    )
    # another order of additions changes how far chance takes a broken run: in the mean, not in each
    both = reading.index.intersection(broken.index)
    assert len(both) >= vitals.SEEDS_OF_OTHERS
    assert reading[both].mean() == pytest.approx(broken[both].mean(), rel=0.15, abs=0.03)


@pytest.mark.parametrize("symptom", INVESTIGATION)
def test_readings_split_what_notebook_00_says_in_its_order(symptom):
    left = set().union(*(found for _, _, found in INVESTIGATION[symptom]))
    left |= {
        "low together": {"01 capacity"},
        "training far above validation": {"09 overfitting", "12 noisy labels", "13 little data"},
        "looks healthy": {"healthy"},
    }.get(symptom, set())
    for reading, moment, found in INVESTIGATION[symptom]:
        rows = TABLE[(TABLE.reading == reading) & (TABLE.moment == moment) & TABLE.patient.isin(left)]
        lowest, highest = HEALTHY[reading][:2]
        out = rows.assign(out=(rows.value < lowest) | (rows.value > highest)).groupby("patient").out
        assert set(out.min().index[out.min()]) == found, reading  # with every seed
        left -= found


def test_curves_end_where_the_readings_begin():
    last = CURVE_TABLE.sort_values("epoch").groupby(["patient", "seed", "metric"]).value.last()
    after = (
        TABLE[(TABLE.moment == "after") & (TABLE.reading == "val_loss")].set_index(["patient", "seed"]).value
    )
    np.testing.assert_allclose(last.xs("val_loss", level="metric")[after.index], after, rtol=1e-3)


@pytest.mark.trains
def test_an_examination_finds_what_the_table_says():
    rows, curves = vitals.examine(vitals.recipe("11 unscaled"), "11 unscaled", 0)
    for new, table in ((rows, TABLE), (curves, CURVE_TABLE)):
        stored = table[(table.patient == "11 unscaled") & (table.seed == 0)]
        assert len(new) == len(stored)
    new = rows[rows.moment == "before"].set_index("reading").value
    stored = TABLE[(TABLE.patient == "11 unscaled") & (TABLE.seed == 0) & (TABLE.moment == "before")]
    for reading in ("largest input", "initial_loss / guessing", "suspect labels", "distinct images"):
        assert new[reading] == pytest.approx(stored.set_index("reading").value[reading], rel=1e-3)
