"""The page Play, in a real browser: played by touch and by keyboard, and held against rwlib.

`python tests/test_play.py` writes anew what the page embeds: the course's forty simulated people, and the
picture that stands in for the game where scripts are off.
"""

import functools
import http.server
import json
import re
import shutil
import threading
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy import integrate, stats
from chromium import launch, playwright

import rwlib

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "play.md"
SITE = ROOT / "_build" / "html"
ARMS = len(rwlib.FIVE_ARMS)
TAPS = np.random.default_rng(4).integers(0, ARMS, size=100)  # places on the screen


def html_of_page():
    """Return play.md as Sphinx would write it: its raw parts, its picture, and all scripts of the folder in
    alphabetical order."""
    before, after = re.findall(r"```\{raw\} html\n(.*?)```", PAGE.read_text(encoding="utf8"), flags=re.S)
    paths = sorted((ROOT / "_static").glob("*.js"))
    scripts = "".join(f'<script src="_static/{path.name}"></script>' for path in paths)
    return f"""<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">
      <title>Play</title><meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,">
      <link rel="stylesheet" href="_static/course.css"><link rel="stylesheet" href="_static/play.css">
      {scripts}
      <style>body {{ font: 16px/1.65 sans-serif; margin: 0 16px; }}</style></head>
      <body><main class="bd-content bd-article">
      <h1>Play</h1>{before}<img src="_static/play_still.svg" alt="a still picture of it">{after}
      </main></body></html>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def serve(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("play")
    shutil.copytree(ROOT / "_static", folder / "_static")
    (folder / "play.html").write_text(html_of_page(), encoding="utf8")
    return folder


@pytest.fixture(scope="module")
def address(folder):
    server = serve(folder)
    yield f"http://127.0.0.1:{server.server_port}/play.html"
    server.shutdown()


@pytest.fixture
def open_page(browser):
    """Open pages whose errors, and whose requests to anywhere but their own place, fail the test."""
    problems, contexts = [], []

    def open_page(address, listen=True, **settings):
        context = browser.new_context(**settings)
        context.set_default_timeout(120_000)  # of machines that are busy with other things
        contexts.append(context)
        page = context.new_page()
        home = address.rsplit("/", 1)[0]
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console", lambda message: listen and message.type == "error" and problems.append(message.text)
        )
        context.on(
            "request",
            lambda request: request.url.startswith((home, "data:", "blob:")) or problems.append(request.url),
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


@pytest.fixture(scope="module")
def tools(browser, address):
    """A page whose functions are called, and which nobody plays."""
    page = browser.new_page()
    page.goto(address)
    yield page
    page.close()


def state(page):
    return page.locator("#play-here").get_attribute("data-state")


def wait_for(page, wanted):
    page.locator(f"#play-here[data-state={wanted}]").wait_for()


def played(page):
    return int(page.locator("#play-here").get_attribute("data-played"))


def table_of(code):
    """The outcome table of a class code, from the description in play_task.js."""
    state = 0x811C9DC5
    for byte in code.encode():
        state = (state ^ byte) * 0x01000193 % 2**32

    def uniform():
        nonlocal state
        state = (state + 0x6D2B79F5) % 2**32
        mixed = (state ^ state >> 15) * (state | 1) % 2**32
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) % 2**32
        return (mixed ^ mixed >> 14) / 2**32

    order = list(range(ARMS))
    for i in range(ARMS - 1, 0, -1):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    outcomes = [[int(uniform() < p) for p in rwlib.FIVE_ARMS] for _ in range(100)]
    return np.array(order), np.array(outcomes)


def downloaded(page, folder, how):
    with page.expect_download() as download:
        how()
    path = Path(folder) / download.value.suggested_filename
    download.value.save_as(path)
    return path


def assert_holds(path, code, places):
    """The file says which arms were chosen at these places, and what they paid."""
    order, outcomes = table_of(code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = rwlib.read_choices(path, n_actions=5, people=["class_code"])
    np.testing.assert_array_equal(data.choices, [order[places]])
    np.testing.assert_array_equal(data.rewards[0], outcomes[np.arange(100), order[places]])
    assert data.n_actions == 5 and data.mask.all() and data.people[0] == ("class_code", (code,))
    return data


# ---- played to the end
# ----------------------------------------------------------------------------------------------


def test_a_hundred_trials_by_touch_on_a_phone(open_page, address, tmp_path):
    page = open_page(
        address + "?code=spring", viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True
    )
    page.clock.install()
    page.get_by_label("Nickname").fill("Ada, L.")
    page.get_by_role("button", name="Start").tap()
    arms = page.locator(".play-arm")
    boxes = [arm.bounding_box() for arm in arms.all()]
    assert len(boxes) == 5
    assert all(
        box["width"] >= 44 and box["height"] >= 44 and box["x"] >= 0 and box["x"] + box["width"] <= 375
        for box in boxes
    )
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= 667 for box in boxes)  # without scrolling

    def tap(place):
        box = boxes[place]
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    for trial, place in enumerate(TAPS):
        tap(place)
        if trial == 3:
            tap(0)  # too soon after the last: one tap is never two choices
            assert played(page) == 4
        if trial in (0, 1, 60):
            assert played(page) == trial + 1
            assert [arm.bounding_box() for arm in arms.all()] == boxes  # nothing jumps
        page.clock.fast_forward(1000 if trial == 99 else 300)
    wait_for(page, "done")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    path = downloaded(page, tmp_path, page.get_by_text("Download your choices").tap)
    data = assert_holds(path, "spring", TAPS)
    assert re.fullmatch(r"ada-l-[a-z2-9]{4}", data.subjects[0]) and path.stem == data.subjects[0]


def test_a_hundred_trials_by_keyboard_alone(open_page, address, tmp_path):
    page = open_page(address, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page.clock.install()
    page.evaluate(
        "reached = []; addEventListener('keydown', (event) => reached.push(event.key))"
    )  # where a theme would listen
    press = page.keyboard.press
    press("Tab")
    page.keyboard.type(" Spring ")
    press("Tab")
    page.keyboard.type("NA")  # which pandas alone would take for nothing
    press("Enter")
    page.evaluate("reached = []")
    at = 2
    for trial, place in enumerate(TAPS):
        if trial % 3 == 0:
            press(str(place + 1))
        elif trial % 3 == 1:
            press(f"Numpad{place + 1}")
        else:
            for _ in range(abs(place - at)):
                press("ArrowRight" if place > at else "ArrowLeft")
            press("Enter" if trial % 2 else "Space")
        at = place
        page.clock.fast_forward(1000 if trial == 99 else 300)
        if trial == 40:
            press("p")
            assert state(page) == "paused"
            press("1")
            press("Enter")  # on the button that goes on
            assert state(page) == "ready" and played(page) == 41
    wait_for(page, "done")
    assert not set(page.evaluate("reached")) & {"ArrowLeft", "ArrowRight"}  # with which the theme turns pages
    assert page.evaluate("document.activeElement.tagName") == "H2"
    press("Tab")
    data = assert_holds(downloaded(page, tmp_path, lambda: press("Enter")), "spring", TAPS)
    assert data.subjects[0].startswith("na-")


def test_a_folder_of_files_is_a_data_set(tools, tmp_path):
    rng, sessions = np.random.default_rng(8), []
    for nickname in ("ada", "ada", "NA", "1", "żółw"):
        subject = tools.evaluate("(nickname) => playTask.subjectLabel(nickname)", nickname)
        choices, rewards = rng.integers(0, 5, 100), rng.integers(0, 2, 100)
        text = tools.evaluate(
            "(args) => playTask.toCsv(...args)", [subject, "spring", choices.tolist(), rewards.tolist()]
        )
        (tmp_path / f"{subject}.csv").write_text(text, encoding="utf8")
        sessions.append((subject, choices, rewards))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = rwlib.read_choices(f"{tmp_path}/*.csv", n_actions=5)
        assert (
            rwlib.read_choices(f"{tmp_path}/*.csv").n_actions == 5
        )  # as it is, if the class chose the first and the last arm
    sessions.sort(key=lambda session: f"{session[0]}.csv")
    assert list(data.subjects) == [subject for subject, _, _ in sessions] and len(set(data.subjects)) == 5
    np.testing.assert_array_equal(data.choices, [choices for _, choices, _ in sessions])
    np.testing.assert_array_equal(data.rewards, [rewards for _, _, rewards in sessions])


def test_a_reload_goes_on_where_it_was(open_page, address):
    page = open_page(address + "?code=spring")
    page.get_by_role("button", name="Start").click()
    for place in (0, 1):
        page.locator(".play-arm").nth(place).click()
        page.wait_for_timeout(300)
    points = page.locator("[data-points]").inner_text()
    page.reload()
    assert state(page) == "paused" and "after 2 of 100" in page.locator(".play-pause").inner_text()
    assert page.locator("[data-points]").inner_text() == points
    page.get_by_role("button", name="Go on").click()
    page.locator(".play-arm").nth(2).click()
    assert played(page) == 3
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Start over").click()
    assert state(page) == "start" and page.get_by_label("Class code").input_value() == "spring"
    page.reload()
    assert state(page) == "start"


def test_feedback_is_seen_without_colour_and_heard(open_page, address):
    page = open_page(address + "?code=spring")
    page.get_by_role("button", name="Start").click()
    order, outcomes = table_of("spring")
    assert page.locator(".play-heard").get_attribute("aria-live") == "polite"
    for trial, (place, name) in enumerate([(1, "triangle"), (3, "diamond"), (4, "star")]):
        page.locator(".play-arm").nth(place).click()
        paid = outcomes[trial, order[place]]
        said = f"The {name} paid 1 point." if paid else f"The {name} paid nothing."
        assert page.locator("[data-feedback]").inner_text() == said
        assert page.locator(".play-heard").text_content().startswith(said)
        assert page.locator(".play-outcome").all_inner_texts() == [
            "" if i != place else "+1" if paid else "0" for i in range(5)
        ]
        page.wait_for_timeout(300)


def test_without_scripts_there_is_a_picture_and_a_reason(open_page, address):
    page = open_page(address, java_script_enabled=False)
    assert page.get_by_text("needs scripts").is_visible() and page.locator(".play-still img").is_visible()


def finished(page, choices, code="spring"):
    """Open the end of a game in which these arms were chosen."""
    kept = json.dumps(
        {"code": code, "nickname": "", "subject": "ada-x7k2", "choices": np.asarray(choices).tolist()}
    )
    page.evaluate("(kept) => sessionStorage.setItem('rwlib-play', kept)", kept)
    page.reload()
    wait_for(page, "done")
    return page


def test_the_end_is_drawn_also_from_the_disk_where_browsers_allow_no_worker(open_page, address, folder):
    choices = table_of("spring")[0][TAPS]
    served, disk = (finished(open_page(a), choices) for a in (address, (folder / "play.html").as_uri()))
    rows = [page.locator(".play-table tbody").inner_text() for page in (served, disk)]
    assert rows[0] == rows[1] and "nan" not in rows[0].lower()
    for page in (served, disk):
        charts = page.locator("[data-chart] > svg[role=img]")
        assert charts.count() == 5 and all(
            len(chart.get_attribute("aria-label")) > 20 for chart in charts.all()
        )
        assert "NaN" not in page.locator(".play-results").inner_html()
    assert (
        float(re.search(r"in ([\d.]+) s", served.locator(".play-results").inner_text())[1]) < 5
    )  # 0.2 s on a quiet machine


@pytest.mark.skipif(
    not (SITE / "play.html").exists(), reason="no site with this page is built: run `make book` first"
)
def test_on_the_built_site_arrows_choose_and_do_not_turn_the_page(open_page):
    server = serve(SITE)
    page = open_page(
        f"http://127.0.0.1:{server.server_port}/play.html?code=spring", listen=False
    )  # what the theme says there is not this page's
    page.get_by_role("button", name="Start").click()
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert played(page) == 1 and "play.html" in page.url
    assert page.locator(".play-arm.paid, .play-arm.unpaid").get_attribute("data-place") == "3"
    server.shutdown()


# ---- the table
# ------------------------------------------------------------------------------------------------------


def test_a_code_is_a_table(tools):
    draw = functools.partial(tools.evaluate, "(code) => playTask.drawTask(code)")
    assert draw("spring") == draw("spring") != draw("sprinh")
    for code in ("spring", "größe-7", "x"):
        order, outcomes = table_of(code)
        np.testing.assert_array_equal(draw(code)["order"], order)
        np.testing.assert_array_equal(draw(code)["outcomes"], outcomes)
    assert tools.evaluate(
        "['Spring 26', ' spring--26!', 'SPRING_26'].map((text) => playTask.plain(text))"
    ) == 3 * ["spring-26"]
    assert tools.evaluate("playTask.plain(' ,;\"= ')") == ""


def test_arms_pay_as_in_the_course_and_stand_anywhere(tools):
    assert tools.evaluate("rwlib.FIVE_ARMS") == list(rwlib.FIVE_ARMS)
    orders, outcomes = zip(*(table_of(f"class-{i}") for i in range(400)))
    p, paid = np.array(rwlib.FIVE_ARMS), np.mean(outcomes, axis=(0, 1))
    assert (abs(paid - p) < 4 * np.sqrt(p * (1 - p) / 40_000)).all()
    stands = np.bincount([list(order).index(2) for order in orders], minlength=5)
    assert stats.chisquare(stands).pvalue > 0.001


# ---- the posterior, held against rwlib
# ------------------------------------------------------------------------------


def session(seed, **params):
    """One simulated person's choices in the class `spring`."""
    outcomes = jax.numpy.asarray(table_of("spring")[1], float)
    return rwlib.simulate(
        jax.random.key(seed), outcomes, {name: np.array([value]) for name, value in params.items()}
    ).data


SESSIONS = {
    "quick and decided": session(1, alpha_pos=0.6, alpha_neg=0.3, beta=8.0),
    "slow": session(2, alpha_pos=0.05, alpha_neg=0.05, beta=4.0),
    "random": session(3, alpha_pos=0.5, alpha_neg=0.5, beta=0.01),
    "always the same": rwlib.ChoiceData(
        np.full((1, 100), 2), [table_of("spring")[1][:, 2].astype(float)], n_actions=5
    ),
    "never paid": rwlib.ChoiceData([np.arange(100) % 5], np.zeros((1, 100)), n_actions=5),
    "always paid": rwlib.ChoiceData([np.arange(100) % 5], np.ones((1, 100)), n_actions=5),
}


def in_browser(tools, data, function="posterior(choices, rewards)"):
    played = {
        "choices": np.asarray(data.choices[0]).tolist(),
        "rewards": np.asarray(data.rewards[0]).tolist(),
    }
    return tools.evaluate(f"({{choices, rewards}}) => playGrid.{function}", played)


def grid_of(tools):
    grid = tools.evaluate("playGrid.makeGrid(playGrid.GRID)")
    return np.array(grid["alpha"]), np.array(grid["beta"])


@pytest.mark.parametrize("name", SESSIONS)
def test_log_likelihoods_are_those_of_rwlib(tools, name):
    data, (alpha, beta) = SESSIONS[name], grid_of(tools)
    found = np.array(
        in_browser(tools, data, "gridLogLikelihood(choices, rewards, playGrid.makeGrid(playGrid.GRID), 5)")
    ).reshape(50, 50, 50)
    rng = np.random.default_rng(6)
    at = rng.integers(0, 50, size=(3, 200))
    at[:, :4] = [[0, 49, 0, 49], [0, 49, 49, 0], [49, 49, 0, 0]]
    with jax.enable_x64(True):
        many = rwlib.ChoiceData(
            np.repeat(data.choices, 200, axis=0),
            np.repeat(np.asarray(data.rewards, float), 200, axis=0),
            n_actions=5,
        )
        params = {"alpha_pos": alpha[at[0]], "alpha_neg": alpha[at[1]], "beta": beta[at[2]]}
        np.testing.assert_allclose(found[tuple(at)], rwlib.log_likelihood(many, params), rtol=0, atol=1e-6)
    one = {"alphaPos": params["alpha_pos"][9], "alphaNeg": params["alpha_neg"][9], "beta": params["beta"][9]}
    played = {
        "choices": np.asarray(data.choices[0]).tolist(),
        "rewards": np.asarray(data.rewards[0]).tolist(),
        "nActions": 5,
    }
    assert (
        abs(tools.evaluate("(args) => rwlib.logLikelihood(...args)", [played, one]) - found[tuple(at[:, 9])])
        < 1e-9
    )


def person_prior(parameter, x):
    """Density of one new person's value before the transform, the group's mean and SD integrated out."""

    def given(sd):
        return stats.halfnorm.pdf(sd, scale=parameter.sd_scale) * stats.norm.pdf(
            x, parameter.mean_location, np.hypot(parameter.mean_scale, sd)
        )

    return integrate.quad_vec(given, 0, 10 * parameter.sd_scale)[0]


def numpy_posterior(data, alpha, beta):
    """The same grid in NumPy: weights [α⁺, α⁻, β]."""
    pos, neg = alpha[:, None], alpha[None, :]
    values, total = np.full((5, 50, 50), 0.5), np.zeros((50, 50, 50))
    for choice, reward in zip(np.asarray(data.choices[0]), np.asarray(data.rewards[0], float)):
        logits = beta * values[..., None]
        total += logits[choice] - np.log(np.exp(logits - logits.max(axis=0)).sum(axis=0)) - logits.max(axis=0)
        error = reward - values[choice]
        values[choice] = values[choice] + np.where(error > 0, pos, neg) * error
    rate, _, inverse_temperature = rwlib.ASYMMETRIC.parameters
    prior_alpha = person_prior(rate, np.log(alpha / (1 - alpha))) / (alpha * (1 - alpha))
    weights = (
        np.exp(total - total.max())
        * prior_alpha[:, None, None]
        * prior_alpha[:, None]
        * person_prior(inverse_temperature, np.log(beta))
    )
    return weights / weights.sum()


@pytest.mark.parametrize("name", SESSIONS)
def test_posteriors_are_those_of_the_same_grid_in_numpy(tools, name):
    data, (alpha, beta) = SESSIONS[name], grid_of(tools)
    found, weights = in_browser(tools, data), numpy_posterior(data, alpha, beta)
    np.testing.assert_allclose(found["joint"], weights.sum(axis=2), atol=1e-5)
    np.testing.assert_allclose(
        found["positiveLarger"],
        np.tril(weights.sum(axis=2), -1).sum() + np.trace(weights.sum(axis=2)) / 2,
        atol=1e-4,
    )
    logs = np.linspace(np.log(0.05), np.log(100), 51)
    for key, points, axes, edges, back in (
        ("alphaPos", alpha, (1, 2), np.linspace(0, 1, 51), lambda x: x),
        ("alphaNeg", alpha, (0, 2), np.linspace(0, 1, 51), lambda x: x),
        ("betaPosterior", beta, (0, 1), logs, np.exp),
    ):
        of_one = weights.sum(axis=axes)
        assert abs(found[key]["mean"] - of_one @ points) < 1e-3
        ends = back(np.interp([0.05, 0.95], np.concatenate([[0], of_one.cumsum()]), edges))
        np.testing.assert_allclose(found[key]["interval"], ends, rtol=1e-3, atol=1e-3)


def test_the_prior_is_that_of_one_new_person_in_rwlib(tools):
    draws = rwlib.sample_prior(jax.random.key(9), n_subjects=1, num_draws=40_000).prior
    alpha, _ = grid_of(tools)
    grid = tools.evaluate("playGrid.makeGrid(playGrid.GRID)")
    for weights, edges, values in (
        (grid["priorAlpha"], np.linspace(0, 1, 51), draws["alpha_pos"].values.ravel()),
        (grid["priorAlpha"], np.linspace(0, 1, 51), draws["alpha_neg"].values.ravel()),
        (grid["priorBeta"], np.linspace(np.log(0.05), np.log(100), 51), np.log(draws["beta"].values.ravel())),
    ):
        shares = np.searchsorted(np.sort(values), edges) / len(values)
        np.testing.assert_allclose(np.cumsum(weights), shares[1:], atol=0.01)


def test_the_grid_is_fine_enough(tools):
    """A grid with eight times as many points moves no mean by more than a fiftieth of the posterior's
    interval."""
    fine = "posterior(choices, rewards, 5, {...playGrid.GRID, nAlpha: 100, nBeta: 100})"
    data = SESSIONS["quick and decided"]
    coarse, fine = in_browser(tools, data), in_browser(tools, data, fine)
    for key in ("alphaPos", "alphaNeg", "betaPosterior"):
        low, high = fine[key]["interval"]
        assert abs(coarse[key]["mean"] - fine[key]["mean"]) < (high - low) / 50


def test_value_curves_are_expected_values(tools):
    data = SESSIONS["quick and decided"]
    found, (alpha, _) = in_browser(tools, data), grid_of(tools)
    joint = np.array(found["joint"])
    expected, values = [], np.full((5, 50, 50), 0.5)
    for choice, reward in zip(np.asarray(data.choices[0]), np.asarray(data.rewards[0], float)):
        expected.append((values * joint).sum(axis=(1, 2)))
        error = reward - values[choice]
        values[choice] += np.where(error > 0, alpha[:, None], alpha[None, :]) * error
    np.testing.assert_allclose(found["values"][:-1], expected, atol=1e-6)


# ---- words and people
# -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "probability, words",
    [
        (0.5, "do not settle"),
        (0.79, "do not settle"),
        (0.9, "Good surprises moved you more than bad ones: that is likely"),
        (0.02, "Bad surprises moved you more than good ones: that is nearly certain"),
        (0.999, "more than 99%"),
    ],
)
def test_words_are_as_strong_as_the_posterior(tools, probability, words):
    assert words in tools.evaluate("(p) => playResults.comparison(p)", probability)


def test_a_rate_that_the_choices_hardly_touch_is_named(tools):
    found = in_browser(tools, SESSIONS["always paid"])
    said = tools.evaluate("([found, misses]) => playResults.narrowing(found, misses)", [found, 0])
    assert "little about" in said and "α⁻" in said and "few bad ones" in said


def forty_people():
    """The simulated people of the course, as chapters 5, 8 and 10 make them."""
    rng = np.random.default_rng(52)
    true = {name: rng.beta(5, 5, size=40) for name in ("alpha_pos", "alpha_neg", "temperature")}
    return {"alpha_pos": true["alpha_pos"], "alpha_neg": true["alpha_neg"], "beta": 1 / true["temperature"]}


def test_the_simulated_people_are_those_of_the_course():
    assert "rng = np.random.default_rng(52)" in (ROOT / "chapters/05_simulation.md").read_text(
        encoding="utf8"
    )
    embedded = json.loads(
        re.search(r'id="play-people">(.*?)</script>', PAGE.read_text(encoding="utf8"), flags=re.S)[1]
    )
    assert embedded.keys() == forty_people().keys()
    for name, values in forty_people().items():
        np.testing.assert_allclose(embedded[name], values, atol=1e-3)


def test_the_page_is_short():
    prose = re.sub(r"```.*?```", "", PAGE.read_text(encoding="utf8"), flags=re.S)
    assert len(prose.split()) <= 250


def write_what_the_page_embeds():
    rows = ",\n".join(
        f'"{name}": {json.dumps(values.round(3).tolist())}' for name, values in forty_people().items()
    )
    text = PAGE.read_text(encoding="utf8")
    PAGE.write_text(
        re.sub(r'(id="play-people">\n).*?(\n</script>)', rf"\g<1>{{{rows}}}\g<2>", text, flags=re.S),
        encoding="utf8",
    )
    style = (ROOT / "_static/play.css").read_text(encoding="utf8")
    kept = re.search(r"^\.play \{.*?\}\n", style, flags=re.S | re.M)[0] + "\n".join(
        re.findall(r"^\.play svg .*", style, flags=re.M)
    )
    folder = ROOT / "_build" / "play"
    shutil.copytree(ROOT / "_static", folder / "_static", dirs_exist_ok=True)
    (folder / "play.html").write_text(html_of_page(), encoding="utf8")
    with playwright.sync_playwright() as play:
        page = launch(play).new_page()
        page.goto((folder / "play.html").as_uri())
        choices = np.asarray(SESSIONS["quick and decided"].choices[0])
        finished(page, choices)
        drawing = page.evaluate("""() => {
          const chart = document.querySelector('[data-chart="joint"] svg');
          return new XMLSerializer().serializeToString(chart);
        }""")
    width, height = map(float, re.search(r'width="([\d.]+)" height="([\d.]+)"', drawing).groups())
    (ROOT / "_static/play_still.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="play" viewBox="0 0 {width + 20:g} {height + 20:g}" '
        f'font-family="sans-serif"><style>{kept}\n.play {{ margin: 0; }}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<g transform="translate(10 10)">{drawing}</g></svg>\n',
        encoding="utf8",
    )


if __name__ == "__main__":
    write_what_the_page_embeds()
