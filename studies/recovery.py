"""How well parameters come back over a grid of designs. The slow study of chapter 10.

    python -m studies.recovery         what is missing is run; about fifteen minutes on two cores

Pieces are kept in ``_build/studies/recovery``, so an interrupted run goes on where it was. When all are there, the table
is written to ``studies/recovery.csv``.
"""

from pathlib import Path

import rwlib

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "_build" / "studies" / "recovery"
RESULT = ROOT / "studies" / "recovery.csv"

GRID = [dict(n_subjects=n, n_trials=t, beta=b) for n in (20, 40) for t in (50, 100, 200) for b in (1.0, 3.0, 6.0)]
PIECES = [dict(design, n_datasets=10, seed=1000 + 10 * i) for i, design in enumerate(GRID)]


if __name__ == "__main__":
    table = rwlib.run_study(rwlib.recover_parameters, PIECES, FOLDER)
    table.round(4).to_csv(RESULT, index=False)
    print(table.pivot_table("rmse", ["n_subjects", "n_trials", "beta"], "parameter").round(2))
