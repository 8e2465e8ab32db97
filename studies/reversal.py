"""Real people in a reversal task: all models fitted, checked, and held against behaviour.

    python -m studies.reversal CHOICES.csv [PUBLISHED.csv]        what is missing is run

If PUBLISHED is not given, it is ``published_estimates.csv`` beside CHOICES.

CHOICES has one row for each trial, with the columns ``subject``, ``trial``, ``choice`` (0 to 2),
``outcome`` (0 or 1) and ``correct``, the arm that is best on this trial. PUBLISHED has the authors' own
estimates, one row for each person whom they kept, with the columns ``subject``, ``beta``, ``eta_p`` (our
α⁺) and ``eta_n`` (our α⁻); only these people are fitted. Neither file is part of the course. The stored
result is that of the files with the fingerprints below, whose source is Zorowitz, S., Solis, J., Niv, Y., &
Bennett, D. (2023). Inattentive responding can induce spurious associations between task behaviour and
symptom measures. *Nature Human Behaviour*. https://doi.org/10.1038/s41562-023-01640-7

The rule on failed fits was stated before any was run: one that `rwlib.check` refuses is run once more, with
another seed, twice the draws and smaller steps (`rwlib.fitting.inference.fit_and_check`). If it is refused
again, its rows stay in the table, "passes" is 0 among those of "check", and pages leave the model out.

The table is long: ``model``, ``what``, ``name``, ``statistic``, ``value``. Under ``what`` stand

- "check": verdict and diagnostics of the fit; ``name`` is "fit".
- "group": posterior of each group mean and group SD, before the transform: "mean", "sd", and quantiles
  "q05" to "q95".
- "published": our posterior means of people against the published ones, by parameter: "n", "r", "slope" (of
  ours on theirs), "bias" and "rmse". For the asymmetric model, which is theirs but for the group.
- "predicted": summaries of behaviour (`rwlib.checking.summaries`): observed, and predicted by agents that
  play the task again.
- "reversal": share of people who choose the best arm, on the trials after it has changed (``name``: 1 is
  the first).
- "loo": score of choices left out, over all people (``name`` is "all") and by person, for `compare_scores`.
- "draws": some draws of one person whose posterior has two modes; ``name`` is the number of the draw.
  Asymmetric model only.
"""

import hashlib
import os
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import pandas as pd

import rwlib
from rwlib.fitting.inference import fit_and_check
from rwlib.checking.comparison import compare_scores, scores_by_person
from studies import results

CHOICES = "4e8c696d90b4ab2222a75be477b7ec0453ab12bc8be4b5a2b1507bc756ba2f8e"  # SHA-256 of the files
PUBLISHED = "e476f01297f7b29c4cf6c7758676de6f690b33d0c1c050a527d24a9ff1969df8"

MODELS = {
    model.name: model
    for model in (
        rwlib.ASYMMETRIC,
        rwlib.RANDOM,
        rwlib.WIN_STAY_LOSE_SHIFT,
        rwlib.SYMMETRIC,
        rwlib.SYMMETRIC_STICKY,
        rwlib.ASYMMETRIC_STICKY,
        rwlib.SYMMETRIC_TRACE,
        rwlib.ASYMMETRIC_TRACE,
        # Does what is found of learning rates hang on where people start?
        rwlib.SYMMETRIC_TRACE._replace(name="symmetric, choice trace, from 0", fixed={"q0": 0.0}),
        rwlib.ASYMMETRIC_TRACE._replace(name="asymmetric, choice trace, from 0", fixed={"q0": 0.0}),
    )
}
N_ACTIONS = 3
OUR_NAMES = {"beta": "beta", "eta_p": "alpha_pos", "eta_n": "alpha_neg"}
TWO_MODES, N_KEPT = "p059", 400  # the person, and how many draws of theirs
N_PREDICTED = 200  # draws of the posterior with which people play again
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
AFTER = 15  # trials after a reversal that are looked at


# The files. Where they are is no setting of a piece, or this machine's folders would be stored with the
# result.


def sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def open_table(variable: str, expected: str) -> pd.DataFrame:
    """The table whose path an environment variable holds, if it is the one that is expected."""
    path = os.environ.get(variable)
    if path is None:
        raise ValueError(
            f"{variable} is not set. Give the files: python -m studies.reversal CHOICES.csv PUBLISHED.csv"
        )
    if sha256(path) != expected:
        raise ValueError(
            f"{path} is another file than that of this study: its SHA-256 is {sha256(path)}, not {expected}."
        )
    return pd.read_csv(path)


def read(choices: str, published: str | None) -> tuple[rwlib.ChoiceData, np.ndarray, pd.DataFrame | None]:
    """Choices, the best arm on each trial (n_subjects, n_trials), and the published estimates, if any."""
    table, estimates = open_table("REVERSAL_CHOICES", choices), None
    if published is not None:
        estimates = open_table("REVERSAL_PUBLISHED", published).set_index("subject").rename(columns=OUR_NAMES)
        unknown = set(estimates.index) - set(table["subject"])
        if unknown:
            raise ValueError(
                f"Published estimates are of {len(unknown)} people without choices, such as {min(unknown)!r}."
            )
        table = table[table["subject"].isin(estimates.index)]
    # A block ends where another arm becomes the best one. People play on, so it is no new run of theirs.
    table = table.drop(columns="block", errors="ignore")
    data = rwlib.read_choices(table, reward="outcome", n_actions=N_ACTIONS)
    best = table.pivot(index="subject", columns="trial", values="correct").loc[list(data.subjects)].to_numpy()
    if best.shape != data.choices.shape or not data.mask.all():
        raise ValueError(
            "Some people have fewer trials than others, or missed some; this study needs all of them."
        )
    return data, best, estimates


# What is kept of one fit: tables of what, name, statistic and value


def rows(what: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table with a row for each name and a column for each statistic, made long."""
    long = (
        table.astype(float)
        .rename_axis(index="name", columns="statistic")
        .stack()
        .rename("value")
        .reset_index()
    )
    return long.assign(what=what, name=long["name"].astype(str))


def of_group(fit) -> pd.DataFrame:
    posterior = fit["posterior"].to_dataset()
    groups = posterior[[name for name in posterior if str(name).endswith(("_group_mean", "_group_sd"))]]
    draws = groups.to_dataframe()
    quantiles = draws.quantile(list(QUANTILES)).T.set_axis([f"q{100 * q:02.0f}" for q in QUANTILES], axis=1)
    return pd.DataFrame({"mean": draws.mean(), "sd": draws.std()}).join(quantiles)


def against_published(fit, estimates: pd.DataFrame) -> pd.DataFrame:
    """By parameter, our posterior means beside the published ones."""
    found = {}
    for name in OUR_NAMES.values():
        ours = fit["posterior"][name].mean(("chain", "draw")).to_series().loc[estimates.index].to_numpy()
        theirs = estimates[name].to_numpy()
        slope = np.polyfit(theirs, ours, 1)[0]
        errors = {"bias": np.mean(ours - theirs), "rmse": np.sqrt(np.mean((ours - theirs) ** 2))}
        found[name] = {"n": len(ours), "r": np.corrcoef(theirs, ours)[0, 1], "slope": slope, **errors}
    return pd.DataFrame.from_dict(found, orient="index")


def trials_since_reversal(best: np.ndarray) -> np.ndarray:
    """1 on the first trial with another best arm, and so on; 0 before anything has changed."""
    since = np.zeros(best.shape, int)
    for trial in range(1, best.shape[1]):
        changed = best[:, trial] != best[:, trial - 1]
        since[:, trial] = np.where(changed, 1, np.where(since[:, trial - 1] > 0, since[:, trial - 1] + 1, 0))
    return since


def share_of_best(choices: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Share of the best arm among the choices (..., n_subjects, n_trials) on each trial after a reversal."""
    since, right = trials_since_reversal(best), choices == best
    return np.stack([right[..., since == k].mean(axis=-1) for k in range(1, AFTER + 1)], axis=-1)


def predicted(fit, model: rwlib.Model, data: rwlib.ChoiceData, best: np.ndarray, seed: int) -> pd.DataFrame:
    """Behaviour as observed, and as predicted by agents who play the same task again."""
    # The arms pay as often as they paid these people, where they were the best one and where not.
    was_best = np.asarray(data.choices) == best
    pays = np.where(
        np.arange(N_ACTIONS) == best[..., None], data.rewards[was_best].mean(), data.rewards[~was_best].mean()
    )
    outcomes = (np.random.default_rng(seed).uniform(size=pays.shape) < pays).astype(float)
    again = rwlib.generate(jax.random.key(seed), outcomes, fit, model, num_draws=N_PREDICTED)
    summaries = rwlib.behaviour_table(rwlib.compare_behaviour(again, data))
    curves = share_of_best(again["posterior_predictive"]["choices"].values, best).reshape(-1, AFTER)
    low, high = np.quantile(curves, [0.05, 0.95], axis=0)
    observed = share_of_best(np.asarray(data.choices), best)
    curve = {"observed": observed, "predicted": curves.mean(axis=0), "low": low, "high": high}
    return pd.concat(
        [rows("predicted", summaries), rows("reversal", pd.DataFrame(curve, range(1, AFTER + 1)))]
    )


def of_choices(data: rwlib.ChoiceData, model: rwlib.Model, fit) -> pd.DataFrame:
    """Scores of choices left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of large k, which are counted here
        elpd = rwlib.loo_by_trial(data, model, fit)
    large_k = float((elpd.pareto_k > elpd.good_k).sum())
    whole = pd.DataFrame(
        {"elpd": elpd.elpd, "p": elpd.p, "large_k": large_k, "n_choices": elpd.n_data_points}, ["all"]
    )
    return pd.concat([rows("loo", whole), rows("loo", scores_by_person(elpd).to_frame("elpd"))])


def of_person(fit, model: rwlib.Model, person: str) -> pd.DataFrame:
    """Some of one person's draws, evenly spaced over all chains."""
    posterior = fit["posterior"].to_dataset().sel(subject=person)
    draws = pd.DataFrame({p.name: posterior[p.name].values.ravel() for p in model.parameters})
    kept = np.linspace(0, len(draws) - 1, N_KEPT).round().astype(int)
    return draws.iloc[kept].reset_index(drop=True)


def piece(model: str, seed: int, choices: str, published: str | None) -> pd.DataFrame:
    """All that is kept of one model. (A worker of the study has one core: hence one thread.)"""
    data, best, estimates = read(choices, published)
    fitted = MODELS[model]
    if not fitted.parameters:
        tables = [of_choices(data, fitted, None)]
    else:
        (checked,) = fit_and_check([data], fitted, seeds=[seed], num_threads=1)
        verdict = {"passes": checked.passes, "refitted": checked.refitted, **checked.report.worst}
        tables = [
            rows("check", pd.DataFrame(verdict, ["fit"])),
            rows("group", of_group(checked.fit)),
            predicted(checked.fit, fitted, data, best, seed),
            of_choices(data, fitted, checked.fit),
        ]
        if model == rwlib.ASYMMETRIC.name:
            if estimates is not None:
                tables.append(rows("published", against_published(checked.fit, estimates)))
            if TWO_MODES in data.subjects:
                tables.append(rows("draws", of_person(checked.fit, fitted, TWO_MODES)))
    table = pd.concat(tables, ignore_index=True).assign(model=model)
    return table[["model", "what", "name", "statistic", "value"]]


def study(choices: str, published: str | None) -> results.Study:
    """The study of files with these fingerprints."""
    source = {"citation": "Zorowitz, Solis, Niv & Bennett (2023)", "doi": "10.1038/s41562-023-01640-7"}
    files = {"choices": choices, "published": published}
    pieces = [dict(model=name, seed=2000 + i, **files) for i, name in enumerate(MODELS)]
    return results.Study(
        "reversal",
        piece,
        pieces,
        settings={"models": list(MODELS), "source": source, "sha256": files},
        # The course's model, one without parameters, the other agent, a choice trace from another start.
        renewal=(0, 1, 2, 8),
    )


STUDY = study(CHOICES, PUBLISHED)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("Give the files: python -m studies.reversal CHOICES.csv [PUBLISHED.csv]")
    choices = Path(sys.argv[1]).resolve()
    published = (
        Path(sys.argv[2]).resolve() if len(sys.argv) == 3 else choices.with_name("published_estimates.csv")
    )
    for path in (choices, published):
        if not path.is_file():
            sys.exit(
                f"There is no file {path}. Without the published estimates other people would be fitted."
            )
    given = {"REVERSAL_CHOICES": str(choices), "REVERSAL_PUBLISHED": str(published)}
    os.environ |= given  # the workers inherit it
    fingerprints = [sha256(path) for path in given.values()]
    taken = study(*fingerprints)
    if taken != STUDY:
        print("These are other files than those of the stored result, which they will replace.")
    table = results.take(taken)
    for what in ("check", "published"):
        found = table[table["what"] == what]
        print(found.pivot(index=["model", "name"], columns="statistic", values="value").round(3).to_string())
    by_person = table[(table["what"] == "loo") & (table["name"] != "all")]
    print(compare_scores(by_person.pivot(index="name", columns="model", values="value")).round(1).to_string())
