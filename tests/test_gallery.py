"""The gallery says what the studies say, and shows what is there."""

import importlib.util
import re
from pathlib import Path

import pytest

from experiments import gallery

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "figures"


def test_the_page_is_that_of_the_studies():
    assert (FIGURES / "README.md").read_text() == gallery.markdown()


def test_every_figure_is_in_the_gallery_and_every_link_leads_somewhere():
    page = (FIGURES / "README.md").read_text()
    links = set(re.findall(r"\]\(([^)]+)\)", page))
    assert [link for link in sorted(links) if not (FIGURES / link).is_file()] == []
    assert {path.name for path in FIGURES.glob("*.png")} <= links


def test_every_study_says_what_was_asked_predicted_found_and_drawn():
    page = (FIGURES / "README.md").read_text()
    for section in page.split("\n## ")[1:]:
        question = section.partition("\n")[0]
        assert "?" in question
        assert "Prediction: " in section, question
        assert "\nOutcome" in section or "claims.md" in section, question
        figures = re.findall(r"\*Finding\.\* (.*)", section)
        assert all(figures), question


def test_the_site_shows_every_figure_small_and_links_it_to_its_study():
    path = ROOT / "docs/_ext/written.py"
    spec = importlib.util.spec_from_file_location("written", path)
    written = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(written)
    page = (FIGURES / "README.md").read_text()
    stems = re.findall(r"^!\[.*\]\((\w+)\.png\)$", page, re.MULTILINE)
    cards = written.small_pictures()
    assert re.findall(r":::\{image\} gallery/(\w+)\.png", cards) == stems
    made = "".join(written.page_of(study) for study in written.studies())
    targets = re.findall(r"\]\(#([\w-]+)\)", cards)
    assert targets == re.findall(r"^\((figure-[\w-]+)\)=$", made, re.MULTILINE)
    commands = re.findall(r"`make figures STUDY=\w+`", cards)
    assert commands == re.findall(r"^`make figures STUDY=\w+`", page, re.MULTILINE)
    for link in re.findall(r"\]\(([^)#][^)]*)\)", made):
        target = (ROOT / "docs/gallery" / link).resolve()
        assert link.startswith("http") or target.is_file(), link
