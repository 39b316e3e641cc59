"""`python -m simgeo` is the command `simgeo`."""

import sys

from simgeo.cli import main

if __name__ == "__main__":
    sys.exit(main())
