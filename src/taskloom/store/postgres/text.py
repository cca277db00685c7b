"""Text that PostgreSQL can hold: it knows no NUL, so NUL is spelled with two other characters, reversibly.

The spelling keeps the order of texts: U+0000 becomes U+0001 U+0001, and U+0001 becomes U+0001 U+0002.
"""

from collections.abc import Iterable


def stored(text: str) -> str:
    """The spelling of a text in the database."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def shown(text: str) -> str:
    """The text of a spelling; the inverse of `stored`."""
    if "\1" in text:
        return text.replace("\1\1", "\0").replace("\1\2", "\1")
    return text


def all_stored(texts: Iterable[str]) -> list[str]:
    """The spellings of many texts; one look at all of them, for nearly none needs any."""
    given = list(texts)
    joined = "".join(given)
    if "\0" in joined or "\1" in joined:
        return [stored(text) for text in given]
    return given


def numbers(values: Iterable[int]) -> str:
    """An array of numbers as one text, which the driver sends as it is; it looks at each item of a list."""
    return f"{{{str(list(values))[1:-1]}}}"
