"""What can go wrong, as a sentence for whoever typed ``make stack``."""


class StackError(Exception):
    """Something that the user can do something about."""
