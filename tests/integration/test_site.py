"""The site that Sphinx makes of ``docs``: it is built without a warning, links lead somewhere, and it fits a telephone.

Run by ``pytest -m site``, with the dependency group ``docs``.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from html import unescape
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urldefrag

import pytest

from helpers import CHROMIUM, CHROMIUM_OPTIONS, PUBLIC_MODULES, ROOT

pytestmark = pytest.mark.site

WIDTHS = [390, 1_280]  # The widths of a phone and a desktop.


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


# This script loads each page in a frame and writes down its real width. Then it searches.
LOOK = """<!DOCTYPE html><body><script>
const found = {pages: [], results: []};
const load = async (page, width) => {
  const frame = document.createElement("iframe");
  frame.width = width; frame.height = 800;
  await new Promise(done => { frame.onload = done; frame.src = page; document.body.append(frame); });
  return frame;
};
(async () => {
  for (const width of WIDTHS) for (const page of PAGES) {
    const frame = await load(page, width);
    const root = frame.contentDocument.documentElement;
    found.pages.push([page, width, root.scrollWidth, frame.contentDocument.querySelector("h1")?.textContent ?? ""]);
    frame.remove();
  }
  const frame = await load("search.html?q=unreached_leg", 1280);
  for (let turn = 0; turn < 50 && !found.results.length; turn++) {
    await new Promise(done => setTimeout(done, 100));
    found.results = [...frame.contentDocument.querySelectorAll("#search-results li > a")].map(link => link.textContent);
  }
  const told = document.createElement("pre");
  told.id = "found"; told.textContent = JSON.stringify(found);
  document.body.append(told);
})();
</script></body>"""


@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_every_page_fits(site, tmp_path):
    """A page is wider than a phone or a desktop, has no title, or the search doesn't find a name."""
    pages = [
        path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html")) if path.parent.name != "_static"
    ]
    shutil.copytree(site, tmp_path / "site")
    script = LOOK.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    (tmp_path / "site" / "look.html").write_text(script)
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=tmp_path / "site"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/look.html"
    options = [
        *CHROMIUM_OPTIONS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=200000",
        "--dump-dom",
    ]
    done = subprocess.run([CHROMIUM, *options, address], capture_output=True, text=True, check=True, timeout=300)
    server.shutdown()
    thread.join()
    server.server_close()
    found = json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    assert len(found["pages"]) == len(pages) * len(WIDTHS)
    assert [(page, width, really) for page, width, really, _ in found["pages"] if really > width] == []
    assert "exotel_callback.StatusCallback.unreached_leg" in found["results"]
    assert all(
        title
        for page, _, _, title in found["pages"]
        if page not in {"genindex.html", "py-modindex.html", "search.html"}
    )
