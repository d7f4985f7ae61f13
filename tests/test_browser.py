"""Widgets in JupyterLab in a real browser: a playground, and the panel of the clinic."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

from helpers.clinic import TESTS
from helpers.clinic.faults import plan

import nbformat
import pytest
from conftest import ROOT
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium on this machine; on Debian: apt-get install chromium"
    ),
    pytest.mark.trains,
]


def only(notebook, widget):
    """The title, set-up cells that train nothing, and the widget: what nbval runs is not run again."""
    title, *others = notebook.cells
    notebook.cells = [title] + [
        cell
        for cell in others
        if ("setup" in cell.metadata.get("tags", []) and "Case(" not in cell.source)
        or re.search(rf"^{widget}\(", cell.source, re.MULTILINE)
    ]
    return notebook


@pytest.fixture
def lab(request, tmp_path):
    """The address of a JupyterLab on a notebook's widget, every cell of which is rendered."""
    name, widget = request.param
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    nbformat.write(only(notebook, widget), folder / name)
    settings = tmp_path / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
         f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"],
        env=os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not answers(f"http://127.0.0.1:{port}/api?token={token}"):
            assert server.poll() is None and time.monotonic() < deadline, "JupyterLab did not start"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab/tree/{name}?token={token}"
    finally:
        server.terminate()
        server.wait(30)


def answers(address):
    try:
        return urlopen(address).status == 200
    except (URLError, ConnectionError):
        return False


@pytest.fixture
def page():
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser.new_page(viewport={"width": 1300, "height": 1000})
        browser.close()


def run_all(lab, page):
    """Open the notebook, run it, and return its code cells."""
    page.goto(lab)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells.first).to_be_visible(timeout=60_000)
    # not the notebook's own indicator: that one says idle before the kernel is connected
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    assert "not found" not in page.locator(".jp-Notebook").inner_text(), "stored output needs a kernel"
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(cells.last.locator(".jp-InputPrompt")).to_have_text(f"[{cells.count()}]:", timeout=240_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    return cells


@pytest.mark.parametrize("lab", [("12_noisy_labels.ipynb", "Playground")], indirect=True)
def test_playground_in_jupyterlab(lab, page, tmp_path):
    run_all(lab, page)
    playground = page.locator(".jp-CodeCell", has=page.get_by_role("button", name="Train"))
    slider = playground.locator(".widget-slider").first
    before = slider.locator(".widget-readout").inner_text()
    slider.locator(".noUi-handle").press("ArrowRight")
    expect(slider.locator(".widget-readout")).not_to_have_text(before)

    picture = playground.locator("img.widget-image")
    empty = picture.get_attribute("src")
    playground.get_by_role("button", name="Train").click()
    expect(picture).not_to_have_attribute("src", empty, timeout=30_000)
    expect(playground.get_by_text("this run: epoch 8/8")).to_be_visible(timeout=60_000)
    page.screenshot(path=tmp_path / "jupyterlab.png")


def below(upper, lower):
    """Whether a thing begins right below another, within a hand's breadth."""
    gap = lower.bounding_box()["y"] - upper.bounding_box()["y"] - upper.bounding_box()["height"]
    return 0 <= gap < 120


@pytest.mark.parametrize("lab", [("15_clinic.ipynb", "Clinic")], indirect=True)
def test_panel_of_the_clinic_in_jupyterlab(lab, page, tmp_path):
    """A case with two faults, from admission to recovery."""
    page.set_viewport_size({"width": 1300, "height": 2600})
    cell = run_all(lab, page).last

    def button(name):
        return cell.get_by_role("button", name=name, exact=True)

    cell.locator("input[type=number], .widget-text input").first.fill("2")
    cell.locator("input[type=number], .widget-text input").first.press("Enter")
    button("Admit").click()
    curves = cell.locator(".jp-RenderedImage img").first
    expect(curves).to_be_visible(timeout=60_000)
    assert below(button("Admit"), curves)

    for test, expected, told in (
        ("initial_loss", "I expect 1.6 because five kinds are guessed", "before training"),
        ("class counts", "I expect hundreds because the curves are smooth", "class counts: 2 points"),
    ):
        cell.locator("select").first.select_option(label=f"{test}  ({TESTS[test].points})")
        cell.get_by_placeholder("I expect … because …").fill(expected)
        cell.get_by_placeholder("I expect … because …").press("Tab")
        button("Order").click()
        result = cell.get_by_text(re.compile(told)).first
        expect(result).to_be_visible(timeout=30_000)
        assert below(button("Order"), result), "the newest result first"

    cell.locator("select[multiple]").select_option(["output and loss", "too little data"])
    button("Diagnose").click()
    expect(cell.get_by_text("Right. Diagnosis: 97 points")).to_be_visible()

    script = cell.locator(".stalled-code textarea")
    broken = script.input_value()
    script.fill(broken.replace("keras.Input", "keras.Inptu"))
    script.press("Tab")
    button("Treat").click()
    expect(cell.get_by_text("AttributeError").first).to_be_visible(timeout=30_000)
    assert "keras.Inptu((28, 28, 1))" in cell.locator(".jp-RenderedText").last.inner_text(), (
        "the line that raised"
    )

    script.fill(plan(2).treated.code())
    script.press("Tab")
    button("Treat").click()
    expect(cell.get_by_text("Recovered. Recovery: 100 points")).to_be_visible(timeout=60_000)
    assert below(button("Treat"), cell.get_by_text("mean recall of the kinds"))
    page.screenshot(path=tmp_path / "clinic.png", full_page=True)
