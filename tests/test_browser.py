"""A playground in JupyterLab in a real browser: it runs, a slider moves, Train redraws the curve."""

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

import nbformat
import pytest
from conftest import ROOT
from playwright.sync_api import expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NOTEBOOK = "12_noisy_labels.ipynb"

pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium on this machine; on Debian: apt-get install chromium"
    ),
    pytest.mark.trains,
]


def playground_only(notebook):
    """The title, the set-up cells and the playground, as stored: what nbval runs is not run again."""
    title, *others = notebook.cells
    notebook.cells = [title] + [
        cell
        for cell in others
        if "setup" in cell.metadata.get("tags", []) or re.search(r"^Playground\(", cell.source, re.MULTILINE)
    ]
    return notebook


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on a notebook's playground, every cell of which is rendered."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.read(ROOT / "notebooks" / NOTEBOOK, as_version=4)
    nbformat.write(playground_only(notebook), folder / NOTEBOOK)
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
        yield f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}"
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


def test_playground_in_jupyterlab(lab, page, tmp_path):
    page.goto(lab)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells.first).to_be_visible(timeout=60_000)
    # not the notebook's own indicator: that one says idle before the kernel is connected
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    assert "not found" not in page.locator(".jp-Notebook").inner_text(), "stored output needs a kernel"

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last_prompt = cells.last.locator(".jp-InputPrompt")
    expect(last_prompt).to_have_text(f"[{cells.count()}]:", timeout=240_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0

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
