"""What keeps kefu from starting, in words for the person who starts it."""


class StartError(Exception):
    """kefu cannot start; `str()` is one line that says why, and what to do."""
