"""The benchmarks' data, their verdicts, and what is said about every contestant. Nothing is timed here."""

import inspect
from contextlib import nullcontext

import arviz_base
import arviz_stats
import jax
import numpy as np
import pytest

import benchmarks.__main__
import rwlib
from benchmarks import renew, scale, tables
from benchmarks.contestant import Draws
from benchmarks.contestants import CONTESTANTS
from benchmarks.judging import GROUP, PEOPLE, judge
from benchmarks.measure import depends_on, measure_fit
from benchmarks.pieces import HERE, ROOT, read, write
from benchmarks.plain import numpy_value_and_gradient
from benchmarks.problem import (
    PROBLEMS,
    REVERSAL_GROUP,
    TWO_MODES,
    Problem,
    course_data,
    reversal_data,
    valley,
)
from rwlib.fitting.inference import TARGET_ACCEPT
from rwlib.running.fingerprint import changes, fingerprint


@pytest.fixture(scope="module")
def reversal():
    return reversal_data()


# The problems


def test_reversal_data_have_the_size_of_real_ones(reversal):
    assert (reversal.n_subjects, reversal.n_trials, reversal.n_actions) == (300, 90, 3)


def test_in_the_reversal_task_the_arm_that_pays_most_changes_every_15_trials(reversal):
    choices, rewards = np.asarray(reversal.choices), np.asarray(reversal.rewards)
    best = []
    for block in range(6):
        here = slice(15 * block, 15 * (block + 1))
        best.append(np.argmax([rewards[:, here][choices[:, here] == arm].mean() for arm in range(3)]))
    assert best == [0, 1, 2, 0, 1, 2]


def density_of_alpha_neg(data, subject, alpha_neg):
    """By another way than `valley`: rwlib's likelihood, averaged over draws of the other two."""
    rng = np.random.default_rng(0)
    alpha_pos, beta = (rng.normal(*REVERSAL_GROUP[name], 4000) for name in ("alpha_pos", "beta"))
    alone = rwlib.ChoiceData(data.choices[[subject]], data.rewards[[subject]], n_actions=data.n_actions)

    @jax.jit
    @jax.vmap
    def log_likelihood(alpha_pos, alpha_neg, beta):
        theta = {"alpha_pos": alpha_pos[None], "alpha_neg": alpha_neg[None], "beta": beta[None]}
        return rwlib.log_likelihood(alone, theta)[0]

    others = 1 / (1 + np.exp(-alpha_pos)), np.exp(beta)
    log_p = np.stack([log_likelihood(others[0], np.full(4000, x), others[1]) for x in alpha_neg])
    mean, sd = REVERSAL_GROUP["alpha_neg"]
    prior = np.exp(-0.5 * ((np.log(alpha_neg / (1 - alpha_neg)) - mean) / sd) ** 2)
    return np.exp(log_p - log_p.max()).mean(axis=1) * prior


@pytest.mark.parametrize("subject", TWO_MODES)
def test_a_person_said_to_have_two_modes_has_a_valley_between_two_peaks(reversal, subject):
    low = valley(reversal, subject)
    standard = np.linspace(-3, 3, 25) * REVERSAL_GROUP["alpha_neg"][1]
    alpha_neg = 1 / (1 + np.exp(-standard))
    density = density_of_alpha_neg(reversal, subject, np.append(alpha_neg, low))
    below, above = (density[:-1][side].max() for side in (alpha_neg < low, alpha_neg > low))
    assert density[-1] < 0.6 * min(below, above)


def test_a_person_whose_choices_say_nothing_has_no_valley():
    silent = rwlib.ChoiceData([[0, 1, 2]], [[0.5, 0.5, 0.5]], n_actions=3)  # no prediction error ever
    assert valley(silent, 0) is None


def test_the_plain_likelihood_is_that_of_rwlib(reversal):
    rng = np.random.default_rng(1)
    theta = {"alpha_pos": rng.beta(2, 2, 300), "alpha_neg": rng.beta(2, 2, 300), "beta": rng.gamma(3, 1, 300)}
    plain, _ = numpy_value_and_gradient(reversal, {name: x[None] for name, x in theta.items()})
    np.testing.assert_allclose(plain[0], rwlib.log_likelihood(reversal, theta).sum(), rtol=1e-5)


# The verdict


def some_draws(seed, n_subjects=5):
    """Autocorrelated draws in which one person's beta mixes worst by far."""
    rng = np.random.default_rng(seed)
    shapes = {name: (4, 400) for name in GROUP} | {name: (4, 400, n_subjects) for name in PEOPLE}
    posterior = {name: np.exp(0.3 * rng.normal(size=shape)) for name, shape in shapes.items()}
    posterior["beta"][..., 3] = np.exp(0.05 * rng.normal(size=(4, 400)).cumsum(axis=1))
    diverging = rng.random((4, 400)) < 0.01
    return Draws(posterior, diverging, rng.normal(size=(4, 400)), n_gradients=5000, n_gradients_warmup=3000)


SECONDS = {"compiling": 2.0, "sampling": 4.0}


def test_worst_ess_and_r_hat_over_group_and_people_are_those_of_arviz():
    draws = some_draws(0)
    of_people = {name: ["subject"] for name in PEOPLE}
    dataset = arviz_base.from_dict({"posterior": draws.posterior}, dims=of_people)["posterior"].dataset
    score = judge(draws, SECONDS, {})
    bulk, tail = arviz_stats.ess(dataset), arviz_stats.ess(dataset, method="tail", prob=(0.05, 0.95))
    expected = {
        "r_hat": max(float(x.max()) for x in arviz_stats.rhat(dataset).data_vars.values()),
        "ess_bulk": min(float(x.min()) for x in bulk.data_vars.values()),
        "ess_tail": min(float(x.min()) for x in tail.data_vars.values()),
    }
    assert {what: worst["value"] for what, worst in score["worst"].items()} == pytest.approx(expected)
    assert score["worst"]["ess_bulk"]["parameter"] == "beta[3]"


def test_a_group_parameter_that_mixes_worst_is_named():
    draws = some_draws(0)
    draws.posterior["beta_group_sd"] = np.exp(0.2 * np.arange(400)) + np.zeros((4, 1))
    assert judge(draws, SECONDS, {})["worst"]["ess_bulk"]["parameter"] == "beta_group_sd"


def test_group_means_and_their_errors_are_those_of_arviz():
    draws = some_draws(1)
    score = judge(draws, SECONDS, {})
    dataset = arviz_base.from_dict({"posterior": {name: draws.posterior[name] for name in GROUP}})[
        "posterior"
    ].dataset
    mcse = arviz_stats.mcse(dataset)
    assert score["mcse"] == pytest.approx({name: float(mcse[name]) for name in GROUP})
    assert score["mean"] == pytest.approx({name: draws.posterior[name].mean() for name in GROUP})


def test_rates_divide_the_smaller_ess_by_seconds_and_by_gradients_of_the_kept_draws():
    score = judge(some_draws(2), SECONDS, {})
    ess = min(score["worst"]["ess_bulk"]["value"], score["worst"]["ess_tail"]["value"])
    assert score["ess"] == ess
    assert score["ess_per_second"] == pytest.approx({"all": ess / 6.0, "sampling": ess / 4.0})
    assert score["gradients_per_second"] == pytest.approx(8000 / 4.0)
    assert score["ess_per_gradient"] == pytest.approx(ess / 5000)


@pytest.mark.parametrize("diverging", [0, 1])
def test_a_contestant_passes_where_rwlib_check_passes(diverging):
    rng = np.random.default_rng(0)
    draws = some_draws(3)
    posterior = {name: rng.normal(size=x.shape) for name, x in draws.posterior.items()}
    divergences = np.zeros((4, 400), bool)
    divergences[0, :diverging] = True
    score = judge(draws._replace(posterior=posterior, diverging=divergences), SECONDS, {})
    assert (score["passes_check"], score["divergences"]) == (diverging == 0, diverging)


def test_the_share_of_draws_in_the_lower_mode_is_counted_for_each_chain():
    draws = some_draws(4)
    draws.posterior["alpha_neg"][..., 2] = np.array([[0.1], [0.9], [0.9], [0.9]])
    draws.posterior["alpha_neg"][1, :100, 2] = 0.1
    assert judge(draws, SECONDS, {2: 0.5})["share_below_valley"] == {"2": [1.0, 0.25, 0.0, 0.0]}


# What is said about every contestant


@pytest.mark.parametrize("name", CONTESTANTS)
def test_no_setting_of_a_contestant_is_left_open(name):
    for setting, value in CONTESTANTS[name].settings._asdict().items():
        assert value, f"{name} does not say its {setting}"


@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_contestant_with_fewer_than_ten_seeds_says_why(name):
    contestant = CONTESTANTS[name]
    assert contestant.num_seeds.keys() == PROBLEMS.keys()
    assert contestant.num_warm_seeds.keys() == PROBLEMS.keys()
    assert all(n <= contestant.num_seeds[problem] for problem, n in contestant.num_warm_seeds.items())
    assert contestant.num_warm_seeds["course"] >= 1
    assert (min(contestant.num_seeds.values()) >= 10) == (contestant.why_fewer_seeds == "")


def test_the_stored_benchmarks_are_those_of_the_code_now():
    stored = read(HERE / "results.json")
    moved = changes(stored.get("fingerprint", {}), benchmarks.__main__.code())
    if moved and "superseded" in stored:
        page = (ROOT / "chapters" / "18_speed_and_scale.md").read_text(encoding="utf8")
        assert "before an error of the sampler was put right" in " ".join(page.split())
        pytest.xfail(f"To be taken again: {stored['superseded']}")
    assert not moved


def test_the_settings_of_rwlib_are_the_defaults_of_fit():
    defaults = {name: p.default for name, p in inspect.signature(rwlib.fit).parameters.items()}
    settings = CONTESTANTS["rwlib"].settings
    expected = settings.num_warmup, settings.num_samples, settings.num_chains, settings.target_acceptance
    assert (
        *(defaults[name] for name in ("num_warmup", "num_samples", "num_chains")),
        TARGET_ACCEPT,
    ) == expected


@pytest.mark.parametrize("name", CONTESTANTS)
def test_what_is_said_about_a_contestant_is_no_part_of_the_fingerprint_of_its_numbers(name, monkeypatch):
    before = fingerprint(depends_on("course", name)).code
    said = CONTESTANTS[name]._replace(
        why_fewer_seeds="for other reasons", num_seeds={"course": 1, "reversal": 1}
    )
    monkeypatch.setitem(CONTESTANTS, name, said)
    assert fingerprint(depends_on("course", name)).code == before
    monkeypatch.setitem(CONTESTANTS, name, said._replace(settings=said.settings._replace(num_warmup=7)))
    assert fingerprint(depends_on("course", name)).code != before


# Running and printing


def fake_contestant(posterior_shape):
    def prepare(data, settings, seed):
        rng = np.random.default_rng(seed)
        stats = np.zeros(posterior_shape, bool), rng.normal(size=posterior_shape)
        posterior = {name: rng.normal(size=posterior_shape) for name in GROUP}
        posterior |= {name: rng.normal(size=(*posterior_shape, data.n_subjects)) for name in PEOPLE}
        return lambda: Draws(posterior, *stats, n_gradients=10, n_gradients_warmup=10)

    settings = CONTESTANTS["rwlib"].settings._replace(num_samples=100)
    return CONTESTANTS["rwlib"]._replace(prepare=prepare, settings=settings)


TINY = Problem("tiny", lambda: course_data(3, 10), ())


def test_compiling_and_sampling_are_timed_apart():
    seconds = measure_fit(TINY, fake_contestant((4, 100)), 0)["seconds"]
    assert seconds["compiling"] > 0 and seconds["sampling"] > 0
    assert seconds["all"] == pytest.approx(seconds["compiling"] + seconds["sampling"])


def test_a_contestant_that_hands_back_its_warm_up_too_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 400\); a contestant must hand back \(4, 100\)"):
        measure_fit(TINY, fake_contestant((4, 400)), 0)


def results_with(*fits):
    about = {"label": "someone", "installed": True}
    contestants = {name: about for name in ("rwlib", "other")}
    return {
        "problems": {"course": {"label": "", "two_modes": []}},
        "contestants": contestants,
        "fits": list(fits),
    }


def run_of(contestant, mean, passes=True):
    of_run = {"mean": {"beta_group_mean": mean}, "mcse": {"beta_group_mean": 0.01}, "passes_check": passes}
    return {"problem": "course", "contestant": contestant, "seed": 0, "state": "cold", **of_run}


def test_only_a_passing_fit_beyond_monte_carlo_error_disagrees():
    results = results_with(
        run_of("rwlib", 1.00),
        run_of("other", 1.05),
        run_of("other", 1.20),
        run_of("other", 1.20, passes=False),
    )
    assert len(tables.disagreements(results)) == 1


def test_a_range_shows_median_least_and_most():
    assert tables.with_range([3.0, 1.0, 2.5], 1) == "2.5 (1.0–3.0)"


def test_the_stored_results_print_in_the_layout_that_they_have(capsys):
    tables.print_tables(read(HERE / "results.json"))
    assert "Value and gradient of the log-likelihood" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("stored", "measured"),
    [
        ((), ["cold", "warm"]),
        (("cold",), ["cold", "warm"]),
        (("warm",), ["cold", "warm"]),
        (("cold", "warm"), []),
    ],
)
def test_a_warm_run_follows_a_cold_one_that_left_its_programs(tmp_path, monkeypatch, stored, measured):
    started = []

    def fake_process(file, problem, contestant, seed, state, compiled):
        if not file.exists():
            started.append((state, compiled))
            write(file, {"date": "", "load_before": 0.0})
        return read(file)

    monkeypatch.setattr(benchmarks.__main__, "measure", fake_process)
    for state in stored:
        write(tmp_path / f"course_rwlib_0_{state}.json", {"date": "", "load_before": 0.0})
    runs = benchmarks.__main__.measure_seed(tmp_path, "course", "rwlib", 0, warm=True)
    assert [state for state, _ in started] == measured
    assert len({compiled for _, compiled in started}) == (1 if measured else 0)
    assert [run["state"] for run in runs] == ["cold", "warm"]


def a_stored_run(**changed):
    drawn = {
        "mean": {"beta_group_mean": 1.0},
        "gradients": {"warmup": 10, "sampling": 20},
        "ess": 900.0,
        "divergences": 0,
    }
    key = {"problem": "course", "contestant": "rwlib", "seed": 0, "state": "cold", "date": "then"}
    return key | drawn | {"seconds": {"sampling": 4.0}} | changed


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"seconds": {"sampling": 7.0}}, None),
        ({"seconds": {"sampling": 9.0}}, "sampling takes 9.0 s"),
        ({"mean": {"beta_group_mean": 1.01}}, "mean: stored is"),
        ({"gradients": {"warmup": 10, "sampling": 21}}, "gradients: stored is"),
    ],
)
def test_a_run_holds_if_it_draws_the_same_and_is_not_far_slower(changed, said):
    found = renew.differences([a_stored_run()], a_stored_run(**changed))
    assert [line.startswith(said) for line in found] == ([True] if said else [])


@pytest.fixture
def stored_benchmarks(tmp_path, monkeypatch):
    """Results of older code, and what a renewal finds now."""
    now = {"rwlib.fitting.sampling": "new", "benchmarks.judging.judge": "same"}
    results = {
        "problems": {"course": {}},
        "fits": [a_stored_run()],
        "fingerprint": now | {"rwlib.fitting.sampling": "old"},
    }
    write(tmp_path / "results.json", results)
    monkeypatch.setattr(renew, "HERE", tmp_path)
    monkeypatch.setattr(renew, "code", lambda: now)
    monkeypatch.setattr(renew, "keep_pieces", lambda results: None)
    return tmp_path / "results.json", now


def test_the_same_draws_renew_the_fingerprint(stored_benchmarks, monkeypatch):
    file, now = stored_benchmarks
    monkeypatch.setattr(renew, "measure", lambda *piece: a_stored_run())
    renew.main()
    assert read(file)["fingerprint"] == now
    (change,) = read(file)["renewals"][0]["changes"]
    assert change.startswith("rwlib.fitting.sampling")


@pytest.mark.parametrize(("ess_there", "renewed"), [(800.0, True), (700.0, False)])
def test_on_another_machine_the_older_code_decides(stored_benchmarks, monkeypatch, ess_there, renewed):
    def measure(file, *piece, root=None):
        return a_stored_run(ess=ess_there if root else 800.0)

    monkeypatch.setattr(renew, "measure", measure)
    monkeypatch.setattr(renew, "tree_of", lambda commit: nullcontext("there"))
    monkeypatch.setattr(renew, "code_of", lambda tree: read(renew.HERE / "results.json")["fingerprint"])
    with nullcontext() if renewed else pytest.raises(SystemExit):
        renew.main(["--beside", "abc"])
    assert ("renewals" in read(renew.HERE / "results.json")) == renewed


def test_other_draws_or_another_contestant_renew_nothing(stored_benchmarks, monkeypatch):
    file, now = stored_benchmarks
    before = read(file)
    monkeypatch.setattr(renew, "measure", lambda *piece: a_stored_run(ess=800.0))
    with pytest.raises(SystemExit, match="ess: stored is 900.0, now it is 800.0"):
        renew.main()
    monkeypatch.setattr(renew, "code", lambda: now | {"benchmarks.judging.judge": "another"})
    with pytest.raises(SystemExit, match="no part of rwlib"):
        renew.main()
    assert read(file) == before


def test_models_that_are_described_otherwise_are_run_by_every_contestant(stored_benchmarks, monkeypatch):
    file, now = stored_benchmarks
    name, asked = "benchmarks.contestants.stan.NON_CENTRED", []

    def measured(path, problem, contestant, seed, state):
        asked.append((problem, contestant))
        return a_stored_run()

    monkeypatch.setattr(renew, "measure", measured)
    monkeypatch.setattr(renew, "code", lambda: now | {name: "new", "itself": "new"})
    settings = {each: {"settings": about.settings._asdict()} for each, about in CONTESTANTS.items()}
    fits = [{**a_stored_run(), "contestant": each} for each in CONTESTANTS]
    older = read(file)["fingerprint"] | {name: "old", "itself": "old"}
    write(file, read(file) | {"contestants": settings, "fits": fits, "fingerprint": older})
    renew.main()
    assert sorted(asked) == sorted(("course", each) for each in CONTESTANTS)
    assert read(file)["fingerprint"][name] == "new"

    settings["stan"]["settings"]["num_warmup"] += 1
    write(file, read(file) | {"contestants": settings, "fingerprint": older})
    with pytest.raises(SystemExit, match="no part of rwlib"):
        renew.main()


def test_the_table_of_fits_has_a_row_for_every_contestant_that_ran_or_is_not_installed():
    run = measure_fit(TINY, fake_contestant((4, 100)), 0)
    key = {"problem": "course", "contestant": "rwlib", "seed": 0, "state": "cold"}
    contestants = {
        "rwlib": {"label": "rwlib", "installed": True},
        "stan": {"label": "Stan", "installed": False},
        "other": {"label": "ran in another state", "installed": True},
    }
    table = tables.fit_table({"contestants": contestants, "fits": [key | run]}, "course", "cold")
    assert list(table.index) == ["rwlib", "Stan"]
    assert (table.loc["rwlib", "seeds"], table.loc["Stan", "seeds"]) == (1, tables.NOT_INSTALLED)


def test_the_benchmark_of_a_gpu_times_both_ways_on_each_device():
    row, devices = scale.measure_gradient(3), {jax.devices()[0].platform, "cpu"}
    wanted = {f"{way}, {device}" for way in ("rwlib", "scan") for device in devices}
    assert row["subjects"] == 3 and set(row["seconds"]) == wanted
    assert all(seconds > 0 for seconds in row["seconds"].values())
