"""The page on the life of a task is drawn from the code."""

from devtools.diagram import PAGE, page


def test_the_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m devtools.diagram"
