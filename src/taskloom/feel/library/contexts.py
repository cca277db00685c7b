"""Functions of contexts: reading, adding and merging entries."""

from taskloom.feel.built_in import Refusal, built_in
from taskloom.feel.dialect import Dialect
from taskloom.feel.run import Run
from taskloom.feel.text import quoted
from taskloom.feel.values import Value

Context = dict[str, Value]
_DMN = (Dialect.DMN,)
_CAMUNDA = (Dialect.CAMUNDA,)


@built_in("get value", "m: context, key: string", dialects=_DMN)
def get_value(_: Run, context: Context, key: str) -> Value:
    """The entry of that key."""
    return context[key] if key in context else Refusal(f"the context has no entry {quoted(key)}")


@built_in("get entries", "m: context", dialects=_DMN)
def get_entries(run: Run, context: Context) -> list[Context]:
    """The entries as contexts of key and value."""
    return entries_of(run, context)


def entries_of(run: Run, context: Context) -> list[Context]:
    """A context as a list of contexts with `key` and `value`."""
    run.spend(len(context))
    return [{"key": key, "value": value} for key, value in context.items()]


@built_in("context", "entries: list")
def context(run: Run, entries: list[Value]) -> Context | Refusal:
    """The context of entries that each have `key` and `value`; no key may stand twice."""
    run.spend(len(entries))
    built: Context = {}
    for entry in entries:
        if type(entry) is not dict or "value" not in entry or type(entry.get("key")) is not str:
            return Refusal("each entry must be a context with a key and a value")
        if entry["key"] in built:
            return Refusal(f"the key {quoted(entry['key'])} stands twice")
        built[entry["key"]] = entry["value"]
    return built


@built_in("context put", "context: context, key: string, value: any")
def context_put(run: Run, source: Context, key: str, value: Value) -> Context:
    """The context with an entry added or replaced."""
    run.spend(len(source))
    return {**source, key: value}


@built_in("context put", "context: context, keys: list, value: any", dialects=_DMN)
def context_put_nested(run: Run, source: Context, keys: list[Value], value: Value) -> Value:
    """The same along a path of keys, which must lead through contexts."""
    return put_nested(run, source, keys, value, create=False)


@built_in("context put", "context: context, keys: list, value: any", dialects=_CAMUNDA)
def context_put_created(run: Run, source: Context, keys: list[Value], value: Value) -> Value:
    """The same along a path of keys; contexts that are missing on the way are made."""
    return put_nested(run, source, keys, value, create=True)


def put_nested(run: Run, source: Value, keys: list[Value], value: Value, *, create: bool) -> Value:
    """A context with the value at the end of a path of keys."""
    if not keys or any(type(key) is not str for key in keys):
        return Refusal("the keys must be strings, one at least")
    path: list[Context] = []
    for key in keys:
        if source is None and create:
            source = {}
        if type(source) is not dict:
            return Refusal("the keys do not lead through contexts")
        run.spend(len(source))
        path.append(source)
        source = source.get(key)
    for level, key in zip(reversed(path), reversed(keys), strict=True):
        value = {**level, key: value}
    return value


@built_in("context merge", "contexts: list")
def context_merge(run: Run, contexts: list[Value]) -> Context | Refusal:
    """The entries of all contexts; of equal keys the last counts."""
    merged: Context = {}
    for part in contexts:
        if type(part) is not dict:
            return Refusal("each item must be a context")
        run.spend(len(part))
        merged.update(part)
    return merged
