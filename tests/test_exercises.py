"""The self-checks of the exercises say OK to right answers, however written, and FAIL to wrong ones.

The answers stand in tests/answers, one file a notebook, one entry an exercise: `right` ones, written
differently from the solution and from each other, `wrong` ones, from misconceptions the text warns of,
and `copied` ones, which stand in a cell above the exercise or in its text.
"""

import ast
import re
import runpy

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, code_of, group, prepared, tagged

ANSWERS = {
    path.stem: runpy.run_path(str(ROOT / "tests" / "answers" / f"{path.stem}.py"))["EXERCISES"]
    for path in NOTEBOOKS
}


def exercises():
    """Every exercise as (path, number); one that trains is marked, set-up cells included."""
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        setup = [cell.source for cell in tagged(notebook, "setup")]
        for number, cell in enumerate(tagged(notebook, "exercise")):
            fits = trains([*setup, cell.source]) or "model.fit(" in cell.source
            marks = [pytest.mark.trains] if fits else []
            yield pytest.param(path, number, id=f"{path.stem}-{number + 1}", marks=marks)


def answers(*kinds):
    """Every answer of these kinds, with its exercise."""
    return pytest.mark.parametrize(
        "path, number, answer",
        [
            pytest.param(path, number, answer, id=f"{each.id}-{kind}-{i}", marks=each.marks)
            for each in exercises()
            for path, number in [each.values]
            for kind in kinds
            for i, answer in enumerate(ANSWERS[path.stem][number].get(kind, []))
        ],
    )


def trains(sources):
    return any(re.search(r"(?<!def )\b(train|train_on_batch|Case)\(", source) for source in sources)


each_exercise = pytest.mark.parametrize("path, number", list(exercises()))


def judge(path, number, answer, capsys):
    """What the self-check prints last when the first line of the cell is replaced by an answer."""
    notebook, namespace = prepared(path)
    stub, _, rest = tagged(notebook, "exercise")[number].source.partition("\n")
    assert re.match(r"\w+ = None  # ", stub), "an exercise begins with its empty answer"
    capsys.readouterr()
    exec(f"{stub if answer is None else answer}\n{rest}", dict(namespace))
    return capsys.readouterr().out.splitlines()[-1]


@each_exercise
def test_untouched_exercise_is_not_judged(path, number, capsys):
    assert judge(path, number, None, capsys) == f"Exercise {number + 1}: not answered yet"


@each_exercise
def test_solution_passes(path, number, capsys):
    solution = code_of(tagged(prepared(path)[0], "solution")[number])
    assert judge(path, number, solution, capsys) == f"Exercise {number + 1}: OK"


@answers("right")
def test_right_answer_passes(path, number, answer, capsys):
    assert judge(path, number, answer, capsys) == f"Exercise {number + 1}: OK"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a wrong answer may divide by 0
@answers("wrong", "copied")
def test_wrong_answer_fails(path, number, answer, capsys):
    notebook, _ = prepared(path)
    # nothing but the hint: the check itself must find the answer wrong, not an error
    (check,) = re.findall(
        r"^check\(.*\)$", tagged(notebook, "exercise")[number].source, re.DOTALL | re.MULTILINE
    )
    hint = ast.literal_eval(ast.parse(check).body[0].value.args[-1])
    line = judge(path, number, answer, capsys)
    assert line == f"Exercise {number + 1}: FAIL. {hint}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_its_answers(path):
    least = {"right": 3, "wrong": 2, "copied": 1}
    assert len(ANSWERS[path.stem]) == 3
    for exercise in ANSWERS[path.stem]:
        assert all(len(set(exercise[kind])) >= count for kind, count in least.items()), exercise


def test_exercises_of_a_notebook_stay_together():
    file = "tests/test_exercises.py::test_"
    ninth = {group(f"{file}solution_passes[09_x-1]"), group(f"{file}wrong_answer_fails[09_x-2-wrong-0]")}
    assert len(ninth) == 1 and group(f"{file}wrong_answer_fails[10_x-2-wrong-1]") not in ninth
