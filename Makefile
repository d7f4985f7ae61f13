# lab and test are the two commands; the others are for whoever changes a notebook.
PYTHON ?= python3
SEEDS ?= 20
BIN := .venv/bin
LOCK = $(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.10 --custom-compile-command 'make lock'

.PHONY: lab test quick notebooks evidence calibration vitals clinic checkup picture benchmark classroom lock platforms

lab: .venv/installed
	$(BIN)/jupyter lab --allow-root --notebook-dir=notebooks

test: .venv/tested
	$(BIN)/python -m pytest

quick: .venv/tested
	$(BIN)/python -m pytest -m "not trains"

notebooks: .venv/tested
	$(BIN)/python tools/execute.py

# of one notebook: make evidence ONLY=04_dying_relu; calibration leaves the judging seeds alone
evidence: .venv/tested
	$(BIN)/python tools/evidence.py $(ONLY)

calibration: .venv/tested
	$(BIN)/python tools/evidence.py --calibration $(ONLY)

vitals: .venv/tested
	$(BIN)/python tools/vitals.py $(SEEDS) $(ONLY)

checkup: .venv/tested
	$(BIN)/python tools/checkup.py

clinic: .venv/tested
	$(BIN)/python tools/clinic.py

picture: .venv/tested
	$(BIN)/python tools/picture.py

benchmark: .venv/tested
	$(BIN)/python tools/benchmark.py

classroom: .venv/tested
	$(BIN)/python tools/classroom.py

lock: .venv/tested
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) --group test --constraint requirements.txt --output-file tests/requirements.txt

platforms: .venv/tested
	$(BIN)/python tools/platforms.py

.venv/installed: requirements.txt pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v < (3, 14) else f"Stalled CNNs needs Python 3.10 to 3.13, but $(PYTHON) is {v[0]}.{v[1]}: choose another with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# without this, JupyterLab asks at its first start whether it may fetch news
	@$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements >/dev/null 2>&1
	@touch $@

.venv/tested: .venv/installed tests/requirements.txt
	$(BIN)/python -m pip install --quiet --requirement tests/requirements.txt
	@touch $@
