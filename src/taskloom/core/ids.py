"""Keys as short ids: a prefix and 13 digits of base 32.

The digits have one width and one spelling each, so ids sort as their keys do and a key has one id.
"""

from typing import Final

from taskloom.core.keys import is_key

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {sign: value for value, sign in enumerate(_ALPHABET)}
_DIGITS: Final = 13
_BITS: Final = 5


def spell(prefix: str, key: int) -> str:
    """The id of a key."""
    digits = (_ALPHABET[(key >> (_BITS * place)) & 31] for place in range(_DIGITS - 1, -1, -1))
    return prefix + "".join(digits)


def parse(prefix: str, text: str) -> int | None:
    """The key an id spells; None when it spells none."""
    digits = text.removeprefix(prefix)
    if len(digits) != _DIGITS or len(text) != len(prefix) + _DIGITS:
        return None
    key = 0
    for sign in digits:
        value = _VALUES.get(sign)
        if value is None:
            return None
        key = (key << _BITS) | value
    return key if is_key(key) else None
