"""Show the curve while it grows: a Keras callback, and sliders that retrain."""

import io
import time

from helpers.figures import BROKEN, FIXED, GRAY, STYLE

import keras
import matplotlib.style
import numpy as np
from IPython.display import DisplayHandle, Image
from ipywidgets import Image as ImageWidget
from ipywidgets import Label, VBox, interactive
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image as PillowImage

SECONDS_BETWEEN_DRAWINGS = 0.3


class LiveCurve(keras.callbacks.Callback):
    """Draw accuracy while `fit` runs; at the end leave one line with the last epoch's numbers.

    Parameters
    ----------
    name : str, what to call this run

    Raises
    ------
    ValueError
        The model was not compiled with metrics=["accuracy"].
    """

    previous = ()

    def __init__(self, name):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs=None):
        self.curve = GrowingCurve(self.params["epochs"], self.previous)
        self.line = f"{self.name}: no epoch finished"
        self.open()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() - self.curve.drawn_at > SECONDS_BETWEEN_DRAWINGS:
            self.draw(self.epoch + (batch + 1) / self.params["steps"], logs)

    def on_epoch_end(self, epoch, logs=None):
        if "val_accuracy" in logs:
            self.curve.validation.append((epoch + 1, logs["val_accuracy"]))
        self.draw(epoch + 1, logs)
        numbers = "  ".join(f"{key} {logs[key]:.3f}" for key in logs if key != "learning_rate")
        self.line = f"{self.name}: epoch {epoch + 1}/{self.params['epochs']}  {numbers}"

    def on_train_end(self, logs=None):
        self.close(self.line)

    def draw(self, epoch, logs):
        if "accuracy" not in logs:
            raise ValueError("LiveCurve draws accuracy: compile the model with metrics=['accuracy']")
        self.curve.training.append((epoch, logs["accuracy"]))
        self.show(self.curve.png())

    def open(self):
        self.handle = DisplayHandle()
        self.handle.display(self.name)

    def show(self, png):
        self.handle.update(Image(png))

    def close(self, line):
        self.handle.update({"text/plain": line}, raw=True)


class GrowingCurve:
    """Training and validation accuracy on axes that are drawn once; only the lines are redrawn.

    Parameters
    ----------
    epochs : int, the right end of the axis
    previous : list of (epoch, accuracy), validation of an earlier run, drawn in gray
    """

    def __init__(self, epochs, previous=()):
        self.training, self.validation = [], []
        with matplotlib.style.context(STYLE):
            figure = Figure(figsize=(5, 2.4), layout="none")
            self.canvas = FigureCanvasAgg(figure)
            self.axis = figure.add_axes((0.1, 0.2, 0.87, 0.74))
            self.axis.set(xlim=(0, epochs), ylim=(0, 1), xlabel="epoch", ylabel="accuracy")
            if previous:
                self.axis.plot(*np.transpose(previous), "o-", color=GRAY, alpha=0.5, label="previous run")
            (self.training_line,) = self.axis.plot([], [], "--", marker="", color=FIXED, label="training")
            (self.validation_line,) = self.axis.plot([], [], "o-", color=BROKEN, label="validation")
            self.axis.legend(loc="lower right", ncols=3)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(figure.bbox)
        self.drawn_at = time.monotonic()

    def png(self):
        """The picture so far, as bytes."""
        self.canvas.restore_region(self.background)
        for line, points in ((self.training_line, self.training), (self.validation_line, self.validation)):
            line.set_data(*np.reshape(points, (-1, 2)).T)
            self.axis.draw_artist(line)
        png = io.BytesIO()
        PillowImage.fromarray(np.asarray(self.canvas.buffer_rgba())).save(png, "PNG", compress_level=1)
        self.drawn_at = time.monotonic()
        return png.getvalue()


class Playground(VBox):
    """Sliders that retrain a model, and its curve while it grows; the last line of a cell.

    Parameters
    ----------
    train : callable
        train(callbacks, **values) builds, compiles and fits your model, and passes
        `callbacks` on to `fit`; `values` are the sliders' values by name. Keep it under
        five seconds.
    **sliders : ipywidgets, by the name of the argument they set
    """

    def __init__(self, train, **sliders):
        for name, slider in sliders.items():
            slider.description = name
            slider.style.description_width = "9em"
            slider.layout.width = "32em"
        self.names = ", ".join(sliders)
        self.picture = ImageWidget(value=GrowingCurve(1).png(), format="png", width=500, height=240)
        self.last_line = Label("Move the sliders, then press Train.")
        callbacks = [PlaygroundCurve(self.picture, self.last_line)]
        self.controls = interactive(
            lambda **values: train(callbacks=callbacks, **values),
            {"manual": True, "manual_name": "Train"},
            **sliders,
        )
        super().__init__([self.controls, self.last_line, self.picture])

    def __repr__(self):
        return f"Run this cell in JupyterLab to set {self.names} with sliders and train."


class PlaygroundCurve(LiveCurve):
    """A live curve in the playground's widgets, over the previous run in gray."""

    def __init__(self, picture, last_line):
        super().__init__("this run")
        self.picture, self.last_line = picture, last_line

    def open(self):
        self.last_line.value = "Training ..."

    def show(self, png):
        self.picture.value = png

    def close(self, line):
        self.last_line.value = line
        self.previous = self.curve.validation
