"""What ends a command of `python -m infra.aws`."""


class StageError(Exception):
    """Something that the operator can mend; `str()` is one line that says what, and how."""
