"""`simgeo doctor`: what runs here, and what is wrong with it; for a report too."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from simgeo.cli import Parser
from simgeo.cli.as_records import add_json, as_json

_DEVELOPERS = {"dev", "docs"}  # extras of the checkout; a part of them is no fault
_VARIABLES = ("JAX_", "XLA_", "CUDA_VISIBLE", "OMP_NUM", "OPENBLAS_", "MKL_NUM")

Row = dict[str, Any]  # about, name, value


def show(arguments: list[str]) -> int:
    """Prints what is here, then one line for each fault; 1 if there is one."""
    parser = Parser(
        "doctor",
        "Versions, devices, caches and memory, as a report of a fault should give "
        "them, and one line for whatever is wrong here.",
    )
    add_json(parser)
    asked = parser.parse_args(arguments)
    rows = [*_python(), *_packages(), *_devices(), *_memory(), *_caches()]
    faults = [row for row in rows if row["about"] == "fault"]
    if asked.json:
        print(as_json(rows))
        return bool(faults)
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        if row not in faults:
            print(f"{row['about']:8s}  {row['name']:{wide}s}  {row['value']}")
    print("\nNothing is wrong." if not faults else "")
    for row in faults:
        print(f"{row['name']}: {row['value']}")
    return bool(faults)


def _row(about: str, name: str, value: object) -> Row:
    return {"about": about, "name": name, "value": value}


def _python() -> Iterator[Row]:
    yield _row("python", "python", platform.python_version())
    yield _row("python", "platform", platform.platform())
    yield _row("python", "environment", sys.prefix)
    yield _row("python", "simgeo", Path(__file__).parents[1])
    for name, value in sorted(os.environ.items()):
        if name.startswith(_VARIABLES):
            yield _row("variable", name, value)


def _packages() -> Iterator[Row]:
    """Versions of what is needed, and which extras are here, whole or in part."""
    try:
        yield _row("package", "simgeo", importlib.metadata.version("simgeo"))
    except importlib.metadata.PackageNotFoundError:
        way = "In the checkout: pip install --editable ."
        yield _fault("simgeo", f"It is on the path, and not installed. {way}")
        return
    needed = [Requirement(each) for each in importlib.metadata.requires("simgeo") or ()]
    asked = importlib.metadata.metadata("simgeo").get_all("Provides-Extra") or ()
    for each in needed:
        if each.marker is None:
            found = _version(each)
            yield _row("package", each.name, found or "missing")
            if not _fits(each):
                yield _fault(each.name, f"{_told(each)}. Run pip install '{each}'")
    for extra in sorted({*asked} - _DEVELOPERS):
        own = [each for each in needed if _is_of(each, extra)]
        # Of jax[cuda13] what counts is what that extra of JAX brings.
        parts = [part for each in own for part in _parts(each)]
        here = [part for part in parts if _version(part)]
        bad = [part for part in parts if not _fits(part)]
        told = ", ".join(f"{part.name} {_version(part)}" for part in here)
        is_alone = any(each.extras for each in own)  # its parts are others' parts too
        if not bad:
            yield _row("extra", extra, told)
        elif here and not is_alone:
            yield _row("extra", extra, f"in part: {told}")
            said = "; ".join(map(_told, bad))
            way = f"In a checkout: pip install '.[{extra}]'"
            yield _fault(f"extra {extra}", f"{said}. {way}")
        else:
            yield _row("extra", extra, "not installed")


def _is_of(each: Requirement, extra: str) -> bool:
    marker = each.marker
    return marker is not None and marker.evaluate({"extra": extra})


def _parts(each: Requirement) -> list[Requirement]:
    """What a requirement asks for: itself, or what its extras bring."""
    if not each.extras or not _version(each):
        return [each]
    needed = map(Requirement, importlib.metadata.requires(each.name) or ())
    return [part for part in needed for extra in each.extras if _is_of(part, extra)]


def _version(each: Requirement) -> str | None:
    try:
        return importlib.metadata.version(each.name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _fits(each: Requirement) -> bool:
    found = _version(each)
    return found is not None and each.specifier.contains(found, prereleases=True)


def _told(each: Requirement) -> str:
    found = _version(each)
    if found is None:
        return f"{each.name} is not installed"
    return f"{each.name} must be {each.specifier}, and is {found}"


def _fault(name: str, said: str) -> Row:
    return _row("fault", name, said)


def _devices() -> Iterator[Row]:
    """What JAX computes on; it is imported here, so that a broken one is a line."""
    try:
        import jax

        devices = jax.devices()
    except Exception as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        way = "JAX_PLATFORMS=cpu before the command does without an accelerator"
        yield _fault("jax", f"It finds no device: {reason}. {way}")
        return
    kinds = [each.device_kind for each in devices]
    for kind in dict.fromkeys(kinds):
        yield _row("device", devices[0].platform, f"{kinds.count(kind)} x {kind}")
    is_double = jax.config.read("jax_enable_x64")
    yield _row("device", "precision", "float64" if is_double else "float32")


def _memory() -> Iterator[Row]:
    of_process = getattr(os, "sched_getaffinity", None)  # not on every system
    cores = len(of_process(0)) if of_process else os.cpu_count()
    yield _row("memory", "cores", cores)
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # another system
        return
    sizes = dict(line.split(":", 1) for line in lines)
    for name, key in {"memory": "MemTotal", "free memory": "MemAvailable"}.items():
        size = int(sizes[key].split()[0]) / 2**20
        yield _row("memory", name, f"{size:.1f} GiB")


def _caches() -> Iterator[Row]:
    """What `engine.keep_programs` keeps: where, and how much."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    own = Path(cache, "simgeo")
    for each in (own / "jax", own / "draws"):
        size = sum(file.stat().st_size for file in each.glob("**/*"))
        yield _row("cache", str(each), f"{size / 2**20:.0f} MiB")
    there = next(each for each in (own, *own.parents) if each.exists())
    free = shutil.disk_usage(there).free / 2**30
    yield _row("cache", "free disk", f"{free:.0f} GiB")
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        way = "Set XDG_CACHE_HOME to a folder that can be written"
        yield _fault("cache", f"{there} cannot be written: {error.strerror}. {way}")
