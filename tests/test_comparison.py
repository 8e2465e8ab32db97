import arviz_stats
import jax
import numpy as np
import pandas as pd
import pytest
from reference_agent import trialwise_log_likelihood
from scipy.special import expit, logsumexp

import rwlib
from rwlib import GroupParameter, Model, confusion_matrix, inversion_matrix, kfold_by_subject, loo_by_trial, recover_models

# A group SD so small that the subjects are all but alike: the posterior then has two dimensions, and a grid can do what NUTS does.
TINY = 0.01
ALIKE = Model("alike", (GroupParameter("alpha", "expit", 0.0, 1.0, TINY), GroupParameter("beta", "exp", 1.0, 0.5, TINY)))


def grid_of_alike(size=81):
    """Points of the two group means, their log prior, and the subjects' parameters there."""
    unbounded_alpha, log_beta = (x.ravel() for x in np.meshgrid(np.linspace(-4, 4, size), np.linspace(-1.0, 3.0, size)))
    log_prior = -0.5 * unbounded_alpha**2 - 0.5 * ((log_beta - 1.0) / 0.5) ** 2
    return log_prior, expit(unbounded_alpha), np.exp(log_beta)


def plain_scores(data, alphas, betas):
    """Log-probability of each choice at each point, by the plain loops: (n_points, n_subjects, n_trials)."""
    rows = list(zip(data.choices, data.rewards, data.mask))
    return np.array([[trialwise_log_likelihood(*row, data.n_actions, a, a, b) for row in rows] for a, b in zip(alphas, betas)])


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
    """Each refit drops one choice from the score and keeps it in the history, which the plain loops show: they score all first."""
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


def test_loo_reweights_the_draws_by_one_over_the_probability_of_the_choice(tiny, tiny_fit):
    """Without smoothing, on scores by the plain loops. With weights as tame as these, smoothing changes little."""
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
    by_trial = {"alike": loo_by_trial(tiny, ALIKE, tiny_fit), "random": loo_by_trial(tiny, rwlib.RANDOM)}
    table = arviz_stats.compare(by_trial)
    best = max(by_trial, key=lambda name: by_trial[name].elpd)
    assert table.index[0] == best and table["elpd_diff"].iloc[0] == 0
    np.testing.assert_allclose(table["weight"].sum(), 1.0)


# Whole subjects

WIDE = Model("wide", (GroupParameter("alpha", "expit", 0.0, TINY, 1.0), GroupParameter("beta", "exp", 1.0, TINY, TINY)))


@pytest.fixture(scope="module")
def group():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(2), [0.2, 0.8], 25)
    alphas = expit(np.random.default_rng(5).normal(size=5))
    played = rwlib.simulate(jax.random.key(3), outcomes, {"alpha": alphas, "beta": np.e}).data
    return rwlib.ChoiceData(played.choices, played.rewards, subjects=list("abcde"))


def plain_kfold(data, folds, n_nodes=61):
    """For `WIDE`, whose means and beta are known: the group SD from the other folds, and a new subject averaged over the group.

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


def test_kfold_agrees_with_plain_refits(group):
    folds = np.array_split(np.random.default_rng(7).permutation(5), 2)
    expected = plain_kfold(group, folds)
    kfold = kfold_by_subject(group, WIDE, n_folds=2, seed=7, num_warmup=300, num_samples=500, draws_per_group=50, progress_bar=False)
    assert list(kfold.elpd_i["subject"].values) == list("abcde")
    np.testing.assert_allclose(kfold.elpd_i, expected, atol=0.1)
    np.testing.assert_allclose(kfold.elpd, expected.sum(), atol=0.3)
    assert kfold.kind == "loo_kfold" and kfold.n_folds == 2
    np.testing.assert_allclose(kfold.se, np.sqrt(5) * kfold.elpd_i.std(), rtol=1e-6)


def test_few_effective_draws_are_warned_of(group):
    with pytest.warns(UserWarning, match=r"subject '[a-e]' rests on \d+ effective draws; raise draws_per_group"):
        kfold_by_subject(group, WIDE, n_folds=2, num_warmup=20, num_samples=4, num_chains=2, draws_per_group=1, progress_bar=False)


# How often the answer is right


@pytest.fixture(scope="module")
def recovered():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(4), [0.2, 0.8], 40)
    models = [rwlib.RANDOM, rwlib.WIN_STAY_LOSE_SHIFT]
    short = dict(n_datasets=6, n_subjects=4, num_warmup=200, num_samples=200, num_chains=2, progress_bar=False)
    return pd.concat([recover_models(true, models, outcomes, seed=11 + i, **short) for i, true in enumerate(models)])


def test_each_model_is_fitted_to_each_data_set(recovered):
    assert len(recovered) == 2 * 6 * 2
    counts = recovered.groupby(["true", "fitted"]).size()
    assert (counts == 6).all() and len(counts) == 4
    # The random model's score does not depend on the data: 4 subjects, 40 trials, two arms.
    np.testing.assert_allclose(recovered.loc[recovered["fitted"] == "random", "elpd"], 160 * np.log(0.5), rtol=1e-6)
    assert (recovered["r_hat"] < 1.1).all()


def test_rows_of_the_confusion_and_columns_of_the_inversion_sum_to_one(recovered):
    confusion = confusion_matrix(recovered)
    np.testing.assert_allclose(confusion.sum(axis=1), 1.0)
    assert list(confusion.index) == list(confusion.columns) == ["random", "win-stay, lose-shift"]
    np.testing.assert_allclose(inversion_matrix(confusion).sum(axis=0), 1.0)
    assert np.diag(confusion).min() > 0.5


def score_table(elpds):
    """Of data sets that differ in nothing but their scores: {true: [[elpd of a, of b], …]}."""
    rows = [(0, i, true, fitted, elpd) for true, sets in elpds.items() for i, scores in enumerate(sets) for fitted, elpd in zip("ab", scores)]
    return pd.DataFrame(rows, columns=["seed", "dataset", "true", "fitted", "elpd"])


def test_confusion_counts_winners_whatever_the_order_of_the_rows():
    table = score_table({"a": [(-1, -2), (-1, -2), (-3, -2), (-5, -5)], "b": [(-2, -1)]})
    expected = [[(1 + 1 + 0 + 0.5) / 4, (0 + 0 + 1 + 0.5) / 4], [0.0, 1.0]]
    np.testing.assert_allclose(confusion_matrix(table), expected)
    shuffled = pd.concat([table[table["true"] == "a"].sample(frac=1, random_state=1), table[table["true"] == "b"]])
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
    with pytest.raises(ValueError, match="other data: its choices differ"):
        loo_by_trial(group, ALIKE, tiny_fit)
    for n_folds in (1, 6):
        with pytest.raises(ValueError, match=f"n_folds is {n_folds}; with 5 subjects it must lie between 2 and 5"):
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
