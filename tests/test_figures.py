"""Figures are PNGs that describe themselves with the numbers they draw."""

import io
import re

from helpers import figures
from helpers.instruments import RateSweep, learning_rate_range_test

import IPython.display
import keras
import matplotlib.style
import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import NOTEBOOKS, ROOT
from IPython.core.formatters import DisplayFormatter
from nbconvert import HTMLExporter, SlidesExporter
from PIL import Image
from traitlets.config import PyFileConfigLoader


def history(**curves):
    run = keras.callbacks.History()
    run.history = curves
    return run


RUN = history(loss=[2.0, 1.0], val_loss=[2.1, 1.2], accuracy=[0.3, 0.7], val_accuracy=[0.2, 0.6])


def assert_png(picture):
    image = Image.open(io.BytesIO(picture.data))
    assert image.format == "PNG" and image.width > 500
    data, metadata = picture._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == picture.alt == repr(picture)


def test_picture_needs_no_alt_of_ipython(monkeypatch):
    # the Image of IPython 7, which Google Colab has
    def init(self, data=None, url=None, filename=None, format=None, embed=None, width=None, metadata=None):
        pass

    monkeypatch.setattr(IPython.display.Image, "__init__", init)
    picture = figures.image_row(np.zeros((1, 28, 28, 1)), ["bag"])
    data, metadata = DisplayFormatter().format(picture)  # what a kernel sends
    assert data["text/plain"] == picture.alt
    assert metadata["image/png"] == {"alt": picture.alt, "width": 800}


def test_pixels_keep_their_colors():
    pixels = np.full((60, 80, 4), 255, np.uint8)
    pixels[:50, :5, :3] = np.arange(250).reshape(50, 5, 1)
    image = Image.open(io.BytesIO(figures._png(pixels)))
    assert (np.asarray(image.convert("RGB")) == pixels[..., :3]).all() and image.mode == "P"
    pixels[30:, :, :3] = np.random.default_rng(0).integers(0, 256, (30, 80, 3))
    many = np.asarray(Image.open(io.BytesIO(figures._png(pixels))).convert("RGB")).astype(int)
    assert (many[:30, 5:] == 255).all(), "white stays white"
    assert np.abs(many - pixels[..., :3]).mean() < 15


@pytest.fixture(scope="module")
def pictures():
    """Every stored picture and a new one, as outputs of a notebook's cell."""
    data, metadata = figures.learning_curves({'"broken" & <fixed>': RUN})._repr_mimebundle_()
    outputs = [nbformat.v4.new_output("execute_result", data, metadata=metadata, execution_count=1)]
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        told = [output for cell in cells for output in cell.get("outputs", ())]
        stored = [output for output in told if "image/png" in output.get("data", ())]
        assert stored, path.stem
        outputs += stored
    return outputs


@pytest.mark.parametrize("exporter", [HTMLExporter, SlidesExporter])
def test_descriptions_reach_pages_and_slides(pictures, exporter):
    settings = PyFileConfigLoader("slides.py", str(ROOT / "tools")).load_config()
    cell = nbformat.v4.new_code_cell(outputs=pictures, execution_count=1)
    page, _ = exporter(config=settings).from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    images = BeautifulSoup(page, "html.parser").find_all("img")
    assert [tag["alt"] for tag in images] == [output.metadata["image/png"]["alt"] for output in pictures]
    assert all(tag["src"].startswith("data:image/png;base64,iVBOR") for tag in images)
    assert "No description" not in page


def test_stored_pictures_have_a_command():
    stored = {path.relative_to(ROOT).as_posix() for path in (ROOT / "data").rglob("*.png")}
    shown = set(re.findall(r"!\[[^]]+\]\((\S+?)\)", (ROOT / "README.md").read_text()))
    assert shown and shown <= stored
    recipes = re.findall(r"python (tools/\w+\.py)", (ROOT / "Makefile").read_text())
    written = "".join((ROOT / recipe).read_text() for recipe in recipes)
    assert [picture for picture in stored if picture.rpartition("/")[2] not in written] == []


def test_learning_curves():
    picture = figures.learning_curves({"broken": RUN, "fixed": RUN})
    assert_png(picture)
    assert "broken: loss 1.000, val_loss 1.200, accuracy 0.700, val_accuracy 0.600" in picture.alt


def test_the_healthy_run_is_blue_wherever_it_stands():
    with matplotlib.style.context(figures.STYLE):
        looks = [[look["color"] for look in figures._looks(names)] for names in ("ab", ("a", "healthy", "b"))]
        alone = figures._looks(["healthy"])[0]["color"]
    assert looks[0] == looks[1][:2] and alone == looks[0][1] == figures.FIXED and looks[1][2] != alone


def test_the_axis_of_the_loss_shows_guessing(monkeypatch):
    tops = []
    monkeypatch.setattr(
        figures, "Picture", lambda figure, alt: tops.append([axis.get_ylim()[1] for axis in figure.axes])
    )
    for loss in (0.5, 3.0, 100.0):
        run = history(loss=[loss], val_loss=[loss], accuracy=[0.5], val_accuracy=[0.5])
        figures.learning_curves({"run": run}, guessing=(2.0, 0.1))
    assert tops == [pytest.approx([top, 1]) for top in (2.1, 3.15, 4.0)]


def test_learning_curves_of_an_explosion():
    wild = history(loss=[1e9, np.nan], val_loss=[3, np.inf], accuracy=[0.1, 0.1], val_accuracy=[0.1, 0.1])
    assert_png(figures.learning_curves({"wild": wild}))


def test_learning_curves_of_another_metric():
    run = history(loss=[0.05], val_loss=[0.05], distance=[9.0], val_distance=[8.25])
    picture = figures.learning_curves({"broken": run}, "distance", (0.05, 8.4))
    assert_png(picture)
    assert "distance 9.000, val_distance 8.250" in picture.alt


def test_one_batch_curves():
    picture = figures.one_batch_curves({"broken": np.array([2.3, 1.9]), "fixed": np.array([2.3, 0.01])})
    assert_png(picture)
    assert "broken 1.9, fixed 0.01" in picture.alt


def test_update_curves():
    run = keras.callbacks.History()
    run.history, run.epoch = {"val_loss": [2.0, 0.5]}, [0, 1]
    picture = figures.update_curves({"batch 10": (run, 300, 600), "batch 100": (run, 300, 60)})
    assert_png(picture)
    assert "batch 10 0.500 after 1 epochs, 600 updates; batch 100 0.500 after 10 epochs, 600" in picture.alt


def test_updates_to_target():
    needed = {"SGD": {16: 700, 256: 160}, "momentum": {16: 650, 256: np.nan}}
    picture = figures.updates_to_target(needed, {16: 0.001, 256: 0.004})
    assert_png(picture)
    assert picture.alt.endswith("SGD: batch 16 700, batch 256 160; momentum: batch 16 650, batch 256 nan.")


def test_size_curves():
    picture = figures.size_curves({"varied": {50: RUN, 3200: RUN}, "upright": {50: RUN}})
    assert_png(picture)
    assert "varied: 50 images 0.600, 3,200 images 0.600; upright: 50 images 0.600." in picture.alt


def test_image_row():
    assert_png(figures.image_row(np.zeros((1, 28, 28, 1)), ["bag"]))
    picture = figures.image_row(np.zeros((3, 28, 28, 1)), ["bag", "coat", "shirt"])
    assert_png(picture)
    assert "3 images: bag, coat, shirt" in picture.alt


def test_functions_and_slopes():
    picture = figures.functions_and_slopes({"line": lambda x: x / 2 + 1, "square": lambda x: x**2 / 12})
    assert_png(picture)
    # by hand: the slope of x squared / 12 is x / 6, and x ends at 6
    assert "Value at 0 and largest slope: line 1.00 and 0.50; square 0.00 and 1.00." in picture.alt


def test_input_histograms():
    layer = np.array([[-5.0, 0], [0, 50]])
    picture = figures.input_histograms({"before": {"conv_1": layer}, "after": {"conv_1": 0 * layer}}, 3.6)
    assert_png(picture)
    assert "Share on the flat ends, before: conv_1 0.50; after: conv_1 0.00." in picture.alt


def test_readings_by_step():
    panels = {
        "gradient": {"broken": [1e-5, 1e-6, 2e-6], "fixed": [1, 2, 0.5]},
        "share": {"broken": [0, 0, 1]},
    }
    picture = figures.readings_by_step([0, 1, 2], panels)
    assert_png(picture)
    assert "gradient: broken 1e-05 to 2e-06, fixed 1 to 0.5; share: broken 0 to 1." in picture.alt
    picture = figures.readings_by_step([1, 2.5, 8], panels, label="temperature")
    assert picture.alt.startswith("Measured from temperature 1 to temperature 8.")


def test_places_on_canvas():
    true = np.array([[6.0, 6], [14, 14]])
    predicted = {"the middle": np.full((2, 2), 10.0), "exact": true}
    picture = figures.places_on_canvas(np.zeros((2, 28, 28, 1)), true, predicted, size=7)
    assert_png(picture)
    # by hand: 4 times the square root of 2
    assert "Pixels off: the middle 5.7, 5.7; exact 0.0, 0.0." in picture.alt


def test_error_maps():
    positions = np.array([[row, column] for row in range(22) for column in range(22)], dtype=float)
    errors = {"guess": np.abs(positions - 10.5).sum(axis=1), "exact": np.zeros(len(positions))}
    picture = figures.error_maps(positions, errors)
    assert_png(picture)
    # by hand: 2 x (0.5 + 1.5 + 2.5) / 3 in the middle, 2 x (8.5 + 9.5 + 10.5) / 3 in each corner
    assert "guess: 3.00 in the center, 19.00 in the corners; exact: 0.00 in the center" in picture.alt


def test_confusion_matrices():
    y = np.array([0, 0, 0, 0, 1, 1, 2])
    predictions = {"broken": np.array([0, 0, 0, 2, 0, 0, 2]), "fixed": np.array([0, 0, 1, 1, 1, 0, 2])}
    picture = figures.confusion_matrices(y, predictions, ("bag", "coat", "shirt", "boot"))
    assert_png(picture)
    # boot does not occur in y
    assert "broken: recall bag 75 %, coat 0 %, shirt 100 %, boot 0 %; fixed: recall bag 50 %, " in picture.alt
    assert_png(figures.confusion_matrices(y, {"alone": y}, ("bag", "coat", "shirt")))


def test_precision_recall_curves():
    y = np.array([0, 0, 1, 1, 1, 1])
    bets = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7]])
    met = np.where(y == 0, 0.5, 1.0)  # a bag is met half as often
    models = {"as it is": bets, "never a bag": bets * (0.01, 1), "bags tripled": bets * (3, 1)}
    picture = figures.precision_recall_curves(y, models, [0], ("bag", "coat"), met)
    assert_png(picture)
    assert picture.alt.endswith(
        "bag: as it is 0.33 at 0.50, never a bag nan at 0.00, bags tripled 0.33 at 1.00."
    )


def test_learning_curves_need_four_curves():
    with pytest.raises(ValueError, match="'bare' has no val_loss, accuracy, val_accuracy.*metrics="):
        figures.learning_curves({"bare": history(loss=[1.0])})


def test_layer_bars():
    measurements = {"broken": {"a": 0.0, "b": 1e-6}, "healthy": {"a": 0.25, "b": 0.5}}
    picture = figures.layer_bars(measurements, "gradient norm", healthy=(1e-3, 1))
    assert_png(picture)
    assert "broken: a 0, b 1e-06; healthy: a 0.25, b 0.5" in picture.alt


def test_layer_bars_of_different_models():
    with pytest.raises(ValueError, match="'b' has the layers y, but the first model has x"):
        figures.layer_bars({"a": {"x": 1.0}, "b": {"y": 1.0}}, "gradient norm")


def test_layer_bars_of_zeros():
    assert_png(figures.layer_bars({"dead": {"a": 0.0}}, "gradient norm"))


def test_range_test_curve_draws_what_the_suggestion_is_read_from():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    test = learning_rate_range_test(model, np.ones((4, 1)), np.zeros((4, 1)), 1e-3, 10, 80, batch_size=2)
    picture = figures.range_test_curve(test, {"too low": 1e-6})
    assert_png(picture)
    assert f"at a rate of {10 * test.suggested:.2g}, and" in picture.alt
    assert f"suggested {test.suggested:.2g}, too low 1e-06" in picture.alt


def test_rate_sweeps_cuts_what_overflowed():
    rates = np.geomspace(1e-3, 1, 3)
    sweep = RateSweep(rates, np.array([2.0, 0.5, np.nan]), np.array([2.1, 0.7, 99.0]))
    picture = figures.rate_sweeps({"SGD": sweep})
    assert_png(picture)
    assert picture.alt.endswith("SGD: 0.001 2.10, 0.032 0.70, 1 99.00.")


def test_descents():
    picture = figures.descents(
        lambda place: place[0] ** 2 + place[1] ** 2, {"down": np.array([[3.0, 1.0], [1.0, 0.0]])}
    )
    assert_png(picture)
    assert "1 steps each. down from height 10.0 to 1." in picture.alt


def test_numbers_by_class():
    y = np.array([0, 0, 1, 1, 2])
    plane = np.array([[0.0, 1.0], [0.2, 1.2], [3.0, 1.0], [3.0, 1.0], [0.0, 1.1]])
    numbers = {"one": plane[:, :1], "two": plane}
    picture = figures.numbers_by_class(numbers, y, ["bag", "coat", "shirt"])
    assert_png(picture)
    assert "one: bag 0.1, coat 3.0, shirt 0.0; two: bag 0.1 and 1.1, coat 3.0 and 1.0" in picture.alt


def test_dead_unit_map():
    records = [{"a": np.array([0, 0, 1], bool)}, {"a": np.array([1, 0, 1], bool)}]
    picture = figures.dead_unit_map([0, 5], records, "title")
    assert_png(picture)
    assert "at step 0: 1 of 3; at step 5: 2 (a 2 of 3)" in picture.alt


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Empty tables of results."""
    for name in ("ARMS", "EVIDENCE"):
        monkeypatch.setattr(figures, name, tmp_path / f"{name.lower()}.csv")


def test_arm_spread(results):
    row = {"notebook": "04_x", "telltale": "val_accuracy", "kind": "judgment"}
    values = {"late": (0.1, 0.2, 0.6), "early": (0.3, 0.3, 0.3)}
    rows = [
        row | {"arm": arm, "seed": seed, "value": value}
        for arm in values
        for seed, value in enumerate(values[arm])
    ]
    rows.append(rows[0] | {"kind": "calibration", "seed": 9, "value": 9.0})
    rows.append(rows[0] | {"kind": "longer", "seed": 0, "value": 0.7})
    rows.append(rows[0] | {"telltale": "val_loss"})
    pd.DataFrame(rows).to_csv(figures.ARMS, index=False)
    picture = figures.arm_spread("04_x")
    assert_png(picture)
    assert "over 3 seeds" in picture.alt
    longer = ", with three times the epochs 0.700"
    assert f"late 0.100 to 0.600, median 0.200{longer}; early 0.300 to 0.300, median 0.300" in picture.alt
    assert picture.alt.startswith("val_accuracy and val_loss over")
    with pytest.raises(ValueError, match="arms.csv has no rows for '05_y'.*make evidence"):
        figures.arm_spread("05_y")


ROW = {
    "notebook": "04_x", "claim": "c", "telltale": "val_accuracy", "stalled_at": 0.3, "recovered_at": 0.7,
}  # fmt: skip


def test_seed_evidence(results):
    kinds = {"judgment": 4, "calibration": 2, "longer": 1}
    rows = [
        ROW
        | {"kind": kind, "seed": s, "broken": 0.1 + s / 10, "fixed": 0.8, "held": s < 3}
        | {"recovered_at": 0.7 + s / 100}
        for kind, seeds in kinds.items()
        for s in range(seeds)
    ]
    pd.DataFrame(rows).to_csv(figures.EVIDENCE, index=False)
    picture = figures.seed_evidence("04_x")
    assert_png(picture)
    assert "broken 0.100 to 0.400, fixed 0.800 to 0.800, held in 3 of 4 fresh seeds, " in picture.alt
    assert "2 of 2 seeds of the calibration, 1 of 1 three times the epochs" in picture.alt
    with pytest.raises(ValueError, match="evidence.csv has no rows for '05_y'.*make evidence"):
        figures.seed_evidence("05_y")


@pytest.mark.parametrize(
    "telltale, broken, fixed", [("val_loss", 1e6, 0.4), ("accuracy - val_accuracy", 0.1, -0.1)]
)
def test_seed_evidence_on_other_axes(results, telltale, broken, fixed):
    row = ROW | {"telltale": telltale, "seed": 0, "broken": broken, "fixed": fixed, "held": True}
    pd.DataFrame([row | {"kind": "judgment"}]).to_csv(figures.EVIDENCE, index=False)
    assert_png(figures.seed_evidence("04_x"))


def test_vitals_map():
    rows = [("ill", seed, "size", 9.0) for seed in (0, 1)] + [
        ("ill", 0, "ratio", 0.0),
        ("ill", 1, "ratio", 1.0),
    ]
    rows += [("well", seed, "size", 1.0) for seed in (0, 1)]
    table = pd.DataFrame(rows, columns=["patient", "seed", "reading", "value"])
    groups = {"low": ["ill"], "looks healthy": ["well"]}
    picture = figures.vitals_map(table, {"size": (0, 2), "ratio": (0.5, 2)}, groups)
    assert_png(picture)
    # a reading that is out with one of two seeds is not told
    assert picture.alt.endswith("with every seed, ill: size; well: none.")
