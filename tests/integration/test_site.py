"""The site that Sphinx builds from ``docs``: it builds without a warning, its links work, and it fits a telephone.

Run these tests with ``pytest -m site`` and the dependency group ``docs``, or with ``nox -s docs``.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from functools import partial
from html import unescape
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urldefrag

import pytest

from helpers import CHROMIUM, CHROMIUM_OPTIONS, PUBLIC_MODULES, ROOT

pytestmark = pytest.mark.site

WIDTHS = [390, 1_280]  # in pixels: a telephone, and a small desktop


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site, with warnings as errors, and return its folder."""
    built = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        built / "doctrees",
        "docs",
        built / "html",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return built / "html"


class Page(HTMLParser):
    """A parser that collects the ids and the links of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.addresses = {"", "top"}, set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, _, attributes):
        found = dict(attributes)
        self.ids.add(found.get("id"))
        self.addresses |= {found[name] for name in ("href", "src") if found.get(name)}


def test_links_lead_somewhere(site):
    """A link leads to a missing file or anchor of the site."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > len([*ROOT.glob("docs/**/*.md")])
    for path, page in pages.items():
        for address in page.addresses:
            if address.startswith(("https://", "data:", "javascript:", "mailto:")):
                continue
            file, place = urldefrag(address)
            other = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            assert other.exists(), (path.name, address)
            assert other.suffix != ".html" or unquote(place) in pages[other].ids, (path.name, address)


def test_nothing_is_loaded_from_elsewhere(site):
    """A page loads a script, a style, a font or an image from another host."""
    for path in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link rel=\"stylesheet\")[^>]*(?:src|href)=\"(?:https?:)?//[^\"]*", path.read_text()
        )
        assert loaded == [], path.name


def test_every_public_name_is_in_the_reference(site):
    """A public name has no anchor in the reference, so the index and the search lack it."""
    ids = Page(site / "reference" / "api.html").ids
    for name in PUBLIC_MODULES:
        public = __import__(name, fromlist=["__all__"]).__all__
        assert [other for other in public if f"{name}.{other}" not in ids] == []


def test_the_default_time_zone_has_its_name(site):
    """A signature in the reference shows how the default time zone is made, not `IST`."""
    text = re.sub(r"<.*?>", "", (site / "reference" / "api.html").read_text(encoding="utf-8"))
    assert "timezone: tzinfo = IST" in text
    assert "timedelta(seconds=19800)" not in text


def test_the_tagline_is_the_description(site):
    """The tagline on the first page or in the sidebar differs from the description in pyproject.toml."""
    description = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["description"]
    text = (site / "index.html").read_text(encoding="utf-8").replace("\u2019", "'")
    taglines = re.findall(r'<(?:span|div) class="[^"]*tagline[^"]*">\s*(?:<p>)?(.*?)<', unescape(text))
    assert taglines == [description] * 2


# Loads each page in a frame of each width and measures it; then searches, and measures the diagram.
LOOK = """<!DOCTYPE html><body><script>
const found = {pages: [], results: [], diagram: []};
const load = async (page, width) => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800;
  await new Promise(done => { frame.onload = done; frame.src = page; document.body.append(frame); });
  return frame;
};
const all = (inside, selector) => [...inside.querySelectorAll(selector)];
// Clicks a copy button, and returns what it passes to the clipboard.
const copy = (inside, button) => {
  let text = null;
  inside.execCommand = () => { text = all(inside, "body > textarea").at(-1).value; return true; };
  button.click();
  return text;
};
const look = (frame, page, width) => {
  const inside = frame.contentDocument;
  const code = all(inside, "div.highlight pre");
  const narrow = code.filter(pre => Math.max(...pre.textContent.split("\\n").map(line => line.length)) <= 100);
  const contents = inside.querySelector(".toc-drawer:not(.no-toc)")?.getBoundingClientRect();
  found.pages.push({
    page, width,
    title: inside.querySelector("h1")?.textContent ?? "",
    real: inside.documentElement.scrollWidth,
    tables: all(inside, "table").filter(table => {
      const box = table.closest(".table-wrapper");
      return box?.scrollWidth > box?.clientWidth || table.getBoundingClientRect().right > width;
    }).map(table => table.innerText.slice(0, 60)),
    cut: narrow.filter(pre => pre.scrollWidth > pre.clientWidth).map(pre => pre.textContent.slice(0, 60)),
    commands: all(inside, ":is(.highlight-console, .highlight-json, .highlight-sh) pre")
      .filter(pre => pre.scrollWidth > pre.clientWidth).map(pre => pre.textContent.slice(0, 60)),
    uncopied: code.filter(pre => !pre.parentElement.querySelector("button.copybtn")).length,
    copied: all(inside, "button.copybtn").map(button => [
      inside.querySelector(button.dataset.clipboardTarget).textContent, copy(inside, button),
    ]),
    contents: !contents || contents.left >= 0 && contents.right <= width,
    hosts: frame.contentWindow.performance.getEntriesByType("resource").map(entry => new URL(entry.name).host)
      .filter(host => host !== location.host),
  });
};
const meet = (one, other) => one.left < other.right && other.left < one.right
  && one.top < other.bottom && other.top < one.bottom;
(async () => {
  for (const width of WIDTHS) for (const page of PAGES) {
    const frame = await load(page, width);
    look(frame, page, width);
    frame.remove();
  }
  const frame = await load("search.html?q=unreached_leg", 1280);
  for (let turn = 0; turn < 50 && !found.results.length; turn++) {
    await new Promise(done => setTimeout(done, 100));
    found.results = all(frame.contentDocument, "#search-results li > a").map(link => link.textContent);
  }
  const diagram = (await load("_images/a-calls-life.svg", 520)).contentDocument;
  const texts = all(diagram, "text"), picture = diagram.documentElement.getBoundingClientRect();
  texts.forEach((text, index) => {
    const box = text.getBoundingClientRect();
    const others = [...texts.slice(index + 1), ...all(diagram, ".life")];
    for (const other of others.filter(other => meet(box, other.getBoundingClientRect())))
      found.diagram.push([text.textContent, other.textContent || "a line"]);
    if (box.left < picture.left || box.right > picture.right) found.diagram.push([text.textContent, "the edge"]);
  });
})().catch(error => { found.error = String(error); }).finally(() => {
  const result = document.createElement("pre");
  result.id = "found"; result.textContent = JSON.stringify(found);
  document.body.append(result);
});
</script></body>"""


@pytest.fixture(scope="module")
def seen(site, tmp_path_factory):
    """Return what Chromium measures on each page."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium")
    folder = tmp_path_factory.mktemp("seen")
    pages = [
        path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html")) if path.parent.name != "_static"
    ]
    shutil.copytree(site, folder / "site")
    script = LOOK.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    (folder / "site" / "look.html").write_text(script)
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder / "site"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/look.html"
    options = [
        *CHROMIUM_OPTIONS,
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=200000",
        "--dump-dom",
    ]
    done = subprocess.run([CHROMIUM, *options, address], capture_output=True, text=True, check=True, timeout=300)
    server.shutdown()
    thread.join()
    server.server_close()
    found = json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert "error" not in found, found["error"]
    assert len(found["pages"]) == len(pages) * len(WIDTHS)
    return found


def test_every_page_fits(seen):
    """A page is wider than a telephone or a small desktop, or it has no title."""
    assert [(page["page"], page["width"]) for page in seen["pages"] if page["real"] > page["width"]] == []
    generated = {"genindex.html", "py-modindex.html", "search.html"}
    assert [page["page"] for page in seen["pages"] if not page["title"] and page["page"] not in generated] == []


def test_every_table_fits(seen):
    """A reader must scroll a table sideways."""
    assert [(page["page"], page["width"], page["tables"]) for page in seen["pages"] if page["tables"]] == []


def test_the_desktop_shows_whole_lines_and_the_contents(seen):
    """On a desktop, a line of at most 100 characters is cut, or "On this page" is hidden."""
    desktop = [page for page in seen["pages"] if page["width"] == max(WIDTHS)]
    assert [(page["page"], page["cut"]) for page in desktop if page["cut"]] == []
    assert [page["page"] for page in desktop if not page["contents"]] == []


def test_commands_wrap(seen):
    """A reader must scroll a command or JSON sideways."""
    assert [(page["page"], page["width"], page["commands"]) for page in seen["pages"] if page["commands"]] == []


def test_every_code_block_can_be_copied(seen):
    """A code block has no copy button, or the button copies prompts or output."""
    assert [page["page"] for page in seen["pages"] if page["uncopied"]] == []
    copied = [pair for page in seen["pages"] for pair in page["copied"]]
    assert any(shown.startswith(">>> ") for shown, _ in copied)
    for shown, got in copied:
        code = "\n".join(re.findall(r"^(?:>>>|\.\.\.|\$) ((?:.*\\\n)*.*)", shown, re.MULTILINE)).splitlines()
        if shown.startswith((">>> ", "$ ")):
            assert re.findall(r".+", got) == [line for line in code if line]
        else:
            assert got.strip() == shown.strip()


def test_nothing_is_loaded_from_another_host(seen):
    """The browser requests something from another host."""
    assert [(page["page"], page["hosts"]) for page in seen["pages"] if page["hosts"]] == []


def test_the_search_finds_names(seen):
    """The search doesn't find a property by its name."""
    assert "exotel_callback.StatusCallback.unreached_leg" in seen["results"]


def test_the_labels_of_the_diagram_fit(seen):
    """A label in the diagram "A call's life" touches another label, a line or the edge."""
    assert seen["diagram"] == []
