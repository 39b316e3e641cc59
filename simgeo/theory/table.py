"""The inequalities and fallacies as Markdown, with what was measured."""

from statistics import median

from simgeo.theory.fallacies import FALLACIES
from simgeo.theory.inequalities import INEQUALITIES, both
from simgeo.theory.pairs import awkward_pairs

_VISIBLE = 1e-6  # ratios of smaller numbers are those of rounding


def ratios(num_pairs: int) -> dict[str, list[float]]:
    """Ratios of the two sides of each inequality over `awkward_pairs`.

    Only where the second side is above 1e-6.
    """
    found: dict[str, list[float]] = {name: [] for name in INEQUALITIES}
    for _, pair in awkward_pairs(num_pairs):
        compared = both(*pair)
        for name, inequality in INEQUALITIES.items():
            small, large = inequality.sides(*compared)
            if large > _VISIBLE:
                found[name].append(small / large)
    return found


def markdown(num_pairs: int = 3000) -> str:
    """Both tables: docs/theory.md is kept equal to them by a test."""
    found = ratios(num_pairs)
    lines = [
        f"| left side at most right side | by | ratio, median of {num_pairs:,} pairs | "
        f"largest | attained |",
        "|---" * 5 + "|",
    ]
    for name, inequality in INEQUALITIES.items():
        attained = "in the limit"
        if inequality.attained is not None:
            small, large = inequality(*inequality.attained)
            attained = f"{small / large:.3f}"
        middle, most = median(found[name]), max(found[name])
        lines.append(
            f"| {inequality.says} | {inequality.because} | {middle:.2f} | {most:.3f} | "
            f"{attained} |"
        )
    lines += ["", "| does not hold | left side | right side |", "|---" * 3 + "|"]
    for fallacy in FALLACIES.values():
        small, large = fallacy.broken()
        lines.append(f"| {fallacy.says} | {small:.3g} | {large:.3g} |")
    return "\n".join(lines)
