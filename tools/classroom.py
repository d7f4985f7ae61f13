"""Write the notebooks for a class: a students' edition to solve, an instructors' edition to teach from.

Usage: python tools/classroom.py

What stands in build/classroom is replaced. The notebooks run there as they do in notebooks/. Beside those
for instructors lie the answers to the clinic's cases 100 to 199.
"""

import os
import shutil
from pathlib import Path

from execute import NOTEBOOKS
from helpers.clinic.case import PRACTICE, answer
from helpers.clinic.faults import CASES

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

ROOT = NOTEBOOKS.parent
CLASSROOM = ROOT / "build" / "classroom"


def for_students(notebook):
    """Without solutions, instructor notes and results.

    Hints stay, and so does the folded comparison with the prediction: who works alone needs both, and who
    opens them too early is the only one to lose by it.
    """
    notebook, _ = TagRemovePreprocessor(remove_cell_tags={"instructor", "solution"}).preprocess(notebook, {})
    notebook, _ = ClearOutputPreprocessor().preprocess(notebook, {})
    return notebook


def for_instructors(notebook):
    """With everything unfolded, and the instructor notes at the beginning, below the title."""
    for cell in notebook.cells:
        cell.source = cell.source.replace("<details", "<details open")
    notebook.cells[1:] = sorted(
        notebook.cells[1:], key=lambda cell: "instructor" not in cell.metadata.get("tags", [])
    )
    return notebook


def main(classroom=CLASSROOM):
    shutil.rmtree(classroom, ignore_errors=True)
    for edit, name in (for_students, "students"), (for_instructors, "instructors"):
        folder = Path(classroom, name)
        folder.mkdir(parents=True)
        root = Path(os.path.relpath(ROOT, folder)).as_posix()
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            notebook = edit(nbformat.read(path, as_version=4))
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = cell.source.replace("](../", f"]({root}/")
            nbformat.write(notebook, folder / path.name)
        print(f"{len(list(folder.iterdir()))} notebooks {edit.__name__.replace('_', ' ')} in {folder}")
    answers = "\n\n".join(answer(number) for number in range(PRACTICE, CASES))
    (folder / "clinic_answers.txt").write_text(answers + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
