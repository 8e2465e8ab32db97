"""The rules of rwlib's own agents in words and formulas, what their parameters are called, and their sources.

A rule is a generator of sentences, given a model and the data that it was fitted to. Formulas are LaTeX.
"""

import numpy as np

from rwlib.agents.confirmation_bias import CONFIRMATION_BIAS_AGENT
from rwlib.agents.go_no_go import GO_NO_GO_AGENT
from rwlib.agents.pearce_hall import PEARCE_HALL_AGENT
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT

__all__ = ["NAMES", "RULES", "SOURCES", "has", "symbol", "the", "words"]

#: What parameters of rwlib's own agents are called, and their symbols.
NAMES = {
    "alpha": ("learning rate", r"\alpha"),
    "alpha_pos": ("learning rate after positive prediction errors", r"\alpha^{+}"),
    "alpha_neg": ("learning rate after negative prediction errors", r"\alpha^{-}"),
    "beta": ("inverse temperature", r"\beta"),
    "temperature": ("temperature", r"\tau"),
    "stickiness": ("stickiness", r"\kappa"),
    "trace_rate": ("rate of the choice trace", r"\alpha_c"),
    "forgetting": ("rate of forgetting", r"\varphi"),
    "lapse": ("probability of a random choice", r"\xi"),
    "q0": ("value before the first trial", "Q_0"),
    "alpha_confirm": ("learning rate for outcomes that support the choice", r"\alpha_\mathrm{con}"),
    "alpha_disconfirm": ("learning rate for outcomes that speak against it", r"\alpha_\mathrm{dis}"),
    "salience": ("salience", r"\kappa"),
    "associability_rate": ("rate at which associability follows surprise", r"\eta"),
    "go_bias": ("bias to act", "b"),
    "pavlovian": ("Pavlovian bias", r"\pi"),
}


def _rescorla_wagner(model, data):
    yield f"Before the first trial the value $Q_a$ of every option is {_q0(model, data)}."
    yield r"When option $a$ is chosen and pays $r$, the prediction error is $\delta = r - Q_a$, and"
    if "alpha" in {*(p.name for p in model.parameters), *dict(model.fixed)}:  # at 0, too
        yield r"the value moves by $Q_a \leftarrow Q_a + \alpha\,\delta$."
    else:
        yield (
            r"the value moves by $Q_a \leftarrow Q_a + \alpha^{+}\,\delta$ if $\delta > 0$ and by "
            r"$Q_a \leftarrow Q_a + \alpha^{-}\,\delta$ if $\delta < 0$."
        )
    if has(model, "forgetting"):
        yield r"Values of the other options go back by $Q_b \leftarrow Q_b + \varphi\,(Q_0 - Q_b)$."
    else:
        yield "Values of the other options stay as they are."
    if _hides_outcomes(data):
        yield "Where the outcome was not shown, no value moves."
    logit = r"Q_a / \tau" if has(model, "temperature") else r"\beta\,Q_a"
    if not has(model, "stickiness"):
        yield _softmax(logit, model, data)
        return
    yield _softmax(rf"{logit} + \kappa\,h_a", model, data)
    if has(model, "trace_rate", neutral=1.0):
        yield (
            "The choice trace $h_a$ is 0 before the first trial, and after each choice, with its outcome "
            r"seen or not, $h_a \leftarrow h_a + \alpha_c\,(x_a - h_a)$, where $x_a$ is 1 for the option "
            "chosen and 0 for the others."
        )
    else:
        yield (
            "Here $h_a$ is 1 for the option chosen last and 0 for the others; before the first choice it is "
            "0 for all."
        )


def _win_stay_lose_shift(model, data):
    yield (
        "Option $a$ is chosen with probability "
        rf"$P(a) = (1 - \xi)\,w_a / \sum_b w_b + \xi / n$, {_n(data)}. After a choice that paid more than "
        f"{_q0(model, data)}, $w_a$ is 1 for the option chosen and 0 for the others; after one that did not "
        "it is 0 for the option chosen and 1 for the others. Before the first choice, and where that leaves "
        "nothing on offer, it is 1 for all."
    )
    if _hides_outcomes(data):
        yield "What counts is the last choice whose outcome was shown."


def _confirmation_bias(model, data):
    yield (
        f"Before the first trial the value $Q_a$ of every option is {_q0(model, data)}. The outcomes $r_a$ "
        r"of all options are seen. With $\delta_a = r_a - Q_a$, each value moves by "
        r"$Q_a \leftarrow Q_a + \alpha_\mathrm{con}\,\delta_a$ where the outcome supports the choice "
        r"($\delta_a > 0$ for the option chosen, $\delta_a \le 0$ for another one), and by "
        r"$Q_a \leftarrow Q_a + \alpha_\mathrm{dis}\,\delta_a$ elsewhere."
    )
    yield _softmax(r"\beta\,Q_a", model, data)


def _pearce_hall(model, data):
    yield (
        f"Before the first trial the value $Q_a$ of every option is {_q0(model, data)}, and its "
        r"associability $A_a$ is 1. When option $a$ is chosen and pays $r$, the prediction error is "
        r"$\delta = r - Q_a$. First the value moves by $Q_a \leftarrow Q_a + \kappa\,A_a\,\delta$, and then "
        r"the associability by $A_a \leftarrow A_a + \eta\,(|\delta| - A_a)$. Those of the other options "
        "stay as they are."
    )
    if _hides_outcomes(data):
        yield "Where the outcome was not shown, nothing moves."
    yield _softmax(r"\beta\,Q_a", model, data)


def _go_no_go(model, data):
    yield (
        "Each trial shows a cue $s$; action 1 is go, and action 0 is no-go. Before the first trial the value "
        "$Q_{s,a}$ of each action at each cue is 0, and so is the value $V_s$ of the cue. When action $a$ at "
        r"cue $s$ pays $r$, they move by $Q_{s,a} \leftarrow Q_{s,a} + \alpha\,(r - Q_{s,a})$ and "
        r"$V_s \leftarrow V_s + \alpha\,(r - V_s)$. The probability of go is $1 / (1 + \exp(-x))$ with "
        r"$x = \beta\,(Q_{s,1} + \pi\,V_s - Q_{s,0}) + b$."
    )


RULES = {
    RESCORLA_WAGNER_AGENT: _rescorla_wagner,
    WIN_STAY_LOSE_SHIFT_AGENT: _win_stay_lose_shift,
    CONFIRMATION_BIAS_AGENT: _confirmation_bias,
    PEARCE_HALL_AGENT: _pearce_hall,
    GO_NO_GO_AGENT: _go_no_go,
}
SOURCES = {
    RESCORLA_WAGNER_AGENT: "Rescorla, R. A., & Wagner, A. R. (1972). A theory of Pavlovian conditioning. In "
    "Classical Conditioning II (pp. 64–99). Appleton-Century-Crofts",
    CONFIRMATION_BIAS_AGENT: "Palminteri, S., Lefebvre, G., Kilford, E. J., & Blakemore, S.-J. (2017). "
    "Confirmation bias in human reinforcement learning. https://doi.org/10.1371/journal.pcbi.1005684",
    PEARCE_HALL_AGENT: "Li, J., Schiller, D., Schoenbaum, G., Phelps, E. A., & Daw, N. D. (2011). "
    "Differential roles of human striatum and amygdala in associative learning. https://doi.org/10.1038/nn.2904",
    GO_NO_GO_AGENT: "Guitart-Masip, M., Huys, Q. J. M., Fuentemilla, L., Dayan, P., Duzel, E., & Dolan, "
    "R. J. (2012). Go and no-go learning in reward and punishment. "
    "https://doi.org/10.1016/j.neuroimage.2012.04.024",
    "alpha_pos": "Lefebvre, G., Lebreton, M., Meyniel, F., Bourgeois-Gironde, S., & Palminteri, S. (2017). "
    "Behavioural and neural characterization of optimistic reinforcement learning. "
    "https://doi.org/10.1038/s41562-017-0067 (two learning rates)",
    "stickiness": "Sugawara, M., & Katahira, K. (2021). Dissociation between asymmetric value updating and "
    "perseverance in human reinforcement learning. https://doi.org/10.1038/s41598-020-80593-7 (stickiness)",
    "forgetting": "Ito, M., & Doya, K. (2009). Validation of decision-making models and analysis of decision "
    "variables in the rat basal ganglia. https://doi.org/10.1523/JNEUROSCI.6157-08.2009 (forgetting)",
    "lapse": "Nassar, M. R., & Frank, M. J. (2016). Taming the beast: Extracting generalizable knowledge "
    "from computational models of cognition. https://doi.org/10.1016/j.cobeha.2016.04.003 (random choices)",
}


def has(model, name, neutral=0.0):
    """Whether this parameter of an agent does anything in the model."""
    estimated = name in {p.name for p in model.parameters}
    return estimated or dict(model.fixed).get(name, neutral) != neutral


def _hides_outcomes(data):
    feedback = data.design.feedback
    return feedback is not None and bool((np.asarray(data.mask) & ~np.asarray(feedback)).any())


def _q0(model, data):
    if "q0" in {p.name for p in model.parameters}:
        return "$Q_0$, which is estimated"
    neutral = {p.name: p.neutral for p in model.agent.parameters}["q0"]
    value, (zero, one) = dict(model.fixed).get("q0", neutral), data.reward_scale
    unscaled = f" ({zero + value * (one - zero):g} before scaling)" if (zero, one) != (0.0, 1.0) else ""
    return f"$Q_0 = {value:g}${unscaled}"


def _softmax(logit, model, data):
    rule = rf"\exp({logit}) / \sum_b \exp({logit.replace('_a', '_b')})"
    if has(model, "lapse"):
        return rf"Option $a$ is chosen with probability $P(a) = (1 - \xi)\,{rule} + \xi / n$, {_n(data)}."
    among = "" if data.design.offered is None else ", where sums are over the options on offer"
    return f"Option $a$ is chosen with probability $P(a) = {rule}${among}."


def _n(data):
    among = "" if data.design.offered is None else " on offer, over which sums are taken"
    return f"where $n$ is the number of options{among}"


def symbol(name, model):
    """As LaTeX; for an agent of the user's own, its name in code, since nobody knows what it means."""
    return f"${NAMES[name][1]}$" if model.agent in RULES and name in NAMES else f"`{name}`"


def words(name, model):
    """What a parameter is called, with its symbol."""
    if model.agent in RULES and name in NAMES:
        return f"{NAMES[name][0]}, {symbol(name, model)}"
    return f"`{name}`"


def the(name, model):
    """The same with an article."""
    return ("the " if model.agent in RULES else "") + words(name, model)
