"""Hygiene of the stored notebooks. That they run, and what their verdicts say, nbval tests."""

import ast
import math
import re
import statistics

import pytest
from conftest import NOTEBOOKS, tagged

HEADINGS = {
    "00_reading_learning_curves": [
        "A healthy run",
        "Predict",
        "Three stalled runs",
        "What tells them apart",
        "The order of investigation",
        "The map",
        "Your turn",
        "Take-away",
    ],
    "15_clinic": [
        "Admit a patient",
        "Order tests",
        "Diagnose",
        "Treat",
        "Does it always happen?",
        "Play",
        "Your turn",
        "Take-away",
    ],
}
LESSON_HEADINGS = [
    "Predict",
    "Break it",
    "Observe",
    "Diagnose",
    "What else could it be?",
    "Fix it",
    "Does it always happen?",
    "Play",
    "Your turn",
    "Take-away",
]
ON_THE_CPU = (
    'tf.config.set_visible_devices([], "GPU")  # other hardware, other digits: delete this line to use yours'
)
CODE_BLOCK = re.compile(r"```.*?```", re.DOTALL)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def trains(cell):
    return ".fit(" in cell.source or re.search(r"(?<!def )\b(train|Case)\(", cell.source)


def test_names_count_up():
    assert NOTEBOOKS, "no notebooks"
    for path in NOTEBOOKS:
        assert re.fullmatch(r"\d\d_[a-z_]+", path.stem)


def test_headings(path, notebook):
    assert notebook.cells[0].source.startswith(f"# {path.stem[:2]} · ")
    assert re.findall(r"^## (.+)$", prose(notebook), re.MULTILINE) == HEADINGS.get(path.stem, LESSON_HEADINGS)


def test_size(path, notebook):
    words = len(prose(notebook).split())
    cells = len(notebook.cells) - len(tagged(notebook, "solution"))
    assert 20 <= cells <= 35, cells
    assert 700 <= words <= 1500, words
    assert path.stat().st_size <= 500_000, path.stat().st_size


def test_cell_lengths(notebook):
    lengths = [len([line for line in cell.source.splitlines() if line]) for cell in code(notebook)]
    assert statistics.median(lengths) <= 6, lengths
    assert max(lengths) <= 30, lengths


def test_trains_within_six_cells(notebook):
    assert any(trains(cell) for cell in code(notebook)[:6])


def test_every_training_cell_sets_the_seed(lesson):
    seeded = "keras.utils.set_random_seed(SEED)"
    for cell in code(lesson):
        if re.search(r"\.(fit|train_on_batch)\(", cell.source):
            # 14 trains one network several times: put_back gives it its weights, and sets the seed
            assert any(text in cell.source for text in (seeded, "build(", "put_back()")), cell.source
    for name in ("build", "put_back"):
        for cell in code(lesson):
            assert f"def {name}(" not in cell.source or seeded in cell.source
    assert sum("def build(" in cell.source for cell in code(lesson)) == 1


def test_was_run_once_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_nothing_went_wrong(notebook):
    for output in outputs(notebook):
        assert output.output_type != "error" and output.get("name") != "stderr"
        assert "warning" not in str(output.get("text", "")).lower()
        for text in output.get("data", {}).values():
            assert "object at 0x" not in str(text)


def test_metadata_is_normalized(notebook):
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"jupyter", "slideshow", "tags"}
        slideshow = cell.metadata.get("slideshow", {"slide_type": "skip"})
        assert set(slideshow) == {"slide_type"}
        assert slideshow["slide_type"] in {"slide", "subslide", "fragment", "skip", "notes"}
    for output in outputs(notebook):
        assert not any("widget" in kind for kind in output.get("data", {}))


def test_only_bookkeeping_is_collapsed(notebook):
    for cell in notebook.cells:
        if "jupyter" in cell.metadata:
            assert cell.metadata["jupyter"] == {"source_hidden": True} and cell.cell_type == "code"
            # the network, compile and fit always stand open
            assert not trains(cell) and not re.search(r"\b(def build|def train|compile)\(", cell.source)


def test_every_picture_has_alternative_text(notebook):
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        assert len(picture.metadata["image/png"]["alt"]) > 40
    assert "![](" not in prose(notebook)


def test_tags(notebook):
    (parameters,) = tagged(notebook, "parameters")
    assert re.match(r"(SEED|NUMBER) = \d+$", parameters.source, re.MULTILINE)
    assert len(tagged(notebook, "exercise")) == 3
    (instructor,) = tagged(notebook, "instructor")
    assert instructor.source.startswith("<details>")


def test_each_exercise_is_followed_by_its_solution(notebook):
    exercises, solutions = tagged(notebook, "exercise"), tagged(notebook, "solution")
    assert [notebook.cells[notebook.cells.index(cell) + 1] for cell in exercises] == solutions
    for exercise, solution in zip(exercises, solutions, strict=True):
        assert solution.cell_type == "markdown" and "```python" in solution.source
        # folded as a whole: nothing stands outside
        assert re.match(r"<details><summary>Solution</summary>\n\n", solution.source)
        assert solution.source.endswith("\n</details>") and solution.source.count("details>") == 2
        # in slides neither is seen
        assert solution.metadata.get("slideshow") == exercise.metadata.get("slideshow")


def test_runs_on_the_cpu_unless_the_reader_asks_otherwise(notebook):
    source = next(cell.source for cell in tagged(notebook, "setup") if "import keras" in cell.source)
    assert ON_THE_CPU in source.splitlines() and "import tensorflow as tf" in source.splitlines()
    # nothing computes before it: TensorFlow refuses the change once it has
    for statement in ast.parse(source.partition(ON_THE_CPU)[0]).body:
        imports = isinstance(statement, ast.Import | ast.ImportFrom)
        assert imports or ast.unparse(statement) == "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '1'"


def test_verdict_is_stored_with_its_words(lesson_path, lesson):
    (verdict,) = tagged(lesson, "verdict")
    assert "nbval-check-output" in verdict.metadata.tags and "verdict(" in verdict.source
    printed = "".join(output.text for output in verdict.outputs if output.output_type == "stream")
    records = [
        output.data["application/vnd.stalled-cnns.verdict+json"]
        for output in verdict.outputs
        if "application/vnd.stalled-cnns.verdict+json" in output.get("data", {})
    ]
    assert printed.count("broken: stalled") == printed.count("fixed: recovered") == len(records) > 0
    assert all(record["held"] and record["notebook"] == lesson_path.stem for record in records)


def test_links_lead_to_files(path, notebook):
    for link in re.findall(r"\]\(([^)#:]+)\)", prose(notebook)):
        assert (path.parent / link).exists(), link


def numbers(text):
    """(value, decimals) of each number in a text; 12 % counts as 0.12 with two decimals."""
    found = []
    for match in re.finditer(r"(?<![\w.])[-−]?(\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?)( ?%)?", text):
        digits = match[1].replace(",", "")
        value = float(digits) / (100 if match[2] else 1)
        decimals = len(digits.partition(".")[2]) + (2 if match[2] else 0)
        found.append((value, decimals))
    return found


def unexplained(notebook):
    """Numbers with a fraction in the prose that neither code nor output of the notebook shows."""
    # results only: what stands in quotes of a source, in code blocks and in links is left out
    text = re.sub(
        r"\]\([^)]*\)|`[^`]*`|\([^()]*\b(19|20)\d\d[^()]*\)", "", CODE_BLOCK.sub("", prose(notebook))
    )
    shown = "\n".join(
        [cell.source for cell in code(notebook)]
        + [str(output.get("text", "")) for output in outputs(notebook)]
        + [str(output.get("data", {}).get("text/plain", "")) for output in outputs(notebook)]
    )
    values = [value for value, _ in numbers(shown)]
    return [
        value
        for value, decimals in numbers(text)
        if decimals and not any(math.isclose(round(other, decimals), value, abs_tol=1e-9) for other in values)
    ]


def test_every_fraction_in_the_prose_is_shown_by_a_cell(notebook):
    assert unexplained(notebook) == []


def test_an_invented_fraction_is_noticed(notebook):
    notebook.cells[0].source += "\n\nIt reached 0.98765, or 31.41 % more."
    assert unexplained(notebook) == pytest.approx([0.98765, 0.3141])
