"""What leaves a fit: differences, regressors, a report, a file."""

import dataclasses
import importlib
import json
import pkgutil
import platform
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import arviz_plots
import arviz_stats
import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from accepting import accept_all
import xarray as xr

import rwlib
from rwlib.agents.confirmation_bias import CONFIRMATION_BIAS
from rwlib.agents.forgetting import FORGETTING
from rwlib.agents.go_no_go import GO_NO_GO
from rwlib.agents.pearce_hall import PEARCE_HALL
from rwlib.fitting.effects import describe
from rwlib.fitting.models import model_fingerprint
from rwlib.fitting.trees import data_in, prior_draws
from rwlib.model.rescorla_wagner import RANDOM_AGENT
from rwlib.results.contrasts import ends_of
from rwlib.results.fitted import AGENTS, data_of, model_of
from rwlib.results.methods import _of_columns
from rwlib.results.rules import NAMES, RULES
from rwlib.results.trialwise import _to_dataset

RNG = np.random.default_rng(0)
MASK = np.ones((5, 28), bool)
MASK[1, 25:], MASK[4, 3] = False, False
FEEDBACK = RNG.random((5, 28)) < 0.9
CHOICES = RNG.integers(3, size=(5, 28))
FORCED = np.where(RNG.random((5, 28)) < 0.1, CHOICES, -1)
DATA = rwlib.ChoiceData(
    CHOICES,
    RNG.integers(2, size=(5, 28)),
    MASK,
    n_actions=3,
    subjects=["p1", "p2", "p3", "p4", "p5"],
    design=rwlib.Design(block=np.repeat([0, 1], 14), feedback=FEEDBACK, forced=FORCED),
    people={"diagnosis": ["control", "patient", "patient", "control", "patient"]},
    blocks=["first", "second"],
    conditions={"drug": ["placebo", "levodopa"]},
    reward_scale=(0.0, 10.0),
)
SHORT = dict(num_warmup=60, num_samples=300, num_chains=4, progress_bar=False, warn=False)


def believed(fit):
    """The same draws in another order: nothing that check could refuse is left."""
    posterior, rng = fit["posterior"].to_dataset(), np.random.default_rng(0)
    n_chains, n_draws = posterior.sizes["chain"], posterior.sizes["draw"]
    order = rng.permutation(n_chains * n_draws)

    def shuffled(x):
        if x.dims[:2] != ("chain", "draw"):
            return x
        flat = x.values.reshape(-1, *x.shape[2:])[order]
        return x.copy(data=flat.reshape(x.shape))

    stats = fit["sample_stats"].to_dataset()
    stats["diverging"] = xr.zeros_like(stats["diverging"])
    stats["energy"] = stats["energy"].copy(data=rng.normal(size=stats["energy"].shape))
    found = fit.copy()
    found["posterior"], found["sample_stats"] = xr.DataTree(posterior.map(shuffled)), xr.DataTree(stats)
    assert rwlib.check(found)
    return found


def as_if_fitted(fit, model, draw=500):
    """A fit of another model, whose draws are of its prior: what is said of the model does not depend on
    them."""
    drawn = prior_draws(DATA, describe(DATA, model), 4 * draw, seed=0).isel(chain=0)
    chains = [drawn.isel(draw=slice(c * draw, (c + 1) * draw)) for c in range(4)]
    found = fit.copy()
    found["posterior"] = xr.DataTree(
        xr.concat([chain.assign_coords(draw=np.arange(draw)) for chain in chains], "chain")
    )
    found.attrs |= {
        "model": model.name,
        "model_fingerprint": model_fingerprint(model),
        "parameters": json.dumps(model.parameters),
        "fixed": json.dumps(dict(model.fixed)),
        "num_samples": draw,
    }
    return found


@pytest.fixture(scope="module")
def plain_fit():
    return believed(rwlib.fit(DATA, **SHORT))


@pytest.fixture(scope="module")
def fit():
    formulas = dict(group={"alpha_neg": "diagnosis"}, within={"alpha_pos": "drug"})
    return believed(rwlib.fit(DATA, **formulas, **SHORT))


@pytest.fixture(scope="module")
def refused():
    return rwlib.fit(DATA, num_warmup=10, num_samples=10, num_chains=2, progress_bar=False, warn=False)


# What a fit holds


def test_a_fit_holds_the_data_that_were_fitted(fit):
    assert data_of(fit) == DATA


def test_a_fit_with_other_priors_knows_its_model(plain_fit):
    wider = rwlib.ASYMMETRIC._replace(
        name="wider", parameters=tuple(p._replace(mean_scale=2.0) for p in rwlib.ASYMMETRIC.parameters)
    )
    fit = rwlib.fit(DATA, wider, num_warmup=5, num_samples=5, num_chains=1, progress_bar=False, warn=False)
    assert model_of(fit) == wider


# Regressors


def by_hand(params, choices, rewards, mask, feedback, block, values=0.5):
    """One person's trials in a plain loop: value of the chosen action, prediction error, probability."""
    found, value = [], np.full(3, values)
    for t in range(len(choices)):
        if t and block[t] != block[t - 1]:
            value = np.full(3, values)
        if not mask[t]:
            found.append((np.nan,) * 3)
            continue
        alpha_pos, alpha_neg, beta = params[t]
        weights = np.exp(beta * (value - value.max()))
        error = rewards[t] - value[choices[t]]
        found.append(
            (value[choices[t]], error if feedback[t] else np.nan, (weights / weights.sum())[choices[t]])
        )
        if feedback[t]:
            value = value.copy()
            value[choices[t]] += (alpha_pos if error > 0 else alpha_neg) * error
    return np.array(found)


def loops(fit, n_draws):
    """The same for all people and draws, with each condition's own parameters: (draw, person, trial, 3)."""
    posterior = fit["posterior"].to_dataset().stack(sample=("chain", "draw"))
    block, found = np.repeat([0, 1], 14), []
    for s in np.linspace(0, posterior.sizes["sample"] - 1, n_draws).round().astype(int):
        of_draw = []
        for i, person in enumerate(DATA.subjects):
            params = []
            for drug in ("placebo", "levodopa"):
                here = posterior.isel(sample=s).sel(subject=person)
                here = here.sel(condition=drug) if "condition" in here.dims else here
                params.append([float(here[name]) for name in ("alpha_pos", "alpha_neg", "beta")])
            trials = np.asarray(DATA.choices)[i], np.asarray(DATA.rewards)[i], MASK[i], FEEDBACK[i], block
            of_draw.append(by_hand(np.repeat(params, 14, axis=0), *trials))
        found.append(of_draw)
    return np.array(found)


@pytest.mark.parametrize("which", ["plain_fit", "fit"])
def test_trialwise_is_the_mean_and_sd_of_a_loop_over_draws(which, request):
    fit = request.getfixturevalue(which)
    followed, expected = rwlib.trialwise(fit, num_draws=20), loops(fit, 20)
    scored = MASK & (FORCED < 0)
    for k, name in enumerate(["value_chosen", "prediction_error", "probability"]):
        of_draws = np.where(scored, expected[..., k], np.nan) if name == "probability" else expected[..., k]
        np.testing.assert_allclose(followed[name], of_draws.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(followed[f"{name}_sd"], of_draws.std(axis=0), atol=1e-5)


def test_surprise_is_in_bits_and_averaged_last(plain_fit):
    followed = rwlib.trialwise(plain_fit, num_draws=20)
    bits = -np.log2(np.where(MASK & (FORCED < 0), loops(plain_fit, 20)[..., 2], np.nan)).mean(axis=0)
    np.testing.assert_allclose(followed["surprise"], bits, atol=1e-5)


def test_draws_are_kept_on_request(plain_fit):
    kept = rwlib.trialwise(plain_fit, num_draws=7, keep_draws=True)
    assert kept["value"].dims == ("sample", "subject", "trial", "action") and kept.sizes["sample"] == 7
    followed = rwlib.trialwise(plain_fit, num_draws=7)
    np.testing.assert_allclose(kept["value"].mean("sample"), followed["value"], atol=1e-6)


def test_the_table_joins_with_the_users_rows_by_their_own_labels():
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"subject": np.repeat(["x", "y"], 20), "trial": [*range(101, 121), *range(1, 21)]})
    table["choice"], table["reward"] = rng.integers(2, size=40), rng.integers(2, size=40)
    table = table.sample(frac=1, random_state=0)
    fit = believed(rwlib.fit(rwlib.read_choices(table), **SHORT))
    of_trials = rwlib.trialwise_table(rwlib.trialwise(fit, num_draws=10))
    joined = table.merge(of_trials, on=["subject", "trial"], validate="one_to_one")
    assert len(joined) == 40
    np.testing.assert_allclose(
        joined["value_chosen"] + joined["prediction_error"], joined["reward"], atol=1e-5
    )


def names_of(followed):
    return [name for name in followed.data_vars if not name.endswith("_sd")]


def test_what_is_known_of_a_choice_comes_first_and_then_memory_in_its_own_order(plain_fit):
    followed = rwlib.trialwise(as_if_fitted(plain_fit, PEARCE_HALL), num_draws=5)
    of_choices = ["probability", "surprise", "value_chosen", "prediction_error"]
    assert names_of(followed) == [*of_choices, "value", "associability"]


def test_a_choice_trace_without_weight_is_left_out(plain_fit):
    assert "choice_trace" not in names_of(rwlib.trialwise(plain_fit, num_draws=5))


def test_a_choice_trace_with_weight_is_followed(plain_fit):
    followed = rwlib.trialwise(as_if_fitted(plain_fit, rwlib.ASYMMETRIC_STICKY), num_draws=5)
    assert names_of(followed)[-2:] == ["value", "choice_trace"]


def test_no_regressor_is_made_of_a_fit_that_check_refuses(refused):
    with pytest.raises(ValueError, match="No regressors can be made of this fit"):
        rwlib.trialwise(refused)


# Differences


def test_a_difference_is_taken_draw_by_draw_and_summarised_last(fit):
    posterior = fit["posterior"].to_dataset()
    mean, effect = posterior["alpha_neg_group_mean"].values, posterior["alpha_neg_effect"].values[..., 0]
    # Three of five are patients, so the centred column is −0.6 for controls and 0.4 for patients.
    expit = lambda x: 1 / (1 + np.exp(-x))
    difference = expit(mean + 0.4 * effect) - expit(mean - 0.6 * effect)
    row = rwlib.contrasts(fit, rope={"alpha_neg": 0.05}).set_index("term").loc["diagnosis: patient"]
    assert row["meaning"] == "patient − control"
    assert row["difference"] == pytest.approx(difference.mean(), abs=1e-5)
    assert row["difference_from"] == pytest.approx(np.quantile(difference, 0.05), abs=1e-5)
    assert row["direction"] == ("+" if (effect > 0).mean() > 0.5 else "−")
    assert row["p_direction"] == pytest.approx(max((effect > 0).mean(), (effect < 0).mean()))
    assert row["in_rope"] == pytest.approx((np.abs(difference) < 0.05).mean())


def test_a_shift_is_compared_between_its_conditions(fit):
    posterior = fit["posterior"].to_dataset()
    mean = posterior["alpha_pos_group_mean"].values
    shift = posterior["alpha_pos_shift_group_mean"].values[..., 0]
    row = rwlib.contrasts(fit).set_index("term").loc["drug: placebo"]
    sd = posterior["alpha_pos_shift_group_sd"].values[..., 0]
    assert row["sd"] == pytest.approx(sd.mean()) and row["sd_to"] == pytest.approx(np.quantile(sd, 0.95))
    assert row["high"] == pytest.approx((1 / (1 + np.exp(-mean - 0.5 * shift))).mean(), abs=1e-5)
    assert np.isnan(row["in_rope"])


def test_labels_of_three_are_compared_between_people_who_have_one_each():
    """Typical people of three places: rates of 0.1, 0.2 and 0.9 before any other column."""
    rates = {"A": 0.1, "B": 0.2, "C": 0.9}
    logit = {place: np.log(rate / (1 - rate)) for place, rate in rates.items()}
    place = ["A", "A", "A", "B", "C", "C"]
    mean = np.mean([logit[each] for each in place])
    people = {"place": place, "age": [20, 31, 45, 22, 37, 60]}
    choices = np.resize(CHOICES, (6, 8))
    data = rwlib.ChoiceData(choices, 1.0 * (choices > 0), n_actions=3, people=people)
    short = dict(num_warmup=5, num_samples=5, num_chains=1, progress_bar=False, warn=False)
    fit = rwlib.fit(data, group={"alpha_neg": "place + age"}, **short)
    posterior = fit["posterior"].to_dataset()
    posterior["alpha_neg_group_mean"][:] = mean
    posterior["alpha_neg_effect"][:] = [logit["B"] - logit["A"], logit["C"] - logit["A"], 0.3]
    fit["posterior"] = xr.DataTree(posterior)
    drawn = rwlib.contrast_draws(fit)
    for other in "BC":
        ends = drawn["alpha_neg", "effect", f"place: {other}"].mean()
        assert float(ends["low"]) == pytest.approx(rates["A"], abs=1e-6)
        assert float(ends["high"]) == pytest.approx(rates[other], abs=1e-6)
    assert np.isfinite(drawn["alpha_neg", "effect", "age"]["difference"]).all()


@pytest.mark.parametrize("rope", [{"beta": 0.1}, {"alpha_neg": 0.0}])
def test_a_region_of_equivalence_that_means_nothing_is_refused(fit, rope):
    with pytest.raises(ValueError, match="rope"):
        rwlib.contrasts(fit, rope=rope)


def test_a_fit_without_formulas_has_no_differences(plain_fit):
    with pytest.raises(ValueError, match="no effects and no shifts"):
        rwlib.contrasts(plain_fit)


def followed_with(fit, memory, **settings):
    """What `trialwise` says of an agent with this memory, which chooses at random and learns nothing."""
    agent = rwlib.Agent(
        start=lambda params, n_actions: memory,
        log_probabilities=lambda memory, seen, params: np.full(3, -np.log(3.0)) + 0.0 * params["beta"],
        learn=lambda memory, outcome, params: memory,
    )
    model = rwlib.Model("mine", (rwlib.ASYMMETRIC.parameters[2],), agent)
    return rwlib.trialwise(as_if_fitted(fit, model), model, num_draws=20, **settings)


class Kalman(NamedTuple):
    value: np.ndarray
    value_sd: np.ndarray


def test_a_field_of_the_memory_and_an_sd_over_draws_do_not_share_a_name(plain_fit):
    memory = Kalman(np.zeros(3), np.full(3, 7.0))
    with pytest.raises(ValueError, match="'value_sd' beside 'value'"):
        followed_with(plain_fit, memory)
    assert (followed_with(plain_fit, memory, keep_draws=True)["value_sd"].dropna("trial") == 7.0).all()


class Cues(NamedTuple):
    value: np.ndarray
    of_cues: np.ndarray
    nested: tuple


def test_only_a_list_as_long_as_there_are_actions_has_actions(plain_fit):
    found = followed_with(plain_fit, Cues(np.zeros(3), np.zeros((3, 3)), (np.zeros(3), np.zeros(2))))
    assert found["value"].dims == ("subject", "trial", "action")
    assert "action" not in found["of_cues"].dims and "nested" not in found


def test_rows_of_people_who_are_called_by_numbers_and_texts_keep_their_labels():
    data = dataclasses.replace(DATA, subjects=[1, 2, 3, 4, "8b"])
    table = rwlib.trialwise_table(_to_dataset({"probability": np.zeros(DATA.choices.shape)}, data, False))
    assert table["subject"].unique().tolist() == [1, 2, 3, 4, "8b"]


# Files


def test_a_fit_comes_back_from_disk_as_it_was(fit, tmp_path):
    again = rwlib.load(rwlib.save(fit, tmp_path / "fit.nc"))
    for group in (
        "posterior",
        "unconstrained_posterior",
        "sample_stats",
        "observed_data",
        "constant_data",
        "sampler",
    ):
        xr.testing.assert_identical(
            again[group].to_dataset().drop_attrs(), fit[group].to_dataset().drop_attrs()
        )
    assert data_of(again) == DATA and rwlib.check(again).worst == rwlib.check(fit).worst
    assert again.attrs["check"].startswith("This fit passes")
    assert json.loads(again.attrs["versions"])["numpy"] == np.__version__
    pd.testing.assert_frame_equal(rwlib.contrasts(again), rwlib.contrasts(fit))


def test_every_damage_to_a_file_is_seen(plain_fit, tmp_path):
    path, rng = rwlib.save(plain_fit, tmp_path / "fit.nc"), np.random.default_rng(0)
    whole = path.read_bytes()
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged|not all of it"):
            rwlib.load(path)
        path.write_bytes(whole[: rng.integers(len(whole))])
        with pytest.raises(ValueError, match="not all of it"):
            rwlib.load(path)


def test_what_was_there_stays_when_writing_fails(plain_fit, tmp_path, monkeypatch):
    path = rwlib.save(plain_fit, tmp_path / "fit.nc")
    before = path.read_bytes()

    def fails(self, content):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="No space left"):
        rwlib.save(plain_fit, path)
    assert path.read_bytes() == before and [x.name for x in tmp_path.iterdir()] == ["fit.nc"]


def test_a_fit_by_another_version_is_loaded_with_a_warning(plain_fit, tmp_path, monkeypatch):
    path = rwlib.save(plain_fit, tmp_path / "fit.nc")
    monkeypatch.setattr(rwlib.results.storage, "version", lambda name: "9.9")
    with pytest.warns(UserWarning, match="and this is 9.9"):
        rwlib.load(path)


def test_a_loaded_fit_is_saved_with_the_versions_that_drew_it(plain_fit, tmp_path, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(rwlib.results.storage, "version", lambda name: "0.0.1")
        path = rwlib.save(plain_fit, tmp_path / "fit.nc")
    with pytest.warns(UserWarning, match="was made with rwlib 0.0.1"):
        loaded = rwlib.load(path)
    rwlib.save(loaded, path)
    with pytest.warns(UserWarning, match="was made with rwlib 0.0.1"):
        assert "rwlib 0.0.1" in rwlib.report(rwlib.load(path)).methods


def test_a_fit_of_an_agent_of_ones_own_is_loaded_without_its_code(tmp_path):
    agent = rwlib.Agent(
        start=lambda params, n_actions: np.zeros(n_actions),
        log_probabilities=lambda memory, seen, params: memory * params["beta"] - np.log(3.0),
        learn=lambda memory, outcome, params: memory,
    )
    model = rwlib.Model("mine", (rwlib.ASYMMETRIC.parameters[2],), agent)
    fit = rwlib.fit(DATA, model, num_warmup=5, num_samples=5, num_chains=1, progress_bar=False, warn=False)
    again = rwlib.load(rwlib.save(fit, tmp_path / "fit.nc"))
    with pytest.raises(ValueError, match="pass model="):
        model_of(again)
    assert model_of(again, model) is model


def test_a_name_that_does_not_say_netcdf_is_refused(plain_fit, tmp_path):
    with pytest.raises(ValueError, match="let its name end with '.nc'"):
        rwlib.save(plain_fit, tmp_path / "fit.pkl")


# The report


def test_nothing_is_written_about_a_fit_that_check_refuses(refused):
    with pytest.raises(ValueError, match="nothing to report"):
        rwlib.report(refused)


def test_a_refusal_has_the_numbers_of_the_verdict_and_leaves_advice_to_check(refused):
    with pytest.raises(ValueError, match=r"Do not use this fit: .* rwlib.check\(fit\) says") as refusal:
        rwlib.report(refused)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "said",
    [
        "choices of 5 people among 3 options: 136 trials, 25 to 28 per person",
        "Trials without a choice, 1 in all, were left out",
        "3 trials after people's last choices were taken for the end of shorter sessions",
        "forced choices taught",
        "were not shown, and their rewards are not used",
        "anew in each block (2 different ones)",
        "were divided by 10. Values and parameters are in these units: 1 is 10 of the table's",
        "In these units they were 0 or 1",
        r"the learning rate after positive prediction errors, $\alpha^{+}$ (`alpha_pos`)",
        r"for $\alpha^{+}$ and $\alpha^{-}$ on the logit scale, $\mu$ is N(0, 1) and $\sigma$ half-normal",
        "the typical person's value lies between 0.16 and 0.84 with a probability of 90%",
        "By `diagnosis` there were",
        "By `drug` there were",
        r"The group mean of $\alpha^{-}$ follows `diagnosis`",
        "difference, with a probability of 90%, between −0.34 and 0.34 for diagnosis",  # simulated: ±0.34
        r"Within people, $\alpha^{+}$ shifts with `drug`",
        "4 chains from starting points drawn from the prior, 60 warm-up iterations each",
        "and 300 draws each",
        "Every draw was made by three moves",
        "new group means, SDs and coefficients given the people",
        "(seed 0)",
        f"Python {platform.python_version()}",
        "target acceptance 0.99",
        "equal-tailed 90% credible intervals",
        "with columns at their means, in the middle of the conditions",
        "people in all conditions, also those that a person did not play",
        "if every R-hat is below 1.01",
        "The largest R-hat of all parameters",
        "None of the 1,200 transitions diverged",
        "For means over people, differences and their ends, the largest R-hat",
        "People's own posterior means ran over these ranges",
        "Over people, these means correlate at",
        "patient − control (term diagnosis: patient): the typical person's differs by",
        "## Left to you",
        "https://doi.org/10.1214/20-BA1221",
    ],
)
def test_the_report_says(fit, said):
    assert said in str(rwlib.report(fit))


TRACE = rwlib.ASYMMETRIC_TRACE
EVERYTHING = TRACE._replace(
    name="everything",
    parameters=(
        *TRACE.parameters,
        rwlib.GroupParameter("lapse", "expit", -2.0, 1.0, 1.0),
        rwlib.GroupParameter("q0", "identity", 0.5, 0.3, 0.3),
    ),
)


@pytest.mark.parametrize(
    "model, said",
    [
        (rwlib.ASYMMETRIC, r"$Q_a \leftarrow Q_a + \alpha^{+}\,\delta$ if $\delta > 0$"),
        (rwlib.ASYMMETRIC, r"$P(a) = \exp(\beta\,Q_a) / \sum_b \exp(\beta\,Q_b)$"),
        (rwlib.ASYMMETRIC, "every option is $Q_0 = 0.5$ (5 before scaling)"),
        (rwlib.ASYMMETRIC._replace(fixed={"q0": 0.0}), "every option is $Q_0 = 0$ (0 before scaling)"),
        (rwlib.SYMMETRIC, r"$Q_a \leftarrow Q_a + \alpha\,\delta$"),
        (rwlib.ASYMMETRIC_TEMPERATURE, r"\exp(Q_a / \tau) / \sum_b \exp(Q_b / \tau)"),
        (rwlib.ASYMMETRIC_STICKY, r"\beta\,Q_a + \kappa\,h_a"),
        (rwlib.ASYMMETRIC_STICKY, "$h_a$ is 1 for the option chosen last"),
        (TRACE, r"$h_a \leftarrow h_a + \alpha_c\,(x_a - h_a)$"),
        (FORGETTING, r"$Q_b \leftarrow Q_b + \varphi\,(Q_0 - Q_b)$"),
        (EVERYTHING, r"$P(a) = (1 - \xi)\,"),
        (EVERYTHING, "every option is $Q_0$, which is estimated"),
        (rwlib.WIN_STAY_LOSE_SHIFT, r"$P(a) = (1 - \xi)\,w_a / \sum_b w_b + \xi / n$"),
        (CONFIRMATION_BIAS, r"$Q_a \leftarrow Q_a + \alpha_\mathrm{con}\,\delta_a$"),
        (PEARCE_HALL, r"$Q_a \leftarrow Q_a + \kappa\,A_a\,\delta$"),
        (GO_NO_GO, r"$x = \beta\,(Q_{s,1} + \pi\,V_s - Q_{s,0}) + b$"),
    ],
)
def test_the_report_states_the_rule_of_the_model(plain_fit, model, said):
    assert said in rwlib.report(as_if_fitted(plain_fit, model)).methods


@pytest.mark.parametrize(
    "model, said",
    [
        (rwlib.ASYMMETRIC, "Where the outcome was not shown, no value moves."),
        (rwlib.WIN_STAY_LOSE_SHIFT, "What counts is the last choice whose outcome was shown."),
        (PEARCE_HALL, "Where the outcome was not shown, nothing moves."),
    ],
)
def test_the_rule_says_what_a_hidden_outcome_does(plain_fit, model, said):
    assert said in rwlib.report(as_if_fitted(plain_fit, model)).methods


def test_one_rate_that_is_fixed_at_0_is_described_as_one(plain_fit):
    stickiness = rwlib.ASYMMETRIC_STICKY.parameters[-1]
    model = rwlib.Model("perseveration", (stickiness,), fixed={"alpha": 0.0, "beta": 1.0})
    methods = rwlib.report(as_if_fitted(plain_fit, model)).methods
    assert r"+ \alpha\,\delta$" in methods and r"\alpha^{+}" not in methods


def test_a_column_of_large_numbers_has_its_mean_to_the_digits_of_its_sd():
    data = dataclasses.replace(DATA, people={"year-born": [1987, 1990, 1995, 2001, 2003.5]})
    (said,) = _of_columns(data, {"group": {"beta": "`year-born`"}, "within": {}})
    assert said == "`year-born` had a mean of 1995.30 and an SD of 6.27 (1987 to 2003.5)."


def test_the_share_of_an_interval_keeps_its_digits(plain_fit):
    written = rwlib.report(plain_fit, interval=0.975)
    assert "97.5% credible" in written.methods and "97.5% credible" in written.results
    assert "97.5% credible" in written.tables[0]


def test_a_region_of_equivalence_needs_a_difference(plain_fit):
    with pytest.raises(ValueError, match="nothing differs"):
        rwlib.report(plain_fit, rope={"alpha_neg": 0.05})


def test_a_fit_need_not_be_told_of_any_model_of_rwlib():
    names = [each.name for each in pkgutil.iter_modules(rwlib.agents.__path__)]
    modules = [importlib.import_module(f"rwlib.agents.{name}") for name in names]
    models = [x for module in (rwlib, *modules) for x in vars(module).values() if isinstance(x, rwlib.Model)]
    assert len(models) > len(modules) and {model.agent for model in models} <= set(AGENTS)


def test_every_agent_that_learns_has_its_rule_in_the_report():
    assert set(AGENTS) - {RANDOM_AGENT} == set(RULES)


def test_every_parameter_of_these_agents_has_a_name_in_words():
    assert NAMES.keys() >= {p.name for agent in AGENTS for p in agent.parameters}


def test_the_rule_of_an_agent_of_ones_own_is_asked_for_in_capitals(plain_fit):
    agent = rwlib.ASYMMETRIC.agent._replace(without_feedback=None)
    mine = rwlib.ASYMMETRIC._replace(name="my own", agent=agent)
    written = rwlib.report(as_if_fitted(plain_fit, mine), mine)
    assert "**STATE THE RULE OF THE MODEL my own HERE" in written.methods
    assert written.left_to_you[0].startswith("THE RULE OF THE MODEL my own")


def test_names_in_code_are_written_once(fit):
    assert str(rwlib.report(fit)).count("alpha_pos") == 1


def test_the_report_of_a_thinned_fit_says_how_many_draws_are_left(plain_fit):
    whole = as_if_fitted(plain_fit, rwlib.ASYMMETRIC, draw=1000)
    whole["posterior"] = xr.DataTree(whole["posterior"].to_dataset().isel(draw=slice(None, None, 2)))
    said = "1,000 draws each. All results are of a part of them: 4 chains with 500 draws each."
    assert said in rwlib.report(whole).methods


def test_missed_trials_of_a_table_are_counted_to_its_last_row(plain_fit):
    given, numbered = plain_fit["constant_data"].to_dataset(), plain_fit.copy()
    given["trials"] = given["rewards"].copy(data=np.tile(np.arange(1.0, 29.0), (5, 1)))
    numbered["constant_data"] = xr.DataTree(given)
    assert "Trials without a choice, 4 in all" in rwlib.report(numbered).methods


def test_the_report_cites_the_course_by_its_own_citation(plain_fit):
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf8")
    title = re.search('^title: "(.*)"$', citation, re.MULTILINE)[1]
    assert title in rwlib.report(plain_fit).cite[0]


def test_the_table_of_a_report_has_a_cell_for_each_number_with_its_interval(plain_fit):
    written = rwlib.report(plain_fit)
    row = written.estimates.set_index("parameter").loc["beta"]
    cell = f"{row['typical']:.2f} [{row['typical_from']:.2f}, {row['typical_to']:.2f}]"
    assert f"| inverse temperature, $\\beta$ | {cell} |" in written.tables[0]


def test_a_label_with_a_bar_stays_in_its_cell(fit):
    posterior = fit["posterior"].to_dataset().assign_coords(alpha_neg_effect_term=["group: a|b"])
    named = fit.copy()
    named["posterior"] = xr.DataTree(posterior)
    assert r"group: a\|b" in rwlib.report(named).tables[1]


def test_beside_a_product_no_difference_of_typical_people_is_written(fit):
    """What such a coefficient multiplies changes with the product, so it moves no typical person alone."""
    named = fit.copy()
    named["posterior"] = xr.DataTree(
        fit["posterior"].to_dataset().assign_coords(alpha_neg_effect_term=["diagnosis: patient × age"])
    )
    written = rwlib.report(named)
    assert "Beside a product of columns, the coefficient of one of them is its effect" in written.methods
    assert "(term diagnosis: patient × age) has the coefficient" in written.results
    row = written.differences.set_index("term").loc["diagnosis: patient × age"]
    assert row[["low", "high", "difference", "in_rope"]].isna().all() and np.isfinite(row["effect"])
    (line,) = [line for line in written.tables[1].splitlines() if "diagnosis: patient × age" in line]
    assert line.count("| — ") == 4  # ends, difference, SD over people, ROPE
    assert (
        "typical person's difference, with"
        not in written.methods.split("follows `diagnosis`")[1].split("Within")[0]
    )


@pytest.mark.parametrize(
    "labels", [["age", "I(age ** 2)"], ["poly(age, 2)[1]", "poly(age, 2)[2]"], ["age", "age × sex"]]
)
def test_a_column_that_two_terms_read_moves_no_typical_person_alone(labels):
    meanings = ["1 SD"] * 2
    coords = {
        "t": labels,
        "t_low": ("t", [-0.5] * 2),
        "t_high": ("t", [0.5] * 2),
        "t_meaning": ("t", meanings),
    }
    assert ends_of(xr.DataArray([0.1, 0.2], coords, ["t"]), "t") == [None, None]


def test_no_estimate_is_taken_from_a_fit_that_check_refuses(refused):
    with pytest.raises(ValueError, match="No estimate can be read from this fit"):
        rwlib.estimates(refused)


@pytest.mark.parametrize("interval", [0.0, 1.0, 90.0])
def test_an_interval_that_is_no_share_of_the_draws_is_refused(plain_fit, interval):
    with pytest.raises(ValueError, match=f"interval is {interval}; it must lie between 0 and 1"):
        rwlib.estimates(plain_fit, interval=interval)


def test_numbers_of_the_report_are_those_of_the_fit(fit):
    written, posterior = rwlib.report(fit), fit["posterior"].to_dataset()
    row = written.estimates.set_index("parameter").loc["beta"]
    assert row["typical"] == pytest.approx(np.exp(posterior["beta_group_mean"].values).mean(), rel=1e-5)
    assert row["people"] == pytest.approx(posterior["beta"].mean("subject").values.mean(), rel=1e-5)
    said = f"{row['typical']:.2f} [{row['typical_from']:.2f}, {row['typical_to']:.2f}]"
    assert rf"the inverse temperature, $\beta$: {said} for the typical person" in written.results


@pytest.mark.parametrize("ending", [".md", ".tex", ".docx"])
def test_the_report_is_written_in_the_form_that_its_name_asks_for(fit, tmp_path, ending):
    if ending != ".md" and shutil.which("pandoc") is None:
        with pytest.raises(FileNotFoundError, match="pandoc"):
            rwlib.write_report(rwlib.report(fit), tmp_path / f"report{ending}")
    else:
        assert rwlib.write_report(rwlib.report(fit), tmp_path / f"report{ending}").stat().st_size > 1000


def test_a_report_of_another_form_is_refused(fit, tmp_path):
    with pytest.raises(ValueError, match="must end with"):
        rwlib.write_report(rwlib.report(fit), tmp_path / "report.pdf")


# How many people, how many trials


@pytest.mark.parametrize("within", [False, True])
def test_power_finds_a_huge_difference_with_the_right_sign(within, monkeypatch):
    accept_all(monkeypatch)
    fast = dict(num_warmup=150, num_samples=250, num_chains=4, progress_bar=False)
    table = rwlib.power(
        24, 60, -4.0, parameter="beta", typical={"beta": 3.0}, within=within, n_datasets=2, **fast
    )
    assert table["found"].all() and table["sign_right"].all() and (table["high"] < 0).all()


def test_power_refuses_a_parameter_that_the_model_lacks():
    with pytest.raises(ValueError, match="parameter is 'lapse'"):
        rwlib.power(10, 20, 0.5, parameter="lapse")


def test_a_fit_of_conditions_is_not_predicted_as_if_it_had_none(fit):
    with pytest.raises(ValueError, match="condition"):
        rwlib.predict_next(jax.random.key(0), DATA, fit)


# The groups of ArviZ


def test_the_log_likelihood_of_each_choice_is_that_of_a_loop_over_conditions_and_draws(fit):
    added = rwlib.add_groups(fit, "log_likelihood", num_draws=12)
    scored, posterior = added["log_likelihood"].to_dataset()["choices"], added["posterior"]
    assert scored.sizes == {"chain": 4, "draw": 3, "point": DATA.scored.sum()}
    for point in (0, 40, scored.sizes["point"] - 1):
        person, trial = scored["subject"].values[point], int(scored["trial"].values[point])
        i = DATA.subjects.index(person)
        block = int(DATA.design.block[i, trial])
        start = 14 * block  # values start again
        where = dict(chain=2, draw=1, subject=i)
        beta, alpha_neg = (float(posterior[name].isel(where)) for name in ("beta", "alpha_neg"))
        alpha_pos = float(posterior["alpha_pos"].isel(**where, condition=block))
        value = np.full(3, 0.5)
        for t in range(start, trial):
            if DATA.mask[i, t] and FEEDBACK[i, t]:
                error = DATA.rewards[i, t] - value[DATA.choices[i, t]]
                value[DATA.choices[i, t]] += (alpha_pos if error > 0 else alpha_neg) * error
        logits = beta * value
        expected = logits[DATA.choices[i, trial]] - np.log(np.exp(logits).sum())
        np.testing.assert_allclose(float(scored[2, 1, point]), expected, atol=1e-4)


def test_arviz_leaves_choices_out_as_loo_by_trial_does(plain_fit):
    added = rwlib.add_groups(plain_fit, "log_likelihood", num_draws=10_000)
    ours = rwlib.loo_by_trial(DATA, rwlib.ASYMMETRIC, plain_fit)
    theirs = arviz_stats.loo(added, var_name="choices")
    assert theirs.elpd == pytest.approx(ours.elpd, abs=0.05)
    assert arviz_stats.compare({"one": added, "other": added}).shape[0] == 2


def test_a_prior_is_drawn_under_the_names_of_the_posterior(fit):
    added = rwlib.add_groups(fit, "prior", num_draws=800)
    prior = added["prior"].to_dataset()
    assert set(prior.data_vars) == set(fit["posterior"].data_vars)
    assert prior["alpha_pos"].dims == fit["posterior"]["alpha_pos"].dims
    effect = prior["alpha_neg_effect"].values.ravel()
    scale = next(p.mean_scale for p in rwlib.ASYMMETRIC.parameters if p.name == "alpha_neg")
    assert effect.std() == pytest.approx(scale, rel=0.1) and abs(effect.mean()) < 0.15 * scale
    assert added["posterior"].sizes["draw"] == fit["posterior"].sizes["draw"]


def test_choices_are_predicted_with_the_probabilities_of_the_fit(plain_fit):
    predicted = rwlib.add_groups(plain_fit, "posterior_predictive", num_draws=1200)
    choices = predicted["posterior_predictive"]["choices"].values.reshape(-1, *DATA.choices.shape)
    assert (choices[:, ~np.asarray(DATA.mask)] == -1).all()
    wanted = rwlib.trialwise(plain_fit, num_draws=1200)["probability"].values
    often = (choices == np.asarray(DATA.choices)).mean(axis=0)
    there = DATA.scored
    error = (often - wanted)[there] / np.sqrt(wanted[there] * (1 - wanted[there]) / len(choices))
    assert np.abs(error).max() < 5 and error.std() < 1.5


def test_arviz_plots_predictions_beside_data_without_being_told_which(plain_fit):
    predicted = rwlib.add_groups(plain_fit, "posterior_predictive", num_draws=60)
    drawn = arviz_plots.plot_ppc_dist(predicted, kind="ecdf", num_samples=20, backend="matplotlib")
    assert list(drawn.viz["observed_dist"].data_vars) == ["choices"]
    plt.close("all")


def test_data_of_a_fit_that_keeps_them_all_in_one_group_as_before_are_found(plain_fit):
    before = plain_fit.copy()
    before["observed_data"] = xr.DataTree(data_in(plain_fit))
    del before["constant_data"]
    assert data_of(before) == DATA


def test_groups_that_are_added_one_after_the_other_belong_to_the_same_draws(plain_fit):
    scored = rwlib.add_groups(plain_fit, "log_likelihood", num_draws=400)
    both = rwlib.add_groups(scored, "posterior_predictive", num_draws=40)
    draws = [
        both[name]["draw"].values.tolist() for name in ("posterior", "log_likelihood", "posterior_predictive")
    ]
    assert len(draws[0]) == 10 and draws[0] == draws[1] == draws[2]


def test_groups_that_arviz_does_not_know_are_refused(plain_fit):
    with pytest.raises(ValueError, match="'likelihood' is no group"):
        rwlib.add_groups(plain_fit, "likelihood")


def test_choices_of_people_in_conditions_are_not_left_out_as_if_there_were_one(fit):
    with pytest.raises(ValueError, match="'alpha_pos' moves with a condition"):
        rwlib.loo_by_trial(DATA, rwlib.ASYMMETRIC, fit)


@pytest.mark.parametrize("use", [rwlib.report, rwlib.trialwise, lambda fit: rwlib.save(fit, "fit.nc")])
def test_a_tree_without_draws_is_refused(use):
    with pytest.raises(ValueError, match="Give what rwlib.fit or rwlib.load returns"):
        use(xr.DataTree())
