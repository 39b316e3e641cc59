"""The gallery says what the studies say, and shows what is there."""

import re
from pathlib import Path

import pytest

from experiments import gallery

pytestmark = pytest.mark.once

FIGURES = Path(__file__).parents[1] / "figures"


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
