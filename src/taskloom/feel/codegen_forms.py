"""Generated code of names, paths, lists, contexts, `if`, filters, loops, functions and calls."""

from collections.abc import Callable

from taskloom.feel.bindings import FREE, cost_of, is_position, is_truth, mentions
from taskloom.feel.built_in import BuiltIn, Overload
from taskloom.feel.codegen import Generator, Operand, generates
from taskloom.feel.diagnostics import WarningCode
from taskloom.feel.inference import result_type
from taskloom.feel.nodes import (
    Call,
    ContextLiteral,
    Expr,
    Filter,
    For,
    FunctionLiteral,
    If,
    Iterator,
    ListLiteral,
    Name,
    NamedCall,
    Path,
    Quantified,
)
from taskloom.feel.type_system import resolve


@generates(Name)
def _name(generator: Generator, node: Name) -> Operand:
    items, slot = generator.bindings.find(node.name)
    if not items and slot is not None:
        return Operand(generator.slot(slot))
    out, name = generator.out, generator.out.name("t")
    key = out.constant(node.name)
    for index, item in enumerate(items):
        holder = generator.slot(item)
        word = "elif" if index else "if"
        out.line(f"{word} T({holder}) is DICT and {key} in {holder}: {name} = {holder}[{key}]")
    if not items:
        _free_name(generator, node, name, key)
    else:
        with out.block("else:"):
            if slot is None:
                _free_name(generator, node, name, key)
            else:
                out.line(f"{name} = {generator.slot(slot)}")
    return Operand(name)


def _free_name(generator: Generator, node: Name, name: str, key: str) -> None:
    out = generator.out
    fallback = out.constant(generator.built_ins.get(node.name))
    out.line(f"try: {name} = scope[{key}]")
    out.line(f"except KEY_ERROR: {name} = missing(run, {out.span(node.span)}, {key}, {fallback})")


@generates(Path)
def _path(generator: Generator, node: Path) -> Operand:
    source = generator.operand(node.source).text
    out = generator.out
    key = out.constant(node.name)
    slow = f"member(run, {out.span(node.span)}, {source}, {key})"
    return Operand(out.keep(f"{source}[{key}] if T({source}) is DICT and {key} in {source} else {slow}"))


@generates(ListLiteral)
def _list(generator: Generator, node: ListLiteral) -> Operand:
    items = ", ".join(operand.text for operand in generator.operands(node.items))
    return Operand(generator.out.keep(f"[{items}]"))


@generates(ContextLiteral)
def _context(generator: Generator, node: ContextLiteral) -> Operand:
    keys = [key for key, _ in node.entries]
    if len(set(keys)) < len(keys):
        return _warning(generator, node, WarningCode.INVALID_LITERAL, "A key of the context stands twice")
    known = generator.bindings.open_level()
    parts: list[str] = []
    for key, value in node.entries:
        slot = generator.bindings.new_slot()
        if isinstance(value, FunctionLiteral):
            known[key] = slot
            entry = _function(generator, value, slot)
        else:
            entry = generator.operand(value)
        generator.out.line(f"v{slot} = {entry.text}")
        parts.append(f"{generator.out.constant(key)}: v{slot}")
        known[key] = slot
    generator.bindings.close_level()
    return Operand(generator.out.keep(f"{{{', '.join(parts)}}}"))


def _warning(generator: Generator, node: Expr, code: WarningCode, message: str) -> Operand:
    out = generator.out
    return Operand(
        out.keep(f"run.warn({out.constant(code)}, {out.constant(message)}, {out.span(node.span)})")
    )


@generates(If)
def _if(generator: Generator, node: If) -> Operand:
    out = generator.out
    condition = generator.operand(node.condition)
    name = out.name("t")
    with out.block(f"if {condition.text} is True:"):
        then = generator.operand(node.then)
        out.line(f"{name} = {then.text}")
    with out.block("else:"):
        otherwise = generator.operand(node.otherwise)
        out.line(f"{name} = {otherwise.text}")
    return Operand(name, truth=then.truth and otherwise.truth)


@generates(Filter)
def _filter(generator: Generator, node: Filter) -> Operand:
    out, span = generator.out, generator.out.span(node.span)
    source = generator.operand(node.source)
    position = generator.operand(node.condition) if is_position(node.condition) else None
    if position is not None:
        return Operand(out.keep(f"item_at(run, {span}, {source.text}, {position.text})"))
    name, items = out.name("t"), out.name("t")
    out.line(f"if {source.text} is None: {name} = None")
    with out.block("else:"):
        out.line(f"{items} = {source.text} if T({source.text}) is LIST else [{source.text}]")
        out.line(f"run.spend(LEN({items}) * {cost_of(node.condition)} + 1)")
        out.line(f"{name} = []")
        _selection(generator, node, name, items, span)
    return Operand(name)


def _selection(generator: Generator, node: Filter, name: str, items: str, span: str) -> None:
    out = generator.out
    truth = is_truth(node.condition)
    with generator.bindings.item() as slot:
        with out.block(f"for v{slot} in {items if truth else items + ' or [None]'}:"):
            condition = generator.operand(node.condition).text
            out.line(f"if {condition} is True: {name}.append(v{slot})")
            if not truth:
                with out.block(f"elif {condition} is not False and {condition} is not None:"):
                    first = f"not {items} or v{slot} is {items}[0]"
                    out.line(f"{name} = odd_filter(run, {span}, {items}, {condition}, {first})")
                    out.line("break")
        if not truth:
            out.line(f"if not {items} and {name}: {name} = []")


Loop = Callable[[], None]


@generates(For)
def _for(generator: Generator, node: For) -> Operand:
    out, name, fine = generator.out, generator.out.name("t"), generator.out.name("t")
    out.line(f"{name} = []")
    out.line(f"{fine} = True")

    def step() -> None:
        with generator.bindings.names(("partial",)) as (partial,):
            out.line(f"run.spend({cost_of(node.body)})")
            if mentions(node.body, "partial"):
                out.line(f"run.spend(LEN({name}))")
                out.line(f"v{partial} = {name}[:]")
            out.line(f"{name}.append({generator.operand(node.body).text})")

    _nest(generator, node.iterators, fine, "", step)
    out.line(f"run.check_items(LEN({name}))")
    out.line(f"if not {fine}: {name} = None")
    return Operand(name)


@generates(Quantified)
def _quantified(generator: Generator, node: Quantified) -> Operand:
    out, name, fine = generator.out, generator.out.name("t"), generator.out.name("t")
    decisive = "False" if node.every else "True"
    out.line(f"{name} = {'True' if node.every else 'False'}")
    out.line(f"{fine} = True")

    def step() -> None:
        out.line(f"run.spend({cost_of(node.condition)})")
        condition = generator.operand(node.condition).text
        with out.block(f"if {condition} is {decisive}:"):
            out.line(f"{name} = {decisive}")
            out.line("break")
        out.line(f"if {condition} is not {'True' if node.every else 'False'}: {name} = None")

    _nest(generator, node.iterators, fine, f" or {name} is {decisive}", step)
    out.line(f"if not {fine}: {name} = None")
    return Operand(name, truth=True)


def _nest(generator: Generator, iterators: tuple[Iterator, ...], fine: str, stop: str, step: Loop) -> None:
    """Loops within loops; a source that cannot be iterated makes `fine` false and ends them all."""
    known = generator.bindings.open_level()
    _level(generator, iterators, known, fine, stop, step)
    generator.bindings.close_level()


def _level(  # noqa: PLR0917 - one call per level of the nest
    generator: Generator,
    iterators: tuple[Iterator, ...],
    known: dict[str, int],
    fine: str,
    stop: str,
    step: Loop,
) -> None:
    out, iterator = generator.out, iterators[0]
    span = out.span(iterator.source.span)
    source, items = generator.operand(iterator.source).text, out.name("t")
    if iterator.end is None:
        out.line(f"{items} = {source} if T({source}) is LIST else items_of(run, {span}, {source})")
    else:
        out.line(f"{items} = counted(run, {span}, {source}, {generator.operand(iterator.end).text})")
    slot = generator.bindings.new_slot()
    known[iterator.name] = slot
    out.line(f"if {items} is None: {fine} = False")
    with out.block("else:"), out.block(f"for v{slot} in {items}:"):
        if len(iterators) == 1:
            step()
        else:
            _level(generator, iterators[1:], known, fine, stop, step)
            out.line(f"if not {fine}{stop}: break")


@generates(FunctionLiteral)
def _function(generator: Generator, node: FunctionLiteral, own_slot: int | None = None) -> Operand:
    out = generator.out
    if node.external:
        given = out.constant(tuple(parameter.name for parameter in node.parameters))
        mapping = generator.operand(node.body).text
        return Operand(out.keep(f"external(run, {out.span(node.span)}, {given}, {mapping})"))
    outer_lines, outer_used = out.lines, generator.used
    out.lines, generator.used = [], set()
    names = tuple(parameter.name for parameter in node.parameters)
    inner, maker, own = out.name("f"), out.name("m"), out.name("t") if own_slot is None else f"v{own_slot}"
    with generator.bindings.names(names) as slots:
        first_inside = min(slots, default=generator.bindings.size)
        with out.block(f"def {inner}({', '.join(['run', *(f'v{slot}' for slot in slots)])}):"):
            out.line(f"return {generator.operand(node.body).text}")
    body, used = out.lines, generator.used
    captured = sorted(slot for slot in used if slot < first_inside and slot != own_slot)
    out.lines, generator.used = outer_lines, outer_used | set(captured)
    parameters = ", ".join(f"v{slot}" for slot in captured)
    resolved = tuple(
        None if part.type is None else resolve(part.type, generator.types) for part in node.parameters
    )
    types = resolved if any(kind is not None for kind in resolved) else ()
    with out.block(f"def {maker}({parameters}):"):
        out.lines.extend(" " + line for line in body)
        result = out.constant(result_type(node.body, dict(zip(names, resolved, strict=True))))
        arguments = f"types={out.constant(types)}, apparent_type={result}"
        out.line(f"{own} = FUNCTION({out.constant(names)}, {inner}, {arguments})")
        out.line(f"return {own}")
    return Operand(out.keep(f"{maker}({parameters})"))


@generates(Call)
def _call(generator: Generator, node: Call) -> Operand:
    known = _direct(generator, node.function)
    if known is not None:
        return _built_in_call(generator, node, known)
    function = _callee(generator, node.function)
    arguments = ", ".join(operand.text for operand in generator.operands(node.arguments))
    span = generator.out.span(node.span)
    return Operand(generator.out.keep(f"call(run, {span}, {function}, [{arguments}])"))


def _built_in_call(generator: Generator, node: Call, function: BuiltIn) -> Operand:
    out = generator.out
    arguments = [operand.text for operand in generator.operands(node.arguments)]
    given = f"run, {out.span(node.span)}, [{', '.join(arguments)}]"
    general = f"{out.constant(function.call)}({given})"
    overload = next((found for found in function.overloads if found.takes(len(arguments))), None)
    if overload is None or overload.variadic:
        return Operand(out.keep(general))
    name = out.name("t")
    call = f"{out.constant(overload.body)}({', '.join(['run', *arguments])})"
    checks = _kind_checks(generator, overload, arguments)
    out.line(f"{name} = {call} if {checks} else {general}" if checks else f"{name} = {call}")
    out.line(f"if T({name}) is REFUSAL: {name} = {out.constant(function.call_after)}({given}, {name})")
    return Operand(name)


def _kind_checks(generator: Generator, overload: Overload, arguments: list[str]) -> str:
    checks: list[str] = []
    for argument, parameter in zip(arguments, overload.parameters, strict=False):
        if len(parameter.kinds) == 1:
            (kind,) = parameter.kinds
            checks.append(f"T({argument}) is {generator.out.constant(kind)}")
        elif parameter.kinds:
            checks.append(f"T({argument}) in {generator.out.constant(parameter.kinds)}")
    return " and ".join(checks)


@generates(NamedCall)
def _named_call(generator: Generator, node: NamedCall) -> Operand:
    out = generator.out
    known = _direct(generator, node.function)
    function = out.constant(known) if known is not None else _callee(generator, node.function)
    names = out.constant(tuple(name for name, _ in node.arguments))
    values = ", ".join(generator.operand(value).text for _, value in node.arguments)
    return Operand(out.keep(f"call_named(run, {out.span(node.span)}, {function}, {names}, [{values}])"))


def _direct(generator: Generator, node: Expr) -> BuiltIn | None:
    if not isinstance(node, Name) or not node.built_in:
        return None
    return generator.built_ins.get(node.name)


def _callee(generator: Generator, node: Expr) -> str:
    if not isinstance(node, Name):
        return generator.operand(node).text
    out = generator.out
    fallback = out.constant(generator.built_ins.get(node.name))
    if generator.bindings.find(node.name) == FREE:
        name, span = out.constant(node.name), out.span(node.span)
        return out.keep(f"find_function(run, {span}, scope, {name}, {fallback})")
    return out.keep(f"callee({generator.operand(node).text}, {fallback})")
