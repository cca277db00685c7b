"""Input and output mappings: values computed when an element begins and when it ends.

Inputs become local variables; a dotted target builds a new object, whatever stood under its first name.
Outputs are merged upward from the scope around the element; a dotted target changes only that leaf and keeps
what stands beside it. A mapping sees the targets of those before it.
"""

from collections.abc import Mapping, Sequence

from taskloom.flows.bpmn.expression import Unusable, evaluate_json, formula_text
from taskloom.flows.bpmn.model import VariableMapping
from taskloom.flows.bpmn.run import Failure, Run
from taskloom.flows.bpmn.state import IncidentKind
from taskloom.flows.bpmn.variables import as_object, variables_of


def apply_inputs(run: Run, key: int, mappings: Sequence[VariableMapping]) -> Failure | None:
    """Write the local variables of an element that begins."""
    if not mappings:
        return None
    targets = _evaluate(run, key, mappings, keeps=False)
    if isinstance(targets, Failure):
        return targets
    run.set_local(key, targets)
    return None


def apply_outputs(run: Run, key: int, mappings: Sequence[VariableMapping]) -> Failure | None:
    """Write what an element that ends leaves to the scopes around it."""
    if not mappings:
        return None
    targets = _evaluate(run, key, mappings, keeps=True)
    if isinstance(targets, Failure):
        return targets
    run.propagate(run.scopes[key].scope, targets)
    return None


def _evaluate(
    run: Run, key: int, mappings: Sequence[VariableMapping], *, keeps: bool
) -> dict[str, bytes] | Failure:
    """The mapped variables by name; `keeps` is whether a dotted target keeps what stands beside it."""
    seen = run.seen(key)
    targets: dict[str, bytes] = {}
    for mapping in mappings:
        value = evaluate_json(mapping.source, seen)
        if isinstance(value, Unusable):
            return Failure(IncidentKind.IO_MAPPING_ERROR, _describe(mappings, value))
        name, *path = mapping.target
        if path:
            before = targets.get(name) or (seen.get(name) if keeps else None)
            value = put_leaf(before or b"null", path, value)
        targets[name] = value
        seen.put(name, value)
    return targets


def put_leaf(document: bytes, path: Sequence[str], value: bytes) -> bytes:
    """The document with another value at the end of the path; what is no object on the way becomes one."""
    members: Mapping[str, bytes] = variables_of(document) if document.lstrip()[:1] == b"{" else {}
    name, *rest = path
    inner = put_leaf(members.get(name, b"null"), rest, value) if rest else value
    return as_object({**members, name: inner})


def _describe(mappings: Sequence[VariableMapping], failure: Unusable) -> str:
    """The incident's message: all mappings of the element as one context, and why it has no value."""
    parts = (f"{'.'.join(each.target)}:{formula_text(each.source)}" for each in mappings)
    context = "{" + ",".join(parts) + "}"
    return f"Failed to evaluate the expression '{context}': {failure.message}"
