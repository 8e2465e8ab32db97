#!/bin/sh
# Open the notebooks on a Mac or on Linux: type `bash start.sh`.
cd "$(dirname "$0")" || exit 1
exec .venv/bin/python -m jupyterlab --notebook-dir=notebooks
