"""Where warnings point: at the user's line, or at one of rwlib's own."""

import ast
import subprocess
import sys


def warned_lines(functions, set_up):
    """For each of these functions of the code ``set_up``, file and line of every warning that a call gives.

    Lines are counted from that of its ``def``. The code runs in a process of its own, since the types that
    the tests check put calls of their own in between.
    """
    code = f"""
import warnings
{set_up}
for call in {functions}:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    print([(each.filename, each.lineno - call.__code__.co_firstlineno) for each in caught])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return [ast.literal_eval(line) for line in said.splitlines()]
