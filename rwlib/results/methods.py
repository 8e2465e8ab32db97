"""The methods section of a report: what is said of the data, the model, its group and the sampler.

Each of these is a generator of sentences, and makes a paragraph. The rules of the agents stand in ``rules``.
"""

import itertools
import re
from collections.abc import Mapping

import numpy as np
import xarray as xr

from rwlib.data.choices import ChoiceData
from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.results.rules import RULES, symbol, the

__all__ = ["INTERVAL", "methods_of", "plain"]

INTERVAL = 0.9  # share of the draws in every interval of a report
FIVE_PERCENT = 1.645  # SDs of a normal on each side of the mean that leave out 5%
#: On which scale a group is normal.
SCALES = {"expit": "logit", "exp": "log", "softplus": "inverse softplus", "identity": "natural"}


def methods_of(
    fit: xr.DataTree,
    model: Model,
    data: ChoiceData,
    formulas: Mapping[str, Mapping[str, str]],
    made_with: Mapping[str, str],
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
    We fitted the choices of
    The model is called symmetric.
    Person $i$ has the parameter
    We drew from the posterior
    """
    paragraphs = (
        _of_data(data),
        _of_model(model, data),
        _of_group(model, formulas),
        _of_sampler(fit, made_with),
    )
    return "\n\n".join(map(" ".join, paragraphs))


# The data


def _of_data(data):
    mask, scored, design = np.asarray(data.mask), np.asarray(data.scored), data.design
    yield (
        f"We fitted the choices of {_count(data.n_subjects, 'person', 'people')} among {data.n_actions} "
        f"options: {_count(mask.sum(), 'trial')}, {_range(mask.sum(axis=1))} per person."
    )
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
        yield f"Learning started anew in each block ({len(data.blocks)} in all)."
    yield from _of_rewards(np.asarray(data.rewards)[shown], *data.reward_scale)


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
        yield f"Rewards were scaled so that {zero:g} became 0 and {one:g} became 1."
        they = "In these units they"
    if len(values) > 2:
        yield f"{they} ran from {values[0]:g} to {values[-1]:g}."
    elif len(values):
        yield f"{they} were {' or '.join(f'{x:g}' for x in values)}."


# The model


def _of_model(model, data):
    estimated = [p.name for p in model.parameters]
    if model.agent in RULES:
        yield f"The model is called {plain(model.name)}."
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
        "The likelihood of a person's choices is the product of the probabilities of all choices that are "
        "scored."
    )


def _functions(model):
    functions = [f for f in model.agent[:4] if f is not None]
    names = dict.fromkeys(getattr(f, "__qualname__", type(f).__name__) for f in functions)
    return ", ".join(f"`{name}`" for name in names)


def _of_group(model, formulas):
    yield (
        r"Person $i$ has the parameter $\theta_i = g(\mu + \sigma z_i)$ with $z_i \sim \mathcal{N}(0, 1)$, "
        r"independently of their other parameters; group mean $\mu$ and group SD $\sigma$ are estimated. "
        r"Priors, where N has a mean and an SD:"
    )
    groups = itertools.groupby(model.parameters, key=lambda p: p[1:5])
    yield "; ".join(_prior(list(alike), model) for _, alike in groups) + "."
    by_name = {p.name: p for p in model.parameters}
    for name, formula in formulas["group"].items():
        yield (
            f"The group mean of {symbol(name, model)} follows {_code(formula)}: for person $i$ it is "
            rf"$\mu + \sum_k \gamma_k x_{{ki}}$, where each coefficient $\gamma_k$ is N(0, "
            f"{by_name[name].mean_scale:g}). {_columns_are('people')}"
        )
    for name, formula in formulas["within"].items():
        p = by_name[name]
        yield (
            f"Within people, {symbol(name, model)} shifts with {_code(formula)}: in a condition whose "
            r"columns are $c$, person $i$ has $\mu + \sigma z_i + \sum_k c_k \Delta_{ki}$ before the "
            r"transform. Each shift $\Delta_k$ is normal over people, with a mean that is N(0, "
            f"{p.mean_scale:g}) and an SD that is half-normal with scale {p.sd_scale / 2:g}. "
            f"{_columns_are('conditions')}"
        )


def _prior(alike, model):
    p, sds = alike[0], np.array([-FIVE_PERCENT, FIVE_PERCENT])
    ends = np.asarray(TRANSFORMS[p.transform](p.mean_location + sds * p.mean_scale))
    low, high = (np.format_float_positional(x, 2, fractional=False, trim="-") for x in ends)
    return (
        f"for {_listed([symbol(p.name, model) for p in alike])} on the {SCALES[p.transform]} scale, "
        rf"$\mu$ is N({p.mean_location:g}, {p.mean_scale:g}) and $\sigma$ half-normal with scale "
        f"{p.sd_scale:g}, so that the typical person's lies between {low} and {high} with a probability "
        "of 90%"
    )


def _columns_are(of_what):
    return f"Columns are centred over {of_what}; numbers of more than two values are in units of their SD."


# The sampler


def _of_sampler(fit, made_with):
    attrs, kept = fit.attrs, [fit["posterior"].sizes[dim] for dim in ("chain", "draw")]
    yield (
        f"We drew from the posterior with rwlib {made_with['rwlib']}, JAX {made_with['jax']}, NumPyro "
        f"{made_with['numpyro']} and Python {made_with['python']} (seed {attrs['seed']}): "
        f"{_count(attrs['num_chains'], 'chain')} from starting points across the prior, "
        f"{attrs['num_warmup']:,} warm-up iterations each, which were dropped, and "
        f"{attrs['num_samples']:,} draws each."
    )
    if kept != [attrs["num_chains"], attrs["num_samples"]]:
        yield f"All results are of a part of them: {_count(kept[0], 'chain')} with {kept[1]:,} draws each."
    yield (
        "Every draw is made by three moves: a transition of NUTS (target acceptance "
        f"{attrs['target_accept']:g}, at most {attrs['max_depth']} doublings), an independent jump of each "
        "person and of the group, and the group drawn given its people."
    )
    yield (
        f"Estimates are posterior means with equal-tailed {INTERVAL:.0%} intervals. The typical person is "
        "the one at the group mean; the mean over people is that of the people who were fitted."
    )


# Words and numbers


def _count(n, one, many=None):
    return f"{int(n):,} {one if n == 1 else many or one + 's'}"


def _were(n):
    return "was" if n == 1 else "were"


def _range(counts):
    return f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"


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
