"""The built book: every page, link and figure, as files and in a browser."""

import functools
import gzip
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, expect

from book import check, pictures
from rnnbook import records
from rnnbook.checkpoints import PRETRAINED
from tests.browsing import PHONE, WIDE, chromium, findings, served

ROOT = Path(__file__).resolve().parent.parent
PAGES = check.pages()
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
NOTEBOOKS = {name: (ROOT / f"{name}.ipynb").read_text(encoding="utf-8") for name in CHAPTERS}
# Where a model writes; the playground, where they all do, has its own tests.
WRITERS = ["book/intro", *(n for n in CHAPTERS if "SamplerWidget(" in NOTEBOOKS[n])]
# What the sources printed, in nats per character, for the model that a run goes back to.
PUBLISHED = {
    "shakespeare_source": "1.918",
    "tinyshakespeare": "1.470",
    "vanilla_concat": "1.80",
    "vanilla_published": "2.390",
}
EXPLORERS = [name for name in CHAPTERS if "Explorer(" in NOTEBOOKS[name]]


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build a book as make book does."""
    builder = Path(sys.executable).with_name("jupyter-book")
    options = ["--all", "-q", "-nW", "--keep-going"]
    return subprocess.run(
        [builder, "build", *options, "."], cwd=folder, capture_output=True, text=True
    )


def up_to_date() -> Path:
    """The HTML of the book, built again if a source is newer."""
    sources = [ROOT / "_config.yml", ROOT / "_toc.yml", *(ROOT / "book").rglob("*.*")]
    sources += (ROOT / "chapters").glob("*.ipynb")
    sources += (ROOT / "rnnbook" / "static").rglob("*.*")
    sources += (ROOT / "rnnbook" / "pretrained").rglob("*.*")
    html = ROOT / "_build" / "html"
    newest = max(path.stat().st_mtime for path in sources)
    if not all(
        (page := html / f"{name}.html").exists() and page.stat().st_mtime > newest for name in PAGES
    ):
        done = build(ROOT)
        assert done.returncode == 0, done.stderr
    return html


@pytest.fixture(scope="module")
def built() -> Path:
    return up_to_date()


@functools.cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def broken_links(path: Path) -> list[str]:
    """Name the links of a page to a file, or a place in one, that is not in the book."""
    found = []
    for link in parsed(path).select("a[href], audio[src], img[src], link[href], script[src]"):
        target = urlsplit(link.get("href") or link.get("src"))
        if target.scheme or target.netloc:
            continue
        file = (path.parent / unquote(target.path)).resolve() if target.path else path
        anchor = unquote(target.fragment)
        if not file.is_file() or (anchor and not parsed(file).find(id=anchor)):
            found.append(target.geturl())
    return found


def undescribed(path: Path) -> list[str]:
    """Name the images of a page's text whose alternative text does not describe them."""
    images = parsed(path).select(".bd-article img")
    return [
        image.get("src")
        for image in images
        if len(image.get("alt", "")) < 20 or re.search(r"\.\w{3,4}$", image["alt"])
    ]


class TestFiles:
    def test_every_page_is_there_and_shows_no_traceback(self, built):
        assert len(CHAPTERS) >= 4
        assert check.problems(built, PAGES) == []

    @pytest.mark.parametrize("page", PAGES)
    def test_links_and_images_lead_somewhere(self, built, page):
        assert broken_links(built / f"{page}.html") == []

    @pytest.mark.parametrize("page", PAGES)
    def test_images_are_described(self, built, page):
        assert undescribed(built / f"{page}.html") == []

    @pytest.mark.parametrize("page", PAGES)
    def test_a_link_to_a_page_shows_what_it_is_about(self, built, page):
        text = parsed(built / f"{page}.html")
        cards = {
            name: text.select_one(f'meta[property="og:{name}"]')["content"]
            for name in ("title", "description", "url", "image")
        }
        assert cards["title"] in text.select_one("title").get_text()
        assert len(cards["description"]) > 80
        site = cards["url"].removesuffix(f"{page}.html")
        assert (built / cards["image"].removeprefix(site)).is_file()

    @pytest.mark.parametrize("page", CHAPTERS)
    def test_a_chapter_opens_in_colab_and_has_numbered_figures(self, built, page):
        text = parsed(built / f"{page}.html")
        assert text.select(f'a[href$="/blob/main/{page}.ipynb"][href*="colab"]')
        numbered = text.select(".bd-article figure:not(.explorer) figcaption")
        captions = [caption.get_text() for caption in numbered]
        assert captions
        assert all(re.match(r"Fig\. \d+\.\d+", caption.strip()) for caption in captions)

    def test_the_results_have_a_line_for_every_record(self, built):
        table = parsed(built / "book" / "results.html").select_one("article table")
        assert table.select_one("th").get_text() == "python -m rnnbook"
        headings = [heading.get_text() for heading in table.select("th")]
        lines = {
            row.select_one("td").get_text().removeprefix("evaluate "): row
            for row in table.select("tbody tr")
        }
        assert lines.keys() == {path.parent.name for path in PRETRAINED.glob("*/run.json")}
        for name, row in lines.items():
            said = dict(zip(headings, (td.get_text() for td in row.select("td")), strict=True))
            record = records.load(name)
            assert said["python -m rnnbook"] == f"evaluate {name}"
            assert said["text"] == record["corpus"]
            assert said["parameters"] == f"{record['parameters']:,}"
            assert said["nats"] == f"{record['loss_nats']:.3f}"
            assert said["bits"] == f"{record['loss_nats'] / math.log(2):.3f}"
            assert said["best table"] == f"{record['baseline_nats']:.3f}"
            assert said["published"] == PUBLISHED.get(name, "–")
            assert said["millions read"] == f"{record['history']['characters'][-1] / 1e6:.1f}"
            assert said["minutes"] == f"{record['seconds'] / 60:.0f}"
            (link,) = row.select("a")
            chapter = Path(link["href"]).stem
            assert said["chapter"] == str(int(chapter[:2]))
            source = (ROOT / "chapters" / f"{chapter}.ipynb").read_text(encoding="utf-8")
            assert name in source or record["corpus"] in source

    def test_the_first_page_has_a_figure_a_sampler_and_three_places_to_start(self, built):
        first = parsed(built / "book" / "intro.html").select_one(".bd-article")
        assert first.select_one("figure img")["alt"]
        assert first.select_one("[data-rnnbook-sampler]")
        titles = [title.get_text().rstrip("#").strip() for title in first.select("h2")]
        assert {"What you will be able to do", "Where to start"} <= set(titles)
        start = first.find(id="where-to-start")
        assert len(start.select("p > em:first-child")) == 3
        assert {"01_recurrence", "04_shakespeare", "07_tunes"} <= {
            Path(urlsplit(link["href"]).path).stem for link in start.select("a[href]")
        }

    def test_the_index_is_linked_and_has_every_term(self, built):
        glossary = parsed(built / "book" / "glossary.html").select_one(".bd-article")
        assert glossary.select_one('a[href="../genindex.html"]')
        terms = {term["id"] for term in glossary.select("dl.glossary dt")}
        index = parsed(built / "genindex.html")
        assert len(terms) > 20
        assert terms <= {urlsplit(link["href"]).fragment for link in index.select("a[href]")}

    def test_no_script_is_shipped_that_asks_for_live_code(self, built):
        assert [path.name for path in built.rglob("*thebe*")] == []

    @pytest.mark.parametrize("page", PAGES)
    def test_a_page_says_its_language_and_title(self, built, page):
        text = parsed(built / f"{page}.html")
        assert text.html["lang"] == "en"
        assert len(text.select(".bd-article h1")) == 1


class TestShrink:
    """Pictures get a palette where nobody would see it."""

    def test_a_chart_gets_smaller_and_looks_the_same(self, tmp_path, figures):
        path = tmp_path / "chart.png"
        plt.plot([1, 3, 2])
        plt.savefig(path, transparent=False)
        size, before = path.stat().st_size, Image.open(path).convert("RGB")
        pictures.shrink(path)
        assert path.stat().st_size < 0.7 * size
        moved = ImageChops.difference(before, Image.open(path).convert("RGB")).getextrema()
        assert max(most for _, most in moved) <= pictures.FURTHEST

    def test_a_picture_of_too_many_colours_stays(self, tmp_path):
        path = tmp_path / "colours.png"
        hues = [(x, y, (x * y) % 256) for x in range(256) for y in range(256)]
        image = Image.new("RGB", (256, 256))
        image.putdata(hues)
        image.save(path)
        before = path.read_bytes()
        pictures.shrink(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


class TestBrokenBook:
    """The same checks on a small book that has what they look for."""

    @pytest.fixture
    def small(self, tmp_path):
        shutil.copytree(ROOT / "book", tmp_path / "book")
        shutil.copytree(ROOT / "rnnbook" / "static", tmp_path / "rnnbook" / "static")
        shutil.copy(ROOT / "_config.yml", tmp_path)
        (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
        return tmp_path

    def test_a_warning_stops_the_build_each_time(self, small):
        (small / "book" / "intro.md").write_text("# Title\n\n{term}`no such term`\n")
        first, second = build(small), build(small)
        assert "no such term" in first.stderr
        assert first.returncode != 0
        assert second.returncode != 0

    def test_what_is_missing_or_broken_is_named(self, small):
        page = """# Title

```
Traceback (most recent call last):
```

<a href="nowhere.html">a</a> <a href="#no-such-place">b</a> <img src="no.png" alt="no.png">
"""
        (small / "book" / "intro.md").write_text(page)
        assert build(small).returncode == 0
        html = small / "_build" / "html"
        assert check.problems(html, ["book/intro", "book/gone"]) == [
            "book/intro: the page shows a traceback",
            "book/gone: there is no such page in the built book",
        ]
        intro = html / "book" / "intro.html"
        assert broken_links(intro) == ["nowhere.html", "#no-such-place", "no.png"]
        assert undescribed(intro) == ["no.png"]


@pytest.fixture(scope="module")
def address(built) -> Iterator[str]:
    """The book on localhost."""
    with served(built) as address:
        yield address


# Not for the whole session: Playwright's event loop must be gone before a notebook's kernel starts.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser, address):
    """A function that opens a page of the book; what went wrong is in the page's `complaints`."""
    contexts = []

    def opened(name: str, **settings: object) -> tuple[Page, list[str]]:
        context = browser.new_context(**{"viewport": WIDE, **settings})
        contexts.append(context)
        page, complaints = context.new_page(), []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:"))
                or complaints.append(f"asks {request.url}")
            ),
        )
        page.goto(urljoin(address, f"{name}.html"), wait_until="load")
        page.wait_for_function("!window.MathJax?.startup || MathJax.startup.promise.then(() => 1)")
        return page, complaints

    yield opened
    for context in contexts:
        context.close()


def luminance(page: Page, selector: str, part: str) -> float:
    """Brightness, 0 to 255, of an element's text or of the first background behind it."""
    script = """([selector, part]) => {
        let element = document.querySelector(selector), colour;
        do {
            colour = getComputedStyle(element)[part].match(/[\\d.]+/g).map(Number);
            element = element.parentElement;
        } while (element && colour[3] === 0);
        return 0.21 * colour[0] + 0.72 * colour[1] + 0.07 * colour[2];
    }"""
    return page.evaluate(script, [selector, part])


class TestBrowser:
    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_opens_without_complaint_and_asks_no_other_host(self, open_page, name):
        page, complaints = open_page(name)
        assert page.locator(".bd-article h1").is_visible()
        assert complaints == []

    @pytest.mark.parametrize("name", PAGES)
    def test_nothing_is_wider_than_a_phone(self, open_page, name):
        page, _ = open_page(name, viewport=PHONE)
        wide = """() => [...document.querySelectorAll(".bd-article *")]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(
                "pre, table, .math, mjx-container, .cell_output"))
            .map(e => e.outerHTML.slice(0, 80))"""
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate(wide) == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_follows_the_readers_scheme(self, open_page, name, scheme):
        page, _ = open_page(name, color_scheme=scheme)
        text = luminance(page, ".bd-article p", "color")
        behind = luminance(page, ".bd-article p", "backgroundColor")
        assert (text < 100 and behind > 200) if scheme == "light" else (text > 150 and behind < 60)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("name", PAGES)
    def test_axe_finds_nothing_serious(self, open_page, name, scheme):
        page, _ = open_page(name, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
        assert findings(page) == []

    @pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
    @pytest.mark.parametrize("name", CHAPTERS)
    def test_figures_are_seen(self, open_page, name, viewport):
        page, _ = open_page(name, viewport=viewport)
        figures = page.locator(".bd-article figure img:visible")
        assert figures.count() >= 1
        for figure in figures.all():
            figure.scroll_into_view_if_needed()
            assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
            box = figure.bounding_box()
            assert box is not None
            assert 100 < box["width"] <= viewport["width"]

    @pytest.mark.parametrize("name", EXPLORERS)
    def test_a_widget_shows_a_picture_and_says_what_it_does_live(self, open_page, name):
        page, _ = open_page(name)
        widget = page.locator("figure.explorer")
        assert widget.count() == 1
        picture = widget.locator("img")
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
        assert "a notebook shows" in widget.locator("figcaption").inner_text()

    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_is_light_until_something_is_pressed(self, open_page, address, built, name):
        page, _ = open_page(name)
        # Whoever reads to the end has seen every picture.
        for picture in page.locator("img").all():
            picture.evaluate("image => { image.loading = 'eager'; return image.decode(); }")
        asked = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        files = {urlsplit(url).path[1:] for url in [page.url, *asked] if url.startswith(address)}
        assert len(files) > 5
        weight = sum(len(gzip.compress((built / file).read_bytes())) for file in files)
        assert weight < 900_000

    @pytest.mark.parametrize("word", ["synaloepha", "smoothing"])
    def test_a_word_is_found_by_search(self, open_page, word):
        page, complaints = open_page("search")
        page.locator(".bd-search-container input[name=q]").fill(word)
        page.keyboard.press("Enter")
        found = page.locator("#search-results li a")
        expect(found.first).to_be_visible()
        assert any("glossary" in link.get_attribute("href") for link in found.all())
        assert complaints == []

    @pytest.mark.parametrize("name", ["search", "genindex"])
    def test_axe_finds_nothing_serious_beside_the_pages(self, open_page, name):
        page, complaints = open_page(name)
        assert findings(page) == []
        assert complaints == []

    @pytest.mark.parametrize("name", WRITERS)
    def test_a_model_writes_in_the_page_as_it_is_built(self, open_page, name):
        page, complaints = open_page(name)
        sampler = page.get_by_role("region", name="Sampler:").first
        sampler.get_by_label("Characters").fill("60")
        sampler.get_by_role("button", name=re.compile("^(Generate|Answer)$")).click()
        said = sampler.get_by_role("status").first
        expect(said).to_contain_text(re.compile("^Wrote"), timeout=60_000)
        assert complaints == []
        assert findings(page) == []

    def test_what_can_be_heard_comes_when_asked_for_and_is_no_silence(self, open_page):
        page, _ = open_page("chapters/07_tunes")
        asked = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert not [url for url in asked if url.endswith((".mp3", ".mid", ".abc"))]
        script = """async audio => {
            const response = await fetch(audio.src);
            const sound = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(
                await response.arrayBuffer());
            const samples = sound.getChannelData(0);
            const power = samples.reduce((sum, sample) => sum + sample * sample, 0);
            return [audio.ariaLabel, sound.duration, Math.sqrt(power / samples.length)];
        }"""
        players = page.locator("audio").all()
        assert len(players) >= 4
        for player in players:
            label, seconds, loudness = player.evaluate(script)
            assert len(label) > 10
            assert 5 < seconds < 20
            assert 0.02 < loudness < 0.5

    @pytest.mark.parametrize("name", CHAPTERS)
    def test_equations_are_typeset(self, open_page, name):
        page, _ = open_page(name)
        assert page.locator(".math").count() > 0
        assert page.locator(".math:not(:has(mjx-container))").count() == 0
        assert page.locator("mjx-merror").count() == 0

    @pytest.mark.parametrize("name", ["book/intro", "chapters/02_summation"])
    def test_everything_is_reached_and_named_by_keyboard(self, open_page, name):
        page, _ = open_page(name)
        wanted = page.evaluate(
            """() => [...document.querySelectorAll(
                ".bd-article :is(a[href], button, summary, input, select, textarea)")]
                .filter(e => e.checkVisibility({ visibilityProperty: true }))
                .filter(e => e.tabIndex >= 0 && !e.disabled)
                .map((e, number) => (e.dataset.walked = number))"""
        )
        assert len(wanted) > 5
        reached = set()
        page.locator("[data-walked='0']").focus()
        for _ in range(3 * len(wanted)):
            found = page.evaluate(
                """() => {
                    const { activeElement: e } = document;
                    const name = e.ariaLabel ?? e.labels?.[0]?.innerText ?? e.innerText;
                    const line = getComputedStyle(e).outlineStyle;
                    // An icon is called what its title says.
                    return [e.dataset.walked, (name || e.title || e.textContent).trim(), line];
                }"""
            )
            number, called, outline = found
            if number is not None:
                assert called
                assert outline != "none", called
                reached.add(int(number))
            page.keyboard.press("Tab")
        assert reached == set(wanted)

    @pytest.mark.parametrize("name", PAGES)
    def test_every_icon_of_a_page_is_in_its_font(self, open_page, built, name):
        page, _ = open_page(name)
        shown = page.evaluate(
            """() => [...document.querySelectorAll("body *")].flatMap(e =>
                ["::before", "::after"].map(part => getComputedStyle(e, part))
                    .filter(style => style.fontFamily.includes("Font Awesome"))
                    .map(style => [style.fontFamily, style.content.slice(1, -1)]))"""
        )
        fonts = built.glob("_static/vendor/fontawesome/webfonts/*.woff2")
        there = {font.stem.split("-")[1]: TTFont(font).getBestCmap() for font in fonts}
        # Elements without an icon inherit the family and show no sign.
        icons = {("brands" if "Brands" in family else "solid", sign) for family, sign in shown}
        icons = {(font, sign) for font, sign in icons if len(sign) == 1}
        assert len(icons) > 5
        assert [sign for font, sign in icons if ord(sign) not in there[font]] == []
        states = "document.fonts.ready.then(all => [...all].map(font => font.status))"
        assert set(page.evaluate(states)) == {"loaded", "unloaded"}

    def test_keys_do_what_a_click_does(self, open_page):
        page, complaints = open_page("chapters/02_summation")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
        page.get_by_role("button", name="Color mode").focus()
        before = page.locator("html").get_attribute("data-mode")
        page.keyboard.press("Enter")
        expect(page.locator("html")).not_to_have_attribute("data-mode", before)
        fold = page.locator(".bd-article summary").first
        fold.focus()
        for key, opened in (("Enter", True), ("Space", False)):
            page.keyboard.press(key)
            assert fold.evaluate("e => e.parentElement.open") == opened
        page.keyboard.press("Control+k")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("Escape")
        page.locator(".right-next").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/03_tanh_failure.html")
        assert complaints == []

    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_stands_still_for_those_who_ask_for_it(self, open_page, name):
        page, _ = open_page(name, reduced_motion="reduce")
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
        # A colour that fades is no motion.
        moving = "document.getAnimations().filter((e) => e instanceof CSSAnimation).length"
        assert page.evaluate(moving) == 0

    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_can_be_printed(self, open_page, name):
        page, _ = open_page(name, color_scheme="dark", viewport={"width": 700, "height": 1000})
        page.emulate_media(media="print", color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        assert luminance(page, ".bd-article p", "color") < 100
        if page.locator(".bd-article pre:visible").count():
            assert luminance(page, ".bd-article pre", "color") < 100
        # Wider than its own box, or than the sheet.
        cut = """() => [...document.querySelectorAll(".bd-article :is(pre, table, div.math)")]
            .filter(e => e.checkVisibility())
            .filter(e => e.scrollWidth > e.clientWidth + 1
                || e.getBoundingClientRect().right > innerWidth)
            .map(e => e.innerText.slice(0, 60))"""
        assert page.evaluate(cut) == []
        page.emulate_media(media="screen", color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert luminance(page, ".bd-article p", "color") > 150
