"""Make the page that ``convert --report`` writes: tables and charts, which a browser shows without a network.

An attacker who could post to the archive's endpoint chose some of its values. They are only in the tables, which escape
them; no chart contains one. The page forbids scripts and loads nothing.

A phone shows a chart in its full size, so charts are narrow, and their text is large. A wide window shows two of them
beside each other.
"""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta, tzinfo
from html import escape
from io import StringIO
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from .._enums import Outcome
from .._options import IST
from .tally import DURATIONS, LATENESS, HourOfWeek, OutcomeAt, PartyOn, Tally
from .view import printable

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

_DAY_ZERO: Final = date(1970, 1, 1)
_MAX_DAYS: Final = 366
_MAX_VALUES: Final = 15
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# People who don't see all colours can also distinguish these: Okabe and Ito, https://jfly.uni-koeln.de/color/.
_COLOURS: Final[Mapping[Outcome, str]] = {
    Outcome.CONNECTED: "#009e73",
    Outcome.MACHINE: "#56b4e9",
    Outcome.NO_ANSWER: "#e69f00",
    Outcome.BUSY: "#d55e00",
    Outcome.CANCELED: "#cc79a7",
    Outcome.FAILED: "#000000",
    Outcome.FIRST_PARTY_ONLY: "#f0e442",
    Outcome.IN_PROGRESS: "#0072b2",
    Outcome.UNKNOWN: "#bbbbbb",
}
_PARTIES: Final = {0: ("first party", "#0072b2"), 1: ("second party", "#d55e00")}
_STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": 10,
    "grid.color": "#dddddd",
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: sans-serif; max-width: 64rem; margin: auto; padding: 1rem; color: #222; background: #fff; }}
h1, td {{ overflow-wrap: anywhere; }}
td:not(.number) {{ min-width: 5rem; }}
h2 {{ font-size: 1.1rem; }}
p, figcaption, .caption {{ color: #555; line-height: 1.4; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 0 2rem; }}
figure {{ margin: 1rem 0; }}
svg {{ width: 100%; max-width: 32rem; height: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 0.2rem 1rem 0.2rem 0; text-align: left; vertical-align: top; }}
th {{ border-bottom: 1px solid #999; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }}
.colour {{ display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; }}
.legend {{ margin-right: 1rem; white-space: nowrap; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{period}, in {zone}. {calls:,} calls, {events:,} events{redelivered}. Total talk time: {talk_time}.</p>
{outcomes}
<div class="charts">
{figures}
</div>
{tables}
</body>
</html>
"""

_FIGURE: Final = """<figure>
<h2>{title}</h2>
{svg}
<figcaption>{legend}{caption}</figcaption>
</figure>"""

_TABLE: Final = """<h2>{title}</h2>
<table>
<tr>{header}</tr>
{rows}
</table>
<p class="caption">{caption}</p>"""


def page(tally: Tally, title: str = "Calls", zone: tzinfo = IST) -> str:
    """Return the page as one HTML document, for the counts of `exotel_callback._cli.pipeline.convert`."""
    days = busiest(tally.by_day)
    return _PAGE.format(
        title=escape(printable(title)),
        period=f"{_day(days[0])} to {_day(days[-1])}" if days else "No call has a date",
        zone="Indian Standard Time" if zone is IST else f"the time zone {escape(str(zone))}",
        calls=tally.outcomes.total(),
        events=tally.events,
        redelivered=f", of which {tally.redeliveries:,} are redeliveries" if tally.lateness else "",
        talk_time=_talk_time(tally.talk_seconds),
        outcomes=_outcomes(tally),
        tables="\n".join(filter(None, (_unrecognized(tally), _reasons(tally)))),
        figures="\n".join(
            _FIGURE.format(
                title=name, svg=_svg(name, chart.draw, tally, days), legend=chart.legend(tally), caption=chart.caption
            )
            for name, chart in _CHARTS.items()
            if chart.has_data(tally)
        ),
    )


def _talk_time(seconds: int) -> str:
    return f"{seconds // _HOUR:,} h {seconds % _HOUR // _MINUTE} min {seconds % _MINUTE} s"


def _outcomes(tally: Tally) -> str:
    """Return the table of outcomes, with the colours of the charts."""
    calls = tally.outcomes.total()
    rows = [(_named(name), f"{number:,}", f"{number / calls:.1%}") for name, number in tally.outcomes.most_common()]
    caption = "Each call counts once, with its outcome after all of its events."
    return _table("Outcomes", ("Outcome", "Calls", "Share"), rows, caption)


def _named(outcome: str) -> str:
    """Return an outcome with its colour."""
    return _colored(_COLOURS[Outcome(outcome)], escape(outcome))


def _colored(colour: str, name: str) -> str:
    return f'<span class="colour" style="background: {colour}"></span>{name}'


def _reasons(tally: Tally) -> str:
    """Return the table of the rows that can't be parsed, or nothing if there are none."""
    rows = [
        (
            f"{escape(reason.error)}: {escape(printable(reason.message))}",
            "<br>".join(escape(printable(place)) for place in tally.places[reason]),
            f"{number:,}",
        )
        for reason, number in tally.reasons.most_common(_MAX_VALUES)
    ]
    if not rows:
        return ""
    caption = f"{tally.unreadable_rows:,} rows can't be parsed. The places are the first file and line of each reason."
    return _table("Unreadable rows", ("Reason", "First places", "Rows"), rows, caption)


def _unrecognized(tally: Tally) -> str:
    """Return the table of the most frequent unrecognized values, or nothing if there are none."""
    values = tally.unrecognized.most_common(_MAX_VALUES)
    if not values:
        return ""
    rows = [(escape(printable(path)), escape(printable(value)), f"{number:,}") for (path, value), number in values]
    return _table("Unrecognized values", ("Field", "Value", "Occurrences"), rows, _OF_VALUES)


_OF_VALUES: Final = """The most frequent values that this version of exotel-callback doesn't recognize, up to 30
characters of each. Exotel may have added them, or another sender may have posted them."""


def _table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], caption: str) -> str:
    """Return a table of HTML. Its columns after the first one are numbers if they contain digits only."""
    return _TABLE.format(
        title=title,
        header="".join(f"<th>{name}</th>" for name in header),
        rows="\n".join(f"<tr>{''.join(map(_table_cell, row))}</tr>" for row in rows),
        caption=caption,
    )


def _table_cell(content: str) -> str:
    is_number = re.fullmatch(r"[0-9.,]+%?", content)
    return f'<td class="number">{content}</td>' if is_number else f"<td>{content}</td>"


def busiest(calls: Mapping[OutcomeAt, int]) -> range:
    """Return the days to draw: at most one year, the year with the most calls. A wrong clock can give any day."""
    numbers: Counter[int] = Counter()
    for (day, _), number in calls.items():
        numbers[day] += number
    days = sorted(numbers)
    sums = [0, *accumulate(numbers[day] for day in days)]
    ends = [bisect(days, day + _MAX_DAYS - 1) for day in days]
    first = max(range(len(days)), key=lambda index: sums[ends[index]] - sums[index], default=None)
    return range(0) if first is None else range(days[first], days[ends[first] - 1] + 1)


def _day(number: float, _: object = None) -> str:
    try:
        return (_DAY_ZERO + timedelta(days=number)).isoformat()
    except OverflowError:  # The axis goes on after the last day of the calendar.
        return ""


def _svg(title: str, draw: "Draw", tally: Tally, days: range) -> str:
    """Draw a chart, and return it as an SVG element whose ids are unique on the page."""
    with rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(4.4, 3), layout="constrained")
        draw(figure, tally, days)
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Creator": None, "Date": None, "Format": None, "Type": None})
    svg = drawn.getvalue()
    prefix = re.sub("[^a-z]", "", title.lower())
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}-", svg[svg.index("<svg") :])
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def _draw_stacks(axes: Axes, times: Iterable[int], calls: Mapping[OutcomeAt, int]) -> None:
    """Draw a stacked bar at each time, with one segment per outcome."""
    times = [*times]
    bottoms = [0] * len(times)
    for outcome, colour in _COLOURS.items():
        heights = [calls.get(OutcomeAt(time, outcome), 0) for time in times]
        if any(heights):
            axes.bar(times, heights, bottom=bottoms, color=colour, width=1)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_days(figure: Figure, tally: Tally, days: range) -> None:
    axes = figure.subplots()
    _draw_stacks(axes, days, tally.by_day)
    _label_days(axes)


def _draw_hours(figure: Figure, tally: Tally, _: range) -> None:
    axes = figure.subplots()
    _draw_stacks(axes, range(24), tally.by_hour)
    axes.set_xticks(range(0, 24, 6), [f"{hour:02}:00" for hour in range(0, 24, 6)])


def _draw_week(figure: Figure, tally: Tally, _: range) -> None:
    axes = figure.subplots()
    calls = [[tally.by_weekday[HourOfWeek(weekday, hour)] for hour in range(24)] for weekday in range(7)]
    mesh = axes.pcolormesh(calls, cmap="Blues", vmin=0, edgecolor="#eeeeee", linewidth=0.5)
    axes.set_xticks(range(0, 25, 6), [f"{hour:02}:00" for hour in range(0, 25, 6)])
    axes.set_yticks([day + 0.5 for day in range(7)], _WEEKDAYS)
    axes.invert_yaxis()
    axes.grid(visible=False)
    # Without "solids" as an image, which the page's policy forbids.
    bar = figure.colorbar(mesh, ax=axes, label="calls", ticks=MaxNLocator(4, integer=True))
    cast("QuadMesh", bar.solids).set_rasterized(False)
    bar.outline.set_visible(False)


def _label_days(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_day))


def _draw_answers(figure: Figure, tally: Tally, days: range) -> None:
    axes = figure.subplots()
    for party, (_, colour) in _PARTIES.items():
        shown = [PartyOn(day, party) for day in days if tally.called[PartyOn(day, party)]]
        rates = [tally.picked_up[key] / tally.called[key] for key in shown]
        axes.plot([key.day for key in shown], rates, ".-", color=colour)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _label_days(axes)


def _draw_durations(figure: Figure, tally: Tally, _: range) -> None:
    _draw_classes(figure, DURATIONS, tally.durations, "calls")


def _draw_lateness(figure: Figure, tally: Tally, _: range) -> None:
    _draw_classes(figure, LATENESS, tally.lateness, "events")


def _draw_classes(figure: Figure, bounds: Sequence[int], numbers: Mapping[int, int], unit: str) -> None:
    """Draw a horizontal bar for each class of seconds."""
    axes = figure.subplots()
    classes = range(len(bounds))
    axes.barh(classes, [numbers.get(index, 0) for index in classes], color="#009e73")
    axes.set_yticks(classes, [_class_name(bounds, index) for index in classes])
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _class_name(bounds: Sequence[int], index: int) -> str:
    """Return the label of a class of seconds: its minimum and maximum."""
    lower, *upper = map(_short_time, bounds[index : index + 2])
    return f"{lower} to {upper[0]}" if upper else f"{lower} and more"


def _short_time(seconds: int) -> str:
    units = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))
    size, unit = next(((size, unit) for size, unit in units if seconds >= size), (1, "s"))
    return f"{seconds // size} {unit}"


def _legend_of_outcomes(tally: Tally) -> str:
    """Return the outcomes that occur, with their colours, in the order in which a bar stacks them."""
    return _legend(_named(outcome) for outcome in _COLOURS if tally.outcomes[outcome])


def _legend_of_parties(_: Tally) -> str:
    return _legend(_colored(colour, name) for name, colour in _PARTIES.values())


def _legend(items: Iterable[str]) -> str:
    return "<p>" + " ".join(f'<span class="legend">{item}</span>' for item in items) + "</p>"


Draw = Callable[[Figure, Tally, range], None]


class _Chart(NamedTuple):
    """A chart of the page."""

    draw: Draw
    caption: str
    legend: Callable[[Tally], str] = lambda _: ""
    has_data: Callable[[Tally], bool] = lambda _: True


_CHARTS: Final[Mapping[str, _Chart]] = {
    "Outcomes by day": _Chart(
        _draw_days,
        """The outcomes of the calls, by the day on which they began. The chart shows at most one year: the year with
        the most calls.""",
        _legend_of_outcomes,
    ),
    "Outcomes by hour": _Chart(
        _draw_hours, "The outcomes of the calls, by the hour at which they began.", _legend_of_outcomes
    ),
    "Calls by weekday and hour": _Chart(
        _draw_week, "The number of calls that began in each hour of the week. A darker colour means more calls."
    ),
    "Who answered": _Chart(
        _draw_answers,
        """The share of the called parties that answered, by day. Exotel calls the second party only if the first one
        answers. An answering machine counts as an answer. Calls whose events don't show who answered are omitted.""",
        _legend_of_parties,
    ),
    "Durations": _Chart(
        _draw_durations,
        "The duration of the conversation in connected calls. Calls whose events have no duration are omitted.",
    ),
    "Lateness": _Chart(
        _draw_lateness,
        """The time from the date of an event to its receipt. Events that were delivered again count each time. An event
        whose date is after its receipt, because two clocks differ, counts as the earliest.""",
        has_data=lambda tally: bool(tally.lateness),
    ),
}
