"""How often a fit with default settings passes `check`, and whether it then agrees with a long run; for the
page *Reading a fit*.

    python -m studies.default_fits      what is missing is run

Four data sets are made once and fitted again and again with other seeds of the sampler. No fit is run twice.
Each data set is fitted once more with 20 times the draws, after a longer warm-up: the reference that
group posteriors are compared with.
"""

import arviz_stats
import jax
import numpy as np
import pandas as pd

import rwlib
from rwlib.fitting.inference import fit_many
from studies import results

#: Of each: people, trials, the arms' probabilities, the two outcomes, and how many seeds.
DESIGNS = {
    "five arms": (40, 200, rwlib.FIVE_ARMS, (0.0, 1.0), 50),
    "two arms": (20, 100, (0.3, 0.7), (0.0, 1.0), 20),
    "ten people": (10, 60, (0.3, 0.7), (0.0, 1.0), 20),
    "gains and losses": (20, 100, (0.3, 0.7), (-1.0, 1.0), 20),
}
MODELS = {(0.0, 1.0): rwlib.ASYMMETRIC, (-1.0, 1.0): rwlib.ASYMMETRIC._replace(fixed={"q0": 0.0})}
SEEDS_OF_A_PIECE = 5
REFERENCE = 20  # times the default number of draws
GROUP = [f"{p.name}_group_{of}" for p in rwlib.ASYMMETRIC.parameters for of in ("mean", "sd")]


def data_of(design: str) -> rwlib.ChoiceData:
    """The data of chapter 8, and others made in the same way."""
    n_subjects, n_trials, reward_probs, (low, high), _ = DESIGNS[design]
    rng = np.random.default_rng(52)
    params = {name: rng.beta(5, 5, size=n_subjects) for name in ("alpha_pos", "alpha_neg", "temperature")}
    params["q0"] = np.full(n_subjects, (low + high) / 2)
    won = np.asarray(rwlib.bernoulli_outcomes(jax.random.key(5), reward_probs, n_trials))
    return rwlib.simulate(jax.random.key(59), low + (high - low) * won, params).data


def piece(design: str, first_seed: int, times: int) -> pd.DataFrame:
    """A row for each fit and each mean and SD of the group, of five seeds or, with ``times`` more draws, one.
    (A worker of the study has one core: hence one thread.)"""
    data, model = data_of(design), MODELS[DESIGNS[design][3]]
    n_seeds = SEEDS_OF_A_PIECE if times == 1 else 1
    rows = []
    for seed in range(first_seed, first_seed + n_seeds):
        draws = dict(num_warmup=300 if times == 1 else 1000, num_samples=1000 * times)
        (fit,) = fit_many([data], model, seeds=[seed], warn=False, num_threads=1, **draws)
        report = rwlib.check(fit)
        of_group = fit["posterior"].to_dataset()[GROUP]
        table = {
            "design": design,
            "times": times,
            "seed": seed,
            "parameter": GROUP,
            "mean": [float(of_group[name].mean()) for name in GROUP],
            "sd": [float(of_group[name].std()) for name in GROUP],
            "error": [float(arviz_stats.mcse(of_group[[name]])[name]) for name in GROUP],
            "passes": bool(report),
            **{name: report.worst[name] for name in ("r_hat", "ess_bulk", "ess_tail", "divergences")},
        }
        rows.append(pd.DataFrame(table))
    return pd.concat(rows, ignore_index=True)


PIECES = [dict(design=design, first_seed=1000, times=REFERENCE) for design in DESIGNS] + [
    dict(design=design, first_seed=seed, times=1)
    for design, (*_, n_seeds) in DESIGNS.items()
    for seed in range(0, n_seeds, SEEDS_OF_A_PIECE)
]
STUDY = results.Study(
    "default_fits",
    piece,
    PIECES,
    settings=dict(designs=DESIGNS, reference=REFERENCE),
    # Of each design: code, steps and the places for jumps depend on the number of people, or starts differ.
    renewal=tuple(PIECES.index(dict(design=name, first_seed=0, times=1)) for name in DESIGNS),
)


if __name__ == "__main__":
    table = results.take(STUDY)
    fits = table.drop_duplicates(["design", "times", "seed"])
    print(fits.groupby(["design", "times"], sort=False)["passes"].agg(["sum", "size"]).to_string())
