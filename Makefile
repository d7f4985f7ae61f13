# lab and test are the two commands; the others are for whoever changes a notebook.
PYTHON ?= python3
SEEDS ?= 20
BIN := .venv/bin

.PHONY: lab test notebooks evidence vitals clinic benchmark classroom

lab: .venv/installed
	$(BIN)/jupyter lab --allow-root --notebook-dir=notebooks

test: .venv/installed
	$(BIN)/python -m pytest

notebooks: .venv/installed
	$(BIN)/python tools/execute.py

evidence: .venv/installed
	$(BIN)/python tools/evidence.py $(SEEDS)

vitals: .venv/installed
	$(BIN)/python tools/vitals.py $(SEEDS)

clinic: .venv/installed
	$(BIN)/python tools/clinic.py 100

benchmark: .venv/installed
	$(BIN)/python tools/benchmark.py

classroom: .venv/installed
	$(BIN)/python tools/classroom.py

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v < (3, 14) else f"Stalled CNNs needs Python 3.10 to 3.13, but $(PYTHON) is {v[0]}.{v[1]}: choose another with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@# without this, JupyterLab asks at its first start whether it may fetch news
	@$(BIN)/jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements >/dev/null 2>&1
	@touch $@
