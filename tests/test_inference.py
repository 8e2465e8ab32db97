import arviz_base
import jax
import numpy as np
import pytest

import rwlib
from rwlib import ASYMMETRIC, check, fit, fit_many, sampling

RNG = np.random.default_rng(3)
TRUE = {"alpha_pos": RNG.beta(5, 5, 12), "alpha_neg": RNG.beta(5, 5, 12), "beta": 1 / RNG.beta(5, 5, 12)}


@pytest.fixture(scope="module")
def data():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7, 0.5], 120)
    simulated = rwlib.simulate(jax.random.key(1), outcomes, TRUE).data
    labels = [f"s{i:02d}" for i in range(12)]
    return rwlib.ChoiceData(simulated.choices, simulated.rewards, n_actions=3, subjects=labels)


# With twelve subjects and 120 trials no parameter is determined well enough to be centred (chapter 7).
NON_CENTRED = ASYMMETRIC._replace(parameters=tuple(p._replace(centred=False) for p in ASYMMETRIC.parameters))


@pytest.fixture(scope="module")
def good(data):
    return fit(data, NON_CENTRED, num_warmup=400, num_samples=1000, seed=1, target_accept=0.95, progress_bar=False)


def test_a_good_fit_passes(good):
    assert check(good), str(check(good))


def test_a_fit_recovers_what_it_should(good):
    table = rwlib.recovery_table(TRUE, good)
    assert (table["coverage"] >= 0.6).all()  # 12 intervals of 90%: below 7 of 12 has a probability of 1 in 10,000
    assert table["rmse"]["alpha_pos"] < 0.2 and table["rmse"]["alpha_neg"] < 0.2 and table["rmse"]["beta"] < 1.2


def test_the_fit_has_named_dimensions_and_the_subjects_labels(good, data):
    for name in ("alpha_pos", "alpha_neg", "beta"):
        assert good.posterior[name].dims == ("chain", "draw", "subject")
        assert {f"{name}_group_mean", f"{name}_group_sd"} < set(good.posterior.data_vars)
    assert list(good.posterior.subject.values) == list(data.subjects)
    assert good.posterior.sizes["chain"] == 4 and good.posterior.sizes["draw"] == 1000
    np.testing.assert_array_equal(good.observed_data["choices"], data.choices)


def test_subjects_parameters_follow_from_the_groups(good):
    moved = good["unconstrained_posterior"]
    unbounded = good.posterior["alpha_pos_group_mean"] + good.posterior["alpha_pos_group_sd"] * moved["alpha_pos_offset"]
    np.testing.assert_allclose(1 / (1 + np.exp(-unbounded)), good.posterior["alpha_pos"], rtol=1e-4)


@pytest.mark.parametrize("centred", [True, None], ids=["centred", "learned"])
def test_centring_does_not_change_the_posterior(data, good, centred):
    model = ASYMMETRIC._replace(parameters=tuple(p._replace(centred=centred) for p in ASYMMETRIC.parameters))
    other = fit(data, model, num_warmup=400, num_samples=1000, seed=2, progress_bar=False, target_accept=0.9)
    for name in ("alpha_pos", "beta"):
        difference = (other.posterior[name].mean(("chain", "draw")) - good.posterior[name].mean(("chain", "draw"))).values
        spread = good.posterior[name].std(("chain", "draw")).values
        assert np.abs(difference / spread).max() < 0.3


def test_the_same_seed_gives_the_same_draws_and_another_seed_others(data):
    short = dict(num_warmup=30, num_samples=20, num_chains=2, progress_bar=False)
    one, same, other = (fit(data, seed=seed, **short).posterior["beta"].values for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_parameter_is_centred_only_where_the_data_clearly_determine_it():
    # Otherwise a chain that comes to a group SD near 0 is caught there, and all its transitions diverge.
    rng, shape = np.random.default_rng(8), (1, 4, 60)
    sites = {f"{p.name}_group_{what}": 0.1 * rng.normal(size=shape) for p in ASYMMETRIC.parameters for what in ("mean", "sd")}
    spread = {"alpha_pos": 0.5, "alpha_neg": 0.9, "beta": 0.2}  # of the offsets; 1 where the data say nothing
    sites |= {f"{name}_offset": sd * rng.normal(size=(*shape, 5)) for name, sd in spread.items()}
    position = sampling._join(sites)
    tuning = sampling.Tuning(np.ones((1, position.shape[-1])), np.zeros((1, 3, 5)), np.ones(1))
    alpha_pos, alpha_neg, beta = sampling._learn(position, tuning, 1.0, ASYMMETRIC, may_centre=True).weights[0]
    assert (alpha_neg < 0.1).all() and (alpha_pos > 0.4).all() and (beta > 0.9).all()
    assert not sampling._learn(position, tuning, 1.0, ASYMMETRIC, may_centre=False).weights.any()


def test_a_run_too_short_does_not_pass(data):
    report = check(fit(data, num_warmup=20, num_samples=30, progress_bar=False))
    assert not report
    assert "R-hat" in str(report) or "ESS" in str(report)


def test_a_run_can_be_interrupted(data, monkeypatch):
    finished = []
    original = sampling._advance

    def interrupt_after_a_while(*arguments):
        finished.append(1)
        if len(finished) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(sampling, "_advance", interrupt_after_a_while)
    with pytest.raises(KeyboardInterrupt):
        fit(data, num_warmup=400, num_samples=100_000, progress_bar=False)
    assert len(finished) < 20  # of thousands of pieces


def test_a_data_set_has_the_same_draws_alone_and_among_others_on_any_number_of_threads(data):
    # So short that rounding, which differs from one compiled program to the next, has no time to grow.
    short = dict(num_warmup=10, num_samples=5, num_chains=2, progress_bar=False)
    other = rwlib.ChoiceData(np.flip(data.choices, axis=1), np.flip(data.rewards, axis=1), n_actions=3)
    alone = fit(data, seed=7, **short).posterior["beta"]
    for num_threads in (1, 2):
        among_others = fit_many([other, data], seeds=[6, 7], num_threads=num_threads, **short)[1].posterior["beta"]
        np.testing.assert_allclose(among_others, alone, rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 0}, "num_samples is 0"),
        ({"num_warmup": 0}, "num_warmup is 0"),
        ({"num_chains": 0}, "num_chains is 0"),
        ({"target_accept": 1.5}, "target_accept is 1.5"),
    ],
)
def test_impossible_settings_are_refused(data, settings, message):
    with pytest.raises(ValueError, match=message):
        fit(data, **settings)


def made_up_fit(draws=None, diverging=None, energy=None, n_draws=500):
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(4, n_draws)) if draws is None else draws
    return arviz_base.from_dict(
        {
            "posterior": {"x": draws, "y": rng.normal(size=(4, n_draws, 3))},
            "sample_stats": {
                "diverging": np.zeros((4, n_draws), bool) if diverging is None else diverging,
                "energy": rng.normal(size=(4, n_draws)) if energy is None else energy,
            },
        },
        dims={"y": ["subject"]},
        coords={"subject": ["ada", "bo", "cy"]},
    )


def test_independent_draws_pass():
    assert check(made_up_fit())


def test_chains_that_disagree_do_not_pass():
    report = check(made_up_fit(np.random.default_rng(1).normal(size=(4, 500)) + np.arange(4)[:, None]))
    assert not report and "R-hat" in report.problems[0] and " x " in report.problems[0]


def test_a_chain_that_never_moved_does_not_pass():
    assert not check(made_up_fit(np.ones((4, 500))))


def test_sticky_draws_do_not_pass():
    rng = np.random.default_rng(2)
    draws = np.repeat(rng.normal(size=(4, 50)), 10, axis=1)
    assert any("Bulk ESS" in problem for problem in check(made_up_fit(draws)).problems)


def test_one_divergence_does_not_pass():
    diverging = np.zeros((4, 500), bool)
    diverging[2, 7] = True
    assert check(made_up_fit(diverging=diverging)).problems[0].startswith("1 of 2000 transitions diverged")


def test_energy_that_drifts_does_not_pass():
    walk = np.random.default_rng(3).normal(size=(4, 500)).cumsum(1)
    assert "E-BFMI" in check(made_up_fit(energy=walk)).problems[0]


def test_the_subject_with_the_worst_diagnostic_is_named():
    tree = made_up_fit()
    tree["posterior"]["y"].values[:, :, 1] += np.arange(4)[:, None]
    assert "y[bo]" in str(check(tree))
