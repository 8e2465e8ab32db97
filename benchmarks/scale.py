"""Thousands of subjects on the device that JAX finds: ``python -m benchmarks.scale`` prints what it measures and writes ``scale.json``.

Made for a GPU. On two cores it takes hours; interrupted, it goes on with the next piece.
"""

import json
import time
from datetime import date
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import rwlib
from benchmarks.gradient import compiled, rwlib_log_likelihood, seconds_of_each, some_parameters
from benchmarks.pieces import HERE, ROOT, fingerprint, machine, read, versions, write
from benchmarks.plain import scan_log_likelihood
from benchmarks.problem import GROUP, course_data, judge
from rwlib import hierarchy

N_CHAINS, N_TRIALS = 4, 200
GRADIENT_SUBJECTS = 40, 400, 4_000, 40_000
ROUNDS = 5
#: Subjects, and the precision in which their trials are scored; sums and the sampler are always in float64.
FITS = {"5000_mixed": (5_000, jnp.float32), "5000_float64": (5_000, jnp.float64), "10000_mixed": (10_000, jnp.float32)}
#: Shorter than the default: with thousands of subjects the group is known after few draws, whose subjects fill gigabytes.
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
        rwlib.fit(data, num_warmup=1, num_samples=4, num_chains=N_CHAINS, seed=1, progress_bar=False)  # compiles all there is
        compiling = time.perf_counter() - start
        fit = rwlib.fit(data, num_samples=NUM_SAMPLES, num_chains=N_CHAINS, seed=1)
        seconds = time.perf_counter() - start
    some = xr.DataTree.from_dict(
        {"posterior": fit["posterior"].dataset.isel(subject=slice(None, None, 50)), "sample_stats": fit["sample_stats"].dataset}
    )
    draws = {name: fit["posterior"][name] for name in GROUP}
    last = {parameter.name: fit["posterior"][parameter.name][0, -1].values for parameter in rwlib.ASYMMETRIC.parameters}
    result = judge(draws, fit["sample_stats"]["diverging"].sum(), all_seconds=seconds, compile_seconds=compiling)
    return result | {
        "subjects": n_subjects,
        "scoring": np.dtype(scoring).name,
        "chains": N_CHAINS,
        "draws_per_chain": NUM_SAMPLES,
        "steps_per_draw": float(fit["sample_stats"]["n_steps"].mean()),
        "log_likelihood": float(rwlib.log_likelihood(data, last).sum()),
        "sd": {name: float(draws[name].std()) for name in GROUP},
        "check": str(rwlib.check(some)),
    }


def main():
    pieces = ROOT / "_build" / "scale" / fingerprint()
    pieces.mkdir(parents=True, exist_ok=True)
    work = {"gradient": measure_gradient} | {name: lambda sizes=sizes: measure_fit(*sizes) for name, sizes in FITS.items()}
    results = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.scale",
        "machine": machine() | {"device": jax.devices()[0].device_kind},
        "versions": versions(),
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
