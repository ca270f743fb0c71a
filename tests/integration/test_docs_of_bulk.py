"""Run the Python of the pages on Arrow and engines."""

import pytest

from helpers import ROOT
from pages import PAGES_OF_BULK, run_page


@pytest.mark.parametrize("page", PAGES_OF_BULK, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page):
    """The Python of a page raises, or prints another result than the page shows."""
    run_page(page)


def test_there_are_pages():
    """No page is found, so the test above passes without testing anything."""
    assert len(PAGES_OF_BULK) >= 4
