"""What a contestant is: how it is set up, what it is asked for, and what it hands back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import rwlib

#: The course's model, and the same where people's beta before the transform is moved, not its offset.
NON_CENTRED = rwlib.ASYMMETRIC
BETA_CENTRED = NON_CENTRED._replace(
    parameters=tuple(p._replace(centred=p.name == "beta") for p in NON_CENTRED.parameters)
)


class Settings(NamedTuple):
    """Everything that could favour one contestant. The numbers are those that its code uses."""

    num_warmup: int
    num_samples: int
    num_chains: int
    target_acceptance: float
    max_tree_depth: int
    precision: str
    start: str  # where chains begin
    parameterisation: str
    mass_matrix: str
    likelihood: str  # and how its gradient is made
    chains_share: str  # how chains share the processor
    compiling: str  # what is compiled before the clock of the draws starts
    kept_on_disk: str  # what a later process finds compiled
    limits: str  # what this contestant cannot do, or could do better elsewhere


class Draws(NamedTuple):
    """A posterior as every contestant hands it back, without its warm-up."""

    posterior: dict[str, np.ndarray]  # group parameters (chain, draw), people's (chain, draw, subject)
    diverging: np.ndarray  # (chain, draw)
    energy: np.ndarray  # (chain, draw)
    n_gradients: int  # in all kept draws of all chains
    n_gradients_warmup: int


class Contestant(NamedTuple):
    """One row of the tables, and the code behind it.

    ``prepare(data, settings, seed)`` compiles everything and returns a function without arguments that draws.
    """

    label: str
    packages: tuple[str, ...]  # needed beside the course's own, by their names on the package index
    settings: Settings
    prepare: Callable[[rwlib.ChoiceData, Settings, int], Callable[[], Draws]]
    num_seeds: dict[str, int]  # for each problem
    num_warm_seeds: dict[str, int]  # the first few of them also run where compiled programs are found on disk
    why_fewer_seeds: str  # empty where all problems have ten
