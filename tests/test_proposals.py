"""Proposals: drawn as their density says, and learned from draws with one mode and with two."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from rwlib.fitting.proposals import (
    Proposals,
    learn_proposals,
    log_density_of_groups,
    log_density_of_people,
    propose_groups,
    propose_people,
)

MEANS, SDS = np.array([0.0, 0.5, -3.0, 2.0]), np.array([1.0, 2.0, 0.3, 0.5])
N = 5000


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def proposals(n_subjects=N):
    mean = jnp.tile(MEANS[:, None, None], (1, 1, n_subjects))
    cholesky = jnp.tile(SDS[:, None, None, None], (1, n_subjects, 1, 1))
    return Proposals(mean, cholesky, 1 / cholesky, jnp.array([[0.3], [0.7]]), jnp.array([[0.5], [0.6]]))


def test_people_are_drawn_as_their_density_says():
    places = np.asarray(propose_people(jax.random.key(0), proposals())).ravel()
    assert stats.kstest(places, lambda x: stats.norm(MEANS, SDS).cdf(x[:, None]).mean(axis=1)).pvalue > 1e-4
    at = np.linspace(-5, 6, 50)
    density = log_density_of_people(jnp.asarray(at)[:, None, None], proposals(1))[:, 0]
    expected = np.log(stats.norm(MEANS, SDS).pdf(at[:, None]).mean(axis=1) * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density, expected, rtol=1e-8)


def test_the_density_of_people_counts_correlations():
    cholesky = np.tile(np.linalg.cholesky([[1.0, 0.8], [0.8, 2.0]]), (4, 1, 1, 1))
    of_two = Proposals(
        np.zeros((4, 2, 1)), cholesky, np.linalg.inv(cholesky), np.zeros((2, 2)), np.ones((2, 2))
    )
    at = np.random.default_rng(1).normal(size=(6, 2))
    density = log_density_of_people(jnp.asarray(at)[..., None], of_two)[:, 0]
    expected = stats.multivariate_normal([0, 0], [[1.0, 0.8], [0.8, 2.0]]).logpdf(at) + np.log(2 * np.pi)
    np.testing.assert_allclose(density, expected, rtol=1e-8)


def test_groups_are_drawn_as_their_density_says():
    drawn = [propose_groups(key, proposals(1)) for key in jax.random.split(jax.random.key(2), 500)]
    means, sds = (np.concatenate([np.asarray(each[i]).ravel() for each in drawn]) for i in (0, 1))
    folded = stats.foldnorm(0.5 / 0.6, scale=0.6)
    assert stats.kstest(means, stats.norm(0.3, 0.7).cdf).pvalue > 1e-4
    assert stats.kstest(sds, folded.cdf).pvalue > 1e-4
    density = log_density_of_groups(jnp.asarray(means[:9, None]), jnp.asarray(sds[:9, None]), proposals(1))[
        :, 0
    ]
    np.testing.assert_allclose(
        density, stats.norm(0.3, 0.7).logpdf(means[:9]) + folded.logpdf(sds[:9]), rtol=1e-8
    )


def learned_from(people):
    draws = len(people)
    return learn_proposals(people, np.zeros((draws, people.shape[1])), np.ones((draws, people.shape[1])))


@pytest.mark.parametrize("share", [0.03, 0.5])
def test_each_of_two_modes_gets_a_normal_of_its_own_however_rare(share):
    rng = np.random.default_rng(3)
    where = rng.random((400, 1, 20)) < share
    people = rng.normal(size=(400, 2, 20)) * 0.3 + np.where(where, np.array([[4.0], [-2.0]]), 0.0)
    means = np.sort(learned_from(people).mean[2:, 0], axis=0)
    assert (abs(means[0]) < 0.3).all() and (abs(means[1] - 4.0) < 0.6).all()


def test_the_normals_of_a_person_with_one_mode_cover_it():
    rng = np.random.default_rng(4)
    cholesky = np.linalg.cholesky([[0.5, 0.3], [0.3, 0.4]])
    people = np.einsum("ij,djs->dis", cholesky, rng.normal(size=(400, 2, 20)))
    own = learned_from(people)
    inside = log_density_of_people(jnp.asarray(people), own) - np.log(2 * np.pi)
    precise = stats.multivariate_normal([0, 0], cholesky @ cholesky.T).logpdf(people.transpose(0, 2, 1))
    # Half of the proposals are the group's: a density half as high is as good as it can be.
    assert np.quantile(precise - np.asarray(inside), 0.99) < 2.0


def test_the_wide_normals_are_those_of_a_new_person():
    rng = np.random.default_rng(5)
    means, sds = rng.normal([1.0, -1.0], [0.6, 0.2], (4000, 2)), np.full((4000, 2), [0.8, 0.1])
    learned = learn_proposals(rng.normal(size=(4000, 2, 3)), means, sds)
    np.testing.assert_allclose(learned.mean[0, :, 0], [1.0, -1.0], atol=0.05)
    np.testing.assert_allclose(
        np.diagonal(learned.cholesky[0, 0]), np.hypot([0.8, 0.1], [0.6, 0.2]), rtol=0.05
    )
    np.testing.assert_allclose(learned.cholesky[1], 2 * learned.cholesky[0])


def test_proposals_learned_from_few_draws_can_be_used():
    for n_draws in (2, 5):
        learned = learned_from(np.random.default_rng(6).normal(size=(n_draws, 3, 4)))
        assert all(np.isfinite(x).all() for x in learned)
    same = learned_from(np.ones((20, 3, 4)))
    assert all(np.isfinite(x).all() for x in same)
