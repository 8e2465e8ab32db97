"""Calibration: ranks against a plain count, verdicts on ranks whose distribution is known, and one real study
in small."""

import arviz_base
import jax
import numpy as np
import pandas as pd
import pytest
from reference_agent import trialwise_log_likelihood
from scipy.special import expit

import rwlib
from rwlib.fitting import inference
from rwlib.checking.calibration import calibrate, rank_table, score_people, simulate_from_prior
from rwlib.checking.verdict import as_pit, calibration_verdict
from rwlib.fitting.models import GroupParameter
from rwlib.fitting.diagnostics import Report

ACCEPTED = Report({}, ())
OUTCOMES = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7], n_trials=20)
SHORT = dict(
    n_datasets=2, n_subjects=2, n_ranks=20, num_warmup=50, num_samples=50, num_chains=2, progress_bar=False
)
N_DATASETS, N_RANKS = 100, 100


def table_of(rank, **more):
    """A table of ranks; one column of ``rank`` for each parameter."""
    rank = np.asarray(rank).reshape(len(rank), -1)
    columns = [
        pd.DataFrame({"parameter": f"x{i}", "rank": column, "n_ranks": N_RANKS, **more})
        for i, column in enumerate(rank.T)
    ]
    return pd.concat(columns, ignore_index=True)


def normal_ranks(rng, n_parameters, posterior_sd=1.0, bias=0.0, n_datasets=N_DATASETS):
    """Ranks of a standard normal truth among draws from a normal 'posterior', which is right with SD 1 and
    bias 0."""
    truth = rng.normal(size=(n_datasets, n_parameters, 1))
    draws = rng.normal(bias, posterior_sd, size=(n_datasets, n_parameters, N_RANKS - 1))
    return (draws < truth).sum(axis=2)


# Data from the prior


def test_simulated_groups_are_what_the_prior_says():
    drawn = simulate_from_prior(rwlib.ASYMMETRIC, OUTCOMES, n_datasets=400, n_subjects=3, seed=1)
    mean = np.array([true["beta_group_mean"] for true, _ in drawn])
    sd = np.array([true["beta_group_sd"] for true, _ in drawn])
    offsets = np.array(
        [(np.log(true["beta"]) - true["beta_group_mean"]) / true["beta_group_sd"] for true, _ in drawn]
    )
    assert abs(mean.mean() - 1.0) < 4 / 20 and abs(mean.std() - 1.0) < 4 / 28
    assert abs((sd**2).mean() - 0.25) < 4 * 0.25 * 2**0.5 / 20
    assert abs(offsets.mean()) < 4 / 1200**0.5 and abs(offsets.std() - 1.0) < 4 / 2400**0.5


def test_each_data_set_and_subject_has_its_own_choices():
    drawn = simulate_from_prior(rwlib.ASYMMETRIC, OUTCOMES, n_datasets=3, n_subjects=3, seed=1)
    choices = np.concatenate([np.asarray(data.choices) for _, data in drawn])
    assert len(np.unique(choices, axis=0)) == 9


# Ranks


def test_sessions_are_scored_as_by_the_plain_loops():
    """Of people, each of whom every subject is scored as, and of sets of all subjects."""
    rng = np.random.default_rng(8)
    data = simulate_from_prior(rwlib.SYMMETRIC, OUTCOMES, n_datasets=1, n_subjects=3, seed=2)[0][1]

    def plain(i, alpha, beta):
        return trialwise_log_likelihood(
            data.choices[i], data.rewards[i], data.mask[i], 2, alpha, alpha, beta
        ).sum()

    alpha, beta = rng.uniform(size=4), rng.uniform(1, 5, size=4)
    expected = [[plain(i, a, b) for i in range(3)] for a, b in zip(alpha, beta)]
    np.testing.assert_allclose(
        score_people(data, {"alpha": alpha, "beta": beta}, rwlib.SYMMETRIC), expected, rtol=1e-4
    )
    alpha, beta = rng.uniform(size=(4, 3)), rng.uniform(1, 5, size=(4, 3))
    expected = [[plain(i, a[i], b[i]) for i in range(3)] for a, b in zip(alpha, beta)]
    np.testing.assert_allclose(
        score_people(data, {"alpha": alpha, "beta": beta}, rwlib.SYMMETRIC), expected, rtol=1e-4
    )


def test_ranks_are_a_plain_count():
    rng = np.random.default_rng(1)
    draws = {"x": rng.normal(size=(3, 33)), "y": rng.normal(size=(3, 33, 2))}
    true = {"x": 0.3, "y": np.array([-1.0, 1.5])}
    table = rank_table(true, arviz_base.from_dict({"posterior": draws}), n_ranks=99)
    # 98 of 99 draws, all but one of them.
    expected = {
        "x": (draws["x"] < 0.3).sum(),
        "y[0]": (draws["y"][..., 0] < -1.0).sum(),
        "y[1]": (draws["y"][..., 1] < 1.5).sum(),
    }
    assert table["parameter"].tolist() == list(expected)
    assert table["true"].tolist() == [0.3, -1.0, 1.5]
    assert all(0 <= expected[row.parameter] - row.rank <= 1 for row in table.itertuples())


def test_thinned_draws_come_from_all_chains_in_equal_parts():
    draws = np.repeat(np.arange(4.0), 500).reshape(4, 500)  # chain number
    fit = arviz_base.from_dict({"posterior": {"x": draws}})
    below = [rank_table({"x": chain + 0.5}, fit, n_ranks=101)["rank"][0] for chain in range(4)]
    assert below == [25, 50, 75, 100]


def test_neighbours_that_resemble_each_other_show_in_the_ess():
    rng = np.random.default_rng(2)
    fit = arviz_base.from_dict(
        {
            "posterior": {
                "free": rng.normal(size=(4, 250)),
                "slow": np.repeat(rng.normal(size=(4, 10)), 25, axis=1),
            }
        }
    )
    table = rank_table({"free": 0.0, "slow": 0.0}, fit).set_index("parameter")
    assert table.ess["free"] > 600 and table.ess["slow"] < 100


# Verdicts


def test_uniform_ranks_leave_the_band_at_the_rate_it_states():
    rank = np.random.default_rng(3).integers(N_RANKS, size=(N_DATASETS, 1000))
    outside = (~calibration_verdict(table_of(rank)).table["inside"]).sum()
    assert 1 <= outside <= 25  # binomial(1000, 0.01) is below 1 or above 25 once in 20,000 studies
    outside = (~calibration_verdict(table_of(rank), band=0.8).table["inside"]).sum()
    assert 140 <= outside <= 260


@pytest.mark.parametrize(
    "wrong, reading",
    [
        (dict(posterior_sd=0.5), "posteriors are too narrow"),
        (dict(posterior_sd=1.7), "posteriors are too wide"),
        (dict(bias=0.6), "estimates are too high."),
        (dict(bias=-0.6), "estimates are too low."),
        (dict(bias=0.6, posterior_sd=0.4), "estimates are too high and posteriors are too narrow"),
    ],
)
def test_wrong_posteriors_are_caught_and_named(wrong, reading):
    verdict = calibration_verdict(table_of(normal_ranks(np.random.default_rng(4), 100, **wrong)))
    assert not verdict
    assert (~verdict.table["inside"]).mean() > 0.9
    assert str(verdict).count(reading) > 0.9 * str(verdict).count("x")


def test_right_posteriors_pass():
    verdict = calibration_verdict(table_of(normal_ranks(np.random.default_rng(5), 100)))
    assert verdict.table["inside"].mean() > 0.94
    assert verdict.table["mean"].mean() == pytest.approx(0.5, abs=0.02)
    assert verdict.table["sd"].mean() == pytest.approx(12**-0.5, abs=0.01)


def test_too_few_independent_draws_are_pointed_out():
    rank = np.random.default_rng(6).integers(N_RANKS, size=N_DATASETS)
    assert "raise num_samples" in str(calibration_verdict(table_of(rank, ess=50.0)))
    assert "raise num_samples" not in str(calibration_verdict(table_of(rank, ess=500.0)))


def test_pit_lies_where_the_rank_says():
    ranks = table_of(np.arange(N_RANKS))
    pit = as_pit(ranks)["prior_sbc"]["x0"].values.ravel()
    assert (np.floor(pit * N_RANKS) == np.arange(N_RANKS)).all()


def test_fits_that_do_not_pass_are_left_out_of_the_verdict_and_counted():
    uniform = table_of(np.tile(np.arange(N_RANKS), (2, 1)).T, passes=True)
    stuck = table_of(np.zeros((40, 2)), passes=False)
    verdict = calibration_verdict(pd.concat([uniform, stuck]))
    assert verdict and verdict.n_datasets == N_RANKS and verdict.n_left_out == 40
    assert "40 more data sets, whose fits did not pass" in str(verdict)
    assert not calibration_verdict(pd.concat([uniform, stuck]).drop(columns="passes"))


# A whole study


class Posterior:
    """In place of NUTS: draws from the prior, as if there were no data, or weighed by the likelihood."""

    def __init__(self, looks):
        self.looks = looks

    def fit_many(self, datasets, model, *, seeds, **settings):
        return [self.fit(data, seed) for data, seed in zip(datasets, seeds)]

    def fit(self, data, seed):
        rng = np.random.default_rng(seed)
        mean, sd = rng.normal(-1.0, 1.0, size=20_000), abs(rng.normal(size=20_000))
        lapse = expit(mean[:, None] + sd[:, None] * rng.normal(size=(20_000, data.n_subjects)))
        weight = np.ones(20_000)
        if self.looks:
            log_weight = np.asarray(
                score_people(data, {"lapse": lapse}, rwlib.WIN_STAY_LOSE_SHIFT), float
            ).sum(axis=1)
            weight = np.exp(log_weight - log_weight.max())
        picked = rng.choice(20_000, size=100, p=weight / weight.sum())
        draws = {"lapse_group_mean": mean[picked], "lapse_group_sd": sd[picked], "lapse": lapse[picked]}
        draws = {name: values[None] for name, values in draws.items()}
        return arviz_base.from_dict({"posterior": draws}, dims={"lapse": ["subject"]})


@pytest.fixture(scope="module")
def studies():
    """Calibrations of the right posterior, of one that ignores the data, and of a wrong prior."""
    model = rwlib.WIN_STAY_LOSE_SHIFT
    shifted = (GroupParameter("lapse", "expit", mean_location=1.5, mean_scale=1.0, sd_scale=1.0),)
    settings = dict(n_datasets=150, n_subjects=3, seed=11, num_samples=100, num_chains=1)
    cases = {
        "right": (True, model),
        "lazy": (False, model),
        "shifted": (True, model._replace(parameters=shifted)),
    }
    studies = {}
    for name, (looks, true_model) in cases.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(inference, "fit_many", Posterior(looks).fit_many)
            patch.setattr(inference, "check", lambda fit: ACCEPTED)
            studies[name] = calibrate(model, OUTCOMES, true_model=true_model, **settings)
    return studies


def test_group_subjects_and_log_likelihood_are_ranked_on_every_data_set(studies):
    names = ["lapse_group_mean", "lapse_group_sd", "lapse[0]", "lapse[1]", "lapse[2]", "log_likelihood"]
    assert studies["right"].groupby("parameter", sort=False).size().to_dict() == dict.fromkeys(names, 150)
    assert studies["right"]["passes"].all() and not studies["right"]["refitted"].any()


def test_a_right_model_is_calibrated(studies):
    verdict = calibration_verdict(studies["right"], band=0.999)
    assert verdict, str(verdict)


def test_a_wrong_prior_is_caught(studies):
    wrong = calibration_verdict(studies["shifted"], band=0.999)
    assert not wrong.table.loc["lapse_group_mean", "inside"]
    assert "lapse_group_mean" in str(wrong) and "too low" in str(wrong)


def test_only_the_log_likelihood_catches_a_posterior_that_ignores_the_data(studies):
    lazy = calibration_verdict(studies["lazy"], band=0.999).table["inside"]
    assert not lazy["log_likelihood"] and lazy.drop("log_likelihood").all()


def test_nuts_is_calibrated(monkeypatch):
    """In small: 40 data sets of three short sessions, and fits too short to pass, which are not to be run
    twice."""
    monkeypatch.setattr(inference, "check", lambda fit: ACCEPTED)
    settings = dict(
        n_datasets=40,
        n_subjects=3,
        seed=11,
        n_ranks=50,
        num_warmup=150,
        num_samples=200,
        num_chains=2,
        progress_bar=False,
    )
    verdict = calibration_verdict(calibrate(rwlib.WIN_STAY_LOSE_SHIFT, OUTCOMES, **settings), band=0.999)
    assert verdict, str(verdict)


def test_the_same_seed_gives_the_same_ranks_and_another_seed_others(monkeypatch):
    monkeypatch.setattr(inference, "check", lambda fit: ACCEPTED)
    ranks = [calibrate(rwlib.WIN_STAY_LOSE_SHIFT, OUTCOMES, seed=seed, **SHORT) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(ranks[0], ranks[1])
    assert not ranks[0]["true"].equals(ranks[2]["true"])


def test_only_shared_parameters_are_ranked(monkeypatch):
    monkeypatch.setattr(inference, "check", lambda fit: ACCEPTED)
    ranks = calibrate(rwlib.SYMMETRIC, OUTCOMES, true_model=rwlib.ASYMMETRIC, seed=1, **SHORT)
    assert ranks["parameter"].unique().tolist() == ["beta_group_mean", "beta_group_sd", "beta[0]", "beta[1]"]


# Errors


def test_impossible_requests_are_refused_before_anything_is_sampled():
    run = lambda model=rwlib.SYMMETRIC, **changed: calibrate(model, OUTCOMES, seed=1, **(SHORT | changed))
    with pytest.raises(ValueError, match="n_datasets is 0"):
        run(n_datasets=0)
    with pytest.raises(ValueError, match="n_subjects is 0"):
        run(n_subjects=0)
    with pytest.raises(ValueError, match="n_ranks is 101; with 100 draws"):
        run(n_ranks=101)
    with pytest.raises(ValueError, match="no parameter in common"):
        run(true_model=rwlib.WIN_STAY_LOSE_SHIFT)


def test_a_fit_that_does_not_belong_to_the_truth_is_refused():
    fit = arviz_base.from_dict({"posterior": {"x": np.random.default_rng(0).normal(size=(2, 100, 3))}})
    with pytest.raises(ValueError, match="no 'y'; it has 'x'"):
        rank_table({"y": 0.0}, fit)
    with pytest.raises(ValueError, match=r"shape \(2,\), but the fit has \(3,\)"):
        rank_table({"x": np.zeros(2)}, fit)
    with pytest.raises(ValueError, match="n_ranks is 300"):
        rank_table({"x": np.zeros(3)}, fit, n_ranks=300)
    with pytest.raises(ValueError, match="not a finite number"):
        rank_table({"x": np.array([0.0, np.nan, 0.0])}, fit)


def test_tables_that_are_not_of_ranks_are_refused():
    ranks = table_of(np.arange(10))
    with pytest.raises(ValueError, match="band is 99.0"):
        calibration_verdict(ranks, band=99.0)
    with pytest.raises(ValueError, match="lacks the columns 'rank'"):
        calibration_verdict(ranks.drop(columns="rank"))
    with pytest.raises(ValueError, match="needs many"):
        calibration_verdict(table_of([3]))
    with pytest.raises(ValueError, match="No fit in this table of ranks passes its check"):
        calibration_verdict(ranks.assign(passes=False))
    with pytest.raises(ValueError, match="one rank from each data set"):
        calibration_verdict(pd.concat([ranks, ranks.assign(parameter="y")[:5]]))
