"""Examples and a teacher's answers in a file of one's own."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import numpy as np
from safetensors.numpy import load_file

from simgeo.checks import require
from simgeo.datasets._dataset import AbstractDataset, Examples

_LAYER = re.compile(r"layer_?(\d+)")
_READ: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
    ".npz": lambda path: dict(np.load(path, allow_pickle=False)),
    ".safetensors": lambda path: load_file(path),
}


class ExampleFile(AbstractDataset):
    """Examples of one's own, and what a teacher makes of them, from one file.

    In the file, all with one row for each example: `inputs`; `labels`, whole numbers
    from 0; and, for the teacher `given-teacher`, features `layer_0`, `layer_1` and so
    on, one row of numbers for each example, and `logits`, one column for each class.

    Args:
        path: of an npz or safetensors file.
        digest: of the file's content, which is found when it is left empty.
        test_share, validation_share, train_share, split_seed: see `AbstractDataset`.

    Raises:
        ValueError: if there is no such file, or it is not as said here.
    """

    path: str = eqx.field(static=True, default="")
    digest: str = eqx.field(static=True, default="")

    def __post_init__(self) -> None:
        path = Path(self.path)
        rule = "name an .npz or a .safetensors file"
        require(path.suffix in _READ, "path", rule, repr(self.path))
        require(path.is_file(), "path", "name a file that is there", repr(self.path))
        if not self.digest:
            self.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]

    def load(self) -> Examples:
        path = Path(self.path)
        found = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        rule = f"be that of {path}, which is {found}"
        require(found == self.digest, "digest", rule, repr(self.digest))
        try:
            arrays = _READ[path.suffix](path)
        except Exception as error:  # whatever the reader of a damaged file raises
            raise ValueError(
                f"`path` must be a file of arrays of numbers that can be read; got "
                f"{path}, which its format's reader refuses. Write it again."
            ) from error
        return _examples(arrays, path)


def _examples(arrays: dict[str, np.ndarray], path: Path) -> Examples:
    def ask(condition: object, name: str, rule: str, got: object) -> None:
        require(bool(condition), name, f"{rule} in {path}", got)

    for name in ("inputs", "labels"):
        ask(name in arrays, name, "be", ", ".join(sorted(arrays)) or "nothing")
    count = len(arrays["inputs"])
    layers = sorted(
        (int(match[1]), name) for name in arrays if (match := _LAYER.fullmatch(name))
    )
    numbers = [number for number, _ in layers]
    rule = "be numbered from 0 without a gap"
    ask(numbers == [*range(len(layers))], "layer_0", rule, numbers)
    known = ["inputs", "labels", *(name for _, name in layers)]
    known += ["logits"] if "logits" in arrays else []
    for name in known:
        array = arrays[name]
        shape = "x".join(map(str, array.shape))
        ask(array.ndim > 0, name, "have a row for each example", f"shape {shape}")
        ask(len(array) == count, name, f"have {count} rows, as `inputs` has", shape)
        ask(array.dtype.kind in "biuf", name, "hold real numbers", array.dtype)
        ask(np.isfinite(array).all(), name, "hold finite numbers", "NaN or infinity")
    labels = arrays["labels"]
    is_whole = labels.ndim == 1 and labels.dtype.kind in "iu"
    ask(is_whole, "labels", "be one whole number for each example", labels.dtype)
    least = labels.min(initial=0)
    ask(least >= 0, "labels", "not be negative", least)
    num_classes = int(labels.max(initial=0)) + 1
    for _, name in layers:
        shape = arrays[name].shape
        ask(len(shape) == 2, name, "be a matrix", "x".join(map(str, shape)))
    logits = arrays.get("logits")
    if logits is not None:
        rule = f"have a column for each of the {num_classes} classes of `labels`"
        is_right = logits.ndim == 2 and logits.shape[1] >= num_classes
        ask(is_right, "logits", rule, "x".join(map(str, logits.shape)))
        num_classes = logits.shape[1]
    inputs = arrays["inputs"]
    is_tokens = inputs.dtype.kind in "iu" and inputs.dtype != np.uint8
    if not is_tokens and inputs.dtype != np.uint8:
        inputs = inputs.astype(np.float32)
    elif is_tokens:
        ask(inputs.min(initial=0) >= 0, "inputs", "be tokens from 0", inputs.min())
        inputs = inputs.astype(np.int32)
    return Examples(
        inputs,
        labels.astype(np.int32),
        num_classes,
        num_tokens=int(inputs.max(initial=0)) + 1 if is_tokens else 0,
        layers=tuple(arrays[name].astype(np.float32) for _, name in layers),
        logits=None if logits is None else logits.astype(np.float32),
    )
