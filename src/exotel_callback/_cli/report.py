"""The page that ``convert --report`` writes: four charts of the calls, which a browser shows without a network.

Words in it come from whoever posted to the archive's endpoint. Matplotlib escapes what it draws, and must not take a
dollar sign for a formula; the page forbids scripts and loads nothing.
"""

# Matplotlib's own types have gaps.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from .convert import ANSWERED, DAY, DURATION, DURATIONS, HOUR, OUTCOME, ROWS, UNREADABLE, WORD, Counts, counts_of
from .view import printable

_EPOCH: Final = date(1970, 1, 1)
_MOST_DAYS: Final = 366
_MOST_WORDS: Final = 15
_MINUTE: Final = 60

# Told apart by people who don't see all colours, too: Okabe and Ito, https://jfly.uni-koeln.de/color/.
_COLOURS: Final[Mapping[Outcome, str]] = {
    Outcome.CONNECTED: "#009e73",
    Outcome.MACHINE: "#56b4e9",
    Outcome.NO_ANSWER: "#e69f00",
    Outcome.BUSY: "#d55e00",
    Outcome.CANCELED: "#cc79a7",
    Outcome.FAILED: "#000000",
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
<p>{period}, in Indian Standard Time. From {events:,} events; {unreadable:,} more rows could not be read.</p>
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


def page(counts: Counts) -> str:
    """Return the page, one HTML file, for what `exotel_callback._cli.convert.convert` counted."""
    outcomes: Counter[str] = counts_of(counts, OUTCOME)
    days = busiest(counts_of(counts, DAY))
    return _PAGE.format(
        calls=sum(outcomes.values()),
        events=counts[ROWS,] - counts[UNREADABLE,],
        unreadable=counts[UNREADABLE,],
        period=f"{_day(days[0])} to {_day(days[-1])}" if days else "No call says when it was",
        outcomes="\n".join(
            f"<tr><td>{escape(name)}</td><td>{number:,}</td><td>{number / outcomes.total():.1%}</td></tr>"
            for name, number in outcomes.most_common()
        ),
        figures="\n".join(
            _FIGURE.format(title=title, svg=_svg(title, draw, counts, days), caption=caption)
            for title, (draw, caption) in _CHARTS.items()
        ),
    )


def busiest(calls: Mapping[tuple[int, str], int]) -> range:
    """Return the days to draw: a year at most, that with the most calls, as a wrong clock can tell any day."""
    numbers: Counter[int] = Counter()
    for (day, _), number in calls.items():
        numbers[day] += number
    days = sorted(numbers)
    sums = [0, *accumulate(numbers[day] for day in days)]
    ends = [bisect(days, day + _MOST_DAYS - 1) for day in days]
    first = max(range(len(days)), key=lambda place: sums[ends[place]] - sums[place], default=None)
    return range(0) if first is None else range(days[first], days[ends[first] - 1] + 1)


def _day(number: float, _: object = None) -> str:
    return (_EPOCH + timedelta(days=number)).isoformat()


def _svg(title: str, draw: Callable[..., None], counts: Counts, days: range) -> str:
    """Draw a chart, and return it as an element that can stand in the page beside others."""
    with rc_context({**_STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        draw(figure, counts, days)
        drawn = StringIO()
        figure.savefig(drawn, format="svg", metadata={"Creator": None, "Date": None, "Format": None, "Type": None})
    svg = drawn.getvalue()
    prefix = re.sub("[^a-z]", "", title.lower())
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}-", svg[svg.index("<svg") :])
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)


def _stack(axes: Axes, places: Sequence[int], numbers: Mapping[tuple[int, str], int]) -> None:
    """Draw a bar at each place, of a piece per outcome."""
    bottoms = [0] * len(places)
    for outcome, colour in _COLOURS.items():
        heights = [numbers.get((place, outcome), 0) for place in places]
        if any(heights):
            axes.bar(places, heights, bottom=bottoms, color=colour, label=outcome.value, width=1)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_outcomes(figure: Figure, counts: Counts, days: range) -> None:
    by_day, by_hour = figure.subplots(1, 2, width_ratios=[2, 1])
    _stack(by_day, days, counts_of(counts, DAY))
    _label_days(by_day)
    _stack(by_hour, range(24), counts_of(counts, HOUR))
    by_hour.set_xticks(range(0, 24, 6), [f"{hour:02}:00" for hour in range(0, 24, 6)])
    figure.legend(*by_day.get_legend_handles_labels(), loc="outside upper left", ncols=len(_COLOURS), frameon=False)


def _label_days(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_day))


def _draw_answers(figure: Figure, counts: Counts, days: range) -> None:
    axes = figure.subplots()
    answers = counts_of(counts, ANSWERED)
    for party, (label, colour) in _PARTIES.items():
        asked = {day: answers[day, party, True] + answers[day, party, False] for day in days}
        shown = [day for day in days if asked[day]]
        axes.plot(shown, [answers[day, party, True] / asked[day] for day in shown], ".-", color=colour, label=label)
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _label_days(axes)
    axes.legend(frameon=False)


def _draw_durations(figure: Figure, counts: Counts, _: range) -> None:
    axes = figure.subplots()
    durations = counts_of(counts, DURATION)
    axes.bar(range(len(DURATIONS)), [durations[place] for place in range(len(DURATIONS))], color="#009e73")
    axes.set_xticks(range(len(DURATIONS)), [_class(place) for place in range(len(DURATIONS))])
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _class(place: int) -> str:
    """Name a class of durations by its ends."""
    lower, *upper = (f"{end // _MINUTE} min" if end >= _MINUTE else f"{end} s" for end in DURATIONS[place : place + 2])
    return f"{lower} to\n{upper[0]}" if upper else f"{lower}\nand more"


def _draw_words(figure: Figure, counts: Counts, _: range) -> None:
    axes = figure.subplots()
    words = counts_of(counts, WORD).most_common(_MOST_WORDS)[::-1]
    axes.barh(range(len(words)), [number for _, number in words], color="#56b4e9")
    axes.set_yticks(range(len(words)), [printable(f"{path}: {text}") for (path, text), _ in words])
    axes.set_xlabel("times seen")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


_CHARTS: Final[Mapping[str, tuple[Callable[[Figure, Counts, range], None], str]]] = {
    "Outcomes by day and by hour": (
        _draw_outcomes,
        """What became of the calls, by the day and the hour at which they began; by day, a year at most, the one with
        the most calls.""",
    ),
    "Who answered": (
        _draw_answers,
        """How many of the parties that were called picked up, day by day: the first one, and the second one in calls
        whose first party did. A machine picks up, too. Calls whose events don't tell are left out.""",
    ),
    "Durations": (
        _draw_durations,
        "How long the parties of connected calls were connected, where the events tell.",
    ),
    "Unknown words": (
        _draw_words,
        """Words that this version of exotel-callback does not know, the most frequent ones: new ones of Exotel's, or
        what somebody else posts.""",
    ),
}
