"""Show the curve while it grows: a Keras callback, and sliders that retrain."""

import base64
import functools
import gc
import io
import time

from helpers.figures import BROKEN, FIXED, GRAY, STYLE

import keras
import matplotlib.style
import numpy as np
from IPython.display import DisplayHandle
from ipywidgets import Image as ImageWidget
from ipywidgets import Label, VBox, interactive
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as PillowImage

SECONDS_BETWEEN_DRAWINGS = 0.5  # at least
SHARE_OF_DRAWING = 0.01  # of the time, at most: on a slow machine it draws less often


class LiveCurve(keras.callbacks.Callback):
    """Draw a metric while `fit` runs; at the end leave one line with it and the loss.

    Parameters
    ----------
    name : str, what to call this run
    metric : str, a metric the model is compiled with
    top : float, the upper end of its axis

    Raises
    ------
    ValueError
        The model was compiled without this metric.
    """

    previous = ()

    def __init__(self, name, metric="accuracy", top=1.0):
        super().__init__()
        self.name, self.metric, self.top = name, metric, top

    def on_train_begin(self, logs=None):
        if not self.model.optimizer.built:
            # or TensorFlow traces the first step twice, since it makes variables: a second a model
            self.model.optimizer.build(self.model.trainable_variables)
        self.curve = GrowingCurve(self.params["epochs"], self.metric, self.top, self.previous)
        self.line = f"{self.name}: no epoch finished"
        self.next_drawing = time.monotonic() + SECONDS_BETWEEN_DRAWINGS
        self.open()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        # not on_train_batch_end: with it, Keras waits for the numbers of every single batch
        if time.monotonic() < self.next_drawing:
            return
        share = batch / self.params["steps"]
        # the metric is a mean over the epoch so far: over few batches it jumps about
        if share > 0.25 or self.epoch == 0 < batch:
            self.add(self.epoch + share, self.model.get_metrics_result())
            self.draw()

    def on_epoch_end(self, epoch, logs=None):
        self.add(epoch + 1, logs)
        if time.monotonic() >= self.next_drawing:
            self.draw()
        told = (self.metric, "loss")  # a further metric would make the line too long for JupyterLab
        numbers = "  ".join(f"{key} {logs[key]:.3f}" for key in logs if key.removeprefix("val_") in told)
        self.line = f"{self.name}: epoch {epoch + 1}/{self.params['epochs']}  {numbers}"

    def on_train_end(self, logs=None):
        self.close(self.line)

    def draw(self):
        start = time.thread_time()  # of this thread only: a busy machine makes no drawing dearer
        self.show(self.curve.png())
        pause = (time.thread_time() - start) / SHARE_OF_DRAWING
        self.next_drawing = time.monotonic() + max(SECONDS_BETWEEN_DRAWINGS, pause)

    def add(self, epoch, logs):
        if self.metric not in logs:
            raise ValueError(
                f"LiveCurve draws {self.metric}, which the model does not measure: "
                f"compile the model with metrics=[{self.metric!r}]"
            )
        self.curve.training.append((epoch, float(logs[self.metric])))
        if f"val_{self.metric}" in logs:
            self.curve.validation.append((epoch, logs[f"val_{self.metric}"]))

    def open(self):
        self.handle = DisplayHandle()
        self.handle.display(self.name)

    def show(self, png):
        self.handle.update({"image/png": base64.b64encode(png).decode()}, raw=True)

    def close(self, line):
        self.handle.update({"text/plain": line}, raw=True)


class GrowingCurve:
    """A metric in training and validation on axes that are drawn once; only the lines are redrawn.

    Parameters
    ----------
    epochs : int, the right end of the axis
    metric, top : as in LiveCurve
    previous : list of (epoch, value), validation of an earlier run, drawn in gray
    """

    def __init__(self, epochs, metric, top, previous=()):
        self.training, self.validation, self.previous = [], [], previous
        self.axis, self.background, self.lines = _empty_axes(epochs, metric, top, bool(previous))

    def png(self):
        """The picture so far, as bytes."""
        canvas = self.axis.figure.canvas
        canvas.restore_region(self.background)
        for line, points in zip(self.lines, (self.training, self.validation, self.previous)):
            line.set_data(*np.reshape(points, (-1, 2)).T)
            self.axis.draw_artist(line)
        pixels = PillowImage.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        # seen for a moment: few colors, quickly found, take half the time and a third of the bytes
        few = pixels.quantize(64, PillowImage.Quantize.FASTOCTREE, dither=PillowImage.Dither.NONE)
        png = io.BytesIO()
        few.save(png, "PNG", compress_level=1)
        return png.getvalue()


@functools.cache
def _empty_axes(epochs, metric, top, with_previous):
    """Axes with a legend and no data, the picture of them, and the lines to be drawn into it."""
    styles = {
        "training": {"ls": "--", "marker": "", "color": FIXED},
        "validation": {"marker": "o", "color": BROKEN},
    }
    if with_previous:
        styles["previous run"] = {"marker": "o", "color": GRAY, "alpha": 0.5}
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(5, 2.4), layout="none")
        canvas = FigureCanvasAgg(figure)
        axis = figure.add_axes((0.1, 0.2, 0.87, 0.74))
        axis.set(xlim=(0, epochs), ylim=(0, top), xlabel="epoch", ylabel=metric)
        axis.xaxis.get_major_locator().set_params(integer=True)
        lines = [axis.plot([], [], label=label, **style)[0] for label, style in styles.items()]
        axis.legend(loc="lower right", ncols=3)
    canvas.draw()
    return axis, canvas.copy_from_bbox(figure.bbox), lines


class Playground(VBox):
    """Sliders that retrain a model, and its curve while it grows; the last line of a cell.

    Parameters
    ----------
    train : callable
        train(callbacks, **values) builds, compiles and fits your model, and passes
        `callbacks` on to `fit`; `values` are the sliders' values by name. Keep it under
        five seconds.
    metric, top : as in LiveCurve
    **sliders : ipywidgets, by the name of the argument they set
    """

    def __init__(self, train, metric="accuracy", top=1.0, **sliders):
        for name, slider in sliders.items():
            slider.description = name
            slider.style.description_width = "9em"
            slider.layout.width = "32em"
        self.names = ", ".join(sliders)
        self.picture = ImageWidget(
            value=GrowingCurve(1, metric, top).png(), format="png", width=500, height=240
        )
        self.last_line = Label("Move the sliders, then press Train.")
        callbacks = [PlaygroundCurve(self.picture, self.last_line, metric, top)]

        def retrain(**values):
            collects = gc.isenabled()
            gc.disable()  # with many models around, looking for garbage while tracing takes a third
            try:
                train(callbacks=callbacks, **values)
            finally:
                if collects:
                    gc.enable()

        self.controls = interactive(
            retrain,
            {"manual": True, "manual_name": "Train"},
            **sliders,
        )
        super().__init__([self.controls, self.last_line, self.picture])

    def __repr__(self):
        return f"Run this cell in JupyterLab to set {self.names} with sliders and train."


class PlaygroundCurve(LiveCurve):
    """A live curve in the playground's widgets, over the previous run in gray."""

    def __init__(self, picture, last_line, metric, top):
        super().__init__("this run", metric, top)
        self.picture, self.last_line = picture, last_line

    def open(self):
        self.last_line.value = "Training ..."

    def show(self, png):
        self.picture.value = png

    def close(self, line):
        self.show(self.curve.png())
        self.last_line.value = line
        self.previous = self.curve.validation
