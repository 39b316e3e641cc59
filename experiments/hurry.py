"""Programs that are compiled sooner and run slower: for tests and small networks."""

import os
from importlib.metadata import version


def compile_in_a_hurry() -> None:
    """From now on, and in processes that are begun; JAX may not be imported yet."""
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    flags = ["--xla_cpu_parallel_codegen_split_count=1"]
    if [int(part) for part in version("jaxlib").split(".")[:3]] <= [0, 11, 0]:
        # Later ones end the process at a flag that they do not know any more.
        flags.append("--xla_cpu_use_fusion_emitters=false")
    given = os.environ.get("XLA_FLAGS", "").split()
    told = [*given, *(flag for flag in flags if flag not in given)]
    os.environ["XLA_FLAGS"] = " ".join(told)
