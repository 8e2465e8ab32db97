import dataclasses
import re

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from reference_agent import choice_probabilities as plain_probabilities
from reference_agent import trace_after
from reference_agent import trialwise_log_likelihood as plain_log_likelihood
from reference_agent import update as plain_update
from scipy import stats
from scipy.special import logit

import rwlib

N_SUBJECTS, N_TRIALS, N_ARMS = 3, 25, 3
RNG = np.random.default_rng(11)
MASK = RNG.random((N_SUBJECTS, N_TRIALS)) > 0.2
MASK[0], MASK[2, 15:] = True, False  # everything played; a shorter session
CHOICES = RNG.integers(N_ARMS, size=(N_SUBJECTS, N_TRIALS))
DATA = rwlib.ChoiceData(
    CHOICES, RNG.integers(2, size=CHOICES.shape).astype(float), MASK, N_ARMS, subjects=["ada", "ben", "cy"]
)
OUTCOMES = RNG.integers(2, size=(N_TRIALS, N_ARMS)).astype(float)
TRUE = {
    "alpha_pos": [0.3, 0.7, 0.9],
    "alpha_neg": [0.5, 0.1, 0.9],
    "beta": [2.0, 4.0, 1.0],
    "stickiness": [0.5, -1.0, 2.0],
}
NUM_DRAWS = 2000
STICKY, KEY = rwlib.ASYMMETRIC_STICKY, jax.random.key(0)


@pytest.fixture(scope="module")
def draws():
    """A posterior without uncertainty, so that the predictions' distribution is known."""
    return posterior(TRUE, rwlib.ASYMMETRIC_STICKY, DATA.subjects)


def posterior(params, model, subjects, shape=(2, NUM_DRAWS // 2)):
    variables = {
        name: (("chain", "draw", "subject"), np.broadcast_to(np.array(value), (*shape, len(subjects))))
        for name, value in params.items()
    }
    dataset = xr.Dataset(
        variables, {"chain": range(shape[0]), "draw": range(shape[1]), "subject": list(subjects)}
    )
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs={"model": model.name}), "posterior": dataset})


@pytest.fixture(scope="module")
def generative(draws):
    return rwlib.generate(
        jax.random.key(0), OUTCOMES, draws, rwlib.ASYMMETRIC_STICKY, mask=MASK, num_draws=NUM_DRAWS
    )


@pytest.fixture(scope="module")
def one_step(draws):
    return rwlib.predict_next(jax.random.key(1), DATA, draws, rwlib.ASYMMETRIC_STICKY, num_draws=NUM_DRAWS)


def plain_behaviour(choices, before, rewards, mask, block_size, block=None, shown=None, forced=None):
    """Of one subject: learning curve, shares, win-stay, lose-shift, in one loop over trials."""
    n_trials = len(choices)
    block = np.zeros(n_trials) if block is None else block
    shown = np.ones(n_trials, bool) if shown is None else shown
    own = np.ones(n_trials, bool) if forced is None else forced < 0
    n_blocks = -(-len(choices) // block_size)
    taken, played = np.zeros((n_blocks, N_ARMS)), np.zeros(n_blocks)
    after = {"win": [], "loss": []}
    last = None
    for trial in range(len(choices)):
        if not mask[trial]:
            continue
        if own[trial]:
            taken[trial // block_size, choices[trial]] += 1
            played[trial // block_size] += 1
        follows = last is not None and own[last] and shown[last] and block[last] == block[trial]
        if own[trial] and follows:
            after["win" if rewards[last] > 0.5 else "loss"].append(choices[trial] == before[last])
        last = trial
    curve = [[t / n if n else np.nan for t in row] for row, n in zip(taken, played)]
    stay = {how: np.mean(stays) if stays else np.nan for how, stays in after.items()}
    return {
        "learning_curve": curve,
        "choice_share": taken.sum(axis=0) / played.sum(),
        "win_stay": stay["win"],
        "lose_shift": 1 - stay["loss"],
    }


@pytest.mark.parametrize("block_size", [1, 10, 100])
def test_behaviour_of_observed_choices_agrees_with_a_loop(block_size):
    summaries = rwlib.behaviour(DATA, block_size=block_size)
    for i, label in enumerate(DATA.subjects):
        plain = plain_behaviour(DATA.choices[i], DATA.choices[i], DATA.rewards[i], MASK[i], block_size)
        for name, expected in plain.items():
            np.testing.assert_allclose(summaries[name].sel(subject=label), expected, err_msg=name)


def test_behaviour_of_predictions_agrees_with_a_loop(generative, one_step):
    for tree in (generative, one_step):
        summaries, group = rwlib.behaviour(tree), tree["posterior_predictive"]
        for draw in (0, 7):
            for i, label in enumerate(DATA.subjects):
                at = dict(chain=1, draw=draw, subject=label)
                choices = group["choices"].sel(at).values
                history = (
                    (choices, group["rewards"].sel(at).values)
                    if tree is generative
                    else (DATA.choices[i], DATA.rewards[i])
                )
                for name, expected in plain_behaviour(choices, *history, MASK[i], 10).items():
                    np.testing.assert_allclose(summaries[name].sel(at), expected, err_msg=name)


DESIGN = rwlib.Design(
    block=np.repeat([0, 1, 0], [9, 9, DATA.n_trials - 18]),
    feedback=np.random.default_rng(8).random((DATA.n_subjects, DATA.n_trials)) < 0.7,
    forced=np.where(
        np.random.default_rng(9).random((DATA.n_subjects, DATA.n_trials)) < 0.2, np.asarray(DATA.choices), -1
    ),
)


def parts_of_design(i):
    return DESIGN.block, DESIGN.feedback[i], DESIGN.forced[i]


def test_behaviour_follows_the_design_of_the_task():
    """Across blocks nobody stays or shifts, an outcome that was not shown is no loss, and nobody made a
    forced choice."""
    data = dataclasses.replace(DATA, design=DESIGN, blocks=["first", "second"])
    summaries = rwlib.behaviour(data)
    for i, label in enumerate(data.subjects):
        history = DATA.choices[i], DATA.choices[i], DATA.rewards[i], MASK[i]
        for name, expected in plain_behaviour(*history, 10, *parts_of_design(i)).items():
            np.testing.assert_allclose(summaries[name].sel(subject=label), expected, err_msg=name)


@pytest.mark.parametrize("kind", ["generate", "predict_next"])
def test_predicted_behaviour_follows_the_design_of_the_task(draws, kind):
    data = dataclasses.replace(DATA, design=DESIGN, blocks=["first", "second"])
    model, key = rwlib.ASYMMETRIC_STICKY, jax.random.key(2)
    if kind == "generate":
        settings = dict(mask=MASK, design=DESIGN, num_draws=4)
        tree = rwlib.generate(key, OUTCOMES, draws, model, **settings)
    else:
        tree = rwlib.predict_next(key, data, draws, model, num_draws=4)
    summaries, group = rwlib.behaviour(tree), tree["posterior_predictive"]
    for i, label in enumerate(data.subjects):
        at = dict(chain=1, draw=group["draw"].values[-1], subject=label)
        choices = group["choices"].sel(at).values
        history = DATA.choices[i], DATA.rewards[i]
        if kind == "generate":
            history = choices, group["rewards"].sel(at).values
        for name, expected in plain_behaviour(choices, *history, MASK[i], 10, *parts_of_design(i)).items():
            np.testing.assert_allclose(summaries[name].sel(at), expected, err_msg=name)


def test_a_forced_choice_has_no_probability(draws):
    data = dataclasses.replace(DATA, design=DESIGN, blocks=["first", "second"])
    tree = rwlib.predict_next(jax.random.key(3), data, draws, rwlib.ASYMMETRIC_STICKY, num_draws=4)
    known = np.isfinite(tree["posterior_predictive"]["probability"].values)
    np.testing.assert_array_equal(known[0, 0], data.scored)


def test_blocks_are_named_by_their_middle_trial():
    assert rwlib.behaviour(DATA, block_size=10)["block"].values.tolist() == [5.5, 15.5, 23.0]


def test_what_never_happened_has_no_rate():
    always_won = rwlib.ChoiceData([[0, 0, 1]], [[1.0, 1.0, 1.0]], mask=[[True, True, False]], n_actions=2)
    summaries = rwlib.behaviour(always_won, block_size=1)
    assert summaries["win_stay"].item() == 1.0 and np.isnan(summaries["lose_shift"].item())
    assert np.isnan(summaries["learning_curve"].values[0, 2]).all()
    assert rwlib.behaviour(always_won, win_above=1.0)["lose_shift"].item() == 0.0


def test_probability_of_the_observed_choices_agrees_with_a_plain_loop(one_step):
    for i in range(N_SUBJECTS):
        of_subject = {name: values[i] for name, values in TRUE.items()}
        expected = np.exp(
            plain_log_likelihood(DATA.choices[i], DATA.rewards[i], MASK[i], N_ARMS, **of_subject)
        )
        for draw in (0, 5):
            found = one_step["posterior_predictive"]["probability"].values[0, draw, i]
            np.testing.assert_allclose(found[MASK[i]], expected[MASK[i]], rtol=1e-4)
            assert np.isnan(found[~MASK[i]]).all()


def test_a_fading_choice_trace_is_followed_through_the_observed_choices():
    rate = rwlib.GroupParameter("trace_rate", "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0)
    model = rwlib.Model("with a trace", (*rwlib.ASYMMETRIC_STICKY.parameters, rate))
    params = {**TRUE, "trace_rate": [0.2, 0.5, 0.9]}
    draws = posterior(params, model, DATA.subjects, shape=(1, 1))
    found = rwlib.predict_next(KEY, DATA, draws, model)["posterior_predictive"]["probability"].values[0, 0]
    for i in range(N_SUBJECTS):
        of_subject = {name: values[i] for name, values in params.items()}
        log_p = plain_log_likelihood(DATA.choices[i], DATA.rewards[i], MASK[i], N_ARMS, **of_subject)
        np.testing.assert_allclose(found[i, MASK[i]], np.exp(log_p)[MASK[i]], rtol=1e-4)


def test_choices_one_step_ahead_have_the_probabilities_of_a_plain_loop(one_step):
    choices = one_step["posterior_predictive"]["choices"].values.reshape(-1, N_SUBJECTS, N_TRIALS)
    for i in range(N_SUBJECTS):
        value, trace = [0.5] * N_ARMS, [0.0] * N_ARMS
        for trial in np.flatnonzero(MASK[i]):
            expected = plain_probabilities(value, trace, TRUE["beta"][i], TRUE["stickiness"][i])
            found = np.bincount(choices[:, i, trial], minlength=N_ARMS) / len(choices)
            assert (np.abs(found - expected) < 5 * np.sqrt(expected * (1 - expected) / len(choices))).all()
            chosen = [action == DATA.choices[i, trial] for action in range(N_ARMS)]
            value, _ = plain_update(
                value, [DATA.rewards[i, trial]] * N_ARMS, chosen, TRUE["alpha_pos"][i], TRUE["alpha_neg"][i]
            )
            trace = trace_after(trace, DATA.choices[i, trial], 1.0)
        assert (choices[:, i, ~MASK[i]] == 0).all()


def plain_play(rng, i):
    """One subject plays the task once, skipping the trials that were missed."""
    value, trace = [0.5] * N_ARMS, [0.0] * N_ARMS
    choices, rewards = np.zeros(N_TRIALS, int), np.zeros(N_TRIALS)
    for trial in np.flatnonzero(MASK[i]):
        p = plain_probabilities(value, trace, TRUE["beta"][i], TRUE["stickiness"][i])
        choices[trial] = choice = rng.choice(N_ARMS, p=p)
        rewards[trial] = OUTCOMES[trial, choice]
        chosen = [action == choice for action in range(N_ARMS)]
        trace = trace_after(trace, choice, 1.0)
        value, _ = plain_update(value, OUTCOMES[trial], chosen, TRUE["alpha_pos"][i], TRUE["alpha_neg"][i])
    return choices, rewards


def test_agents_who_play_again_behave_as_a_plain_agent_does(generative):
    rng, n_plays = np.random.default_rng(12), 250
    ours = rwlib.behaviour(generative, block_size=5)
    for i, label in enumerate(DATA.subjects):
        plays = [plain_play(rng, i) for _ in range(n_plays)]
        summaries = [plain_behaviour(choices, choices, rewards, MASK[i], 5) for choices, rewards in plays]
        for name in summaries[0]:
            theirs, mine = np.array([s[name] for s in summaries]), ours[name].sel(subject=label)
            theirs, mine = theirs.reshape(n_plays, -1), mine.values.reshape(NUM_DRAWS, -1)
            played = np.isfinite(theirs).any(axis=0)  # the last blocks of the shorter session were not
            assert (played == np.isfinite(mine).any(axis=0)).all()
            error = np.sqrt(np.nanvar(theirs[:, played], axis=0) * (1 / n_plays + 1 / NUM_DRAWS))
            difference = np.nanmean(theirs[:, played], axis=0) - np.nanmean(mine[:, played], axis=0)
            assert (np.abs(difference) <= 5 * error + 1e-6).all(), (name, label)


def test_what_is_chosen_is_what_is_paid(generative):
    group = generative["posterior_predictive"]
    paid = np.take_along_axis(
        np.broadcast_to(OUTCOMES, (*group["choices"].shape, N_ARMS)),
        group["choices"].values[..., None],
        axis=-1,
    )[..., 0]
    np.testing.assert_array_equal(group["rewards"], np.where(MASK, paid, 0.0))


def test_nobody_learns_from_a_missed_trial():
    one = posterior({"alpha_pos": [1.0], "alpha_neg": [1.0], "beta": [20.0]}, rwlib.ASYMMETRIC, [0])
    outcomes = np.array(
        [[0.0, 1.0], [0.0, 1.0]]
    )  # whoever plays the first trial knows what to choose on the second
    shares = []
    for mask in (None, np.array([[False, True]])):
        tree = rwlib.generate(jax.random.key(3), outcomes, one, mask=mask, num_draws=NUM_DRAWS)
        shares.append(tree["posterior_predictive"]["choices"].sel(trial=1).mean().item())
    assert shares[0] > 0.99 and abs(shares[1] - 0.5) < 0.06


def test_each_draw_and_each_subject_has_noise_of_its_own():
    same = posterior(
        {"alpha_pos": [0.5] * 2, "alpha_neg": [0.5] * 2, "beta": [1.0] * 2},
        rwlib.ASYMMETRIC,
        [0, 1],
        shape=(2, 3),
    )
    data = rwlib.ChoiceData(np.zeros((2, 40), int), np.zeros((2, 40)), n_actions=2)
    for tree in (
        rwlib.generate(jax.random.key(4), np.zeros((40, 2)), same),
        rwlib.predict_next(jax.random.key(4), data, same),
    ):
        runs = tree["posterior_predictive"]["choices"].values.reshape(-1, 40)
        assert len(np.unique(runs, axis=0)) == len(runs) == 12


def test_the_two_kinds_differ_where_the_model_is_wrong():
    """Somebody who always takes the arm that never pays: one step ahead sees the history, the generative
    agent learns better."""
    stubborn = rwlib.ChoiceData(np.zeros((1, 60), int), np.zeros((1, 60)), n_actions=2)
    outcomes = np.tile([0.0, 1.0], (60, 1))
    fitted = posterior(
        {"alpha_pos": [0.3], "alpha_neg": [0.01], "beta": [3.0], "stickiness": [3.0]},
        rwlib.ASYMMETRIC_STICKY,
        [0],
    )
    again = rwlib.generate(jax.random.key(5), outcomes, fitted, rwlib.ASYMMETRIC_STICKY)
    ahead = rwlib.predict_next(jax.random.key(5), stubborn, fitted, rwlib.ASYMMETRIC_STICKY)
    assert (again.attrs["kind"], ahead.attrs["kind"]) == ("generative", "one step ahead")
    share = [
        rwlib.behaviour_table(rwlib.compare_behaviour(tree, stubborn)).loc["choice_share[0]"]
        for tree in (again, ahead)
    ]
    assert (
        share[0]["predicted"] < 0.6
        and share[1]["predicted"] > 0.9
        and share[0]["observed"] == share[1]["observed"] == 1.0
    )
    assert not share[0]["inside"]


def test_intervals_agree_with_a_loop(generative):
    summaries = rwlib.behaviour(generative)
    win_stay = summaries["win_stay"].values.reshape(-1, N_SUBJECTS)
    over_draws = rwlib.behaviour_intervals(summaries, prob=0.8)["win_stay"]
    means = [np.nanmean(of_draw) for of_draw in win_stay]
    np.testing.assert_allclose(over_draws.sel(bound="mean"), np.mean(means))
    np.testing.assert_allclose(over_draws.sel(bound=["low", "high"]), np.quantile(means, [0.1, 0.9]))
    everybody = [x for of_draw in win_stay for x in of_draw if np.isfinite(x)]
    over_subjects = rwlib.behaviour_intervals(summaries, over="subjects", prob=0.8)["win_stay"]
    np.testing.assert_allclose(over_subjects.sel(bound=["low", "high"]), np.quantile(everybody, [0.1, 0.9]))
    observed = rwlib.behaviour(DATA)
    of_data = rwlib.behaviour_intervals(observed, over="subjects", prob=0.8)
    np.testing.assert_allclose(
        of_data["win_stay"].sel(bound="high"), np.quantile(observed["win_stay"].values, 0.9)
    )
    assert of_data["learning_curve"].sizes["bound"] == 3


def test_the_table_agrees_with_a_loop(generative):
    table = rwlib.behaviour_table(rwlib.compare_behaviour(generative, DATA), prob=0.8)
    assert len(table) == 2 * (N_ARMS + 2)
    observed, predicted = rwlib.behaviour(DATA), rwlib.behaviour(generative)
    for name, over_subjects in (("win_stay", np.nanmean), ("choice_share_sd[2]", np.nanstd)):
        variable, _, arm = name.replace("_sd", "").partition("[")
        of_data, of_draws = (
            each[variable].sel(arm=int(arm[0])) if arm else each[variable] for each in (observed, predicted)
        )
        value = over_subjects(of_data.values)
        values = np.array([over_subjects(of_draw) for of_draw in of_draws.values.reshape(-1, N_SUBJECTS)])
        larger = sum(1.0 if x > value else 0.5 if x == value else 0.0 for x in values) / len(values)
        low, high = np.quantile(values, [0.1, 0.9])
        row = table.loc[name]
        np.testing.assert_allclose(
            row.drop("inside").astype(float), [value, values.mean(), low, high, larger], rtol=1e-6
        )
        assert row["inside"] == (low <= value <= high)


def test_draws_from_the_prior_agree_with_plain_numpy():
    tree = rwlib.sample_prior(jax.random.key(6), rwlib.ASYMMETRIC_STICKY, n_subjects=2, num_draws=NUM_DRAWS)
    prior, rng = tree["prior"], np.random.default_rng(13)
    for parameter in rwlib.ASYMMETRIC_STICKY.parameters:
        mean = rng.normal(parameter.mean_location, parameter.mean_scale, NUM_DRAWS)
        sd = np.abs(rng.normal(0.0, parameter.sd_scale, NUM_DRAWS))
        subject = mean + sd * rng.normal(size=NUM_DRAWS)
        back = {"expit": logit, "exp": np.log, "identity": np.asarray}[parameter.transform]
        found = {"_group_mean": mean, "_group_sd": sd, "": subject}
        for suffix, expected in found.items():
            values = prior[parameter.name + suffix].values[0]
            values = values if suffix else back(values[:, 1].astype(float))
            assert stats.ks_2samp(values, expected).pvalue > 1e-4, parameter.name + suffix
    unbounded = logit(prior["alpha_pos"].values[0].astype(float))
    assert np.corrcoef(unbounded.T)[0, 1] > 0.4  # two subjects of one group


@pytest.mark.parametrize(
    "model",
    [rwlib.SYMMETRIC, rwlib.ASYMMETRIC_TEMPERATURE, rwlib.WIN_STAY_LOSE_SHIFT, rwlib.RANDOM],
    ids=lambda m: m.name,
)
def test_every_model_predicts(model):
    prior = rwlib.sample_prior(jax.random.key(7), model, n_subjects=N_SUBJECTS, num_draws=20)
    again = rwlib.generate(jax.random.key(8), OUTCOMES, prior, model, num_draws=10)
    data = rwlib.ChoiceData(DATA.choices, DATA.rewards, MASK, N_ARMS)
    ahead = rwlib.predict_next(jax.random.key(9), data, prior, model, num_draws=10)
    assert (
        again["prior_predictive"]["choices"].shape
        == ahead["prior_predictive"]["choices"].shape
        == (1, 10, N_SUBJECTS, N_TRIALS)
    )
    probability = ahead["prior_predictive"]["probability"].values[..., MASK]
    if model is rwlib.RANDOM:
        np.testing.assert_allclose(probability, 1 / N_ARMS, rtol=1e-6)
        return
    params = {
        p.name: prior["prior"][p.name].values[0, 0] for p in model.parameters
    }  # evenly spaced draws begin with the first
    expected = np.exp(rwlib.trialwise_log_likelihood(data, params, model.agent))[MASK]
    np.testing.assert_allclose(probability[0, 0], expected, rtol=1e-5)


def test_draws_are_taken_evenly_from_all_chains(draws):
    tree = rwlib.generate(jax.random.key(10), OUTCOMES, draws, rwlib.ASYMMETRIC_STICKY, num_draws=10)
    assert tree["posterior_predictive"]["draw"].values.tolist() == [0, 250, 500, 749, 999]
    assert tree["posterior_predictive"].sizes["chain"] == 2


@pytest.mark.parametrize("num_draws", [1, 2, 5])
def test_no_more_draws_are_used_than_asked_for(draws, num_draws):
    sizes = rwlib.predict_next(KEY, DATA, draws, STICKY, num_draws=num_draws)["posterior_predictive"].sizes
    assert sizes["chain"] * sizes["draw"] == {1: 1, 2: 2, 5: 4}[num_draws]  # as many of each chain


def test_each_subject_is_predicted_with_the_draws_of_its_own_label(draws, one_step):
    order = [2, 0, 1]
    rows = DATA.choices[order], DATA.rewards[order], MASK[order]
    permuted = rwlib.ChoiceData(*rows, N_ARMS, ["cy", "ada", "ben"])
    tree = rwlib.predict_next(KEY, permuted, draws, STICKY, num_draws=2)
    found = tree["posterior_predictive"]["probability"]
    assert found["subject"].values.tolist() == ["cy", "ada", "ben"]
    expected = one_step["posterior_predictive"]["probability"].sel(subject=found["subject"])
    np.testing.assert_allclose(found[0, 0], expected[0, 0], rtol=1e-5)


def test_subjects_drawn_from_a_prior_stand_for_any():
    prior = rwlib.sample_prior(KEY, STICKY, n_subjects=N_SUBJECTS, num_draws=2)
    found = rwlib.predict_next(KEY, DATA, prior, STICKY)["prior_predictive"]
    assert found["subject"].values.tolist() == list(DATA.subjects)


def test_double_precision_predicts_the_same(draws, one_step):
    jax.config.update("jax_enable_x64", True)
    try:
        again = rwlib.predict_next(jax.random.key(1), DATA, draws, rwlib.ASYMMETRIC_STICKY, num_draws=2)
        rwlib.generate(jax.random.key(1), OUTCOMES, draws, rwlib.ASYMMETRIC_STICKY, mask=MASK, num_draws=2)
    finally:
        jax.config.update("jax_enable_x64", False)
    np.testing.assert_allclose(
        again["posterior_predictive"]["probability"][0, 0],
        one_step["posterior_predictive"]["probability"][0, 0],
        rtol=1e-4,
    )


TWO = np.ones((2, N_TRIALS), bool)
UNKNOWN = posterior({**TRUE, "beta": [np.nan, 1.0, 1.0]}, STICKY, DATA.subjects, shape=(2, 2))
OTHER_ARMS = rwlib.ChoiceData(DATA.choices, DATA.rewards, MASK, 4, DATA.subjects)
OTHER_LABELS = rwlib.ChoiceData(DATA.choices, DATA.rewards, MASK, N_ARMS, ["ada", "ben", "di"])
ALL_PLAYED = rwlib.ChoiceData(CHOICES, DATA.rewards, None, N_ARMS, DATA.subjects)
ONE_LESS = rwlib.ChoiceData(DATA.choices[:2], DATA.rewards[:2], MASK[:2], N_ARMS, ["ada", "ben"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d, g: rwlib.sample_prior(KEY, n_subjects=0), "n_subjects is 0; it must be at least 1"),
        (lambda d, g: rwlib.sample_prior(KEY, num_draws=0), "num_draws is 0"),
        (
            lambda d, g: rwlib.generate(KEY, OUTCOMES, g, STICKY),
            "no group 'posterior' or 'prior'; it has 'posterior_predictive'",
        ),
        (
            lambda d, g: rwlib.generate(KEY, OUTCOMES, d),
            "The draws are of the model 'asymmetric, sticky', not of 'asymmetric'",
        ),
        (lambda d, g: rwlib.generate(KEY, OUTCOMES, d, STICKY, num_draws=0), "num_draws is 0"),
        (
            lambda d, g: rwlib.generate(
                KEY,
                OUTCOMES,
                xr.DataTree.from_dict({"posterior": d["posterior"].to_dataset().drop_vars("beta")}),
                STICKY,
            ),
            "lack 'beta'",
        ),
        (
            lambda d, g: rwlib.generate(KEY, OUTCOMES, UNKNOWN, STICKY),
            "hold nan for subject 'ada'; they must be finite",
        ),
        (lambda d, g: rwlib.generate(KEY, OUTCOMES[None], d, STICKY), "outcomes has shape (1, 25, 3)"),
        (
            lambda d, g: rwlib.generate(
                KEY, np.where(OUTCOMES == OUTCOMES[2, 1], np.nan, OUTCOMES), d, STICKY
            ),
            "is nan; each action needs a finite outcome",
        ),
        (
            lambda d, g: rwlib.generate(KEY, OUTCOMES, d, STICKY, mask=TWO),
            "mask has shape (2, 25); with these draws and outcomes it must be (3, 25)",
        ),
        (
            lambda d, g: rwlib.predict_next(KEY, OTHER_LABELS, d, STICKY),
            "The subject 'di' is in data and not in the fit",
        ),
        (
            lambda d, g: rwlib.predict_next(KEY, ONE_LESS, d, STICKY),
            "The subject 'cy' is in the fit and not in data",
        ),
        (lambda d, g: rwlib.behaviour(DATA, block_size=0), "block_size is 0"),
        (lambda d, g: rwlib.behaviour(d), "without predictions"),
        (
            lambda d, g: rwlib.behaviour_intervals(rwlib.behaviour(DATA), over="trials"),
            "over is 'trials'; it must be 'draws' or 'subjects'",
        ),
        (
            lambda d, g: rwlib.behaviour_intervals(rwlib.behaviour(DATA)),
            "observed choices have none; ask for 'subjects'",
        ),
        (
            lambda d, g: rwlib.behaviour_intervals(rwlib.behaviour(DATA), over="subjects", prob=1.0),
            "prob is 1.0",
        ),
        (lambda d, g: rwlib.compare_behaviour(d, DATA), "without predictions"),
        (lambda d, g: rwlib.compare_behaviour(g, OTHER_ARMS), "(3, 25, 3), but data has (3, 25, 4)"),
        (lambda d, g: rwlib.compare_behaviour(g, OTHER_LABELS), "of subject 'cy' where data has 'di'"),
        (lambda d, g: rwlib.compare_behaviour(g, ALL_PLAYED), "missed trial"),
        (lambda d, g: rwlib.behaviour_table(rwlib.compare_behaviour(g, DATA), prob=90.0), "prob is 90.0"),
    ],
)
def test_bad_input_gets_one_clear_error(draws, generative, call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(draws, generative)


def test_a_mask_and_a_design_with_labels_are_matched_with_the_subjects_of_the_draws():
    prior = rwlib.sample_prior(jax.random.key(1), n_subjects=2, num_draws=3)
    mask = pd.DataFrame([[True, False], [True, True]], index=[1, 0]).rename_axis("subject")
    block = pd.DataFrame([[0, 1], [0, 0]], index=[1, 0]).rename_axis("subject")
    played = rwlib.generate(
        jax.random.key(2), np.ones((2, 2)), prior, mask=mask, design=rwlib.Design(block=block)
    )["constant_data"]
    assert played["mask"].values.tolist() == [[True, True], [True, False]]
    assert played["block"].values.tolist() == [[0, 0], [0, 1]]
