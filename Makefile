# make book    execute every chapter and build the site
# make test    run all tests
# make test-slow  run the tests that take many minutes
# make lint    check how the code is laid out; `.venv/bin/ruff format` lays it out
# make lab     open the chapters as notebooks in Jupyter Lab
# make bench   time rwlib beside the plain ways and its peers; FRESH=1 forgets what was measured before
# make studies run the long studies that the book quotes, and store their results
# make serve   serve the built site on this machine
# make lock    renew requirements.txt from requirements.in
# make clean   remove everything that the targets made
#
# Each target sets up what it needs. Use another interpreter with PYTHON=, as in `make book PYTHON=python3.13`.

PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
BIN    := $(VENV)/bin
SITE   := _build/html/index.html

# The interpreter itself, not a link to it in an activated environment.
EXE     := $(shell $(PYTHON) -c 'import os, sys; print(os.path.realpath(sys.executable))')
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
READY   := $(VENV)/ready-for-python-$(VERSION)

# In Jupyter Lab: chapters open as notebooks, and nothing is fetched from the network.
LAB_SETTINGS := {"@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Jupytext Notebook", "myst": "Jupytext Notebook"}}, \
  "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}

.PHONY: help env book test test-slow lint lab bench studies serve lock clean

help:
	@sed -n 's/^# make/make/p' Makefile

env: $(READY)

# A `.venv` without this mark is unfinished or belongs to another Python: it is made anew.
$(READY): requirements.txt pyproject.toml
	@test -n "$(EXE)" || { echo "There is no $(PYTHON) on this machine. Choose another interpreter with PYTHON=."; exit 1; }
	@"$(EXE)" -c 'import sys; v = sys.version_info[:2]; ok = (3, 11) <= v <= (3, 13); \
	  sys.exit(None if ok else "This course needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is %d.%d. Choose one with PYTHON=." % v)'
	@if [ -e $@ ]; then echo "Updating $(VENV)"; \
	 else echo "Making $(VENV) with Python $(VERSION)"; rm -rf $(VENV); "$(EXE)" -m venv $(VENV); fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@echo '$(LAB_SETTINGS)' > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@

# Pages are always written afresh; only those whose code, library or pins changed are executed again.
book: env
	@rm -rf _build/html
	$(BIN)/jupyter-book build . -W --keep-going -n --all
	@$(BIN)/python -c 'import pathlib; print("\nThe book is ready. Open\n\n    " + pathlib.Path("$(SITE)").resolve().as_uri() + "\n")'

test: env
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check

test-slow: env
	$(BIN)/python -m pytest -m slow -s

lab: env
	$(BIN)/jupyter lab --notebook-dir=. $(if $(filter 0,$(shell id -u)),--allow-root) intro.md

bench: env
	@$(if $(FRESH),rm -rf _build/bench)
	@$(BIN)/python -m benchmarks

studies: env
	$(BIN)/python -m studies.calibration
	$(BIN)/python -m studies.confusion
	$(BIN)/python -m studies.recovery
	$(if $(CHOICES),$(BIN)/python -m studies.reversal $(CHOICES) $(PUBLISHED))

serve: env
	@test -e $(SITE) || $(MAKE) book
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lock:
	rm -rf _build/lock && "$(EXE)" -m venv _build/lock
	_build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	_build/lock/bin/uv pip compile --system-certs --universal --python-version 3.11 --upgrade --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" requirements.in -o requirements.txt

clean:
	rm -rf _build .venv .pytest_cache .hypothesis rwlib.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
