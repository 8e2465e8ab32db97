"""The study of real people, on made-up ones: its own small computations, and that it refuses other files."""

import arviz_base
import numpy as np
import pandas as pd
import pytest

from studies import reversal


def test_trials_are_counted_from_each_change_of_the_best_arm():
    best = np.array([[2, 2, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]])
    assert reversal.trials_since_reversal(best).tolist() == [[0, 0, 1, 2, 3, 1], [0] * 6]


def test_the_share_of_the_best_arm_is_a_plain_count(monkeypatch):
    monkeypatch.setattr(reversal, "AFTER", 3)
    rng = np.random.default_rng(0)
    best = np.repeat(rng.permuted(np.tile([0, 1, 2], (5, 1)), axis=1), 4, axis=1)
    choices = rng.integers(3, size=(7, 5, 12))  # of seven draws
    expected = [
        [
            np.mean(
                [
                    choices[draw, i, 4 * block + k] == best[i, 4 * block + k]
                    for i in range(5)
                    for block in (1, 2)
                ]
            )
            for k in range(3)
        ]
        for draw in range(7)
    ]
    np.testing.assert_allclose(reversal.share_of_best(choices, best), expected)
    np.testing.assert_allclose(reversal.share_of_best(choices[3], best), expected[3])


def test_people_are_held_against_their_own_published_estimates_in_any_order():
    people, rng = list("abcdef"), np.random.default_rng(1)
    published = pd.DataFrame(
        {name: rng.uniform(size=6) for name in reversal.OUR_NAMES.values()}, index=people
    )
    ours = 0.5 * published + 0.1
    draws = {name: np.broadcast_to(ours[name].to_numpy(), (2, 10, 6)) for name in ours}
    coords = {"subject": people}
    fit = arviz_base.from_dict({"posterior": draws}, coords=coords, dims=dict.fromkeys(draws, ["subject"]))
    table = reversal.against_published(fit, published.loc[["c", "a", "f", "b", "e", "d"]])
    np.testing.assert_allclose(table[["n", "r", "slope"]], [[6, 1.0, 0.5]] * 3)
    np.testing.assert_allclose(table["bias"], (ours - published).mean())
    np.testing.assert_allclose(table["rmse"], ((ours - published) ** 2).mean() ** 0.5)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Three people who chose four times; the authors kept two of them."""
    table = pd.DataFrame({"subject": np.repeat(["a", "b", "c"], 4), "trial": np.tile([1, 2, 3, 4], 3)})
    table = table.assign(choice=np.arange(12) % 3, outcome=1, correct=np.tile([0, 0, 2, 2], 3))
    table.to_csv(tmp_path / "choices.csv", index=False)
    kept = pd.DataFrame({"subject": ["c", "a"], "beta": 2.0, "eta_p": 0.5, "eta_n": 0.4})
    kept.to_csv(tmp_path / "published.csv", index=False)
    for name in ("choices", "published"):
        monkeypatch.setenv(f"REVERSAL_{name.upper()}", str(tmp_path / f"{name}.csv"))
    return [reversal.sha256(tmp_path / f"{name}.csv") for name in ("choices", "published")]


def test_only_people_with_published_estimates_are_read(files):
    data, best, estimates = reversal.read(*files)
    assert data.subjects == ("a", "c") and data.n_actions == 3
    assert best.tolist() == [[0, 0, 2, 2]] * 2
    assert estimates.loc["a"].to_dict() == {"beta": 2.0, "alpha_pos": 0.5, "alpha_neg": 0.4}
    assert reversal.read(files[0], None)[0].subjects == ("a", "b", "c")


def test_a_piece_of_the_random_model_scores_chance(files):
    scores = reversal.piece("random", 0, *files).query("statistic == 'elpd'").set_index("name")["value"]
    np.testing.assert_allclose(scores[["a", "c", "all"]], np.log(1 / 3) * np.array([4, 4, 8]), rtol=1e-5)


def test_other_files_are_refused(files, monkeypatch):
    with pytest.raises(ValueError, match="is another file than that of this study"):
        reversal.read("0" * 64, None)
    monkeypatch.delenv("REVERSAL_CHOICES")
    with pytest.raises(ValueError, match="REVERSAL_CHOICES is not set. Give the files"):
        reversal.read(*files)
