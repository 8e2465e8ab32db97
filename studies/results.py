"""What a long study leaves behind: a table that pages read, and beside it what made the table.

A script of a study, ``studies/<name>.py``, says what the study is, under the name ``STUDY``, and takes it::

    from studies import results

    def piece(n_trials: int, seed: int) -> pd.DataFrame:
        ...  # what is returned is what is stored, row for row and column for column

    STUDY = results.Study(
        "recovery",                                      # the name of the script
        piece,
        [dict(n_trials=t, seed=1000 + t) for t in (50, 100, 200)],
        settings=dict(n_datasets=N_DATASETS),            # what pages want to say about the study
        renewal=(0,),                                    # pieces that `python -m studies.renew` runs again
    )

    if __name__ == "__main__":
        table = results.take(STUDY)                      # runs what is missing, stores the result, returns its table
        print(...)

It leaves ``studies/<name>.csv``, the tables of all pieces in their order with six digits of each number, and
``studies/<name>.json``, which says of it: ``command``, ``date``, ``machine``, ``versions``, ``minutes`` (of all pieces
together, each on one core), ``settings``, ``pieces`` (of each its ``settings``, ``rows`` and ``minutes``) and
``fingerprint``. ``tests/test_stored_results.py`` fails once the fingerprint is not that of the code any more.

A piece must therefore take everything from its settings, from globals and from rwlib, and nothing from files. Pages
read both files as they read any other table and JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd


class Study(NamedTuple):
    """What is run and stored.

    ``work`` and ``pieces`` are as for :func:`rwlib.run_study`, but ``work`` returns what is to be stored. ``settings`` is
    for readers: it is written into the file beside the table. ``renewal`` are the places of those pieces that together run
    all code of the study: the ones that are run again before a stored result is declared to be that of changed code.
    """

    name: str
    work: Callable[..., pd.DataFrame]
    pieces: Sequence[Mapping[str, object]]
    settings: Mapping[str, object] = {}
    renewal: tuple[int, ...] = (0,)


def table_path(name: str) -> Path: ...


def about_path(name: str) -> Path: ...


def take(study: Study) -> pd.DataFrame: ...
