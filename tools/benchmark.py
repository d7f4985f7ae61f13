"""Print times and memory of the notebooks, the playground and our callbacks.

Usage: python tools/benchmark.py [PART ...]; everything when no part is named. A part is the
number of a notebook, such as 06, or one of the words overhead and throughput.

A measurement, not a test: run it while nothing else runs.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cells
from execute import NOTEBOOKS, client

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

PLAY = """
import time
points, playground = [], Out[max(Out)]
playground.picture.observe(lambda change: points.append(time.monotonic()), "value")
pressed = time.monotonic()
playground.controls.manual_button.click()
print(points[0] - pressed, time.monotonic() - pressed)
"""

OVERHEAD = """
import time
seconds = {"bare": [], "ours": []}
for i in range(10):  # each time two runs and the figure of both, as in the notebooks
    for arm in sorted(seconds, reverse=i % 2):
        models = {"one": build(0.003), "two": build(0.003)}
        start = time.monotonic()
        if arm == "ours":
            picture = learning_curves({name: train(name, model) for name, model in models.items()})
        else:
            for model in models.values():
                keras.utils.set_random_seed(SEED)
                model.fit(x_train, y_train, validation_data=(x_val, y_val),
                          epochs=EPOCHS, batch_size=64, verbose=0)
        seconds[arm].append(time.monotonic() - start)
# the fastest of each: what other programs do to the machine only ever adds time
print(min(seconds["bare"]), min(seconds["ours"]))
"""

THROUGHPUT = """
import time
import tensorflow as tf

model = build(0.003)
model.fit(x_train, y_train, epochs=1, batch_size=64, verbose=0)
start = time.monotonic()
model.fit(x_train, y_train, epochs=3, batch_size=64, verbose=0)
images = 3 * len(x_train) / (time.monotonic() - start)

operations = 0  # multiplications and additions of one image, forward
for layer in model.layers:
    if hasattr(layer, "kernel"):
        operations += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
a = tf.random.normal((2048, 2048))
tf.linalg.matmul(a, a)
start = time.monotonic()
for _ in range(20):
    product = tf.linalg.matmul(a, a)
product.numpy()
peak = 20 * 2 * 2048**3 / (time.monotonic() - start)
print(images, peak, 3 * operations * images / peak)  # backward costs twice the forward pass
"""


def run(path):
    """Run a notebook, and PLAY after its playground.

    Returns seconds to the first learning curve and of all the notebook's own cells, the kernel's
    peak memory in GB up to their end (None where there is no /proc), and the numbers that
    PLAY printed, none for the opening and the clinic, which have no playground.
    """
    notebook = nbformat.read(path, as_version=4)
    own, play = list(notebook.cells), new_code_cell(PLAY)
    for i, cell in enumerate(own):
        if "\nPlayground(" in cell.source:
            notebook.cells.insert(i + 1, play)
    seconds, first_curve, memory = 0.0, None, None
    with TemporaryDirectory() as folder:
        runner = client(notebook, folder)
        start = time.monotonic()
        with runner.setup_kernel():
            seconds += time.monotonic() - start
            for index, cell in enumerate(notebook.cells):
                start = time.monotonic()
                if cell.cell_type == "code":
                    runner.execute_cell(cell, index)
                if cell is not play:
                    seconds += time.monotonic() - start
                if first_curve is None and "Learning curves" in str(cell.get("outputs")):
                    first_curve = seconds
                if cell is own[-1]:
                    memory = peak_memory(runner.km.provisioner.pid)
    return first_curve, seconds, memory, printed(play)


def measure(source):
    """Run a piece of code in a fresh kernel, after the network of 00; the numbers it printed."""
    sources = [cell.source for cell in cells.recipe("00_reading_learning_curves")]
    notebook = new_notebook(cells=[new_code_cell(each) for each in (*sources, source)])
    with TemporaryDirectory() as folder:
        client(notebook, folder).execute()
    return printed(notebook.cells[-1])


def printed(cell):
    words = "".join(output.get("text", "") for output in cell.outputs if output.get("name") == "stdout")
    return [float(word) for word in words.split()]


def peak_memory(pid):
    """GB a process has held at most, or None where the system does not tell (Linux does)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1e6


def report(what, number, limit):
    print(f"  {what:<42} {number:>8}   {limit}")


def main(parts):
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if parts and path.stem[:2] not in parts:
            continue
        first_curve, seconds, memory, play = run(path)
        print(path.stem)
        report("all cells, seconds", f"{seconds:.1f}", "at most 60")
        report("kernel start to first broken curve, seconds", f"{first_curve:.1f}", "at most 10")
        report("peak memory of the kernel, GB", f"{memory:.2f}" if memory else "unknown", "at most 1.4")
        if play:
            report("playground: Train to first point, seconds", f"{play[0]:.2f}", "at most 1")
            report("playground: Train to the end, seconds", f"{play[1]:.2f}", "at most 4")
    if not parts or "overhead" in parts:
        bare, ours = measure(OVERHEAD)
        print("overhead: two runs and their figure, fastest of ten, alternating")
        report("bare fit, seconds", f"{bare:.2f}", "")
        report("with live curve and figure, seconds", f"{ours:.2f}", "")
        report("their ratio", f"{ours / bare:.3f}", "at most 1.03")
    if not parts or "throughput" in parts:
        images, peak, fraction = measure(THROUGHPUT)
        print("throughput")
        report("training, images per second", f"{images:.0f}", "")
        report("float32 matrix product, GFLOP/s", f"{peak / 1e9:.0f}", "")
        report("fraction of it that training uses", f"{fraction:.2f}", "")


if __name__ == "__main__":
    main(sys.argv[1:])
