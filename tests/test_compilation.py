import os
import subprocess
import sys

import pytest

from rwlib.running.compilation import _drop_oldest

# The user's cache is a folder of the test.
START = """
import sys, threading
from pathlib import Path
import jax, jax.numpy as jnp
import rwlib.running.compilation
from rwlib import keep_compiled_programs

rwlib.running.compilation.user_cache_path = lambda name: Path(sys.argv[1]) / name
compiled = []
jax.monitoring.register_event_listener(lambda event, **_: compiled.append(event))

def program(name):  # each name is a program of its own
    def function(x):
        return x + 1
    function.__name__ = name
    return jax.jit(function)(jnp.zeros(3))

x = jnp.zeros(3)
"""


def run(script, folder, **environment):
    cleared = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    command = [sys.executable, "-c", START + script, str(folder)]
    done = subprocess.run(command, env=cleared | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def kept(folder):
    """Names of the programs that lie in a folder."""
    return {path.name.split("-")[0] for path in folder.rglob("*-cache")}


def test_only_what_is_compiled_in_the_block_is_kept(tmp_path):
    script = """
program("before")
with keep_compiled_programs():
    program("inside")
    thread = threading.Thread(target=program, args=["in_a_thread"])
    thread.start(), thread.join()
program("after")
"""
    run(script, tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    assert {"jit_inside", "jit_in_a_thread"} <= kept(tmp_path)
    assert not {"jit_before", "jit_after"} & kept(tmp_path)


def test_small_programs_are_kept_and_found_by_another_process(tmp_path):
    script = """
with keep_compiled_programs():
    program("small")
print("found" if "/jax/compilation_cache/cache_hits" in compiled else "not found")
"""
    assert run(script, tmp_path).strip() == "not found"
    assert "jit_small" in kept(tmp_path)
    assert run(script, tmp_path).strip() == "found"


def test_where_blocks_overlap_the_last_to_be_left_ends_it(tmp_path):
    script = """
first, second = keep_compiled_programs(), keep_compiled_programs()
first.__enter__(), second.__enter__()
first.__exit__(None, None, None)
program("between")
second.__exit__(None, None, None)
program("after")
assert jax.config.jax_compilation_cache_dir is None
"""
    run(script, tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0")
    assert "jit_between" in kept(tmp_path) and "jit_after" not in kept(tmp_path)


@pytest.mark.parametrize("how", ["environment", "setting"])
def test_a_folder_of_the_users_own_is_used(tmp_path, how):
    theirs = tmp_path / "theirs"
    script = f"""
if {how == "setting"}:
    jax.config.update("jax_compilation_cache_dir", {str(theirs)!r})
with keep_compiled_programs():
    program("inside")
program("after")
"""
    environment = {"JAX_COMPILATION_CACHE_DIR": str(theirs)} if how == "environment" else {}
    run(script, tmp_path / "ours", **environment)
    assert "jit_inside" in kept(theirs)
    assert "jit_after" not in kept(theirs)  # JAX itself keeps no program that is so small
    assert not (tmp_path / "ours").exists()


def test_how_long_a_program_must_take_to_be_kept_is_the_users_decision(tmp_path):
    script = 'with keep_compiled_programs():\n    program("inside")'
    run(script, tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="1000")
    assert not kept(tmp_path)


def test_a_cache_that_the_user_switched_off_stays_off(tmp_path):
    script = 'with keep_compiled_programs():\n    program("inside")'
    run(script, tmp_path, JAX_ENABLE_COMPILATION_CACHE="false")
    assert not kept(tmp_path)


def test_what_was_compiled_before_is_not_compiled_again(tmp_path):
    script = """
function = jax.jit(lambda x: x + 1)
function(x)
requests = len(compiled)
with keep_compiled_programs():
    function(x)
function(x)
assert len(compiled) == requests
"""
    run(script, tmp_path)


def test_importing_rwlib_changes_no_setting_of_jax(tmp_path):
    script = "import jax; before = dict(jax.config.values); import rwlib; assert jax.config.values == before"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_the_oldest_programs_are_dropped_where_all_take_too_much_space(tmp_path):
    for age, name in enumerate(["new-cache", "old-cache", "oldest-cache"]):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    _drop_oldest(tmp_path, most_bytes=20)
    assert kept(tmp_path) == {"new", "old"}
