"""Programs that are compiled sooner and run slower: for tests and small networks."""

import os

_FLAGS = (
    "--xla_cpu_parallel_codegen_split_count=1",
    "--xla_cpu_use_fusion_emitters=false",  # after jaxlib 0.11.0 an error
)


def compile_in_a_hurry() -> None:
    """From now on, and in processes that are begun; JAX may not be imported yet."""
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    given = os.environ.get("XLA_FLAGS", "").split()
    told = [*given, *(flag for flag in _FLAGS if flag not in given)]
    os.environ["XLA_FLAGS"] = " ".join(told)
