import arviz_base
import jax
import numpy as np
import pytest
from accepting import accept_all
from scipy.special import logit

import rwlib
from rwlib import recovery_correlations, recovery_table
from rwlib.checking import recovery
from rwlib.fitting import inference
from rwlib.fitting.diagnostics import Report

RNG = np.random.default_rng(0)
TRUE = {"alpha_pos": RNG.beta(5, 5, 30), "beta": RNG.uniform(1, 4, 30)}
DRAWS = {
    name: value + RNG.normal(0.1, 0.1, (2, 400, 30)) + 0.1 * RNG.normal(size=30)
    for name, value in TRUE.items()
}
FIT = arviz_base.from_dict({"posterior": DRAWS})


def test_each_column_is_what_it_says():
    table = recovery_table(TRUE, FIT, interval=0.8)
    draws = DRAWS["beta"].reshape(-1, 30)
    estimate = draws.mean(0)
    inside = [
        np.quantile(draws[:, i], 0.1) <= TRUE["beta"][i] <= np.quantile(draws[:, i], 0.9) for i in range(30)
    ]
    row = table.loc["beta"]
    np.testing.assert_allclose(row["r"], np.corrcoef(estimate, TRUE["beta"])[0, 1])
    np.testing.assert_allclose(row["bias"], (estimate - TRUE["beta"]).mean())
    np.testing.assert_allclose(row["rmse"], np.sqrt(((estimate - TRUE["beta"]) ** 2).mean()))
    np.testing.assert_allclose(row["coverage"], np.mean(inside))
    np.testing.assert_allclose(
        [row["sd_true"], row["sd_estimated"]], [TRUE["beta"].std(ddof=1), estimate.std(ddof=1)]
    )


def test_a_constant_error_leaves_r_as_it_was_and_shows_as_bias():
    shifted = arviz_base.from_dict({"posterior": {name: value + 0.15 for name, value in DRAWS.items()}})
    before, after = recovery_table(TRUE, FIT), recovery_table(TRUE, shifted)
    np.testing.assert_allclose(after["r"], before["r"])
    np.testing.assert_allclose(after["bias"], before["bias"] + 0.15)


def test_temperature_is_judged_by_the_inverse_of_betas_draws():
    table = recovery_table({"temperature": 1 / TRUE["beta"]}, FIT)
    expected = (1 / DRAWS["beta"]).mean((0, 1)) - 1 / TRUE["beta"]
    np.testing.assert_allclose(table.loc["temperature", "bias"], expected.mean())


def test_correlations_have_estimates_in_rows_and_truth_in_columns():
    table = recovery_correlations(TRUE, FIT)
    expected = np.corrcoef(DRAWS["alpha_pos"].mean((0, 1)), TRUE["beta"])[0, 1]
    np.testing.assert_allclose(table.loc["alpha_pos", "beta"], expected)


@pytest.mark.parametrize(
    ("true", "interval", "message"),
    [
        ({"gamma": TRUE["beta"]}, 0.9, "no parameter 'gamma'"),
        ({"beta": TRUE["beta"][:5]}, 0.9, r"true\['beta'\] has shape \(5,\)"),
        (TRUE, 1.5, "interval is 1.5"),
    ],
)
def test_bad_input_is_named(true, interval, message):
    with pytest.raises(ValueError, match=message):
        recovery_table(true, FIT, interval)


# Designs


def design(**settings):
    short = dict(n_datasets=3, num_warmup=200, num_samples=200, num_chains=2, progress_bar=False)
    return rwlib.recover_parameters(
        **{**dict(n_subjects=8, n_trials=60, beta=3.0, seed=2), **short, **settings}
    )


@pytest.fixture(scope="module")
def short_and_long():
    with pytest.MonkeyPatch.context() as patch:
        accept_all(patch)
        return design(n_trials=20), design(n_trials=160)


def test_a_design_has_a_row_for_each_parameter_and_group_mean(short_and_long):
    table = short_and_long[1]
    names = ["alpha_pos", "alpha_neg", "beta"]
    assert table["parameter"].tolist() == [*names, *(f"{name}_group_mean" for name in names)]
    assert (table[["n_subjects", "n_trials", "beta", "seed"]] == [8, 160, 3.0, 2]).all(axis=None)
    of_subjects, of_groups = table.iloc[:3], table.iloc[3:]
    assert (of_subjects["r"] > 0).all() and of_groups["r"].isna().all()
    assert (of_groups["sd_true"] == 0).all()
    assert (of_subjects["rmse"] >= of_subjects["bias"].abs()).all()


def test_more_trials_recover_better(short_and_long):
    rmse = [table.set_index("parameter")["rmse"] for table in short_and_long]
    assert rmse[1]["beta"] < rmse[0]["beta"] and rmse[1]["alpha_pos"] < rmse[0]["alpha_pos"]


def test_a_design_pools_what_separate_fits_say(monkeypatch):
    accept_all(monkeypatch)
    pooled = design(n_datasets=2, model=rwlib.SYMMETRIC, num_samples=500).set_index("parameter")
    tables, group_means = [], []
    for i in range(2):
        rng = np.random.default_rng([2, i])
        task_key, play_key = (jax.random.key(k) for k in rng.integers(2**32, size=2))
        true = {
            "alpha": 1 / (1 + np.exp(-0.5 * rng.normal(size=8))),
            "beta": 3.0 * np.exp(0.25 * rng.normal(size=8)),
        }
        data = rwlib.simulate(play_key, rwlib.bernoulli_outcomes(task_key, rwlib.FIVE_ARMS, 60), true).data
        fit = rwlib.fit(
            data, rwlib.SYMMETRIC, num_warmup=200, num_samples=500, num_chains=2, seed=i, progress_bar=False
        )
        tables.append(recovery_table(true, fit))
        group_means.append(float(fit.posterior["beta_group_mean"].mean()) - np.log(3.0))
    for name in ("alpha", "beta"):
        bias, rmse, coverage = (
            np.array([t.loc[name, column] for t in tables]) for column in ("bias", "rmse", "coverage")
        )
        np.testing.assert_allclose(pooled.loc[name, "bias"], bias.mean(), atol=0.15 * rmse[0])
        np.testing.assert_allclose(pooled.loc[name, "rmse"], np.sqrt((rmse**2).mean()), rtol=0.1)
        np.testing.assert_allclose(pooled.loc[name, "coverage"], coverage.mean(), atol=1 / 8)
    np.testing.assert_allclose(pooled.loc["beta_group_mean", "bias"], np.mean(group_means), atol=0.04)


def test_the_population_is_the_one_of_the_design():
    """Its spread is half of the priors' scales, around the design's beta and the middle of the other
    priors."""
    _, simulated = recovery._simulate_design(
        rwlib.ASYMMETRIC, 500, 5, 6.0, 4, 2, rwlib.FIVE_ARMS, None, rwlib.Design()
    )
    log_beta, unbounded = (
        np.concatenate([f(true[name]) for true, _ in simulated])
        for f, name in ((np.log, "beta"), (logit, "alpha_neg"))
    )
    np.testing.assert_allclose(
        [log_beta.mean(), log_beta.std()], [np.log(6.0), 0.25], atol=4 * 0.25 / 2000**0.5
    )
    np.testing.assert_allclose([unbounded.mean(), unbounded.std()], [0.0, 0.5], atol=4 * 0.5 / 2000**0.5)
    assert len({data.rewards.tobytes() for _, data in simulated}) == 4


def fits_that_pass(patch, passing):
    """In place of NUTS, "fits" whose draws are the number of the data set; only these (number, run) pass."""

    def fit_many(datasets, model, *, seeds, num_samples, num_chains, **settings):
        fits = []
        for seed in seeds:
            number = seed if seed < 10 else [inference._another(n) for n in range(10)].index(seed)
            draws = {name: np.full((num_chains, num_samples, 8), number + 1.0) for name in ("alpha", "beta")}
            groups = {
                f"{name}_group_mean": np.full((num_chains, num_samples), number + 1.0) for name in draws
            }
            dims = dict.fromkeys(draws, ["subject"])
            fit = arviz_base.from_dict({"posterior": draws | groups}, dims=dims)
            fit.attrs |= {"number": number, "run": int(seed >= 10)}
            fits.append(fit)
        return fits

    def check(fit):
        problems = () if (fit.attrs["number"], fit.attrs["run"]) in passing else ("it is not in the list",)
        return Report({"r_hat": 1.0 + fit.attrs["number"], "divergences": 2.0}, problems)

    patch.setattr(inference, "fit_many", fit_many)
    patch.setattr(inference, "check", check)


def test_fits_that_are_refused_twice_are_counted_and_left_out(monkeypatch):
    fits_that_pass(monkeypatch, {(0, 0), (1, 1)})
    table = design(model=rwlib.SYMMETRIC, seed=0).set_index("parameter")
    assert (table[["n_datasets", "n_refitted", "n_passed", "divergences"]] == [3, 2, 2, 6]).all(axis=None)
    assert (table["r_hat"] == 3.0).all()
    # Of data sets 0 and 1 alone: the "estimates" of log beta are 1 and 2, the third one's would be 3.
    np.testing.assert_allclose(table.loc["beta_group_mean", "bias"], 1.5 - np.log(3.0))
    np.testing.assert_allclose(table.loc["beta", "sd_estimated"], np.repeat([1.0, 2.0], 8).std(ddof=1))


def test_a_design_without_a_fit_that_passes_has_no_numbers(monkeypatch):
    fits_that_pass(monkeypatch, set())
    table = design(model=rwlib.SYMMETRIC, seed=0)
    assert table["parameter"].tolist() == ["alpha", "beta", "alpha_group_mean", "beta_group_mean"]
    assert (table["n_passed"] == 0).all()
    assert table[["r", "bias", "rmse", "coverage", "sd_true", "sd_estimated"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": rwlib.WIN_STAY_LOSE_SHIFT}, "'win-stay, lose-shift' has no parameter 'beta'"),
        ({"beta": 0.0}, "beta is 0.0; it must be above 0"),
        ({"n_datasets": 0}, "n_datasets is 0"),
    ],
)
def test_a_bad_design_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        design(**settings)
