"""Execute notebooks in place and normalize what is stored.

Usage: python tools/execute.py [NOTEBOOK ...]; all of notebooks/ when none is named.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm
from traitlets.config import Config

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def client(notebook, folder):
    """A client that runs the notebook's cells where a reader would, its sockets in `folder`."""
    # over TCP, the kernel warns on stderr that others on this machine could listen
    transport = {"transport": "ipc", "ip": f"{folder}/kernel"}
    return NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        config=Config({"KernelManager": transport}),
    )


def execute(notebook):
    """Run all cells in a fresh kernel; their outputs are stored in the notebook."""
    with TemporaryDirectory() as folder:
        client(notebook, folder).execute()


def normalize(notebook):
    """Drop what differs between machines, and widgets, which cannot be shown without a kernel."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        kept = ("jupyter", "slideshow", "tags")
        cell.metadata = {key: cell.metadata[key] for key in kept if key in cell.metadata}
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
