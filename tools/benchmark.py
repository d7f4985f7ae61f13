"""Print times and memory of the notebooks, the playground and our callbacks.

Usage: python tools/benchmark.py

A measurement, not a test: run it while nothing else runs.
"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from execute import NOTEBOOKS, client

import nbformat
from nbformat.v4 import new_code_cell
from tqdm import tqdm

PLAY = """
import time
points, playground = [], _
playground.picture.observe(lambda change: points.append(time.monotonic()), "value")
pressed = time.monotonic()
playground.controls.manual_button.click()
print(points[0] - pressed, time.monotonic() - pressed)
"""

OVERHEAD = """
import time
seconds = {"bare": [], "ours": []}
for _ in range(10):
    for arm in seconds:
        model = build(0.003)
        start = time.monotonic()
        if arm == "ours":
            picture = learning_curves({"run": train("run", model)})
        else:
            keras.utils.set_random_seed(SEED)
            model.fit(x_train, y_train, validation_data=(x_val, y_val),
                      epochs=EPOCHS, batch_size=64, verbose=0)
        seconds[arm].append(time.monotonic() - start)
print(*(a / b for a, b in zip(seconds["ours"][1:], seconds["bare"][1:])))
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


def run(path, *extra):
    """Seconds to the first curve, in all, and for each extra piece of code what it printed.

    The first extra is run right after the playground's cell, the others at the end.
    """
    notebook = nbformat.read(path, as_version=4)
    printed, first_curve = [], None
    with TemporaryDirectory() as folder:
        notebook_client = client(notebook, folder)
        start = time.monotonic()
        with notebook_client.setup_kernel():
            pid = notebook_client.km.provisioner.pid
            pieces, code = list(extra), len(notebook.cells)

            def execute(source):
                cell = new_code_cell(source)
                notebook.cells.append(cell)
                notebook_client.execute_cell(cell, len(notebook.cells) - 1)
                text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
                printed.append([float(word) for word in text.split()])

            aside = 0.0
            for index in range(code):
                cell = notebook.cells[index]
                if cell.cell_type != "code":
                    continue
                notebook_client.execute_cell(cell, index)
                if first_curve is None and "image/png" in str(cell.outputs):
                    first_curve = time.monotonic() - start
                if "Playground(" in cell.source:
                    paused = time.monotonic()
                    execute(pieces.pop(0))
                    aside = time.monotonic() - paused
            seconds = time.monotonic() - start - aside
            status = Path(f"/proc/{pid}/status")  # Linux only
            lines = status.read_text().splitlines() if status.exists() else []
            peak = [int(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM")]
            for piece in pieces:
                execute(piece)
    return first_curve, seconds, peak, printed


def main():
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in tqdm(paths, unit="notebook", leave=False):
        more = [OVERHEAD, THROUGHPUT] if path.stem == "06_learning_rate" else []
        first_curve, seconds, peak, printed = run(path, PLAY, *more)
        first_point, end = printed[0]
        tqdm.write(f"{path.stem}")
        tqdm.write(f"  all cells                      {seconds:6.1f} s    (at most 60)")
        tqdm.write(f"  kernel start to first curve    {first_curve:6.1f} s    (at most 20)")
        tqdm.write("".join(f"  peak memory of the kernel      {gb:6.2f} GB   (at most 1.5)" for gb in peak))
        tqdm.write(f"  Train to first point           {first_point:6.2f} s    (at most 1.5)")
        tqdm.write(f"  Train to the end               {end:6.2f} s    (at most 5)")
        if more:
            ratio = statistics.median(printed[1])
            images, matmul, fraction = printed[2]
            tqdm.write(f"  live curve and figure / bare fit {ratio:6.3f}   (at most 1.03; median of pairs)")
            tqdm.write(f"  training, images per second    {images:6.0f}")
            tqdm.write(
                f"  matrix product, GFLOP/s        {matmul / 1e9:6.0f}, of which training uses {fraction:.0%}"
            )


if __name__ == "__main__":
    main()
