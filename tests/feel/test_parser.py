"""Reading: binding strength, names with blanks and symbols, exact positions of errors, the printer."""

import pytest

from taskloom.feel import (
    Dialect,
    FeelSyntaxError,
    NameTable,
    compile_expression,
    parse,
    parse_unary_tests,
    table_of,
)
from taskloom.feel import nodes as n
from taskloom.feel.printer import to_text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a or b and c", "a or (b and c)"),
        ("a and b = c", "a and (b = c)"),
        ("a = b + c", "a = (b + c)"),
        ("a - b - c", "(a - b) - c"),
        ("a + b * c", "a + (b * c)"),
        ("a * b ** c", "a * (b ** c)"),
        ("a ** b ** c", "(a ** b) ** c"),
        ("-a ** b", "(-a) ** b"),
        ("-a.b[1]", "-((a.b)[1])"),
        ("a between b + 1 and c and d", "(a between (b + 1) and c) and d"),
        ("a in b and c", "(a in b) and c"),
        ("a + b instance of number", "a + (b instance of number)"),
        ("if a then b else c + d", "if a then b else (c + d)"),
        ("for x in a return x + 1", "for x in a return (x + 1)"),
        ("function(x) x + 1", "function(x) (x + 1)"),
        ("[1..10[", "[1..10)"),
        ("]1..10]", "(1..10]"),
        ("[1..a[1]]", "[1..(a[1])]"),
        ("a /* of b */ + // of c\n c", "a + c"),
        ("date\n and \t time(a)", "date and time(a)"),
    ],
)
def test_operators_bind_by_their_strength(text, same):
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a-b", ["a-b", "a", "b"], n.Name("a-b")),
        ("a-b", ["a", "b"], n.Binary("-", n.Name("a"), n.Name("b"))),
        ("a - b", ["a-b", "a", "b"], n.Binary("-", n.Name("a"), n.Name("b"))),
        ("monthly   income", ["monthly income"], n.Name("monthly income")),
        ("monthly incomes", ["monthly income", "monthly incomes"], n.Name("monthly incomes")),
        ("tax+fee*2", ["tax+fee"], n.Binary("*", n.Name("tax+fee"), n.Literal(2))),
        ("Teacher's note", ["Teacher's note"], n.Name("Teacher's note")),
        ("a and b", ["a and b"], n.Name("a and b")),
        ("Model B.Say Hello", ["Model B", "Say Hello"], n.Path(n.Name("Model B"), "Say Hello")),
        ("for whom + 1", ["for whom"], n.Binary("+", n.Name("for whom"), n.Literal(1))),
        ("true north", ["true north"], n.Name("true north")),
        ("🐎 + 1", ["🐎"], n.Binary("+", n.Name("🐎"), n.Literal(1))),
    ],
)
def test_the_longest_known_name_is_read(text, names, expected):
    assert parse(text, names) == expected


def test_a_table_grows_by_the_names_of_a_nested_scope():
    table = NameTable(["a b"]).with_names(["c-d"])

    assert parse("a b + c-d", table) == n.Binary("+", n.Name("a b"), n.Name("c-d"))


def test_members_are_known_after_a_dot_and_in_filters():
    table = NameTable({"loans": NameTable(["net-sum", "net"]), "x": None})

    assert parse("loans.net-sum", table) == n.Path(n.Name("loans"), "net-sum")
    assert parse("loans[net-sum > 1]", table) == n.Filter(
        n.Name("loans"), n.Binary(">", n.Name("net-sum"), n.Literal(1))
    )
    assert parse("x.net-sum", table) == n.Path(n.Name("x"), "net-sum")


def test_a_table_of_values_knows_the_names_inside_contexts():
    table = table_of({"loans": [{"net-sum": 1}], "a b": {"c d": {"e f": 2}}})

    assert parse("a b.c d.e f + loans[1].net-sum", table) == n.Binary(
        "+",
        n.Path(n.Path(n.Name("a b"), "c d"), "e f"),
        n.Path(n.Filter(n.Name("loans"), n.Literal(1)), "net-sum"),
    )


def test_the_camunda_dialect_reads_plain_names_and_back_ticks():
    assert parse("a-b", ["a", "b"], Dialect.CAMUNDA) == n.Binary("-", n.Name("a"), n.Name("b"))
    assert parse("`order id`.`a-b`", (), Dialect.CAMUNDA) == n.Path(n.Name("order id"), "a-b")
    assert to_text(parse("`order id` + 1", (), Dialect.CAMUNDA), Dialect.CAMUNDA) == "`order id` + 1"
    with pytest.raises(FeelSyntaxError):
        parse("`order id`")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "Expected an expression, found the end of the text"),
        ("1 +", 1, 4, "Expected an expression, found the end of the text"),
        ("1 + \n  )", 2, 3, "Expected an expression, found ')'"),
        ("a b", 1, 3, "Unexpected 'b'"),
        ('"abc', 1, 1, "The string does not end"),
        ("[1, 2", 1, 6, "Expected ',', found the end of the text"),
        ("if a then b", 1, 12, "Expected 'else', found the end of the text"),
        ("{a 1}", 1, 5, "Expected the end of a name, found '}'"),
        ("f(a: 1, 2)", 1, 9, "Expected a name, found '2'"),
        ("[1..2", 1, 6, "Expected the end of an interval, found the end of the text"),
        ("x.", 1, 3, "Expected a name after '.', found the end of the text"),
        ("x instance of", 1, 14, "Expected a type, found the end of the text"),
        ("function(a, a) 1", 1, 1, "A parameter is named twice"),
        ("then", 1, 1, "Expected an expression, found 'then'"),
        ("1e9999", 1, 1, "The number is too large"),
        ("@1", 1, 2, "Expected a string after '@'"),
    ],
)
def test_errors_say_what_was_expected_and_where(text, line, column, message):
    with pytest.raises(FeelSyntaxError) as raised:
        parse(text)

    assert raised.value.message == message
    assert (raised.value.position.line, raised.value.position.column) == (line, column)


def test_nodes_know_their_place_in_the_source():
    text = "1 + foo[2] "
    tree = parse(text)

    assert tree.span == (0, 10)
    assert text[slice(*tree.right.span)] == "foo[2]"
    assert text[slice(*tree.right.source.span)] == "foo"


@pytest.mark.parametrize(
    "text",
    ["(a + b) * (c)", "-(a)", "(a).b", "a in (b)", "if a then b else (c)", "x between 1 and (2)", "f( )"],
)
def test_the_place_of_a_node_reaches_from_its_first_to_its_last_character(text):
    assert parse(f" {text} // end\n").span == (1, 1 + len(text))


@pytest.mark.parametrize(
    "text",
    [
        "(a + b) * -c ** 2",
        "a in (1, < 2, [3..4))",
        '{a: 1, "b c": [1, 2]}.a',
        'f("x")[1](a, b)',
        "sort(list: a, precedes: function(x, y) x < y)",
        "some x in 1..3, y in a satisfies x = y",
        '@"P1D" instance of days and time duration',
        "if a then for x in b return x else (function() 1)()",
        "(= 3)",
        "not(true)",
    ],
)
def test_a_text_in_printed_form_is_printed_as_it_stands(text):
    assert to_text(parse(text)) == text


@pytest.mark.parametrize("text", ["-", "< 5, [1..2]", 'not("a", > 3)', "(not(?))", "? > 1"])
def test_unary_tests_in_printed_form_are_printed_as_they_stand(text):
    assert to_text(parse_unary_tests(text)) == text


def test_members_of_untyped_data_may_have_blanks():
    compiled = compile_expression("order.line items[item.unit price > 1].unit price", ["order"])
    order = {"line items": [{"unit price": 1}, {"unit price": 2}]}
    assert compiled.evaluate({"order": order}).value == [2]
