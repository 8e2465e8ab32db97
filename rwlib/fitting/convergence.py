"""R-hat, ESS and modes of thousands of parameters.

ArviZ computes the same R-hat and ESS one parameter at a time; here they come from whole blocks, on all cores.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped
from scipy.fft import next_fast_len
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

from rwlib.running.machine import n_cores

__all__ = ["Diagnostics", "diagnose", "looks"]

BLOCK_SIZE = 64_000  # draws at a time: some MB for each thread, which the system need not hand out anew
MAX_THREADS = 8


class Diagnostics(NamedTuple):
    """Convergence of each variable; NaN where it cannot be computed."""

    r_hat: Float[np.ndarray, " n_variables"]
    ess_bulk: Float[np.ndarray, " n_variables"]
    ess_tail: Float[np.ndarray, " n_variables"]


def diagnose(draws: Shaped[np.ndarray, "n_variables n_chains n_draws"]) -> Diagnostics:
    """Compute rank-normalised split R-hat, bulk ESS and tail ESS of many variables at once.

    But for rounding, these are the numbers of ``arviz_stats.rhat`` and ``arviz_stats.ess``, which take one
    variable at a time. ArviZ's own default for the tail is other than here: give it ``prob=(0.05, 0.95)``.

    Parameters
    ----------
    draws : array, shape (n_variables, n_chains, n_draws)
        A view will do: it is copied block by block.

    Returns
    -------
    diagnostics : Diagnostics
        Arrays of shape (n_variables,). ``r_hat``: the larger one of the R-hat of ranks, which compares where
        the chains are, and that of ranks of distances from the median, which compares how wide they are.
        ``ess_bulk``: effective number of draws for the centre. ``ess_tail``: the smaller one of those for the
        5% and the 95% quantile. NaN for a variable that holds a NaN or has fewer than 4 draws per chain;
        R-hat also with one chain, or where no draw differs from another.

    References
    ----------
    Vehtari, A., et al. (2021). Rank-normalization, folding, and localization: An improved R-hat.
    https://doi.org/10.1214/20-BA1221. Where the sum over autocorrelations ends: Geyer, C. J. (1992).
    Practical Markov chain Monte Carlo. https://doi.org/10.1214/ss/1177011137

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.fitting.convergence import diagnose
    >>> independent = np.random.default_rng(0).normal(size=(4, 1000))
    >>> drifting = independent + np.linspace(0, 2, 1000)
    >>> diagnose(np.stack([independent, drifting])).r_hat.round(2).tolist()
    [1.0, 1.11]
    """
    return Diagnostics(*_in_blocks(_diagnose_block, draws, np.arange(len(draws))))


def _in_blocks(function, draws, variables):
    """Apply a function to blocks of variables, on all cores, and join each of the arrays that it returns."""
    size = max(1, BLOCK_SIZE // max(1, draws[0].size))
    blocks = [variables[start : start + size] for start in range(0, len(variables), size)]
    with ThreadPoolExecutor(min(n_cores(), MAX_THREADS)) as pool:
        results = pool.map(lambda block: function(draws[block]), blocks)
        return [np.concatenate(parts) for parts in zip(*results)]


def _diagnose_block(draws):
    n_variables, n_chains, n_draws = draws.shape
    if n_draws < 4:
        return np.full((3, n_variables), np.nan)
    # Single precision stays, as in ArviZ: its rounding decides which distances from the median are ties.
    draws = np.ascontiguousarray(draws, np.float32 if draws.dtype == np.float32 else float)
    halves = _split(draws)
    with np.errstate(invalid="ignore", divide="ignore"):  # infinite or constant draws lead to NaN
        median = np.median(np.sort(halves.reshape(n_variables, -1)), axis=-1)
        folded = np.abs(halves - median[:, None, None])
        scores, folded_scores = _normal_scores(halves), _normal_scores(folded)
        # Where only distances allow none (all draws as far from the median), the R-hat of the ranks stands.
        spread = np.where(np.isnan(folded).any((1, 2)), np.nan, _r_hat(folded_scores))
        r_hat = np.fmax(_r_hat(scores), spread)
        # Sorted first, since NumPy sorts faster than it partitions.
        ends = np.quantile(np.sort(draws.reshape(n_variables, -1)), (0.05, 0.95), axis=-1)
        tails = [_ess(_split((draws <= end[:, None, None]).astype(float))) for end in ends]
        found = np.stack([r_hat, _ess(scores), np.minimum(*tails)])
    found[:, np.isnan(draws).any((1, 2))] = np.nan
    if n_chains == 1:
        found[0] = np.nan
    return found


def _split(draws):
    """Take each chain's first and last half as chains of their own, without the middle of an odd number."""
    half = draws.shape[-1] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=1)


def _normal_scores(draws):
    """Replace draws by normal quantiles of their ranks within their variable; ties share their mean rank."""
    flat = draws.reshape(len(draws), -1)
    n_variables, n = flat.shape
    order = np.argsort(flat, axis=-1)
    ordered = np.take_along_axis(flat, order, axis=-1)
    # Quantiles of all ranks, and of half ranks, which a mean may be; first as if no draws were tied.
    quantiles = ndtri((1 + np.arange(2 * n - 1) / 2 - 3 / 8) / (n + 1 / 4))
    ranked = np.tile(quantiles[::2], n_variables)
    as_before = np.zeros((n_variables, n + 1), bool)
    as_before[:, 1:-1] = ordered[:, 1:] == ordered[:, :-1]
    tied = np.flatnonzero(as_before[:, :-1] | as_before[:, 1:])
    start = np.flatnonzero(~as_before[:, :-1].ravel()[tied])
    n_tied = np.diff(start, append=tied.size)
    ranked[tied] = np.repeat(quantiles[2 * (tied[start] % n) + n_tied - 1], n_tied)
    scores = np.empty(flat.shape)
    np.put_along_axis(scores, order, ranked.reshape(flat.shape), axis=-1)
    return scores.reshape(draws.shape)


def _r_hat(chains):
    n = chains.shape[-1]
    between = n * chains.mean(-1).var(-1, ddof=1)
    return np.sqrt((between / chains.var(-1, ddof=1).mean(-1) + n - 1) / n)


def _ess(chains):
    """Effective sample size, from chains that are already split; constant draws count in full."""
    _, n_chains, n = chains.shape
    n_padded = next_fast_len(2 * n, real=True)
    mean = chains.mean(-1, keepdims=True)
    transform = np.fft.rfft(chains - mean, n_padded)
    # Averaged over chains before the way back, which is linear.
    power = (transform.real**2 + transform.imag**2).mean(1)
    autocovariance = np.fft.irfft(power, n_padded)[:, :n] / n
    within = autocovariance[:, :1] * n / (n - 1)
    autocorrelation = 1 - (within - autocovariance) / (autocovariance[:, :1] + mean.var(1, ddof=1))
    autocorrelation[:, 0] = 1
    # Geyer: sums of two neighbours are positive, and each is at most the one before it. Adding them up ends
    # before the first that is not positive, whose even member is still added where it is; what noise raises
    # is cut.
    n_pairs = max(1, (n - 1) // 2)
    pairs = autocorrelation[:, : 2 * n_pairs].reshape(-1, n_pairs, 2)
    even, sums = pairs[..., 0], pairs.sum(-1)
    ended = ~(sums > 0)
    last = np.where(ended.any(-1), ended.argmax(-1), n_pairs - 1)[:, None]
    total = np.where(np.arange(n_pairs) < last, np.minimum.accumulate(sums, axis=-1), 0).sum(-1)
    last_even, last_sum = (np.take_along_axis(x, last, axis=-1)[:, 0] for x in (even, sums))
    last_even = np.where(last_sum < 0, np.maximum(last_even, 0), last_even)
    size = n_chains * n
    time = np.maximum(-1 + 2 * total + last_even, 1 / np.log10(size))
    constant = np.ptp(chains, axis=(1, 2)) < np.finfo(float).resolution
    return np.where(constant, size, size / time)


# When a parameter that fails is said to have two modes: only where its draws clearly show them. Of 45,000
# simulated sets of 4 chains of 1,000 draws from one mode, symmetric or skewed, with correlation times of 0 to
# 500 draws, none was said to have two. Of 200 sets from two equal modes 5 SDs apart, 94% were, where a chain
# changed between them 5 times on average.
N_BINS, SMOOTHING = 64, 2.0  # bins of a histogram; the SD of what smooths it, in bins
VALLEY = 2.0  # how many times rarer draws between the modes must be: in all chains together, and in two alone
MIN_AT_MODE = 20  # draws that each of those two chains must have at each mode
MIN_PASSAGES = 2  # how often it must go from one to the other


def looks(
    draws: Shaped[np.ndarray, "n_variables n_chains n_draws"], variables: Int[np.ndarray, " n_looked_at"]
) -> Shaped[np.ndarray, " n_looked_at"]:
    """Say of some variables what their draws clearly show, if anything.

    Parameters
    ----------
    draws : array, shape (n_variables, n_chains, n_draws)
        On the scale that people read: rates and positive numbers are recognised by their range.
    variables : array of int, shape (n_looked_at,)

    Returns
    -------
    kinds : array of str, shape (n_looked_at,)
        The ``kind`` of :class:`rwlib.fitting.diagnostics.Failing`.
    """
    return _in_blocks(_look_of, draws, variables)[0]


def _look_of(draws):
    draws = np.asarray(draws, float)
    finite = np.isfinite(draws).all((1, 2))
    constant = draws.max((1, 2)) == draws.min((1, 2))
    stuck = (draws.max(-1) == draws.min(-1)).any(-1)
    kind = np.full(len(draws), "", "<U20")
    clear = finite & ~stuck
    if clear.any():
        kind[clear] = _modes(_unbounded(draws[clear]))
    kind[stuck] = "stuck chain"
    kind[constant] = "constant"
    kind[~finite] = "not finite"
    return (kind,)


def _unbounded(draws):
    """Take rates to log odds and other positive variables to logarithms, as the draws' range tells.

    On that scale, where NUTS moves, draws that heap up at a bound are no mode of their own.
    """
    low, high = draws.min((1, 2), keepdims=True), draws.max((1, 2), keepdims=True)
    single = np.finfo(np.float32)  # a rate that rounding has put at 0 or 1 would be infinite
    logarithm = np.log(np.maximum(draws, single.tiny))
    log_odds = logarithm - np.log(np.maximum(1 - draws, single.eps / 2))
    return np.where(low < 0, draws, np.where(high > 1, logarithm, log_odds))


def _modes(draws):
    """Say which variables have two modes, and in which the chains sit apart."""
    n_variables, n_chains, n_draws = draws.shape
    n_rows, k = n_variables * n_chains, np.arange(N_BINS)
    low, high = np.quantile(np.sort(draws.reshape(n_variables, -1)), (0.005, 0.995), axis=-1)[..., None, None]
    width = np.where(high > low, high - low, 1)  # nearly all draws may be equal
    bins = np.floor(np.clip((draws - low) * (N_BINS / width), -1, N_BINS)).astype(int)
    bins = bins.reshape(n_rows, n_draws)
    # How often each chain comes to each bin. A draw that repeats the one before it is no new evidence.
    counted = (bins >= 0) & (bins < N_BINS)
    counted[:, 1:] &= np.diff(draws.reshape(n_rows, n_draws)) != 0
    counts = np.bincount((bins + N_BINS * np.arange(n_rows)[:, None])[counted], minlength=n_rows * N_BINS)
    counts = counts.reshape(n_variables, n_chains, N_BINS)

    # The deepest valley in the smoothed histogram of all chains, and the peaks on both sides of it.
    density = gaussian_filter1d(counts.sum(1, dtype=float), SMOOTHING, axis=-1, mode="constant")
    peak_before, peak_after = (np.maximum.accumulate(density[:, ::way], -1)[:, ::way] for way in (1, -1))
    lower_peak = np.minimum(peak_before, peak_after)
    valley = (lower_peak - density).argmax(-1)[:, None]
    left, right = (np.where(side, density, -1).argmax(-1)[:, None] for side in (k <= valley, k >= valley))
    deep = np.take_along_axis(lower_peak >= VALLEY * density, valley, -1)[:, 0]

    # Then each chain alone, since a valley between chains that sit apart need not be one of the posterior.
    reach = (np.minimum(valley - left, right - valley) - 1) // 2
    near = [(np.abs(k - place) <= reach)[:, None] for place in (left, valley, right)]
    n_left, n_valley, n_right = ((counts * here).sum(-1) for here in near)
    beyond = (bins >= np.repeat(right, n_chains, 0)) * 1 - (bins <= np.repeat(left, n_chains, 0))
    where = np.flatnonzero(beyond)
    row, beyond = where // n_draws, beyond.ravel()[where]
    passes = (beyond[1:] != beyond[:-1]) & (row[1:] == row[:-1])
    n_passages = np.bincount(row[1:][passes], minlength=n_rows).reshape(n_variables, n_chains)
    at_both = np.minimum(n_left, n_right) >= np.maximum(VALLEY * n_valley, MIN_AT_MODE)
    two = deep & ((at_both & (n_passages >= MIN_PASSAGES)).sum(-1) >= min(2, n_chains))
    share_right = (bins.reshape(draws.shape) > valley[:, None]).mean(-1)
    apart = deep & (share_right.min(-1) < 0.05) & (share_right.max(-1) > 0.95)
    return np.where(two, "two modes", np.where(apart, "chains apart", ""))
