"""What can be wrong with a file of results."""


class DamagedFileError(ValueError):
    """A file of results that was read, and does not hold what was written there."""


class UnreadableFileError(ValueError):
    """A file that could not be read. It may well be whole."""


class SchemaError(ValueError):
    """A file of results that another version of simgeo wrote."""
