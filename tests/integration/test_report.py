"""Test the report: the data of its charts, and that a browser shows it without a network."""

import re
import subprocess
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.image import imread

from command import convert, ndjson
from exotel_callback import Outcome, testing
from exotel_callback._cli.report import _COLOURS, busiest, page
from exotel_callback._cli.tally import Reason, Tally
from helpers import CHROMIUM, CHROMIUM_OPTIONS, ENCODERS

TITLES = [
    "Outcomes by day",
    "Outcomes by hour",
    "Calls by weekday and hour",
    "Who answered",
    "Durations",
    "Lateness",
]
TABLES = ["Outcomes", "Unrecognized values", "Unreadable rows"]
SUMMARY = (
    "2024-10-04 to 2024-10-13, in Indian Standard Time. 800 calls, 990 events, of which 40 are redeliveries. "
    "Total talk time: 1,000 h 2 min 3 s."
)


@pytest.mark.parametrize(
    ("calls", "days"),
    [
        ({}, range(0)),
        ({(5, "busy"): 1}, range(5, 6)),
        ({(0, "busy"): 1, (365, "busy"): 1}, range(366)),
        ({(0, "busy"): 1, (366, "busy"): 2}, range(366, 367)),
        ({(0, "busy"): 1, (300, "busy"): 3, (400, "busy"): 2, (100_000, "busy"): 4}, range(300, 401)),
        ({(0, "busy"): 1, (0, "failed"): 9, (1_000, "busy"): 5}, range(1)),
    ],
)
def test_busiest(calls, days):
    """The chart isn't of the year with the most calls, so one wrong date moves all others to the edge."""
    assert busiest(calls) == days


def test_the_last_day():
    """A call of the last day that a date can have, or of the first one, stops the report."""
    for day in (2_932_896, -719_162):
        calls = Tally(by_day=Counter({(day, "busy"): 1}), outcomes=Counter(busy=1), called=Counter({(day, 0): 1}))
        assert "<svg" in page(calls)


class Elements(HTMLParser):
    """A parser that lists the elements with their attributes, and the strings."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data.strip())


REPORT = ["--title", "Example", "--timezone", "Asia/Kolkata", "--report"]
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
DAYS = range(20_000, 20_010)
TALLY = Tally(
    rows=1_000,
    unreadable_rows=10,
    outcomes=Counter({"connected": 600, "no-answer": 200}),
    by_day=Counter({(day, outcome): n for day in DAYS for outcome, n in [("connected", 60), ("no-answer", 20)]}),
    by_hour=Counter({(9, "connected"): 600, (10, "no-answer"): 200}),
    called=Counter({(day, party): n for day in DAYS for party, n in [(0, 100), (1, 60)]}),
    picked_up=Counter({(day, party): n for day in DAYS for party, n in [(0, 90), (1, 60)]}),
    by_weekday=Counter({(0, 9): 600, (6, 10): 200}),
    durations=Counter({4: 600}),
    talk_seconds=3_600_123,
    lateness=Counter({0: 900, 5: 40}),
    distinct_events=950,
    reasons=Counter(
        {Reason("DecodeError", "the body is <null>"): 7, Reason("MissingFieldError", "missing @ CallSid"): 3}
    ),
    places={
        Reason("DecodeError", "the body is <null>"): ["<b>.ndjson:1", "in:22", "in:333"],
        Reason("MissingFieldError", "missing @ CallSid"): ["in:4"],
    },
    unrecognized=Counter(
        {
            ("Status", "<script>alert(1)</script>"): 3,
            ("Status", "$\\frac{1}$"): 2,
            ("Legs[0].Status", "\x1b[31m\u202e\0"): 1,
            ("Status", r"\ud800"): 1,
            ("Status", "\U0001f4de \u0905"): 1,
        }
    ),
)


@pytest.fixture(scope="module")
def html():
    """Return the page. It is drawn once, because that takes long."""
    return page(TALLY)


def svgs(html):
    """Return the charts of a page by title."""
    charts = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    return {re.search('aria-label="(.*?)"', chart)[1]: chart for chart in charts}


def test_the_page(html):
    """The page lacks a chart, a caption or a number, or loads or runs something."""
    found = Elements(html)
    tags = Counter(tag for tag, _ in found.elements)
    assert (tags["figure"], tags["svg"], tags["figcaption"], tags["script"], tags["image"]) == (6, 6, 6, 0, 0)
    assert [attributes["aria-label"] for tag, attributes in found.elements if tag == "svg"] == TITLES
    assert {*TITLES, *TABLES, "Calls", SUMMARY} <= {*found.texts}
    attributes = [attribute for _, attributes in found.elements for attribute in attributes.items()]
    links = [value for name, value in attributes if name.endswith(("href", "src"))]
    assert links
    assert all(link.startswith("#") for link in links)
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len({*ids})
    assert {link.removeprefix("#") for link in links} <= {*ids}
    addresses = set(re.findall(r"https?://[^\"'< ]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 - the SVG is ours


def rows_of(html, title):
    """Return the strings in the cells of a table, row by row."""
    (table,) = re.findall(rf"<h2>{title}</h2>\n<table>\n(.*?)</table>", html, re.DOTALL)
    return [[*filter(None, Elements(row).texts)] for row in table.splitlines()]


def test_the_tables(html):
    """A table has no header, or a wrong number, or a reason has no place."""
    assert rows_of(html, "Outcomes") == [
        ["Outcome", "Calls", "Share"],
        ["connected", "600", "75.0%"],
        ["no-answer", "200", "25.0%"],
    ]
    assert rows_of(html, "Unreadable rows") == [
        ["Reason", "First places", "Rows"],
        ["DecodeError: the body is <null>", "<b>.ndjson:1", "in:22", "in:333", "7"],
        ["MissingFieldError: missing @ CallSid", "in:4", "3"],
    ]
    assert html.count('<td class="number">') == 2 * 2 + 2 + 5


def test_the_text_around_the_charts(html):
    """A heading is missing, or a caption isn't a full sentence."""
    assert html.endswith("</html>\n")
    assert re.findall(r"<h2>(.*?)</h2>", html) == [TABLES[0], *TITLES, *TABLES[1:]]
    captions = re.findall(
        r'<p class="caption">(.*?)</p>|<figcaption>(?:<p>.*?</p>)?(.*?)</figcaption>', html, re.DOTALL
    )
    assert len(captions) == len(TABLES) + len(TITLES)
    for caption in captions:
        assert re.fullmatch(r"[A-Z0-9].*\.", "".join(caption), re.DOTALL)


def test_whose_report_it_is():
    """The title isn't that of the option, or isn't escaped, or the times are of another zone than the page says."""
    html = page(TALLY, "Example & <Sons>\0", ZoneInfo("Europe/Paris"))
    assert html.count("Example &amp; &lt;Sons&gt;\\x00") == 2
    assert "2024-10-13, in the time zone Europe/Paris." in html


def test_how_charts_look(html):
    """The font, the grid or the frame of a chart changed."""
    charts = svgs(html)
    fonts = re.findall(r"font(?:-family)?: ([^;\"]*)", "".join(charts.values()))
    assert {font.rpartition(" ")[2].strip("'") for font in fonts} == {"sans-serif"}
    spines = [svg.count("stroke-linejoin: miter; stroke-linecap: square") for svg in charts.values()]
    assert spines == [2, 2, 2, 2, 2, 2]
    assert charts["Durations"].rindex("#dddddd") < charts["Durations"].index("#009e73")


def test_charts_are_readable_on_a_phone(html):
    """The text of a chart is smaller than nine pixels on a phone that is 390 pixels wide."""
    for svg in svgs(html).values():
        width = float(re.search(r'viewBox="0 0 ([\d.]+) ', svg)[1])
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", svg)]
        assert min(sizes) * (390 - 32) / width > 9


def test_another_style_of_matplotlib(html):
    """The user's style of Matplotlib changes the page."""
    other = {
        "svg.fonttype": "path",
        "font.family": "serif",
        "axes.spines.top": True,
        "axes.spines.right": True,
        "axes.grid": False,
        "axes.axisbelow": "line",
        "grid.color": "#ff0000",
        "text.parse_math": True,
    }
    with rc_context(other):
        assert page(TALLY) == html


def test_both_parties_are_drawn(html):
    """A party has no line of its own colour, or a day has no point."""
    svg = svgs(html)["Who answered"]
    assert [svg.count(f'" style="fill: {colour}; stroke: {colour}"/>') for colour in ("#0072b2", "#d55e00")] == [10, 10]
    (legend,) = re.findall(r"<figcaption><p>([^\n]*second party[^\n]*)</p>", html)
    assert [*filter(None, Elements(legend).texts)] == ["first party", "second party"]


def test_classes_are_named(html):
    """A class of durations or of lateness has a wrong label."""
    durations = [text for text in Elements(svgs(html)["Durations"]).texts if " to " in text or " and " in text]
    ends = ["0 s", "10 s", "30 s", "1 min", "2 min", "5 min", "10 min", "30 min", "1 h"]
    assert durations == [*(f"{lower} to {upper}" for lower, upper in pairwise(ends)), "1 h and more"]
    assert "1 h to 1 d" in Elements(svgs(html)["Lateness"]).texts


def test_the_week(html):
    """The chart of the week has no cell for an hour, a day has no name, or its colours are those of other numbers."""
    svg = svgs(html)["Calls by weekday and hour"]
    assert {"0", "600"} <= {*Elements(svg).texts}
    assert [text for text in Elements(svg).texts if text in WEEKDAYS] == WEEKDAYS
    darkest, lightest = (svg.count(f"fill: {colour}") for colour in ("#08306b", "#f7fbff"))
    assert darkest >= 1
    assert lightest >= 7 * 24 - 2


def test_the_rows_of_the_week(html):
    """The name of a day is beside the row of another one."""
    svg = svgs(html)["Calls by weekday and hour"]
    monday = float(re.search(r' y="([\d.]+)"[^>]*>Mon<', svg)[1])
    # The cell with the most calls is on Monday.
    corners = re.search(r'<path d="M ([^"]*)"[^>]*style="fill: #08306b; stroke', svg)[1]
    heights = [float(corner.split()[1]) for corner in corners.split("L")]
    assert min(heights) < monday < max(heights)


def test_a_scale_has_no_parts_of_a_call():
    """The scale of a chart with one call shows 0.2 calls."""
    calls, one = Counter({(5, "busy"): 1}), Counter({0: 1})
    html = page(Tally(by_day=calls, by_hour=calls, by_weekday=Counter({(0, 9): 1}), durations=one, lateness=one))
    assert {"0", "1"} <= {*Elements(html).texts}
    assert not [text for text in Elements(html).texts if re.fullmatch(r"[0-9]+\.[0-9]+", text)]


def test_without_dates_of_receipt():
    """The page has a chart of lateness, or counts redeliveries, although the archive has no dates of receipt."""
    html = page(attrs.evolve(TALLY, lateness=Counter()))
    assert "Lateness" not in html
    assert "990 events. Total" in html


def test_the_most_frequent_values():
    """The table of unrecognized values has more than fifteen rows, or not the most frequent values."""
    words = [f"word-{number:02}" for number in range(16)]
    counts = Counter({("Status", word): number for number, word in enumerate(words, 1)})
    rows = rows_of(page(Tally(unrecognized=counts)), "Unrecognized values")
    assert rows[1:] == [["Status", word, str(number)] for number, word in reversed([*enumerate(words, 1)][1:])]


def test_values_are_shown_as_received(html):
    """A posted value isn't escaped, so it can act on the reader of the page, or it is shown as another one."""
    assert rows_of(html, "Unrecognized values") == [
        ["Field", "Value", "Occurrences"],
        ["Status", "<script>alert(1)</script>", "3"],
        ["Status", "$\\frac{1}$", "2"],
        ["Legs[0].Status", "\\x1b[31m\\u202e\\x00", "1"],
        ["Status", "\\ud800", "1"],
        ["Status", "\U0001f4de \u0905", "1"],
    ]


def test_the_same_calls_give_the_same_page(html):
    """The same calls give a page with other bytes, so pages can't be compared."""
    assert page(TALLY) == html


def test_nothing_to_draw():
    """An empty archive has no page."""
    html = page(Tally())
    assert "0 calls" in html
    assert "No call has a date" in html
    assert html.count("<svg") == 5
    assert html.count("<table>") == 1


def test_every_outcome_has_a_colour():
    """An outcome has no colour, so its calls are missing in the chart."""
    counts = Counter({(0, outcome.value): 1 for outcome in Outcome})
    html = page(Tally(by_day=counts, outcomes=Counter(outcome.value for outcome in Outcome)))
    for shown in (html, svgs(html)["Outcomes by day"]):
        assert len({colour for colour in _COLOURS.values() if colour in shown}) == len(Outcome)
    assert {outcome.value for outcome in Outcome} <= {*Elements(html).texts}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Convert an archive as a user does, and return the report."""
    folder = tmp_path_factory.mktemp("report")
    rows = [(body, kind) for s in testing.SCENARIOS.values() for kind, body, *_ in s.deliveries(ENCODERS["json"])]
    (folder / "in.ndjson").write_bytes(ndjson(rows))
    code, told, _ = convert(folder / "in.ndjson", folder / "out.parquet", *REPORT, folder / "report.html")
    assert code == 0
    return folder / "report.html", told


def test_the_command_writes_the_report(report):
    """The report has other numbers than the converted calls."""
    path, told = report
    calls = re.search(r"calls +(\d+)", told)[1]
    assert f"{calls} calls, " in path.read_text(encoding="utf-8")
    assert "<h1>Example</h1>" in path.read_text(encoding="utf-8")


def test_an_unknown_zone(tmp_path):
    """A zone that doesn't exist is a traceback."""
    for zone in ("Nowhere", "../x", "\0"):
        code, _, err = convert("-", tmp_path / "out.parquet", "--timezone", zone)
        assert (code, "unknown time zone" in err) == (2, True)


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
@pytest.mark.parametrize("width", [390, 1_200])
def test_in_a_browser(tmp_path, html, width):
    """A browser doesn't show the charts, on a desktop or a phone."""
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    command = [
        CHROMIUM,
        *CHROMIUM_OPTIONS,
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},4000",
        f"--screenshot={tmp_path / 'page.png'}",
        (tmp_path / "report.html").as_uri(),
    ]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    pixels = (imread(tmp_path / "page.png")[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    for name, colour in {"connected": 0x009E73, "no-answer": 0xE69F00, "line": 0x0072B2, "week": 0x08306B}.items():
        wanted = [colour >> 16, colour >> 8 & 255, colour & 255]
        assert np.all(abs(pixels - wanted) < 40, axis=1).sum() > 100, name  # Lines are blurred.
