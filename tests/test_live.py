"""The live curve sees every epoch and leaves a line; the playground trains and can fail."""

import gc
import io
import re

from helpers import live
from helpers.live import GrowingCurve, LiveCurve, Playground

import ipywidgets as widgets
import keras
import numpy as np
import pytest
from PIL import Image


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_growing_curve_draws_what_it_is_given():
    curve = GrowingCurve(4, "accuracy", 1)
    empty = pixels(curve.png())
    curve.training = [(1, 0.2), (2, 0.6)]
    one_line = pixels(curve.png())
    curve.validation = [(1, 0.3), (2, 0.5)]
    assert 0 < (one_line != empty).sum() < (pixels(curve.png()) != empty).sum()
    curve.training, curve.validation = [], []
    assert (pixels(curve.png()) == empty).all(), "nothing is left of an earlier drawing"


def test_previous_run_is_drawn():
    before = GrowingCurve(4, "accuracy", 1, previous=[(1, 0.3), (2, 0.5)])
    assert (pixels(before.png()) != pixels(GrowingCurve(4, "accuracy", 1).png())).any()
    other = GrowingCurve(4, "accuracy", 1, previous=[(1, 0.8), (2, 0.9)])
    assert (pixels(before.png()) != pixels(other.png())).any(), "not only the legend tells of it"


@pytest.mark.trains
def test_live_curve_ends_with_the_last_epoch(softmax_model, batch, capsys):
    curve = LiveCurve("broken")
    run = softmax_model.fit(*batch, epochs=3, validation_data=batch, verbose=0, callbacks=[curve])
    assert curve.curve.validation == list(enumerate(run.history["val_accuracy"], start=1))
    assert [epoch for epoch, _ in curve.curve.training][-1] == 3
    last = run.history["val_loss"][-1]
    assert curve.line.startswith("broken: epoch 3/3") and f"val_loss {last:.3f}" in curve.line
    assert curve.line in capsys.readouterr().out


def test_the_optimizer_has_its_variables_before_the_first_step(softmax_model, batch):
    built = []
    after = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: built.append(softmax_model.optimizer.built)
    )
    softmax_model.fit(*batch, epochs=1, verbose=0, callbacks=[LiveCurve("first"), after])
    steps = int(softmax_model.optimizer.iterations)
    softmax_model.fit(*batch, epochs=1, verbose=0, callbacks=[LiveCurve("trained on"), after])
    assert built == [True, True] and int(softmax_model.optimizer.iterations) == 2 * steps > 0


def test_live_curve_without_validation(softmax_model, batch):
    curve = LiveCurve("broken")
    softmax_model.fit(*batch, epochs=1, verbose=0, callbacks=[curve])
    assert curve.curve.validation == [] and "val_" not in curve.line


def test_live_curve_of_another_metric(batch):
    x, y = batch
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae", "mse"])
    curve = LiveCurve("broken", metric="mae", top=12)
    run = model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0, callbacks=[curve])
    told = ["loss", "mae", "val_loss", "val_mae"]  # not the other metric: the line has to fit
    assert re.findall(r"[a-z_]+(?= [\d.]+(?:  |$))", curve.line) == told
    assert f"val_mae {run.history['val_mae'][-1]:.3f}" in curve.line
    assert curve.curve.validation == list(enumerate(run.history["val_mae"], start=1))
    assert curve.curve.axis.get_ylim() == (0, 12) and curve.curve.axis.get_ylabel() == "mae"


def test_live_curve_needs_accuracy(batch):
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="compile the model with metrics="):
        model.fit(*batch, verbose=0, callbacks=[LiveCurve("run")])


@pytest.mark.trains
def test_live_curve_changes_no_number(softmax_model, batch):
    weights = softmax_model.get_weights()
    losses = []
    for callbacks in ([], [LiveCurve("run")]):
        keras.utils.set_random_seed(1)
        model = keras.models.clone_model(softmax_model)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.set_weights(weights)
        losses.append(
            model.fit(*batch, epochs=2, batch_size=2, verbose=0, callbacks=callbacks).history["loss"]
        )
    assert losses[0] == losses[1]


class Clock:
    """Stands in for the module time: a batch takes 0.1 s, a drawing what it is told."""

    def __init__(self, drawing):
        self.now, self.busy, self.drawing, self.drawn = 100.0, 0.0, drawing, []

    def monotonic(self):
        return self.now

    def thread_time(self):
        return self.busy

    def on_batch(self, batch, logs):
        self.now += 0.1

    def on_show(self, png):
        self.drawn.append(self.now)
        self.now += self.drawing
        self.busy += self.drawing


@pytest.mark.parametrize("drawing, pause", [(0.002, 0.5), (0.02, 2.0)])
def test_drawing_takes_its_share_at_most(softmax_model, batch, monkeypatch, drawing, pause):
    clock, curve = Clock(drawing), LiveCurve("run")
    monkeypatch.setattr(live, "time", clock)
    monkeypatch.setattr(curve, "show", clock.on_show)
    start, batches = clock.now, keras.callbacks.LambdaCallback(on_train_batch_begin=clock.on_batch)
    softmax_model.fit(*batch, epochs=20, batch_size=1, verbose=0, callbacks=[batches, curve])
    assert clock.drawn[0] - start < 1, "the first point comes early, however dear it is"
    gaps = np.diff(clock.drawn)
    assert pause - 1e-6 <= gaps.min() and gaps.max() < pause + 0.5
    assert len(clock.drawn) >= 16 / (pause + 0.5)


@pytest.fixture
def playground(softmax_model, batch):
    def train(epochs, callbacks):
        softmax_model.fit(*batch, epochs=epochs, validation_data=batch, verbose=0, callbacks=callbacks)

    return Playground(train, epochs=widgets.IntSlider(2, 1, 5))


@pytest.mark.trains
def test_playground_trains_with_the_sliders_value(playground):
    empty = playground.picture.value
    playground.controls.children[0].value = 3
    assert playground.picture.value == empty, "moving a slider alone does not train"
    playground.controls.manual_button.click()
    assert playground.last_line.value.startswith("this run: epoch 3/3")
    first = playground.picture.value
    assert first != empty
    playground.controls.manual_button.click()
    assert playground.picture.value != first
    assert not playground.controls.manual_button.disabled


def test_playground_shows_an_error_and_stays_usable(caplog):
    def train(callbacks, rate):
        raise ValueError(f"rate {rate} is wrong")

    broken = Playground(train, rate=widgets.IntSlider(2))
    broken.controls.manual_button.click()
    assert "rate 2 is wrong" in caplog.text  # in a kernel, below the button
    assert not broken.controls.manual_button.disabled


def test_playground_labels_and_stored_text(playground):
    assert playground.controls.children[0].description == "epochs"
    assert playground.controls.manual_button.description == "Train"
    assert "epochs" in repr(playground) and "object at" not in repr(playground)


@pytest.mark.parametrize("collects", [True, False])
def test_playground_leaves_garbage_collection_as_it_found_it(collects):
    seen = []
    playground = Playground(lambda callbacks, rate: seen.append(gc.isenabled()), rate=widgets.IntSlider(2))
    found = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        playground.controls.manual_button.click()
        assert seen == [False] and gc.isenabled() is collects
    finally:
        (gc.enable if found else gc.disable)()
