"""Which FEEL: the standard, or the language as Camunda's engine reads it."""

from enum import Enum


class Dialect(Enum):
    """DMN follows the standard; CAMUNDA adds functions and differs where `docs/api/feel.md` says so."""

    DMN = "dmn"
    CAMUNDA = "camunda"
