"""Execute notebooks in place and normalize what is stored.

Usage: python tools/execute.py [NOTEBOOK ...]; all of notebooks/ when none is named.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm
from traitlets.config import Config

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(notebook):
    """Run a notebook's cells in a fresh kernel, where a reader would; outputs are stored in it."""
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        # over TCP, the kernel warns on stderr that anyone on this machine could listen
        config=Config({"KernelManager": {"transport": "ipc"}}),
    )
    client.execute()


def normalize(notebook):
    """Drop what differs between machines, and widgets, which cannot be shown without a kernel."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {key: cell.metadata[key] for key in ("tags",) if key in cell.metadata}
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                del output["data"][WIDGET]


def main(paths):
    for path in tqdm(paths, unit="notebook"):
        notebook = nbformat.read(path, as_version=4)
        execute(notebook)
        normalize(notebook)
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")))
