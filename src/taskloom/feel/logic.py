"""Three-valued logic: true, false and null; what is not a boolean counts as null."""

from taskloom.feel.values import Value


def both(left: Value, right: Value) -> bool | None:
    """`and`: false if either is false, true if both are true, else null."""
    if left is False or right is False:
        return False
    return True if left is True and right is True else None


def either(left: Value, right: Value) -> bool | None:
    """`or`: true if either is true, false if both are false, else null."""
    if left is True or right is True:
        return True
    return False if left is False and right is False else None
