import subprocess
import sys

import arviz_base
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from rwlib.fitting import convergence, diagnostics
from rwlib.fitting.convergence import diagnose, looks
from rwlib.fitting.diagnostics import check

RNG_SEED = 5


def by_arviz(draws):
    """The same three diagnostics from ArviZ, one variable after the other."""
    with np.errstate(all="ignore"):
        return (
            array_stats.rhat(draws),
            array_stats.ess(draws, method="bulk"),
            array_stats.ess(draws, method="tail", prob=(0.05, 0.95)),
        )


def assert_as_arviz(draws):
    for name, ours, theirs in zip(("R-hat", "bulk ESS", "tail ESS"), diagnose(draws), by_arviz(draws)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=0, err_msg=name)


def put(x, value, share, rng):
    return np.where(rng.random(x.shape) < share, value, x)


# Each takes independent normal draws (n_variables, n_chains, n_draws) and a source of randomness.
KINDS = {
    "independent": lambda x, rng: x,
    "single precision": lambda x, rng: x.astype(np.float32),
    "stays where it is": lambda x, rng: np.repeat(x, 3, axis=-1)[..., : x.shape[-1]].astype(np.float32),
    "rounded": lambda x, rng: x.round(1),
    "random walk": lambda x, rng: x.cumsum(-1),
    "anticorrelated": lambda x, rng: (x + 2) * (-1) ** np.arange(x.shape[-1]),
    "chains apart": lambda x, rng: x + np.arange(x.shape[1])[:, None],
    "chains of different spread": lambda x, rng: x * (1 + np.arange(x.shape[1])[:, None]),
    "some infinite": lambda x, rng: put(x, np.inf, 0.05, rng),
    "most infinite": lambda x, rng: put(x, np.inf, 0.7, rng),
    "infinite on both sides": lambda x, rng: np.sign(x) * put(np.abs(x), np.inf, 0.6, rng),
    "some NaN": lambda x, rng: put(x, np.nan, 0.01, rng),
    "one variable constant": lambda x, rng: np.where(np.arange(len(x))[:, None, None] == 0, 3.0, x),
    "chains constant": lambda x, rng: np.broadcast_to(x[..., :1], x.shape),
}


@given(
    kind=st.sampled_from(sorted(KINDS)),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 120)),
    seed=st.integers(0, 2**32 - 1),
)
def test_diagnostics_agree_with_arviz(kind, shape, seed):
    rng = np.random.default_rng(seed)
    assert_as_arviz(KINDS[kind](rng.normal(size=shape), rng))


@pytest.mark.parametrize("shape", [(3, 4, 1000), (3, 4, 501), (3, 1, 600), (3, 2, 5), (3, 4, 3)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_diagnostics_agree_with_arviz_for_every_kind_of_draws(kind, shape):
    rng = np.random.default_rng(RNG_SEED)
    assert_as_arviz(KINDS[kind](rng.normal(size=shape), rng))


def test_diagnostics_of_whole_numbers_agree_with_arviz():
    assert_as_arviz(np.random.default_rng(RNG_SEED).integers(0, 5, size=(3, 4, 400)))


def test_true_and_false_count_as_1_and_0():
    draws = np.random.default_rng(RNG_SEED).random((3, 4, 400)) < 0.3
    np.testing.assert_array_equal(diagnose(draws), diagnose(draws.astype(int)))


def test_two_values_at_the_same_distance_from_the_median_have_the_r_hat_of_their_ranks():
    # Their distances from the median are all equal, so that R-hat of the distances does not exist.
    draws = np.tile([-1.0, 1.0, 1.0, -1.0], (1, 4, 100))
    assert_as_arviz(draws)
    assert np.isfinite(diagnose(draws).r_hat)


def test_anticorrelated_draws_count_for_more_than_there_are():
    draws = KINDS["anticorrelated"](np.random.default_rng(RNG_SEED).normal(size=(1, 4, 500)), None)
    assert diagnose(draws).ess_bulk > draws.size


def test_a_variable_has_the_same_diagnostics_in_any_block(monkeypatch):
    draws = np.random.default_rng(RNG_SEED).normal(size=(7, 4, 100))
    together = diagnose(draws)
    monkeypatch.setattr(convergence, "BLOCK_SIZE", 3 * 400)
    for alone, among_others in zip(diagnose(draws), together):
        np.testing.assert_array_equal(alone, among_others)


@given(kind=st.sampled_from(sorted(KINDS)), n_chains=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_a_fit_passes_exactly_where_the_numbers_of_arviz_do(kind, n_chains, seed):
    rng = np.random.default_rng(seed)
    draws = KINDS[kind](rng.normal(size=(3, n_chains, 400)), rng)
    r_hat, ess_bulk, ess_tail = by_arviz(draws)
    pass_by_arviz = (r_hat < 1.01) & (ess_bulk >= 400) & (ess_tail >= 400)
    report = check(fit_of({"x": draws.transpose(1, 2, 0)}))
    assert bool(report) == pass_by_arviz.all()
    assert [row.label for row in report.failing] == [str(i) for i in np.flatnonzero(~pass_by_arviz)]


def made_up_fit(draws=None, diverging=None, energy=None, n_draws=500, **sample_stats):
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(4, n_draws)) if draws is None else draws
    return arviz_base.from_dict(
        {
            "posterior": {"x": draws, "y": rng.normal(size=(4, n_draws, 3))},
            "sample_stats": {
                "diverging": np.zeros((4, n_draws), bool) if diverging is None else diverging,
                "energy": rng.normal(size=(4, n_draws)) if energy is None else energy,
                **sample_stats,
            },
        },
        dims={"y": ["subject"]},
        coords={"subject": ["ada", "bo", "cy"]},
    )


def fit_of(variables, dims=None, coords=None):
    """A tree with these variables, shape (chain, draw, …), and a sampler that had no trouble."""
    shape = next(iter(variables.values())).shape[:2]
    stats = {"diverging": np.zeros(shape, bool), "energy": np.random.default_rng(0).normal(size=shape)}
    return arviz_base.from_dict({"posterior": variables, "sample_stats": stats}, dims=dims, coords=coords)


def correlated(shape, correlation_time, rng):
    """Normal draws of a chain that moves slowly, a first-order autoregression."""
    keep = np.exp(-1 / correlation_time)
    noise = rng.normal(size=shape) * np.sqrt(1 - keep**2)
    noise[..., 0] = rng.normal(size=shape[:-1])
    return lfilter([1.0], [1.0, -keep], noise, axis=-1)


def test_independent_draws_pass():
    report = check(made_up_fit())
    assert report and report.failing == ()


def test_the_worst_values_are_those_of_arviz():
    tree = made_up_fit()
    draws = np.concatenate(
        [tree["posterior"]["x"].values[None], tree["posterior"]["y"].values.transpose(2, 0, 1)]
    )
    r_hat, ess_bulk, ess_tail = by_arviz(draws)
    worst = check(tree).worst
    np.testing.assert_allclose(
        [worst["r_hat"], worst["ess_bulk"], worst["ess_tail"]], [r_hat.max(), ess_bulk.min(), ess_tail.min()]
    )


def test_chains_that_disagree_do_not_pass():
    report = check(made_up_fit(np.random.default_rng(1).normal(size=(4, 500)) + np.arange(4)[:, None]))
    assert not report and "R-hat" in report.problems[0] and " x:" in report.problems[0]


def test_draws_that_never_change_do_not_pass():
    report = check(made_up_fit(np.ones((4, 500))))
    assert "cannot be computed for x (constant)" in report.problems[0]


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_draws_that_are_not_finite_are_called_so(value):
    draws = np.random.default_rng(1).normal(size=(4, 500)) + np.arange(4)[:, None]
    draws[0, 3] = value
    assert check(made_up_fit(draws)).failing[0].kind == "not finite"


def test_one_draw_that_is_not_a_number_does_not_pass():
    draws = np.random.default_rng(1).normal(size=(4, 500))
    draws[0, 3] = np.nan
    report = check(made_up_fit(draws))
    assert np.isnan(report.worst["r_hat"]) and "cannot be computed for x (not finite)" in report.problems[0]


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


@pytest.mark.parametrize("name", ["energy", "diverging"])
def test_a_fit_that_lacks_a_statistic_of_the_sampler_does_not_pass(name):
    tree = made_up_fit()
    tree["sample_stats"] = tree["sample_stats"].to_dataset().drop_vars(name)
    report = check(tree)
    assert len(report.problems) == 1 and repr(name) in report.problems[0]
    assert str(report).startswith("Do not use this fit")


def test_one_chain_does_not_pass():
    report = check(fit_of({"x": np.random.default_rng(1).normal(size=(1, 2000))}))
    (problem,) = report.problems
    assert problem.startswith("R-hat cannot be computed from one chain")


def test_three_draws_do_not_pass():
    report = check(fit_of({"x": np.random.default_rng(1).normal(size=(2, 3))}))
    assert "cannot be computed from 3 draws per chain" in report.problems[0]


def test_an_ess_just_too_small_does_not_read_as_if_it_passed():
    row = diagnostics.Failing("x", "", 1.0, 399.7, 500.0, "")
    assert diagnostics._inefficiency([row], set())[0].startswith("Bulk ESS is 399 at worst")


@pytest.mark.parametrize("group", ["posterior", "sample_stats"])
def test_a_tree_without_a_group_is_refused(group):
    tree = made_up_fit()
    del tree[group]
    with pytest.raises(ValueError, match=f"has no group '{group}'"):
        check(tree)


def test_what_is_no_fit_is_refused_in_one_sentence():
    # In a process of its own, since the tests check types before `check` can.
    code = """
import pandas as pd
import rwlib
for it in None, pd.DataFrame({"beta": [1.0]}), "fit.nc":
    for call in rwlib.check, rwlib.report, lambda it: rwlib.save(it, "fit.nc"):
        try:
            call(it)
        except ValueError as error:
            print(error, error.__context__)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    sentence = "This is no fit, but of type {}. Give what rwlib.fit or rwlib.load returns. None"
    kinds = ("NoneType", "DataFrame", "str")
    assert said.splitlines() == [sentence.format(kind) for kind in kinds for _ in range(3)]


def test_an_empty_posterior_is_refused():
    tree = made_up_fit()
    tree["posterior"] = xr.Dataset()
    with pytest.raises(ValueError, match="holds no draws"):
        check(tree)


APART = np.arange(4.0)[:, None]


def hierarchical_draws(n_subjects, failing, group_fails=()):
    """Independent draws of two parameters, but for those named, whose chains disagree."""
    rng = np.random.default_rng(4)
    variables = {name: rng.normal(size=(4, 500, n_subjects)) for name in ("alpha", "beta")}
    for name, i, size in failing:
        variables[name][:, :, i] += size * APART
    for name in ("alpha", "beta"):
        for what in ("group_mean", "group_sd"):
            variables[f"{name}_{what}"] = np.exp(
                rng.normal(size=(4, 500)) + (f"{name}_{what}" in group_fails) * APART
            )
    return fit_of(
        variables,
        {name: ["subject"] for name in ("alpha", "beta")},
        {"subject": [f"p{i:02d}" for i in range(n_subjects)]},
    )


def test_everyone_who_fails_is_named_with_all_parameters_worst_first():
    report = check(hierarchical_draws(30, [("alpha", 3, 0.4), ("beta", 3, 0.7), ("beta", 17, 1.0)]))
    assert "for people p17 (beta) and p03 (beta, alpha): " in report.problems[0]


def test_those_whose_draws_show_more_are_named_before_worse_ones():
    tree = hierarchical_draws(30, [("beta", 17, 1.0)])
    tree["posterior"]["alpha"].values[:, :, 3] = changing_between(
        (-3.0, 3.0), 150, np.random.default_rng(7), (4, 500)
    )
    assert "for people p03 (alpha: two modes) and p17 (beta): " in check(tree).problems[0]


def test_one_person_is_not_called_people():
    assert "for person p03 (beta): " in check(hierarchical_draws(30, [("beta", 3, 1.0)])).problems[0]


def test_the_groups_parameters_are_named_in_words():
    # Their R-hats differ by chance, so that either kind may come first.
    text = check(hierarchical_draws(5, [("beta", 3, 1.0)], ["alpha_group_sd", "beta_group_mean"])).problems[0]
    assert ", and for the group SD of alpha" in text and ", and for the group mean of beta" in text


def test_parameters_of_the_group_are_listed_together():
    report = check(hierarchical_draws(5, [], ["alpha_group_sd", "beta_group_sd"]))
    assert "for the group SD of alpha and beta: " in report.problems[0].replace(
        "beta and alpha", "alpha and beta"
    )


def test_a_long_list_is_cut_in_the_text_and_complete_in_the_report():
    report = check(hierarchical_draws(30, [("beta", i, 1.0) for i in range(20)]))
    assert report.problems[0].count("(beta)") == 6 and " and 14 others: " in report.problems[0]
    assert {row.label for row in report.failing} == {f"p{i:02d}" for i in range(20)}


def test_the_list_of_all_that_fails_makes_a_table_with_the_numbers():
    tree = hierarchical_draws(30, [("beta", 3, 1.0)])
    table = pd.DataFrame(check(tree).failing)
    r_hat, ess_bulk, ess_tail = by_arviz(tree["posterior"]["beta"].values[:, :, 3])
    assert table[["variable", "label"]].values.tolist() == [["beta", "p03"]]
    np.testing.assert_allclose(table[["r_hat", "ess_bulk", "ess_tail"]].values, [[r_hat, ess_bulk, ess_tail]])


def test_variables_with_other_dimensions_are_named_by_their_coordinates():
    draws = np.random.default_rng(6).normal(size=(4, 500, 2, 3))
    draws[:, :, 1, 2] += APART
    tree = fit_of(
        {"weight": draws},
        {"weight": ["subject", "cue"]},
        {"subject": ["ada", "bo"], "cue": ["red", "green", "blue"]},
    )
    assert " weight[bo, blue]: " in check(tree).problems[0]


def test_a_group_parameter_with_a_dimension_is_named_with_its_coordinate():
    draws = np.random.default_rng(6).normal(size=(4, 500, 2))
    draws[:, :, 1] += APART
    tree = fit_of(
        {"beta_group_mean": draws}, {"beta_group_mean": ["group"]}, {"group": ["controls", "patients"]}
    )
    assert " the group mean of beta [patients]: " in check(tree).problems[0]


def test_draws_before_chains_make_no_difference():
    tree = hierarchical_draws(5, [("beta", 3, 1.0)])
    turned = tree.copy()
    turned["posterior"] = tree["posterior"].to_dataset().transpose("subject", "draw", "chain")
    assert str(check(turned)) == str(check(tree))


def changing_between(places, every, rng, shape=(4, 1000)):
    """Draws around one of two places; a chain changes to the other about once in `every` draws."""
    changes = rng.random(shape) < 1 / every
    return np.array(places)[(rng.integers(2, size=(shape[0], 1)) + changes.cumsum(1)) % 2] + rng.normal(
        size=shape
    )


def kind_of(draws):
    (row,) = check(fit_of({"x": draws})).failing
    return row.kind


def test_two_places_between_which_chains_go_to_and_fro_are_two_modes():
    report = check(fit_of({"x": changing_between((-3.0, 3.0), 150, np.random.default_rng(7))}))
    assert report.failing[0].kind == "two modes"
    assert (
        "x (two modes): the chains do not agree" in report.problems[0]
        and "report both modes" in report.problems[0]
    )


def test_a_small_second_mode_is_found():
    rng = np.random.default_rng(8)
    there = np.repeat(rng.random((4, 50)) < 0.08, 20, axis=1)
    assert kind_of(np.where(there, 6.0, 0.0) + rng.normal(size=(4, 1000))) == "two modes"


def test_each_variable_is_searched_for_modes_of_its_own():
    rng = np.random.default_rng(7)
    both = changing_between((0.0, 6.0), 150, rng)
    # Where each chain ends far away, the second mode lies in the middle of the range and not at its end.
    further = np.where(np.arange(1000) < 990, both, 20.0)
    one, another = rng.normal(size=(2, *both.shape))
    found = looks(np.stack([both, one, further, another]), np.arange(4))
    assert found.tolist() == ["two modes", "", "two modes", ""]


def test_two_modes_are_found_in_one_chain():
    assert kind_of(changing_between((-3.0, 3.0), 150, np.random.default_rng(7), (1, 1000))) == "two modes"


def test_chains_that_stay_in_different_places_are_apart_and_not_two_modes():
    report = check(
        fit_of({"x": np.random.default_rng(9).normal(size=(4, 1000)) + np.array([[0], [0], [6], [6]])})
    )
    assert report.failing[0].kind == "chains apart"
    assert "which these draws cannot tell" in report.problems[0]


def test_chains_whose_places_overlap_in_a_row_are_not_in_two_places():
    assert kind_of(np.random.default_rng(9).normal(size=(4, 1000)) + 2 * APART) == ""


@pytest.mark.parametrize("n_late", [4, 3])
def test_a_place_that_chains_leave_once_is_not_a_mode(n_late):
    # They have arrived late, all or all but one.
    late = (np.arange(4)[:, None] < n_late) & (np.arange(1000) < 300)
    assert kind_of(np.random.default_rng(9).normal(size=(4, 1000)) + np.where(late, 0, 6)) == ""


def test_a_chain_that_keeps_one_value_is_stuck():
    draws = np.random.default_rng(10).normal(size=(4, 1000))
    draws[2] = 2.5
    report = check(fit_of({"x": draws}))
    assert report.failing[0].kind == "stuck chain" and "A stuck chain kept one value" in report.problems[0]


def test_long_stays_at_one_value_are_no_modes():
    rng = np.random.default_rng(11)
    assert kind_of(np.repeat(rng.normal(size=(4, 20)), 50, axis=1)) == ""


ONE_MODE = {
    "normal": lambda x: x,
    "skewed": np.exp,
    "skewed to the left": lambda x: -np.exp(x),
    "heavy tails": lambda x: x * np.abs(x),
}


@pytest.mark.parametrize("correlation_time", [20, 100, 300])
@pytest.mark.parametrize("margin", ONE_MODE)
def test_slow_draws_from_one_mode_are_not_said_to_have_two(margin, correlation_time):
    draws = correlated((100, 4, 1000), correlation_time, np.random.default_rng(12))
    found = looks(ONE_MODE[margin](draws), np.arange(len(draws)))
    assert "two modes" not in found


def test_rates_that_heap_up_at_both_bounds_are_not_two_modes():
    # One mode of the log odds with an SD of 10; as rates, nearly all draws lie near 0 or near 1.
    log_odds = 10 * correlated((4, 1000), 30, np.random.default_rng(13))
    assert kind_of(1 / (1 + np.exp(-log_odds))) == ""


def test_two_modes_of_a_rate_are_found_where_they_are_far_apart_as_log_odds():
    log_odds = changing_between((1.0, 7.0), 150, np.random.default_rng(7))
    assert kind_of((1 / (1 + np.exp(-log_odds))).astype(np.float32)) == "two modes"


def test_two_modes_of_a_positive_parameter_are_found_where_they_are_far_apart_as_logarithms():
    assert kind_of(np.exp(changing_between((-3.0, 3.0), 150, np.random.default_rng(7)))) == "two modes"


def slow_fit(share_cut):
    depth = np.where(np.arange(2000).reshape(4, 500) < 2000 * share_cut, 6, 3)
    tree = made_up_fit(correlated((4, 500), 20, np.random.default_rng(14)), tree_depth=depth)
    tree.attrs["max_depth"] = 6
    return tree


def test_the_share_of_draws_cut_at_the_depth_limit_is_reported():
    assert check(slow_fit(0.25)).worst["at_max_depth"] == 0.25


def test_a_depth_limit_that_cut_many_draws_of_a_failing_fit_is_named():
    assert "25% of the draws were cut at the depth limit" in check(slow_fit(0.25)).problems[0]
    assert "(2^6 − 1 steps): rescale or reparameterise" in check(slow_fit(0.25)).problems[0]


def test_a_depth_limit_that_cut_few_draws_is_not_named():
    assert "depth limit" not in str(check(slow_fit(0.05)))


def test_a_depth_limit_alone_is_no_failure():
    tree = made_up_fit(tree_depth=np.full((4, 500), 6))
    tree.attrs["max_depth"] = 6
    assert check(tree)


@pytest.mark.parametrize("missing", ["tree_depth", "max_depth"])
def test_no_draw_counts_as_cut_where_depths_are_not_known(missing):
    tree = slow_fit(0.25)
    if missing == "max_depth":
        del tree.attrs["max_depth"]
    else:
        tree["sample_stats"] = tree["sample_stats"].to_dataset().drop_vars("tree_depth")
    assert check(tree).worst["at_max_depth"] == 0
