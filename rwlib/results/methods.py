"""The methods section of a report: what is said of the data, the model, its group and the sampler.

Each of these is a generator of sentences, and makes a paragraph. The rules of the agents stand in ``rules``.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy.stats import norm

from rwlib.data.choices import ChoiceData
from rwlib.fitting.diagnostics import MAX_R_HAT, MIN_E_BFMI, MIN_ESS
from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.results.contrasts import ends_of
from rwlib.results.rules import RULES, symbol, the

__all__ = ["methods_of", "minus", "plain"]

FIVE_PERCENT = 1.645  # SDs of a normal on each side of the mean that leave out 5%
#: On which scale a group is normal.
SCALES = {"expit": "logit", "exp": "log", "softplus": "inverse softplus", "identity": "natural"}


def methods_of(
    fit: xr.DataTree,
    model: Model,
    data: ChoiceData,
    formulas: Mapping[str, Mapping[str, str]],
    made_with: Mapping[str, str],
    interval: float = 0.9,
) -> str:
    """The methods section about a fit.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model
    data : ChoiceData
    formulas : dict
        Those of the fit, from :func:`rwlib.results.fitted.formulas_of`.
    made_with : dict
        Versions of ``rwlib``, ``jax``, ``numpyro`` and ``python``.
    interval : float in (0, 1), default 0.9
        Share of the draws in the intervals of the results.

    Returns
    -------
    methods : str
        A paragraph each, as Markdown with LaTeX formulas between dollar signs.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.fitted import formulas_of
    >>> from rwlib.results.methods import methods_of
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, **short)
    >>> made_with = dict.fromkeys(["rwlib", "jax", "numpyro", "python"], "1.0")
    >>> methods = methods_of(fit, rwlib.SYMMETRIC, data, formulas_of(fit), made_with)
    >>> for paragraph in methods.splitlines()[::2]:
    ...     print(*paragraph.split()[:5])
    We fitted a model to
    This is the model symmetric.
    For each parameter, person $i$
    We drew from the posterior
    A fit is accepted if
    """
    paragraphs = (
        _of_data(data, formulas),
        _of_model(model, data),
        _of_group(fit, model, formulas),
        _of_sampler(fit, formulas, made_with),
        _of_rules(formulas, interval),
    )
    return "\n\n".join(map(" ".join, paragraphs))


# The data


def _of_data(data, formulas):
    mask, scored, design = np.asarray(data.mask), np.asarray(data.scored), data.design
    yield (
        f"We fitted a model to the choices of {_count(data.n_subjects, 'person', 'people')} among "
        f"{data.n_actions} options: {_count(mask.sum(), 'trial')}, {_range(mask.sum(axis=1))} per person."
    )
    yield from _of_columns(data, formulas)
    yield from _of_missed_trials(data)
    forced = int((mask & ~scored).sum())
    if forced:
        yield f"{_count(forced, 'forced choice')} taught, and {_were(forced)} not scored."
    shown = mask if design.feedback is None else mask & np.asarray(design.feedback)
    hidden = int((mask & ~shown).sum())
    if hidden:
        yield f"The outcomes of {_count(hidden, 'choice')} were not shown, and their rewards are not used."
    if design.offered is not None:
        offered = np.asarray(design.offered)[mask].sum(axis=-1)
        yield f"On each trial {_range(offered)} of the options were on offer."
    for when, columns in (("before", design.before), ("after", design.after)):
        if columns:
            yield f"Known {when} each choice: {', '.join(f'`{name}`' for name in columns)}."
    if design.block is not None:
        yield f"Learning started anew in each block ({len(data.blocks)} different ones)."
    yield from _of_rewards(np.asarray(data.rewards)[shown], *data.reward_scale)


def _of_columns(data, formulas):
    """Whom, and how many trials, the columns in the formulas tell apart."""
    blocks, counted = np.asarray(data.design.block), np.asarray(data.mask)
    for name, values in data.people:
        if not _names(name, formulas["group"]):
            continue
        if all(isinstance(value, str | bool) for value in values) or len(set(values)) <= 2:
            sizes = [f"{n:,} with `{label}`" for label, n in sorted(Counter(map(str, values)).items())]
            yield f"By `{name}` there were {_listed(sizes)}."
        else:
            mean, sd, low, high = (float(f(values)) for f in (np.mean, np.std, np.min, np.max))
            places = max(0, 2 - math.floor(math.log10(sd)))  # so that the mean has them where the SD begins
            said = minus(
                f"a mean of {mean:.{places}f} and an SD of {sd:.{places}f} ({low:.15g} to {high:.15g})"
            )
            yield f"`{name}` had {said}."
    for name, of_block in data.conditions:
        if _names(name, formulas["within"]):
            sizes = []
            for label in sorted(set(of_block), key=str):
                there = np.isin(blocks, [i for i, x in enumerate(of_block) if x == label]) & counted
                people = _count(there.any(axis=1).sum(), "person", "people")
                sizes.append(f"{people} and {_count(there.sum(), 'trial')} with `{label}`")
            yield f"By `{name}` there were {_listed(sizes)}."


def _names(column, formulas):
    return any(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", formula) for formula in formulas.values())


def _of_missed_trials(data):
    """Those that a table has as rows are all known. Arrays that end early may be of shorter sessions."""
    mask = np.asarray(data.mask)
    over = ~np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]  # no choice from here on
    in_session = ~over if data.trials is None else np.isfinite(data.trials)
    missed = int((in_session & ~mask).sum())
    if missed:
        yield (
            f"Trials without a choice, {missed:,} in all, were left out: they are not scored, and nothing "
            "was learned or remembered on them."
        )
    if data.trials is None and over.any():
        yield (
            f"{_count(over.sum(), 'trial')} after people's last choices {_were(over.sum())} taken for the "
            "end of shorter sessions; any that were missed are among them."
        )


def _of_rewards(rewards, zero, one):
    values, they = np.unique(rewards), "Rewards"
    if (zero, one) != (0.0, 1.0):
        if zero == 0:
            yield f"Rewards were divided by {one:g}."
        else:
            yield f"Rewards were scaled so that {zero:g} became 0 and {one:g} became 1."
        yield f"Values and parameters are in these units: 1 is {minus(f'{one - zero:g}')} of the table's."
        they = "In these units they"
    if len(values) > 2:
        yield f"{they} ran from {values[0]:g} to {values[-1]:g}."
    elif len(values):
        yield f"{they} were {' or '.join(f'{x:g}' for x in values)}."


# The model


def _of_model(model, data):
    estimated = [p.name for p in model.parameters]
    if model.agent in RULES:
        yield f"This is the model {plain(model.name)}."
        yield from RULES[model.agent](model, data)
        in_full = [f"{the(name, model)} (`{name}`)" for name in estimated]
        yield "Each person has parameters of their own: " + "; ".join(in_full) + "."
    else:
        yield (
            f"**STATE THE RULE OF THE MODEL {plain(model.name)} HERE, AS FORMULAS: WHAT PEOPLE EXPECT "
            "BEFORE THE FIRST TRIAL, HOW THEY CHOOSE, AND WHAT AN OUTCOME CHANGES.** Its agent is your own "
            f"({_functions(model)}), and rwlib cannot put code into words. Each person has parameters of "
            f"their own: {', '.join(f'`{name}`' for name in estimated)}."
        )
    if model.fixed:
        yield (
            "Fixed for everybody: "
            + ", ".join(f"{symbol(name, model)} = {value:g}" for name, value in model.fixed)
            + "."
        )
    yield (
        "The likelihood of a person's choices is the product of the probabilities of all choices that were "
        "scored."
    )


def _functions(model):
    functions = [f for f in model.agent[:4] if f is not None]
    names = dict.fromkeys(getattr(f, "__qualname__", type(f).__name__) for f in functions)
    return ", ".join(f"`{name}`" for name in names)


def _of_group(fit, model, formulas):
    yield (
        r"For each parameter, person $i$ has $\theta_i = g(\mu + \sigma z_i)$ with $z_i \sim "
        r"\mathcal{N}(0, 1)$, where $g$ leads back from the scale that is named below. Group mean $\mu$ and "
        r"group SD $\sigma$ belong to the parameter and are estimated. A person's parameters are independent "
        r"a priori. Priors (N($m$, $s$) is normal with mean $m$ and SD $s$, and half-normal the positive "
        r"half of N(0, $s$)):"
    )
    groups = itertools.groupby(model.parameters, key=lambda p: p[1:5])
    yield "; ".join(_prior(list(alike), model) for _, alike in groups) + "."
    by_name = {p.name: p for p in model.parameters}
    for name, formula in formulas["group"].items():
        p = by_name[name]
        yield (
            f"The group mean of {symbol(name, model)} follows {_code(formula)}: for person $i$ it is "
            rf"$\mu + \sum_k \gamma_k x_{{ki}}$, where each coefficient $\gamma_k$ is N(0, {p.mean_scale:g})"
            rf"{_before_any_data(fit, p, 'effect')}. Its $\sigma$ is what the columns leave unexplained, the "
            f"same for everybody. {_columns_are('people')}"
        )
    for name, formula in formulas["within"].items():
        p = by_name[name]
        yield (
            f"Within people, {symbol(name, model)} shifts with {_code(formula)}: in a condition whose "
            r"columns hold $c_k$, person $i$'s value is higher by $\sum_k c_k \Delta_{ki}$ before the "
            r"transform. Each shift $\Delta_k$ is normal over people and independent of all else, with a "
            f"mean that is N(0, {p.mean_scale:g}){_before_any_data(fit, p, 'shift_group_mean')} and an SD "
            f"that is half-normal with scale {p.sd_scale / 2:g}. {_columns_are('conditions')}"
        )
    if any(
        "×" in str(label) for name in (*formulas["group"], *formulas["within"]) for label in _terms(fit, name)
    ):
        yield (
            "Beside a product of columns, the coefficient of one of them is its effect where the other is at "
            "its first label, its smaller number, or its mean."
        )


def _prior(alike, model):
    p, sds = alike[0], np.array([-FIVE_PERCENT, FIVE_PERCENT])
    ends = np.asarray(TRANSFORMS[p.transform](p.mean_location + sds * p.mean_scale))
    low, high = (minus(np.format_float_positional(x, 2, fractional=False, trim="-")) for x in ends)
    return (
        f"for {_listed([symbol(p.name, model) for p in alike])} on the {SCALES[p.transform]} scale, "
        rf"$\mu$ is N({minus(f'{p.mean_location:g}')}, {p.mean_scale:g}) and $\sigma$ half-normal with "
        f"scale {p.sd_scale:g}, so that the typical person's value lies between {low} and {high} with a "
        "probability of 90%"
    )


def _terms(fit, name):
    """The labels of a parameter's effects and shifts."""
    posterior = fit["posterior"]
    dims = [f"{name}_{kind}_term" for kind in ("effect", "shift")]
    return [label for dim in dims if dim in posterior.coords for label in posterior[dim].values.tolist()]


def _before_any_data(fit, p, variable):
    """What the priors of the group mean and of a coefficient say together of the difference that it makes."""
    coefficients, (kind, *_) = fit["posterior"][f"{p.name}_{variable}"], variable.split("_")
    dim = f"{p.name}_{kind}_term"
    points = norm.ppf((np.arange(400) + 0.5) / 400) * p.mean_scale
    said, transform = [], TRANSFORMS[p.transform]
    for i, (label, ends) in enumerate(zip(coefficients[dim].values.tolist(), ends_of(coefficients, dim))):
        if ends is None:  # no two people differ by this term alone
            continue
        low, high = ends
        # At both ends stand the same columns of other labels, whose coefficients have priors of their own.
        others = np.delete(low, i)
        mean = p.mean_location + points[:, None] * np.sqrt(1 + (others**2).sum())
        difference = np.asarray(transform(mean + high[i] * points) - transform(mean + low[i] * points))
        tails = (
            np.format_float_positional(x, 2, fractional=False) for x in np.quantile(difference, [0.05, 0.95])
        )
        said.append("between {} and {} for {}".format(*map(minus, tails), plain(label)))
    if not said:
        return ""
    return f" (which puts the typical person's difference, with a probability of 90%, {_listed(said)})"


def _columns_are(of_what):
    return f"Columns are centred over {of_what}; numbers of more than two values are in units of their SD."


# The sampler


def _of_sampler(fit, formulas, made_with):
    attrs, kept = fit.attrs, [fit["posterior"].sizes[dim] for dim in ("chain", "draw")]
    yield (
        f"We drew from the posterior with rwlib {made_with['rwlib']}, JAX {made_with['jax']}, NumPyro "
        f"{made_with['numpyro']} and Python {made_with['python']} (seed {attrs['seed']}): "
        f"{_count(attrs['num_chains'], 'chain')} from starting points drawn from the prior, "
        f"{attrs['num_warmup']:,} warm-up iterations each, which were dropped, and "
        f"{attrs['num_samples']:,} draws each."
    )
    if kept != [attrs["num_chains"], attrs["num_samples"]]:
        yield f"All results are of a part of them: {_count(kept[0], 'chain')} with {kept[1]:,} draws each."
    effects = ", SDs and coefficients" if formulas["group"] else " and SDs"
    yield (
        "Every draw was made by three moves: a transition of the No-U-Turn Sampler (NUTS; target acceptance "
        f"{attrs['target_accept']:g}, at most {attrs['max_depth']} doublings); a jump of each person, and of "
        "the group means and SDs, to one of several places (iterated sampling-importance resampling); and "
        f"new group means{effects} given the people. Step size, scaling and the proposals of jumps were "
        "learned from all chains in the warm-up, and then kept. Trials were scored in single precision, and "
        "added up in double precision."
    )


def _of_rules(formulas, interval):
    yield (
        f"A fit is accepted if every R-hat is below {MAX_R_HAT}, every effective sample size (ESS) at least "
        f"{MIN_ESS}, both in the bulk and in the tails (the 5% and 95% quantiles), no transition after the "
        "warm-up diverged, and every energy Bayesian fraction of missing information (E-BFMI) is at least "
        f"{MIN_E_BFMI}."
    )
    where = [", with columns at their means"] if formulas["group"] else []
    where += [", in the middle of the conditions"] if formulas["within"] else []
    over = (
        "people in all conditions, also those that a person did not play"
        if formulas["within"]
        else "people who were fitted"
    )
    yield (
        f"Estimates are posterior means with equal-tailed {percent(interval)} credible intervals. The "
        f"typical person is the one at the group mean{''.join(where)}; the mean over people is that of "
        f"the {over}."
    )


# Words and numbers


def _count(n, one, many=None):
    return f"{int(n):,} {one if n == 1 else many or one + 's'}"


def _were(n):
    return "was" if n == 1 else "were"


def _range(counts):
    return f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"


def percent(share: float) -> str:
    """A share in percent, with the digits that it was given with.

    Examples
    --------
    >>> from rwlib.results.methods import percent
    >>> percent(0.9), percent(0.975)
    ('90%', '97.5%')
    """
    return f"{100 * share:.6g}%"


def minus(number: str) -> str:
    """A number in words, with a minus in the place of the hyphen.

    Examples
    --------
    >>> from rwlib.results.methods import minus
    >>> minus("-0.5")
    '−0.5'
    """
    return number.replace("-", "−")


def _listed(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plain(text: object) -> str:
    """A user's own word, of which Markdown must change nothing.

    Examples
    --------
    >>> from rwlib.results.methods import plain
    >>> print(plain("my_model [2]"))
    my\\_model \\[2\\]
    """
    return re.sub(r"([\\`*_{}\[\]<>#$|~^@])", r"\\\1", str(text))


def _code(text):
    return f"`` {text} ``" if "`" in text else f"`{text}`"
