"""One module for each way to fit the same model to the same data. To add one, write it and name it here."""

from benchmarks.contestants.numpyro_nuts import NUMPYRO, NUMPYRO_BETA_CENTRED
from benchmarks.contestants.pymc_nutpie import PYMC_NUTPIE
from benchmarks.contestants.rwlib_fit import RWLIB
from benchmarks.contestants.stan import STAN
from benchmarks.contestants.tutorial import TUTORIAL

CONTESTANTS = {
    "rwlib": RWLIB,
    "numpyro": NUMPYRO,
    "numpyro_beta_centred": NUMPYRO_BETA_CENTRED,
    "tutorial": TUTORIAL,
    "stan": STAN,
    "pymc_nutpie": PYMC_NUTPIE,
}
