import arviz_base
import numpy as np
import pytest

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
