"""The explorer in a real browser: every control, its messages, its code, its Stop."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from simgeo import settings
from simgeo.experiment import Experiment
from simgeo.explorer.controls import RANGES

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytest.importorskip("marimo", reason="needs the extra `explore`")

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = [path for path in map(shutil.which, NAMES) if path]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(not FOUND, reason=f"no browser: none of {', '.join(NAMES)}"),
]

ROOT = Path(__file__).parents[1]
SIZES = {"phone": (390, 2700), "desktop": (1280, 2100)}  # the page scrolls inside
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
PLACES = {  # of every slider in the TOML
    "epsilon": ("epsilon",),
    "log_rate": ("learning_rate",),
    **{name: (name,) for name in RANGES if name.startswith("num_")},
    "teacher_dim": ("teacher_dim",),
    "student_dim": ("student_dim",),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is served, with its token."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = "import sys; from simgeo import cli; sys.exit(cli.main())"
    line = [sys.executable, "-c", code, "explore", "--no-browser", "--port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    folder = tmp_path_factory.mktemp("served")
    with subprocess.Popen(
        line, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        found = next(each for each in server.stdout if "access_token=" in each)
        yield found[found.index("http") :].strip()
        server.terminate()
        server.wait(timeout=60)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["desktop"])
def page(request, browser, address):
    """The page after its first run; it may ask nobody else, and must not complain."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints, asked = [], []
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
    local = re.compile(r"(http|ws)://(localhost|127\.0\.0\.1):\d+/|data:|blob:")
    assert [url for url in asked if not local.match(url)] == []


def done(page) -> None:
    """Waits until the results of the settings on the screen are there."""
    page.get_by_text(re.compile(r"Done in [\d.]+ s")).wait_for(timeout=COMPILED)
    page.get_by_text("Medians over seeds").wait_for()


def code(page) -> str:
    """What the page gives to take away."""
    return page.locator("pre:visible", has_text="num_vectors").inner_text()


def toml(page) -> dict:
    return tomllib.loads(code(page))


def slider(page, name: str):
    return page.get_by_role("slider", name=RANGES[name].label)


def press(page, name: str, key: str) -> float:
    """Moves a slider by a key; where it is then."""
    handle = slider(page, name)
    before = handle.get_attribute("aria-valuenow")
    handle.focus()
    page.keyboard.press(key)
    page.wait_for_function("([e, old]) => e.ariaValueNow != old", arg=[
        handle.element_handle(), before,
    ])  # fmt: skip
    return float(handle.get_attribute("aria-valuenow"))


def until(page, what, wanted) -> None:
    """Waits until the page says so."""
    for _ in range(PATIENCE // 250):
        if what() == wanted:
            return
        page.wait_for_timeout(250)
    assert what() == wanted


def test_every_slider_moves_the_experiment(page):
    for name, (setting,) in PLACES.items():
        value = press(page, name, "ArrowRight")
        wanted = float(f"{10**value:.3g}") if name == "log_rate" else value
        until(page, lambda setting=setting: toml(page)[setting], wanted)
        press(page, name, "ArrowLeft")
    fraction = page.get_by_role("slider", name="fraction of epsilon-orthogonal pairs")
    fraction.focus()
    page.keyboard.press("ArrowLeft")
    until(page, lambda: toml(page)["teacher"]["fraction"], 0.79)
    page.keyboard.press("ArrowRight")
    until(page, lambda: toml(page)["teacher"]["fraction"], 0.8)
    # A mouse on the track does as well, in the middle of it.
    box = page.locator("marimo-slider", has_text="seeds").get_by_role("slider")
    box.locator("xpath=../..").click()
    until(page, lambda: 7 <= toml(page)["num_seeds"] <= 10, True)


def test_every_choice_moves_the_experiment(page):
    page.get_by_label("teacher", exact=True).select_option("common mean")
    until(page, lambda: toml(page)["teacher"]["kind"], "CommonMean")
    page.get_by_role("slider", name="mean cosine").wait_for()
    page.get_by_label("objective", exact=True).select_option("CKA, uncentred")
    until(page, lambda: toml(page)["objective"].get("centred"), False)
    page.get_by_label("add to it, as a hybrid").select_option("Procrustes")
    until(page, lambda: toml(page)["objective"].get("weights"), [1.0, 1.0])
    press(page, "weight", "ArrowRight")
    until(page, lambda: toml(page)["objective"].get("weights"), [1.0, 1.05])


def test_a_run_after_the_first_is_shown_at_once(page):
    def row():
        return page.get_by_role("row", name=re.compile("^fraction of pairs, teacher"))

    before = row().inner_text()
    press(page, "epsilon", "ArrowRight")
    done(page)
    until(page, lambda: row().inner_text() == before, True)  # as asked: to the pair
    slider_ = page.get_by_role("slider", name="fraction of epsilon-orthogonal pairs")
    slider_.focus()
    page.keyboard.press("PageDown")
    until(page, lambda: row().inner_text() != before, True)
    done(page)
    said = page.get_by_text(re.compile(r"Done in [\d.]+ s")).inner_text()
    assert float(re.search(r"[\d.]+", said)[0]) < 60  # 0.1 s where nobody else computes


def test_inner_products_in_place_of_cosines(page):
    page.get_by_alt_text(
        "Heat map of the cosines of all pairs of the student"
    ).wait_for()
    page.get_by_role("radio", name="inner products").click()
    page.get_by_alt_text("Heat map of the inner products of all pairs").first.wait_for()


def test_the_code_is_toml_or_python(page):
    assert settings.build(Experiment, toml(page)).num_vectors == 32
    page.get_by_role("radio", name="Python").click()
    until(page, lambda: code(page).startswith("from simgeo import"), True)
    with page.expect_download() as started:
        page.get_by_role("link", name="download cell.py").or_(
            page.get_by_role("button", name="download cell.py")
        ).first.click()
    names: dict = {}
    text = Path(started.value.path()).read_text().partition("\nfound = ")[0]
    exec(compile(text, "cell.py", "exec"), names)
    assert names["cell"].student_dim == 8


def test_what_cannot_be_is_said_and_can_be_undone(page):
    assert press(page, "teacher_dim", "Home") == 1
    page.get_by_text("must").first.wait_for()
    assert page.get_by_text("Traceback").count() == 0
    assert page.get_by_text("Medians over seeds").count() == 0
    for _ in range(15):
        press(page, "teacher_dim", "ArrowRight")
    done(page)


def test_a_run_is_stopped(page):
    press(page, "student_dim", "PageUp")  # which compiles, before the first record
    page.get_by_role("button", name="Stop").click()
    page.get_by_text(re.compile(r"Stopped after \d+ of 300 steps")).wait_for(
        timeout=COMPILED
    )


@pytest.mark.parametrize("page", list(SIZES), indirect=True)
def test_it_fits_on_the_screen(page, tmp_path):
    page.get_by_alt_text("Loss over the steps").wait_for()
    for name in ("Loss over the steps", "Heat map of the cosines"):
        picture = page.get_by_alt_text(name).first.element_handle()
        page.wait_for_function("e => e.complete && e.naturalWidth > 100", arg=picture)
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    kept = os.environ.get("SIMGEO_SCREENSHOTS", str(tmp_path))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
        path = Path(kept) / f"explorer_{width}_{scheme}.png"
        page.screenshot(
            path=path,
        )
        assert path.stat().st_size > 20_000
