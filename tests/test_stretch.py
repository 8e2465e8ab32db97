import jax
import jax.numpy as jnp
import numpy as np

from rwlib import ASYMMETRIC, ASYMMETRIC_STICKY
from rwlib.fitting.positions import draw_from_prior
from rwlib.fitting.stretch import learn_stretch, rough_stretch, stretch, unstretch


def some_posterior(n_subjects=30, n_draws=4000, seed=0):
    """Draws of group and people of a model with normal data: half of the people are known well, half
    hardly."""
    rng, model = np.random.default_rng(seed), ASYMMETRIC
    taken = np.where(np.arange(n_subjects) % 2, 0.9, 0.05)
    mean, sd = rng.normal(0.4, 0.1, (n_draws, 3)), np.exp(rng.normal(-0.3, 0.1, (n_draws, 3)))
    favoured = np.random.default_rng(99).normal(size=(3, n_subjects)) * 0.7 + 0.4
    offsets = taken * (favoured - mean[..., None]) / sd[..., None] + np.sqrt(1 - taken) * rng.normal(
        size=(n_draws, 3, n_subjects)
    )
    return np.concatenate([mean, sd, offsets.reshape(n_draws, -1)], axis=1), model, n_subjects


def moved_of(positions, shape):
    return np.asarray(jax.vmap(lambda position: unstretch(position, shape))(jnp.asarray(positions)))


def test_unstretching_undoes_stretching():
    positions, model, n_subjects = some_posterior()
    for shape in (learn_stretch(positions, model, n_subjects), rough_stretch(model, n_subjects)):
        np.testing.assert_allclose(
            stretch(jnp.asarray(moved_of(positions[:1], shape)[0]), shape), positions[0], rtol=1e-3, atol=1e-5
        )


def test_a_learned_stretch_makes_a_posterior_round():
    positions, model, n_subjects = some_posterior()
    moved = moved_of(some_posterior(seed=1)[0], learn_stretch(positions, model, n_subjects))
    eigenvalues = np.linalg.eigvalsh(np.cov(moved.T))
    assert 0.6 < eigenvalues[0] and eigenvalues[-1] < 1.6
    # With scales alone it stays long and narrow, since people whom the data determine must follow the group.
    rough = np.linalg.eigvalsh(np.corrcoef(positions.T))
    assert rough[0] < 0.3


def test_a_stretch_learned_from_few_draws_can_be_used():
    positions, model, n_subjects = some_posterior(n_draws=5)
    shape = learn_stretch(positions, model, n_subjects)
    assert (
        all(np.isfinite(x).all() for x in shape) and (np.diagonal(shape.people, axis1=1, axis2=2) > 0).all()
    )


def test_centred_people_do_not_follow_their_group():
    rng, kinds = np.random.default_rng(3), ASYMMETRIC_STICKY.parameters
    model = ASYMMETRIC_STICKY._replace(
        parameters=tuple(p._replace(centred=i in (0, 3)) for i, p in enumerate(kinds))
    )
    positions = np.stack([draw_from_prior(rng, model, 4) for _ in range(50)])
    slope = learn_stretch(positions, model, 4).slope
    assert not slope[:, [0, 3]].any() and slope[:, 1].any()
