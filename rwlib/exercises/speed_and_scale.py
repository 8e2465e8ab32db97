"""Chapter 16: long work that remembers what it has done."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.exercises.answers import call, checker, demand, error_words, in_words

__all__ = ["check_remember"]


@checker
def check_remember(remember):
    """Check ``remember(work, pieces, folder)``, in a folder that is deleted afterwards.

    Parameters
    ----------
    remember : callable
        Does one piece after the other by ``work(**piece)``, keeps each result in a file named after its
        settings, and returns all results as one table.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.exercises import check_remember
    >>> check_remember(lambda work, pieces, folder: pd.concat([work(**piece) for piece in pieces]))
    Not yet: nothing is in the folder after all pieces are done: store each result in a file.
    """
    done = []

    def work(n, seed):
        done.append((n, seed))
        return pd.DataFrame({"n": [n], "seed": [seed], "mean": [n + seed / 8]})

    def fails_on_third(n, seed):
        if len(done) == 2:
            done.append((n, seed))
            raise RuntimeError("the power went out")
        return work(n, seed)

    pieces = [{"n": 10 * seed, "seed": seed} for seed in (1, 2, 3)]

    def answer(work, pieces, folder):
        table = call(remember, work, pieces, folder)
        demand(isinstance(table, pd.DataFrame), f"it returns {in_words(table)}, and it should be one table")
        demand(
            "mean" in table and len(table) == len(pieces),
            f"the table has {len(table)} rows for {len(pieces)} pieces",
        )
        wanted = [piece["n"] + piece["seed"] / 8 for piece in pieces]
        demand(
            np.allclose(table["mean"].astype(float), wanted),
            f"the results are {table['mean'].tolist()} for {in_words(pieces)}, and they should be {wanted}: "
            "which file belongs to which piece?",
        )

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "results"
        answer(work, pieces, folder)
        stored = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
        demand(stored, "nothing is in the folder after all pieces are done: store each result in a file")
        demand(len(done) == 3, f"three pieces are worked on {len(done)} times in the first call")
        answer(work, pieces, folder)
        demand(
            len(done) == 3,
            "called again, it works on pieces whose results are stored: look for the file first",
        )
        answer(work, [*pieces[::-1], {"n": 40, "seed": 1}], folder)
        demand(
            len(done) == 4,
            f"with the pieces in another order and a new one, it works on {len(done) - 3} pieces, and it "
            "should be the new one alone: name the file after all settings of its piece, not after its place",
        )
        answer(work, [{"seed": 2, "n": 20}], folder)
        demand(
            len(done) == 4,
            "the settings of a piece in another order, seed before n, are taken for another piece: sort the "
            "keys",
        )
    done.clear()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "results"
        try:
            remember(fails_on_third, pieces, folder)
        except RuntimeError:
            pass
        except Exception as error:
            demand(False, f"an error in work comes out as {error_words(error)}: let it through")
        else:
            demand(False, "an error in work is swallowed, so that a piece is missing: let it through")
        answer(work, pieces, folder)
        demand(
            len(done) == 4,
            f"work fails on its third call, and when called again {len(done) - 3} pieces are worked on; it "
            "should be the third alone: store each result as soon as it is there",
        )
    return "no piece is worked on twice, whatever happens"
