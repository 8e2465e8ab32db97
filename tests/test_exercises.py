"""Each checker of an exercise lets right answers pass and says of wrong ones what is wrong with them."""

import hashlib
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from arviz_stats import rhat
from scipy.stats import binom, norm, rankdata

import rwlib
from rwlib import exercises
from rwlib.exercises.answers import Verdict, call, checker, demand, in_words

update = rwlib.asymmetric_rescorla_wagner_update


def forgetful(where=lambda chosen: chosen, towards=lambda q0: q0, errors=lambda record, faded: record):
    """The first chapter's answer, with places to go wrong."""

    def forgetful_update(value, outcome_chosen, alpha_pos, alpha_neg, forget, q0=0.5):
        _, chosen = outcome_chosen
        updated, record = update(value, outcome_chosen, alpha_pos, alpha_neg)
        faded = updated + forget * (towards(q0) - updated)
        return jnp.where(where(chosen), updated, faded), errors(tuple(record), faded)

    return forgetful_update


def plain_update(value, outcome_chosen, alpha_pos, alpha_neg, forget, q0=0.5):
    return update(value, outcome_chosen, alpha_pos, alpha_neg)


def products(value, outcome_chosen, alpha_pos, alpha_neg, forget, q0=0.5):
    outcome, chosen = outcome_chosen
    error = (outcome - value) * chosen
    moved = jnp.where(error > 0, alpha_pos, alpha_neg) * error
    return value + moved + (1 - chosen) * forget * (q0 - value), (value, error)


def greedy(rest=lambda n: n, best=lambda value: value == value.max(axis=-1, keepdims=True)):
    def epsilon_greedy(value, epsilon):
        marked = best(value)
        return (1 - epsilon) * marked / marked.sum(axis=-1, keepdims=True) + epsilon / rest(value.shape[-1])

    return epsilon_greedy


def only_others(value, epsilon):
    best = value == value.max(axis=-1, keepdims=True)
    return jnp.where(best, 1 - epsilon, epsilon / (value.shape[-1] - 1))


def sticky(
    logits=lambda q, updated, c, now: 5.0 * q + 0.8 * c, carry=lambda q, updated, c, now: (updated, now)
):
    def sticky_step(carried, outcome_chosen, beta, stickiness):
        updated, _ = update(carried[0], outcome_chosen, 0.4, 0.2)
        now = carried[0], updated, carried[1], outcome_chosen[1]
        return carry(*now), logits(*now)

    return sticky_step


def keys_for(key, subject_numbers):
    return jax.vmap(jax.random.fold_in, in_axes=(None, 0))(key, subject_numbers)


def reversal(places=None, split=jax.random.split, change=True):
    def reversal_outcomes(key, reward_probs, n_trials):
        before, after = split(key)
        i, j = places or (reward_probs.argmax(), reward_probs.argmin())
        swapped = reward_probs.copy()
        swapped[[i, j]] = reward_probs[[j, i]]
        halves = [
            rwlib.bernoulli_outcomes(before, reward_probs, n_trials // 2),
            rwlib.bernoulli_outcomes(after, swapped if change else reward_probs, n_trials // 2),
        ]
        return np.concatenate(halves)

    return reversal_outcomes


def log_likelihood(alpha_pos, alpha_neg, beta, observed):
    chosen, rewards = observed
    value, total = np.full((chosen.shape[1], *np.shape(alpha_pos + alpha_neg)), 0.5), 0.0
    for choice, reward in zip(chosen.argmax(axis=1), rewards):
        total = total + beta * value[choice] - np.log(np.exp(beta * value).sum(axis=0))
        error = reward - value[choice]
        value[choice] += np.where(error > 0, alpha_pos, alpha_neg) * error
    return total


AXIS = np.linspace(0, 1, 81)
UP, DOWN = np.meshgrid(AXIS, AXIS)


def profile(beta, observed):
    return log_likelihood(UP, DOWN, beta, observed).max()


def interval_of(beta_values, heights, below=1.92):
    within = beta_values[heights > heights.max() - below]
    return within.min(), within.max()


STICKINESS = rwlib.GroupParameter("stickiness", "identity", 0.0, 1.0, 1.0)


def sticky_model(**changes):
    return rwlib.Model("sticky", (*rwlib.ASYMMETRIC.parameters, STICKINESS._replace(**changes)))


def without_star():
    model = sticky_model()
    # The type hints of rwlib, which the tests check, would refuse it at once.
    object.__setattr__(model, "parameters", (rwlib.ASYMMETRIC.parameters, STICKINESS))
    return model


def share_repeated(choices):
    return (choices[:, 1:] == choices[:, :-1]).mean(axis=1)


def walks(scale=lambda d: 2.4 / np.sqrt(d), half=2, refuse=True, each=8):
    def random_walks(n_dimensions, seed):
        rng = np.random.default_rng(seed)
        q, kept = rng.normal(size=(each, n_dimensions)), []
        for _ in range(1000):
            proposal = q + scale(n_dimensions) * rng.normal(size=q.shape)
            gain = ((q**2).sum(axis=1) - (proposal**2).sum(axis=1)) / half
            accepted = (np.log(rng.uniform(size=each)) < gain) | (not refuse)
            q = np.where(accepted[:, None], proposal, q)
            kept.append(q[:, 0])
        return np.broadcast_to(np.array(kept).T, (8, 1000))

    return random_walks


def scores(draws):
    return norm.ppf((rankdata(draws).reshape(draws.shape) - 3 / 8) / (draws.size + 1 / 4))


def split_rhat(chains):
    return float(rhat(chains, method="split"))


def rank_rhat(chains):
    distances = np.abs(chains - np.median(chains))
    return max(split_rhat(scores(chains)), split_rhat(scores(distances)))


def verdict_with(limit=3, root=np.sqrt, least=lambda n: binom(n, 0.9).ppf(0.001), name="{}: "):
    def verdict(true, draws):
        complaints = []
        for which, values in true.items():
            error, n = draws[which].mean(axis=0) - values, len(values)
            z = error.mean() / (error.std(ddof=1) / root(n))
            low, high = np.quantile(draws[which], [0.05, 0.95], axis=0)
            held = ((low <= values) & (values <= high)).sum()
            complaints += [name.format(which) + f"bias, z = {z:.1f}"] * int(abs(z) > limit)
            complaints += [name.format(which) + f"{held} of {n} held"] * int(held < least(n))
        return complaints

    return verdict


def longest_run(choices, arms=(1,)):
    longest = np.zeros(choices.shape[:-1], int)
    for arm in arms:
        run = np.zeros(choices.shape[:-1], int)
        for trial in range(choices.shape[-1]):
            run = np.where(choices[..., trial] == arm, run + 1, 0)
            longest = np.maximum(longest, run)
    return longest


def pick_by_weight(log_likelihood, uniforms, less=lambda x: x.max(axis=0), weigh=np.exp):
    with np.errstate(all="ignore"):  # a wrong answer leaves the range of floats
        weights = weigh(log_likelihood - less(log_likelihood))
        upto = np.cumsum(weights, axis=0) / weights.sum(axis=0)
    return np.stack([np.searchsorted(column, u) for column, u in zip(upto.T, uniforms.T)], axis=1)


@jax.jit
def score(data, candidates):
    return jax.lax.map(lambda params: rwlib.log_likelihood(data, params), candidates, batch_size=10)


def alone(weigh=np.exp, candidates_mean=1.0, lapse=True, rows=200):
    def calibrate_alone(agent_params, n_trials, seed):
        rng = np.random.default_rng(seed)
        draw = lambda n, mean: {"alpha": rng.uniform(size=n), "beta": np.exp(rng.normal(mean, 1, size=n))}
        true, candidates = draw(200, 1.0), draw(500, candidates_mean)
        outcomes = rwlib.bernoulli_outcomes(jax.random.key(seed), [0.3, 0.7], n_trials)
        people = {**true, **agent_params} if lapse else true
        data = rwlib.simulate(jax.random.key(seed + 1), outcomes, people).data
        likelihood = np.asarray(score(data, candidates), float)
        picked = pick_by_weight(likelihood, rng.uniform(size=(99, 200)), weigh=weigh)
        ranks = {name: (candidates[name][picked] < true[name]).sum(axis=0)[:rows] for name in true}
        tables = [
            pd.DataFrame({"parameter": name, "rank": each, "n_ranks": 100}) for name, each in ranks.items()
        ]
        return pd.concat(tables)

    return calibrate_alone


def versus(a, b, choices=lambda gain: np.sqrt(gain.size) * gain.std(), add=lambda of_person: of_person.sum()):
    gain = a.elpd_i - b.elpd_i
    of_people = add(pd.Series(gain.values).groupby(gain["subject"].values))
    return {
        "difference": float(gain.sum()),
        "error over choices": float(choices(gain)),
        "error over people": float(np.sqrt(len(of_people)) * of_people.std()),
    }


def write_by_person(table, folder, name="{:02d}.csv", without="subject"):
    for person, rows in table.groupby("subject"):
        rows.drop(columns=without).to_csv(folder / name.format(person), index=False)
    return folder / "*.csv"


def doubled_row(table):
    return pd.concat([table, table.iloc[[7]]])


def others_first(table):
    return table.sort_values("subject", ascending=False, kind="stable")


def exchanged_trials(table):
    other = table.copy()
    other.loc[[10, 11], "trial"] = [11, 10]
    other.loc[[10, 11], "choice"] = [0, 1]
    return other


def in_place(table):
    table.loc[7, "trial"] = 6
    return table


def hall(follow=lambda a, s, eta: a + eta * (jnp.abs(s) - a), old=True, everyone=False, start=1.0):
    def learn(memory, outcome, params):
        value, associability = memory
        surprise = outcome.reward - value
        moved = follow(associability, surprise, params["eta"])
        moved = moved if everyone else jnp.where(outcome.chosen > 0, moved, associability)
        step = params["kappa"] * (associability if old else moved) * surprise
        return value + outcome.chosen * step, moved

    return rwlib.Agent(
        lambda params, n: (jnp.full(n, 0.5), jnp.full(n, start)),
        lambda memory, seen, params: jax.nn.log_softmax(params["beta"] * memory[0]),
        learn,
    )


def cue_agent(
    here=lambda cue: jnp.arange(4) == cue, taken=lambda chosen: chosen, start=0.0, look=lambda cue: cue
):
    def learn(value, outcome, params):
        moves = here(look(outcome.extra["cue"]))[:, None] * taken(outcome.chosen)
        return value + params["alpha"] * moves * (outcome.reward - value)

    return rwlib.Agent(
        lambda params, n: jnp.full((4, n), start),
        lambda value, seen, params: jax.nn.log_softmax(params["beta"] * value[look(seen.extra["cue"])]),
        learn,
    )


def direction_and_rope(
    low,
    high,
    rope,
    direction=lambda d: max(np.mean(d > 0), np.mean(d < 0)),
    inside=lambda d, rope: np.mean(np.abs(d) < rope),
):
    difference = np.asarray(high) - np.asarray(low)
    return direction(difference), inside(difference, rope)


def digest_of(piece):
    return hashlib.sha256(json.dumps(piece, sort_keys=True).encode()).hexdigest()[:16]


def remembering(name=lambda i, piece: digest_of(piece), look=True, at_once=True, swallow=False):
    def remember(work, pieces, folder):
        folder.mkdir(exist_ok=True)
        tables = {}
        for i, piece in enumerate(pieces):
            file = folder / f"{name(i, piece)}.json"
            if file.exists() and look:
                tables[file] = pd.DataFrame(json.loads(file.read_text()))
                continue
            try:
                tables[file] = work(**piece)
            except RuntimeError:
                if not swallow:
                    raise
            if at_once and file in tables:
                file.write_text(json.dumps(tables[file].to_dict("list")))
        for file, table in tables.items():
            file.write_text(json.dumps(table.to_dict("list")))
        return pd.concat(tables.values(), ignore_index=True)

    return remember


def with_surprise(how="left", by=["subject", "trial"], columns=["surprise", "surprise_sd"]):
    def join(table, followed):
        found = rwlib.trialwise_table(followed)[["subject", "trial", *columns]]
        return table.merge(found, on=by, how=how, suffixes=("", "_again"))

    return join


def by_position(table, followed):
    return table.assign(**{name: followed[name].values.ravel() for name in ("surprise", "surprise_sd")})


def by_place(table, followed):
    found = followed[["surprise", "surprise_sd"]].drop_vars("trial_label").to_dataframe().reset_index()
    return table.merge(found, on=["subject", "trial"], how="left")


def surprise_in_place(table, followed):
    table[["surprise", "surprise_sd"]] = with_surprise()(table, followed)[["surprise", "surprise_sd"]].values
    return table


RIGHT = [
    (exercises.check_forgetful_update, forgetful()),
    (exercises.check_epsilon_greedy, greedy()),
    (exercises.check_sticky_step, sticky()),
    (exercises.check_keys_for, keys_for),
    (exercises.check_reversal_outcomes, reversal()),
    (exercises.check_profile, profile),
    (exercises.check_interval_of, interval_of),
    (exercises.check_sticky_model, sticky_model()),
    (exercises.check_share_repeated, share_repeated),
    (exercises.check_random_walks, walks()),
    (exercises.check_rank_rhat, rank_rhat),
    (exercises.check_verdict, verdict_with()),
    (exercises.check_longest_run, longest_run),
    (exercises.check_pick_by_weight, pick_by_weight),
    (exercises.check_calibrate_alone, alone()),
    (exercises.check_versus, versus),
    (exercises.check_write_by_person, write_by_person),
    (exercises.check_damage, doubled_row, exchanged_trials),
    (exercises.check_pearce_hall, hall()),
    (exercises.check_cue_agent, cue_agent()),
    (exercises.check_with_surprise, with_surprise()),
    (exercises.check_direction_and_rope, direction_and_rope),
    (exercises.check_remember, remembering()),
]

WRONG = [
    (
        exercises.check_forgetful_update,
        forgetful(where=lambda chosen: False),
        "moves the chosen value as well",
    ),
    (exercises.check_forgetful_update, forgetful(towards=lambda q0: 0.0), "moves towards 0"),
    (exercises.check_forgetful_update, forgetful(towards=lambda q0: 0.5), "q0 is an argument"),
    (exercises.check_forgetful_update, plain_update, "stay where they were"),
    (exercises.check_forgetful_update, products, "is not a number (NaN)"),
    (
        exercises.check_forgetful_update,
        lambda *a, **k: forgetful()(*a, **k)[0],
        "should be a pair (updated_value",
    ),
    (
        exercises.check_forgetful_update,
        forgetful(errors=lambda record, faded: (record[0], record[1] + 0.5 - record[0])),
        "not zero for the action that was not chosen: action 0 has -0.4",
    ),
    (
        exercises.check_forgetful_update,
        forgetful(errors=lambda record, faded: (faded, record[1])),
        "not the one before the outcome: action 1 has 0.52 and should have 0.2",
    ),
    (exercises.check_epsilon_greedy, only_others, "has 0.8 with epsilon=0.2"),
    (exercises.check_epsilon_greedy, greedy(rest=lambda n: n - 1), "add up to 1.1, and it should be 1"),
    (
        exercises.check_epsilon_greedy,
        greedy(best=lambda v: jax.nn.one_hot(v.argmax(-1), 3)),
        "they should have 0.5",
    ),
    (exercises.check_epsilon_greedy, greedy(best=lambda v: v == v.max()), "is not a number (NaN)"),
    (
        exercises.check_epsilon_greedy,
        greedy(best=lambda v: v == v.min(-1, keepdims=True)),
        "should be certain",
    ),
    (
        exercises.check_sticky_step,
        sticky(logits=lambda q, u, c, now: 5 * q),
        "no stickiness: action 2 has 3.5",
    ),
    (
        exercises.check_sticky_step,
        sticky(logits=lambda q, u, c, now: 5 * u + 0.8 * c),
        "values after the outcome",
    ),
    (
        exercises.check_sticky_step,
        sticky(logits=lambda q, u, c, now: 5 * (q + 0.8 * c)),
        "multiplies the stickiness",
    ),
    (
        exercises.check_sticky_step,
        sticky(logits=lambda q, u, c, now: 5 * q + 0.8 * now),
        "action of this trial;",
    ),
    (exercises.check_sticky_step, sticky(carry=lambda q, u, c, now: (q, now)), "nothing is learned"),
    (exercises.check_sticky_step, sticky(carry=lambda q, u, c, now: (u, c)), "holds the choice from before"),
    (
        exercises.check_sticky_step,
        sticky(carry=lambda q, u, c, now: (u, c + now)),
        "this trial alone: action 2 has 1",
    ),
    (
        exercises.check_keys_for,
        lambda key, n: jax.random.split(key, len(n)),
        "another key alone than among ten",
    ),
    (
        exercises.check_keys_for,
        lambda key, n: keys_for(key, jnp.arange(len(n))),
        "another key alone than among ten",
    ),
    (exercises.check_keys_for, lambda key, n: jnp.broadcast_to(key, n.shape), "have the same key"),
    (
        exercises.check_keys_for,
        lambda key, n: keys_for(jax.random.key(0), n),
        "the first argument is not used",
    ),
    (exercises.check_keys_for, lambda key, n: keys_for(key, n + 1), "not jax.random.fold_in(key, 1)"),
    (exercises.check_keys_for, lambda key, n: [jax.random.fold_in(key, i) for i in n], "is a list"),
    (exercises.check_keys_for, lambda key, n: n, "should be an array of keys"),
    (
        exercises.check_reversal_outcomes,
        reversal(change=False),
        "the best arm of [0.2, 0.4, 0.8, 0.1, 0.5], 2, still",
    ),
    (exercises.check_reversal_outcomes, reversal(split=lambda key: (key, key)), "the same luck: arm 0"),
    (
        exercises.check_reversal_outcomes,
        reversal(places=(2, 3)),
        "the best arm of [0.7, 0.5, 0.3, 0.05], 0, still",
    ),
    (
        exercises.check_reversal_outcomes,
        lambda key, p, n: reversal()(jax.random.key(0), p, n),
        "key is not used",
    ),
    (
        exercises.check_reversal_outcomes,
        lambda key, p, n: reversal()(key, p, n)[::-1],
        "before the change arm",
    ),
    (exercises.check_profile, lambda beta, seen: -profile(beta, seen), "this is a cost"),
    (
        exercises.check_profile,
        lambda beta, seen: max(profile(b, seen) for b in (1, 2, 3, 4)),
        "hold beta where it is",
    ),
    (
        exercises.check_profile,
        lambda beta, seen: log_likelihood(0.5, 0.5, beta, seen),
        "maximise over both rates",
    ),
    (
        exercises.check_profile,
        lambda beta, seen: log_likelihood(AXIS, AXIS, beta, seen).max(),
        "over both rates",
    ),
    (
        exercises.check_interval_of,
        lambda b, h: interval_of(b, h, 3.84),
        "where the curve is 3.84 below its top",
    ),
    (exercises.check_interval_of, lambda b, h: interval_of(b, h, 1.0), "it should be 3.1 to 4.9"),
    (
        exercises.check_interval_of,
        lambda b, h: (4 - 0.9, 4 + 0.9),
        "falls slowly to the right the interval is",
    ),
    (exercises.check_interval_of, lambda b, h: 4.0, "should be a pair (low, high)"),
    (exercises.check_sticky_model, rwlib.ASYMMETRIC, "none is called stickiness"),
    (exercises.check_sticky_model, sticky_model(transform="exp"), "goes through 'exp'"),
    (exercises.check_sticky_model, sticky_model(sd_scale=0.5), "the sd_scale of stickiness is 0.5"),
    (
        exercises.check_sticky_model,
        rwlib.Model("sticky", (STICKINESS,)),
        "alpha_pos of the course's model is missing",
    ),
    (
        exercises.check_sticky_model,
        without_star(),
        "put a star before a tuple",
    ),
    (exercises.check_share_repeated, lambda c: (c[:, 1:] == c[:, :-1]).sum(axis=1), "these are counts"),
    (exercises.check_share_repeated, lambda c: (c[:, 1:] != c[:, :-1]).mean(axis=1), "shares of changes"),
    (exercises.check_share_repeated, lambda c: (c == np.roll(c, 1, axis=1)).mean(axis=1), "as np.roll does"),
    (
        exercises.check_share_repeated,
        lambda c: (c[:, 1:] == c[:, :-1]).sum(axis=1) / 5,
        "divide by 4, not by 5",
    ),
    (exercises.check_share_repeated, lambda c: (c[:, 1:] == c[:, :-1]).mean(), "should be (4,)"),
    (exercises.check_random_walks, walks(refuse=False), "every draw differs from the one before"),
    (exercises.check_random_walks, walks(half=1), "the SD 0.68"),
    (exercises.check_random_walks, walks(half=-2), "and it should be 0 and 1"),
    (exercises.check_random_walks, walks(scale=lambda d: 2.4 / np.sqrt(2)), "in 126 dimensions 0%"),
    (exercises.check_random_walks, walks(each=1), "some walks make the same steps"),
    (exercises.check_random_walks, lambda d, seed: walks()(d, seed).T, "trials first"),
    (exercises.check_random_walks, lambda d, seed: walks()(d, 0), "the seed is not used"),
    (exercises.check_rank_rhat, split_rhat, "the R-hat of the draws themselves"),
    (exercises.check_rank_rhat, lambda c: split_rhat(scores(c)), "distances from the median do not come in"),
    (
        exercises.check_rank_rhat,
        lambda c: split_rhat(np.array([scores(x) for x in c])),
        "ranked within each chain",
    ),
    (
        exercises.check_rank_rhat,
        lambda c: max(split_rhat(scores(c)), split_rhat(scores(np.abs(c - c.mean())))),
        "those from the mean",
    ),
    (
        exercises.check_rank_rhat,
        lambda c: max(split_rhat(scores(c)), split_rhat(np.abs(c - np.median(c)))),
        "not replaced by their normal scores",
    ),
    (
        exercises.check_rank_rhat,
        lambda c: split_rhat(scores(np.abs(c - np.median(c)))),
        "the draws themselves do not come in",
    ),
    (exercises.check_verdict, verdict_with(root=lambda n: 1), "3.8 standard errors too high"),
    (exercises.check_verdict, verdict_with(limit=2), "2.5 standard errors is no reason"),
    (exercises.check_verdict, verdict_with(least=lambda n: 0), "the 90% intervals hold 24 of 40"),
    (
        exercises.check_verdict,
        verdict_with(least=lambda n: 0.9 * n),
        "32 of 40 truths, as more than one in a",
    ),
    (
        exercises.check_verdict,
        verdict_with(least=lambda n: 0.95 * n),
        "hold 36 of 40 truths, and it says: alpha",
    ),
    (exercises.check_verdict, verdict_with(name=""), "should name its parameter"),
    (exercises.check_verdict, lambda true, draws: True, "should be a list of complaints"),
    (exercises.check_longest_run, lambda c: (c == 1).sum(axis=-1), "counts all trials with arm 1"),
    (exercises.check_longest_run, lambda c: longest_run(c, arms=(0, 1)), "runs of arm 0 count as well"),
    (exercises.check_longest_run, lambda c: longest_run(c, arms=(0,)), "the longest run of arm 0"),
    (
        exercises.check_longest_run,
        lambda c: np.maximum(longest_run(c) - 1, 0),
        "count trials, not repetitions",
    ),
    (
        exercises.check_longest_run,
        lambda c: longest_run(c.reshape(-1, 7)[:5]),
        "of two replays of five people",
    ),
    (exercises.check_pick_by_weight, lambda x, u: (3 * u).astype(int), "all alike"),
    (
        exercises.check_pick_by_weight,
        lambda x, u: pick_by_weight(x, u, lambda x: 0, np.abs),
        "take exp first",
    ),
    (
        exercises.check_pick_by_weight,
        lambda x, u: pick_by_weight(x, u, lambda x: 0),
        "log-likelihoods near -2000",
    ),
    (
        exercises.check_pick_by_weight,
        lambda x, u: pick_by_weight(np.repeat(x[:, :1], 2, axis=1), u),
        "picked by their own weights",
    ),
    (exercises.check_calibrate_alone, alone(candidates_mean=3.0), "come from the same prior"),
    (exercises.check_calibrate_alone, alone(lapse=False), "as if they did not"),
    (exercises.check_calibrate_alone, alone(rows=100), "alpha has 100 ranks"),
    (exercises.check_calibrate_alone, lambda *a, **k: {"alpha": [1]}, "should be a table with the columns"),
    (exercises.check_versus, lambda a, b: versus(b, a), "take b off a"),
    (
        exercises.check_versus,
        lambda a, b: versus(a, b, choices=lambda gain: gain.std()),
        "a sum of 60 is √60",
    ),
    (
        exercises.check_versus,
        lambda a, b: versus(a, b, choices=lambda _: np.hypot(a.se, b.se)),
        "go together",
    ),
    (exercises.check_versus, lambda a, b: versus(a, b, add=lambda x: x.mean()), "do not average them"),
    (exercises.check_versus, lambda a, b: (1.0, 2.0, 3.0), "should be a dictionary"),
    (
        exercises.check_write_by_person,
        lambda t, f: write_by_person(t, f, without=[]),
        "has the column subject",
    ),
    (exercises.check_write_by_person, lambda t, f: write_by_person(t, f, "{}.csv"), "write 02 and not 2"),
    (exercises.check_write_by_person, lambda t, f: write_by_person(t, f, "all.csv"), "end in .csv is 1"),
    (exercises.check_write_by_person, lambda t, f: write_by_person(t[::-1][:-24], f), "end in .csv is 10"),
    (
        exercises.check_write_by_person,
        lambda t, f: write_by_person(t, f, without=["subject", "block"]),
        "has no column block",
    ),
    (exercises.check_damage, exchanged_trials, exchanged_trials, "the table of noticed without a word"),
    (exercises.check_damage, doubled_row, doubled_row, "the reader notices the damage of unnoticed"),
    (exercises.check_damage, doubled_row, others_first, "read as the same data"),
    (exercises.check_damage, in_place, exchanged_trials, "changes the table that it is given"),
    (exercises.check_pearce_hall, hall(old=False), "associability from after the surprise"),
    (exercises.check_pearce_hall, hall(follow=lambda a, s, eta: a), "the associability does not move"),
    (exercises.check_pearce_hall, hall(follow=lambda a, s, eta: a + eta * (s - a)), "not its size"),
    (exercises.check_pearce_hall, hall(everyone=True), "not chosen moves as well"),
    (exercises.check_pearce_hall, hall(start=0.0), "the associability starts at 0"),
    (
        exercises.check_pearce_hall,
        hall(start=0.3),
        "after 0 (paid 1) the next choice, 0, has the probability",
    ),
    (exercises.check_pearce_hall, cue_agent(), "'cue', which is not given"),
    (exercises.check_cue_agent, cue_agent(look=lambda cue: 0 * cue), "the cue makes no difference"),
    (exercises.check_cue_agent, cue_agent(here=lambda cue: jnp.ones(4)), "the cue makes no difference"),
    (exercises.check_cue_agent, cue_agent(taken=jnp.ones_like), "teaches both actions"),
    (exercises.check_cue_agent, cue_agent(start=0.5), "values start at 0.5"),
    (exercises.check_cue_agent, hall(), "'eta', which is not given"),
    (exercises.check_with_surprise, with_surprise(how="inner"), "the 3 missed trials are dropped"),
    (exercises.check_with_surprise, with_surprise(how="outer"), "rows are in another order: row 0 is"),
    (exercises.check_with_surprise, with_surprise(by=["trial"]), "a row belongs to one person and one trial"),
    (exercises.check_with_surprise, by_position, "join by subject and trial"),
    (exercises.check_with_surprise, by_place, "as the table numbers it"),
    (exercises.check_with_surprise, with_surprise(columns=["surprise"]), "has no column surprise_sd"),
    (exercises.check_with_surprise, surprise_in_place, "changes the table that it is given"),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, direction=lambda d: np.mean(d > 0)),
        "take the larger of the shares above and below 0",
    ),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, direction=lambda d: 2 * min(np.mean(d > 0), np.mean(d < 0))),
        "this is a two-sided p value",
    ),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, direction=lambda d: float(np.mean(d) != 0)),
        "compare draw by draw",
    ),
    (
        exercises.check_direction_and_rope,
        lambda low, high, rope: direction_and_rope(low, np.sort(high, axis=None).reshape(4, -1), rope),
        "each draw of high belongs",
    ),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, inside=lambda d, rope: np.mean(d < rope)),
        "the region has two sides",
    ),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, inside=lambda d, rope: np.mean(np.abs(d) > rope)),
        "the share outside",
    ),
    (
        exercises.check_direction_and_rope,
        partial(direction_and_rope, inside=lambda d, rope: float(abs(np.mean(d)) < rope)),
        "looks at the mean alone",
    ),
    (exercises.check_remember, remembering(look=False), "look for the file first"),
    (exercises.check_remember, remembering(name=lambda i, piece: i), "which file belongs to which piece"),
    (
        exercises.check_remember,
        remembering(name=lambda i, piece: piece["seed"]),
        "the table has 3 rows for 4 pieces",
    ),
    (exercises.check_remember, remembering(name=lambda i, piece: json.dumps(piece)), "sort the keys"),
    (exercises.check_remember, remembering(at_once=False), "store each result as soon as it is there"),
    (exercises.check_remember, remembering(swallow=True), "is swallowed"),
    (
        exercises.check_remember,
        lambda work, pieces, folder: pd.concat(work(**p) for p in pieces),
        "in the folder",
    ),
]

CHECKERS = [check for check, *_ in RIGHT]
OF_THINGS = [exercises.check_sticky_model, exercises.check_pearce_hall, exercises.check_cue_agent]
OF_FUNCTIONS = [check for check in CHECKERS if check not in OF_THINGS]


def names_of(cases):
    return [f"{case[0].__name__}-{case[-1] if isinstance(case[-1], str) else 'right'}" for case in cases]


def alike(check, answer):
    """The checker's verdict on answers that are all the same."""
    return check(*[answer] * (2 if check is exercises.check_damage else 1))


@pytest.mark.parametrize("case", RIGHT, ids=names_of(RIGHT))
def test_a_right_answer_passes(case):
    check, *answers = case
    verdict = check(*answers)
    assert verdict, verdict


@pytest.mark.parametrize("case", WRONG, ids=names_of(WRONG))
def test_a_wrong_answer_is_told_its_mistake(case):
    check, *answers, said = case
    verdict = check(*answers)
    assert not verdict
    assert said in repr(verdict)


def test_every_public_checker_is_tried():
    assert {check.__name__ for check in CHECKERS} == set(exercises.__all__) - {"Verdict"}


@pytest.mark.parametrize("check", CHECKERS, ids=lambda check: check.__name__)
def test_each_checker_is_tried_with_three_mistakes(check):
    assert sum(case[0] is check for case in WRONG) >= 3


@pytest.mark.parametrize("check", OF_FUNCTIONS, ids=lambda check: check.__name__)
def test_a_function_that_is_not_written_yet_is_said_to_return_nothing(check):
    def stub(*args, **kwargs): ...

    assert "returns None: nothing is returned yet" in repr(alike(check, stub))


@pytest.mark.parametrize("check", OF_FUNCTIONS, ids=lambda check: check.__name__)
def test_an_exception_is_said_with_the_input_that_caused_it(check):
    def failing(*args, **kwargs):
        raise KeyError("beta_")

    said = repr(alike(check, failing))
    assert "raises KeyError: 'beta_'" in said
    assert "(" in said.split(" raises")[0]


@pytest.mark.parametrize("check", OF_FUNCTIONS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("returned", [np.zeros((3, 4, 2)), "later", {}, [1, 2, 3]], ids=type)
def test_something_of_another_shape_is_said_to_be_so(check, returned):
    said = repr(alike(check, lambda *args, **kwargs: returned))
    assert said.startswith("Not yet: ") and "should be" in said


@pytest.mark.parametrize("check", OF_THINGS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("answer", "said"), [(None, "nothing is there yet"), (3, "is 3, and it should be")])
def test_something_that_is_no_model_or_agent_is_said_to_be_so(check, answer, said):
    assert said in repr(check(answer))


@pytest.mark.parametrize("answer", [None, ..., 3.0])
def test_what_is_no_function_is_said_to_be_none(answer):
    assert "function" in repr(exercises.check_longest_run(answer))


def test_a_verdict_is_false_until_the_answer_is_right():
    assert Verdict(True, "yes") and not Verdict(False, "no")


def test_an_answer_that_the_checker_did_not_think_of_does_not_raise():
    @checker
    def check(answer):
        return answer.nowhere

    assert "AttributeError: 'int' object has no attribute 'nowhere'" in repr(check(3))


def test_long_arrays_are_told_by_their_shape():
    assert in_words((np.zeros((40, 5)), jnp.array([0.1]))) == "(an array of shape (40, 5), [0.1])"


def test_long_messages_are_cut():
    def failing():
        raise ValueError("word " * 1000)

    @checker
    def check(answer):
        call(answer)

    assert len(repr(check(failing))) < 500


def test_the_first_mistake_alone_is_told():
    @checker
    def check(answer):
        demand(False, "one")
        demand(False, "two")

    assert repr(check(None)) == "Not yet: one."
