"""Draw what was measured. Every function returns a `Picture`: a PNG with alternative text."""

import base64
import html
import io
import itertools
import math
from pathlib import Path

from helpers import instruments
from helpers.data import ARMS, EVIDENCE

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator
from PIL import Image as PillowImage
from sklearn.metrics import confusion_matrix, precision_recall_curve, precision_score, recall_score

STYLE = Path(__file__).parent / "stalled.mplstyle"
TEN_CLASSES = math.log(10), 0.1  # loss and accuracy of guessing
BROKEN, FIXED, GRAY, HEALTHY = "#D55E00", "#0072B2", "#707070", "#DDEFE6"


class Picture:
    """A PNG that shows itself in a notebook; `data` holds its bytes, `alt` its description."""

    # not a subclass of IPython's Image, which takes no alt in the older IPython of Google Colab

    def __init__(self, figure, alt):
        figure.set_dpi(120)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.data, self.alt = _png(np.asarray(canvas.buffer_rgba())), alt
        self.width = round(figure.get_figwidth() * 100)

    def __repr__(self):
        return self.alt

    def tag(self):
        """The picture as HTML, to stand within more of it."""
        source = base64.b64encode(self.data).decode()
        return (
            f'<img src="data:image/png;base64,{source}" alt="{html.escape(self.alt)}" width="{self.width}">'
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": base64.b64encode(self.data).decode(), "text/plain": self.alt}
        return data, {"image/png": {"width": self.width, "alt": self.alt}}


def _png(pixels):
    """A PNG of at most 256 colors, white among them: a third of the bytes in the notebook's file."""
    # most pixels are white; a palette for the others alone takes a third of the time
    drawn = pixels.view(np.uint32)[..., 0] != 0xFFFFFFFF
    colors = PillowImage.fromarray(pixels[drawn, :3][np.newaxis]).quantize(
        255, dither=PillowImage.Dither.NONE
    )
    indices = np.zeros(drawn.shape, np.uint8)
    indices[drawn] = np.asarray(colors)[0] + 1
    image = PillowImage.fromarray(indices)
    image.putpalette([255, 255, 255, *colors.getpalette()])
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()


def learning_curves(runs, metric="accuracy", guessing=TEN_CLASSES):
    """Loss and a metric by epoch, training dashed and validation solid, on common axes.

    Parameters
    ----------
    runs : dict, name -> keras.callbacks.History with loss, the metric and their val_ twins; name
        the broken one first, which is orange, then the repaired one, blue; one called "healthy"
        is blue wherever it stands
    metric : str
    guessing : (loss, metric) of guessing, drawn as dotted lines; the default is that of ten
        balanced classes. The axes show these lines, and end at twice these values at most, so
        that an explosion does not flatten the rest; that of accuracy always ends at 1.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        A run lacks one of the four curves.
    """
    needed = ("loss", "val_loss", metric, f"val_{metric}")
    for name, run in runs.items():
        if missing := [key for key in needed if key not in run.history]:
            raise ValueError(
                f"the run {name!r} has no {', '.join(missing)}: compile with metrics=[{metric!r}] "
                "and fit with validation_data"
            )
    legend_rows = math.ceil((len(runs) + 2) / 3)
    height = 2.7 + 0.2 * legend_rows
    with matplotlib.style.context(STYLE):
        # fixed margins, in inches: constrained layout would double the time of drawing
        figure = Figure(figsize=(8, height), layout="none")
        axes = figure.subplots(1, 2)
        figure.subplots_adjust(0.06, (0.5 + 0.2 * legend_rows) / height, 0.985, 1 - 0.3 / height, wspace=0.13)
        for axis, key, guess in zip(axes, needed[::2], guessing):
            for run, look in zip(runs.values(), _looks(runs)):
                (line,) = axis.plot(*_by_epoch(run.history[f"val_{key}"]), **look)
                axis.plot(*_by_epoch(run.history[key]), "--", color=line.get_color(), lw=1.2, marker="")
            axis.axhline(guess, color=GRAY, ls=":", lw=1.2, marker="")
            worst = max(np.nanmax([run.history[key], run.history[f"val_{key}"]]) for run in runs.values())
            top = 1 if key.endswith("accuracy") else np.clip(1.05 * worst, 1.05 * guess, 2 * guess)
            axis.set(title=key, xlabel="epoch", ylim=(0, top))
            axis.xaxis.get_major_locator().set_params(integer=True)
            # where they lie anyway: looking for the place takes a fifth of the time of drawing
            axis.xaxis.set_label_coords(0.5, -0.1535)
            axis.yaxis.set_label_coords(0, 0.5)
        training = Line2D([], [], color=GRAY, ls="--", lw=1.2, marker="")
        handles = [*axes[1].lines[0 : 2 * len(runs) : 2], training, axes[1].lines[-1]]
        labels = [*(f"{name}, validation" for name in runs), "training", "guessing"]
        figure.legend(handles, labels, loc="lower center", ncols=3, borderaxespad=0.2)
    ends = "; ".join(
        f"{name}: " + ", ".join(f"{key} {run.history[key][-1]:.3f}" for key in needed)
        for name, run in runs.items()
    )
    return Picture(figure, f"Learning curves of loss and {metric} by epoch. After the last epoch, {ends}.")


def layer_bars(measurements, label, healthy=None, log=True):
    """One number per layer as bars, the models side by side.

    Parameters
    ----------
    measurements : dict, model name -> dict, layer name -> float (all with the same layers)
    label : str, what was measured
    healthy : entry of helpers.instruments.HEALTHY, or (lowest, highest), drawn as a band
    log : bool, logarithmic axis; either way a bar of exactly 0 is marked with a 0

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        The models have different layers.
    """
    layers = list(next(iter(measurements.values())))
    for name, values in measurements.items():
        if list(values) != layers:
            raise ValueError(
                f"{name!r} has the layers {', '.join(values)}, but the first model has "
                f"{', '.join(layers)}: draw one figure for each"
            )
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axis = figure.subplots()
        width = 0.8 / len(measurements)
        for i, (name, values) in enumerate(measurements.items()):
            x = np.arange(len(layers)) + (i - (len(measurements) - 1) / 2) * width
            hatch = ("", "///", "...", "xx")[i % 4]
            axis.bar(x, values.values(), 0.92 * width, label=name, hatch=hatch, edgecolor="white", zorder=2)
            for at, value in zip(x, values.values()):
                if value == 0:
                    axis.annotate("0", (at, 0.02), xycoords=("data", "axes fraction"), ha="center")
        if healthy:
            lowest, highest = healthy[:2]
            if highest == math.inf:
                highest = 2 * max(lowest, *(v for values in measurements.values() for v in values.values()))
            axis.axhspan(lowest, highest, color=HEALTHY, label="healthy range", zorder=0)
        positive = [v for values in measurements.values() for v in values.values() if v > 0]
        if log and positive:
            axis.set_yscale("log")
            axis.set_ylim(bottom=min([*positive, *(healthy or ())[:2]]) / 5)
        axis.set(ylabel=label)
        axis.set_xticks(range(len(layers)), layers)
        axis.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=len(measurements) + 1)
    ends = "; ".join(
        f"{name}: " + ", ".join(f"{layer} {value:.3g}" for layer, value in values.items())
        for name, values in measurements.items()
    )
    return Picture(figure, f"Bars of {label} by layer. {ends}.")


def range_test_curve(test, rates):
    """Loss against learning rate in a range test, with the suggestion and other rates marked.

    The thick line is the running mean whose lowest point the suggestion is read from.

    Parameters
    ----------
    test : helpers.instruments.RangeTest
    rates : dict, name -> learning rate, drawn as dotted lines

    Returns
    -------
    Picture
    """
    smoothed = pd.Series(test.losses).ewm(alpha=0.2, adjust=False).mean().to_numpy()
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axis = figure.subplots()
        axis.plot(test.learning_rates, test.losses, color=GRAY, lw=1, marker="", alpha=0.5)
        axis.plot(test.learning_rates, smoothed, color=GRAY, lw=2, marker="")
        axis.set_ylim(0.8 * np.nanmin(smoothed), 1.2 * smoothed[0])
        marks = {f"suggested {test.suggested:.2g}": (test.suggested, FIXED, "-")}
        marks |= {f"{name} {rate:.2g}": (rate, BROKEN, ":") for name, rate in rates.items()}
        for name, (rate, color, style) in marks.items():
            axis.axvline(rate, color=color, ls=style, marker="")
            axis.annotate(
                name, (rate, 0.97), (-3, 0), ("data", "axes fraction"), "offset points",
                rotation=90, ha="right", va="top", color=color,
            )  # fmt: skip
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss of one batch")
    lowest = test.learning_rates[np.nanargmin(smoothed)]
    return Picture(
        figure,
        f"Loss of one batch against the learning rate, and its running mean. This starts at "
        f"{smoothed[0]:.2f}, is lowest, {np.nanmin(smoothed):.2f}, at a rate of {lowest:.2g}, and "
        f"ends at {smoothed[-1]:.2f}. Marked: {', '.join(marks)}.",
    )


def descents(function, paths, reach=10.0, depth=2.0):
    """Paths of optimizers down a surface of two weights, one panel each, with lines of equal height.

    Parameters
    ----------
    function : callable, of an array of shape (2, ...), the height
    paths : dict, name -> array of shape (steps + 1, 2), the places; the first is the start
    reach, depth : float, the largest first and second weight that is shown

    Returns
    -------
    Picture
    """
    grid = np.array(np.meshgrid(np.linspace(-reach, reach, 161), np.linspace(-depth, depth, 81)))
    heights = np.asarray(function(grid))
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 1.3 * len(paths)))
        axes = figure.subplots(len(paths), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axis, (name, path) in zip(axes, paths.items()):
            axis.contour(*grid, heights, np.geomspace(0.3, heights.max(), 9), colors=GRAY, linewidths=0.5)
            axis.plot(*np.transpose(path), color=FIXED, marker="o", ms=3, lw=1)
            axis.set(xlim=(-reach, reach), ylim=(-depth, depth))
            axis.set_title(name, loc="left")
        axes[-1].set_xlabel("weight along the valley")
    ends = "; ".join(
        f"{name} from height {function(np.array(path[0])):.1f} to {function(np.array(path[-1])):.2g}"
        for name, path in paths.items()
    )
    return Picture(figure, f"Paths down a valley, {len(next(iter(paths.values()))) - 1} steps each. {ends}.")


def rate_sweeps(sweeps, guessing=TEN_CLASSES[0]):
    """Loss after a short training against the learning rate; training dashed, validation solid.

    Parameters
    ----------
    sweeps : dict, name -> helpers.instruments.RateSweep
    guessing : float, the loss of guessing, drawn as a dotted line; higher losses are cut off

    Returns
    -------
    Picture
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axis = figure.subplots()
        axis.plot([], [])  # the first look of the cycle is that of a broken run
        for name, sweep in sweeps.items():
            tops = [np.nan_to_num(each, nan=np.inf).clip(max=1.15 * guessing) for each in sweep[1:]]
            (line,) = axis.plot(sweep.learning_rates, tops[1], label=f"{name}, validation")
            axis.plot(sweep.learning_rates, tops[0], "--", color=line.get_color(), lw=1.2, marker="")
        axis.plot([], [], "--", color=GRAY, lw=1.2, marker="", label="training")
        axis.axhline(guessing, color=GRAY, ls=":", lw=1.2, marker="", label="guessing")
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss at the end")
        axis.set_ylim(0.9 * min(np.nanmin(sweep[1:]) for sweep in sweeps.values()), 1.2 * guessing)
        figure.legend(loc="outside lower center", ncols=4)
    ends = "; ".join(
        f"{name}: " + ", ".join(f"{rate:.2g} {loss:.2f}" for rate, _, loss in zip(*sweep))
        for name, sweep in sweeps.items()
    )
    return Picture(figure, f"Validation loss after a short training by learning rate. {ends}.")


def one_batch_curves(losses):
    """Loss by step of networks that learn one batch by heart, and the level of a healthy one.

    Parameters
    ----------
    losses : dict, name -> what `helpers.instruments.overfit_one_batch` returned

    Returns
    -------
    Picture
    """
    level = instruments.HEALTHY["overfit_one_batch last loss"].highest
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 2.9))
        axis = figure.subplots()
        styles = itertools.cycle(("-", "--", "-."))
        for (name, values), look, style in zip(losses.items(), _looks(losses), styles):
            axis.plot(range(len(values)), values, **look | {"ls": style, "marker": ""}, label=name)
        axis.axhline(level, color=GRAY, ls=":", lw=1.2, marker="", label=f"learned by heart: {level:g}")
        axis.set(yscale="log", xlabel="step", ylabel="loss of the batch")
        figure.legend(loc="outside lower center", ncols=3)
    ends = ", ".join(f"{name} {values[-1]:.2g}" for name, values in losses.items())
    return Picture(figure, f"Loss of one batch by training step on it. At the end: {ends}.")


def update_curves(runs):
    """Validation loss by epoch, and the same losses by number of updates.

    Parameters
    ----------
    runs : dict, name -> (keras.callbacks.History with val_loss, updates between two of its
        validations, images of an epoch / batch size)

    Returns
    -------
    Picture
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.1))
        axes = figure.subplots(1, 2, sharey=True)
        for name, (run, updates, in_epoch) in runs.items():
            losses = run.history["val_loss"]
            counts = updates * np.arange(1, len(losses) + 1)
            axes[0].plot(counts / in_epoch, losses, label=name)
            axes[1].plot(counts, losses)
        for axis, label in zip(axes, ("epoch", "updates")):
            guessing = axis.axhline(TEN_CLASSES[0], color=GRAY, ls=":", lw=1.2, marker="")
            axis.set(xlabel=label, ylim=(0, 1.2 * TEN_CLASSES[0]))
        guessing.set_label("guessing")
        axes[0].set_ylabel("val_loss")
        figure.legend(loc="outside lower center", ncols=len(runs) + 1)
    ends = "; ".join(
        f"{name} {run.history['val_loss'][-1]:.3f} after {updates * len(run.epoch) / in_epoch:.0f} epochs, "
        f"{updates * len(run.epoch)} updates"
        for name, (run, updates, in_epoch) in runs.items()
    )
    return Picture(figure, f"Validation loss by epoch and by number of updates. At the end, {ends}.")


def updates_to_target(needed, seconds):
    """Updates and seconds to a target against the batch size, both axes logarithmic.

    After Shallue and others, Measuring the Effects of Data Parallelism on Neural Network Training
    (JMLR 2019), figure 1. On the dotted line, twice the batch needs half the updates.

    Parameters
    ----------
    needed : dict, name -> dict, batch size -> updates to the target, infinite or NaN where it was
        not reached
    seconds : dict, batch size -> seconds per update, for the same sizes

    Returns
    -------
    Picture
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.1))
        axes = figure.subplots(1, 2)
        axes[0].plot([], [])  # the first look of the cycle is that of a broken run
        axes[1].plot([], [])
        sizes, per_update = np.array(list(seconds)), np.array(list(seconds.values()))
        for name, by_size in needed.items():
            updates = np.array([by_size[size] for size in seconds])
            axes[0].plot(sizes, updates, label=name)
            axes[1].plot(sizes, updates * per_update)
        ideal = next(iter(needed.values()))[sizes[0]] * sizes[0] / sizes
        axes[0].plot(sizes, ideal, ":", color=GRAY, lw=1.2, marker="", label="half for twice the batch")
        for axis, label in zip(axes, ("updates to the target", "seconds to the target")):
            axis.set(xscale="log", yscale="log", xlabel="batch size", ylabel=label)
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
        figure.legend(loc="outside lower center", ncols=len(needed) + 1)
    told = "; ".join(
        f"{name}: " + ", ".join(f"batch {size:,} {updates:.0f}" for size, updates in by_size.items())
        for name, by_size in needed.items()
    )
    return Picture(figure, f"Updates and seconds to the target by batch size. Updates of {told}.")


def size_curves(runs, metric="accuracy"):
    """A metric after the last epoch against the number of training images.

    Parameters
    ----------
    runs : dict, name -> dict, number of images -> keras.callbacks.History with the metric
        and its val_ twin. Compare runs of equally many updates: otherwise the curve shows
        more training as well as more data.
    metric : str

    Returns
    -------
    Picture
        Training dashed, validation solid. A solid line that still rises at its right end
        says that more images of this kind would help.
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.1))
        axis = figure.subplots()
        for name, by_size in runs.items():
            seen, new = (
                [run.history[key][-1] for run in by_size.values()] for key in (metric, f"val_{metric}")
            )
            (line,) = axis.plot(list(by_size), new, label=f"{name}, validation")
            axis.plot(list(by_size), seen, "--", color=line.get_color(), lw=1.2, marker="")
        axis.plot([], [], "--", color=GRAY, lw=1.2, marker="", label="training")
        sizes = sorted({n for by_size in runs.values() for n in by_size})
        axis.set(xscale="log", xlabel="training images", ylabel=metric)
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axis.minorticks_off()
        if metric == "accuracy":
            axis.set_ylim(0, 1.03)
        figure.legend(loc="outside lower center", ncols=len(runs) + 1)
    ends = "; ".join(
        f"{name}: "
        + ", ".join(f"{n:,} images {run.history[f'val_{metric}'][-1]:.3f}" for n, run in by_size.items())
        for name, by_size in runs.items()
    )
    return Picture(figure, f"Validation {metric} after the last epoch by number of training images. {ends}.")


def repair_curves(pairs):
    """How good a network is by updates, as it was and with one change, from the same seeds.

    Parameters
    ----------
    pairs : list of (before, after), helpers.checkup.experiment.Run; one for each seed

    Returns
    -------
    Picture
        Validation solid, training dashed; of classes the accuracy, of numbers R squared.
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(6, 2.8))
        axis = figure.subplots()
        for pair in pairs:
            for run, color in zip(pair, (BROKEN, FIXED)):
                updates = [point.update for point in run.points]
                axis.plot(updates, [point.val_accuracy for point in run.points], color=color)
                seen = [point.accuracy for point in run.points]
                axis.plot(updates, seen, "--", color=color, lw=1.2, marker="")
        axis.set(xlabel="updates", ylabel="accuracy or R squared")
        axis.set_ylim(min(0, axis.get_ylim()[0]), 1.03)
        looks = (("as it was", {"color": BROKEN}), ("repaired", {"color": FIXED}),
                 ("training", {"color": GRAY, "ls": "--", "marker": ""}))  # fmt: skip
        handles = [Line2D([], [], label=label, **look) for label, look in looks]
        figure.legend(handles=handles, loc="outside lower center", ncols=3)
    ends = "; ".join(
        f"{before.end.val_accuracy:.3f} and {after.end.val_accuracy:.3f}" for before, after in pairs
    )
    return Picture(figure, f"Validation by updates; at the end as it was and repaired: {ends}.")


def image_row(images, titles):
    """Images in a row, each under its title.

    Parameters
    ----------
    images : array, shape (n, height, width, 1)
    titles : list of n strings

    Returns
    -------
    Picture
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 8 / len(images) + 0.3))
        axes = figure.subplots(1, len(images), squeeze=False)[0]
        for axis, image, title in zip(axes, images, titles):
            axis.imshow(image[..., 0], cmap="Greys")
            axis.set_title(title, fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set(visible=True, color=GRAY)
    return Picture(figure, f"{len(images)} images: {', '.join(titles)}.")


def places_on_canvas(images, true, predicted, size):
    """Images in a row, a frame around the item where it lies, a mark where each model puts it.

    Parameters
    ----------
    images : array, shape (n, height, width, 1)
    true : array, shape (n, 2), (row, column) of each item's upper left pixel
    predicted : dict, name of a model, of at most three -> array, shape (n, 2), as `true`
    size : int, height and width of an item

    Returns
    -------
    Picture
        Frame and mark stand for the whole item: the mark is drawn at its middle.
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 8 / len(images) + 0.4))
        axes = figure.subplots(1, len(images), squeeze=False)[0]
        for i, (axis, image) in enumerate(zip(axes, images)):
            axis.imshow(image[..., 0], cmap="Greys")
            corner = true[i][::-1] - 0.5
            axis.add_patch(Rectangle(corner, size, size, fill=False, ec="black", lw=1.2, label="target"))
            for ms, (name, places) in zip((11, 7, 4), predicted.items()):  # the next does not hide the last
                row, column = places[i] + (size - 1) / 2
                axis.plot(column, row, ls="", ms=ms, mec="white", label=name)
            axis.set(
                xticks=[], yticks=[], xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5)
            )
            axis.spines[:].set(visible=True, color=GRAY)
        figure.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=1 + len(predicted)
        )
    distances = {name: np.linalg.norm(places - true, axis=1) for name, places in predicted.items()}
    told = "; ".join(f"{name} {', '.join(f'{off:.1f}' for off in each)}" for name, each in distances.items())
    return Picture(figure, f"{len(images)} images with the true and the predicted place. Pixels off: {told}.")


def error_maps(positions, errors):
    """Mean error by true position on the canvas, one map per model on a common color scale.

    Parameters
    ----------
    positions : array, shape (n, 2), true (row, column) in pixels
    errors : dict, name -> array, shape (n,), the error of each image in pixels

    Returns
    -------
    Picture
    """
    edges = np.linspace(positions.min(), positions.max() + 1e-6, 9)
    maps = {}
    count = np.histogram2d(*positions.T, bins=(edges, edges))[0]
    count[count == 0] = np.nan  # a place without an item stays blank
    for name, error in errors.items():
        maps[name] = np.histogram2d(*positions.T, bins=(edges, edges), weights=error)[0] / count
    top = max(np.nanmax(grid) for grid in maps.values())
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(2.6 * len(maps) + 0.8, 2.9))
        axes = figure.subplots(1, len(maps), squeeze=False)[0]
        for axis, (name, grid) in zip(axes, maps.items()):
            extent = (edges[0], edges[-1], edges[-1], edges[0])
            image = axis.imshow(grid, cmap="cividis_r", vmin=0, vmax=top, extent=extent)
            axis.set(title=name, xlabel="true column")
            axis.grid(visible=False)
        axes[0].set_ylabel("true row")
        figure.colorbar(image, ax=list(axes), label="mean error in pixels")
    ends = "; ".join(
        f"{name}: {np.nanmean(grid[3:5, 3:5]):.2f} in the center, "
        f"{np.nanmean(grid[[0, 0, -1, -1], [0, -1, 0, -1]]):.2f} in the corners"
        for name, grid in maps.items()
    )
    return Picture(figure, f"Mean error in pixels by true position. {ends}.")


def confusion_matrices(y, predictions, class_names):
    """What each class is read as, in percent of its images: one matrix per model.

    Parameters
    ----------
    y : int array, shape (n,), true classes
    predictions : dict, model name -> int array, shape (n,), predicted classes
    class_names : sequence of str

    Returns
    -------
    Picture
        The diagonal is the recall of each class. Half a percent or less stays blank.
    """
    labels = range(len(class_names))
    matrices = {
        name: 100 * confusion_matrix(y, predicted, labels=labels, normalize="true")
        for name, predicted in predictions.items()
    }
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(max(5, 0.9 + 3.5 * len(matrices)), 4.2))
        axes = figure.subplots(1, len(matrices), squeeze=False, sharey=True)[0]
        for axis, (name, matrix) in zip(axes, matrices.items()):
            axis.imshow(matrix, cmap="Blues", vmin=0, vmax=100)
            for row, column in zip(*np.nonzero(matrix > 0.5)):
                share = matrix[row, column]
                color = "white" if share > 55 else "black"
                axis.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=8, color=color)
            axis.set_xticks(labels, class_names, rotation=90)
            axis.set(title=name, xlabel="predicted")
            axis.grid(visible=False)
        axes[0].set_yticks(labels, class_names)
        axes[0].set_ylabel("true")
    recalls = "; ".join(
        f"{name}: recall "
        + ", ".join(f"{label} {share:.0f} %" for label, share in zip(class_names, np.diag(matrix)))
        for name, matrix in matrices.items()
    )
    return Picture(figure, f"Confusion matrices in percent of each true class. {recalls}.")


def precision_recall_curves(y, probabilities, classes, class_names, sample_weight):
    """Precision against recall as the probability that is asked of an answer falls, by class.

    A mark shows where a model's own answers lie, those with the largest probability.

    Parameters
    ----------
    y : int array, shape (n,), true classes
    probabilities : dict, model name -> float array, shape (n, classes); those of an image need not
        add up to 1
    classes : list of int, a panel for each
    class_names : sequence of str, the names of all classes
    sample_weight : array, shape (n,), how often the like of each image is met

    Returns
    -------
    Picture
    """
    told = []
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.3))
        axes = figure.subplots(1, len(classes), squeeze=False, sharey=True)[0]
        for axis, label in zip(axes, classes):
            true, answered = y == label, []
            for name, columns in probabilities.items():
                score, named = columns[:, label] / columns.sum(axis=1), columns.argmax(axis=1) == label
                precision, recall, _ = precision_recall_curve(true, score, sample_weight=sample_weight)
                (line,) = axis.plot(recall, precision, marker="", drawstyle="steps-post", label=name)
                point = (
                    recall_score(true, named),
                    precision_score(true, named, sample_weight=sample_weight, zero_division=np.nan),
                )
                axis.plot(*point, "o", color=line.get_color(), ms=9, mec="black")
                answered.append(f"{name} {point[1]:.2f} at {point[0]:.2f}")
            axis.set(title=class_names[label], xlabel="recall", xlim=(0, 1), ylim=(0, 1.02))
            told.append(f"{class_names[label]}: {', '.join(answered)}")
        axes[0].set_ylabel("precision")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Picture(
        figure, f"Precision against recall. Precision of the answers, at their recall: {'; '.join(told)}."
    )


def numbers_by_class(numbers, y, class_names):
    """Where the images of each class lie on what a layer of one or two numbers puts out.

    Parameters
    ----------
    numbers : dict, model name -> array, shape (n, 1) or (n, 2)
    y : int array, shape (n,), classes
    class_names : sequence of at most ten str

    Returns
    -------
    Picture
        One panel per model, a class in the same color in each. One number: a row of dots per
        class, the classes in the order of their medians. Two: a plane, each name near the
        median of its class.
    """
    colors = matplotlib.colormaps["tab10"].colors
    spread = np.random.default_rng(0).uniform(-0.35, 0.35, len(y))  # dots in a row would hide each other
    names = range(len(class_names))
    medians = {name: [np.median(dots[y == k], axis=0) for k in names] for name, dots in numbers.items()}
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.6))
        axes = figure.subplots(1, len(numbers), squeeze=False)[0]
        for axis, (name, dots) in zip(axes, numbers.items()):
            flat = dots.shape[1] == 1
            order = sorted(names, key=lambda k: medians[name][k][-1])
            across = np.argsort(order)[y] + spread if flat else dots[:, 1]
            axis.scatter(dots[:, 0], across, s=5, c=np.array(colors)[y], alpha=0.4, lw=0)
            axis.set(title=name, xlabel="the number" if flat else "first number")
            axis.grid(visible=False)
            if flat:
                axis.set_yticks(names, [class_names[k] for k in order])
                continue
            axis.set_ylabel("second number")
            wide, high, placed = np.ptp(axis.get_xlim()), np.ptp(axis.get_ylim()), []
            for k in order:  # from below, each name above those it would hide
                x, place = medians[name][k]
                for x_below, below in placed:
                    if abs(x - x_below) < 0.25 * wide:
                        place = max(place, below + 0.06 * high)
                placed.append((x, place))
                axis.text(
                    x, place, class_names[k], fontsize=8, ha="center", va="center",
                    bbox={"facecolor": "white", "edgecolor": colors[k], "alpha": 0.8, "pad": 0.8},
                )  # fmt: skip
    told = "; ".join(
        f"{name}: " + ", ".join(
            f"{label} {' and '.join(f'{value:.1f}' for value in median)}"
            for label, median in zip(class_names, medians[name])
        )
        for name in numbers
    )  # fmt: skip
    return Picture(figure, f"What the layer puts out for each image, by class. Medians, {told}.")


def dead_unit_map(steps, records, title):
    """Which units were dead when: one row per unit, grouped by layer, one column per record.

    Parameters
    ----------
    steps : list of int, the training step of each record
    records : list of what `helpers.instruments.dead_units` returned
    title : str

    Returns
    -------
    Picture
    """
    layers = list(records[0])
    dead = np.array([np.concatenate([record[name] for name in layers]) for record in records]).T
    sizes = [len(records[0][name]) for name in layers]
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.4))
        axis = figure.subplots()
        axis.imshow(dead, aspect="auto", cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        borders = np.cumsum(sizes)
        for border in borders[:-1]:
            axis.axhline(border - 0.5, color=BROKEN, lw=1, marker="")
        axis.set_yticks(borders - np.array(sizes) / 2 - 0.5, layers)
        axis.set_xticks(range(len(steps)), steps)
        axis.set(title=title, xlabel="training step")
        axis.grid(visible=False)
    last = ", ".join(f"{name} {records[-1][name].sum()} of {len(records[-1][name])}" for name in layers)
    return Picture(
        figure,
        f"Map of dead units, black, by training step. Dead at step {steps[0]}: {dead[:, 0].sum()} of "
        f"{len(dead)}; at step {steps[-1]}: {dead[:, -1].sum()} ({last}).",
    )


def functions_and_slopes(functions, reach=6.0):
    """Activation functions, and the slope of each, side by side.

    Parameters
    ----------
    functions : dict, name -> callable on a float array; the broken one first
    reach : float, the curves are drawn from -reach to reach

    Returns
    -------
    Picture
    """
    x = np.linspace(-reach, reach, 1201)
    values = {name: np.asarray(function(x), dtype=float) for name, function in functions.items()}
    slopes = {name: np.gradient(value, x) for name, value in values.items()}
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.1))
        axes = figure.subplots(1, 2)
        for axis, curves, title in zip(axes, (values, slopes), ("function", "slope")):
            for i, (name, curve) in enumerate(curves.items()):
                # the first on top, the others thinner and thinner below it
                axis.plot(x, curve, label=name, marker="", lw=3 - 0.4 * i, zorder=9 - i)
            axis.set(title=title, xlabel="input of the unit")
        axes[0].set_ylim(-1.7, 2.7)
        axes[1].set_ylim(-0.05, 1.15)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(functions))
    told = "; ".join(f"{name} {values[name][600]:.2f} and {slopes[name].max():.2f}" for name in functions)
    return Picture(figure, f"Activation functions and their slopes. Value at 0 and largest slope: {told}.")


def input_histograms(moments, flat):
    """What goes into the units of each layer: one row of histograms per moment, one column per layer.

    Parameters
    ----------
    moments : dict, such as "before training" -> dict, layer name -> array of any shape
    flat : float, beyond which, to either side, the curve of the unit is flat; shaded

    Returns
    -------
    Picture
    """
    bins = np.linspace(-2.5 * flat, 2.5 * flat, 61)
    layers = list(next(iter(moments.values())))
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 0.6 + 1.2 * len(moments)))
        axes = figure.subplots(len(moments), len(layers), squeeze=False, sharex=True)
        for row, (moment, inputs) in zip(axes, moments.items()):
            for axis, layer in zip(row, layers):
                axis.hist(np.clip(inputs[layer], *bins[[0, -1]]).ravel(), bins, color=BROKEN, zorder=2)
                for side in (-1, 1):
                    axis.axvspan(side * flat, side * 2.5 * flat, color="#E0E0E0", lw=0, zorder=0)
                axis.set(yticks=[], xticks=[-6, 0, 6], xlim=bins[[0, -1]])
                axis.grid(visible=False)
            row[0].set_ylabel(moment, fontsize=9)
        for axis, layer in zip(axes[0], layers):
            axis.set_title(layer, fontsize=9)
        figure.supxlabel("input of the units; gray: the curve is flat", fontsize=9)
    told = "; ".join(
        f"{moment}: " + ", ".join(f"{layer} {np.mean(np.abs(inputs[layer]) > flat):.2f}" for layer in layers)
        for moment, inputs in moments.items()
    )
    return Picture(
        figure, f"Histograms of what goes into the units, by layer. Share on the flat ends, {told}."
    )


def readings_by_step(steps, panels, label="training step"):
    """Measurements after the first training steps, a panel for each.

    Parameters
    ----------
    steps : list of numbers, when it was measured, or whatever else the label says
    panels : dict, what was measured -> dict, model name -> list, one number per step; the broken
        model first. Logarithmic where the numbers are positive and differ by a factor above 100.

    Returns
    -------
    Picture
    """
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 3.0))
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, runs) in zip(axes, panels.items()):
            for name, numbers in runs.items():
                axis.plot(range(len(steps)), numbers, label=name)
            every = np.concatenate(list(runs.values()))
            if every.min() > 0 and every.max() > 100 * every.min():
                axis.set_yscale("log")
            every_other = 1 + len(steps) // 7
            axis.set_xticks(range(0, len(steps), every_other), steps[::every_other])
            axis.set_title(title, fontsize=9)
            axis.set_xlabel(label)
        if len({tuple(runs) for runs in panels.values()}) == 1:
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        else:  # each panel has its own
            for axis in axes:
                axis.legend()
    unit = label.split()[-1]
    told = "; ".join(
        f"{title}: " + ", ".join(f"{name} {runs[name][0]:.2g} to {runs[name][-1]:.2g}" for name in runs)
        for title, runs in panels.items()
    )
    return Picture(figure, f"Measured from {unit} {steps[0]} to {unit} {steps[-1]}. {told}.")


# how the runs of each kind are drawn, and what they are called; see tools/evidence.py
KINDS = {
    "judgment": ("fresh seeds", {"alpha": 0.6}),
    "calibration": ("seeds of the calibration", {"facecolor": "none", "alpha": 0.6}),
    "longer": ("three times the epochs", {"alpha": 0.9, "s": 9}),
}


def seed_evidence(notebook):
    """What data/results/evidence.csv holds of one notebook: every run of every claim as a mark.

    Parameters
    ----------
    notebook : str, such as "06_learning_rate"

    Returns
    -------
    Picture
        Crosses are broken runs, dots fixed ones: full on the fresh seeds that judge the claim,
        hollow on those on which its levels were calibrated, small with three times the epochs.
        Dotted lines are the levels, bands where they differ from seed to seed.

    Raises
    ------
    ValueError
        There is no evidence for this notebook yet.
    """
    rows = _rows_of(notebook, EVIDENCE)
    claims = list(rows.groupby("claim", sort=False))
    kinds = [kind for kind in KINDS if kind in set(rows.kind)]
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 0.6 + 0.9 * len(claims)))
        axes = figure.subplots(len(claims), 1, squeeze=False)[:, 0]
        sentences = []
        for axis, (claim, row) in zip(axes, claims):
            for i, kind in enumerate(kinds):
                runs, look = row[row.kind == kind], KINDS[kind][1]
                for height, arm, color, marker in ((1, "broken", BROKEN, "X"), (0, "fixed", FIXED, "o")):
                    heights = np.full(len(runs), height - 0.25 * i)
                    axis.scatter(
                        runs[arm], heights, **{"facecolor": color} | look, edgecolor=color, marker=marker
                    )
            for level, color in ((row.stalled_at, BROKEN), (row.recovered_at, FIXED)):
                if level.min() < level.max():
                    axis.axvspan(level.min(), level.max(), color=color, alpha=0.12, lw=0, zorder=0)
                axis.axvline(level.median(), color=color, ls=":", lw=1.2, marker="")
            if row.telltale.iloc[0] in ("accuracy", "val_accuracy"):
                axis.set_xlim(0, 1)
            elif row.broken.max() > 100 * row.fixed.min() > 0:
                axis.set_xscale("log")
            axis.set_yticks([1 - 0.125 * (len(kinds) - 1), -0.125 * (len(kinds) - 1)], ["broken", "fixed"])
            axis.set_ylim(-0.3 - 0.25 * len(kinds), 1.5)
            axis.grid(axis="y", visible=False)
            axis.set_title(f"{claim} ({row.telltale.iloc[0]})", loc="left", fontsize=9)
            held = row.groupby("kind").held.agg(["sum", "size"])
            sentences.append(
                f"{claim}: {row.telltale.iloc[0]} broken {row.broken.min():.3f} to {row.broken.max():.3f}, "
                f"fixed {row.fixed.min():.3f} to {row.fixed.max():.3f}, held in "
                + ", ".join(f"{held['sum'][kind]} of {held['size'][kind]} {KINDS[kind][0]}" for kind in kinds)
            )
        marks = [
            Line2D([], [], ls="", marker="o", color=GRAY, ms=3 if kind == "longer" else 6,
                   mfc="none" if kind == "calibration" else GRAY, label=KINDS[kind][0])
            for kind in kinds
        ]  # fmt: skip
        figure.legend(handles=marks, loc="outside lower center", ncols=len(kinds))
    return Picture(figure, f"Broken and fixed runs over the seeds. {'; '.join(sentences)}.")


def arm_spread(notebook):
    """What data/results/arms.csv holds of one notebook: every seed of every arm as a dot.

    Small dots are runs with three times the epochs. Arms of several metrics get a panel each.

    Parameters
    ----------
    notebook : str, such as "07_optimizer_choice"

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        There are no arms for this notebook yet.
    """
    rows = _rows_of(notebook, ARMS)
    rows = rows[rows.kind != "calibration"].assign(longer=rows.kind == "longer")
    panels = list(rows.groupby("telltale", sort=False))
    counts = [part.arm.nunique() for _, part in panels]
    more_epochs, small_dot = KINDS["longer"]
    spreads = []
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(8, 0.6 * len(panels) + 0.3 * sum(counts)))
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=counts)[:, 0]
        for axis, (telltale, part) in zip(axes, panels):
            arms = list(part.groupby("arm", sort=False))
            for i, (name, arm) in enumerate(arms):
                values, longer = arm[~arm.longer].value, arm[arm.longer].value
                axis.scatter(values, np.full(len(values), i), c=FIXED, alpha=0.4, lw=0)
                axis.scatter(values.median(), i, c="black", marker="|", s=200)
                axis.scatter(longer, np.full(len(longer), i + 0.3), c=FIXED, lw=0, **small_dot)
                told = f"{name} {values.min():.3f} to {values.max():.3f}, median {values.median():.3f}"
                spreads.append(told + (f", with {more_epochs} {longer.median():.3f}" if len(longer) else ""))
            axis.set_yticks(range(len(arms)), [name for name, _ in arms])
            small = f"; small: {more_epochs}" if part.longer.any() else ""
            axis.set(ylim=(len(arms) - 0.5, -0.5))
            axis.set_xlabel(f"{telltale}; line: median{small}", loc="right")  # room for a long one
            axis.grid(axis="y", visible=False)
    seeds = rows[~rows.longer].seed.nunique()
    telltales = " and ".join(telltale for telltale, _ in panels)
    return Picture(figure, f"{telltales} over {seeds} seeds, one row per arm. {'; '.join(spreads)}.")


def vitals_map(vitals, healthy, groups):
    """One row per patient, one column per reading, and a mark where the reading is out of its range.

    Parameters
    ----------
    vitals : pandas.DataFrame with the columns patient, seed, reading and value
    healthy : dict, label of a reading -> entry of helpers.instruments.HEALTHY, or (lowest,
        highest); the columns, in this order; `vitals.reading` holds these labels
    groups : dict, symptom -> list of patients, the rows from top to bottom

    Returns
    -------
    Picture
        A triangle up, orange: above the healthy range with every seed; down, blue: below it with
        every seed. Small and pale: with some of the seeds. Nothing: inside with all of them.
        A dash: the reading does not apply.
    """
    readings = list(healthy)
    lowest, highest = (vitals.reading.map({name: ends[i] for name, ends in healthy.items()}) for i in (0, 1))
    above, below = (
        vitals.assign(value=out)
        .pivot_table(index="patient", columns="reading", values="value", aggfunc="mean")
        .reindex(columns=readings)
        for out in ((vitals.value > highest).astype(float), (vitals.value < lowest).astype(float))
    )
    patients = [patient for group in groups.values() for patient in group]
    told = []
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(9.6, 1.7 + 0.29 * len(patients)))
        axis = figure.subplots()
        for row, patient in enumerate(patients):
            for column, reading in enumerate(readings):
                if np.isnan(above.loc[patient, reading]):
                    axis.text(column, row, "–", ha="center", va="center", color=GRAY)
                for share, marker, color in (
                    (above.loc[patient, reading], "^", BROKEN), (below.loc[patient, reading], "v", FIXED),
                ):  # fmt: skip
                    if share > 0:
                        look = {"s": 90} if share == 1 else {"s": 30, "alpha": 0.45}
                        axis.scatter(column, row, marker=marker, color=color, zorder=2, lw=0, **look)
            marked = [name for name in readings if 1 in (above.loc[patient, name], below.loc[patient, name])]
            told.append(f"{patient}: {', '.join(marked) or 'none'}")
        axis.set_yticks(range(len(patients)), patients)
        axis.set_xticks(range(len(readings)), readings, rotation=35, ha="left", rotation_mode="anchor")
        axis.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axis.set(xlim=(-0.6, len(readings) - 0.4), ylim=(len(patients) - 0.5, -0.5))
        first = 0
        for i, (symptom, group) in enumerate(groups.items()):
            middle = first + (len(group) - 1) / 2
            axis.text(len(readings) - 0.25, middle, symptom, va="center", fontsize=9)
            if i % 2 == 0:
                axis.axhspan(first - 0.5, first + len(group) - 0.5, color="#F3F3F3", lw=0, zorder=0)
            first += len(group)
        axis.spines[:].set_visible(False)
    return Picture(
        figure, f"Readings by patient. Out of the healthy range with every seed, {'; '.join(told)}."
    )


def gallery(runs):
    """Small learning curves without names: the loss as a share of the loss of guessing.

    Parameters
    ----------
    runs : dict, title -> (loss, val_loss), each a sequence of one number per epoch

    Returns
    -------
    Picture
    """
    columns = 5
    rows = math.ceil(len(runs) / columns)
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(9, 1.75 * rows + 0.3))
        axes = figure.subplots(rows, columns, sharey=True).ravel()
        for axis, (title, (loss, val_loss)) in zip(axes, runs.items()):
            axis.plot(*_by_epoch(loss), "--", color=FIXED, lw=1.2, marker="", label="training")
            axis.plot(*_by_epoch(val_loss), color=BROKEN, ms=3, label="validation")
            axis.axhline(1, color=GRAY, ls=":", lw=1.2, marker="", label="guessing")
            axis.set_title(title, fontsize=9)
            axis.set(ylim=(0, 2))
            axis.xaxis.get_major_locator().set_params(integer=True)
        for axis in axes[len(runs) :]:
            axis.set_visible(False)
        figure.supylabel("loss / loss of guessing", fontsize=9)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    ends = "; ".join(
        f"{title}: {loss[-1]:.2f} in training, {val_loss[-1]:.2f} in validation"
        for title, (loss, val_loss) in runs.items()
    )
    return Picture(
        figure, f"{len(runs)} small learning curves, the loss as a share of that of guessing. {ends}."
    )


def _rows_of(notebook, table):
    """The rows of a notebook in a table of results."""
    rows = pd.read_csv(table)
    rows = rows[rows.notebook == notebook]
    if rows.empty:
        raise ValueError(f"data/results/{table.name} has no rows for {notebook!r}: run make evidence")
    return rows


def _looks(names):
    """Color and marker of each run: those of the cycle in turn, but the second, blue, for "healthy"."""
    looks = list(matplotlib.rcParams["axes.prop_cycle"])
    healthy = looks.pop(1) if "healthy" in names else None
    others = itertools.cycle(looks)
    return [healthy if name == "healthy" else next(others) for name in names]


def _by_epoch(values):
    return range(1, len(values) + 1), values
