"""Fields of frozen modules are held to their annotations, in the words of a file."""

import math
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from simgeo import checks, settings

pytestmark = pytest.mark.once


class AbstractPart(eqx.Module):
    pass


class Part(AbstractPart):
    pass


class Whole(eqx.Module):
    is_on: bool = eqx.field(static=True, default=True)
    count: int = eqx.field(static=True, default=3, metadata=checks.at_least(2))
    knob: float = eqx.field(default=0.5, metadata=checks.POSITIVE)
    epsilon: float | None = None
    leaf: float | Float[Array, ""] = 1.0
    name: str = eqx.field(static=True, default="a")
    shape: Literal["linear", "cosine"] = eqx.field(static=True, default="linear")
    part: AbstractPart = eqx.field(default_factory=Part)
    parts: tuple[AbstractPart, ...] = ()
    weights: tuple[float, ...] = eqx.field(default=(), metadata=checks.NOT_NEGATIVE)
    pair: tuple[int, float] = eqx.field(static=True, default=(1, 1.0))
    anything: Any = None

    def __check_init__(self) -> None:
        checks.check_fields(self)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is_on", "no"),
        ("is_on", 1),
        ("count", "4"),
        ("count", 4.0),
        ("count", True),
        ("knob", "wide"),
        ("knob", True),
        ("epsilon", "0.1"),
        ("name", 3),
        ("shape", "square"),
        ("weights", 2.0),
        ("pair", (1, 2.0, 3)),
        ("pair", (1.5, 2.0)),
    ],
)
def test_a_wrong_type_is_refused_in_the_words_of_a_file(name, value):
    with pytest.raises(ValueError, match=f"^`{name}[.0]*` must .*; got ") as here:
        Whole(**{name: value})
    with pytest.raises(ValueError, match="must") as there:
        settings.build(Whole, {name: value})
    assert str(here.value) == str(there.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 1}, "`count` must be at least 2; got 1."),
        ({"knob": 0}, "`knob` must be positive; got 0.0."),
        ({"knob": math.nan}, "`knob` must be positive; got nan."),
        ({"knob": 1j}, "`knob` must be a number; got 1j."),
        ({"knob": np.asarray(["a"])}, "`knob` must be a number; got array("),
        ({"leaf": "x"}, "`leaf` must be a number or an array; got 'x'."),
        (
            {"weights": [1, -1]},
            "`weights` must be finite and not negative; got (1.0, -1.0).",
        ),
        ({"part": "part"}, "`part` must be a part; got 'part'."),
        ({"part": Part}, "`part` must be a part; got the class Part. Write `Part("),
        ({"parts": [Part(), 1]}, "`parts.1` must be a part; got 1."),
    ],
)
def test_what_else_is_refused(given, message):
    with pytest.raises(ValueError, match="must") as refused:
        Whole(**given)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("is_on", np.bool_(False), False),
        ("count", np.int64(40), 40),
        ("count", jnp.asarray(5), 5),
        ("knob", 1, 1.0),
        ("knob", np.float32(0.1), 0.1),
        ("epsilon", None, None),
        ("epsilon", 1, 1.0),
        ("name", Path("a") / "b", "a/b"),
        ("name", np.str_("b"), "b"),
        ("weights", [1, np.float64(2)], (1.0, 2.0)),
        ("anything", "x", "x"),
    ],
)
@pytest.mark.filterwarnings("ignore:A JAX array is being set as static")
def test_what_means_the_same_is_kept_as_python_has_it(name, value, kept):
    found = getattr(Whole(**{name: value}), name)
    assert (found, type(found)) == (kept, type(kept))


def test_traced_values_and_grids_pass():
    @jax.jit
    def value(knob):
        whole = Whole(knob=knob, leaf=knob, weights=(knob, 1.0))
        return whole.knob + whole.weights[0]

    assert value(jnp.asarray(-1.0)) == -2.0
    assert Whole(knob=-jnp.ones(3)).knob.shape == (3,)
    assert isinstance(Whole(knob=jnp.asarray(2.0)).knob, jax.Array)


def test_known_numbers_are_single_and_real():
    assert checks.known(1, 2.0, np.float32(3), jnp.asarray(4.0))
    for unknown in ("1", None, [1.0], [[1], [1, 2]], 1j, jnp.ones(2), object()):
        assert not checks.known(1.0, unknown)
    jax.jit(lambda knob: checks.known(knob) and pytest.fail("looked at a tracer"))(1.0)
