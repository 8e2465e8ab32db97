"""The gradient for more and more subjects on the device that JAX finds: ``python -m benchmarks.scale`` writes
``scale.json``. Made for a GPU, beside the CPU of its machine."""

import json
from datetime import date

import jax

from benchmarks.gradient import compiled, rwlib_log_likelihood, seconds_of_each, some_parameters
from benchmarks.pieces import HERE, machine, versions, write
from benchmarks.plain import scan_log_likelihood
from benchmarks.problem import course_data
from rwlib.running.fingerprint import fingerprint

N_CHAINS, N_TRIALS = 4, 200
N_SUBJECTS = 40, 400, 4_000, 40_000
ROUNDS = 5


def measure_gradient(n_subjects):
    """Seconds of value and gradient, by way and device."""
    arguments = some_parameters(N_CHAINS, n_subjects), course_data(n_subjects, N_TRIALS)
    calls = {}
    for device in {jax.devices()[0], jax.devices("cpu")[0]}:
        for name, way in (("rwlib", rwlib_log_likelihood), ("scan", scan_log_likelihood)):
            theta, data = jax.device_put(arguments, device)
            call = compiled(way, data)
            call(theta)  # compiles
            calls[f"{name}, {device.platform}"] = lambda call=call, theta=theta: call(theta)
    return {"subjects": n_subjects, "seconds": seconds_of_each(calls, ROUNDS)}


def main():
    results = {
        "date": date.today().isoformat(),
        "command": "python -m benchmarks.scale",
        "machine": machine() | {"device": jax.devices()[0].device_kind},
        "versions": versions(),
        "fingerprint": fingerprint((measure_gradient, N_SUBJECTS, ROUNDS)).code,
        "gradient": {
            "chains": N_CHAINS,
            "trials": N_TRIALS,
            "rows": [measure_gradient(n_subjects) for n_subjects in N_SUBJECTS],
        },
    }
    print(json.dumps(results["gradient"], indent=1))
    write(HERE / "scale.json", results)


if __name__ == "__main__":
    main()
