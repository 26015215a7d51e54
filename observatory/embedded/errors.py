"""What can go wrong while the product starts itself, each as one line for the person at the terminal."""


class EmbeddedError(Exception):
    """A start that cannot go on; the message is one complete line without a traceback's help."""


class NotRunning(EmbeddedError):
    """The built-in database exists or could exist, but nobody has started it."""
