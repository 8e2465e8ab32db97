import arviz_base
import jax
import numpy as np
import pytest

import rwlib
from rwlib import recovery_correlations, recovery_table

RNG = np.random.default_rng(0)
TRUE = {"alpha_pos": RNG.beta(5, 5, 30), "beta": RNG.uniform(1, 4, 30)}
DRAWS = {name: value + RNG.normal(0.1, 0.1, (2, 400, 30)) + 0.1 * RNG.normal(size=30) for name, value in TRUE.items()}
FIT = arviz_base.from_dict({"posterior": DRAWS})


def test_each_column_is_what_it_says():
    table = recovery_table(TRUE, FIT, interval=0.8)
    draws = DRAWS["beta"].reshape(-1, 30)
    estimate = draws.mean(0)
    inside = [np.quantile(draws[:, i], 0.1) <= TRUE["beta"][i] <= np.quantile(draws[:, i], 0.9) for i in range(30)]
    row = table.loc["beta"]
    np.testing.assert_allclose(row["r"], np.corrcoef(estimate, TRUE["beta"])[0, 1])
    np.testing.assert_allclose(row["bias"], (estimate - TRUE["beta"]).mean())
    np.testing.assert_allclose(row["rmse"], np.sqrt(((estimate - TRUE["beta"]) ** 2).mean()))
    np.testing.assert_allclose(row["coverage"], np.mean(inside))
    np.testing.assert_allclose([row["sd_true"], row["sd_estimated"]], [TRUE["beta"].std(ddof=1), estimate.std(ddof=1)])


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
    short = dict(n_datasets=3, num_warmup=200, num_samples=200, progress_bar=False)
    return rwlib.recover_parameters(**{**dict(n_subjects=8, n_trials=60, beta=3.0, seed=2), **short, **settings})


@pytest.fixture(scope="module")
def short_and_long():
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
    assert table["r_hat"].iloc[0] < 1.2


def test_more_trials_recover_better(short_and_long):
    rmse = [table.set_index("parameter")["rmse"] for table in short_and_long]
    assert rmse[1]["beta"] < rmse[0]["beta"] and rmse[1]["alpha_pos"] < rmse[0]["alpha_pos"]


def test_a_design_pools_what_separate_fits_say():
    pooled = design(n_datasets=2, model=rwlib.SYMMETRIC).set_index("parameter")
    tables, group_means = [], []
    for i in range(2):
        rng = np.random.default_rng([2, i])
        task_key, play_key = (jax.random.key(k) for k in rng.integers(2**32, size=2))
        true = {"alpha": 1 / (1 + np.exp(-0.5 * rng.normal(size=8))), "beta": 3.0 * np.exp(0.25 * rng.normal(size=8))}
        data = rwlib.simulate(play_key, rwlib.bernoulli_outcomes(task_key, rwlib.FIVE_ARMS, 60), true).data
        fit = rwlib.fit(data, rwlib.SYMMETRIC, num_warmup=200, num_samples=500, num_chains=2, seed=i, progress_bar=False)
        tables.append(recovery_table(true, fit))
        group_means.append(float(fit.posterior["beta_group_mean"].mean()) - np.log(3.0))
    for name in ("alpha", "beta"):
        np.testing.assert_allclose(pooled.loc[name, "bias"], np.mean([t.loc[name, "bias"] for t in tables]), atol=0.15 * tables[0].loc[name, "rmse"])
        np.testing.assert_allclose(pooled.loc[name, "rmse"], np.sqrt(np.mean([t.loc[name, "rmse"] ** 2 for t in tables])), rtol=0.1)
        np.testing.assert_allclose(pooled.loc[name, "coverage"], np.mean([t.loc[name, "coverage"] for t in tables]), atol=1 / 8)
    np.testing.assert_allclose(pooled.loc["beta_group_mean", "bias"], np.mean(group_means), atol=0.04)


def test_the_population_is_the_one_of_the_design():
    table = design(n_datasets=4, n_subjects=50, n_trials=5, num_warmup=20, num_samples=10, num_chains=1).set_index("parameter")
    expected = 6.0 * np.exp(0.25 * np.random.default_rng(0).normal(size=100_000))
    again = design(beta=6.0, n_datasets=4, n_subjects=50, n_trials=5, num_warmup=20, num_samples=10, num_chains=1).set_index("parameter")
    np.testing.assert_allclose(again.loc["beta", "sd_true"], expected.std(), rtol=0.25)
    np.testing.assert_allclose(again.loc["beta", "sd_true"], 2 * table.loc["beta", "sd_true"], rtol=1e-4)


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
