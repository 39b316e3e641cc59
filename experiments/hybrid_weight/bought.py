"""What a weight on the second term buys, and at what price."""

import numpy as np
import pandas as pd

from experiments.study import where
from simgeo import stats

CELL = ["hybrid", "teacher", "student_dim"]
MOST = 0.9  # of the largest gain, that we call most of it
LEAST = 0.02  # gain in Matthews correlation below which there is nothing to buy


def compare(last: pd.DataFrame) -> pd.DataFrame:
    """Pattern agreement and first loss of every weight against weight zero, by seed."""
    long = last.melt(
        [*CELL, "weight", "seed"], ["matthews", "first_loss"], "measure", "amount"
    )
    found = stats.paired_comparisons(
        long, "amount", "weight", within=["measure", *CELL], baseline=0.0
    )
    return found.drop(columns="value").rename(columns={"condition": "weight"})


def bought(last: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The largest gain, the least weight with most of it, and the price in first loss.

    The price is the median rise of the first loss, in units of the zero student's. No
    weight where the largest gain is below `LEAST`, or not sure.
    """
    rows = []
    for place, group in others.groupby(CELL, sort=False):
        keys = dict(zip(CELL, place, strict=True))
        gains = where(group, measure="matthews").sort_values("weight")
        prices = where(group, measure="first_loss").set_index("weight")["difference"]
        top = gains.loc[gains["difference"].idxmax()]
        sure = top["difference"] >= LEAST and top["p_adjusted"] < 0.05
        enough = min(MOST * top["difference"], top["difference"])
        most = gains[gains["difference"] >= enough].iloc[0]
        alone = where(last, weight=0, **keys)[["matthews", "first_loss"]].median()
        there = (most["weight"], most["difference"], prices[most["weight"]])
        names = ("most_from_weight", "gain_there", "price_there")
        rows.append(
            {
                **keys,
                **alone.add_suffix("_alone"),
                "largest_gain": top["difference"],
                "at_weight": top["weight"],
                "gain_of_second_alone": gains["difference"].iloc[-1],
                **dict(zip(names, there if sure else [np.nan] * 3, strict=True)),
            }
        )
    return pd.DataFrame(rows)


def tables(last: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What every weight changes, and what is bought by the least that buys most."""
    others = compare(last)
    return {
        "hybrid_weight_comparisons.csv": others,
        "hybrid_weight_bought.csv": bought(last, others),
    }
