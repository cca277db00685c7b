"""How pip's settings reach uv and npm."""

import pytest

from devtools.index import npm_variables, parse_pip_settings, translate


def test_a_variable_beats_the_install_section_which_beats_the_global_one():
    listing = """\
:env:.index-url='https://env.invalid/simple'
global.index-url='https://global.invalid/simple'
global.timeout='60'
install.index-url='https://install.invalid/simple'
install.timeout='30'
"""

    assert parse_pip_settings(listing) == {"index-url": "https://env.invalid/simple", "timeout": "30"}


def test_lines_of_other_sections_and_noise_are_passed_over():
    assert parse_pip_settings("freeze.timeout='10'\nWARNING: something\n\n") == {}


def test_each_setting_of_pip_becomes_a_variable_of_uv():
    settings = {
        "index-url": "https://a.invalid/simple",
        "extra-index-url": "https://b.invalid/simple\nhttps://c.invalid/simple",
        "find-links": "/one /two",
        "trusted-host": "a.invalid",
        "cert": "/certificates.pem",
        "proxy": "http://proxy.invalid",
        "no-index": "true",
        "timeout": "60",
    }

    assert translate(settings, present={}) == {
        "UV_DEFAULT_INDEX": "https://a.invalid/simple",
        "UV_INDEX": "https://b.invalid/simple https://c.invalid/simple",
        "UV_FIND_LINKS": "/one,/two",
        "UV_INSECURE_HOST": "a.invalid",
        "SSL_CERT_FILE": "/certificates.pem",
        "ALL_PROXY": "http://proxy.invalid",
        "UV_NO_INDEX": "1",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_variable_that_is_set_is_left_alone():
    variables = translate({"cert": "/of-pip.pem"}, present={"SSL_CERT_FILE": "/of-the-user.pem"})

    assert "SSL_CERT_FILE" not in variables


def test_npm_trusts_what_the_machine_trusts(monkeypatch):
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/of-the-user.pem")

    assert npm_variables() == {"NODE_EXTRA_CA_CERTS": "/of-the-user.pem"}


@pytest.mark.parametrize("variable", ["NODE_EXTRA_CA_CERTS"])
def test_npm_keeps_what_it_was_told(monkeypatch, variable):
    monkeypatch.setenv(variable, "/of-npm.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/of-the-user.pem")

    assert npm_variables() == {}
