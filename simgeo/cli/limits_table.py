"""`simgeo limits`: what is possible, as one table."""

from simgeo.cli import Parser, in_flags
from simgeo.cli.as_records import add_json, as_json
from simgeo.limits import summary, table

_FLAGS = {
    "num_vectors": "--n",
    "dim": "--d",
    "epsilon": "--epsilon",
    "student_dim": "--m",
}


def show(arguments: list[str]) -> None:
    """Prints the table of these numbers."""
    parser = Parser(
        "limits", "What n vectors in d dimensions can do at epsilon, exact or bound."
    )
    add = parser.add_argument
    add("--n", type=int, required=True, help="number of vectors")
    add("--d", type=int, required=True, help="their dimensions")
    add("--epsilon", type=float, required=True, help="largest |cos| of a pair")
    add("--m", type=int, help="dimensions of the student (default: half of d)")
    add_json(parser)
    asked = parser.parse_args(arguments)
    try:
        rows = summary(asked.n, asked.d, asked.epsilon, asked.m)
    except ValueError as error:
        raise ValueError(in_flags(error, _FLAGS)) from None
    print(as_json(each._asdict() for each in rows) if asked.json else table(rows))
