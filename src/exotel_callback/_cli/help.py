"""Write the end of the help of each command: examples, and where the documentation is."""

from typing import Final

DOCS: Final = "docs/reference/command.md"
"""The address of the documentation, until there is a public one: a page of the source distribution."""


def epilog(*examples: str, more: str = "") -> str:
    """Return the text after the options of a command. Each example is a line of a shell.

    :param more: Paragraphs before the examples.
    """
    lines = "\n".join(["\b", "Examples:", *(f"  {example}" for example in examples)])  # click wraps no lines after \b
    return "\n\n".join(filter(None, [more, lines, f"Documentation: {DOCS}"]))
