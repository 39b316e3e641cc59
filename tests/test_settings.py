import abc
import fractions
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import ClassVar, Literal

import equinox as eqx
import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

from simgeo import settings
from simgeo.settings import _describe

pytestmark = pytest.mark.once

law = hypothesis.settings(
    derandomize=True, database=None, deadline=None, max_examples=60
)


class AbstractShape(eqx.Module):
    @abc.abstractmethod
    def area(self) -> float: ...


class UnitDisc(AbstractShape):
    def area(self) -> float:
        return 3.0


class Box(AbstractShape):
    sides: ClassVar[int] = 4
    width: float = 1.0
    num_copies: int = eqx.field(static=True, default=1)
    filled: bool = eqx.field(static=True, default=True)

    def __check_init__(self) -> None:
        if isinstance(self.width, float) and not self.width > 0:
            raise ValueError(f"`width` must be positive; got {self.width}.")

    def area(self) -> float:
        return self.width**2


class AbstractRound(AbstractShape):
    radius: eqx.AbstractVar[float]


class RoundUML(AbstractRound):
    radius: float

    def area(self) -> float:
        return self.radius


class Sum(AbstractShape):
    parts: tuple[AbstractShape, ...]
    weights: tuple[float, ...] = ()

    def area(self) -> float:
        return sum(part.area() for part in self.parts)


class Pen(eqx.Module):
    colour: str = eqx.field(static=True, default="red")


class Brush(eqx.Module):
    hairs: int = eqx.field(static=True, default=7)


class Drawing(eqx.Module):
    shape: AbstractShape = eqx.field(default_factory=Box)
    tool: Pen | Brush = eqx.field(default_factory=Pen)
    scale: float = 0.1
    limit: float | None = None
    either: int | float = 1
    title: str = eqx.field(static=True, default="none")
    mode: Literal["thick", "thin"] = eqx.field(static=True, default="thin")
    corner: tuple[float, int] = (0.0, 0)
    own: Pen | None = None
    verbose: bool = eqx.field(static=True, default=False, metadata={"describe": False})


class Holder(eqx.Module):
    whatever: object = None


class Inner(eqx.Module):
    holder: Holder


class Clash(eqx.Module):
    kind: str = "x"


class Odd(eqx.Module):
    table: dict = eqx.field(default_factory=dict)


class Gap(eqx.Module):
    limit: float | None = 1.0
    several: tuple[float | None, ...] = ()


finite = st.floats(allow_nan=False)
shapes = st.recursive(
    st.builds(UnitDisc)
    | st.builds(
        Box,
        width=st.floats(min_value=0, exclude_min=True),
        num_copies=st.integers(),
        filled=st.booleans(),
    )
    | st.builds(RoundUML, radius=finite),
    lambda inner: st.builds(
        Sum,
        parts=st.lists(inner, max_size=3).map(tuple),
        weights=st.lists(finite, max_size=3).map(tuple),
    ),
    max_leaves=5,
)
drawings = st.builds(
    Drawing,
    shape=shapes,
    tool=st.builds(Pen, colour=st.text()) | st.builds(Brush, hairs=st.integers()),
    scale=st.floats(),
    limit=st.none() | finite,
    either=st.integers() | finite,
    title=st.text(),
    mode=st.sampled_from(["thick", "thin"]),
    corner=st.tuples(finite, st.integers()),
    own=st.none() | st.builds(Pen),
)


@law
@hypothesis.given(drawings)
def test_build_inverts_describe(drawing):
    description = settings.describe(drawing)
    again = settings.build(Drawing, description)
    assert type(again.shape) is type(drawing.shape)
    assert json.dumps(settings.describe(again)) == json.dumps(description)
    assert settings.fingerprint(again) == settings.fingerprint(drawing)


@law
@hypothesis.given(drawings)
def test_load_inverts_dump(tmp_path_factory, drawing):
    path = tmp_path_factory.getbasetemp() / "drawing.toml"
    path.write_text(settings.dump(drawing), encoding="utf-8", newline="")
    again = settings.load(Drawing, path)
    # As text, since NaN is not equal to itself.
    assert json.dumps(settings.describe(again)) == json.dumps(
        settings.describe(drawing)
    )


@law
@hypothesis.given(drawings)
def test_a_complete_description_is_that_of_what_is_built(drawing):
    description = settings.describe(drawing)
    scarce = {
        name: value
        for name, value in description.items()
        if value != settings.describe(Drawing())[name]
    }
    for data in (description, scarce):
        full = settings.complete(Drawing, data)
        assert json.dumps(full) == json.dumps(description)


def test_complete_constructs_nothing_and_leaves_out_what_has_no_default():
    class Refuses(AbstractShape):
        height: float
        width: float = 1.0

        def __check_init__(self) -> None:
            raise AssertionError("it was made")

        def area(self) -> float:
            return 0.0

    data = {"shape": {"kind": "refuses", "width": 2}, "tool": "brush"}
    full = settings.complete(Drawing, data)
    assert full["shape"] == {"kind": "Refuses", "width": 2.0}
    assert full["tool"] == {"kind": "Brush", "hairs": 7}
    assert full["scale"] == 0.1
    assert "verbose" not in full
    full["shape"] = {"kind": "Box", "width": -1.0}
    assert settings.complete(Drawing, full) == full | {
        "shape": {"kind": "Box", "width": -1.0, "num_copies": 1, "filled": True}
    }


def test_own_settings_come_before_inherited_ones():
    class Flat(Box):
        depth: float = 0.5
        filled: bool = eqx.field(static=True, default=False)

    expected = ["depth", "filled", "width", "num_copies"]
    assert list(settings.fields(Flat)) == expected
    assert list(settings.describe(Flat())) == ["kind", *expected]
    assert [line.split()[0] for line in settings.dump(Flat()).splitlines()] == [
        "kind",
        *expected,
    ]


def test_what_a_field_takes():
    class Many(eqx.Module):
        names: tuple[str, ...] = ("a",)
        limit: float | None = None
        mode: Literal["thick", "thin"] = "thin"
        shape: AbstractShape | None = None
        pair: tuple[float, int] = (0.0, 0)

    found = settings.fields(Many)
    taken = {name: (f.types, f.optional, f.many) for name, f in found.items()}
    assert taken == {
        "names": ({str}, False, True),
        "limit": ({float}, True, False),
        "mode": ({str}, False, False),
        "shape": (set(), True, False),
        "pair": ({float, int}, False, True),
    }
    assert found["mode"].choices == ("thick", "thin")
    assert settings.places(Many) == {"shape": (AbstractShape,)}


def test_places_are_those_of_unions_too_and_do_not_go_round_in_circles():
    found = settings.places(Drawing)
    assert found == {"shape": (AbstractShape,), "tool": (Pen, Brush), "own": (Pen,)}
    assert list(settings.kinds(*found["tool"])) == ["brush", "pen"]


def test_describe_is_plain_and_in_field_order():
    drawing = Drawing(Sum((UnitDisc(), Box())), Brush(), scale=2, verbose=True)
    assert settings.describe(drawing) == {
        "kind": "Drawing",
        "shape": {
            "kind": "Sum",
            "parts": [
                {"kind": "UnitDisc"},
                {"kind": "Box", "width": 1.0, "num_copies": 1, "filled": True},
            ],
            "weights": [],
        },
        "tool": {"kind": "Brush", "hairs": 7},
        "scale": 2.0,
        "limit": None,
        "either": 1,
        "title": "none",
        "mode": "thin",
        "corner": [0.0, 0],
        "own": None,
    }
    assert list(settings.describe(drawing))[:3] == ["kind", "shape", "tool"]


@pytest.mark.parametrize(
    "one", [1, 1.0, np.float32(1), np.float64(1), np.int32(1), np.asarray(1.0)]
)
def test_a_float_is_described_the_same_however_written(one):
    same = settings.describe(Box(width=jnp.asarray(1.0)))
    assert settings.describe(Box(width=one)) == same
    assert type(settings.describe(Box(width=one))["width"]) is float


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_decimal_is_described_the_same_in_every_precision(dtype):
    drawing = Drawing(scale=np.asarray(0.1, dtype)[()])
    assert settings.describe(drawing) == settings.describe(Drawing(scale=0.1))


def test_leaves_turned_into_arrays_change_nothing():
    drawing = Drawing(Sum((Box(0.3), RoundUML(2)), (0.7, 1)), limit=1e-7)
    arrays = jax.tree.map(jnp.asarray, drawing)
    assert settings.describe(arrays) == settings.describe(drawing)
    assert settings.fingerprint(arrays) == settings.fingerprint(drawing)


def test_types_of_scalars_are_kept():
    for value, expected in (
        (np.int64(3), "3"),
        (jnp.asarray(3), "3"),
        (np.bool_(False), "False"),
        (jnp.asarray(True), "True"),
        (np.str_("a"), "'a'"),
        (-0.0, "0.0"),
        (np.float64(0.5), "0.5"),
        (None, "None"),
    ):
        assert repr(settings.describe(Holder(value))["whatever"]) == expected


@pytest.mark.parametrize(
    "value",
    [np.ones(2), jnp.ones(2), {"a": 1}, 1j, np.complex64(1), {1}, Pen, len, b"bytes",
     np.datetime64("2020-01-01"), np.array({}, dtype=object)],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_not_plain_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"^`holder\.whatever` must be [^\n]*$"):
        settings.describe(Inner(Holder(value)))
    with pytest.raises(TypeError, match=r"^`holder\.whatever\.1` must be [^\n]*$"):
        settings.describe(Inner(Holder((1, value))))


def test_tracers_and_keys_are_refused_by_name():
    def inside(scale):
        with pytest.raises(TypeError, match="^`scale` must be a number"):
            settings.describe(Drawing(scale=scale))
        return scale

    jax.jit(inside)(1.0)
    with pytest.raises(TypeError, match="^`whatever` must be a number"):
        settings.describe(Holder(jax.random.key(0)))
    for wrong in (3, Pen, None):
        with pytest.raises(TypeError, match="^`module` must be a module"):
            settings.describe(wrong)


def test_kind_cannot_be_a_field():
    with pytest.raises(TypeError, match="`kind` must not be a field; got it in Clash"):
        settings.describe(Clash())


@pytest.mark.parametrize("name", ["UnitDisc", "unit-disc", "unit_disc"])
def test_kinds_in_either_spelling_and_as_shorthand(name):
    assert type(settings.build(Drawing, {"shape": name}).shape) is UnitDisc
    assert type(settings.build(Drawing, {"shape": {"kind": name}}).shape) is UnitDisc
    assert type(settings.build(AbstractShape, {"kind": name})) is UnitDisc


@pytest.mark.parametrize("name", ["disc", "unit"])
def test_kinds_may_be_shortened_to_words_of_their_own(name):
    assert type(settings.build(Drawing, {"shape": name}).shape) is UnitDisc
    assert settings.complete(Drawing, {"shape": name})["shape"] == {"kind": "UnitDisc"}


def test_shortened_kinds_that_may_be_several_are_refused_with_all_of_them():
    class RoundBox(Box): ...

    assert type(settings.build(Drawing, {"shape": "box"}).shape) is Box
    with pytest.raises(
        ValueError,
        match=r"^`shape\.kind` must name one kind; got "
        r"'round', which could be round-box or round-uml\.$",
    ):
        settings.build(Drawing, {"shape": "round"})  # fmt: skip
    with pytest.raises(ValueError, match="must name a known kind; got 'nit'"):
        settings.build(Drawing, {"shape": "nit"})


def test_kinds_with_capitals_in_a_row():
    data = {"kind": "round-uml", "radius": 3}
    assert settings.build(AbstractShape, data) == RoundUML(3.0)


def test_kind_is_optional_where_only_one_class_can_be_meant():
    assert settings.build(Drawing, {"own": {"colour": "blue"}}).own == Pen("blue")
    assert settings.build(Drawing, {"kind": "drawing"}) == Drawing()
    assert settings.build(Drawing, {"tool": "brush"}).tool == Brush()


def test_modules_pass_as_they_are():
    assert settings.build(Drawing, {"shape": UnitDisc()}).shape == UnitDisc()


def test_scalars_of_arrays_are_read():
    data = {"width": np.float32(0.1), "num_copies": np.int64(3)}
    assert settings.build(Box, data) == Box(0.1, 3)


def test_paths_are_text():
    assert settings.build(Pen, {"colour": Path("a/b")}) == Pen("a/b")
    assert settings.describe(Holder(Path("a/b")))["whatever"] == "a/b"


def test_what_no_file_can_hold_passes_as_it_is():
    class Tool(eqx.Module):
        own: Pen | fractions.Fraction

    half = fractions.Fraction(1, 2)
    assert settings.build(Tool, {"own": half}).own is half
    assert settings.build(Tool, {"own": "pen"}).own == Pen()
    with pytest.raises(ValueError, match="`own` must be a Pen; got 3"):
        settings.build(Tool, {"own": 3})


def test_ints_are_read_as_floats_and_lists_as_tuples():
    drawing = settings.build(Drawing, {"scale": 1, "corner": [1, 2], "either": 1})
    assert type(drawing.scale) is float
    assert type(drawing.either) is int
    assert drawing.corner == (1.0, 2)
    assert type(drawing.corner[0]) is float


def test_checks_of_constructors_run():
    with pytest.raises(ValueError, match="^`shape.width` must be positive; got -1.0"):
        settings.build(Drawing, {"shape": {"kind": "box", "width": -1}})


class Frame(eqx.Module):
    """Refuses in the words of what is in it, as an experiment does for its teacher."""

    shape: AbstractShape = eqx.field(default_factory=Box)
    other: AbstractShape = eqx.field(default_factory=Box)
    size: float = 1.0

    def __check_init__(self) -> None:
        if isinstance(self.shape, Box) and self.shape.width > self.size:
            raise ValueError("`width` must fit in `size`. Lower `width`; see `Box`.")


def test_what_an_outer_constructor_says_of_an_inner_setting_names_it_in_full():
    wide = {"kind": "box", "width": 3}
    message = "`shape.width` must fit in `size`. Lower `shape.width`; see `Box`."
    for shape in (wide, Box(3.0)):
        data = {"shape": shape, "other": "unit-disc"}
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            settings.build(Frame, data)
    with pytest.raises(ValueError, match="^`width` must fit"):  # of which of the two?
        settings.build(Frame, {"shape": wide, "other": wide})
    inner = {"kind": "sum", "parts": ["unit-disc", {"kind": "box", "width": -1}]}
    with pytest.raises(ValueError, match=r"^`shape\.parts\.1\.width` must be positive"):
        settings.build(Frame, {"shape": inner})


def test_hidden_settings_can_still_be_given():
    assert settings.build(Drawing, {"verbose": True}).verbose


BAD = [
    (
        {"scael": 1},
        r"`scael` is no setting of Drawing\. Did you mean 'scale'\? Valid: ",
    ),
    ({"hairs": 1}, r"`hairs` is no setting of Drawing\. Did you mean `tool\.hairs`\?$"),
    ({"colour": 1}, r" Did you mean `tool\.colour` or `own\.colour`\?$"),
    ({"shape": {"kind": "box", "scale": 1}}, r"`shape\.scale` .* Did you mean `scale`"),
    ({"zzz": 1}, r"`zzz` is no setting of Drawing\. Valid: shape, tool, "),
    ({"new\nline": 1}, r"`new\\nline` is no setting"),
    ({"shape": {"kind": "box", "with": 1}}, r"`shape\.with` .* 'width'\? Valid: width"),
    ({"shape": "unit-disk"}, r"`shape\.kind` .*'unit-disk'\. Did you mean 'unit-disc'"),
    ({"shape": "AbstractShape"}, r"`shape\.kind` must name a known kind"),
    ({"shape": "AbstractRound"}, r"`shape\.kind` must name a known kind"),
    ({"shape": {"width": 1}}, r"`shape\.kind` is missing\. Valid: box, flat, "),
    ({"shape": {"kind": 3}}, r"`shape\.kind` must be text; got 3\."),
    ({"shape": 3}, r"`shape` must be a table of settings or the name .*; got 3\."),
    ({"tool": {"hairs": 3}}, r"`tool\.kind` is missing\. Valid: brush, pen\."),
    ({"tool": "Pencil"}, r"Did you mean 'pen'\? Valid: brush, pen\."),
    ({"kind": "Drawin"}, r"`kind` must name .* Did you mean 'drawing'\? "),
    ({"scale": "high"}, r"`scale` must be a number; got 'high'\."),
    ({"scale": True}, r"`scale` must be a number; got True\."),
    ({"scale": None}, r"`scale` must be a number; got None\."),
    ({"scale": 10**400}, r"`scale` must be a number; got 1000"),
    ({"limit": "high"}, r"`limit` must be a number; got 'high'\."),
    ({"either": "high"}, r"`either` must be a whole number or a number; got 'high'\."),
    ({"title": 3}, r"`title` must be text; got 3\."),
    ({"mode": "thik"}, r"`mode` must be one of 'thick', 'thin'; got 'thik'\."),
    ({"corner": 3}, r"`corner` must be a list; got 3\."),
    ({"corner": [1]}, r"`corner` must be a list of 2; got \[1\]\."),
    ({"corner": [1, 2.0]}, r"`corner\.1` must be a whole number; got 2\.0\."),
    ({"own": [1]}, r"`own` must be a table of settings .*; got \[1\]\."),
    ({"shape": {"kind": "box", "num_copies": 3.0}}, r"`shape\.num_copies` must be a w"),
    ({"shape": {"kind": "box", "num_copies": False}}, r"`shape\.num_copies` .*False"),
    ({"shape": {"kind": "box", "filled": 1}}, r"`shape\.filled` must be true or false"),
    ({"shape": {"kind": "sum"}}, r"`shape\.parts` is missing; Sum has no default"),
    ({"shape": {"kind": "sum", "parts": "box"}}, r"`shape\.parts` must be a list; got"),
    ({"shape": {"kind": "sum", "parts": ["bax"]}}, r"`shape\.parts\.0\.kind` must nam"),
    ({"shape": {"kind": "sum", "parts": [], "weights": [1, "a"]}}, r"weights\.1` must"),
]


@pytest.mark.parametrize(("data", "message"), BAD, ids=[str(each) for each, _ in BAD])
def test_mistakes_are_named_in_one_line(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        settings.build(Drawing, data)
    assert "\n" not in str(caught.value)


def test_fields_that_no_file_can_hold_are_named():
    with pytest.raises(TypeError, match="`table` cannot be read from plain data"):
        settings.build(Odd, {"table": {}})


def test_load_reads_a_file_written_by_hand(tmp_path):
    path = tmp_path / "drawing.toml"
    path.write_text(
        'scale = 2\ntool = "brush"\n[shape]\nkind = "sum"\n'
        'parts = ["unit-disc", { kind = "box", width = 3 }]\n',
        encoding="utf-8",
    )
    expected = Drawing(Sum((UnitDisc(), Box(3.0))), Brush(), 2.0)
    assert settings.load(Drawing, path) == expected
    assert settings.load(Drawing, str(path)) == expected


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    path = tmp_path / "drawing.toml"
    path.write_text("scale = 2", encoding="utf-8-sig")
    assert settings.read(path) == {"scale": 2}
    assert settings.load(Drawing, path) == Drawing(scale=2.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "drawing.toml: No such file"),
        ("folder", "drawing.toml: Is a directory"),
        (b"title = '\xff'", "must be UTF-8 text; got .*drawing.toml.* byte 9"),
        (b"a = 1\nb = = 2", "must be valid TOML; got .*drawing.toml: .*line 2"),
        (b"a = 1\na = 2", "must be valid TOML; got .*drawing.toml"),
        (b"scale = 'x'", "`scale` must be a number; got 'x'"),
        (b"scale = 2020-01-01", "`scale` must be a number; got datetime"),
    ],
    ids=["missing", "folder", "bytes", "syntax", "twice", "type", "date"],
)
def test_files_that_cannot_be_read_are_named(tmp_path, content, message):
    path = tmp_path / "drawing.toml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        settings.load(Drawing, path)
    assert "\n" not in str(caught.value)


def test_dump_leaves_none_out_and_refuses_it_where_that_changes_the_meaning():
    assert "limit" not in tomllib.loads(settings.dump(Drawing()))
    with pytest.raises(ValueError, match="must not hold None where the default"):
        settings.dump(Gap(limit=None))
    with pytest.raises(ValueError, match="must not hold None in a tuple"):
        settings.dump(Gap(several=(1.0, None)))


@pytest.mark.parametrize(
    "other",
    [Drawing(scale=0.2), Drawing(UnitDisc()), Drawing(title="a"), Drawing(limit=0.0)],
)
def test_fingerprints_tell_settings_apart(other):
    assert settings.fingerprint(other) != settings.fingerprint(Drawing())


def test_fingerprints_name_what_the_results_depend_on(monkeypatch):
    plain = settings.fingerprint(Drawing())
    assert len(plain) == 16
    assert int(plain, 16) >= 0
    assert plain == settings.fingerprint(Drawing(verbose=True))
    assert plain == settings.digest(settings.describe(Drawing()))
    single = settings.fingerprint(Drawing(), {"precision": "float32"})
    double = settings.fingerprint(Drawing(), {"precision": "float64"})
    assert len({plain, single, double}) == 3
    monkeypatch.setattr(_describe, "SCHEMA", settings.SCHEMA + 1)
    assert settings.fingerprint(Drawing()) != plain


def test_fingerprints_are_the_same_in_every_process():
    data = {"kind": "Box", "width": 0.1, "name": "\u00e9"}
    code = f"from simgeo import settings; print(settings.digest({data!r}))"
    found = {
        subprocess.run(
            [sys.executable, "-X", f"utf8={mode}", "-c", code],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        for mode in (0, 1)
    }  # fmt: skip
    assert found == {settings.digest(data)} == {"cf06850a7095e571"}


class Pet(eqx.Module):
    age: float | None = eqx.field(default=None, metadata={"default": "its owner's"})


class Cat(Pet):
    pass


class _Stray(Pet):
    pass


def test_private_kinds_are_not_offered():
    assert settings.kinds(Pet) == {"pet": Pet, "cat": Cat}
    with pytest.raises(ValueError, match="Valid: cat, pet"):
        settings.build(Pet, {"kind": "_Stray"})
    assert settings.build(_Stray, {"age": 2}) == _Stray(2.0)


def test_a_field_can_say_what_its_default_stands_for():
    assert settings.fields(Cat)["age"].about_default == "its owner's"
    assert settings.fields(Box)["width"].about_default == ""
