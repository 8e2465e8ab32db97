"""Chapter 4: keys that belong to people, whoever else is there."""

import jax
import jax.numpy as jnp

from rwlib.exercises.answers import call, checker, demand, in_words

__all__ = ["check_keys_for"]


@checker
def check_keys_for(keys_for):
    """Check ``keys_for(key, subject_numbers)``.

    Parameters
    ----------
    keys_for : callable
        Returns an array of keys, one for each number.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> import jax
    >>> from rwlib.exercises import check_keys_for
    >>> check_keys_for(lambda key, subject_numbers: jax.random.split(key, len(subject_numbers)))
    Not yet: subject 7 has another key alone than among ten: a key must not depend on who else is there.
    """
    key = jax.random.key(4)
    ten = jnp.arange(1, 11)

    def answer(key, subject_numbers):
        keys, n = call(keys_for, key, subject_numbers), len(subject_numbers)
        demand(
            not isinstance(keys, list | tuple),
            "what it returns is a list, and it should be one array of keys, as vmap makes it",
        )
        is_key = isinstance(keys, jax.Array) and jax.dtypes.issubdtype(keys.dtype, jax.dtypes.prng_key)
        demand(is_key, f"what it returns is {in_words(keys)}, and it should be an array of keys")
        demand(keys.shape == (n,), f"{n} subjects have keys of shape {keys.shape}, and it should be ({n},)")
        return [tuple(each.tolist()) for each in jax.random.key_data(keys)]

    among_ten = answer(key, ten)
    demand(len(set(among_ten)) == 10, "some of ten subjects have the same key: they would share their luck")
    demand(
        answer(key, jnp.array([7]))[0] == among_ten[6],
        "subject 7 has another key alone than among ten: a key must not depend on who else is there",
    )
    demand(
        answer(key, ten[::-1])[3] == among_ten[6],
        "in reversed order subject 7 has another key: it must depend on the number, not on the place in the "
        "array",
    )
    demand(
        answer(key, ten + 10) != among_ten,
        "subjects 11 to 20 have the keys of subjects 1 to 10: use their numbers",
    )
    demand(
        answer(jax.random.key(5), ten) != among_ten,
        "another key makes the same keys: the first argument is not used",
    )
    wanted = [tuple(jax.random.key_data(jax.random.fold_in(key, i)).tolist()) for i in range(1, 11)]
    demand(among_ten == wanted, "the key of subject 1 is not jax.random.fold_in(key, 1)")
    return "everyone's key belongs to the number, whoever joins or leaves"
