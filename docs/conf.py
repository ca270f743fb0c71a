"""The configuration of the site.

``sphinx-build -W docs site`` builds it with the dependency group ``docs``.
"""

import re
from importlib.metadata import metadata
from itertools import cycle
from pathlib import PurePath
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

from exotel_callback import IST

project = "exotel-callback"
release = metadata(project)["Version"]
project_copyright = "2026, the exotel-callback maintainers"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["examples"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"{project} {release}"
html_logo = html_favicon = "_static/logo.svg"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_context = {"tagline": metadata(project)["Summary"]}
html_theme_options = {
    "light_css_variables": {
        "color-api-name": "#0f6b4d",
        "color-api-pre-name": "#0f6b4d",
        "color-brand-primary": "#0f6b4d",
        "color-brand-content": "#0f6b4d",
        "color-brand-visited": "#4a5f8a",
    },
    "dark_css_variables": {
        "color-api-name": "#5ccd97",
        "color-api-pre-name": "#5ccd97",
        "color-brand-primary": "#4cc38a",
        "color-brand-content": "#5ccd97",
        "color-brand-visited": "#9db4e0",
    },
}

# If a block has prompts, the button copies the lines after them, without the output.
copybutton_prompt_text = r">>> |\.\.\.(?: |$)|\$ "
copybutton_prompt_is_regexp = True
copybutton_copy_empty_lines = False
copybutton_line_continuation_character = "\\"

# Code hosts make the same anchors, so links to headings work there too.
myst_heading_anchors = 4

# In docstrings, `name` is the name of a Python object. Only names of this package must exist,
# because the site doesn't load the inventories of other projects.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!exotel_callback\.).*"),
    # Type variables, and the type of a private argument.
    ("py:class", r"exotel_callback\.(adapters\._shared\.(Event|Event_co)|testing\.(T|_Event))"),
]
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 80

# A table with this many columns is too wide for a telephone.
WIDE = 4

# Files outside this folder, without their suffix, and the pages that include them.
BESIDE = {
    "README": "index",
    "CHANGELOG": "project/changelog",
    "CONTRIBUTING": "project/contributing",
    "SECURITY": "project/security",
}

# Pages, and those below them in the navigation. A toctree in the page itself would show as code
# on a code host.
BELOW = {
    "how-to/flask": ["flask-complete"],
    "how-to/django": ["django-complete"],
    "how-to/fastapi": ["fastapi-complete"],
    "how-to/bulk": ["calls-with-duckdb", "calls-with-polars", "calls-with-pyspark"],
}


def add_below(_: Sphinx, page: str, source: list[str]) -> None:
    """Add the pages below a page to its source."""
    if page in BELOW:
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", *BELOW[page], "```", ""])


def link_to_pages(_: Sphinx, doctree: nodes.document) -> None:
    """Let each link to a file outside this folder lead to the page that includes the file."""
    for link in doctree.findall(pending_xref):
        path, __, anchor = link["reftarget"].partition("#")
        page = BESIDE.get(PurePath(path).name.removesuffix(".md"))
        if page and link["reftype"] == "myst":
            link.attributes |= {"refdomain": "doc", "reftarget": page}
            link["reftargetid"] = link.get("reftargetid") or anchor or None


def strip_blocks(_: Sphinx, doctree: nodes.document) -> None:
    """Remove the empty line at the end of a code block. Doctest needs it, readers don't."""
    for block in doctree.findall(nodes.literal_block):
        block.rawsource = (
            block.astext().rstrip()
        )  # Sphinx highlights a block if its text and its source are equal.
        block[:] = [nodes.Text(block.rawsource)]


def fit_tables(_: Sphinx, __: str, ___: str, context: dict[str, object], ____: object) -> None:
    """Let names in tables break after a separator or before a capital, and label wide tables.

    On a telephone, ``site.css`` shows the cells of a wide table below each other, with labels.
    """

    def in_name(name: re.Match[str]) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z][-_./=(\[,|])(?=\w)", "<wbr>", name[0])

    def in_table(table: re.Match[str]) -> str:
        text = re.sub(r"(?<=>)[^<]+", in_name, table[0])
        labels = [re.sub(r"<.*?>", "", label) for label in re.findall(r"<th\b.*?</th>", text)]
        if len(labels) < WIDE:
            return text
        label = cycle(labels)
        text = re.sub(r"<td\b", lambda _: f'<td data-label="{next(label)}"', text)
        return text.replace('<table class="', '<table class="wide ')

    if "body" in context:
        context["body"] = re.sub(
            r"<table\b.*?</table>", in_table, str(context["body"]), flags=re.DOTALL
        )


def name_zone(*described: Any) -> tuple[str, str] | None:
    """Show the default time zone by its name. The last two arguments are the signature."""
    arguments, result = described[-2:]
    return (arguments.replace(repr(IST), "IST"), result) if arguments else None


def make_rubrics(
    _: Sphinx, what: str, __: str, ___: object, ____: object, lines: list[str]
) -> None:
    """Turn headings in docstrings of modules into rubrics, because a page has each heading once."""
    if what == "module":
        text = re.sub(r"^(\w+)\n-+$", r".. rubric:: \1\n", "\n".join(lines), flags=re.MULTILINE)
        lines[:] = text.split("\n")


def setup(app: Sphinx) -> None:
    """Register the functions above."""
    app.connect("source-read", add_below)
    app.connect("doctree-read", link_to_pages)
    app.connect("doctree-read", strip_blocks)
    app.connect("html-page-context", fit_tables)
    app.connect("autodoc-process-signature", name_zone)
    app.connect("autodoc-process-docstring", make_rubrics)
