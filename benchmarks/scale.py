"""Thousands of subjects on the device that JAX finds: ``python -m benchmarks.scale`` writes ``scale.json``.

Made for a GPU. On two cores it takes hours; interrupted, it goes on with the next piece.
"""

import json
import time
from datetime import date
from unittest.mock import patch

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import rwlib
from benchmarks.gradient import compiled, rwlib_log_likelihood, seconds_of_each, some_parameters
from benchmarks.judging import GROUP
from benchmarks.pieces import HERE, folder, machine, read, versions, write
from benchmarks.plain import scan_log_likelihood
from benchmarks.problem import course_data
from rwlib.fitting import hierarchy
from rwlib.running.fingerprint import fingerprint

N_CHAINS, N_TRIALS = 4, 200
GRADIENT_SUBJECTS = 40, 400, 4_000, 40_000
ROUNDS = 5
#: Subjects, and the precision in which their trials are scored; sums and the sampler are always in float64.
FITS = {
    "5000_mixed": (5_000, jnp.float32),
    "5000_float64": (5_000, jnp.float64),
    "10000_mixed": (10_000, jnp.float32),
}
#: Fewer than by default: with thousands of subjects, few draws tell the group, and many fill gigabytes.
NUM_SAMPLES = 500


def measure_gradient():
    """Seconds of value and gradient by number of subjects, on this device and on the machine's CPU."""
    rows = []
    for n_subjects in GRADIENT_SUBJECTS:
        arguments = some_parameters(N_CHAINS, n_subjects), course_data(n_subjects, N_TRIALS)
        calls = {}
        for device in {jax.devices()[0], jax.devices("cpu")[0]}:
            for name, way in (("rwlib", rwlib_log_likelihood), ("scan", scan_log_likelihood)):
                theta, data = jax.device_put(arguments, device)
                call = compiled(way, data)
                call(theta)  # compiles
                calls[f"{name}, {device.platform}"] = lambda call=call, theta=theta: call(theta)
        rows.append({"subjects": n_subjects, "seconds": seconds_of_each(calls, ROUNDS)})
    return {"chains": N_CHAINS, "trials": N_TRIALS, "rows": rows}


def measure_fit(n_subjects, scoring):
    """One fit, judged by its group, its divergences and every fiftieth subject."""
    data = course_data(n_subjects, N_TRIALS)
    jax.clear_caches()  # the precision is no argument of the compiled programs
    with patch.object(hierarchy, "SCORING", scoring):
        start = time.perf_counter()
        settings = dict(num_chains=N_CHAINS, seed=1, warn=False)
        rwlib.fit(data, num_warmup=1, num_samples=4, progress_bar=False, **settings)  # compiles all there is
        compiled = time.perf_counter()
        fit = rwlib.fit(data, num_samples=NUM_SAMPLES, **settings)
        end = time.perf_counter()
    posterior, stats = fit["posterior"].dataset, fit["sample_stats"].dataset
    some = {"posterior": posterior.isel(subject=slice(None, None, 50)), "sample_stats": stats}
    last = {
        parameter.name: posterior[parameter.name][0, -1].values for parameter in rwlib.ASYMMETRIC.parameters
    }
    seconds = {"all": end - start, "compiling": compiled - start, "sampling": end - compiled}
    group = score_of_group(posterior[GROUP])
    return group | {
        "seconds": seconds,
        "ess_per_second": {name: group["ess"] / seconds[name] for name in ("all", "sampling")},
        "divergences": int(stats["diverging"].sum()),
        "subjects": n_subjects,
        "scoring": np.dtype(scoring).name,
        "chains": N_CHAINS,
        "draws_per_chain": NUM_SAMPLES,
        "steps_per_draw": float(stats["n_steps"].mean()),
        "log_likelihood": float(rwlib.log_likelihood(data, last).sum()),
        "check": str(rwlib.check(xr.DataTree.from_dict(some))),
    }


def score_of_group(group):
    """How well the draws of group means and SDs mix, by the worst of them, and what they say."""
    ess, r_hat, mcse = (f(group) for f in (arviz_stats.ess, arviz_stats.rhat, arviz_stats.mcse))
    worst = min(GROUP, key=lambda name: float(ess[name]))
    return {
        "draws": int(group[worst].size),
        "ess": float(ess[worst]),
        "worst": worst,
        "r_hat": max(float(r_hat[name]) for name in GROUP),
        "mean": {name: float(group[name].mean()) for name in GROUP},
        "sd": {name: float(group[name].std()) for name in GROUP},
        "mcse": {name: float(mcse[name]) for name in GROUP},
    }


def main():
    code = measure_gradient, measure_fit, FITS
    pieces = folder("scale", code)
    work = {"gradient": measure_gradient}
    work |= {name: lambda sizes=sizes: measure_fit(*sizes) for name, sizes in FITS.items()}
    results = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.scale",
        "machine": machine() | {"device": jax.devices()[0].device_kind},
        "versions": versions(),
        "fingerprint": fingerprint(code).code,
    }
    for name, measure in work.items():
        file = pieces / f"{name}.json"
        if not file.exists():
            print(f"{name} …", flush=True)
            write(file, measure())
        results[name] = read(file)
        print(name, json.dumps(results[name], indent=1), sep="\n", flush=True)
    write(HERE / "scale.json", results)


if __name__ == "__main__":
    main()
