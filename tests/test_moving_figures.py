"""The figures that move, in a real browser, driven by keyboard and held against rwlib.

They are opened from the disk, as a reader opens a book that they built. `python tests/test_moving_figures.py`
draws the pictures anew that stand in for the figures where scripts are off.
"""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from chromium import launch, playwright

import rwlib
from rwlib import ChoiceData, asymmetric_rescorla_wagner_update, log_likelihood, softmax

STATIC = Path(__file__).parent.parent / "_static"
FIGURES = ["learning-rates", "choice-rule", "trial-loop", "shrinkage", "sampler", "ridge"]


def picture(name):
    return STATIC / f"move_{name.replace('-', '_')}.svg"


def page_with_all():
    """Return a page as Sphinx would write it: the six figures, and all scripts of the folder, in an
    inconvenient order."""
    scripts = sorted(STATIC.glob("*.js"), key=lambda path: path.name == "model.js")
    figures = (
        f'<figure class="moving {name} align-default">'
        f'<img src="{picture(name).as_uri()}" alt="still picture of {name}">'
        f"<figcaption>Caption.</figcaption></figure>"
        for name in FIGURES
    )
    return f"""<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
      <title>All</title><meta name="viewport" content="width=device-width">
      <link rel="stylesheet" href="{(STATIC / "course.css").as_uri()}">
      <style>
        html {{ --pst-color-background: #fff; --pst-color-text-base: #222832; font-family: sans-serif; }}
        html[data-theme=dark] {{ --pst-color-background: #14181e; --pst-color-text-base: #ced6dd; }}
        body {{ background: var(--pst-color-background); max-width: 640px; margin: 0 auto; }}
        figure {{ margin: 0; }}
      </style>{"".join(f'<script src="{path.as_uri()}"></script>' for path in scripts)}</head>
      <body><main class="bd-content">{"".join(figures)}</main></body></html>"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("moving") / "all.html"
    path.write_text(page_with_all(), encoding="utf8")
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 800, "height": 900}, reduced_motion="reduce")
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on(
        "request",
        lambda request: request.url.startswith(("file:", "data:")) or page.problems.append(request.url),
    )
    page.goto(address)
    yield page
    assert not page.problems
    page.close()


def drawn(page):
    """Wait until what was asked for has been drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shown(page, name):
    """Return the numbers behind a figure's picture."""
    drawn(page)
    return page.evaluate("(name) => document.querySelector(`figure.${name}`).shown", name)


def press(page, name, control, key, times=1):
    """Press a key on one of the figure's controls, which is found by the start of its label."""
    role = "button" if key == "Enter" else "slider"
    page.locator(f"figure.{name}").get_by_role(role, name=re.compile(f"^{re.escape(control)}")).focus()
    for _ in range(times):
        page.keyboard.press(key)


def call(page, name, *arguments):
    """Call a function of model.js."""
    return page.evaluate(f"(arguments_) => rwlib.{name}(...arguments_)", list(arguments))


def learned(outcomes, alpha_pos, alpha_neg):
    """rwlib's values of one arm, before the first outcome and after each."""
    values = [0.5]
    for outcome in outcomes:
        values.append(
            float(asymmetric_rescorla_wagner_update(values[-1], (outcome, 1), alpha_pos, alpha_neg)[0])
        )
    return values


def data_of(session, n_trials=None):
    return ChoiceData(
        [session["choices"][:n_trials]], [session["rewards"][:n_trials]], n_actions=session["nActions"]
    )


# ---- what all have in common
# ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_takes_its_pictures_place_and_can_be_used_by_keyboard(page, name):
    figure = page.locator(f"figure.{name}")
    assert not figure.locator("> img").is_visible() and figure.locator("svg").is_visible()
    assert figure.locator("svg").get_attribute("aria-label") == f"still picture of {name}"
    assert figure.get_by_role("slider").or_(figure.get_by_role("button")).count()
    for slider in figure.locator("input").all():
        assert (
            slider.get_attribute("aria-valuetext")
            == figure.locator(f"output[for={slider.get_attribute('id')}]").inner_text()
        )
        assert len(figure.locator(f"label[for={slider.get_attribute('id')}]").inner_text()) > 3
        assert slider.bounding_box()["height"] >= 24  # a finger's height
    assert (
        "NaN" not in figure.inner_html()
        and "undefined" not in figure.inner_html()
        and "Infinity" not in figure.inner_html()
    )


@pytest.mark.parametrize("name", FIGURES)
def test_focus_is_seen_and_arrow_keys_turn_no_page(page, name):
    page.evaluate("document.addEventListener('keydown', (event) => (window.reached = event.key))")
    for control in page.locator(f"figure.{name}").locator("input, button:enabled, [tabindex]").all():
        control.focus()
        page.keyboard.press("ArrowLeft")
        assert control.evaluate("(element) => getComputedStyle(element).outlineStyle") == "solid"
    drawn(page)
    assert page.evaluate("window.reached") is None


def test_without_scripts_the_pictures_remain(browser, address):
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    for name in FIGURES:
        image = page.locator(f"figure.{name} > img")
        assert image.is_visible() and image.bounding_box()["height"] > 100
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_letters_that_can_be_read(page, theme):
    page.set_viewport_size({"width": 327, "height": 667})  # what the theme leaves of 375
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 327
    letters = page.evaluate("""() => [...document.querySelectorAll("figure.moving svg text")].map((text) => {
        const box = text.getBoundingClientRect(), style = getComputedStyle(text);
        return [text.textContent, parseFloat(style.fontSize), box.left, box.right, style.fill]; })""")
    paper = "rgb(255, 255, 255)" if theme == "light" else "rgb(20, 24, 30)"
    for text, size, left, right, colour in letters:
        assert size >= 11 and left >= -1 and right <= 328, text
        assert colour == paper or contrast(colour, paper) >= 4.5, (text, colour)


def contrast(*colours):
    """WCAG's ratio of the luminances of two colours."""

    def luminance(colour):
        parts = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
        return np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    dark, light = sorted(map(luminance, colours))
    return (light + 0.05) / (dark + 0.05)


def test_every_figure_has_a_snippet_and_every_snippet_a_picture():
    snippets = (STATIC / "README.md").read_text(encoding="utf8")
    for name in FIGURES:
        assert (
            f":figclass: moving {name}\n" in snippets
            and f"_static/{picture(name).name}" in snippets
            and picture(name).exists()
        )


def test_pages_name_figures_that_there_are():
    root = STATIC.parent
    for path in [
        root / "intro.md",
        *root.glob("chapters/*.md"),
        *root.glob("deeper/*.md"),
        *root.glob("back_matter/*.md"),
    ]:
        for address, name in re.findall(
            r"\{figure\} (\S+)\n(?::(?!figclass).*\n)*:figclass: moving (\S+)",
            path.read_text(encoding="utf8"),
        ):
            assert name in FIGURES and (path.parent / address).resolve() == picture(name).resolve(), path


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_show_the_figures_as_they_are(page, name):
    def lines_of(svg):
        return re.sub(r"data:[^\"]*", "", svg)  # browsers compress a shaded surface differently

    assert lines_of(still(page, name)) == lines_of(picture(name).read_text(encoding="utf8"))


# ---- the numbers are rwlib's
# ----------------------------------------------------------------------------------------


def test_learning_rates(page):
    name = "learning-rates"
    before = shown(page, name)
    press(page, name, "α⁺", "ArrowRight", 7)
    press(page, name, "α⁻", "ArrowLeft", 4)
    now = shown(page, name)
    assert now["alphaPos"] == pytest.approx(0.37) and now["alphaNeg"] == pytest.approx(0.06)
    assert now["outcomes"] == before["outcomes"], "only the parameter moves"
    np.testing.assert_allclose(
        now["values"], learned(now["outcomes"], now["alphaPos"], now["alphaNeg"]), atol=1e-6
    )

    # The picture shows these numbers: heights of the path are on a line with the values.
    points = page.locator(f"figure.{name} polyline.path").get_attribute("points")
    heights = np.array([float(point.split(",")[1]) for point in points.split()])
    slope, start = np.polyfit(now["values"], heights, 1)
    assert slope < -100 and np.abs(start + slope * np.array(now["values"]) - heights).max() < 0.02

    # Where it settles, wins and losses cancel.
    steps = [
        float(asymmetric_rescorla_wagner_update(now["settles"], (r, 1), now["alphaPos"], now["alphaNeg"])[0])
        - now["settles"]
        for r in (1.0, 0.0)
    ]
    assert now["p"] * steps[0] + (1 - now["p"]) * steps[1] == pytest.approx(0, abs=1e-6)

    # A better arm turns losses into wins and never the other way; other outcomes come on request only.
    press(page, name, "p,", "ArrowRight", 30)
    better = shown(page, name)["outcomes"]
    assert all(b >= a for a, b in zip(before["outcomes"], better)) and sum(better) > sum(before["outcomes"])
    press(page, name, "New outcomes", "Enter")
    assert shown(page, name)["outcomes"] != better


def test_the_value_settles_where_the_figure_says(page):
    outcomes = np.random.default_rng(0).random(40_000) < 0.3
    values = call(page, "valuePath", outcomes.astype(float).tolist(), 0.2, 0.05)
    assert np.mean(values[1000:]) == pytest.approx(call(page, "settlesAt", 0.3, 0.2, 0.05), abs=0.01)


def test_choice_rule(page):
    name = "choice-rule"
    press(page, name, "β", "ArrowRight", 25)
    press(page, name, "Q of action 1", "End")
    press(page, name, "Q of action 3", "ArrowLeft", 13)
    now = shown(page, name)
    assert now["beta"] == pytest.approx(5.5) and now["values"] == pytest.approx([0.2, 1.0, 0.8, 0.37])
    np.testing.assert_allclose(
        now["probabilities"], softmax(jnp.array(now["values"]), now["beta"]), atol=1e-6
    )
    heights = [float(bar.get_attribute("height")) for bar in page.locator(f"figure.{name} rect.bar").all()]
    np.testing.assert_allclose(np.array(heights) / sum(heights), now["probabilities"], atol=1e-3)
    press(page, name, "β", "Home")
    assert shown(page, name)["probabilities"] == [0.25] * 4
    assert np.allclose(call(page, "softmax", [1e4, -1e4, 0], 1e3), [1, 0, 0]), "nothing overflows"


def test_trial_loop(page):
    name = "trial-loop"
    now = shown(page, name)
    assert now["rows"] == [] and now["carry"] == [0.5] * 3
    value, records = jnp.full(3, 0.5), []
    for choice, reward in zip(now["choices"], now["rewards"]):
        chosen = jax.nn.one_hot(choice, 3)
        value, (before, error) = asymmetric_rescorla_wagner_update(
            value, (reward, chosen), now["alphaPos"], now["alphaNeg"]
        )
        records.append([float(before[choice]), float(error[choice])])
    for t, record in enumerate(records):
        press(page, name, "Next", "Enter", 2 if t == 0 else 3)
        now = shown(page, name)
        last = page.locator("figure.trial-loop tbody tr").nth(t).locator("td").all_inner_texts()
        assert (now["trial"], now["phase"], len(now["rows"])) == (t, 2, t + 1)
        assert [float(text.replace("−", "-")) for text in last[3:]] == pytest.approx(record, abs=0.0051)
    np.testing.assert_allclose(
        [[row["value"], row["prediction_error"]] for row in now["rows"]], records, atol=1e-6
    )
    np.testing.assert_allclose(now["carry"], value, atol=1e-6)
    assert not page.locator(f"figure.{name}").get_by_role("button", name="Next").is_enabled()
    press(page, name, "Back", "Enter")
    assert len(shown(page, name)["rows"]) == 5
    press(page, name, "Restart", "Enter")
    assert shown(page, name)["rows"] == []


def test_shrinkage(page):
    name = "shrinkage"
    press(page, name, "σ", "ArrowRight", 3)
    now = shown(page, name)
    own, se, sigma = np.array(now["own"]), np.array(now["se"]), now["sigma"]
    assert sigma == pytest.approx(0.85) and len(own) == 40
    weight = 1 / (sigma**2 + se**2)
    mean = np.average(own, weights=weight)
    np.testing.assert_allclose(now["groupMean"], mean, atol=1e-9)
    np.testing.assert_allclose(
        now["together"], (own / se**2 + mean / sigma**2) / (1 / se**2 + 1 / sigma**2), atol=1e-9
    )
    press(page, name, "σ", "Home")
    none = shown(page, name)
    np.testing.assert_allclose(none["together"], none["groupMean"])
    press(page, name, "σ", "End")
    every = shown(page, name)
    assert now["error"] < min(none["error"], every["error"]), (
        "between the two extremes it is better than at either"
    )


def test_ridge(page):
    name = "ridge"
    grids = {}
    for key, times in (("Home", 1), ("ArrowRight", 59), ("End", 1)):
        press(page, name, "trials seen", key, times)
        now = shown(page, name)
        grids[now["nTrials"]] = np.array(
            [now["surface"][str(i)] for i in range(2500)]
            if isinstance(now["surface"], dict)
            else now["surface"]
        )
    assert list(grids) == [1, 60, 200]
    beta, alpha = (grid.ravel() for grid in np.meshgrid(now["betas"], now["alphas"], indexing="ij"))
    with jax.enable_x64(True):
        for n_trials, grid in grids.items():
            one = data_of(now["session"], n_trials)
            many = ChoiceData(np.tile(one.choices, (2500, 1)), np.tile(one.rewards, (2500, 1)), n_actions=5)
            expected = np.asarray(log_likelihood(many, {"alpha": alpha, "beta": beta}))
            np.testing.assert_allclose(grid, expected, rtol=0, atol=1e-6)
            if n_trials == 200:
                assert now["best"] == [alpha[expected.argmax()], beta[expected.argmax()]]
    sharp = [(grid > grid.max() - np.log(20)).mean() for grid in grids.values()]
    assert sharp[0] > 0.9 > 0.2 > sharp[1] > sharp[2]
    press(page, name, "Another person", "Enter")
    assert shown(page, name)["session"]["choices"] != now["session"]["choices"]


def test_log_likelihood_of_random_sessions(page):
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        for seed in range(5):
            alpha_pos, alpha_neg, beta = (
                rng.uniform(0.02, 0.98),
                rng.uniform(0.02, 0.98),
                rng.uniform(0.2, 15),
            )
            params = {"alphaPos": alpha_pos, "alphaNeg": alpha_neg, "beta": beta}
            session = call(page, "simulate", seed, [0.2, 0.4, 0.8, 0.1, 0.5], 120, params)
            expected = rwlib.trialwise_log_likelihood(
                data_of(session), {"alpha_pos": alpha_pos, "alpha_neg": alpha_neg, "beta": beta}
            )
            np.testing.assert_allclose(
                call(page, "trialwiseLogLikelihood", session, params), expected[0], rtol=0, atol=1e-6
            )
            assert call(page, "logLikelihood", session, params) == pytest.approx(
                float(expected.sum()), abs=1e-6
            )


def test_sessions_are_simulated_from_the_model(page):
    session = call(page, "simulate", 5, [0.9, 0.1], 4000, {"alphaPos": 1e-9, "alphaNeg": 1e-9, "beta": 3})
    choices, rewards = np.array(session["choices"]), np.array(session["rewards"])
    assert choices.mean() == pytest.approx(0.5, abs=0.03)  # who does not learn does not prefer
    assert rewards[choices == 0].mean() == pytest.approx(0.9, abs=0.03) and rewards[
        choices == 1
    ].mean() == pytest.approx(0.1, abs=0.03)


def log_posterior_of(session):
    """The posterior that the chapter on NUTS samples: one learning rate, and β."""
    one = data_of(session)

    def log_posterior(q):
        params = {"alpha": jax.nn.sigmoid(q[0])[None], "beta": jnp.exp(q[1])[None]}
        return log_likelihood(one, params)[0] - q[0] ** 2 / 2 - (q[1] - 1) ** 2 / 2

    return log_posterior


def test_sampler(page):
    name = "sampler"
    press(page, name, "step size", "ArrowRight", 3)
    press(page, name, "leapfrog steps", "ArrowLeft", 2)
    press(page, name, "kick", "ArrowUp", 4)
    now = shown(page, name)
    assert (
        now["stepSize"] == pytest.approx(0.15)
        and len(now["path"]) == 15
        and now["p"] == pytest.approx([1.2, -0.2])
    )
    with jax.enable_x64(True):
        density = jax.jit(jax.value_and_grad(log_posterior_of(now["session"])))
        q, p = np.array(now["q"]), np.array(now["p"])
        height, slope = density(q)
        for step, stop in enumerate(now["path"]):
            if step:
                p = p + now["stepSize"] / 2 * slope
                q = q + now["stepSize"] * p
                height, slope = density(q)
                p = p + now["stepSize"] / 2 * slope
            np.testing.assert_allclose(
                [*stop["q"], *stop["p"], stop["energy"]], [*q, *p, -height + p @ p / 2], rtol=0, atol=1e-6
            )
    gain = now["path"][-1]["energy"] - now["path"][0]["energy"]
    assert now["probability"] == pytest.approx(min(1, np.exp(-gain))) and now["errors"][-1] == pytest.approx(
        gain
    )
    away = [np.dot(np.subtract(stop["q"], now["q"]), stop["p"]) for stop in now["path"]]
    assert now["turn"] == next(step for step, a in enumerate(away) if a < 0)

    # A step that is too long is called so, and its end never accepted.
    press(page, name, "step size", "End")
    press(page, name, "kick", "ArrowUp", 30)
    wild = shown(page, name)
    assert (
        wild["diverged"]
        and wild["probability"] == 0
        and "diverges" in page.locator(f"figure.{name} p").inner_text()
    )
    press(page, name, "Next draw", "Enter")
    assert shown(page, name)["draws"] == [wild["q"]]


def test_the_samplers_draws_are_from_the_posterior(page):
    name = "sampler"
    press(page, name, "50 draws", "Enter", 20)
    now = shown(page, name)
    draws = np.array(now["draws"])
    assert len(draws) == 1000 and 0.8 < now["nAccepted"] / 1000 < 1
    x, y = np.meshgrid(np.linspace(-6, 4, 81), np.linspace(-2, 5, 81))
    log_posterior = jax.vmap(log_posterior_of(now["session"]))
    weight = np.asarray(jax.nn.softmax(log_posterior(jnp.stack([x.ravel(), y.ravel()], axis=-1))))
    for draw, axis in zip(draws.T, (x.ravel(), y.ravel())):
        mean = weight @ axis
        sd = np.sqrt(weight @ (axis - mean) ** 2)
        assert abs(draw[50:].mean() - mean) < 0.2 * sd and draw[50:].std() == pytest.approx(sd, rel=0.2)


def test_the_kick_can_be_dragged(page):
    page.locator("figure.sampler").scroll_into_view_if_needed()
    before = shown(page, "sampler")
    box = page.locator("figure.sampler .moving-handle").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 30, steps=5)
    page.mouse.up()
    now = shown(page, "sampler")
    assert now["p"][0] > before["p"][0] and now["p"][1] > before["p"][1]
    moved = page.locator("figure.sampler .moving-handle").bounding_box()
    assert (moved["x"] - box["x"], moved["y"] - box["y"]) == pytest.approx((60, -30), abs=2), (
        "the tip stays under the pointer"
    )


# ---- the pictures for where scripts are off
# -------------------------------------------------------------------------


def still(page, name):
    """Return a figure's first look as an SVG file of its own, in the colours of the light theme."""
    page.set_viewport_size({"width": 640, "height": 900})
    if name == "trial-loop":  # the first moment at which all is there
        press(page, name, "Next", "Enter", 2)
    drawn(page)
    svg, colours = page.evaluate(
        """(name) => {
        const stage = document.querySelector(`figure.${name} .moving-stage`), style = getComputedStyle(stage);
        const svg = stage.querySelector("svg").cloneNode(true);
        for (const attribute of ["role", "aria-label"]) svg.removeAttribute(attribute);
        const text = new XMLSerializer().serializeToString(svg);
        const names = [...new Set([...text.matchAll(/--m-[a-z-]+/g)].map(([name]) => name)), "--m-paper"];
        const value = (name) => `${name}:${style.getPropertyValue(name).trim()}`;
        return [text, names.sort().map(value).join(";")]; }""",
        name,
    )
    style = (
        f"<style>svg{{{colours};background:#fff;font:14px sans-serif}}"
        ".halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}</style>"
    )
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + style, svg, count=1) + "\n"


if __name__ == "__main__":
    with playwright.sync_playwright() as play:
        at = STATIC.parent / "_build" / "moving.html"
        at.parent.mkdir(exist_ok=True)
        at.write_text(page_with_all(), encoding="utf8")
        for figure in FIGURES:
            fresh = launch(play).new_page(reduced_motion="reduce")
            fresh.goto(at.as_uri())
            picture(figure).write_text(still(fresh, figure), encoding="utf8")
        at.unlink()
