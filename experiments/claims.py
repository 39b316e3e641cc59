"""Claims C1 to C7 of arXiv 2509.25253 against our runs, by variant and cell.

A cell holds a claim, fails it, or does not judge it: where the SVD baseline itself is
below the bar, a student as good as that says nothing about its objective.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

KEPT = 0.95  # pattern agreement from which we call the pattern preserved
RESOLUTION = 1e-5  # of relative distances in float32

CELL = ["teacher", "student_dim"]
IN_CELLS = ("C1", "C2", "C3", "C4", "C5")  # claims judged by teacher and width
HELD, FAILED, BASELINE = "held", "failed", "baseline below the bar"

CENTRED = {
    "CKA": ("CKA", "CKA, uncentred"),
    "Procrustes": ("Procrustes, centred, normalised", "Procrustes"),
    "Gram": ("Gram, centred", "Gram"),
}  # the two variants of each, by their labels


# In the sense of the paper.
SAYS = {
    "C1": "CKA reaches a low loss and still does not preserve feature geometry",
    "C2": "A learned linear projection reaches a low loss and does not preserve "
    "feature geometry",
    "C3": "Procrustes stays stable in preserving geometric relations",
    "C4": "The Gram distance preserves geometric relations, and the most orthogonal "
    "vectors",
    "C5": "From a random start, CKA and a projection gain little orthogonality",
    "C6": "Procrustes is zero exactly when Gram is; CKA or projection implies neither",
    "C7": "While Procrustes is optimised, CKA shows spikes",
}


class Claim(NamedTuple):
    """What the paper says, and what every cell of our runs says to it."""

    name: str
    reading: str  # what the estimate is, and when a cell holds the claim
    cells: pd.DataFrame  # variant, teacher, student_dim, estimate, low, high, state

    @property
    def says(self) -> str:
        """The claim in the paper's sense."""
        return SAYS[self.name]

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row for each variant: its verdict, and how many cells are in which state.

        Held if all cells that judge it hold it, failed if none does, otherwise in part;
        not judged if the baseline is below the bar in all.
        """
        counts = pd.crosstab(self.cells["variant"], self.cells["state"])
        counts = counts.reindex(
            self.cells["variant"].unique(), columns=[HELD, FAILED, BASELINE]
        )
        counts = counts.fillna(0).astype(int)
        held, failed = counts[HELD] > 0, counts[FAILED] > 0
        found = np.select(
            [held & failed, held, failed], ["in part", HELD, FAILED], "not judged"
        )
        counts.insert(0, "verdict", found)
        counts = counts.rename_axis(columns=None).reset_index()
        counts.insert(0, "claim", self.name)
        return counts
