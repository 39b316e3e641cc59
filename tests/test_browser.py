"""The page in a real browser: every control, by keyboard and mouse, phone and desk."""

import shutil
from pathlib import Path

import pytest
from playwright import sync_api

from simgeo import experiment, objectives, page
from simgeo.page import runs

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = [path for path in map(shutil.which, NAMES) if path]
pytestmark = [
    pytest.mark.slow,  # compiles what it shows, and what it shows is not at stake here
    pytest.mark.browser,
    pytest.mark.skipif(not FOUND, reason=f"no browser: none of {', '.join(NAMES)}"),
]

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SCREENS = ("fit", "teachers", "training", "plane", "built")
SLIDERS = {"d": "fit", "epsilon": "fit", "record": "training", "far": "built"}
CHOICES = {
    "teacher2": "teachers",
    "teacher3": "training",
    "objective3": "training",
    "width3": "training",
    "teacher4": "plane",
    "width4": "plane",
    "family": "built",
}
FLAGS = [
    "--no-sandbox",  # which root, as in a container, has not
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """The page, of fewer and shorter runs."""
    cells = tuple(
        page.Cell(
            name,
            objective.label,
            width,
            experiment.Experiment(
                teacher=runs.TEACHERS[name],
                objective=objective,
                num_vectors=runs.NUM_VECTORS,
                teacher_dim=runs.TEACHER_DIM,
                student_dim=width,
                num_steps=30,
                num_records=6,
                num_seeds=2,
            ),
        )
        for width in runs.WIDTHS
        for objective in (objectives.CKA(), objectives.Procrustes())
        for name in ("blocks", "common mean")
    )
    shown = page.contents(runs.run_all(cells, lambda cell: None))
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page.render(shown), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(
    params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")],
    ids="-".join,
)
def opened(browser, file, request):
    """The page, opened from its file; afterwards, that it said and asked nothing."""
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=size == "phone",
        reduced_motion="reduce",
    )
    view = context.new_page()
    said, asked = [], []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("request", lambda each: asked.append(each.url))
    view.goto(file.as_uri())
    view.wait_for_function("Object.keys(views).length === 13")
    yield view
    context.close()
    assert said == []
    # The empty icon is part of the file.
    assert [url for url in asked if url not in (file.as_uri(), "data:,")] == []


def drawn(view, screen: str) -> list:
    """All that a screen shows: its sentence, its charts, its maps."""
    return view.evaluate(
        """screen => {
            const found = document.getElementById(screen);
            const all = selector => [...found.querySelectorAll(selector)];
            return [
                all(".reading").map(each => each.textContent),
                all(".chart svg").map(each => each.innerHTML),
                all(".chart canvas").map(each => each.toDataURL()),
            ];
        }""",
        screen,
    )


def wait_for_change(view, screen: str, before: list) -> list:
    """What the screen shows once its charts have followed."""
    for _ in range(60):
        view.wait_for_timeout(50)
        after = drawn(view, screen)
        if after != before:
            return after
    pytest.fail(f"{screen} did not change")


def test_it_fits_and_can_be_read(opened, tmp_path):
    wide, there = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= there
    too_small = opened.evaluate(
        """[...document.querySelectorAll("main *, svg text")].filter(each =>
            each.textContent.trim() && parseFloat(getComputedStyle(each).fontSize) < 12
        ).map(each => each.outerHTML)"""
    )
    assert too_small == []
    for screen in SCREENS:
        picture = tmp_path / f"{screen}.png"
        opened.locator(f"#{screen}").screenshot(path=picture)
        assert picture.stat().st_size > 10_000
        [sentence] = drawn(opened, screen)[0]
        assert len(sentence) > 60


def test_no_label_is_cut_off(opened):
    cut = opened.evaluate(
        """[...document.querySelectorAll(".chart svg")].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll("text")].filter(text => {
                const own = text.getBoundingClientRect();
                return own.width && (own.left < box.left - 1 ||
                    own.right > box.right + 1 || own.bottom > box.bottom + 1);
            }).map(text => text.textContent);
        })"""
    )
    assert cut == []


def test_ink_stands_out_from_paper(opened):
    least = opened.evaluate(
        """() => {
            const bright = colour => {
                const parts = colour.match(/[0-9.]+/g).slice(0, 3).map(each => {
                    const part = each / 255;
                    const low = part <= .03928;
                    return low ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
                });
                return .2126 * parts[0] + .7152 * parts[1] + .0722 * parts[2];
            };
            const paper = bright(getComputedStyle(document.body).backgroundColor);
            const said = [...document.querySelectorAll("svg text, p")];
            return Math.min(...said.map(each => {
                const style = getComputedStyle(each);
                const ink = bright(each.closest("svg") ? style.fill : style.color);
                return (Math.max(ink, paper) + .05) / (Math.min(ink, paper) + .05);
            }));
        }"""
    )
    assert least > 7


@pytest.mark.parametrize(("name", "screen"), SLIDERS.items())
def test_a_slider_moves_by_keyboard_and_mouse(opened, name, screen):
    slider = opened.locator(f"#{name}")
    steps = slider.get_attribute("data-steps").split("|")

    def place() -> int:
        at = int(slider.input_value())
        assert slider.get_attribute("aria-valuetext") == steps[at]
        assert opened.locator(f"#{name}-value").text_content() == steps[at]
        return at

    slider.focus()
    slider.press("Home")
    assert place() == 0
    first = drawn(opened, screen)
    slider.press("ArrowRight")
    assert place() == 1
    second = wait_for_change(opened, screen, first)
    assert second[0] != first[0]
    box = slider.bounding_box()
    middle = box["height"] / 2
    slider.drag_to(
        slider,
        source_position={"x": box["width"] / 3, "y": middle},
        target_position={"x": box["width"] - 4, "y": middle},
    )
    assert place() == len(steps) - 1
    wait_for_change(opened, screen, second)


@pytest.mark.parametrize(("name", "screen"), CHOICES.items())
def test_a_choice_changes_by_keyboard(opened, name, screen):
    choice = opened.locator(f"#{name}")
    before, value = drawn(opened, screen), choice.input_value()
    choice.focus()
    choice.press("ArrowDown")
    if choice.input_value() == value:  # the last of the list
        choice.press("ArrowUp")
    assert choice.input_value() != value
    after = wait_for_change(opened, screen, before)
    assert after[0] != before[0]


@pytest.mark.parametrize(
    ("name", "value"), [("show", "pattern"), ("highlight", "uncentred")]
)
def test_a_view_changes_its_charts_only(opened, name, value):
    screen = {"show": "teachers", "highlight": "plane"}[name]
    before = drawn(opened, screen)
    opened.select_option(f"#{name}", value)
    after = wait_for_change(opened, screen, before)
    assert after[0] == before[0]


def test_pointing_at_a_run_says_what_it_is(opened):
    opened.locator("#plane .chart").scroll_into_view_if_needed()
    points = opened.locator("#plane svg .mark-symbol path")
    points.nth(points.count() // 2).hover(force=True)
    told = opened.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert "Matthews" in told.inner_text()
    assert "seed" in told.inner_text()


def test_controls_and_charts_have_names(opened):
    for role, count in (("slider", 4), ("combobox", 9)):
        found = opened.get_by_role(role)
        assert found.count() == count
        for at in range(count):
            label = found.nth(at).evaluate("each => each.labels[0].textContent.trim()")
            assert label
    named = opened.locator(".chart[role='graphics-document'][aria-label]")
    assert named.count() == 13


def test_tab_reaches_every_control_in_order(opened):
    wanted = opened.evaluate(
        "[...document.querySelectorAll('input, select')].map(each => each.id)"
    )
    reached = []
    for _ in range(40):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate("document.activeElement.id"))
    # After the last it begins anew.
    assert [each for each in reached if each in wanted][: len(wanted)] == wanted
