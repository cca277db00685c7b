"""Makes DMN files for tests: each function gives the XML of one kind of element.

Elements are referred to by name; the id is made from it. Any other string than XML is FEEL text.
"""

from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"
OLDER = {
    "1.2": "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "1.3": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "1.4": "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "1.5": NAMESPACE,
}


def identifier(name):
    return "id_" + "".join(char if char.isalnum() else "_" for char in name)


def href(name, namespace=""):
    return f"{namespace}#{identifier(name)}"


def attributes(**values):
    return "".join(f" {key}={quoteattr(str(value))}" for key, value in values.items() if value is not None)


def model(*parts, namespace="urn:test", name="test", imports=(), dmn=NAMESPACE):
    """The file; `imports` maps the name of an import to a namespace."""
    imported = "".join(
        f"<import{attributes(name=alias, namespace=other, importType=NAMESPACE)}/>"
        for alias, other in dict(imports).items()
    )
    head = attributes(xmlns=dmn, namespace=namespace, name=name, id="definitions")
    return f"<definitions{head}>{imported}{''.join(parts)}</definitions>".encode()


def item(
    name, type_ref=None, *components, collection=False, allowed=None, constraint=None, tag="itemDefinition"
):
    inner = "" if type_ref is None else f"<typeRef>{escape(type_ref)}</typeRef>"
    inner += "" if allowed is None else f"<allowedValues><text>{escape(allowed)}</text></allowedValues>"
    inner += (
        "" if constraint is None else f"<typeConstraint><text>{escape(constraint)}</text></typeConstraint>"
    )
    inner += "".join(components)
    return f"<{tag}{attributes(name=name, isCollection=str(collection).lower())}>{inner}</{tag}>"


def component(name, type_ref=None, *components, **options):
    return item(name, type_ref, *components, tag="itemComponent", **options)


def function_item(name, parameters, output):
    inner = "".join(f"<parameters{attributes(name=key, typeRef=kind)}/>" for key, kind in parameters.items())
    inner = f"<functionItem{attributes(outputTypeRef=output)}>{inner}</functionItem>"
    return f"<itemDefinition{attributes(name=name)}>{inner}</itemDefinition>"


def variable(name, type_ref=None):
    return f"<variable{attributes(name=name, typeRef=type_ref)}/>"


def input_data(name, type_ref=None):
    return f"<inputData{attributes(name=name, id=identifier(name))}>{variable(name, type_ref)}</inputData>"


def requirement(kind, wanted, names):
    return "".join(f"<{kind}><{wanted}{attributes(href=reference(name))}/></{kind}>" for name in names)


def reference(name):
    """A name means an element of the same file; a full reference is used as it is."""
    return name if "#" in name else href(name)


def decision(name, logic=None, type_ref=None, *, inputs=(), decisions=(), knowledge=(), with_variable=True):
    inner = variable(name, type_ref) if with_variable else ""
    inner += requirement("informationRequirement", "requiredInput", inputs)
    inner += requirement("informationRequirement", "requiredDecision", decisions)
    inner += requirement("knowledgeRequirement", "requiredKnowledge", knowledge)
    inner += "" if logic is None else boxed(logic)
    return f"<decision{attributes(name=name, id=identifier(name))}>{inner}</decision>"


def knowledge_model(name, parameters, logic, type_ref=None, *, knowledge=(), kind=None):
    inner = "".join(f"<formalParameter{attributes(name=key, typeRef=t)}/>" for key, t in parameters.items())
    inner = f"<encapsulatedLogic{attributes(kind=kind)}>{inner}{boxed(logic)}</encapsulatedLogic>"
    inner += requirement("knowledgeRequirement", "requiredKnowledge", knowledge)
    head = attributes(name=name, id=identifier(name))
    return f"<businessKnowledgeModel{head}>{variable(name, type_ref)}{inner}</businessKnowledgeModel>"


def service(name, outputs, *, inputs=(), decisions=(), encapsulated=(), type_ref=None):
    inner = variable(name, type_ref)
    for tag, names in (
        ("outputDecision", outputs),
        ("encapsulatedDecision", encapsulated),
        ("inputDecision", decisions),
        ("inputData", inputs),
    ):
        inner += "".join(f"<{tag}{attributes(href=reference(wanted))}/>" for wanted in names)
    return f"<decisionService{attributes(name=name, id=identifier(name))}>{inner}</decisionService>"


def boxed(logic):
    """A boxed expression as it is; anything else as FEEL text."""
    return logic if logic.startswith("<") else literal(logic)


def literal(text, type_ref=None):
    return f"<literalExpression{attributes(typeRef=type_ref)}><text>{escape(text)}</text></literalExpression>"


def context(entries, result=None, type_ref=None):
    """Entries by name, or by (name, type)."""
    inner = ""
    for key, value in entries.items():
        named = (key,) if isinstance(key, str) else key
        inner += f"<contextEntry>{variable(*named)}{boxed(value)}</contextEntry>"
    inner += "" if result is None else f"<contextEntry>{boxed(result)}</contextEntry>"
    return f"<context{attributes(typeRef=type_ref)}>{inner}</context>"


def list_of(*items, type_ref=None):
    return f"<list{attributes(typeRef=type_ref)}>{''.join(boxed(each) for each in items)}</list>"


def relation(columns, *rows):
    named = [(column,) if isinstance(column, str) else column for column in columns]
    head = "".join(f"<column{attributes(name=name, typeRef=(*rest, None)[0])}/>" for name, *rest in named)
    body = "".join(f"<row>{''.join(boxed(cell) for cell in row)}</row>" for row in rows)
    return f"<relation>{head}{body}</relation>"


def function(parameters, body, kind=None, type_ref=None):
    inner = "".join(f"<formalParameter{attributes(name=key, typeRef=t)}/>" for key, t in parameters.items())
    head = attributes(kind=kind, typeRef=type_ref)
    return f"<functionDefinition{head}>{inner}{boxed(body)}</functionDefinition>"


def invocation(callee, arguments):
    inner = boxed(callee)
    for name, value in arguments.items():
        inner += f"<binding><parameter{attributes(name=name)}/>{boxed(value)}</binding>"
    return f"<invocation>{inner}</invocation>"


def conditional(condition, then, otherwise):
    parts = (("if", condition), ("then", then), ("else", otherwise))
    return f"<conditional>{''.join(f'<{tag}>{boxed(part)}</{tag}>' for tag, part in parts)}</conditional>"


def filtered(source, match):
    return f"<filter><in>{boxed(source)}</in><match>{boxed(match)}</match></filter>"


def for_each(name, source, result):
    inner = f"<in>{boxed(source)}</in><return>{boxed(result)}</return>"
    return f"<for{attributes(iteratorVariable=name)}>{inner}</for>"


def quantified(word, name, source, condition):
    inner = f"<in>{boxed(source)}</in><satisfies>{boxed(condition)}</satisfies>"
    return f"<{word}{attributes(iteratorVariable=name)}>{inner}</{word}>"


def column(text, type_ref=None, *, values=None, label=None):
    """An input column of a table."""
    inner = f"<inputExpression{attributes(typeRef=type_ref)}><text>{escape(text)}</text></inputExpression>"
    inner += "" if values is None else f"<inputValues><text>{escape(values)}</text></inputValues>"
    return f"<input{attributes(label=label, id=identifier(text))}>{inner}</input>"


def output(name=None, type_ref=None, *, values=None, default=None):
    inner = "" if values is None else f"<outputValues><text>{escape(values)}</text></outputValues>"
    if default is not None:
        inner += f"<defaultOutputEntry><text>{escape(default)}</text></defaultOutputEntry>"
    return f"<output{attributes(name=name, typeRef=type_ref)}>{inner}</output>"


def table(columns, outputs, rules, *, policy=None, aggregation=None, type_ref=None):
    """Rules are tuples: an entry for each column, then for each output."""
    inner = "".join(columns) + "".join(outputs)
    for number, cells in enumerate(rules, start=1):
        tests = "".join(
            f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in cells[: len(columns)]
        )
        values = "".join(
            f"<outputEntry><text>{escape(cell)}</text></outputEntry>" for cell in cells[len(columns) :]
        )
        inner += f"<rule{attributes(id=f'rule{number}')}>{tests}{values}</rule>"
    head = attributes(hitPolicy=policy, aggregation=aggregation, typeRef=type_ref, id="table")
    return f"<decisionTable{head}>{inner}</decisionTable>"
