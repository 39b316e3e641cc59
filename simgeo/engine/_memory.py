"""How much memory programs may use, and how much they need."""

import os
import resource
import sys
from pathlib import Path

import jax

SLACK = 0.8  # of the memory that is free: copies on the host, and the allocator's own


class TooLargeError(MemoryError):
    """A program that does not fit into the memory that it may use."""


def default_memory() -> int:
    """Half of the host's memory, or three quarters of the accelerator's, in bytes."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        limit = (device.memory_stats() or {}).get("bytes_limit", 2**33)
        return int(0.75 * limit)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/limit_in_bytes"):
        try:
            total = min(total, int(Path(path).read_text()))
        except (OSError, ValueError):  # no limit is the word "max"
            pass
    return total // 2


def held() -> int:
    """What this process holds of the memory that its programs use, in bytes."""
    if jax.devices()[0].platform != "cpu":
        return 0
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
