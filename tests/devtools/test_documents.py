"""What the pages say about the code is still so."""

import re

import pytest

from devtools.commands import COMMANDS
from devtools.places import ROOT
from taskloom.server.settings import SECRETS, Settings, shown

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    dead = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert dead == []


def test_the_readme_names_every_command():
    text = (ROOT / "README.md").read_text()

    assert [name for name in COMMANDS if f"./dev {name}" not in text] == []


def test_the_guide_names_every_setting_with_variable_and_default():
    text = (ROOT / "docs/guides/running.md").read_text()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "`TASKLOOM_" in line
    ]
    table = {row[0].strip("`"): row[1:] for row in rows if len(row) == 5}

    assert list(table) == list(Settings.__struct_fields__)
    for name, value in shown(Settings()).items():
        flag, variable, default, _ = table[name]
        assert variable == f"`TASKLOOM_{name.upper()}`"
        assert flag.startswith(f"`--{name.replace('_', '-')}") != (name in SECRETS)
        assert value == "-" or default == f"`{value}`"
