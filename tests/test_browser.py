"""The page in a real browser: every control, by keyboard and mouse, phone and desk."""

import shutil
from pathlib import Path

import pytest
from playwright import sync_api

from simgeo import objectives, optimisers, problems
from simgeo_apps.page import document, training

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = [path for path in map(shutil.which, NAMES) if path]
pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,  # compiles what it shows, and what it shows is not at stake here
    pytest.mark.browser,
    pytest.mark.skipif(not FOUND, reason=f"no browser: none of {', '.join(NAMES)}"),
]

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SCREENS = ("fit", "teachers", "training", "plane", "built")
# Every control: the screen it is on, and the charts that follow it.
SLIDERS = {
    "d": ("fit", "random fits"),
    "epsilon": ("fit", "random fits"),
    "record": ("training", "student pairs loss agreement"),
    "far": ("built", "after distances"),
}
CHOICES = {
    "teacher2": ("teachers", "teacher teacher_cosines"),
    "show": ("teachers", "teacher"),
    "teacher3": ("training", "target student pairs loss agreement"),
    "objective3": ("training", "student pairs loss agreement"),
    "width3": ("training", "student pairs loss agreement"),
    "teacher4": ("plane", "plane"),
    "width4": ("plane", "plane"),
    "highlight": ("plane", "plane"),
    "family": ("built", "after distances"),
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
    """The page, of few and short training.

    They differ in their rates alone, whatever they are called: one program does.
    """
    names = [
        (width, label, teacher)
        for width in training.WIDTHS
        for label in ("CKA", "Procrustes")
        for teacher in ("blocks", "common mean")
    ]
    cells = tuple(
        training.Cell(
            teacher,
            label,
            width,
            problems.Experiment(
                teacher=training.TEACHERS[teacher],
                num_vectors=training.NUM_VECTORS,
                teacher_dim=training.TEACHER_DIM,
                student_dim=training.TEACHER_DIM,
                objective=objectives.CKA(),
                num_steps=30,
                num_records=6,
                num_seeds=2,
                optimiser=optimisers.Adam(0.01 * rate),
            ),
        )
        for rate, (width, label, teacher) in enumerate(names, 1)
    )
    shown = document.contents(training.run_all(cells, lambda cell: None))
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(document.render(shown), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND[0], args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(
    scope="module",
    params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")],
    ids="-".join,
)
def opened(browser, file, request):
    """The page, opened from its file; afterwards, that it said and asked nothing.

    Tests share it, and find its controls where others left them.
    """
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
    assert file.as_uri() in asked
    # The empty icon is part of the file.
    assert [url for url in asked if url not in (file.as_uri(), "data:,")] == []


def drawn(view, screen: str) -> tuple[str, dict[str, str]]:
    """What a screen says, and its charts by name, once they have followed."""
    said, charts = view.evaluate(
        """async screen => {
            await Promise.all(Object.values(views).map(each => each.runAsync()));
            const found = document.getElementById(screen);
            const places = [...found.querySelectorAll(".chart")];
            return [
                found.querySelector(".reading").textContent,
                Object.fromEntries(places.map(place => [
                    place.dataset.chart,
                    place.querySelector("canvas")?.toDataURL() ??
                        place.querySelector("svg").innerHTML,
                ])),
            ];
        }""",
        screen,
    )
    assert charts
    return said, charts


def assert_followed(view, name: str, before: tuple) -> tuple:
    """The charts of the control changed, no other did, and its screen says something
    else; what it shows now."""
    screen, charts = (SLIDERS | CHOICES)[name]
    after = drawn(view, screen)
    changed = {each for each in after[1] if after[1][each] != before[1][each]}
    changed.discard("before")  # of which some families have the same
    assert changed == set(charts.split())
    assert (after[0] == before[0]) == (name in ("show", "highlight"))  # of charts alone
    return after


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
        assert len(drawn(opened, screen)[0]) > 60


def test_no_label_is_cut_off(opened):
    assert opened.locator(".chart svg text").count() > 60
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
    assert 7 < least <= 21


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_changes_by_itself(opened, screen):
    assert drawn(opened, screen) == drawn(opened, screen)


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_moves_by_keyboard_mouse_and_touch(opened, name):
    screen, _ = SLIDERS[name]
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
    shown = drawn(opened, screen)
    slider.press("ArrowRight")
    assert place() == 1
    shown = assert_followed(opened, name, shown)
    box = slider.bounding_box()
    middle = box["height"] / 2
    slider.drag_to(
        slider,
        source_position={"x": box["width"] / 3, "y": middle},
        target_position={"x": box["width"] - 4, "y": middle},
    )
    assert place() == len(steps) - 1
    shown = assert_followed(opened, name, shown)
    if opened.evaluate("navigator.maxTouchPoints"):
        slider.tap(position={"x": box["width"] / 2, "y": middle})
        assert 0 < place() < len(steps) - 1
        assert_followed(opened, name, shown)


@pytest.mark.parametrize("way", ["keyboard", "mouse"])
@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_changes_by_keyboard_and_mouse(opened, name, way):
    screen, _ = CHOICES[name]
    choice = opened.locator(f"#{name}")
    shown, value = drawn(opened, screen), choice.input_value()
    options = choice.locator("option").evaluate_all("all => all.map(one => one.value)")
    key = "ArrowUp" if value == options[-1] else "ArrowDown"
    if way == "mouse":
        # The open list is not part of the page, so that a pointer of ours cannot reach
        # into it: the mouse opens it, and keys choose.
        choice.click()
        opened.keyboard.press(key)
        opened.keyboard.press("Enter")
    else:
        choice.focus()
        choice.press(key)
    step = -1 if key == "ArrowUp" else 1
    assert choice.input_value() == options[options.index(value) + step]
    assert_followed(opened, name, shown)


def test_the_table_opens_by_keyboard_and_mouse(opened):
    summary = opened.locator("details summary")
    row = opened.locator("details tbody tr").first
    assert not row.is_visible()
    summary.click()
    assert row.is_visible()
    assert opened.locator("details tbody tr").count() == 8
    summary.press("Enter")
    assert not row.is_visible()


def test_links_lead_to_the_screens(opened):
    for screen in SCREENS:
        opened.locator(f"nav a[href='#{screen}']").click()
        top = opened.locator(f"#{screen}").evaluate(
            "each => each.getBoundingClientRect().top"
        )
        assert abs(top) < 2 or screen == SCREENS[-1]


def test_pointing_at_a_run_says_what_it_is(opened):
    opened.locator("#plane .chart").scroll_into_view_if_needed()
    points = opened.locator("#plane svg .mark-symbol path")
    assert points.count() > 8
    points.nth(points.count() // 2).hover(force=True)
    told = opened.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert "agreement" in told.inner_text()
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
    opened.reload()
    opened.wait_for_function("Object.keys(views).length === 13")
    wanted = opened.evaluate(
        "[...document.querySelectorAll('input, select')].map(each => each.id)"
    )
    reached = []
    for _ in range(40):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate("document.activeElement.id"))
    # After the last it begins anew.
    assert [each for each in reached if each in wanted][: len(wanted)] == wanted
