"""Parameters that follow columns about people, and that move with conditions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpyro.infer.util import potential_energy
from scipy import stats

import rwlib
from rwlib.fitting import moves
from rwlib.fitting.effects import describe
from rwlib.fitting.hierarchy import effect_rows, hierarchical_model
from rwlib.fitting.positions import (
    draw_from_prior,
    effects_of,
    log_density,
    split,
    to_people,
    to_position,
    to_sites,
)
from rwlib.fitting.proposals import Group
from rwlib.fitting.stretch import learn_stretch, stretch, unstretch

RNG = np.random.default_rng(0)
PEOPLE = {
    "diagnosis": ["control", "patient", "patient", "control", "patient"],
    "age": [20.0, 35.0, 50.0, 41.0, 29.0],
    "site": ["A", "B", "C", "A", "B"],
    "visits": [1, 2, 2, 1, 1],
    "country": ["here"] * 5,
    "months": [240.0, 420.0, 600.0, 492.0, 348.0],
    "score": [1.0, 2.0, np.nan, 3.0, 4.0],
    "balance": [10.0, -3.0, 2.0, 1.0, 5.0],
    "hands": [2] * 5,
    "weight": ["61", "72,5", "80", "75", "70"],
    "score as text": ["1", "unknown", "2", "3", "4"],
    "group": ["Patient", "patient", "control", "control", "control"],
    "ward": ["A", " ", "B", "A", "B"],
}
# Blocks of seven trials; the third person never had the second, and the first one comes back.
BLOCK = np.repeat([0, 1, 0, 2], 7)
MASK = np.ones((5, 28), bool)
MASK[2, 7:14], MASK[1, 25:], MASK[4, 3] = False, False, False
CONDITIONS = {"drug": ["placebo", "levodopa", "placebo"], "dose": [0, 10, 30], "room": ["a", "a", "a"]}
DATA = rwlib.ChoiceData(
    RNG.integers(3, size=(5, 28)),
    RNG.integers(2, size=(5, 28)),
    MASK,
    n_actions=3,
    subjects=["p1", "p2", "p3", "p4", "p5"],
    design=rwlib.Design(block=BLOCK),
    people=PEOPLE,
    blocks=["first", "second", "third"],
    conditions=CONDITIONS,
)
GROUP = {"alpha_neg": "diagnosis + age", "beta": "age"}
WITHIN = {"alpha_pos": "drug", "beta": "drug"}


def centred(x):
    return np.asarray(x, float) - np.mean(x)


# Formulas


def test_labels_become_differences_from_the_first_and_numbers_steps_of_one_sd():
    described = describe(DATA, rwlib.ASYMMETRIC, {"alpha_neg": "site + age"})
    site = np.array(PEOPLE["site"])
    age = centred(PEOPLE["age"]) / np.std(PEOPLE["age"])
    expected = [centred(site == "B"), centred(site == "C"), age]
    np.testing.assert_allclose(described.regressors.of_people, expected, atol=1e-12)
    assert [(term.label, term.meaning) for term in described.effects] == [
        ("site: B", "B − A"),
        ("site: C", "C − A"),
        ("age", "1 SD = 10.2, mean 35"),
    ]


def test_two_numbers_are_compared_with_each_other():
    (term,) = describe(DATA, rwlib.ASYMMETRIC, {"beta": "visits"}).effects
    assert (term.meaning, term.low, term.high) == ("2 − 1", pytest.approx(-0.4), pytest.approx(0.6))


def test_an_interaction_is_the_product_of_its_columns():
    described = describe(DATA, rwlib.ASYMMETRIC, {"beta": "diagnosis * age"})
    age = centred(PEOPLE["age"]) / np.std(PEOPLE["age"])
    product = (np.array(PEOPLE["diagnosis"]) == "patient") * age
    np.testing.assert_allclose(described.regressors.of_people[2], centred(product))
    assert described.effects[2].label == "diagnosis: patient × age"


def test_a_function_is_taken_of_the_column_and_its_result_comes_in_steps_of_one_sd():
    described = describe(DATA, rwlib.ASYMMETRIC, {"alpha_neg": "diagnosis * log(age)"})
    log_age = centred(np.log(PEOPLE["age"])) / np.std(np.log(PEOPLE["age"]))
    patient = np.array(PEOPLE["diagnosis"]) == "patient"
    expected = [centred(patient), log_age, centred(patient * log_age)]
    np.testing.assert_allclose(described.regressors.of_people, expected, atol=1e-12)
    assert described.effects[2][1:3] == (
        "diagnosis: patient × log(age)",
        f"(patient − control) × (1 SD = {np.std(np.log(PEOPLE['age'])):.3g}, mean 3.51)",
    )


def test_a_function_of_several_columns_has_each_in_steps_of_one_sd():
    described = describe(DATA, rwlib.ASYMMETRIC, {"beta": "poly(age, 2)"})
    assert [term.label for term in described.effects] == ["poly(age, 2)[1]", "poly(age, 2)[2]"]
    np.testing.assert_allclose(described.regressors.of_people.std(axis=1), 1.0)


def test_another_label_can_be_the_one_that_the_others_are_compared_with():
    (term,) = describe(DATA, rwlib.ASYMMETRIC, {"beta": "C(diagnosis, Treatment('patient'))"}).effects
    assert (term.label, term.meaning) == ("diagnosis: control", "control − patient")
    terms = describe(DATA, rwlib.ASYMMETRIC, {"beta": "C(site, Treatment('B'))"}).effects
    assert [term.meaning for term in terms] == ["A − B", "C − B"]


def test_numbers_can_be_taken_as_labels():
    shifts = describe(DATA, rwlib.ASYMMETRIC, within={"beta": "C(dose)"}).shifts
    assert [(term.label, term.meaning) for term in shifts] == [("dose: 10", "10 − 0"), ("dose: 30", "30 − 0")]


def test_text_among_numbers_may_be_meant_as_labels():
    terms = describe(DATA, rwlib.ASYMMETRIC, {"beta": "C(`score as text`)"}).effects
    assert [term.label for term in terms][-1] == "score as text: unknown"


def test_an_interaction_without_main_effects_has_a_column_for_each_label():
    terms = describe(DATA, rwlib.ASYMMETRIC, {"beta": "diagnosis:age"}).effects
    assert [term.label for term in terms] == ["diagnosis: control × age", "diagnosis: patient × age"]


def test_labels_may_hold_the_signs_of_formulas():
    people = {"time of day": ["9:15", "10:30", "9:15", "10:30", "[T.x]"]}
    described = describe(
        dataclasses.replace(DATA, people=people), rwlib.ASYMMETRIC, {"beta": "`time of day`"}
    )
    assert [term.label for term in described.effects] == ["time of day: 9:15", "time of day: [T.x]"]


def test_codes_of_conditions_are_centred_over_the_conditions_that_occur():
    described = describe(DATA, rwlib.ASYMMETRIC, within={"beta": "dose"})
    dose = centred([0, 10, 30]) / np.std([0, 10, 30])
    np.testing.assert_allclose(described.regressors.of_conditions, [dose])
    assert described.conditions == ("0", "10", "30")


def test_without_formulas_nothing_changes():
    described = describe(DATA, rwlib.ASYMMETRIC)
    assert described.model is rwlib.ASYMMETRIC and described.data is DATA and described.regressors is None


@pytest.mark.parametrize(
    ("group", "within", "complaint"),
    [
        ({"alpha": "age"}, None, "group names 'alpha', which is no parameter"),
        ({"beta": " "}, None, "give a formula as text"),
        ({"beta": "age +"}, None, "cannot be read"),
        ({"beta": "income"}, None, "reads 'income', but the data's columns about people are 'diagnosis'"),
        ({"beta": "country"}, None, "'country', which is 'here' for every subject"),
        ({"beta": "score"}, None, "'score', which has no value for subject 'p3'"),
        ({"beta": "age + months"}, None, "the column 'months', which follows from 'age'"),
        ({"beta": "0 + diagnosis"}, None, "has no intercept"),
        ({"beta": "1"}, None, "names no column"),
        ({"beta": "unknown_function(age)"}, None, "reads 'unknown_function'"),
        ({"beta": "poly(income, 2)"}, None, "reads 'income'"),
        ({"beta": "log(balance)"}, None, "'log\\(balance\\)' is nan for subject 'p2'"),
        ({"beta": "I(age * 0)"}, None, "'I\\(age \\* 0\\)' is the same for every subject"),
        ({"beta": "age + I(2 * age)"}, None, "the column 'I\\(2 \\* age\\)', which follows from 'age'"),
        ({"beta": "hands"}, None, "'hands', which is 2 for every subject"),
        ({"beta": "drug"}, None, "'drug' is a column about conditions: give it to within"),
        (None, {"beta": "age"}, "'age' is a column about people: give it to group"),
        (None, {"beta": "income"}, "columns about conditions are 'drug', 'dose', 'room'"),
        ({"beta": "weight"}, None, "the text '72,5' among numbers"),
        ({"beta": "`score as text`"}, None, "the text 'unknown' among numbers"),
        ({"beta": "group"}, None, "'Patient' and 'patient' differ by case or blanks alone"),
        ({"beta": "ward"}, None, "blanks alone for subject 'p2'"),
        (None, {"beta": "room"}, "'room', which is 'a' for every condition"),
        (None, {"gamma": "drug"}, "within names 'gamma'"),
    ],
)
def test_a_formula_that_cannot_be_meant_is_refused_by_name(group, within, complaint):
    with pytest.raises(ValueError, match=complaint):
        describe(DATA, rwlib.ASYMMETRIC, group, within)


def test_conditions_of_which_everybody_had_one_only_are_refused():
    between = rwlib.Design(block=np.repeat([[0], [1], [2], [0], [1]], 28, axis=1))
    data = dataclasses.replace(DATA, design=between)
    with pytest.raises(ValueError, match="everybody was in one condition only"):
        describe(data, rwlib.ASYMMETRIC, within={"beta": "drug"})


# Conditions


def test_rows_for_conditions_score_each_persons_trials_as_before():
    rows = describe(DATA, rwlib.ASYMMETRIC, within={"beta": "drug"}).data
    params = {"alpha_pos": 0.4, "alpha_neg": 0.3, "beta": 2.0}
    by_row = np.asarray(rwlib.log_likelihood(rows, params)).reshape(2, 5)
    np.testing.assert_allclose(by_row.sum(axis=0), rwlib.log_likelihood(DATA, params), rtol=1e-6)


def test_a_condition_scores_the_trials_of_its_blocks():
    rows = describe(DATA, rwlib.ASYMMETRIC, within={"beta": "drug"}).data
    by_trial = rwlib.trialwise_log_likelihood(DATA, {"alpha_pos": 0.4, "alpha_neg": 0.3, "beta": 2.0})
    levodopa = np.asarray(by_trial)[:, BLOCK == 1].sum(axis=1)
    by_row = rwlib.log_likelihood(rows, {"alpha_pos": 0.4, "alpha_neg": 0.3, "beta": 2.0})
    np.testing.assert_allclose(by_row[5:], levodopa, rtol=1e-6)
    assert by_row[5 + 2] == 0.0  # the third person was never there


# The density


@pytest.fixture(scope="module")
def described():
    return describe(DATA, rwlib.ASYMMETRIC, GROUP, WITHIN)


def position_of(described, seed):
    rng = np.random.default_rng(seed)
    return draw_from_prior(rng, described.model, DATA.n_subjects, described.regressors)


def test_log_density_is_that_of_a_regression_by_hand(described):
    model, position = described.model, position_of(described, 1)
    means, sds, offsets = split(position, model, 5)
    effects = effects_of(position, model)
    patient = centred(np.array(PEOPLE["diagnosis"]) == "patient")
    age = centred(PEOPLE["age"]) / np.std(PEOPLE["age"])
    moved = {"alpha_neg": effects[0] * patient + effects[1] * age, "beta": effects[2] * age}
    expected, numbers = stats.norm.logpdf(effects).sum(), {}
    for p, mean, sd, z in zip(model.personal, means, sds, offsets):
        expected += stats.norm.logpdf(mean, p.mean_location, p.mean_scale)
        expected += stats.norm.logpdf(sd, scale=p.sd_scale) + stats.norm.logpdf(z).sum()
        numbers[p.name] = mean + moved.get(p.name, 0.0) + sd * z
    # "levodopa" comes before "placebo", so the column is 1 for placebo, and −1/2 and 1/2 when it is centred.
    by_block = {}
    for drug, code in (("placebo", 0.5), ("levodopa", -0.5)):
        alpha_pos = 1 / (1 + np.exp(-(numbers["alpha_pos"] + code * numbers["alpha_pos_shift_0"])))
        beta = np.exp(numbers["beta"] + code * numbers["beta_shift_0"])
        params = {"alpha_pos": alpha_pos, "alpha_neg": 1 / (1 + np.exp(-numbers["alpha_neg"])), "beta": beta}
        by_block[drug] = np.asarray(rwlib.trialwise_log_likelihood(DATA, params))
    expected += by_block["levodopa"][:, BLOCK == 1].sum() + by_block["placebo"][:, BLOCK != 1].sum()
    found = log_density(jnp.asarray(position), described.data, model, described.regressors)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_log_density_is_that_of_the_numpyro_model_but_for_coordinates(described):
    model = described.model
    for seed in range(3):
        position = position_of(described, seed)
        coordinates = np.log(2 * split(position, model, 5)[1]).sum()
        sites = {name: jnp.asarray(x) for name, x in to_sites(position, model, 5).items()}
        arguments = described.data, model, described.regressors
        numpyros = -potential_energy(hierarchical_model, arguments, {}, sites)
        found = log_density(jnp.asarray(position), *arguments) + coordinates
        np.testing.assert_allclose(found, numpyros, rtol=1e-5)


def test_people_group_and_effects_lead_back_to_their_position(described):
    position, model = position_of(described, 3), described.model
    people, group = to_people(jnp.asarray(position), model, 5, described.regressors)
    back = to_position(people, group, model, effects_of(position, model), described.regressors)
    np.testing.assert_allclose(back, position, rtol=1e-4, atol=1e-5)


def test_stretching_is_undone(described):
    rng, model = np.random.default_rng(0), described.model
    positions = np.stack([position_of(described, seed) for seed in range(60)])
    shape = learn_stretch(positions, model, 5, described.regressors)
    moved = rng.normal(size=positions.shape[1])
    with jax.enable_x64(True):
        np.testing.assert_allclose(unstretch(stretch(jnp.asarray(moved), shape), shape), moved, atol=1e-8)


def test_where_the_group_mean_takes_people_along_so_does_an_effect_by_its_column(described):
    model, regressors = described.model, described.regressors
    positions = np.stack([position_of(described, seed) for seed in range(60)])
    slope = learn_stretch(positions, model, 5, regressors).slope
    n = len(model.personal)
    for k, row in enumerate(effect_rows(model)):
        by_mean = slope[:, :, row]
        np.testing.assert_allclose(slope[:, :, 2 * n + k], by_mean * regressors.of_people[k][:, None])


# Moves


def test_effects_drawn_given_people_from_the_prior_follow_the_prior():
    n, scales, rows = 3000, np.array([0.5, 1.0, 2.0]), np.array([0, 0, 1])
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(3, 6))
    mean, sd = rng.normal(size=(n, 2)), np.exp(rng.normal(size=(n, 2)))
    effects = rng.normal(0.0, scales, (n, 3))
    belongs = rows == np.arange(2)[:, None]
    along = np.einsum("pe,ne,es->nps", belongs.astype(float), effects, columns)
    with jax.enable_x64(True):
        people = jnp.asarray(rng.normal(mean[..., None] + along, sd[..., None]))
        draw = jax.vmap(
            lambda key, people, mean, log_sd: moves.draw_effects(
                key, people, Group(mean, log_sd), jnp.asarray(scales), rows, jnp.asarray(columns)
            )
        )
        drawn = draw(jax.random.split(jax.random.key(1), n), people, jnp.asarray(mean), jnp.log(sd))
    drawn = np.asarray(drawn)
    for x, scale in zip(drawn.T, scales):
        assert stats.kstest(x, stats.norm(0, scale).cdf).pvalue > 1e-4
    # And they belong to the people that were there: their ranks among other draws would else be chance.
    assert np.corrcoef(drawn[:, 1], effects[:, 1])[0, 1] > 0.3


def test_the_effects_of_one_parameter_have_the_mean_and_covariance_of_a_bayesian_regression():
    rng = np.random.default_rng(1)
    columns, scales, sd = rng.normal(size=(2, 8)), np.array([1.0, 0.4]), 0.7
    people = rng.normal(size=(1, 8))
    covariance = np.linalg.inv(columns @ columns.T / sd**2 + np.diag(1 / scales**2))
    mean = covariance @ columns @ (people[0] - 0.3) / sd**2
    with jax.enable_x64(True):
        group = Group(jnp.array([0.3]), jnp.log(jnp.array([sd])))
        drawn = jax.vmap(
            lambda key: moves.draw_effects(
                key, jnp.asarray(people), group, jnp.asarray(scales), np.array([0, 0]), jnp.asarray(columns)
            )
        )(jax.random.split(jax.random.key(0), 20_000))
    np.testing.assert_allclose(np.mean(drawn, axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(np.asarray(drawn).T), covariance, atol=0.02)


# Fits


@pytest.fixture(scope="module")
def fit():
    short = dict(num_warmup=60, num_samples=60, num_chains=2, progress_bar=False, warn=False)
    return rwlib.fit(DATA, group=GROUP, within=WITHIN, **short)


def test_effects_and_shifts_come_back_by_name(fit):
    posterior = fit["posterior"].dataset
    assert posterior["alpha_neg_effect"].dims == ("chain", "draw", "alpha_neg_effect_term")
    assert posterior["alpha_neg_effect_term"].values.tolist() == ["diagnosis: patient", "age"]
    assert posterior["beta_shift"].dims == ("chain", "draw", "subject", "beta_shift_term")
    assert posterior["beta_shift_term"].values.tolist() == ["drug: placebo"]
    assert posterior["alpha_pos"].dims == ("chain", "draw", "subject", "condition")
    assert posterior["condition"].values.tolist() == ["placebo", "levodopa"]
    assert posterior["alpha_neg"].dims == ("chain", "draw", "subject")


def test_stored_lp_is_the_density_of_the_stored_sites(fit, described):
    sites = fit["unconstrained_posterior"].dataset.isel(chain=1, draw=7)
    sites = {name: jnp.asarray(x.values) for name, x in sites.data_vars.items()}
    with jax.enable_x64(True):
        arguments = described.data, described.model, described.regressors
        lp = -potential_energy(hierarchical_model, arguments, {}, sites)
    np.testing.assert_allclose(fit["sample_stats"]["lp"][1, 7], lp, rtol=1e-5)


def test_people_in_conditions_follow_from_the_stored_sites(fit):
    posterior, sites = fit["posterior"].dataset, fit["unconstrained_posterior"].dataset
    age = centred(PEOPLE["age"]) / np.std(PEOPLE["age"])
    mean = sites["beta_group_mean"].values[..., None] + sites["beta_effect_0"].values[..., None] * age
    base = mean + np.exp(sites["beta_group_sd"].values)[..., None] * sites["beta_offset"].values
    shift = sites["beta_shift_0_group_mean"].values[..., None]
    shift = (
        shift + np.exp(sites["beta_shift_0_group_sd"].values)[..., None] * sites["beta_shift_0_offset"].values
    )
    placebo = posterior["beta"].sel(condition="placebo").values
    np.testing.assert_allclose(placebo, np.exp(base + 0.5 * shift), rtol=1e-4)


def test_data_sets_whose_formulas_have_other_columns_are_not_fitted_side_by_side():
    other = dataclasses.replace(DATA, people=PEOPLE | {"diagnosis": ["x", "y", "x", "y", "x"]})
    with pytest.raises(ValueError, match="data set 1 formulas have other columns"):
        rwlib.fit_many([DATA, other], group={"beta": "diagnosis"})


def test_columns_of_blocks_are_read_as_conditions():
    table = pd.DataFrame({"subject": ["a"] * 40 + ["b"] * 40, "trial": [*range(40)] * 2})
    table["visit"], table["drug"] = (
        [1] * 20 + [2] * 20 + [1] * 20 + [2] * 20,
        ["x"] * 20 + ["y"] * 40 + ["x"] * 20,
    )
    table["choice"], table["reward"] = [0, 1] * 40, [1, 0, 0, 1] * 20
    data = rwlib.read_choices(table, block=["visit", "drug"])
    assert data.condition_table.reset_index().values.tolist() == [
        ["1, x", 1, "x"],
        ["2, y", 2, "y"],
        ["1, y", 1, "y"],
        ["2, x", 2, "x"],
    ]
