"""The pages on Arrow and engines: their Python runs."""

import pytest

from helpers import ROOT
from pages import PAGES_OF_BULK, run_page


@pytest.mark.parametrize("page", PAGES_OF_BULK, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page):
    """The blocks of a page run one after the other in one namespace, and show what they say they show."""
    run_page(page)


def test_there_are_pages():
    """Pages that are no longer found would pass."""
    assert len(PAGES_OF_BULK) >= 4
