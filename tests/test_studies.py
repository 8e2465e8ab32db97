"""Studies with a cheap work function: what is kept, what is refused, what survives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from rwlib.studies import run_study


def squares(number, fails_at=-1):
    if number == fails_at:
        raise ArithmeticError(f"cannot square {number}")
    return pd.DataFrame({"number": [number], "square": [number**2 / 3]})


def slow_squares(number, folder):
    """The first worker that meets number 3 kills itself, as an administrator or the system might."""
    mark = os.path.join(folder, "killed")
    if number == 3 and not os.path.exists(mark):
        open(mark, "w").close()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return squares(number)


PIECES = [{"number": number} for number in range(6)]
EXPECTED = pd.concat([squares(**piece) for piece in PIECES], ignore_index=True)


def test_a_study_is_the_table_of_all_pieces_in_order(tmp_path):
    pd.testing.assert_frame_equal(run_study(squares, PIECES, tmp_path / "study", progress_bar=False), EXPECTED)


def test_only_missing_pieces_are_computed_again(tmp_path):
    run_study(squares, PIECES, tmp_path, progress_bar=False)
    stored = sorted((tmp_path / "pieces").glob("*.json"))
    for path in stored[:3]:
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in stored[3:]}
    pd.testing.assert_frame_equal(run_study(squares, PIECES, tmp_path, progress_bar=False), EXPECTED)
    assert {path: path.stat().st_mtime_ns for path in stored[3:]} == before


def test_a_killed_worker_loses_nothing(tmp_path):
    pieces = [{"number": number, "folder": str(tmp_path)} for number in range(6)]
    table = run_study(slow_squares, pieces, tmp_path / "study", progress_bar=False)
    assert (tmp_path / "killed").exists()
    pd.testing.assert_frame_equal(table, EXPECTED)


def test_a_piece_that_fails_is_named_when_the_others_are_stored(tmp_path):
    pieces = [{"number": number, "fails_at": 4} for number in range(6)]
    with pytest.raises(RuntimeError, match=r"1 of 6 pieces failed.*\"number\": 4.*cannot square 4"):
        run_study(squares, pieces, tmp_path, progress_bar=False)
    assert len(list((tmp_path / "pieces").glob("*.json"))) == 5


def test_another_studys_folder_is_refused(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"work": "somebody.else", "pieces": {}}))
    with pytest.raises(ValueError, match="holds another study"):
        run_study(squares, PIECES, tmp_path, progress_bar=False)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="not a study"):
        run_study(squares, PIECES, tmp_path, progress_bar=False)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [([], "pieces is empty"), ([{"number": 1}, {"number": 1}], "Piece 1 is the same as piece 0"), ([{"nummer": 1}], "Piece 0 does not fit")],
)
def test_unsuitable_pieces_are_named(tmp_path, pieces, message):
    with pytest.raises(ValueError, match=message):
        run_study(squares, pieces, tmp_path, progress_bar=False)


@pytest.mark.slow
def test_two_hundred_data_sets_survive_kills_of_a_worker_and_of_the_study_twice(tmp_path):
    def start(name):
        command = [sys.executable, Path(__file__).with_name("survival_study.py"), tmp_path / name, tmp_path / f"{name}.json"]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def n_stored():
        return len(list((tmp_path / "disturbed" / "pieces").glob("*.json")))

    def wait_for(n, study):
        while n_stored() < n:
            assert study.poll() is None, "the study ended before it could be killed"
            time.sleep(0.05)

    for n in (1, 5):
        study = start("disturbed")
        wait_for(n, study)
        workers = [child for child in psutil.Process(study.pid).children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
        workers[-1].kill()
        wait_for(n + 2, study)
        study.kill()
        study.wait()
        assert n_stored() < 10
    for name in ("disturbed", "undisturbed"):
        assert start(name).wait() == 0
    disturbed, undisturbed = (pd.read_json(tmp_path / f"{name}.json") for name in ("disturbed", "undisturbed"))
    assert len(undisturbed) == 200
    pd.testing.assert_frame_equal(disturbed, undisturbed, check_exact=True)
