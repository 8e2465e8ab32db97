"""What a paper needs beside a report and no fit knows, and what every report cites."""

__all__ = ["CITE", "CITE_DIFFERENCES", "LEFT_ABOUT_CONDITIONS", "LEFT_ABOUT_DIFFERENCES", "LEFT_TO_YOU"]

#: What is left to the author. It follows Wilson & Collins (2019), Kruschke (2021) and Depaoli & van de Schoot
#: (2017, https://doi.org/10.1037/met0000065).
LEFT_TO_YOU = (
    "People: age, sex and what else describes them, how they were recruited and paid, consent and ethics "
    "approval, who or what was left out and by which rule. A fit knows only whom it was given.",
    "Task: what the options paid and when that changed, what people were told, and why so many people and "
    "trials (`rwlib.power`).",
    "What people did, before any model: better choices, repeats after wins and after losses, in each "
    "group (`rwlib.behaviour`).",
    "The analysis: what it is for, which parameters matter most, whether it was registered beforehand, "
    "and, if readers will ask, why it is Bayesian; why this model, these starting values, these intervals "
    "and these priors, and what the priors predict about behaviour before any data (`rwlib.sample_prior`, "
    "`rwlib.generate`).",
    "Plots of chains and posteriors; whether the estimates are plausible for this task; and how far they, "
    "and your conclusions, move in a longer run with another seed and with other priors, those of group "
    "SDs above all where people are few.",
    "Whether the model behaves as people do (`rwlib.compare_behaviour`), how well it predicts their "
    "choices beside chance (`rwlib.loo_by_trial`), which other models were fitted and how they compare, "
    "also person by person (`rwlib.compare_by_person`), and whether parameters and models can be "
    "recovered in this design (`rwlib.recover_parameters`, `rwlib.recover_models`).",
    "Numbers of each trial that went into another analysis, if any (`rwlib.trialwise`): which, at which "
    "event, how scaled, and how prediction errors were told from outcomes.",
    "Fits that `rwlib.check` refused before this one, and what was changed after them.",
    "Where data, code and this fit (`rwlib.save`) can be had.",
)
LEFT_ABOUT_DIFFERENCES = (
    "Differences: which were planned, how many were looked at, which other formulas were tried, by which "
    "rule you conclude that there is one or none, how large it must be to matter, and why (`rope=`), and "
    "what a higher or lower value is worth in this task, since no learning rate is best everywhere."
)
LEFT_ABOUT_CONDITIONS = (
    "Since people have a value for each condition, functions that need one value of a person do not take "
    "this fit: `rwlib.generate`, `rwlib.compare_behaviour`, `rwlib.loo_by_trial`. Predictions and "
    "log-likelihoods in each condition come from `rwlib.add_groups`, for ArviZ's own checks."
)
CITE = (
    "Andrieu, C., Doucet, A., & Holenstein, R. (2010). Particle Markov chain Monte Carlo methods. "
    "https://doi.org/10.1111/j.1467-9868.2009.00736.x (jumps: iterated sampling-importance resampling)",
    "Betancourt, M. (2016). Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte Carlo. "
    "https://doi.org/10.48550/arXiv.1604.00695 (E-BFMI)",
    "Bradbury, J., et al. (2018). JAX: Composable transformations of Python+NumPy programs. "
    "https://github.com/jax-ml/jax",
    "Gunawan, D., Hawkins, G. E., Tran, M.-N., Kohn, R., & Brown, S. D. (2020). New estimation approaches "
    "for the hierarchical linear ballistic accumulator model. https://doi.org/10.1016/j.jmp.2020.102368 "
    "(jumps)",
    "Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. Journal of Machine Learning Research, "
    "15, 1593–1623 (NUTS)",
    "Phan, D., Pradhan, N., & Jankowiak, M. (2019). Composable effects for flexible and accelerated "
    "probabilistic programming in NumPyro. https://doi.org/10.48550/arXiv.1912.11554 (NumPyro)",
    "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B., & Bürkner, P.-C. (2021). Rank-normalization, "
    "folding, and localization. https://doi.org/10.1214/20-BA1221 (R-hat and ESS)",
    "Yu, Y., & Meng, X.-L. (2011). To center or not to center. https://doi.org/10.1198/jcgs.2011.203main "
    "(groups drawn given people)",
)
CITE_DIFFERENCES = (
    "Makowski, D., Ben-Shachar, M. S., Chen, S. H. A., & Lüdecke, D. (2019). Indices of effect existence "
    "and significance in the Bayesian framework. https://doi.org/10.3389/fpsyg.2019.02767 (probability of "
    "direction, region of practical equivalence)",
    "Kruschke, J. K. (2018). Rejecting or accepting parameter values in Bayesian estimation. "
    "https://doi.org/10.1177/2515245918771304 (region of practical equivalence)",
)
