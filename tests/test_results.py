"""What leaves a fit: differences, regressors, a report, a file."""

import json
import shutil
from pathlib import Path

import arviz_stats
import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import rwlib
from rwlib.results.fitted import data_of, model_of

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
        np.testing.assert_allclose(followed[f"{name}_sd"], of_draws.std(axis=0), atol=1e-4)


def test_surprise_is_in_bits_and_averaged_last(plain_fit):
    followed = rwlib.trialwise(plain_fit, num_draws=20)
    bits = -np.log2(np.where(MASK & (FORCED < 0), loops(plain_fit, 20)[..., 2], np.nan)).mean(axis=0)
    np.testing.assert_allclose(followed["surprise"], bits, atol=1e-4)


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


def test_no_regressor_is_made_of_a_fit_that_check_refuses(refused):
    with pytest.raises(ValueError, match="No regressors can be made of this fit"):
        rwlib.trialwise(refused)


# Differences


def test_a_difference_is_taken_draw_by_draw_and_summarised_last(fit):
    posterior = fit["posterior"].to_dataset()
    mean, effect = posterior["alpha_neg_group_mean"].values, posterior["alpha_neg_effect"].values[..., 0]
    # Three of five are patients, so the centred column is −0.6 for controls and 0.4 for patients.
    expit = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    difference = expit(mean + 0.4 * effect) - expit(mean - 0.6 * effect)
    row = rwlib.contrasts(fit, rope={"alpha_neg": 0.05}).set_index("term").loc["diagnosis: patient"]
    assert row["meaning"] == "patient − control"
    assert row["difference"] == pytest.approx(difference.mean(), abs=1e-5)
    assert row["difference_from"] == pytest.approx(np.quantile(difference, 0.05), abs=1e-5)
    assert row["p_direction"] == pytest.approx(max((effect > 0).mean(), (effect < 0).mean()))
    assert row["in_rope"] == pytest.approx((np.abs(difference) < 0.05).mean())


def test_a_shift_is_compared_between_its_conditions(fit):
    posterior = fit["posterior"].to_dataset()
    mean = posterior["alpha_pos_group_mean"].values
    shift = posterior["alpha_pos_shift_group_mean"].values[..., 0]
    row = rwlib.contrasts(fit).set_index("term").loc["drug: placebo"]
    assert row["high"] == pytest.approx((1 / (1 + np.exp(-mean - 0.5 * shift))).mean(), abs=1e-5)
    assert np.isnan(row["in_rope"])


@pytest.mark.parametrize("rope", [{"beta": 0.1}, {"alpha_neg": 0.0}])
def test_a_region_of_equivalence_that_means_nothing_is_refused(fit, rope):
    with pytest.raises(ValueError, match="rope"):
        rwlib.contrasts(fit, rope=rope)


def test_a_fit_without_formulas_has_no_differences(plain_fit):
    with pytest.raises(ValueError, match="no effects and no shifts"):
        rwlib.contrasts(plain_fit)


# Files


def test_a_fit_comes_back_from_disk_as_it_was(fit, tmp_path):
    again = rwlib.load(rwlib.save(fit, tmp_path / "fit.nc"))
    for group in ("posterior", "unconstrained_posterior", "sample_stats", "observed_data", "sampler"):
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
    for _ in range(200):
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


@pytest.mark.parametrize(
    "said",
    [
        "choices of 5 people among 3 options: 136 trials, 25 to 28 per person",
        "1 missed trials within sessions",
        "forced choices taught",
        "had no feedback",
        "anew in each of 2 blocks",
        "0 became 0 and 10 became 1",
        "alpha_neg on the logit scale, mean N(0, 1), SD half-normal with scale 1",
        "group mean of alpha_neg follows diagnosis",
        "alpha_pos shifts with drug",
        "4 chains from starting points across the prior, 60 warm-up iterations and 300 draws each",
        "target acceptance 0.99",
        "largest R-hat",
        "alpha_neg, diagnosis: patient (patient − control): a difference of",
        "https://doi.org/10.1214/20-BA1221",
    ],
)
def test_the_report_says(fit, said):
    assert said in str(rwlib.report(fit))


def test_numbers_of_the_report_are_those_of_the_fit(fit):
    written, posterior = rwlib.report(fit), fit["posterior"].to_dataset()
    row = written.estimates.set_index("parameter").loc["beta"]
    assert row["typical"] == pytest.approx(np.exp(posterior["beta_group_mean"].values).mean(), rel=1e-5)
    assert row["people"] == pytest.approx(posterior["beta"].mean("subject").values.mean(), rel=1e-5)
    assert (
        f"beta {row['typical']:.2f} [{row['typical_from']:.2f}, {row['typical_to']:.2f}]" in written.results
    )


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
def test_power_finds_a_huge_difference_with_the_right_sign(within):
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


def test_groups_that_arviz_does_not_know_are_refused(plain_fit):
    with pytest.raises(ValueError, match="'likelihood' is no group"):
        rwlib.add_groups(plain_fit, "likelihood")


def test_choices_of_people_in_conditions_are_not_left_out_as_if_there_were_one(fit):
    with pytest.raises(ValueError, match="'alpha_pos' moves with a condition"):
        rwlib.loo_by_trial(DATA, rwlib.ASYMMETRIC, fit)
