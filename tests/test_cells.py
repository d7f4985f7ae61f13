"""Which cells decide a result, that they run with other parameters, and what their code depends on."""

import cells
import journal
from cells import Cell

import pytest


def cell(source, *tags):
    return Cell(source, tags)


def decided_by(*sources, last="verdict(run)"):
    """Numbers of the cells, of those given, that the last one needs."""
    found = [cell("SEED = 0", "parameters"), *map(cell, sources), cell(last, "verdict")]
    kept = cells.deciding(found, lambda each: "verdict" in each.tags)
    assert kept[0] == found[0] and kept[-1] == found[-1]
    return [found.index(each) for each in kept[1:-1]]


def test_what_is_not_needed_is_left_out():
    assert decided_by("run = train()", "draw(run)", "other = train()") == [1]


def test_what_a_needed_cell_uses_is_needed_too():
    assert decided_by("import keras", "x = keras.load()", "y = 2 * x", "run = fit(x)") == [1, 2, 4]


def test_what_a_function_uses_is_needed_where_it_is_called():
    # between the definition and the call, x changes
    assert decided_by("x = 1", "def train():\n    return x", "x = 2", "run = train()") == [2, 3, 4]


def test_a_name_within_a_function_or_a_comprehension_is_another():
    function = "def train(x, y=start, *, z=end):\n    return [u * x for u in (y, z)]"
    assert decided_by("x = 1", "start = 2", "end = 3", "u = 4", function, "run = train(5)") == [2, 3, 5, 6]
    assert decided_by("x = 1", "xs = [1]", "run = [x for x in xs]") == [2, 3]
    assert decided_by("n = 1", "x = 2", "def inner():\n    return lambda x: x + n", "run = inner()") == [
        1,
        3,
        4,
    ]


def test_a_change_of_an_object_counts():
    assert decided_by("run = []", "run.append(1)", "print(run)") == [1, 2]
    assert decided_by("run = {}", "run['a'] = 1") == [1, 2]
    assert decided_by("model = build()", "model.fit(x)", last="verdict(model)") == [1, 2]


def test_an_object_bound_anew_is_not_the_earlier_one():
    assert decided_by("run = slow()", "run = fast()") == [2]
    assert decided_by("run = slow()", "if late:\n    run = fast()") == [1, 2]
    assert decided_by("run = 1", "run += 1") == [1, 2]


def test_names_of_loops_imports_and_classes():
    assert decided_by("for run in runs:\n    pass") == [1]
    assert decided_by("import runs.a as run", "import os") == [1]
    assert decided_by("class run:\n    pass") == [1]


def test_parameters_are_replaced_where_they_stand():
    source = "SEED = 0  # of all\nEPOCHS = 4\nUPDATES = 94 * EPOCHS"
    assert cells.with_parameters(source, {"EPOCHS": 12}) == "SEED = 0\nEPOCHS = 12\nUPDATES = 94 * EPOCHS"
    with pytest.raises(ValueError, match="assigns no SIZE"):
        cells.with_parameters(source, {"SIZE": 1})


VERDICT = """
from helpers.verdict import Claim, verdict
verdict("04_x", SEED, Claim("pair", "val_accuracy", 0.1, fixed, 0.3, 0.7))
"""


@pytest.mark.parametrize("fixed, held", [(0.8, True), (0.5, False)])
def test_a_run_leaves_its_numbers_whether_the_effect_is_there_or_not(fixed, held, capsys):
    found = [cell("SEED = 0", "parameters"), cell(f"fixed = {fixed}"), cell(VERDICT)]
    namespace, (shown,) = cells.run(found, {"SEED": 17})
    (record,) = shown.values()
    assert namespace["fixed"] == fixed and record["seed"] == 17 and record["held"] is held
    assert capsys.readouterr().out == ""


def test_an_error_in_a_cell_is_raised():
    with pytest.raises(ZeroDivisionError):
        cells.run([cell("SEED = 0", "parameters"), cell("1 / 0")], {"SEED": 1})


def test_code_is_the_same_whatever_the_comments_and_the_seed():
    one = [cell("SEED = 0", "parameters"), cell("x = 1  # one\ndef f():\n    'Words.'\n    return x")]
    two = [cell("SEED = 5", "parameters"), cell("x = 1\ndef f():\n    'Other words.'\n    return x")]
    assert cells.code_of(one) == cells.code_of(two)
    assert cells.code_of(one) != cells.code_of([one[0], cell("x = 2")])


def test_helpers_are_traced_through_each_other():
    called = cells.helpers_of("from helpers.data import load_fashion_mnist, keep_few\nload_fashion_mnist()")
    assert "def load_fashion_mnist" in called and "def _load_sample" in called and "SAMPLE_SHA256" in called
    assert "def keep_few" not in called, "it is imported and not used"
    through = cells.helpers_of("from helpers.clinic.faults import plan\nplan(3)")
    assert "class Recipe" in through and "def vary_pose" in through
    assert "def picture" not in through and "class LiveCurve" not in through, "these change no number"
    assert '"""' not in called


def test_of_a_whole_module_what_is_used_is_traced():
    called = cells.helpers_of("from helpers import instruments\ninstruments.initial_loss(model, x, y)")
    assert "def initial_loss" in called and "def _checked_batch" in called
    assert "def gradient_norms" not in called
    assert cells.helpers_of("from helpers import instruments as i\ni.initial_loss(model, x, y)") == called


def test_a_whole_module_that_is_handed_on_is_traced():
    called = cells.helpers_of("from helpers import instruments\nprint(vars(instruments))")
    assert "def initial_loss" in called and "def gradient_norms" in called


CODE = "from helpers.data import flip_labels\nflip_labels(y, 0.4, 0)"


@pytest.fixture
def entries(tmp_path, monkeypatch):
    """A journal with one line, of a run of CODE as it stands."""
    monkeypatch.setattr(journal, "JOURNAL", tmp_path / "journal.csv")
    return journal.enter(journal.read(), "evidence", "04_x", "judgment 10", journal.fingerprint(CODE))


def todo(entries, code=CODE, run="judgment 10"):
    return journal.stale(entries, "evidence", "04_x", [run], journal.fingerprint(code))


def test_a_run_is_current_until_something_changes(entries, monkeypatch):
    assert todo(entries) == {} and todo(journal.read()) == {}
    assert todo(entries, run="judgment 11") == {"judgment 11": ["never run"]}
    assert todo(entries, CODE.replace("0.4", "0.5")) == {"judgment 10": ["cells"]}
    monkeypatch.setattr(journal, "SAMPLE_SHA256", "other")
    assert todo(entries) == {"judgment 10": ["data"]}
    monkeypatch.setattr(journal, "_versions", lambda: "keras 4")
    assert todo(entries) == {"judgment 10": ["data", "versions"]}


def test_a_change_in_a_helper_is_noticed(entries, monkeypatch):
    definitions = dict(cells._definitions("data"))
    code, reads = definitions["flip_labels"]
    definitions["flip_labels"] = code.replace("round(share", "int(share"), reads
    monkeypatch.setattr(cells, "_definitions", lambda module: definitions)
    assert todo(entries) == {"judgment 10": ["helpers"]}


def test_a_run_done_again_has_one_line(entries):
    again = journal.enter(entries, "evidence", "04_x", "judgment 10", journal.fingerprint("x = 1"))
    assert len(again) == 1 and todo(again) == {"judgment 10": ["cells", "helpers"]}


def test_versions_are_those_of_the_lock():
    assert {line.split()[0] for line in journal._versions().splitlines()} == set(journal.LIBRARIES)
