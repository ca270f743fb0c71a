"""Test the report: the data of its charts, and that a browser shows it without a network."""

import re
import subprocess
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.image import imread

from command import convert, ndjson
from exotel_callback import Outcome, testing
from exotel_callback._cli.report import busiest, page
from exotel_callback._cli.tally import DURATIONS, Tally
from helpers import CHROMIUM, CHROMIUM_OPTIONS, ENCODERS

TITLES = ["Outcomes by day and by hour", "Who answered", "Durations", "Unrecognized values"]


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


DAYS = range(20_000, 20_010)
TALLY = Tally(
    rows=1_000,
    unreadable_rows=10,
    outcomes=Counter({"connected": 600, "no-answer": 200}),
    by_day=Counter({(day, outcome): n for day in DAYS for outcome, n in [("connected", 60), ("no-answer", 20)]}),
    by_hour=Counter({(9, "connected"): 600, (10, "no-answer"): 200}),
    called=Counter({(day, party): n for day in DAYS for party, n in [(0, 100), (1, 60)]}),
    picked_up=Counter({(day, party): n for day in DAYS for party, n in [(0, 90), (1, 60)]}),
    durations=Counter({4: 600}),
    unrecognized=Counter(
        {
            ("Status", "<script>alert(1)</script>"): 3,
            ("Status", "$\\frac{1}$"): 2,
            ("Legs[0].Status", "\x1b[31m\u202e\0"): 1,
        }
    ),
)


@pytest.fixture(scope="module")
def html():
    """Return the page. It is drawn once, because that takes long."""
    return page(TALLY)


def svgs(html):
    """Return the charts of a page by title."""
    return dict(zip(TITLES, re.findall(r"<svg.*?</svg>", html, re.DOTALL), strict=True))


def test_the_page(html):
    """The page lacks a chart, a caption or a number, or loads or runs something."""
    found = Elements(html)
    tags = Counter(tag for tag, _ in found.elements)
    assert (tags["figure"], tags["svg"], tags["figcaption"], tags["script"], tags["image"]) == (4, 4, 4, 0, 0)
    assert [attributes["aria-label"] for tag, attributes in found.elements if tag == "svg"] == TITLES
    assert {*TITLES, "800 calls", "connected", "600", "75.0%"} <= {*found.texts}
    told = "2024-10-04 to 2024-10-13, in Indian Standard Time. 990 events; 10 rows that can't be parsed."
    assert told in found.texts
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


def test_the_text_around_the_charts(html):
    """A heading or a number is missing, or a caption isn't a full sentence."""
    assert html.endswith("</html>\n")
    texts = [*filter(None, Elements(re.sub(r"<(svg|style).*?</\1>", "", html, flags=re.DOTALL)).texts)]
    told = "2024-10-04 to 2024-10-13, in Indian Standard Time. 990 events; 10 rows that can't be parsed."
    rows = ["connected", "600", "75.0%", "no-answer", "200", "25.0%"]
    assert texts[:-8] == ["Calls", "800 calls", told, *rows]
    assert texts[-8::2] == TITLES
    for caption in texts[-7::2]:
        assert re.fullmatch(r"[A-Z].*\.", caption, re.DOTALL)


def test_how_charts_look(html):
    """The font, the grid or the frame of a chart changed."""
    charts = svgs(html)
    fonts = re.findall(r"font(?:-family)?: ([^;\"]*)", "".join(charts.values()))
    assert {font.rpartition(" ")[2].strip("'") for font in fonts} == {"sans-serif"}
    spines = [svg.count("stroke-linejoin: miter; stroke-linecap: square") for svg in charts.values()]
    assert spines == [4, 2, 2, 2]  # Two for each axes.
    assert charts["Durations"].rindex("#dddddd") < charts["Durations"].index("#009e73")


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
    assert [svg.count(f'" style="fill: {colour}; stroke: {colour}"/>') for colour in ("#0072b2", "#d55e00")] == [11, 11]
    assert [text for text in Elements(svg).texts if text.endswith("party")] == ["first party", "second party"]


def test_durations_are_named(html):
    """A class of durations has a wrong label."""
    texts = [*filter(None, Elements(svgs(html)["Durations"]).texts)][1:]
    ends = ["0 s", "10 s", "30 s", "1 min", "2 min", "5 min", "10 min", "30 min", "60 min"]
    named = [text for lower, upper in pairwise(ends) for text in (f"{lower} to", upper)]
    assert texts[: 2 * len(DURATIONS)] == [*named, "60 min", "and more"]


def test_the_most_frequent_values():
    """The chart of unrecognized values has more than fifteen bars, or not the most frequent values."""
    words = [f"word-{number:02}" for number in range(16)]
    counts = Counter({("Status", word): number for number, word in enumerate(words, 1)})
    svg = svgs(page(Tally(unrecognized=counts)))["Unrecognized values"]
    assert [text for text in Elements(svg).texts if "word-" in text] == [f"Status: {word}" for word in words[1:]]


def test_values_are_shown_as_received(html):
    """A posted value isn't escaped, so it can act on the reader of the page."""
    texts = Elements(html).texts
    assert "Status: <script>alert(1)</script>" in texts
    assert "Status: $\\frac{1}$" in texts
    assert "Legs[0].Status: \\x1b[31m\\u202e\\x00" in texts


def test_the_same_calls_give_the_same_page(html):
    """The same calls give a page with other bytes, so pages can't be compared."""
    assert page(TALLY) == html


def test_nothing_to_draw():
    """An empty archive has no page."""
    html = page(Tally())
    assert "0 calls" in html
    assert "No call has a date" in html
    assert html.count("<svg") == 4


def test_every_outcome_has_a_colour():
    """An outcome has no colour, so its calls are missing in the chart."""
    counts = Counter({(0, outcome.value): 1 for outcome in Outcome})
    texts = Elements(page(Tally(by_day=counts))).texts
    assert {outcome.value for outcome in Outcome} <= {*texts}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Convert an archive as a user does, and return the report."""
    folder = tmp_path_factory.mktemp("report")
    rows = [(body, kind) for s in testing.SCENARIOS.values() for kind, body, *_ in s.deliveries(ENCODERS["json"])]
    (folder / "in.ndjson").write_bytes(ndjson(rows))
    code, told, _ = convert(folder / "in.ndjson", folder / "out.parquet", "--report", folder / "report.html")
    assert code == 0
    return folder / "report.html", told


def test_the_command_writes_the_report(report):
    """The report has other numbers than the converted calls."""
    path, told = report
    calls = re.search(r"calls +(\d+)", told)[1]
    assert f"<h1>{calls} calls</h1>" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
@pytest.mark.parametrize("width", [400, 1_200])
def test_in_a_browser(tmp_path, html, width):
    """A browser doesn't show the charts, on a desktop or a phone."""
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    command = [
        CHROMIUM,
        *CHROMIUM_OPTIONS,
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},3000",
        f"--screenshot={tmp_path / 'page.png'}",
        (tmp_path / "report.html").as_uri(),
    ]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    pixels = (imread(tmp_path / "page.png")[:, :, :3] * 255).round().astype(int).reshape(-1, 3)
    for name, colour in {"connected": 0x009E73, "no-answer": 0xE69F00, "line": 0x0072B2, "words": 0x56B4E9}.items():
        wanted = [colour >> 16, colour >> 8 & 255, colour & 255]
        assert np.all(abs(pixels - wanted) < 40, axis=1).sum() > 100, name  # Lines are blurred.
