"""What a class gets: two editions of the notebooks, neither of which tells too much, and slides."""

import copy
import html
import json
import os
import re

import classroom

import nbformat
import pytest
from conftest import NOTEBOOKS, ROOT, code_of, tagged
from nbconvert import SlidesExporter
from traitlets.config import PyFileConfigLoader

FOLDED_SOLUTION = re.compile(r"<details[^>]*solution|<summary>\s*solution", re.IGNORECASE)
# the opening and one notebook of each area
DECKS = [path for path in NOTEBOOKS if path.stem[:2] in ("00", "03", "06", "10")]


def secrets(notebook, text):
    """The lines of a text that the notebook's code does not show to everybody."""
    shown = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    lines = {line.strip() for line in text.splitlines() if not re.match("</?details|```", line)}
    return {line for line in lines if len(line) >= 8 and line not in shown}


def leaks(notebook, text):
    """What a text, such as a file of the students' edition, gives away of a notebook."""
    hidden = set()
    for cell in tagged(notebook, "solution") + tagged(notebook, "instructor"):
        hidden |= secrets(notebook, cell.source)
    # without backslashes a quotation mark is the same in the code, in JSON, and in JSON within JSON
    plain = text.replace("\\", "")
    found = {line for line in hidden if line.replace("\\", "") in plain}
    return found | set(FOLDED_SOLUTION.findall(plain)) | set(re.findall('"(?:instructor|solution)"', plain))


@pytest.fixture(scope="module")
def editions(tmp_path_factory):
    """The folders of the two editions, written twice, the second time over leftovers."""
    folder = tmp_path_factory.mktemp("build") / "classroom"
    classroom.main(folder)
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "students" / "15_withdrawn.ipynb").touch()
    classroom.main(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    return folder / "students", folder / "instructors"


@pytest.fixture
def students_path(editions, path):
    return editions[0] / path.name


@pytest.fixture
def instructors(editions, path):
    return nbformat.read(editions[1] / path.name, as_version=4)


def test_both_editions_are_complete(editions):
    for folder in editions:
        assert sorted(path.name for path in folder.glob("*.ipynb")) == [path.name for path in NOTEBOOKS]


def test_answers_of_class_cases_are_with_the_instructor_only(editions):
    students, instructors = editions
    answers = (instructors / "clinic_answers.txt").read_text(encoding="utf-8")
    assert answers.startswith("case 100: ") and "\n\ncase 199: " in answers
    assert all(path.suffix == ".ipynb" for path in students.iterdir())


def test_students_edition_leaks_nothing(notebook, students_path):
    assert leaks(notebook, students_path.read_text(encoding="utf-8")) == set()


def test_students_edition_has_no_results(students_path):
    for cell in nbformat.read(students_path, as_version=4).cells:
        assert cell.get("outputs", []) == [] and cell.get("execution_count") is None


def test_students_edition_is_the_notebook_otherwise(notebook, students_path):
    students = nbformat.read(students_path, as_version=4)
    assert students.metadata == notebook.metadata
    left_out = tagged(notebook, "instructor") + tagged(notebook, "solution")
    kept = [cell for cell in notebook.cells if cell not in left_out]
    root = os.path.relpath(ROOT, students_path.parent)
    for cell, twin in zip(kept, students.cells, strict=True):
        assert twin.metadata == cell.metadata and twin.cell_type == cell.cell_type
        # hints and the comparison with the prediction are folded as well, and stay
        moved = "](../" in cell.source and cell.cell_type == "markdown"
        assert twin.source == (cell.source.replace("](../", f"]({root}/") if moved else cell.source)


def test_instructors_edition_has_everything_unfolded(notebook, instructors):
    assert len(instructors.cells) == len(notebook.cells)
    pairs = zip(tagged(instructors, "solution"), tagged(notebook, "solution"), strict=True)
    assert all(code_of(twin) == code_of(cell) for twin, cell in pairs)
    for tag in ("instructor", "exercise", "verdict"):
        assert len(tagged(instructors, tag)) == len(tagged(notebook, tag))
    outputs = [cell.outputs for cell in instructors.cells if cell.cell_type == "code"]
    assert outputs == [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in instructors.cells)
    assert text.count("<details") == text.count("<details open")


def test_links_lead_to_files(editions, path):
    for folder in editions:
        for cell in nbformat.read(folder / path.name, as_version=4).cells:
            for link in re.findall(r"\]\(([^)#:]+)\)", cell.source) if cell.cell_type == "markdown" else []:
                assert (folder / link).exists(), link


def test_the_notebook_itself_would_leak(path, notebook):
    # every solution has lines of its own to look for, and the unchanged file shows them all
    hidden = [secrets(notebook, code_of(cell)) for cell in tagged(notebook, "solution")]
    hidden += [secrets(notebook, cell.source) for cell in tagged(notebook, "instructor")]
    found = leaks(notebook, path.read_text(encoding="utf-8"))
    assert all(hidden) and set().union(*hidden) <= found
    assert {'"instructor"', '"solution"'} <= found


def in_a_comment(cell, solution):
    cell.source += f"\n\n<!-- {solution} -->"


def in_metadata(cell, solution):
    cell.metadata["answer"] = json.dumps({"code": solution})


def in_an_attachment(cell, solution):
    cell["attachments"] = {"answer.txt": {"text/plain": solution}}


def indented(cell, solution):
    cell.source += "\n\n" + "\n".join(f"    {line}" for line in solution.splitlines())


def in_other_details(cell, solution):
    cell.source += "\n\n<details open\n class='my solution'><summary>Look</summary>nothing</details>"


def named_in_a_summary(cell, solution):
    cell.source += "\n\n<details><summary> Solution </summary>nothing</details>"


@pytest.mark.parametrize(
    "plant", [in_a_comment, in_metadata, in_an_attachment, indented, in_other_details, named_in_a_summary]
)
def test_a_planted_leak_is_noticed(notebook, students_path, plant):
    for cell in tagged(notebook, "solution"):
        students = nbformat.read(students_path, as_version=4)
        plant(students.cells[0], code_of(cell))
        assert leaks(notebook, nbformat.writes(students)) != set()


def test_a_solution_without_its_tag_is_noticed(notebook):
    for number, solution in enumerate(tagged(notebook, "solution")):
        forgotten = copy.deepcopy(notebook)
        cell = tagged(forgotten, "solution")[number]
        del cell.metadata["tags"]
        edition = nbformat.writes(classroom.for_students(copy.deepcopy(forgotten)))
        assert secrets(notebook, code_of(solution)) <= leaks(notebook, edition)
        # even by who knows it from nothing but the fold
        assert leaks(forgotten, edition) != set()


@pytest.mark.parametrize("source", ["<details>\nx = 1\n</details>", "```python\nx = 1\n```", "x = 1"])
@pytest.mark.parametrize("tags", [["solution"], ["solution", "setup"], ["instructor"]])
def test_a_cell_with_the_tag_is_removed_whatever_it_holds(source, tags):
    hint = "Try.\n\n<details><summary>Hint</summary>\n\nTwice.\n</details>"
    cells = [
        nbformat.v4.new_markdown_cell(hint),
        nbformat.v4.new_markdown_cell(source, metadata={"tags": tags}),
        nbformat.v4.new_code_cell(source, metadata={"tags": tags}),
        nbformat.v4.new_markdown_cell("Next."),
    ]
    students = classroom.for_students(nbformat.v4.new_notebook(cells=cells))
    assert [cell.source for cell in students.cells] == [hint, "Next."]


@pytest.fixture(scope="module")
def exporter():
    """The exporter of slides with the settings in tools/slides.py."""
    return SlidesExporter(config=PyFileConfigLoader("slides.py", str(ROOT / "tools")).load_config())


@pytest.mark.filterwarnings("ignore:Your element with mimetype")  # the numbers for programs are not shown
@pytest.mark.parametrize("deck", DECKS, ids=lambda path: path.stem)
def test_slides(deck, exporter):
    notebook = nbformat.read(deck, as_version=4)
    page, _ = exporter.from_notebook_node(notebook)
    # stacked slides are sections within a section, of which the first opens right after it
    slides = re.split(r"<section[^>]*>\s*(?:<section[^>]*>)?", page.partition("</main>")[0])[1:]
    assert 12 <= len(slides) <= 18
    assert "<h1" in slides[0] and "Take-away</h2>" in re.sub("<a .*?</a>", "", slides[-1])
    assert sum("<img" in slide for slide in slides) >= 4
    text = html.unescape(re.sub("<[^>]*>", "", "".join(slides)))
    assert leaks(notebook, text) == set()
    for cell in tagged(notebook, "hide-input"):
        assert cell.outputs and max(cell.source.splitlines(), key=len) not in text
