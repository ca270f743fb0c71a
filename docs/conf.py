"""How the site is made of these pages, with the dependency group ``docs``: ``sphinx-build -W docs site``."""

import re
from importlib.metadata import version as version_of

from sphinx.application import Sphinx

project = "exotel-callback"
release = version_of(project)
project_copyright = "2026, the exotel-callback maintainers"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
exclude_patterns = ["examples"]

# Headings are linked to as code hosts do it, so that the pages can be read there as well.
myst_heading_anchors = 4

# In docstrings `name` is a name of Python. One of ours must be there; the site asks nobody else for theirs.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!exotel_callback\.).*")]
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

# Pages of the project beside this folder, and where they are on the site.
BESIDE = {"CHANGELOG.md": "changelog", "CONTRIBUTING.md": "contributing", "SECURITY.md": "security"}


def lead_to_the_site(_: Sphinx, __: str, source: list[str]) -> None:
    """Let links to the pages beside this folder lead to where the site has them."""
    for name, page in BESIDE.items():
        source[0] = source[0].replace(f"](../../{name})", f"](../project/{page}.md)")
    source[0] = re.sub(r"\]\((?:\.\./)+README\.md\)", "](/index.md)", source[0])


def make_rubrics(_: Sphinx, what: str, __: str, ___: object, ____: object, lines: list[str]) -> None:
    """Make rubrics of the headings in docstrings of modules, which all have the same: one page has each but once."""
    if what == "module":
        text = re.sub(r"^(\w+)\n-+$", r".. rubric:: \1\n", "\n".join(lines), flags=re.MULTILINE)
        lines[:] = text.split("\n")


def setup(app: Sphinx) -> None:
    """Register what Sphinx calls."""
    app.connect("source-read", lead_to_the_site)
    app.connect("autodoc-process-docstring", make_rubrics)
