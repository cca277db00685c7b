"""`taskloom feel`."""

import io
import json

import pytest

from taskloom.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["=1 + 1"], "2"),
        (["amount > 100", "--context", '{"amount": 120}'], "true"),
        (["Loan.net-sum * 1.10", "--context", '{"Loan": {"net-sum": 120}}'], "132"),
        (["< 5, [7..9]", "--input", "8"], "true"),
        (["`a b`", "--dialect", "camunda", "--context", '{"a b": null}'], "null"),
    ],
)
def test_the_value_is_printed_as_json(arguments, printed, capsys):
    assert main(["feel", *arguments]) == 0

    assert capsys.readouterr().out == printed + "\n"


def test_warnings_go_to_the_error_stream(capsys):
    assert main(["feel", "x.y"]) == 0

    captured = capsys.readouterr()
    assert captured.out == "null\n"
    assert captured.err.startswith("warning: No variable found with name 'x'\n")


def test_the_context_is_read_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": [1, 2]}'))

    assert main(["feel", "sum(a)", "--context", "-"]) == 0
    assert capsys.readouterr().out == "3\n"


def test_now_shows_the_wall_clock_in_the_zone_asked_for(capsys):
    assert main(["feel", "now()", "--zone", "Europe/Berlin"]) == 0

    assert json.loads(capsys.readouterr().out).endswith("@Europe/Berlin")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["1 +"], 2, "error: Expected an expression, found the end of the text (line 1, column 4)"),
        (["1", "--context", "[]"], 2, "error: the context must be a JSON object"),
        (["1", "--context", "{"], 2, "error: "),
        (["1", "--zone", "Not/AZone"], 2, "error: there is no time zone 'Not/AZone'"),
        (["{f: function(n) f(n), r: f(1)}"], 1, "error: Functions call each other deeper than 100 levels."),
    ],
)
def test_errors_end_with_a_status_and_a_sentence(arguments, status, message, capsys):
    assert main(["feel", *arguments]) == status

    assert capsys.readouterr().err.startswith(message)
