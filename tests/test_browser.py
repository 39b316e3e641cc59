"""The page in a real browser: every control, by keyboard and mouse, phone and desk."""

import shutil

import pages
import pytest
from playwright import sync_api

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = [path for path in map(shutil.which, NAMES) if path]
pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,  # compiles what it shows, and what it shows is not at stake here
    pytest.mark.browser,
    pytest.mark.skipif(not FOUND, reason=f"no browser: none of {', '.join(NAMES)}"),
]

# A control follows alike in either scheme: what looks at colours takes all four.
once_in_a_size = pytest.mark.parametrize(
    "opened",
    [("phone", "light"), ("desktop", "dark")],
    indirect=True,
    ids="-".join,
    scope="module",
)
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SCREENS = ("fit", "teachers", "training", "plane", "built")
READY = "Object.keys(views).length === 7"
# Every control: the screen it is on, and the charts that follow it.
SLIDERS = {
    "d": ("fit", "random fits"),
    "epsilon": ("fit", "slack random fits"),
    "record": ("training", "student beside loss agreement"),
    "far": ("built", "sketch after distances"),
    "moment": ("guess", "A B"),
}
CHOICES = {
    "teacher2": ("teachers", "teacher teacher_cosines"),
    "teacher3": ("training", "target student beside loss agreement"),
    "objective3": ("training", "student loss agreement"),
    "beside3": ("training", "beside loss agreement"),
    "width3": ("training", "student beside loss agreement"),
    "teacher4": ("plane", "plane"),
    "width4": ("plane", "plane"),
    "highlight": ("plane", "plane"),
    "family": ("built", "sketch after distances"),
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
def opened(browser, tmp_path_factory, request):
    """The page, opened from its file; afterwards, that it said and asked nothing.

    Tests share it, and find its controls where others left them.
    """
    file = pages.file(tmp_path_factory)
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
    view.wait_for_function(READY)
    view.locator("[data-guess]").first.click()
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
            const places = [...found.querySelectorAll(".chart, .drawing")];
            return [
                [...found.querySelectorAll("[data-says]")].map(line =>
                    line.textContent).join(" "),
                Object.fromEntries(places.map(place => [
                    place.dataset.chart ?? place.dataset.name,
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
    assert changed == set(charts.split())
    assert (after[0] == before[0]) == (name == "highlight")  # of charts alone
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


@pytest.mark.parametrize("end", ["Home", "End"])
def test_no_label_is_cut_off(opened, end):
    opened.locator("#d").press(end)
    assert drawn(opened, "fit")
    assert opened.locator("svg text").count() > 60
    cut = opened.evaluate(
        """[...document.querySelectorAll(".chart svg, .drawing svg")].flatMap(svg => {
            const box = svg.getBoundingClientRect();
            return [...svg.querySelectorAll("text")].filter(text => {
                const own = text.getBoundingClientRect();
                return own.width && (own.left < box.left - 1 || own.top < box.top - 1 ||
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


@once_in_a_size
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_changes_by_itself(opened, screen):
    assert drawn(opened, screen) == drawn(opened, screen)


@once_in_a_size
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


@once_in_a_size
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


@once_in_a_size
def test_the_table_opens_by_keyboard_and_mouse(opened):
    summary = opened.locator("details summary")
    row = opened.locator("details tbody tr").first
    assert not row.is_visible()
    summary.click()
    assert row.is_visible()
    assert opened.locator("details tbody tr").count() == 8
    summary.press("Enter")
    assert not row.is_visible()


@once_in_a_size
def test_links_lead_to_the_screens(opened):
    for screen in SCREENS:
        opened.locator(f"nav a[href='#{screen}']").click()
        top = opened.locator(f"#{screen}").evaluate(
            "each => each.getBoundingClientRect().top"
        )
        assert abs(top) < 2 or screen == SCREENS[-1]


@once_in_a_size
def test_pointing_at_a_run_says_what_it_is(opened):
    opened.locator("#plane .chart").scroll_into_view_if_needed()
    points = opened.locator("#plane svg .mark-symbol path")
    assert points.count() > 8
    points.nth(points.count() // 2).hover(force=True)
    told = opened.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert "agreement" in told.inner_text()
    assert "seed" in told.inner_text()


@once_in_a_size
def test_controls_and_charts_have_names(opened):
    for role, count in (("slider", 5), ("combobox", 9)):
        found = opened.get_by_role(role)
        assert found.count() == count
        for at in range(count):
            label = found.nth(at).evaluate("each => each.labels[0].textContent.trim()")
            assert label
    named = opened.locator(".chart[role='graphics-document'][aria-label]")
    assert named.count() == 7
    drawings = opened.locator(".drawing")
    assert drawings.count() == 10 + 6  # 3 of the rows for each of two teachers
    assert opened.locator(".drawing[role=img][aria-label]").count() == 16


@once_in_a_size
def test_the_answer_waits_for_a_guess(opened):
    opened.reload()
    opened.wait_for_function(READY)
    answer = opened.locator("#answer")
    assert not answer.is_visible()
    assert opened.locator(".cover:visible").count() == 2
    opened.locator("[data-guess]").first.press("Enter")
    assert answer.is_visible()
    assert opened.locator(".cover:visible").count() == 0
    verdict = opened.locator("#verdict")
    assert verdict.text_content().startswith("No, it is student B.")
    # Nothing moves by itself where a reader asks for that.
    assert opened.locator(".play[data-of=moment]").text_content() == "Play"
    opened.locator("[data-guess][data-right]").press("Space")
    assert verdict.text_content().startswith("Yes, student B.")


@once_in_a_size
@pytest.mark.parametrize("name", ["record", "moment"])
def test_training_plays_and_pauses(opened, name):
    slider = opened.locator(f"#{name}")
    button = opened.locator(f".play[data-of={name}]")

    def play(key: str, pause: int) -> None:
        button.evaluate("(each, pause) => { each.dataset.pause = pause; }", pause)
        button.press(key)

    opened.emulate_media(reduced_motion="no-preference")
    for stop in (lambda: button.press("Enter"), lambda: slider.press("ArrowRight")):
        slider.press("Home")
        play("Enter", 600_000)
        assert button.text_content() == "Pause"
        stop()  # the button, or a hand on the slider
        assert button.text_content() == "Play"
    slider.press("End")
    play("Space", 20)  # begins anew
    opened.wait_for_function(
        f"document.querySelector('.play[data-of={name}]').textContent === 'Play'"
    )
    assert slider.input_value() == slider.get_attribute("max")
    opened.emulate_media(reduced_motion="reduce")


@once_in_a_size
def test_the_curves_stand_by_their_slider(opened):
    tops = opened.evaluate(
        """["#training .curves", "#training .reading", "#record"].map(each =>
            document.querySelector(each).getBoundingClientRect().top)"""
    )
    curves, reading, slider = tops
    assert slider < min(curves, reading)
    assert (curves < reading) == (opened.viewport_size["width"] < 640)


@once_in_a_size
def test_tab_reaches_every_control_in_order(opened):
    controls = "[...document.querySelectorAll('input, select, button')]"
    count = opened.evaluate(f"{controls}.length")
    opened.locator("nav a").first.focus()
    reached = []
    for _ in range(count + 10):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate(f"{controls}.indexOf(document.activeElement)"))
    # After the last it begins anew.
    assert [each for each in reached if each >= 0][:count] == [*range(count)]
