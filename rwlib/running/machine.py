"""What the machine grants, and what its user wants to see."""

import os

__all__ = ["n_cores", "shows_progress"]


def n_cores() -> int:
    """Cores that this process may use: a container or a cluster may grant fewer than there are.

    Examples
    --------
    >>> from rwlib.running.machine import n_cores
    >>> n_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shows_progress(wanted: bool | None) -> bool:
    """Whether to show a progress bar: as wanted, or else unless ``RWLIB_PROGRESS_BAR`` is 0.

    Examples
    --------
    >>> from rwlib.running.machine import shows_progress
    >>> shows_progress(False)
    False
    """
    return os.environ.get("RWLIB_PROGRESS_BAR", "1") != "0" if wanted is None else wanted
