"""`simgeo limits`: what is possible, as one table."""

from simgeo.cli import Parser, fail
from simgeo.limits import summary, table


def show(arguments: list[str]) -> int:
    """Exit code, after the table of these numbers."""
    parser = Parser(
        prog="simgeo limits",
        description="What n vectors in d dimensions can do at epsilon, exact or bound.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--n", type=int, required=True, help="number of vectors")
    add("--d", type=int, required=True, help="their dimensions")
    add("--epsilon", type=float, required=True, help="largest |cos| of a pair")
    add("--m", type=int, help="dimensions of the student (default: half of d)")
    try:
        chosen = parser.parse_args(arguments)
        limits = summary(chosen.n, chosen.d, chosen.epsilon, chosen.m)
    except ValueError as error:
        return fail(error, 2)
    print(table(limits))
    return 0
