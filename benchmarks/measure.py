"""Measure one piece in a process of its own: ``python -m benchmarks.measure MODULE SEED FILE``."""

import importlib
import os
import sys
from datetime import datetime
from pathlib import Path

from benchmarks.pieces import write

module, seed, file = sys.argv[1:]
load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before: what else kept the machine busy
when = datetime.now().astimezone().isoformat(timespec="seconds")
result = importlib.import_module(f"benchmarks.{module}").measure(int(seed))
write(Path(file), {"date": when, "load_before": load, **result})
