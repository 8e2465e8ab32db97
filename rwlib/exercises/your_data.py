"""Chapter 14: files, one a person, and tables that are damaged."""

import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.reading import read_choices
from rwlib.exercises.answers import call, checker, demand, error_words, in_words

__all__ = ["check_damage", "check_write_by_person"]


@checker
def check_write_by_person(write_by_person):
    """Check ``write_by_person(table, folder)``, in a folder that is deleted afterwards.

    Parameters
    ----------
    write_by_person : callable
        Writes one CSV file for each person, named after them, without the column subject, and returns the
        pattern that stands for all files.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_write_by_person
    >>> check_write_by_person(lambda table, folder: folder / "*.csv")
    Not yet: the number of files in the folder that end in .csv is 0, and it should be 11, one a person.
    """
    table = _table()
    whole = read_choices(table, block="block")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pattern = call(write_by_person, table, folder)
        files = sorted(folder.glob("*.csv"))
        demand(
            len(files) == 11,
            f"the number of files in the folder that end in .csv is {len(files)}, and it should be 11, one a "
            "person",
        )
        columns = pd.read_csv(files[0]).columns
        demand("subject" not in columns, f"{files[0].name} has the column subject; its name says who it is")
        for column in ("block", "trial", "choice", "reward"):
            demand(column in columns, f"{files[0].name} has no column {column}; leave out subject alone")
        read = call(
            read_choices, pattern, subject="file", block="block", words="rwlib.read_choices of the pattern"
        )
    people = [int("".join(re.findall(r"\d+", str(label))[-1:]) or -1) for label in read.subjects]
    for label, person, choices in zip(read.subjects, people, read.choices):
        demand(
            person in whole.subjects,
            f"the file {label}.csv does not say whose it is: name it after the person's label",
        )
        demand(
            np.array_equal(choices, whole.choices[person]),
            f"the file {label}.csv holds other choices than those of person {person}",
        )
    demand(
        people == sorted(people),
        f"files are read in the order of their names, and people come as {', '.join(map(str, people))}: "
        "write 02 and not 2",
    )
    return "read in one call, the files are the table"


@checker
def check_damage(noticed, unnoticed):
    """Check ``noticed(table)`` and ``unnoticed(table)``.

    Parameters
    ----------
    noticed, unnoticed : callable
        Return a damaged copy of a table with the columns subject, block, trial, choice and reward. The reader
        refuses or warns of the first, and reads the second, which holds other data, without a word.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_damage
    >>> check_damage(lambda table: table.copy(), lambda table: table)
    Not yet: the reader takes the table of noticed without a word: damage it in another way.
    """
    table = _table()
    whole = read_choices(table, block="block")

    def damaged(function, name):
        given = table.copy()
        returned = call(function, given)
        demand(given.equals(table), f"{name} changes the table that it is given: damage a copy")
        demand(
            isinstance(returned, pd.DataFrame),
            f"{name} returns {in_words(returned)}, and it should be a table",
        )
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                return read_choices(returned, block="block"), " ".join(str(each.message) for each in warned)
        except ValueError as error:
            return None, error_words(error)

    _, said = damaged(noticed, "noticed")
    demand(said, "the reader takes the table of noticed without a word: damage it in another way")
    read, said = damaged(unnoticed, "unnoticed")
    demand(not said, f"the reader notices the damage of unnoticed and says {said}")
    same = _by_person(read) == _by_person(whole)
    demand(not same, "the table of unnoticed is read as the same data: nothing that counts is damaged")
    return "one kind of damage is noticed, and the other reaches your fit"


def _by_person(data):
    """What a fit uses, whatever the order of people in the file."""
    rows = zip(data.subjects, data.choices.tolist(), data.rewards.tolist())
    return {subject: of_person for subject, *of_person in rows}


def _table():
    """Eleven people, two blocks of twelve trials."""
    rng = np.random.default_rng(14)
    subject, block, trial = np.indices((11, 2, 12)).reshape(3, -1)
    return pd.DataFrame(
        {
            "subject": subject,
            "block": block,
            "trial": 12 * block + trial,
            "choice": rng.integers(0, 2, subject.size),
            "reward": rng.integers(0, 2, subject.size).astype(float),
        }
    )
