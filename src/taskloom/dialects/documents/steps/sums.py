"""Chooses net, tax and total together: three amounts that add up are surer than the best label."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import structs

from taskloom.dialects.documents.steps.anchors import Candidate

TRIO = ("net_amount", "tax_amount", "total_amount")
_TRIED = 12
_PROVEN = 0.98
_CONTRADICTED = 0.85


def add_up(found: Mapping[str, Sequence[Candidate]]) -> dict[str, Candidate]:
    """The best candidate of each field of `TRIO`; of those that add up the likeliest, if any do."""
    nets, taxes, totals = (_distinct(found.get(field, ())) for field in TRIO)
    taxes = [*taxes, *_summed(taxes)]
    best: tuple[float, tuple[Candidate, Candidate, Candidate]] | None = None
    for net in nets:
        for tax in taxes:
            total = _with_value(totals, Decimal(net.value) + Decimal(tax.value))
            if total is None:
                continue
            weight = net.confidence * tax.confidence * total.confidence
            if best is None or weight > best[0]:
                best = weight, (net, tax, total)
    if best is not None:
        return {
            field: structs.replace(one, confidence=max(one.confidence, _PROVEN))
            for field, one in zip(TRIO, best[1], strict=True)
        }
    return _unproven(found)


def _unproven(found: Mapping[str, Sequence[Candidate]]) -> dict[str, Candidate]:
    """The first of each; less sure when all three are there and do not add up."""
    first = {field: found[field][0] for field in TRIO if found.get(field)}
    factor = _CONTRADICTED if len(first) == len(TRIO) else 1.0
    return {
        field: structs.replace(one, confidence=round(one.confidence * factor, 3))
        for field, one in first.items()
    }


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The surest candidate of each value."""
    seen: dict[str, Candidate] = {}
    for one in candidates:
        seen.setdefault(one.value, one)
    return list(seen.values())[:_TRIED]


def _summed(taxes: Sequence[Candidate]) -> list[Candidate]:
    """The taxes of all rates together, for invoices that print no sum of them."""
    if len(taxes) < 2:
        return []
    total = sum((Decimal(one.value) for one in taxes), Decimal(0))
    last = taxes[-1]
    return [structs.replace(last, value=format(total, "f"), confidence=round(last.confidence * 0.8, 3))]


def _with_value(candidates: Sequence[Candidate], value: Decimal) -> Candidate | None:
    return next((one for one in candidates if Decimal(one.value) == value), None)
