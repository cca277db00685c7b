"""Where settings come from, which wins, and what is refused."""

from pathlib import Path

import pytest

from taskloom.core.limits import SETTINGS_FILE_BYTES
from taskloom.server.settings import Settings, SettingsError, load, shown

KEY = "a root key of some length"


def problems(flags=None, environ=None, file=None):
    with pytest.raises(SettingsError) as refused:
        load(flags or {}, environ or {}, file)
    return refused.value.problems


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        file = tmp_path / "taskloom.toml"
        file.write_text(text)
        return file

    return to_file


def test_without_any_source_all_is_default():
    loaded = load({}, {})

    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_flag_beats_variable_beats_file_beats_default(write):
    file = write('port = 1\nhost = "127.0.0.2"\nstore = "memory"\n')
    environ = {"TASKLOOM_PORT": "2", "TASKLOOM_HOST": "127.0.0.3"}

    loaded = load({"port": "3"}, environ, file)

    assert loaded.settings == Settings(port=3, host="127.0.0.3", store="memory")
    assert loaded.origins["port"] == "--port"
    assert loaded.origins["host"] == "TASKLOOM_HOST"
    assert loaded.origins["store"] == f"{file}: store"
    assert loaded.origins["data"] == "default"


def test_a_table_of_the_file_is_the_first_part_of_the_name(write):
    file = write('[tls]\ncert = "c.pem"\nkey = "k.pem"\n[compat]\nagents = "claudebench"\n')

    settings = load({}, {}, file).settings

    assert (settings.tls_cert, settings.tls_key) == (Path("c.pem"), Path("k.pem"))
    assert settings.compat_agents == "claudebench"


def test_a_secret_may_stand_in_a_file(tmp_path):
    secret = tmp_path / "key"
    secret.write_text(KEY + "\n")

    loaded = load({}, {"TASKLOOM_ROOT_KEY_FILE": str(secret)})

    assert loaded.settings.root_key == KEY
    assert loaded.origins["root_key"] == "TASKLOOM_ROOT_KEY_FILE"


def test_an_empty_variable_counts_as_unset():
    assert load({}, {"TASKLOOM_STORE": ""}).settings.store == "sqlite"


def test_variables_of_others_are_none_of_our_business():
    environ = {
        "TASKLOOM_CONFIG": "x",
        "TASKLOOM_SHARED": "x",
        "TASKLOOM_URL": "x",
        "TASKLOOM_KEY": "x",
        "A": "b",
    }

    assert load({}, environ).settings == Settings()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_auth_none_is_allowed_on_a_loopback_address(host):
    assert load({"auth": "none", "host": host}, {}).settings.auth == "none"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "example.org", "127.1"])
def test_auth_none_is_refused_elsewhere(host):
    assert problems({"auth": "none", "host": host}) == [
        f"auth none is only for a loopback address, not for {host}"
    ]


@pytest.mark.parametrize(
    "url", ["sqlite", "memory", "postgresql://u:p@h:5432/db", "postgres:///db?host=/run/postgresql"]
)
def test_stores_that_exist_are_taken(url):
    assert load({"store": url}, {}).settings.store == url


@pytest.mark.parametrize("url", ["", "mysql://h/db", "sqlite3", "postgresql", "postgresql://[half", "\0"])
def test_stores_that_do_not_exist_are_refused(url):
    assert problems({"store": url}) == ["store must be sqlite, memory or start with postgresql://"]


@pytest.mark.parametrize("url", ["memory", "embedded", "redis://h", "rediss://h", "valkey://h", "unix:///s"])
def test_buses_that_exist_are_taken(url):
    assert load({"bus": url}, {}).settings.bus == url


@pytest.mark.parametrize("url", ["amqp://h", "redis", ""])
def test_buses_that_do_not_exist_are_refused(url):
    assert problems({"bus": url}) == ["bus must be memory, embedded or start with redis://"]


@pytest.mark.parametrize("half", ["tls_cert", "tls_key"])
def test_half_a_tls_setup_is_refused(half):
    assert problems({half: "file.pem"}) == ["tls_cert and tls_key belong together: give both or none"]


@pytest.mark.parametrize("port", ["-1", "65536", "80x", "", "1.5", "99999999999999999999999"])
def test_a_port_is_a_number_that_ports_have(port):
    (problem,) = problems({"port": port})
    assert problem.startswith("--port: Expected `int`")


@pytest.mark.parametrize("key", ["x" * 23, "x" * 513])
def test_a_root_key_has_a_shortest_and_a_longest_length_and_is_never_echoed(key):
    (problem,) = problems(environ={"TASKLOOM_ROOT_KEY": key})
    assert problem.startswith("TASKLOOM_ROOT_KEY: Expected `str` of length")
    assert "xxx" not in problem


def test_everything_that_is_wrong_is_told_at_once(write):
    file = write("prot = 1\n[tls]\ncrt = 2\n[auth]\nnone = true\n")

    found = problems({"port": "http"}, {"TASKLOOM_HOSTS": "a", "TASKLOOM_QWERTY": "b"}, file)

    assert found == [
        "TASKLOOM_HOSTS: there is no such setting; is host meant?",
        "TASKLOOM_QWERTY: there is no such setting",
        f"{file}: prot: there is no such setting; is port meant?",
        f"{file}: tls.crt: there is no such setting; is tls_cert meant?",
        f"{file}: auth.none: there is no such setting; is auth meant?",
        "--port: Expected `int`, got `str`",
    ]


@pytest.mark.parametrize(
    "text", ['port = "a"', "data = 1", "data = ''", "port = 1.5", "host = []", "tls_cert = false"]
)
def test_a_wrong_type_in_the_file_is_told_with_its_place(write, text):
    file = write(text)
    (problem,) = problems(file=file)
    assert problem.startswith(f"{file}: {text.split()[0]}: Expected")


def test_a_file_that_is_no_toml_is_told(write):
    file = write("port = ")
    (problem,) = problems(file=file)
    assert problem.startswith(f"{file}: Invalid value (at ")


def test_a_file_that_is_not_there_is_told(tmp_path):
    (problem,) = problems(file=tmp_path / "absent.toml")
    assert "absent.toml cannot be read" in problem


def test_a_file_that_is_no_text_is_told(tmp_path):
    file = tmp_path / "taskloom.toml"
    file.write_bytes(b"\xff\xfe")
    (problem,) = problems(file=file)
    assert "cannot be read" in problem


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path):
    file = tmp_path / "taskloom.toml"
    file.write_text("#" * (SETTINGS_FILE_BYTES + 1))
    (problem,) = problems(file=file)
    assert f"is larger than {SETTINGS_FILE_BYTES} bytes" in problem


@pytest.mark.parametrize(
    ("url", "visible"),
    [
        ("postgresql://user:hidden@host:5432/db", "postgresql://***@host:5432/db"),
        ("postgresql://user:hid%40den@host/db", "postgresql://***@host/db"),
        ("postgresql://user:hid@den@host/db", "postgresql://***@host/db"),
        (
            "postgresql://host/db?user=u&password=hidden&ssl=on",
            "postgresql://host/db?user=u&password=***&ssl=on",
        ),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_passwords_in_urls_are_masked(url, visible):
    assert shown(Settings(store=url))["store"] == visible


def test_the_text_form_shows_no_secret():
    text = repr(Settings(root_key=KEY, store="postgresql://u:hidden@h/db"))

    assert KEY not in text
    assert "hidden" not in text
    assert "port=8080" in text
