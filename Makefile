# make book    execute every chapter and build the site
# make test    run all tests but the slow ones, or those that TESTS= names; those of the site need `make book` first
# make test-slow  run the tests that take many minutes
# make test-pythons  run `make test` on each Python of 3.11 to 3.13 that this machine has, or of those that PYTHONS= names
# make newest  try the newest version of every package, in a copy of the tree; ALL=1 lifts the bounds in requirements.in
# make lint    check layout, types and spelling; `.venv/bin/ruff format` lays the code out
# make types   check that names, arguments and results fit together, without running the code
# make spelling  look for slips in text and code, and look up the words of the pages
# make lab     open the chapters as notebooks in Jupyter Lab
# make bench   time rwlib beside the plain ways and its peers; FRESH=1 forgets what was measured before
# make studies run the long studies that the book quotes, and store their results
# make pdf     print the book, to _build/print; a Chromium must be there
# make epub    the book for a reading device, in the same way
# make notebooks  the pages as notebooks, for learners and for instructors, to _build/notebooks
# make wheel   rwlib as a package, to _build/dist
# make workshop  one zip to set up laptops without a network; PLATFORMS="linux windows macos-arm" PYTHONS="3.12 3.13"
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

.PHONY: help env book test test-slow test-pythons lint types spelling lab bench studies pdf epub notebooks wheel workshop serve lock newest clean

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
	@rm -rf _build/html _build/notebooks
	$(BIN)/jupyter-book build . -W --keep-going -n --all
	@$(BIN)/python -c 'import pathlib; print("\nThe book is ready. Open\n\n    " + pathlib.Path("$(SITE)").resolve().as_uri() + "\n")'

# A file's tests stay in one process, for what they share; at most four processes, for the memory they take.
test: env
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --durations=15 $(TESTS)

lint: types spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env
	$(BIN)/pyrefly check --summary=none --python-interpreter-path $(BIN)/python

spelling: env
	$(BIN)/typos
	@if $(BIN)/python -c 'import hunspell' 2>/dev/null; then $(BIN)/python -m tools.spelling; \
	 else echo "chunspell has no wheel for this platform, so no word is looked up."; fi

# The wheel takes seconds, so it is made anew. Notebooks and zip take long: without them, their tests are skipped.
test-slow: env wheel
	@test -d _build/notebooks/learner || \
	  echo "Skipped: running learners' notebooks. There are none; make them with \`make notebooks\`."
	@ls _build/workshop/*.zip >/dev/null 2>&1 || \
	  echo "Skipped: installing a workshop's zip. There is none; make it with \`make workshop\`."
	$(BIN)/python -m pytest -m slow -s

# Each has an environment of its own. pyenv puts a stand-in on the path, which fails for a Python that is not switched
# on. So pyenv's folder is looked into as well: the one that it names, and the one that its program lies in, which may
# differ where HOME is another one.
test-pythons:
	@failed=; pyenv=$$(readlink -f "$$(command -v pyenv)" 2>/dev/null); \
	for version in $(or $(PYTHONS),3.11 3.12 3.13); do \
	  python=; \
	  for candidate in python$$version "$$PYENV_ROOT"/versions/$$version.*/bin/python \
	    "$$(pyenv root 2>/dev/null)"/versions/$$version.*/bin/python "$${pyenv%/*}"/../versions/$$version.*/bin/python; do \
	    if "$$candidate" -c '' 2>/dev/null; then python=$$candidate; break; fi; \
	  done; \
	  if [ -n "$$python" ]; then \
	    echo "Python $$version: $$python"; \
	    $(MAKE) test PYTHON="$$python" VENV=_build/venv-$$version || failed="$$failed $$version"; \
	  else echo "Python $$version is not on this machine"; fi; \
	done; test -z "$$failed" || { echo "Tests failed on Python$$failed"; exit 1; }

lab: env
	$(BIN)/jupyter lab --notebook-dir=. $(if $(filter 0,$(shell id -u)),--allow-root) intro.md

bench: env
	@$(if $(FRESH),rm -rf _build/bench)
	@$(BIN)/python -m benchmarks

studies: env
	$(BIN)/python -m studies.calibration
	$(BIN)/python -m studies.confusion
	$(BIN)/python -m studies.default_fits
	$(BIN)/python -m studies.differences
	$(BIN)/python -m studies.leave_out_people
	$(BIN)/python -m studies.recovery
	$(if $(CHOICES),$(BIN)/python -m studies.reversal $(CHOICES) $(PUBLISHED))

# From the site as it is built, and without a network.
pdf epub: book
	$(BIN)/python -m tools.print_book $@

# They are written along with the site, whose download button offers them.
notebooks: book
	@echo "The notebooks are in _build/notebooks/learner and _build/notebooks/instructor."

wheel: env
	@rm -rf _build/dist
	$(BIN)/python -m uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir _build/dist

workshop: notebooks wheel
	@$(BIN)/python -m tools.workshop --platforms "$(PLATFORMS)" --pythons "$(PYTHONS)"

serve: env
	@test -e $(SITE) || $(MAKE) book
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

# The doctor knows the course's file by its first line.
PINS_HEADER := \# Made by `make lock` from requirements.in. Do not edit by hand.

lock:
	rm -rf _build/lock && "$(EXE)" -m venv _build/lock
	_build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	_build/lock/bin/uv pip compile --system-certs --universal --python-version 3.11 --upgrade --no-emit-index-url --no-emit-find-links \
	  --no-header requirements.in -o _build/lock/requirements.txt
	@{ echo '$(PINS_HEADER)'; cat _build/lock/requirements.txt; } > requirements.txt

newest: env
	@$(BIN)/python -m tools.newest $(if $(ALL),--all)

clean:
	rm -rf _build build .venv .pytest_cache .ruff_cache .hypothesis rwlib.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
