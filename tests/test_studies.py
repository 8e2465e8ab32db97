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
from distributed import LocalCluster

from rwlib.running import studies
from rwlib.running.studies import run_study

DIVISOR = 3


def squares(number, fails_at=-1):
    if number == fails_at:
        raise ArithmeticError(f"cannot square {number}")
    return pd.DataFrame({"number": [number], "square": [number**2 / DIVISOR]})


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


@pytest.fixture(scope="module")
def address():
    """Of a cluster for all tests, since starting one takes seconds."""
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        yield cluster.scheduler_address


def test_a_study_is_the_table_of_all_pieces_in_order(tmp_path):
    table = run_study(squares, PIECES, tmp_path / "study", progress_bar=False)
    pd.testing.assert_frame_equal(table, EXPECTED)


def test_only_missing_pieces_are_computed_again(tmp_path, address):
    run_study(squares, PIECES, tmp_path, address=address, progress_bar=False)
    stored = sorted((tmp_path / "pieces").glob("*.json"))
    for path in stored[:3]:
        path.unlink()
    before = {path: path.stat().st_mtime_ns for path in stored[3:]}
    table = run_study(squares, PIECES, tmp_path, address=address, progress_bar=False)
    pd.testing.assert_frame_equal(table, EXPECTED)
    assert {path: path.stat().st_mtime_ns for path in stored[3:]} == before


def test_a_killed_worker_loses_nothing(tmp_path):
    pieces = [{"number": number, "folder": str(tmp_path)} for number in range(6)]
    table = run_study(slow_squares, pieces, tmp_path / "study", progress_bar=False)
    assert (tmp_path / "killed").exists()
    pd.testing.assert_frame_equal(table, EXPECTED)


def test_a_piece_that_fails_is_named_when_the_others_are_stored(tmp_path, address):
    pieces = [{"number": number, "fails_at": 4} for number in range(6)]
    with pytest.raises(RuntimeError, match=r"1 of 6 pieces failed.*\"number\": 4.*cannot square 4"):
        run_study(squares, pieces, tmp_path, address=address, progress_bar=False)
    assert len(list((tmp_path / "pieces").glob("*.json"))) == 5


def test_another_studys_folder_is_refused(tmp_path):
    (tmp_path / "study.json").write_text(json.dumps({"itself": "somebody.else"}))
    with pytest.raises(ValueError, match="holds another study, of somebody.else"):
        run_study(squares, PIECES, tmp_path, progress_bar=False)


def test_a_study_begun_when_a_global_was_another_is_refused(tmp_path, monkeypatch, address):
    run_study(squares, PIECES[:1], tmp_path, address=address, progress_bar=False)
    monkeypatch.setattr(sys.modules[__name__], "DIVISOR", 5)
    with pytest.raises(ValueError, match=r"begun with other code.*DIVISOR \(was 3, is 5\)"):
        run_study(squares, PIECES[:1], tmp_path, address=address, progress_bar=False)


def test_a_study_begun_with_another_version_of_a_package_is_refused(tmp_path, address):
    run_study(squares, PIECES[:1], tmp_path, address=address, progress_bar=False)
    begun = json.loads((tmp_path / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(begun | {"numpyro": "0.1"}))
    with pytest.raises(ValueError, match=r"numpyro \(was 0.1, is "):
        run_study(squares, PIECES[:1], tmp_path, address=address, progress_bar=False)


def test_a_study_may_grow(tmp_path, address):
    run_study(squares, PIECES[:2], tmp_path, address=address, progress_bar=False)
    table = run_study(squares, PIECES, tmp_path, address=address, progress_bar=False)
    pd.testing.assert_frame_equal(table, EXPECTED)


def test_a_worker_with_other_code_is_refused(tmp_path, monkeypatch, address):
    here = studies._identity(squares)
    monkeypatch.setattr(studies, "_identity", lambda work: here | {"jaxlib": "0.1"})
    with pytest.raises(RuntimeError, match=r"other code than the study was begun with: jaxlib \(was 0.1, "):
        run_study(squares, PIECES[:1], tmp_path, address=address, progress_bar=False)


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="not a study"):
        run_study(squares, PIECES, tmp_path, progress_bar=False)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "pieces is empty"),
        ([{"number": 1}, {"number": 1}], "Piece 1 is the same as piece 0"),
        ([{"nummer": 1}], "Piece 0 does not fit"),
    ],
)
def test_unsuitable_pieces_are_named(tmp_path, pieces, message):
    with pytest.raises(ValueError, match=message):
        run_study(squares, pieces, tmp_path, progress_bar=False)


SCRIPT = """
import time
import pandas as pd
import rwlib

def work(number):
    time.sleep(0.3)
    return pd.DataFrame({"number": [number]})

if __name__ == "__main__":
    rwlib.run_study(work, [{"number": number} for number in range(200)], "study", progress_bar=False)
"""


def test_ctrl_c_stops_a_study_and_its_processes_and_keeps_what_is_finished(tmp_path):
    # As in a terminal: what runs the tests in the background may have told all that it starts to ignore
    # Ctrl-C.
    in_a_terminal = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    (tmp_path / "script.py").write_text(in_a_terminal + SCRIPT)
    command = [sys.executable, "script.py"]
    study = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list(tmp_path.glob("study/pieces/*.json"))) < 2:
        assert study.poll() is None, study.stderr.read()
        time.sleep(0.05)
    processes = psutil.Process(study.pid).children(recursive=True)
    os.killpg(study.pid, signal.SIGINT)  # as a terminal does: to all of them at once
    said = study.communicate(timeout=60)[1]
    assert study.returncode == -signal.SIGINT
    assert said.count("KeyboardInterrupt") == 1, said  # only the process that was called answers
    assert not psutil.wait_procs(processes, timeout=10)[1]
    assert len(list(tmp_path.glob("study/pieces/*.json"))) >= 2


def test_a_script_without_its_guard_is_told_so(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.replace('__name__ == "__main__"', "True"))
    run = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert 'below the line `if __name__ == "__main__":`' in run.stderr.splitlines()[-1]


def test_an_address_where_nobody_answers_is_named(tmp_path, monkeypatch):
    import distributed

    def nobody(address, **settings):
        raise OSError("Timed out")

    monkeypatch.setattr(distributed, "Client", nobody)
    with pytest.raises(ConnectionError, match="No Dask scheduler answers at address 'tcp://127.0.0.1:1'"):
        run_study(squares, PIECES, tmp_path, address="tcp://127.0.0.1:1", progress_bar=False)


@pytest.mark.slow
def test_two_hundred_data_sets_survive_kills_of_a_worker_and_of_the_study_twice(tmp_path):
    def start(name):
        command = [
            sys.executable,
            Path(__file__).with_name("survival_study.py"),
            tmp_path / name,
            tmp_path / f"{name}.json",
        ]
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
        workers = [
            child
            for child in psutil.Process(study.pid).children(recursive=True)
            if "spawn_main" in " ".join(child.cmdline())
        ]
        workers[-1].kill()
        wait_for(n + 2, study)
        study.kill()
        study.wait()
        assert n_stored() < 10
    for name in ("disturbed", "undisturbed"):
        assert start(name).wait() == 0
    disturbed, undisturbed = (
        pd.read_json(tmp_path / f"{name}.json") for name in ("disturbed", "undisturbed")
    )
    assert len(undisturbed) == 200
    pd.testing.assert_frame_equal(disturbed, undisturbed, check_exact=True)
