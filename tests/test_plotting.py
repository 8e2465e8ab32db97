import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rwlib import plot_recovery
from rwlib.plotting import plot_recovery_correlations

RNG = np.random.default_rng(0)
TRUE = RNG.uniform(size=(25, 3))
DRAWS = TRUE + 0.1 * RNG.normal(size=(200, 25, 3)) + 0.05
NAMES = ["alpha_pos", "alpha_neg", "temperature"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def points(ax):
    return ax.collections[-1].get_offsets().data


def test_draws_are_plotted_by_their_mean_against_the_truth():
    axes = plot_recovery(TRUE, DRAWS, NAMES)
    for i, ax in enumerate(axes):
        np.testing.assert_allclose(points(ax), np.stack([TRUE[:, i], DRAWS[:, :, i].mean(0)], 1))
        assert ax.get_title().startswith(NAMES[i])


def test_the_identity_line_is_drawn():
    for ax in plot_recovery(TRUE, DRAWS, NAMES):
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), ax.lines[0].get_ydata())


def test_the_title_gives_r_and_the_bias():
    title = plot_recovery(TRUE, DRAWS, NAMES)[0].get_title()
    mean = DRAWS[:, :, 0].mean(0)
    assert f"r = {np.corrcoef(TRUE[:, 0], mean)[0, 1]:.2f}" in title
    assert f"bias = {(mean - TRUE[:, 0]).mean():+.2f}" in title


def test_every_argument_of_the_original_call_is_taken(tmp_path):
    plot_recovery(
        TRUE,
        DRAWS.mean(0),
        param_names=NAMES,
        show_correlation=False,
        scale=1.2,
        save_path=str(tmp_path),
        save_fname="figure.svg",
        colour_by="alpha_neg",
        scatter_kwargs={"s": 5, "c": "red"},
    )
    assert (tmp_path / "figure.svg").stat().st_size > 1000


def test_one_parameter_and_no_names_are_enough():
    assert len(plot_recovery(TRUE[:, :1], DRAWS[:, :, :1])) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TRUE, DRAWS[:, :10]), r"estimated has shape \(200, 10, 3\)"),
        ((TRUE[:, 0], TRUE[:, 0]), r"true has shape \(25,\)"),
        ((TRUE, DRAWS, ["a"]), "1 param_names for 3"),
        ((TRUE, DRAWS, NAMES, True, 1.0, None, None, "beta"), "colour_by is 'beta'"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_recovery(*arguments)


def test_it_plots_the_same_points_as_the_original():
    original = pytest.importorskip(
        "model_fit_tools.plotting", reason="model-fit-tools is not installed (the README says how)"
    )
    original.plot_recovery(TRUE, DRAWS, NAMES)
    theirs = plt.gcf().axes
    for ax, other in zip(plot_recovery(TRUE, DRAWS, NAMES), theirs):
        np.testing.assert_allclose(points(ax), points(other))


def test_the_matrix_shows_every_correlation():
    table = pd.DataFrame(np.array([[0.9, -0.1], [0.2, 0.8]]), NAMES[:2], NAMES[:2])
    ax = plot_recovery_correlations(table)
    assert sorted(text.get_text() for text in ax.texts) == sorted(["0.90", "-0.10", "0.20", "0.80"])
