import signal
import subprocess
import sys
import time
import warnings
from functools import partial

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import potential_energy
from scipy.special import expit, logsumexp
from scipy.stats import norm

import rwlib
from rwlib import ASYMMETRIC, check, fit, fit_many
from rwlib.fitting import hierarchy, inference, sampling
from rwlib.fitting.diagnostics import Report
from rwlib.fitting.inference import fit_and_check
from rwlib.fitting.stretch import Stretch, unstretch

RNG = np.random.default_rng(3)
TRUE = {"alpha_pos": RNG.beta(5, 5, 12), "alpha_neg": RNG.beta(5, 5, 12), "beta": 1 / RNG.beta(5, 5, 12)}


@pytest.fixture(scope="module")
def data():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7, 0.5], 120)
    simulated = rwlib.simulate(jax.random.key(1), outcomes, TRUE).data
    labels = [f"s{i:02d}" for i in range(12)]
    return rwlib.ChoiceData(simulated.choices, simulated.rewards, n_actions=3, subjects=labels)


CENTRED = ASYMMETRIC._replace(parameters=tuple(p._replace(centred=True) for p in ASYMMETRIC.parameters))
GROUP = [f"{p.name}_group_{what}" for p in ASYMMETRIC.parameters for what in ("mean", "sd")]


@pytest.fixture(scope="module")
def good(data):
    return fit(data, seed=1, progress_bar=False)


def assert_same_moments(one, other, names):
    for name in names:
        x, y = np.asarray(one[name], float), np.asarray(other[name], float)
        for power in (1, 2):
            error = np.hypot(*(np.std(z**power) / np.sqrt(float(arviz_stats.ess(z**power))) for z in (x, y)))
            assert abs((x**power).mean() - (y**power).mean()) < 4 * error, (name, power)


def test_a_good_fit_passes(good):
    assert check(good), str(check(good))


def test_a_fit_recovers_what_it_should(good):
    table = rwlib.recovery_table(TRUE, good)
    assert (
        table["coverage"] >= 0.6
    ).all()  # 12 intervals of 90%: below 7 of 12 has a probability of 1 in 10,000
    assert (
        table["rmse"]["alpha_pos"] < 0.2 and table["rmse"]["alpha_neg"] < 0.2 and table["rmse"]["beta"] < 1.2
    )


def test_the_fit_has_named_dimensions_and_the_subjects_labels(good, data):
    for name in ("alpha_pos", "alpha_neg", "beta"):
        assert good.posterior[name].dims == ("chain", "draw", "subject")
        assert {f"{name}_group_mean", f"{name}_group_sd"} < set(good.posterior.data_vars)
    assert list(good.posterior.subject.values) == list(data.subjects)
    assert good.posterior.sizes["chain"] == 4 and good.posterior.sizes["draw"] == 1000
    np.testing.assert_array_equal(good.observed_data["choices"], data.choices)


def test_subjects_parameters_follow_from_the_groups(good):
    moved = good["unconstrained_posterior"]
    unbounded = (
        good.posterior["alpha_pos_group_mean"]
        + good.posterior["alpha_pos_group_sd"] * moved["alpha_pos_offset"]
    )
    np.testing.assert_allclose(1 / (1 + np.exp(-unbounded)), good.posterior["alpha_pos"], rtol=1e-4)


def test_centring_does_not_change_the_posterior(data, good):
    other = fit(data, CENTRED, seed=2, progress_bar=False, warn=False)
    assert_same_moments(other.posterior, good.posterior, GROUP)


def test_the_group_posterior_is_that_of_numpyros_own_nuts(data, good):
    theirs = MCMC(
        NUTS(hierarchy.hierarchical_model, target_accept_prob=0.95),
        num_warmup=500,
        num_samples=1000,
        num_chains=2,
        chain_method="vectorized",
        progress_bar=False,
    )
    theirs.run(jax.random.key(6), data, ASYMMETRIC)
    assert_same_moments(theirs.get_samples(group_by_chain=True), good.posterior, GROUP)


@pytest.mark.parametrize(
    "model",
    [
        ASYMMETRIC,
        CENTRED,
        rwlib.SYMMETRIC,
        rwlib.ASYMMETRIC_STICKY,
        rwlib.SYMMETRIC_TRACE,
        rwlib.WIN_STAY_LOSE_SHIFT,
    ],
    ids=["non-centred", "centred", "short name", "sticky", "choice trace", "other agent"],
)
def test_lp_is_numpyros_log_density_of_the_unconstrained_posterior_stored_with_it(data, model):
    short = fit(data, model, num_warmup=50, num_samples=10, num_chains=2, progress_bar=False, warn=False)
    for chain, draw in ((0, 0), (1, 9)):
        sites = {
            name: jnp.asarray(x[chain, draw].values)
            for name, x in short["unconstrained_posterior"].data_vars.items()
        }
        expected = -potential_energy(hierarchy.hierarchical_model, (data, model), {}, sites)
        np.testing.assert_allclose(short.sample_stats["lp"][chain, draw], expected, rtol=1e-5)


def test_the_reached_depth_fits_the_number_of_steps(good):
    depth, n_steps = good.sample_stats["tree_depth"].values, good.sample_stats["n_steps"].values
    assert (
        (n_steps <= 2**depth - 1).all()
        and (n_steps >= 2 ** (depth - 1)).all()
        and depth.max() <= good.attrs["max_depth"]
    )


@pytest.mark.parametrize(("target_accept", "low", "high"), [(0.8, 0.7, 0.93), (0.99, 0.975, 1.0)])
def test_the_acceptance_rate_follows_its_target(data, target_accept, low, high):
    some = fit(data, target_accept=target_accept, num_samples=300, seed=3, progress_bar=False, warn=False)
    assert low < float(some.sample_stats["acceptance_rate"].mean()) < high


def test_the_warm_up_learns_a_stretch_under_which_the_posterior_is_round(good, data):
    shape = Stretch(*(jnp.asarray(good["sampler"][f"stretch_{name}"].values) for name in Stretch._fields))
    sites = good["unconstrained_posterior"].dataset.isel(draw=slice(None, None, 10))
    rows = [sites[f"{p.name}_group_mean"] for p in ASYMMETRIC.parameters] + [
        np.exp(sites[f"{p.name}_group_sd"]) for p in ASYMMETRIC.parameters
    ]
    position = np.concatenate(
        [
            np.stack([x.values.ravel() for x in rows]),
            *(sites[f"{p.name}_offset"].values.reshape(-1, 12).T for p in ASYMMETRIC.parameters),
        ]
    )
    moved = jax.vmap(lambda x: unstretch(x, shape))(jnp.asarray(position.T, jnp.float32))
    spread = np.asarray(moved).std(axis=0)
    assert (0.6 < spread).all() and (spread < 1.6).all()
    assert np.abs(np.corrcoef(np.asarray(moved)[:, :6].T) - np.eye(6)).max() < 0.4


def test_every_person_jumps_and_is_still_the_same_person(good, data):
    jump_rate = good["sampler"]["jump_rate"]
    assert jump_rate.dims == ("chain", "subject") and ((0.2 < jump_rate) & (jump_rate < 1.0)).all()
    shuffled = rwlib.ChoiceData(
        data.choices[::-1], data.rewards[::-1], n_actions=3, subjects=data.subjects[::-1]
    )
    other = fit(shuffled, seed=4, progress_bar=False, warn=False)
    means = [
        f.posterior["beta"].mean(("chain", "draw")).sel(subject=list(data.subjects)) for f in (good, other)
    ]
    assert np.corrcoef(*means)[0, 1] > 0.98


def test_the_modes_of_a_person_get_the_weights_of_a_grid():
    rng, beta = np.random.default_rng(2419), 6.0
    choices, rewards = rng.integers(2, size=40), rng.integers(2, size=40)
    for t in range(1, 40):  # half of the choices follow the last outcome
        if rng.random() < 0.5:
            choices[t] = choices[t - 1] if rewards[t - 1] else 1 - choices[t - 1]
    (alpha,) = (p for p in rwlib.SYMMETRIC.parameters if p.name == "alpha")
    grid = np.linspace(-7, 7, 561)
    group_sd = (np.arange(4000) + 0.5) / 4000 * 6 * alpha.sd_scale
    weight = norm.pdf(group_sd, 0.0, alpha.sd_scale)
    spread = np.hypot(alpha.mean_scale, group_sd)
    density = np.log((weight * norm.pdf(grid[:, None], alpha.mean_location, spread)).sum(axis=1))
    value = np.full((561, 2), 0.5)
    for choice, reward in zip(choices, rewards):
        density += beta * value[:, choice] - logsumexp(beta * value, axis=1)
        value[:, choice] += expit(grid) * (reward - value[:, choice])
    density = np.exp(density - density.max())
    share = density[expit(grid) < 0.175].sum() / density.sum()
    assert 0.25 < share < 0.35  # two modes, and hardly anything between them
    assert density[np.abs(expit(grid) - 0.175) < 0.02].max() < 0.01

    model = rwlib.SYMMETRIC._replace(parameters=(alpha,), fixed={"beta": beta})
    found = fit(rwlib.ChoiceData([choices], [rewards]), model, num_samples=4000, progress_bar=False)
    low = found.posterior["alpha"].values[..., 0] < 0.175
    error = np.sqrt(share * (1 - share) / float(arviz_stats.ess(low.astype(float))))
    assert error < 0.02
    assert abs(low.mean() - share) < 4 * error


def test_what_the_warm_up_has_learned_is_frozen_while_draws_are_kept(data, monkeypatch):
    calls, advance = [], sampling._advance

    def seen(chains, studied, tuning, first, n_draws, settings, model):
        calls.append((first, n_draws, chains, tuning, settings))
        return advance(chains, studied, tuning, first, n_draws, settings, model)

    monkeypatch.setattr(sampling, "_advance", seen)
    short = dict(num_warmup=60, num_samples=250, num_chains=2, progress_bar=False, warn=False)
    kept = fit(data, **short)
    learning = [settings["adapting"] for first, n, *_, settings in calls if n and first < 60]
    drawing = [call for call in calls if call[1] and call[0] >= 60]
    assert any(learning) and len(drawing) >= 2
    for _, _, chains, tuning, settings in drawing:
        assert not settings["adapting"]
        jax.tree.map(np.testing.assert_array_equal, tuning, drawing[0][3])
        np.testing.assert_array_equal(np.exp(chains.step_search[0][0]), tuning.step_size[0])
    np.testing.assert_allclose(kept["sample_stats"]["step_size"], drawing[0][3].step_size[0])


def test_groups_jump_in_every_draw_of_a_fit(data, monkeypatch):
    schedule = sampling.Schedule(1, 1, 1, 0.9, (0,))
    first_of_all = lambda tree: jax.tree.map(lambda x: x[0], tree)
    chain = first_of_all(first_of_all(sampling._start(ASYMMETRIC, schedule, 1, 12, None)))
    tuning = first_of_all(sampling._first_adaptation(ASYMMETRIC, 1, 12))
    settings = dict(max_depth=0, adapting=False, target_accept=0.9)  # no NUTS
    # Neither are groups drawn given people.
    monkeypatch.setattr(sampling.moves, "draw_group", lambda key, people, group, prior: group)
    groups = set()
    with jax.enable_x64(True):
        draw = jax.jit(partial(sampling._one_draw, model=ASYMMETRIC))
        for number in range(8):
            chain, _, _ = draw(chain, (data, None), tuning, number, settings)
            groups.add(float(chain.place.position[0]))
    assert len(groups) > 1


def test_chains_start_across_the_prior_and_differ_even_from_the_same_start(data, monkeypatch):
    schedule = sampling.Schedule(1, 1, 4, 0.9, tuple(range(100)))
    starts = sampling._start(ASYMMETRIC, schedule, 100, 2, None).place.position
    assert (
        abs(starts[..., 0].std() - 1.0) < 0.15
        and abs(np.std(starts[:, 0, 0] - starts[:, 1, 0]) - 2**0.5) < 0.4
    )
    monkeypatch.setattr(
        sampling,
        "draw_from_prior",
        lambda rng, model, n_subjects, regressors: np.full(3 * (2 + n_subjects), 0.5),
    )
    draws = (
        fit(data, num_warmup=5, num_samples=4, num_chains=3, progress_bar=False, warn=False)
        .posterior["beta"]
        .values
    )
    assert not np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[1], draws[2])


def test_the_same_seed_gives_the_same_draws_and_another_seed_others(data):
    short = dict(num_warmup=30, num_samples=20, num_chains=2, progress_bar=False, warn=False)
    one, same, other = (fit(data, seed=seed, **short).posterior["beta"].values for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


SHORT = dict(num_warmup=20, num_samples=30, progress_bar=False)


def test_a_fit_that_fails_says_so_once_and_in_the_words_of_check(data):
    with pytest.warns(UserWarning) as caught:
        failed = fit(data, **SHORT)
    assert not check(failed)
    assert [str(check(failed))] == [
        str(warning.message) for warning in caught if "fit" in str(warning.message)
    ]


SHORT = dict(num_warmup=5, num_samples=4, num_chains=1, progress_bar=False)


def test_what_was_on_offer_and_seen_is_kept_with_the_fit():
    design = rwlib.Design(
        offered=[[True, True, False], [True, False, True]],
        block=[0, 1],
        before={"cue": [[1.0, 2.0], [3.0, 4.0]]},
    )
    some = rwlib.ChoiceData(
        [[0, 2]], [[0.5, 1.0]], n_actions=3, design=design, actions=list("abc"), reward_scale=(0, 10)
    )
    fitted = fit(some, **SHORT, warn=False)
    given = fitted["constant_data"]
    assert given["offered"].dims == ("subject", "trial", "action")
    assert given["offered"].sel(action="b", trial=1, subject=0) == np.False_
    assert given["block"].values.tolist() == [[0, 1]] and given["before_cue"].shape == (1, 2, 2)
    assert tuple(fitted.attrs["reward_scale"]) == (0.0, 10.0)


def test_data_sets_with_different_numbers_of_blocks_are_fitted_side_by_side():
    def with_blocks(*blocks):
        return rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 1.0, 0.0]], design=rwlib.Design(block=[blocks]))

    two, three = fit_many([with_blocks(0, 0, 1, 1), with_blocks(0, 1, 2, 2)], **SHORT, warn=False)
    alone = fit(with_blocks(0, 0, 1, 1), **SHORT, warn=False)
    np.testing.assert_array_equal(two.posterior["beta"], alone.posterior["beta"])
    assert three.constant_data["block"].values.tolist() == [[0, 1, 2, 2]]


def test_many_fits_that_fail_give_one_warning(data):
    with pytest.warns(UserWarning, match="2 of 2 fits do not pass check") as caught:
        fit_many([data, data], **SHORT)
    assert len(caught) == 1


def test_the_warning_can_be_silenced(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(data, **SHORT, warn=False)


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


def test_ctrl_c_stops_a_fit_at_once(tmp_path):
    script = """
import signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal; background jobs may ignore it
import rwlib
from rwlib.fitting import sampling

advance = sampling._advance
def advance_and_say_so(*arguments):
    advanced = advance(*arguments)
    print("sampling", flush=True)  # compiled, and on its way
    return advanced
sampling._advance = advance_and_say_so
rwlib.fit(rwlib.ChoiceData([[0, 1, 1]], [[0.0, 1.0, 0.0]]), num_samples=2_000_000, progress_bar=False)
"""
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "sampling\n"
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[1]
    assert run.returncode != 0 and said.strip().endswith("KeyboardInterrupt"), said


def test_a_data_set_has_the_same_draws_alone_and_among_others_on_any_number_of_threads(data):
    # So short that rounding, which differs from one compiled program to the next, has no time to grow.
    short = dict(num_warmup=10, num_samples=5, num_chains=2, progress_bar=False, warn=False)
    other = rwlib.ChoiceData(np.flip(data.choices, axis=1), np.flip(data.rewards, axis=1), n_actions=3)
    alone = fit(data, seed=7, **short).posterior["beta"]
    for num_threads in (1, 2, 3):
        among_others = fit_many([other, data], seeds=[6, 7], num_threads=num_threads, **short)[1].posterior[
            "beta"
        ]
        np.testing.assert_allclose(among_others, alone, rtol=1e-4)


# Many fits, by one rule

ACCEPTED, REFUSED = Report({}, ()), Report({}, ("it is refused",))
DATASETS = {name: rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]], subjects=[name]) for name in "abc"}


def numbered_fits(patch, accepted):
    """In place of NUTS, "fits" that name their data set and run; only these are accepted."""
    asked = []

    def fit_many(datasets, model, **settings):
        run, names = min(len(asked), 1), [data.subjects[0] for data in datasets]
        asked.append({"datasets": names, "model": model, **settings})
        return [(name, run) for name in names]

    patch.setattr(inference, "fit_many", fit_many)
    patch.setattr(inference, "check", lambda fit: ACCEPTED if fit in accepted else REFUSED)
    return asked


def test_a_refused_fit_is_run_once_more_with_another_seed_and_twice_the_draws(monkeypatch):
    asked = numbered_fits(monkeypatch, {("a", 0), ("c", 1)})
    formulas = dict(group={"alpha": "diagnosis"}, within=None)
    always = dict(num_warmup=70, num_chains=3, num_threads=1, progress_bar=False, warn=False, **formulas)
    settings = dict(num_samples=80, target_accept=0.8, **always)
    given = {name: value for name, value in settings.items() if name != "warn"}
    checked = fit_and_check(list(DATASETS.values()), rwlib.SYMMETRIC, seeds=[5, 6, 7], **given)
    assert [each.fit for each in checked] == [("a", 0), ("b", 1), ("c", 1)]
    assert [(each.passes, each.refitted) for each in checked] == [(True, False), (False, True), (True, True)]
    first, *others = asked
    assert first == {"datasets": ["a", "b", "c"], "model": rwlib.SYMMETRIC, "seeds": [5, 6, 7], **settings}
    seeds = [seed for second in others for seed in second.pop("seeds")]
    assert len({5, 6, 7, *seeds}) == 5
    again = {"model": rwlib.SYMMETRIC, "num_samples": 160, "target_accept": 0.99, **always}
    assert others == [{"datasets": ["b"], **again}, {"datasets": ["c"], **again}]


def test_fits_that_pass_are_not_run_again(monkeypatch):
    asked = numbered_fits(monkeypatch, {("a", 0)})
    checked = fit_and_check([DATASETS["a"]], rwlib.SYMMETRIC, seeds=[5])
    assert len(asked) == 1 and checked[0].passes and not checked[0].refitted


@pytest.mark.parametrize(("n_subjects", "expected"), [(19, 0.99), (20, 0.95)])
def test_few_people_are_fitted_with_shorter_steps(n_subjects, expected):
    data = rwlib.ChoiceData(
        np.tile([0, 1, 1, 0], (n_subjects, 1)), np.tile([0.0, 1.0, 0.0, 1.0], (n_subjects, 1))
    )
    some = fit(data, num_warmup=5, num_samples=4, num_chains=1, progress_bar=False, warn=False)
    assert some.attrs["target_accept"] == expected


def test_a_careful_fit_is_repeated_no_less_carefully(monkeypatch):
    asked = numbered_fits(monkeypatch, set())
    fit_and_check([DATASETS["a"]], rwlib.SYMMETRIC, seeds=[5], target_accept=0.995)
    assert asked[1]["target_accept"] == 0.995
