"""The built-in functions, one module per group; importing this package declares them all."""

from collections.abc import Mapping

from taskloom.feel.built_in import BuiltIn, Refusal, table
from taskloom.feel.dialect import Dialect
from taskloom.feel.library import (
    camunda,
    contexts,
    conversion,
    lists,
    numeric,
    ranges,
    statistics,
    strings,
    temporal,
)

__all__ = [
    "BuiltIn",
    "Refusal",
    "built_ins",
    "camunda",
    "contexts",
    "conversion",
    "lists",
    "numeric",
    "ranges",
    "statistics",
    "strings",
    "temporal",
]


def built_ins(dialect: Dialect) -> Mapping[str, BuiltIn]:
    """The functions of a dialect by name."""
    return table(dialect)
