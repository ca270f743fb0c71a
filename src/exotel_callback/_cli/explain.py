"""Define ``exotel-callback explain``. `exotel_callback._cli.sources` reads, and `exotel_callback._cli.view` shows."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs
import click

from .._enums import Outcome
from .._errors import IssueCode
from .envelope import CAPTURED_FILE, open_input
from .help import epilog
from .sources import BODY, Found, Kind, read_source
from .view import Located, exit_with, explain_call, explain_calls, issues_of, new_console, outcome_of

# All events are in memory at once, a few kilobytes each.
_MAX_EVENTS_READ: Final = 100_000
_MAX_PROBLEMS: Final = 20


@attrs.define
class _Findings:
    """The content of the sources."""

    calls: dict[str, list[Located]] = attrs.field(factory=dict[str, list[Located]])
    kinds: Counter[Kind] = attrs.field(factory=Counter)
    problems: list[str] = attrs.field(factory=list[str])
    other_problems: int = 0
    """The number of problems that aren't in ``problems``, because it was full."""
    events: int = 0

    def add(self, name: str, found: Found, call_sid: str | None) -> None:
        """Add a piece of a source. Of its events, add those of one call unless `call_sid` is None."""
        place = name if not found.place else f"{name} ({found.place})"
        if found.kind:
            self.kinds[found.kind] += 1
        for event in found.events:
            if call_sid in {None, event.call_sid}:
                self.events += 1
                self.calls.setdefault(event.call_sid, []).append(Located(place, event))
        for problem in found.problems:
            if len(self.problems) < _MAX_PROBLEMS:
                self.problems.append(f"{place}: {problem}")
            else:
                self.other_problems += 1


@click.command(
    "explain",
    epilog=epilog(
        "exotel-callback explain body.json", "exotel-callback sample second-party-busy | exotel-callback explain"
    ),
)
@click.argument("files", nargs=-1, type=CAPTURED_FILE)
@click.option("--content-type", help="The request's Content-Type header; by default guessed from the body.")
@click.option("--call", "call_sid", metavar="SID", help="Show only this call.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice([member.value for member in Outcome]),
    help="Show only calls with this outcome. Repeat it for more outcomes.",
)
@click.option(
    "--issue",
    "codes",
    multiple=True,
    type=click.Choice([member.value for member in IssueCode]),
    help="Show only calls with an issue of this code. Repeat it for more codes.",
)
@click.option(
    "--show-personal",
    is_flag=True,
    help="Show numbers, URLs, the custom field, and the values of issues and unknown fields.",
)
def command(
    files: tuple[str, ...],
    content_type: str | None,
    call_sid: str | None,
    outcomes: tuple[str, ...],
    codes: tuple[str, ...],
    *,
    show_personal: bool,
) -> None:
    """Explain captured requests. The command recognizes the content of each FILE. Without one, it reads standard input.

    A body may be a StatusCallback, the query string of a Passthru request or a popup, or an answer from the Call
    Details API. A FILE has bodies, raw HTTP requests, n8n items or API Gateway events, or it is NDJSON of envelopes,
    rows of "convert" or lines of "parse". It can be gzip-compressed.

    For multiple events of one call, the command shows a timeline and the merged call. For multiple calls, it shows one
    line each, by time. If you pass --content-type, each FILE is one body.
    """
    findings = _read(files or ("-",), content_type, call_sid)
    calls = [deliveries for deliveries in findings.calls.values() if _matches(deliveries, outcomes, codes)]
    problems = findings.problems
    console = new_console()
    if findings.kinds.total() > len(files or ("-",)) or findings.kinds.keys() - {BODY}:
        console.print(f"Found {_list_of(findings.kinds)}.")
    if call_sid and not calls and not (outcomes or codes):
        problems.append(f"no event belongs to the call {call_sid}")
    elif calls or not problems:  # A list of calls can be empty.
        is_one = len(calls) == 1
        console.print(explain_call(calls[0], show_personal=show_personal) if is_one else explain_calls(calls))
    if findings.other_problems:
        problems.append(f"and {findings.other_problems:,} more problems")
    exit_with(problems)


def _read(files: Sequence[str], content_type: str | None, call_sid: str | None) -> _Findings:
    """Read the sources, up to the maximum number of events."""
    findings = _Findings()
    for name in files:
        with open_input(name) as file:
            for found in read_source(file, content_type):
                if findings.events >= _MAX_EVENTS_READ:
                    advice = "pass --call to show one call, or use convert"
                    findings.problems.append(f"only the first {findings.events:,} events were read; {advice}")
                    return findings
                findings.add(name, found, call_sid)
    return findings


def _matches(deliveries: Sequence[Located], outcomes: Sequence[str], codes: Sequence[str]) -> bool:
    if outcomes and outcome_of(deliveries) not in outcomes:
        return False
    return not codes or any(issue.code in codes for issue in issues_of(deliveries))


def _list_of(kinds: Counter[Kind]) -> str:
    """Return the kinds with their numbers, for a sentence."""
    return " and ".join(kind.one if number == 1 else kind.many.format(number) for kind, number in kinds.items())
