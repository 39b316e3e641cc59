"""The studies, a file or a folder each, and what they share."""

import os

# Of these sizes NumPy decomposes faster so, several at once do not wait for each other,
# and no digit depends on the number of cores. NumPy reads it when it is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
