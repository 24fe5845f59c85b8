"""The sampler in a page of a built book, in a real browser."""

import math
import re
import shutil
import unicodedata
from pathlib import Path

import nbformat
import pytest
import torch
from playwright.sync_api import expect

from rnnbook import checkpoints
from rnnbook.recipe import Recipe
from rnnbook.sampler_widget import SamplerWidget
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet
from tests.browsing import PHONE, chromium, findings, generate, served, visiting, written
from tests.test_book import ROOT, build, luminance

ALPHABET = Alphabet("\n <>&\"'/=!abcdefghijklmnopqrstuvwxyz")
RECIPE = Recipe("none", 1, hidden_size=32, embedding_size=8, seed=3)
PROMPT = "<b>to be</b> & "
# The contrast (WCAG 2) between a character and what is behind it, for each class it can have.
CONTRASTS = """(kinds) => {
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => colour.slice(0, 3)
        .map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    const character = document.querySelector(".text .prompt + span span");
    let ground = character.parentElement, behind;
    do {
        behind = parse(getComputedStyle(ground).backgroundColor);
        ground = ground.parentElement;
    } while (behind[3] === 0);
    return kinds.map((kind) => {
        character.className = kind;
        const { color, backgroundColor } = getComputedStyle(character);
        const tint = parse(backgroundColor);
        const share = tint[3] ?? 1;
        const mixed = tint.slice(0, 3).map((part, i) => share * part + (1 - share) * behind[i]);
        const [low, high] = [light(parse(color)), light(mixed)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    });
}"""


def keep(folder: Path, file: str, noise: float) -> None:
    """Store a model that came some way from its untrained self."""
    model = RECIPE.build(len(ALPHABET))
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(noise * torch.randn_like(weight))
    facts = {"recipe": vars(RECIPE)}
    checkpoints.save(folder / file, model, ALPHABET, facts, "int8")


def cell(widget: SamplerWidget) -> nbformat.NotebookNode:
    """A notebook's cell with what it shows, as Jupyter stores it."""
    data, metadata = widget._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    return nbformat.v4.new_code_cell("sampler", execution_count=1, outputs=[output])


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """A built book of samplers: of a kept model, of one that has gone, and of one never kept."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(ROOT / "book", folder / "book")
    shutil.copytree(ROOT / "rnnbook" / "static", folder / "rnnbook" / "static")
    shutil.copy(ROOT / "_config.yml", folder)
    pretrained = folder / "rnnbook" / "pretrained"
    keep(pretrained / "tiny", "model.safetensors", 0.5)
    keep(pretrained / "tiny", "epoch-002.safetensors", 0.1)
    keep(pretrained / "gone", "model.safetensors", 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "PRETRAINED", pretrained)
        tiny = SamplerWidget("tiny", prompt=PROMPT, length=300, seed=4)
        gone = SamplerWidget("gone", prompt="gone ", length=300)
    unnamed = SamplerWidget(RECIPE.build(len(ALPHABET)), ALPHABET, prompt="never kept ")
    shutil.rmtree(pretrained / "gone")
    title = nbformat.v4.new_markdown_cell("# A chapter\n\nOne sentence.")
    pages = {"one": [tiny], "two": [tiny, tiny], "gone": [gone], "unnamed": [unnamed]}
    for name, widgets in pages.items():
        notebook = nbformat.v4.new_notebook(cells=[title, *map(cell, widgets)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    chapters = "".join(f"  - file: {name}\n" for name in pages)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{chapters}")
    (folder / "index.md").write_text("# A book\n\nOf samplers.\n")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    return folder / "_build" / "html"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(book):
    with served(book) as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    with visiting(browser, address) as open_page:
        yield open_page


class TestWriting:
    def test_nothing_is_fetched_before_generate_and_its_size_is_said(self, open_page, book):
        page = open_page("one")
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        sampler = page.get_by_role("region", name="Sampler: tiny")
        expect(sampler.get_by_role("status")).to_contain_text("kB")
        assert "Written earlier by tiny" in page.locator(".recorded").inner_text()
        names = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        assert not any(".safetensors" in name for name in names)
        assert len(generate(page)) == 300
        assert [url.rpartition("/")[2] for url in asked if "models" in url] == ["model.safetensors"]
        expect(page.locator(".recorded")).to_have_count(0)

    def test_a_seed_gives_one_text_on_every_reload(self, open_page):
        page = open_page("one")
        first = generate(page)
        page.reload()
        assert generate(page) == first
        page.get_by_role("button", name="New seed").click()
        assert generate(page) != first

    def test_the_page_writes_what_python_writes(self, open_page, book):
        model = checkpoints.load(book / "_static/models/tiny/model.safetensors").model
        page = open_page("one")
        page.get_by_label("Temperature").fill("0")
        sampler = Sampler(model, ALPHABET, dtype=torch.float32)
        assert generate(page) == sampler.sample(PROMPT, 300, temperature=0)

    def test_what_is_generated_is_text(self, open_page):
        page = open_page("one")
        assert set(generate(page)) & set("<>&")
        shown = page.locator(".text").first
        assert shown.evaluate("e => e.textContent").startswith(PROMPT)
        assert shown.locator("b, i, p, a, script").count() == 0

    def test_temperature_top_k_and_top_p_change_what_is_drawn(self, open_page):
        page = open_page("one")
        texts = {generate(page)}
        page.get_by_label("Temperature").fill("0.5")
        texts.add(generate(page))
        page.get_by_label("Top-k").fill("3")
        texts.add(generate(page))
        page.get_by_label("Top-k").fill("")
        page.get_by_label("Top-p").fill("0.5")
        texts.add(generate(page))
        assert len(texts) == 4

    def test_stop_stops(self, open_page):
        page = open_page("one")
        page.get_by_label("Characters").fill("5000")
        page.evaluate("""() => new Promise((stopped) => {
            const [generate, stop] = document.querySelectorAll("form > .buttons button");
            const written = document.querySelector(".text .prompt + span");
            new MutationObserver(() => written.children.length && stopped(stop.click()))
                .observe(written, { childList: true });
            generate.click();
        })""")
        expect(page.get_by_role("status")).to_contain_text(re.compile("^Wrote"))
        assert 0 < len(written(page)) < 5000
        page.get_by_label("Characters").fill("20")
        assert len(generate(page)) == 20

    @pytest.mark.parametrize("spelling", ["NFC", "NFD"])
    def test_a_prompt_the_model_cannot_read_is_named(self, open_page, spelling):
        page = open_page("one")
        page.get_by_label("Prompt").fill(unicodedata.normalize(spelling, "zürich"))
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("status")).to_contain_text("\u00fc")
        page.get_by_label("Prompt").fill("zurich")
        assert len(generate(page)) == 300

    def test_copy_and_download_give_prompt_and_text(self, open_page, tmp_path):
        page = open_page("one", permissions=["clipboard-read", "clipboard-write"])
        text = PROMPT + generate(page)
        page.locator(".rnnbook-sampler").get_by_role("button", name="Copy").click()
        expect(page.get_by_role("status")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == text
        with page.expect_download() as download:
            page.locator(".rnnbook-sampler").get_by_role("button", name="Download").click()
        download.value.save_as(tmp_path / "sample.txt")
        assert (tmp_path / "sample.txt").read_text(encoding="utf-8") == text

    def test_the_size_of_what_is_chosen_is_said(self, open_page, book):
        page = open_page("one")
        files = book.glob("_static/models/tiny/*.safetensors")
        bytes_of = {path.name: path.stat().st_size for path in files}
        page.get_by_label("Beside it").select_option("after epoch 2")
        both = math.ceil(sum(bytes_of.values()) / 1000)
        expect(page.get_by_role("status")).to_contain_text(f"two models once, {both} kB")
        page.get_by_label("Beside it").select_option("untrained")  # of the same file
        one = math.ceil(bytes_of["model.safetensors"] / 1000)
        expect(page.get_by_role("status")).to_contain_text(f"the model once, {one} kB")
        generate(page)
        page.get_by_label("Beside it").select_option("nothing")
        expect(page.get_by_role("status")).to_have_text("")  # all is there


class TestLookingInside:
    def test_each_character_is_shaded_and_shows_its_rivals(self, open_page):
        page = open_page("one")
        text = generate(page)
        characters = page.locator(".text .prompt + span").first.locator("span")
        kinds = set(characters.evaluate_all("all => all.map(one => one.className)"))
        assert kinds <= {"p0", "p1", "p2", "p3"}
        assert len(kinds) > 1
        lines = {
            page.evaluate(
                "kind => getComputedStyle(document.querySelector(`.text .${kind}`))"
                ".textDecorationStyle + getComputedStyle(document.querySelector(`.text .${kind}`))"
                ".textDecorationLine",
                kind,
            )
            for kind in kinds
        }
        assert len(lines) == len(kinds)  # not by colour alone
        rivals = page.locator(".rivals").first
        characters.nth(7).hover()
        by_hover = rivals.inner_text()
        shares = [float(share) for share in re.findall(r"([\d.]+) %", by_hover)]
        assert len(shares) == 6
        assert shares[1:] == sorted(shares[1:], reverse=True)
        page.get_by_role("spinbutton", name="Look at character").fill("20")
        assert rivals.inner_text() != by_hover
        page.get_by_role("spinbutton", name="Look at character").fill("8")
        assert rivals.inner_text() == by_hover
        assert text[7] in by_hover or "space" in by_hover or "line break" in by_hover

    def test_a_tap_shows_the_rivals(self, open_page):
        page = open_page("one", has_touch=True, viewport=PHONE)
        generate(page)
        page.locator(".text .prompt + span").first.locator("span").nth(3).tap()
        assert "The likeliest" in page.locator(".rivals").first.inner_text()

    def test_a_hidden_unit_shades_the_text(self, open_page, book):
        page = open_page("one")
        text = generate(page)
        page.get_by_label("Shade by").select_option("a hidden unit")
        page.get_by_label("Hidden unit", exact=True).fill("5")
        page.wait_for_function("document.querySelector('.text .u3, .text .u2, .text .u4')")
        model = checkpoints.load(book / "_static/models/tiny/model.safetensors").model
        tokens = ALPHABET.encode(PROMPT + text)[None]
        with torch.inference_mode():
            states, _ = model.rnn(model.embedding(tokens))
        unit = states[0, len(PROMPT) :, 5].contiguous()
        edges = torch.tensor([-0.6, -0.3, -0.1, 0.1, 0.3, 0.6])
        expected = [f"u{level}" for level in torch.bucketize(unit, edges).tolist()]
        expect(page.locator(".text .prompt + span").first.locator("span").nth(9)).to_have_class(
            expected[9]
        )
        found = page.locator(".text .prompt + span").first.locator("span")
        assert found.evaluate_all("all => all.map(one => one.className)") == expected
        generate(page)  # and while it is written, too
        assert page.locator(".text [class^=u]").count() == 300

    def test_two_moments_of_the_training_stand_side_by_side(self, open_page):
        page = open_page("one")
        trained = generate(page)
        choices = page.get_by_label("Beside it")
        assert choices.locator("option").all_inner_texts() == [
            "nothing",
            "trained",
            "after epoch 2",
            "untrained",
        ]
        for label in ("after epoch 2", "untrained"):
            choices.select_option(label)
            assert generate(page) == trained
            other = written(page, column=1)
            assert len(other) == 300
            assert other != trained
        left, right = (page.locator(".written").nth(i).bounding_box() for i in (0, 1))
        assert left["x"] + left["width"] <= right["x"]
        page.get_by_role("combobox", name="Model").select_option("untrained")
        assert generate(page) == other

    def test_two_samplers_on_a_page_do_not_mix(self, open_page):
        page = open_page("two")
        page.get_by_label("Prompt").nth(1).fill("another prompt ")
        first, second = generate(page, 0), generate(page, 1)
        assert first != second
        assert written(page, 0) == first


class TestWhatGoesWrong:
    def test_without_javascript_the_page_shows_a_sample_and_how_to_run_it(self, open_page):
        page = open_page("one", java_script_enabled=False)
        assert page.locator(".rnnbook-sampler").count() == 0
        shown = page.locator(".recorded pre").inner_text()
        assert shown.startswith(PROMPT.strip())
        assert len(shown) > 250
        assert "python -m rnnbook sample tiny" in page.locator(".bd-article").inner_text()

    def test_a_model_that_is_missing_leaves_the_sample(self, open_page):
        page = open_page("gone", expected="404")
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("status")).to_contain_text("404")
        assert page.locator(".recorded pre").is_visible()
        assert "python -m rnnbook sample gone" in page.locator(".bd-article").inner_text()

    def test_a_model_that_was_never_kept_stays_a_sample(self, open_page):
        page = open_page("unnamed")
        assert page.locator(".recorded pre").is_visible()
        assert page.locator(".rnnbook-sampler").count() == 0
        assert "Run this notebook" in page.locator(".bd-article").inner_text()

    def test_on_a_slow_network_there_is_progress_and_stop_works(self, open_page):
        page = open_page("one", expected="ERR_FAILED")
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        slow = {"offline": False, "latency": 50, "downloadThroughput": 8000, "uploadThroughput": -1}
        network.send("Network.emulateNetworkConditions", slow)
        page.get_by_role("button", name="Generate").click()
        page.wait_for_function("document.querySelector('.rnnbook-sampler progress').position > 0.1")
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_role("status")).to_have_text("Stopped.")
        network.send("Network.emulateNetworkConditions", {**slow, "downloadThroughput": -1})
        assert len(generate(page)) == 300

    def test_a_worker_that_does_not_load_ends_in_a_message(self, open_page):
        page = open_page("one", expected="404")
        page.route("**/worker.js*", lambda route: route.fulfill(status=404))
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("status")).to_contain_text("did not load")
        page.unroute("**/worker.js*")
        assert len(generate(page)) == 300

    def test_a_prompt_that_is_refused_leaves_the_last_text(self, open_page):
        page = open_page("one")
        before = generate(page)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_label("Prompt").fill("ü")
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("status")).to_contain_text("never saw")
        assert written(page) == before
        page.get_by_label("Shade by").select_option("a hidden unit")  # its worker is still there
        page.wait_for_function("document.querySelector('.text [class^=u]')")
        assert asked == []

    def test_a_damaged_file_ends_in_a_message(self, open_page):
        page = open_page("one")
        page.route("**/model.safetensors", lambda route: route.fulfill(body=b"\xff" * 100))
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_role("status")).to_contain_text("header")
        page.unroute("**/model.safetensors")
        assert len(generate(page)) == 300


class TestAccess:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, open_page, scheme):
        page = open_page("one", color_scheme=scheme, reduced_motion="reduce")
        page.get_by_label("Beside it").select_option("untrained")
        generate(page)
        for shading in ("probability", "a hidden unit"):
            page.get_by_label("Shade by").select_option(shading)
            page.wait_for_function(
                "kind => document.querySelector(`.text [class^=${kind}]`)",
                arg=shading[0].replace("a", "u"),
            )
            assert findings(page) == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_shaded_characters_stand_out_from_their_shade(self, open_page, scheme):
        page = open_page("one", color_scheme=scheme)
        generate(page)
        assert (luminance(page, ".text", "backgroundColor") < 60) == (scheme == "dark")
        kinds = ["p0", "p1", "p2", "p3", *(f"u{level}" for level in range(7))]
        contrasts = page.evaluate(CONTRASTS, kinds)
        assert min(contrasts) >= 4.5, dict(zip(kinds, contrasts, strict=True))

    def test_everything_is_reached_and_named_by_keyboard(self, open_page):
        page = open_page("one")
        page.get_by_label("Prompt").focus()
        name = """() => {
            const { activeElement: control } = document;
            return (control.labels?.[0] ?? control).innerText.split("\\n")[0];
        }"""
        names = []
        for _ in range(11):
            page.keyboard.press("Tab")
            names.append(page.evaluate(name))
        assert names[:4] == ["Model", "Beside it", "Characters", "Temperature 1.00"]
        assert names[4:9] == ["Top-k", "Top-p", "Seed", "New seed", "Shade by"]
        assert names[9] == "Generate"
        page.get_by_role("button", name="Generate").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(re.compile("^Wrote"))
        expect(page.get_by_role("button", name="Generate")).to_be_focused()
        # What comes with a text.
        after = []
        for _ in range(4):
            page.keyboard.press("Tab")
            after.append(page.evaluate(name))
        assert [after[0].split(" ")[0], *after[1:3]] == ["Look", "Copy", "Download"]

    def test_a_text_is_stopped_by_keyboard(self, open_page):
        page = open_page("one")
        page.get_by_label("Characters").fill("5000")
        page.get_by_role("button", name="Generate").focus()
        # What has the focus when the first character is there, is pressed at once.
        page.evaluate("""() => {
            const written = document.querySelector(".text .prompt + span");
            const observer = new MutationObserver(() => {
                window.pressed = document.activeElement.innerText;
                document.activeElement.click();
                observer.disconnect();
            });
            observer.observe(written, { childList: true });
        }""")
        page.keyboard.press("Enter")
        page.wait_for_function("window.pressed === 'Stop'")
        expect(page.get_by_role("status")).to_contain_text(re.compile("^Wrote"))
        assert 0 < len(written(page)) < 5000
        expect(page.get_by_role("button", name="Generate")).to_be_focused()

    def test_only_polite_short_messages_are_read_out(self, open_page):
        page = open_page("one")
        generate(page)
        live = page.locator(".rnnbook-sampler :is([aria-live], [role=status], [role=alert])")
        said = live.evaluate_all("all => all.map((e) => [e.role, e.ariaLive, e.innerText])")
        assert {(role, live) for role, live, _ in said} == {("status", None), (None, "polite")}
        assert max(len(text) for _, _, text in said) < 200  # the text of 300 is no message

    def test_it_fits_a_phone(self, open_page):
        page = open_page("one", viewport=PHONE)
        page.get_by_label("Beside it").select_option("untrained")
        generate(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        wide = """() => [...document.querySelectorAll(".rnnbook-sampler *")]
            .filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML)"""
        assert page.evaluate(wide) == []
