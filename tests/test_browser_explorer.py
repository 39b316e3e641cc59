"""The explorer in a real browser: every control, by keyboard and mouse, at both widths;
its messages, its code, its Stop, and how soon it answers.

With SIMGEO_TIMINGS or SIMGEO_SCREENSHOTS, folders, it leaves seconds or pictures there.
"""

import json
import os
import re
import shutil
import time
import tomllib
from functools import partial
from pathlib import Path

import pytest
import serving

from simgeo import settings
from simgeo.problems import Experiment
from simgeo_apps.explorer.controls import RANGES, TEACHERS
from simgeo_apps.explorer.pictures import SHOWN

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("marimo", reason="needs the extra `explore`")

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = [path for path in map(shutil.which, NAMES) if path]
pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not FOUND, reason=f"no browser: none of {', '.join(NAMES)}"),
]

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
FLAGS = [
    "--no-sandbox",  # which root, as in a container, has not
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
COMPILED = 600_000  # milliseconds: what compiles, perhaps beside other tests
PATIENCE = 60_000
PICTURES = ".simgeo-pictures img"
HELD = 100  # as a hand holds a key: a group of buttons follows only one that is down
both_sizes = pytest.mark.parametrize("page", list(SIZES), indirect=True, scope="module")
# What takes new programs at every move is tried on a phone only when asked for.
long_on_a_phone = pytest.mark.parametrize(
    "page",
    ["desktop", pytest.param("phone", marks=pytest.mark.long)],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is served, with its token."""
    variables = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}
    with serving.explorer(tmp_path_factory.mktemp("served"), variables) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["desktop"])
def page(request, browser, address):
    """The page after its first run; it may ask nobody else, and must not complain.

    Tests share it, and find its controls where those above left them.
    """
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints, asked, sockets = [], [], []
    page.on("websocket", lambda each: sockets.append(each.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" else None,
    )
    page.on("request", lambda each: asked.append(each.url))
    page.goto(address, timeout=COMPILED)
    done(page)
    yield page
    context.close()
    assert complaints == []
    assert any(url.startswith("ws:") for url in [*asked, *sockets])
    local = re.compile(r"(http|ws)://(localhost|127\.0\.0\.1):\d+/|data:|blob:")
    assert [url for url in [*asked, *sockets] if not local.match(url)] == []


def done(page) -> None:
    """Waits until the results of the settings on the screen are there."""
    page.get_by_text(re.compile(r"Done in [\d.]+ s")).wait_for(timeout=COMPILED)
    page.get_by_text("Medians over seeds").wait_for()


def code(page) -> str:
    """What the page gives to take away."""
    return page.locator("pre:visible", has_text="num_vectors").inner_text()


def toml(page) -> dict:
    return tomllib.loads(code(page))


def slider(page, label: str):
    return page.get_by_role("slider", name=label, exact=True)


def press(page, label: str, key: str) -> float:
    """Moves a slider by a key; where it is then."""
    handle = slider(page, label)
    before = handle.get_attribute("aria-valuenow")
    handle.focus()
    page.keyboard.press(key)
    return moved(page, label, before)


def drag(page, label: str, pixels: int) -> float:
    """Moves a slider by the mouse; where it is then."""
    handle = slider(page, label)
    before = handle.get_attribute("aria-valuenow")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=3)
    page.mouse.up()
    return moved(page, label, before)


def moved(page, label: str, before: str) -> float:
    handle = slider(page, label)
    page.wait_for_function("([e, old]) => e.ariaValueNow != old", arg=[
        handle.element_handle(), before,
    ])  # fmt: skip
    return float(handle.get_attribute("aria-valuenow"))


def until(page, what, wanted) -> None:
    """Waits until the page says so."""
    for _ in range(PATIENCE // 50):
        if what() == wanted:
            return
        page.wait_for_timeout(50)
    assert what() == wanted


def choose(page, label: str, way: str) -> str:
    """Takes the next of a list; which it is."""
    choice = page.get_by_label(label, exact=True)
    options = choice.locator("option").evaluate_all("all => all.map(one => one.text)")
    before = choice.evaluate("each => each.selectedOptions[0].text")
    if way == "mouse":
        # The open list is not part of the page: the mouse opens it, and keys choose.
        choice.click()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
    else:
        choice.focus()
        choice.press("ArrowDown")
    chosen = choice.evaluate("each => each.selectedOptions[0].text")
    assert chosen == options[options.index(before) + 1]
    return chosen


def answered(page, move) -> float:
    """Seconds from a move until new pictures are there, and nothing is grey."""
    before = page.locator(PICTURES).first.get_attribute("src")
    begin = time.perf_counter()
    move()
    page.wait_for_function(
        """before => {
            const image = document.querySelector('.simgeo-pictures img');
            const results = document.querySelector('.simgeo-results');
            const is_grey = getComputedStyle(results).opacity < 1;
            return image.src != before && image.complete && !is_grey;
        }""",
        arg=before,
        timeout=COMPILED,
    )
    return time.perf_counter() - begin


def again(page) -> None:
    """The controls where they start, for which all is compiled."""
    page.reload()
    done(page)


@long_on_a_phone
def test_pairs_are_shown_in_three_ways(page):
    def images(words: str):
        return page.get_by_alt_text(f"Heat map of the {words} of the")

    first, *others = SHOWN
    until(page, images(first).count, 2)
    for words, way in zip(others, ("keyboard", "mouse"), strict=True):
        assert choose(page, "show", way) == words
        until(page, images(words).count, 2)
    page.get_by_label("show", exact=True).select_option(first)
    until(page, images(first).count, 2)
    assert page.get_by_text(re.compile("first seed preserves")).count() == 1


def test_how_soon_a_control_is_answered(page):
    knob = TEACHERS["orthogonal fraction"].knob.label
    width = RANGES["student_dim"].label
    moves = {
        "a number": [(knob, "ArrowLeft")] * 4,
        "a width that is compiled first": [(width, "ArrowLeft")],
        "a width that is compiled": [(width, "ArrowRight"), (width, "ArrowLeft")],
    }
    timings = {
        what: [round(answered(page, partial(press, page, *move)), 2) for move in these]
        for what, these in moves.items()
    }
    assert all(seconds > 0 for these in timings.values() for seconds in these)
    folder = os.environ.get("SIMGEO_TIMINGS")
    if folder:
        Path(folder, "explorer_seconds.json").write_text(json.dumps(timings, indent=1))


def test_what_cannot_be_is_said_and_can_be_undone(page):
    fraction = TEACHERS["orthogonal fraction"].knob.label
    assert press(page, fraction, "End") == 1
    page.get_by_text(re.compile("^fraction must")).wait_for()
    assert page.get_by_text("Traceback").count() == 0
    grey = page.locator(".simgeo-results").first.evaluate(
        "each => getComputedStyle(each).opacity"
    )
    assert float(grey) < 0.5
    assert press(page, fraction, "Home") == 0
    done(page)
    again(page)


@long_on_a_phone
def test_every_slider_moves_the_experiment(page):
    knob = TEACHERS["orthogonal fraction"].knob
    labels = {name: range_.label for name, range_ in RANGES.items()}
    del labels["weight"]  # of what is added: below

    def shown() -> dict:
        cell = toml(page)
        said = {name: cell[name] for name in labels if name != "log_rate"}
        rate = cell["optimiser"]["learning_rate"]
        return said | {"log_rate": rate, "knob": cell["teacher"]["fraction"]}

    def wanted(places: dict) -> dict:
        """The settings; a slider with few places counts these."""
        stops = {name: RANGES[name].values for name in places if name in RANGES}
        said = {
            name: stops[name][int(place)] if stops.get(name) else place
            for name, place in places.items()
        }
        return said | {"log_rate": float(f"{10 ** places['log_rate']:.3g}")}

    # All of them one after the other: what each starts gives way to the next.
    labels["knob"] = knob.label
    moves = {name: press(page, each, "ArrowLeft") for name, each in labels.items()}
    del labels["knob"]
    until(page, shown, wanted(moves))
    moves = {name: drag(page, each, 50) for name, each in labels.items()}
    moves["knob"] = drag(page, knob.label, -12)
    until(page, shown, wanted(moves))
    again(page)


@long_on_a_phone
def test_every_choice_moves_the_experiment(page):
    def label() -> str:
        return settings.build(Experiment, toml(page)).objective.label

    for way in ("keyboard", "mouse"):
        chosen = choose(page, "objective", way)
        until(page, label, chosen)
    for way in ("keyboard", "mouse"):
        added = choose(page, "add to it, as a hybrid", way)
        until(page, label, f"1 {chosen} + 1 {added}")
    weight = RANGES["weight"].label
    for value in (press(page, weight, "ArrowRight"), drag(page, weight, 12)):
        assert value > 1
    until(page, lambda: toml(page)["objective"]["weights"], [1.0, value])
    teacher = choose(page, "teacher", "keyboard")
    assert TEACHERS[teacher].knob is None
    until(page, page.get_by_role("slider").count, len(RANGES))
    until(page, lambda: toml(page)["teacher"]["kind"], teacher)
    knob = TEACHERS[choose(page, "teacher", "mouse")].knob
    slider(page, knob.label).wait_for()
    for value in (press(page, knob.label, "ArrowLeft"), drag(page, knob.label, 12)):
        assert value != knob.start
    until(page, lambda: toml(page)["teacher"].get("cosine"), value)
    again(page)


@both_sizes
def test_the_code_is_toml_or_python(page):
    wanted = settings.build(Experiment, toml(page))
    page.get_by_role("radio", name="Python").click()
    until(page, lambda: code(page).startswith("from simgeo import"), True)
    with page.expect_download() as started:
        page.get_by_role("link", name="download cell.py").or_(
            page.get_by_role("button", name="download cell.py")
        ).first.click()
    names: dict = {}
    text = Path(started.value.path()).read_text().partition("\nrun = ")[0]
    exec(compile(text, "cell.py", "exec"), names)
    assert settings.describe(names["cell"]) == settings.describe(wanted)
    page.get_by_role("radio", name="Python").press("ArrowLeft", delay=HELD)
    until(page, lambda: code(page).startswith("kind = "), True)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_run_is_stopped(page, way):
    # A hybrid is compiled, which takes its time before the first record.
    choose(page, "add to it, as a hybrid", "keyboard")
    stop = page.get_by_role("button", name="Stop")
    stop.click() if way == "mouse" else stop.press("Enter")
    page.get_by_text(re.compile(r"Stopped after \d+ of \d+ steps")).wait_for(
        timeout=COMPILED
    )
    press(page, RANGES["log_rate"].label, "ArrowRight")
    done(page)


def test_controls_and_results_are_in_view_together(page):
    again(page)
    page.evaluate("document.querySelector('#App').scrollTo(0, 0)")
    height = page.viewport_size["height"]
    places = [image.bounding_box() for image in page.locator(PICTURES).all()]
    assert len(places) == 4
    assert max(each["y"] + each["height"] for each in places) <= height
    panel = page.locator(".simgeo-panel").bounding_box()
    assert panel["x"] + panel["width"] <= min(each["x"] for each in places)
    assert panel["y"] + panel["height"] <= height + 20


@both_sizes
def test_it_fits_on_the_screen(page, tmp_path):
    page.get_by_alt_text("Loss over the steps").wait_for()
    for name in ("Loss over the steps", "Heat map of the preserved"):
        picture = page.get_by_alt_text(name).first.element_handle()
        page.wait_for_function("e => e.complete && e.naturalWidth > 100", arg=picture)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # The page scrolls inside, so that what is too wide has to be looked for.
    rights = page.locator("img, marimo-slider, select, button, pre").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().right)"
    )
    assert len(rights) > 15
    assert max(rights) <= width
    page.set_viewport_size({"width": width, "height": 3600})  # for the picture
    kept = os.environ.get("SIMGEO_SCREENSHOTS", str(tmp_path))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        path = Path(kept) / f"explorer_{width}_{scheme}.png"
        page.screenshot(path=path)
        assert path.stat().st_size > 20_000
