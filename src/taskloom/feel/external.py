"""External functions: a fixed table of pure functions of Java's standard library, by their own rules.

The standard lets a model name a Java method as the body of a function. No Java runs here and no code is
loaded; what the table below does not have is null. Arguments are converted as the signature says (a number
within the reach of `int`, a `double` to eight bytes, ...); one that cannot be converted makes the call null.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from taskloom.feel.decimals import compact, settled, text_of
from taskloom.feel.diagnostics import NO_SPAN, Span, WarningCode
from taskloom.feel.run import Run
from taskloom.feel.values import NUMBERS, Function, Value

_SIGNATURE: Final = re.compile(r"\s*(\w+)\s*\(([^()]*)\)\s*")
_BITS: Final = {"byte": 8, "short": 16, "int": 32, "long": 64}
_BOXES: Final = {"java.lang.Integer": "int", "java.lang.Character": "char"}
_FORMAT: Final = re.compile(r"%(-?\d*(?:\.\d+)?)([sdfn%])")
_TEXT_CHARS_MAX: Final = 10_000


class _UnfitError(ValueError):
    """An argument or a result is not what Java's method takes or gives."""


def external_function(parameters: Sequence[str], mapping: Value) -> Function | None:
    """The function that `{java: {class: ..., method signature: ...}}` names; None when it is not known."""
    java = mapping.get("java") if type(mapping) is dict else None
    if type(java) is not dict:
        return None
    owner, signature = java.get("class"), java.get("method signature")
    match = _SIGNATURE.fullmatch(signature) if type(signature) is str else None
    if match is None or type(owner) is not str:
        return None
    kinds = tuple(kind.strip() for kind in match[2].split(",") if kind.strip())
    method = _METHODS.get((owner, match[1]))
    if method is None or len(kinds) != len(parameters):
        return None
    return Function(tuple(parameters), _body(method, kinds), name=match[1])


def external(run: Run, span: Span, names: tuple[str, ...], mapping: Value) -> Value:
    """The function that an external literal names; null when it is not known."""
    found = external_function(names, mapping)
    if found is None:
        run.warn(WarningCode.UNSUPPORTED, "The external function is not known", span)
    return found


def _body(method: Callable[..., Any], kinds: tuple[str, ...]) -> Callable[..., Value]:
    def body(run: Run, *arguments: Value) -> Value:
        try:
            given = [_to_java(value, kind) for value, kind in zip(arguments, kinds, strict=True)]
            return _from_java(method(*given))
        except (ValueError, OverflowError, ZeroDivisionError, TypeError) as fault:
            run.warn(
                WarningCode.FUNCTION_FAILED, f"The external function failed: {str(fault)[:100]}", NO_SPAN
            )
            return None

    return body


def _to_java(value: Value, kind: str) -> Any:
    kind = _BOXES.get(kind, kind)
    short = kind.removeprefix("java.lang.").lower() if kind.startswith("java.lang.") else kind
    if kind.startswith("[L") or kind.endswith(("[]", "...")):
        return value if type(value) is list else [value]
    if short in _BITS:
        return _whole(value, _BITS[short])
    if short in ("double", "float", "number") or kind == "java.math.BigDecimal":
        if type(value) not in NUMBERS:
            raise _UnfitError(f"not a {short}")
        return float(value) if short in ("double", "float") else value
    if short == "boolean" and type(value) is bool:
        return value
    if short == "string" and type(value) is str:
        return value
    if short == "char" and type(value) is str and len(value) == 1:
        return value
    if short == "object":
        return value
    raise _UnfitError(f"not a {short}")


def _whole(value: Value, bits: int) -> int:
    if type(value) not in NUMBERS or value != int(value):
        raise _UnfitError("not a whole number")
    reach = 1 << (bits - 1)
    if not -reach <= value < reach:
        raise _UnfitError("beyond the reach of the type")
    return int(value)


def _from_java(result: Any) -> Value:
    if type(result) is float:
        number = settled(Decimal(repr(result)))
        return None if number is None else compact(number)
    return result


def _java_text(value: Value) -> str:
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    return text_of(value) if type(value) in NUMBERS else str(value)


def _format(template: str, values: list[Value]) -> str:
    """`String.format` with %s, %d, %f, %n and %%, widths and precisions."""
    rest = list(values)

    def filled(match: re.Match[str]) -> str:
        width, kind = match[1], match[2]
        if kind in "n%":
            return "\n" if kind == "n" else "%"
        if len(width) > 4:
            raise _UnfitError("the width is too large")
        if not rest:
            raise _UnfitError("an argument of the format is missing")
        value = rest.pop(0)
        if kind == "s":
            return f"%{width}s" % _java_text(value)
        if type(value) not in NUMBERS or (kind == "d" and value != int(value)):
            raise _UnfitError("an argument does not fit the format")
        return str(f"%{width}{kind}" % value)

    if "%" in _FORMAT.sub("", template):
        raise _UnfitError("the format is not supported")
    text = _FORMAT.sub(filled, template)
    if len(text) > _TEXT_CHARS_MAX:
        raise _UnfitError("the text is too long")
    return text


def _round(value: float) -> int:
    return math.floor(value + 0.5)


def _parsed_whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII):
        raise _UnfitError("no whole number")
    return int(text)


def _parsed_float(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", text.strip()[:400], re.ASCII):
        raise _UnfitError("no number")
    return float(text)


def _value_of(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: parse(value) if type(value) is str else value


_DOUBLES: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs,
    "max": max,
    "min": min,
    "pow": math.pow,
    "sqrt": math.sqrt,
    "cbrt": lambda x: math.copysign(abs(x) ** (1 / 3), x),
    "exp": math.exp,
    "log": math.log,
    "log10": math.log10,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "hypot": math.hypot,
    "ceil": lambda x: float(math.ceil(x)),
    "floor": lambda x: float(math.floor(x)),
    "rint": lambda x: float(round(x)),
    "round": _round,
    "signum": lambda x: 0.0 if x == 0 else math.copysign(1.0, x),
    "toDegrees": math.degrees,
    "toRadians": math.radians,
    "floorMod": lambda x, y: x % y,
    "floorDiv": lambda x, y: x // y,
}

_COMBINED: Final[dict[str, Callable[..., Any]]] = {"max": max, "min": min, "sum": operator.add}

_METHODS: Final[dict[tuple[str, str], Callable[..., Any]]] = {
    **{("java.lang.Math", name): method for name, method in _DOUBLES.items()},
    **{("java.lang.StrictMath", name): method for name, method in _DOUBLES.items()},
    **{
        (f"java.lang.{owner}", name): _value_of(_parsed_whole)
        for owner, parse in (("Integer", "Int"), ("Long", "Long"), ("Short", "Short"), ("Byte", "Byte"))
        for name in ("valueOf", f"parse{parse}")
    },
    **{
        (f"java.lang.{owner}", name): _value_of(_parsed_float)
        for owner in ("Double", "Float")
        for name in ("valueOf", f"parse{owner}")
    },
    **{
        (f"java.lang.{owner}", name): method
        for owner in ("Integer", "Long", "Double", "Float")
        for name, method in _COMBINED.items()
    },
    ("java.lang.Boolean", "valueOf"): lambda value: value if type(value) is bool else value.lower() == "true",
    ("java.lang.Boolean", "parseBoolean"): lambda value: value.lower() == "true",
    ("java.lang.Character", "valueOf"): lambda value: value,
    ("java.lang.String", "valueOf"): _java_text,
    ("java.lang.String", "format"): _format,
    ("java.lang.String", "join"): lambda delimiter, items: delimiter.join(_java_text(item) for item in items),
}
