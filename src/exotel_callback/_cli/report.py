"""Make the page that ``convert --report`` writes: four charts of the calls, which a browser shows without a network.

An attacker who could post to the archive's endpoint chose some of its values. Matplotlib escapes the strings that it
draws, and its setting ``text.parse_math`` keeps it from reading a dollar sign as a formula. The page forbids scripts
and loads nothing.
"""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from html import escape
from io import StringIO
from itertools import accumulate
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from .._enums import Outcome
from .tally import DURATIONS, OutcomeAt, PartyOn, Tally
from .view import printable

_DAY_0: Final = date(1970, 1, 1)
_MAX_DAYS: Final = 366
_MAX_BARS: Final = 15
_MINUTE: Final = 60

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
    "grid.color": "#dddddd",
    "text.parse_math": False,
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Calls</title>
<style>
body {{ font-family: sans-serif; max-width: 60rem; margin: auto; padding: 1rem; color: #222; background: #fff; }}
figure {{ margin: 2rem 0; overflow-x: auto; }}
figcaption {{ color: #555; }}
svg {{ width: 100%; min-width: 36rem; height: auto; }}
td {{ padding: 0 1rem 0 0; }}
td + td {{ text-align: right; font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>{calls:,} calls</h1>
<p>{period}, in Indian Standard Time. {events:,} events; {unreadable:,} rows that can't be parsed.</p>
<table>
{outcomes}
</table>
{figures}
</body>
</html>
"""

_FIGURE: Final = """<figure>
<h2>{title}</h2>
{svg}
<figcaption>{caption}</figcaption>
</figure>"""


def page(tally: Tally) -> str:
    """Return the page as one HTML document, for the counts of `exotel_callback._cli.pipeline.convert`."""
    days = busiest(tally.by_day)
    calls = tally.outcomes.total()
    return _PAGE.format(
        calls=calls,
        events=tally.events,
        unreadable=tally.unreadable_rows,
        period=f"{_day(days[0])} to {_day(days[-1])}" if days else "No call has a date",
        outcomes="\n".join(
            f"<tr><td>{escape(name)}</td><td>{number:,}</td><td>{number / calls:.1%}</td></tr>"
            for name, number in tally.outcomes.most_common()
        ),
        figures="\n".join(
            _FIGURE.format(title=title, svg=_svg(title, draw, tally, days), caption=caption)
            for title, (draw, caption) in _CHARTS.items()
        ),
    )


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
    return (_DAY_0 + timedelta(days=number)).isoformat()


def _svg(title: str, draw: "Draw", tally: Tally, days: range) -> str:
    """Draw a chart, and return it as an SVG element whose ids are unique on the page."""
    with rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(9, 4), layout="constrained")
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
            axes.bar(times, heights, bottom=bottoms, color=colour, label=outcome.value, width=1)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_outcomes(figure: Figure, tally: Tally, days: range) -> None:
    by_day, by_hour = figure.subplots(1, 2, width_ratios=[2, 1])
    _draw_stacks(by_day, days, tally.by_day)
    _label_days(by_day)
    _draw_stacks(by_hour, range(24), tally.by_hour)
    by_hour.set_xticks(range(0, 24, 6), [f"{hour:02}:00" for hour in range(0, 24, 6)])
    figure.legend(*by_day.get_legend_handles_labels(), loc="outside upper left", ncols=len(_COLOURS), frameon=False)


def _label_days(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_day))


def _draw_answers(figure: Figure, tally: Tally, days: range) -> None:
    axes = figure.subplots()
    for party, (label, colour) in _PARTIES.items():
        shown = [PartyOn(day, party) for day in days if tally.called[PartyOn(day, party)]]
        rates = [tally.picked_up[key] / tally.called[key] for key in shown]
        axes.plot([key.day for key in shown], rates, ".-", color=colour, label=label)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _label_days(axes)
    axes.legend(frameon=False)


def _draw_durations(figure: Figure, tally: Tally, _: range) -> None:
    axes = figure.subplots()
    classes = range(len(DURATIONS))
    axes.bar(classes, [tally.durations[index] for index in classes], color="#009e73")
    axes.set_xticks(classes, [_class_name(index) for index in classes])
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _class_name(index: int) -> str:
    """Return the label of a class of durations: its minimum and maximum."""
    lower, *upper = (f"{end // _MINUTE} min" if end >= _MINUTE else f"{end} s" for end in DURATIONS[index : index + 2])
    return f"{lower} to\n{upper[0]}" if upper else f"{lower}\nand more"


def _draw_unrecognized(figure: Figure, tally: Tally, _: range) -> None:
    axes = figure.subplots()
    values = tally.unrecognized.most_common(_MAX_BARS)[::-1]
    axes.barh(range(len(values)), [number for _, number in values], color="#56b4e9")
    axes.set_yticks(range(len(values)), [printable(f"{path}: {value}") for (path, value), _ in values])
    axes.set_xlabel("occurrences")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


Draw = Callable[[Figure, Tally, range], None]

_CHARTS: Final[Mapping[str, tuple[Draw, str]]] = {
    "Outcomes by day and by hour": (
        _draw_outcomes,
        """The outcomes of the calls, by the day and the hour at which they began. The chart by day shows at most one
        year: the year with the most calls.""",
    ),
    "Who answered": (
        _draw_answers,
        """The share of the called parties that answered, by day. Exotel calls the second party only if the first one
        answers. An answering machine counts as an answer. Calls whose events don't show who answered are omitted.""",
    ),
    "Durations": (
        _draw_durations,
        "The duration of the conversation in connected calls. Calls whose events have no duration are omitted.",
    ),
    "Unrecognized values": (
        _draw_unrecognized,
        """The most frequent values that this version of exotel-callback doesn't recognize. Exotel may have added them,
        or another sender may have posted them.""",
    ),
}
