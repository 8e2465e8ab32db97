import dataclasses
import warnings

import arviz_stats
import jax
import numpy as np
import pandas as pd
import pytest
from accepting import accept_all
import xarray as xr
from arviz_base import from_dict
from reference_agent import trialwise_log_likelihood
from scipy.special import expit, logsumexp

import rwlib
from rwlib import (
    GroupParameter,
    Model,
    confusion_matrix,
    inversion_matrix,
    kfold_by_subject,
    loo_by_trial,
    recover_models,
)
from rwlib.checking import folds, leave_one_out
from rwlib.checking.comparison import compare_by_person, compare_scores, scores_by_person
from rwlib.checking.leave_one_out import as_elpd
from rwlib.fitting import inference
from rwlib.fitting.diagnostics import Report

# A group SD so small that the subjects are all but alike: the posterior then has two dimensions, and a grid
# can do what NUTS does.
TINY = 0.01
ALIKE = Model(
    "alike", (GroupParameter("alpha", "expit", 0.0, 1.0, TINY), GroupParameter("beta", "exp", 1.0, 0.5, TINY))
)


def grid_of_alike(size=81):
    """Points of the two group means, their log prior, and the subjects' parameters there."""
    unbounded_alpha, log_beta = (
        x.ravel() for x in np.meshgrid(np.linspace(-4, 4, size), np.linspace(-1.0, 3.0, size))
    )
    log_prior = -0.5 * unbounded_alpha**2 - 0.5 * ((log_beta - 1.0) / 0.5) ** 2
    return log_prior, expit(unbounded_alpha), np.exp(log_beta)


def plain_scores(data, alphas, betas):
    """Log-probability of each choice at each point, by the plain loops: (n_points, n_subjects, n_trials)."""
    rows = list(zip(data.choices, data.rewards, data.mask))
    return np.array(
        [
            [trialwise_log_likelihood(*row, data.n_actions, a, a, b) for row in rows]
            for a, b in zip(alphas, betas)
        ]
    )


@pytest.fixture(scope="module")
def tiny():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7], 12)
    played = rwlib.simulate(jax.random.key(1), outcomes, {"alpha": np.array([0.5, 0.5]), "beta": 3.0}).data
    mask = np.ones((2, 12), bool)
    mask[1, 8:] = False
    return rwlib.ChoiceData(played.choices, played.rewards, mask, subjects=["ann", "bob"])


@pytest.fixture(scope="module")
def tiny_fit(tiny):
    return rwlib.fit(tiny, ALIKE, num_warmup=500, num_samples=2000, seed=4, progress_bar=False)


def test_loo_agrees_with_refits_that_leave_each_choice_out(tiny, tiny_fit):
    """Each refit drops one choice from the score and keeps it in the history, which the plain loops show:
    they score all first."""
    log_prior, alphas, betas = grid_of_alike(41)
    scores = plain_scores(tiny, alphas, betas)[:, tiny.mask]  # (n_points, n_choices)
    expected = []
    for left_out in range(scores.shape[1]):
        log_posterior = log_prior + np.delete(scores, left_out, axis=1).sum(axis=1)
        expected.append(logsumexp(log_posterior + scores[:, left_out]) - logsumexp(log_posterior))
    loo = loo_by_trial(tiny, ALIKE, tiny_fit)
    assert loo.n_data_points == 20 and loo.pareto_k.max() < 0.7
    np.testing.assert_allclose(loo.elpd_i, expected, atol=0.05)
    np.testing.assert_allclose(loo.elpd, np.sum(expected), atol=0.15)
    # It is not the score of the fit that has seen them all, which is better.
    log_posterior = log_prior + scores.sum(axis=1)
    seen = logsumexp(scores + log_posterior[:, None], axis=0) - logsumexp(log_posterior)
    assert loo.elpd < seen.sum() - 0.5
    np.testing.assert_allclose(loo.p, seen.sum() - np.sum(expected), atol=0.15)


def test_a_point_knows_its_subject_and_trial(tiny, tiny_fit):
    loo = loo_by_trial(tiny, ALIKE, tiny_fit)
    assert loo.elpd_i["subject"].values.tolist() == ["ann"] * 12 + ["bob"] * 8
    assert loo.elpd_i["trial"].values.tolist() == [*range(12), *range(8)]


def test_a_first_choice_scores_chance_whatever_the_draw(tiny, tiny_fit):
    loo = loo_by_trial(tiny, ALIKE, tiny_fit)
    first = loo.elpd_i["trial"].values == 0
    np.testing.assert_allclose(loo.elpd_i[first], np.log(0.5), rtol=1e-5)
    assert first.sum() == 2 and (loo.pareto_k[first] < 0).all()


def scored_draws(log_p):
    """Data and fit of one subject who made as many choices, of which there are as many draws."""
    n_choices, n_draws = log_p.shape
    data = rwlib.ChoiceData(np.zeros((1, n_choices)), np.zeros((1, n_choices)), n_actions=2)
    posterior = {
        name: np.random.default_rng(3).uniform(size=(4, n_draws // 4, 1)) for name in ("alpha", "beta")
    }
    observed = {name: np.asarray(getattr(data, name)) for name in ("choices", "rewards", "mask")}
    return data, from_dict(
        {"posterior": posterior, "observed_data": observed},
        dims=dict.fromkeys(posterior, ["subject"]) | dict.fromkeys(observed, ["subject", "trial"]),
    )


@pytest.fixture
def loo_of(monkeypatch):
    def score(log_p):
        data, fit = scored_draws(log_p)
        monkeypatch.setattr(leave_one_out, "_score_trials", lambda *of: log_p.T[:, None, :])
        return loo_by_trial(data, ALIKE, fit)

    return score


def heavy_tailed(n_draws, width):
    """Log-probabilities whose weights have a tail with k about 1.5, but lie within a factor of exp(width)."""
    tail = (1 - np.random.default_rng(0).uniform(size=n_draws)) ** -1.5
    return -width * (tail - tail.min()) / np.ptp(tail) - np.log(2)


def test_a_heap_of_weights_too_narrow_to_matter_raises_no_alarm(loo_of):
    narrow = heavy_tailed(4000, 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loo = loo_of(np.stack([narrow, narrow]))
    assert (loo.pareto_k == -np.inf).all() and not loo.warning
    np.testing.assert_allclose(loo.elpd_i, -(logsumexp(-narrow) - np.log(4000)), atol=1e-5)


def test_the_same_heap_raises_an_alarm_where_it_is_wide(loo_of):
    wide = heavy_tailed(4000, 6.0)
    with pytest.warns(
        UserWarning,
        match=r"The scores of 1 of 2 choices by the model 'alike' are rough: their Pareto k is above 0.70",
    ):
        loo = loo_of(np.stack([heavy_tailed(4000, 0.3), wide]))
    assert loo.pareto_k[1] > 0.7 and loo.warning


def test_the_bound_on_a_narrow_heap_holds_whatever_its_shape():
    """Two points are the worst case of Popoviciu's inequality: weights 1 and exp(r), half of the draws
    each."""
    rng = np.random.default_rng(1)
    r, n_draws = 0.45, 4000
    shapes = [rng.choice([0.0, -r], p=[p, 1 - p], size=(200, n_draws)) for p in (0.5, 0.9, 0.99)]
    for log_p in shapes:
        errors = np.array([leave_one_out._leave_out(one[None], 1.0)[0][0] for one in log_p]) - np.log(
            1 / np.mean(np.exp(-log_p))
        )
        assert errors.std() < np.expm1(r) / (2 * n_draws**0.5) < leave_one_out.NEGLIGIBLE


def test_loo_agrees_with_arviz_where_weights_matter(tiny, tiny_fit):
    posterior = tiny_fit.posterior
    alphas, betas = (
        posterior[name].values.reshape(-1, 2).mean(axis=1)[::20].astype(float) for name in ("alpha", "beta")
    )
    scores = plain_scores(tiny, alphas, betas)[:, tiny.mask]
    matter = np.expm1(np.ptp(scores, axis=0)) / (2 * len(scores) ** 0.5) > leave_one_out.NEGLIGIBLE
    assert 3 <= matter.sum() < len(matter)
    few = xr.DataTree.from_dict(
        {
            "posterior": posterior.to_dataset().isel(chain=[0], draw=slice(len(scores))),
            "log_likelihood": xr.Dataset(
                {"choice": (("chain", "draw", "point"), scores[None][:, :, matter])}
            ),
        }
    )
    expected = arviz_stats.loo(few, pointwise=True)
    elpd_i, p_i, k = leave_one_out._leave_out(scores.T, 1.0)
    np.testing.assert_allclose(elpd_i[matter], expected.elpd_i, atol=1e-6)
    np.testing.assert_allclose(k[matter], expected.pareto_k, atol=1e-5)
    np.testing.assert_allclose(p_i[matter].sum(), expected.p, atol=1e-5)


def test_scores_are_the_same_in_parts(tiny, tiny_fit, monkeypatch):
    whole = loo_by_trial(tiny, ALIKE, tiny_fit)
    monkeypatch.setattr(leave_one_out, "AT_ONCE", 1)  # one subject at a time
    parts = loo_by_trial(tiny, ALIKE, tiny_fit)
    np.testing.assert_allclose(parts.elpd_i, whole.elpd_i, atol=1e-5)
    assert parts.elpd_i["subject"].equals(whole.elpd_i["subject"])


def test_another_model_of_the_same_name_is_refused(tiny, tiny_fit):
    other = ALIKE._replace(
        agent=rwlib.SYMMETRIC.agent._replace(learn=lambda memory, chosen, reward, params: memory)
    )
    with pytest.raises(ValueError, match="another model that is called 'alike'"):
        loo_by_trial(tiny, other, tiny_fit)


def test_loo_reweights_the_draws_by_one_over_the_probability_of_the_choice(tiny, tiny_fit):
    """Without smoothing, on scores by the plain loops. With weights as tame as these, smoothing changes
    little."""
    short = tiny_fit.isel(chain=[0], draw=slice(300))
    alphas, betas = (short.posterior[name].values[0].mean(axis=1).astype(float) for name in ("alpha", "beta"))
    scores = plain_scores(tiny, alphas, betas)[:, tiny.mask]
    expected = -(logsumexp(-scores, axis=0) - np.log(300))
    np.testing.assert_allclose(loo_by_trial(tiny, ALIKE, short).elpd_i, expected, atol=0.05)


def test_models_without_parameters_score_exactly(tiny):
    loo, kfold = loo_by_trial(tiny, rwlib.RANDOM), kfold_by_subject(tiny, rwlib.RANDOM, n_folds=2)
    np.testing.assert_allclose([loo.elpd, kfold.elpd], 20 * np.log(0.5), rtol=1e-6)
    np.testing.assert_allclose(kfold.elpd_i, [12 * np.log(0.5), 8 * np.log(0.5)], rtol=1e-6)
    assert loo.p == 0


def test_arviz_compares_the_scores(tiny, tiny_fit):
    """Those by trial. (By person, see further down.)"""
    by_trial = {"alike": loo_by_trial(tiny, ALIKE, tiny_fit), "random": loo_by_trial(tiny, rwlib.RANDOM)}
    table = arviz_stats.compare(by_trial)
    best = max(by_trial, key=lambda name: by_trial[name].elpd)
    assert table.index[0] == best and table["elpd_diff"].iloc[0] == 0
    np.testing.assert_allclose(table["weight"].sum(), 1.0)


# Whole subjects

WIDE = Model(
    "wide", (GroupParameter("alpha", "expit", 0.0, TINY, 1.0), GroupParameter("beta", "exp", 1.0, TINY, TINY))
)


@pytest.fixture(scope="module")
def group():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(2), [0.2, 0.8], 25)
    alphas = expit(np.random.default_rng(5).normal(size=5))
    played = rwlib.simulate(jax.random.key(3), outcomes, {"alpha": alphas, "beta": np.e}).data
    return rwlib.ChoiceData(played.choices, played.rewards, subjects=list("abcde"))


def plain_kfold(data, folds, n_nodes=61):
    """For `WIDE`, whose means and beta are known: the group SD from the other folds, and a new subject
    averaged over the group.

    The SD on a grid under its half-normal prior, subjects by quadrature over their offsets.
    """
    offsets = np.linspace(-5, 5, n_nodes)
    log_weight = -0.5 * offsets**2
    log_weight -= logsumexp(log_weight)
    sds = np.linspace(0.02, 4.0, 60)
    log_prior = -0.5 * sds**2
    by_sd = np.empty((len(sds), data.n_subjects))  # log-probability of a session, given the group
    for i, sd in enumerate(sds):
        alphas = expit(sd * offsets)
        sessions = plain_scores(data, alphas, np.full(n_nodes, np.e)).sum(axis=2)
        by_sd[i] = logsumexp(sessions + log_weight[:, None], axis=0)
    scores = np.empty(data.n_subjects)
    for fold in folds:
        log_posterior = log_prior + np.delete(by_sd, fold, axis=1).sum(axis=1)
        log_posterior -= logsumexp(log_posterior)
        scores[fold] = logsumexp(by_sd[:, fold] + log_posterior[:, None], axis=0)
    return scores


def test_kfold_agrees_with_plain_refits(group, monkeypatch):
    folds = np.array_split(np.random.default_rng(7).permutation(5), 2)
    expected = plain_kfold(group, folds)
    accept_all(monkeypatch)
    kfold = kfold_by_subject(
        group,
        WIDE,
        n_folds=2,
        seed=7,
        num_warmup=300,
        num_samples=500,
        draws_per_group=50,
        progress_bar=False,
    )
    assert list(kfold.elpd_i["subject"].values) == list("abcde")
    np.testing.assert_allclose(kfold.elpd_i, expected, atol=0.1)
    np.testing.assert_allclose(kfold.elpd, expected.sum(), atol=0.3)
    assert kfold.kind == "loo_kfold" and kfold.n_folds == 2
    np.testing.assert_allclose(kfold.se, np.sqrt(5) * kfold.elpd_i.std(), rtol=1e-6)


def group_fits(patch, n_samples, mean=0.0, sd=1.0):
    """In place of NUTS, fits that know the group of `WIDE` exactly: all draws are these."""
    accept_all(patch)

    def fit_many(datasets, model, *, seeds, **settings):
        values = {
            "alpha_group_mean": mean,
            "alpha_group_sd": sd,
            "beta_group_mean": 1.0,
            "beta_group_sd": TINY,
        }
        return [
            from_dict({"posterior": {name: np.full((4, n_samples), value) for name, value in values.items()}})
        ] * len(datasets)

    patch.setattr(inference, "fit_many", fit_many)


def test_people_are_drawn_until_every_score_rests_on_enough(group, monkeypatch):
    group_fits(
        monkeypatch, n_samples=50
    )  # 200 draws of the group, one person each: 100 effective draws take several rounds
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kfold = kfold_by_subject(group, WIDE, n_folds=5, draws_per_group=1)
    assert (kfold.n_eff_i >= 100).all() and not kfold.warning
    offsets = np.linspace(-5, 5, 201)
    log_weight = -0.5 * offsets**2 - logsumexp(-0.5 * offsets**2)
    expected = logsumexp(
        plain_scores(group, expit(offsets), np.full(201, np.e)).sum(axis=2) + log_weight[:, None], axis=0
    )
    np.testing.assert_allclose(kfold.elpd_i, expected, atol=0.4)  # 100 effective draws: an error of about 0.1


def test_few_effective_draws_are_warned_of(group, monkeypatch):
    group_fits(monkeypatch, n_samples=4)
    monkeypatch.setattr(folds, "MAX_ROUNDS", 2)
    with pytest.warns(
        UserWarning,
        match=r"subject '[a-e]' rests on \d+ effective draws, fewer than 100: .*'wide'.* Raise num_samples",
    ):
        kfold = kfold_by_subject(group, WIDE, n_folds=2, draws_per_group=1)
    assert kfold.warning and kfold.n_eff_i.min() < 100


def test_draws_of_the_group_that_resemble_each_other_count_less():
    weights = np.random.default_rng(5).lognormal(size=(4, 100, 1))
    alone = folds._effective_groups(weights)
    kish = weights.sum() ** 2 / (weights**2).sum()
    assert 0.7 * kish < alone[0] < 1.001 * kish
    repeated = np.repeat(weights[:, :25], 4, axis=1)
    assert folds._effective_groups(repeated)[0] < 0.4 * folds._effective_groups(weights)[0]


def test_a_fold_whose_fit_is_refused_is_reported_and_not_compared(group, monkeypatch):
    group_fits(monkeypatch, n_samples=50)
    reports = iter(
        [Report({}, ()), Report({}, ("the chains do not agree",)), Report({}, ("they still do not",))]
    )
    monkeypatch.setattr(inference, "check", lambda fit: next(reports))
    monkeypatch.setattr(Report, "__str__", lambda report: report.problems[0])
    with pytest.warns(
        UserWarning,
        match="1 of the 2 folds' fits of the model 'wide' do not pass .* Fold 1: they still do not",
    ):
        kfold = kfold_by_subject(group, WIDE, n_folds=2, seed=7)
    second = np.array_split(np.random.default_rng(7).permutation(5), 2)[1]
    assert kfold.warning
    assert np.flatnonzero(~kfold.elpd_i["passes"].values).tolist() == sorted(second)
    assert (kfold.elpd_i["fold"].values == np.isin(np.arange(5), second)).all()
    with pytest.raises(ValueError, match=r"The fits of folds \[1\] do not pass"):
        scores_by_person(kfold)


def test_somebody_without_trials_is_in_no_fold_and_has_no_score(group, monkeypatch):
    group_fits(monkeypatch, n_samples=100)
    mask = np.array(group.mask)
    mask[2] = False
    kfold = kfold_by_subject(dataclasses.replace(group, mask=mask), WIDE, n_folds=4)
    assert kfold.elpd_i["subject"].values.tolist() == ["a", "b", "d", "e"]
    assert np.isfinite(kfold.elpd_i).all()


# By person


def elpd_of(scores, people, kind="loo", **more):
    elpd_i = xr.DataArray(np.asarray(scores, float), dims="point", coords={"subject": ("point", people)})
    return as_elpd(kind, elpd_i, p=0.0, n_samples=1, **more)


def test_differences_are_summed_within_people_before_their_variance_is_taken():
    people = ["a"] * 3 + ["b"] * 3 + ["c"] * 2
    rng = np.random.default_rng(2)
    first, second = rng.normal(-1.0, 0.3, size=8), rng.normal(-1.5, 0.3, size=8)
    table = compare_by_person({"second": elpd_of(second, people), "first": elpd_of(first, people)})
    by_person = [sum((second - first)[i] for i in range(8) if people[i] == name) for name in "abc"]
    middle = sum(by_person) / 3
    assert table.index.tolist() == ["first", "second"]
    np.testing.assert_allclose(table["elpd"], [first.sum(), second.sum()])
    np.testing.assert_allclose(table["difference"], [0.0, sum(by_person)])
    expected = (3 * sum((each - middle) ** 2 for each in by_person) / 2) ** 0.5
    np.testing.assert_allclose(table["standard_error"], [0.0, expected])


@pytest.mark.parametrize(
    ("differences", "decided"),
    [([3.0, 3.0, 3.1], True), ([1.0, 1.0, 1.1], False), ([0.0, 0.0, 9.0], False), ([4.5], False)],
    ids=["large and certain", "smaller than 4", "smaller than 2 standard errors", "one person"],
)
def test_a_difference_is_decided_where_it_is_large_and_certain(differences, decided):
    table = compare_scores(
        pd.DataFrame({"better": np.zeros(len(differences)), "worse": -np.array(differences)})
    )
    assert table["decided"].tolist() == [decided, decided]


def test_the_best_model_is_decided_where_it_is_told_from_all_others():
    table = compare_scores(
        pd.DataFrame({"best": [0.0] * 3, "near": [-1.0, -1.0, -1.1], "far": [-5.0, -5.0, -5.1]})
    )
    assert table["decided"].to_dict() == {"best": False, "near": False, "far": True}


def test_loo_and_kfold_are_compared_alike(tiny, tiny_fit):
    by_choice = compare_by_person(
        {"alike": loo_by_trial(tiny, ALIKE, tiny_fit), "random": loo_by_trial(tiny, rwlib.RANDOM)}
    )
    by_fold = compare_by_person({"random": kfold_by_subject(tiny, rwlib.RANDOM, n_folds=2)})
    assert (
        by_choice.columns.tolist()
        == by_fold.columns.tolist()
        == ["elpd", "difference", "standard_error", "decided"]
    )
    np.testing.assert_allclose(
        [by_choice.loc["random", "elpd"], by_fold.loc["random", "elpd"]], 20 * np.log(0.5)
    )


def test_scores_that_cannot_be_compared_are_named():
    one = elpd_of([-1.0, -2.0], ["a", "b"])
    with pytest.raises(ValueError, match="'x' \\(loo\\) and of 'y' \\(loo_kfold\\) are not of the same kind"):
        compare_by_person({"x": one, "y": elpd_of([-1.0, -2.0], ["a", "b"], "loo_kfold", n_folds=2)})
    with pytest.raises(ValueError, match="same choices"):
        compare_by_person({"x": one, "y": elpd_of([-1.0, -2.0], ["a", "a"])})
    with pytest.raises(ValueError, match="at least one model"):
        compare_by_person({})
    with pytest.raises(ValueError, match="lacks the coordinate 'subject'"):
        scores_by_person(dataclasses.replace(one, elpd_i=one.elpd_i.drop_vars("subject")))
    with pytest.raises(ValueError, match="0 people and 1 models"):
        compare_scores(pd.DataFrame({"x": []}))
    with pytest.raises(ValueError, match="score of 1 by the model 'x' is missing"):
        compare_scores(pd.DataFrame({"x": [0.0, np.nan]}))


# How often the answer is right


@pytest.fixture(scope="module")
def recovered():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(4), [0.2, 0.8], 40)
    models = [rwlib.RANDOM, rwlib.WIN_STAY_LOSE_SHIFT]
    short = dict(
        n_datasets=6, n_subjects=4, num_warmup=200, num_samples=200, num_chains=2, progress_bar=False
    )
    with pytest.MonkeyPatch.context() as patch:
        accept_all(patch)
        return pd.concat(
            [recover_models(true, models, outcomes, seed=11 + i, **short) for i, true in enumerate(models)]
        )


def test_each_model_is_fitted_to_each_data_set(recovered):
    assert len(recovered) == 2 * 6 * 2
    counts = recovered.groupby(["true", "fitted"]).size()
    assert (counts == 6).all() and len(counts) == 4
    # The random model's score does not depend on the data: 4 subjects, 40 trials, two arms.
    np.testing.assert_allclose(
        recovered.loc[recovered["fitted"] == "random", "elpd"], 160 * np.log(0.5), rtol=1e-6
    )
    assert recovered["passes"].all() and not recovered["refitted"].any()


def test_every_score_stands_beside_its_difference_to_the_winner_of_its_data_set(recovered):
    best = recovered.groupby(["true", "dataset"])["elpd"].transform("max")
    np.testing.assert_allclose(recovered["difference"], recovered["elpd"] - best, atol=1e-9)
    losers = recovered["difference"] < 0
    assert losers.sum() == 12 and (recovered.loc[losers, "standard_error"] > 0).all()
    assert (recovered.loc[~losers, "standard_error"] == 0).all()
    assert not recovered.loc[losers & (recovered["difference"] > -4), "decided"].any()


def test_data_sets_with_a_refused_fit_are_left_out_of_the_confusion():
    table = score_table({"a": [(-1, -2), (-3, -2)], "b": [(-2, -1)]}).assign(passes=True)
    assert confusion_matrix(table).loc["a", "b"] == 0.5
    refused = (table["true"] == "a") & (table["dataset"] == 1) & (table["fitted"] == "a")
    np.testing.assert_allclose(confusion_matrix(table.assign(passes=~refused)), np.eye(2))
    with pytest.raises(ValueError, match="every data set of 'b' some model's fit does not pass"):
        confusion_matrix(table.assign(passes=table["true"] == "a"))


def test_rows_of_the_confusion_and_columns_of_the_inversion_sum_to_one(recovered):
    confusion = confusion_matrix(recovered)
    np.testing.assert_allclose(confusion.sum(axis=1), 1.0)
    assert list(confusion.index) == list(confusion.columns) == ["random", "win-stay, lose-shift"]
    np.testing.assert_allclose(inversion_matrix(confusion).sum(axis=0), 1.0)
    assert np.diag(confusion).min() > 0.5


def score_table(elpds):
    """Of data sets that differ in nothing but their scores: {true: [[elpd of a, of b], …]}."""
    rows = [
        (0, i, true, fitted, elpd)
        for true, sets in elpds.items()
        for i, scores in enumerate(sets)
        for fitted, elpd in zip("ab", scores)
    ]
    return pd.DataFrame(rows, columns=["seed", "dataset", "true", "fitted", "elpd"])


def test_confusion_counts_winners_whatever_the_order_of_the_rows():
    table = score_table({"a": [(-1, -2), (-1, -2), (-3, -2), (-5, -5)], "b": [(-2, -1)]})
    expected = [[(1 + 1 + 0 + 0.5) / 4, (0 + 0 + 1 + 0.5) / 4], [0.0, 1.0]]
    np.testing.assert_allclose(confusion_matrix(table), expected)
    shuffled = pd.concat(
        [table[table["true"] == "a"].sample(frac=1, random_state=1), table[table["true"] == "b"]]
    )
    np.testing.assert_allclose(confusion_matrix(shuffled).loc[["a", "b"], ["a", "b"]], expected)


def test_inversion_is_bayes_rule_and_not_the_transpose():
    confusion = pd.DataFrame([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.3, 0.2]], list("abc"), list("abc"))
    prior = [0.5, 0.3, 0.2]
    inversion = inversion_matrix(confusion, prior)
    for estimated in "abc":
        chances = [p * confusion.loc[true, estimated] for p, true in zip(prior, "abc")]
        np.testing.assert_allclose(inversion[estimated], np.array(chances) / sum(chances))
    np.testing.assert_allclose(inversion.sum(axis=0), 1.0)
    assert not np.allclose(inversion_matrix(confusion), confusion.T)
    np.testing.assert_allclose(inversion_matrix(confusion).loc["a", "b"], 0.2 / (0.2 + 0.6 + 0.3))


def test_a_winner_that_never_wins_tells_nothing():
    confusion = pd.DataFrame([[1.0, 0.0], [1.0, 0.0]], list("ab"), list("ab"))
    inversion = inversion_matrix(confusion)
    np.testing.assert_allclose(inversion["a"], 0.5)
    assert inversion["b"].isna().all()


def test_bad_input_is_named(tiny, tiny_fit, group):
    with pytest.raises(ValueError, match="'alike' has parameters: give loo_by_trial a fit"):
        loo_by_trial(tiny, ALIKE)
    with pytest.raises(ValueError, match="of the model 'alike', not of 'symmetric'"):
        loo_by_trial(tiny, rwlib.SYMMETRIC, tiny_fit)
    with pytest.raises(ValueError, match="The subject 'a' is in data and not in the fit"):
        loo_by_trial(group, ALIKE, tiny_fit)
    with pytest.raises(ValueError, match="other data: 'choices' differs"):
        loo_by_trial(dataclasses.replace(tiny, choices=1 - tiny.choices), ALIKE, tiny_fit)


def test_a_fit_that_knew_of_another_design_is_refused(tiny, tiny_fit):
    in_two_runs = dataclasses.replace(
        tiny, design=rwlib.Design(block=np.arange(tiny.n_trials) // 2), blocks=None
    )
    with pytest.raises(ValueError, match="other data: 'block' differs"):
        loo_by_trial(in_two_runs, ALIKE, tiny_fit)


def test_people_are_matched_by_their_labels(tiny, tiny_fit):
    turned = tiny.of_subjects(range(tiny.n_subjects)[::-1])
    ours, theirs = (scores_by_person(loo_by_trial(data, ALIKE, tiny_fit)) for data in (tiny, turned))
    pd.testing.assert_series_equal(ours, theirs.loc[ours.index], rtol=1e-5)


def test_impossible_folds_and_tables_are_named(group):
    for n_folds in (1, 6):
        with pytest.raises(
            ValueError,
            match=f"n_folds is {n_folds}; with 5 subjects who have trials it must lie between 2 and 5",
        ):
            kfold_by_subject(group, rwlib.RANDOM, n_folds=n_folds)
    with pytest.raises(ValueError, match="same name: 'random', 'random'"):
        recover_models(rwlib.RANDOM, [rwlib.RANDOM] * 2, np.zeros((5, 2)), n_datasets=1, n_subjects=1, seed=0)
    table = score_table({"a": [(-1, -2)], "b": [(-2, -1)]})
    with pytest.raises(ValueError, match=r"two scores .*'true': 'a'"):
        confusion_matrix(pd.concat([table, table]))
    with pytest.raises(ValueError, match=r"no score of 'b' for .*'true': 'b'"):
        confusion_matrix(table.iloc[:-1])
    with pytest.raises(ValueError, match=r"these sum to \[1.1\]"):
        inversion_matrix(pd.DataFrame([[0.6, 0.5]]))
    with pytest.raises(ValueError, match="a probability for each of the 2 true models"):
        inversion_matrix(pd.DataFrame(np.eye(2)), [0.5, 0.6])


def test_choices_that_were_read_from_a_table_with_trials_of_its_own_are_scored(tiny):
    person, trial = np.indices(tiny.choices.shape).reshape(2, -1)
    columns = {"choice": tiny.choices, "reward": tiny.rewards}
    table = pd.DataFrame({name: np.asarray(values).ravel() for name, values in columns.items()})
    table = table.assign(subject=np.array(tiny.subjects)[person], trial=101 + 2 * trial)
    table = table[np.asarray(tiny.mask).ravel()]
    read = rwlib.read_choices(table, n_actions=tiny.n_actions)
    short = dict(num_warmup=30, num_samples=50, progress_bar=False, warn=False)
    fitted = rwlib.fit(read, **short)
    assert "trials" in fitted["constant_data"]
    assert rwlib.loo_by_trial(read, rwlib.ASYMMETRIC, fitted).n_data_points == read.scored.sum()
