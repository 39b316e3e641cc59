"""How much memory programs may use, and how much they need."""

import ctypes
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import jax

SLACK = 0.8  # of the memory that is free: copies on the host, and the allocator's own


class TooLargeError(MemoryError):
    """A program that does not fit into the memory that it may use."""


def host_memory() -> int:
    """Bytes that this process may have: of the machine, its group, or its own limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    limits += [soft] if soft != resource.RLIM_INFINITY else []
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # another version, or the word "max"
            limits.append(int(Path("/sys/fs/cgroup", name).read_text()))
    return min(limits)


def default_memory() -> int:
    """Half of the host's memory, or three quarters of the accelerator's, in bytes."""
    if on_host():
        return host_memory() // 2
    return int(0.75 * (jax.devices()[0].memory_stats() or {}).get("bytes_limit", 2**33))


def on_host() -> bool:
    """Whether programs use the memory of this process."""
    return jax.devices()[0].platform == "cpu"


def held() -> int:
    """What this process holds of the memory that its programs use, in bytes.

    What is free in it is given back to the system first.
    """
    if not on_host():
        return 0
    with suppress(OSError, AttributeError):  # glibc keeps what a compilation has freed
        ctypes.CDLL(None).malloc_trim(0)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024)


def bytes_of(compiled: jax.stages.Compiled) -> int:
    """What a compiled program holds and works in, on one device."""
    needs = compiled.memory_analysis()
    return (
        needs.argument_size_in_bytes
        + needs.output_size_in_bytes
        - needs.alias_size_in_bytes
        + needs.temp_size_in_bytes
    )
