"""Which names may follow a dot after the value of an expression, as far as the model tells.

The parser of FEEL needs this for member names with blanks or symbols: the entries of a boxed context, the
columns of a relation, the outputs of a table, and what a literal expression builds or passes on.
"""

from taskloom.dmn.model import (
    Conditional,
    Context,
    DecisionTable,
    Expression,
    Filter,
    For,
    ListOf,
    Literal,
    Relation,
)
from taskloom.dmn.place import Place
from taskloom.feel import NameTable
from taskloom.feel import nodes as feel_nodes


def shape_of(expression: Expression, place: Place) -> NameTable | None:
    """The members of the expression's value, or of its items; None when nothing is known."""
    declared = place.members_of(expression.type_ref, expression.line)
    if declared is not None:
        return declared
    if isinstance(expression, Literal):
        return _of_literal(expression, place)
    if isinstance(expression, Context):
        return _of_context(expression, place)
    if isinstance(expression, Relation):
        return NameTable(
            {
                column.name: place.members_of(column.type_ref, column.line)
                or (shape_of(expression.rows[0][number], place) if expression.rows else None)
                for number, column in enumerate(expression.columns)
            }
        )
    if isinstance(expression, DecisionTable):
        return _of_table(expression, place)
    return _of_inner(expression, place)


def _of_inner(expression: Expression, place: Place) -> NameTable | None:
    if isinstance(expression, ListOf):
        return merged([shape_of(item, place) for item in expression.items])
    if isinstance(expression, Conditional):
        return merged([shape_of(expression.then, place), shape_of(expression.otherwise, place)])
    if isinstance(expression, Filter):
        return shape_of(expression.source, place)
    if isinstance(expression, For):
        item = shape_of(expression.source, place)
        return shape_of(expression.result, place.knowing({expression.variable: item}))
    return None


def merged(shapes: list[NameTable | None]) -> NameTable | None:
    """The names of all shapes together."""
    known = {name: shape.members(name) for shape in shapes if shape is not None for name in shape.names()}
    return NameTable(known) if known else None


def _of_context(expression: Context, place: Place) -> NameTable | None:
    known: dict[str, NameTable | None] = {}
    for entry in expression.entries:
        variable = entry.variable
        declared = place.members_of(variable.type_ref, variable.line)
        known[variable.name] = declared or shape_of(entry.value, place)
        place = place.knowing({variable.name: known[variable.name]})
    return NameTable(known) if expression.result is None else shape_of(expression.result, place)


def _of_table(expression: DecisionTable, place: Place) -> NameTable | None:
    if len(expression.outputs) > 1:
        return NameTable(
            {
                output.name: place.members_of(output.type_ref, output.line)
                for output in expression.outputs
                if output.name is not None
            }
        )
    output = expression.outputs[0]
    cells = [rule.outputs[0] for rule in expression.rules[:1]]
    return place.members_of(output.type_ref, output.line) or merged([shape_of(cell, place) for cell in cells])


def _of_literal(expression: Literal, place: Place) -> NameTable | None:
    tree = place._replace(complain=_ignore).text(expression).tree
    return None if tree is None else _of_tree(tree, place.names)


def _ignore(_message: str, _line: int) -> None:
    """Problems of the text are told when it is compiled."""


def _of_tree(tree: feel_nodes.Expr, names: NameTable) -> NameTable | None:
    if isinstance(tree, feel_nodes.Name):
        return names.members(tree.name)
    if isinstance(tree, feel_nodes.Path):
        source = _of_tree(tree.source, names)
        return None if source is None else source.members(tree.name)
    if isinstance(tree, feel_nodes.Filter):
        return _of_tree(tree.source, names)
    if isinstance(tree, feel_nodes.If):
        return merged([_of_tree(tree.then, names), _of_tree(tree.otherwise, names)])
    if isinstance(tree, feel_nodes.ContextLiteral):
        return NameTable({key: _of_tree(value, names) for key, value in tree.entries})
    if isinstance(tree, feel_nodes.ListLiteral):
        return merged([_of_tree(item, names) for item in tree.items])
    if isinstance(tree, feel_nodes.For):
        inner: dict[str, NameTable | None] = {}
        for iterator in tree.iterators:
            inner[iterator.name] = _of_tree(iterator.source, names.with_names(inner))
        return _of_tree(tree.body, names.with_names(inner))
    return None
