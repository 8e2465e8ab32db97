"""Measure one piece in a process of its own: ``python -m benchmarks.measure MODULE SEED FILE``."""

import importlib
import json
import os
import sys
from datetime import datetime
from pathlib import Path

module, seed, file = sys.argv[1:]
load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before: what else kept the machine busy
when = datetime.now().astimezone().isoformat(timespec="seconds")
result = importlib.import_module(f"benchmarks.{module}").measure(int(seed))
# Written under another name first: a file with the right name is a finished one.
unfinished = Path(file).with_suffix(".unfinished")
unfinished.write_text(json.dumps({"date": when, "load_before": load, **result}, indent=1) + "\n")
unfinished.replace(file)
