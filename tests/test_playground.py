"""The playground of the built book in a real browser: kept models and the reader's own files."""

import base64
import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from rnnbook import checkpoints, records
from rnnbook.forms import ended, form_of, whole_prompt
from rnnbook.recipes import Recipe
from rnnbook.sampling import Sampler
from rnnbook.text import Alphabet
from tests.browsing import PHONE, chromium, findings, generate, served, visiting, written
from tests.test_book import up_to_date
from tests.test_sampler_engine import HOSTILE

PAGE = "book/playground"
NAMES = sorted(path.parent.name for path in checkpoints.PRETRAINED.glob("*/model.safetensors"))
ALPHABET = Alphabet("\n <>&abcdefghijklmnopqrstuvwxyzñ")
RECIPE = Recipe("none", 1, hidden_size=32, num_layers=2, seed=3)
HTML = "<img src=x onerror=alert(1)>"
DROP = """([name, content]) => {
    const dataTransfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], name));
    const settings = { dataTransfer, bubbles: true, cancelable: true };
    const over = new DragEvent("dragover", settings);
    document.querySelector("h1").dispatchEvent(over);
    const taken = document.querySelector(".zone.over") !== null && over.defaultPrevented;
    document.querySelector("h1").dispatchEvent(new DragEvent("drop", settings));
    return taken && document.querySelector(".zone.over") === null;
}"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address():
    with served(up_to_date()) as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    with visiting(browser, address) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A reader's model whose file says of itself what might be taken for HTML."""
    path = tmp_path_factory.mktemp("own") / f"{HTML}.safetensors"
    model = RECIPE.build(len(ALPHABET))
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.5 * torch.randn_like(weight))
    checkpoints.save(path, model, ALPHABET, {"corpus": HTML, "recipe": vars(RECIPE)})
    return path


def drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the page's title, as far as a page can tell."""
    chooser(page).wait_for()
    assert page.evaluate(DROP, [name, base64.b64encode(content).decode()])


def chooser(page: Page):
    return page.get_by_label("The model that writes")


def status(page: Page):
    return page.get_by_role("region", name="Choose a model").get_by_role("status")


def give(page: Page, path: Path) -> None:
    """Choose a file by the page's own button, and wait until it is taken."""
    page.get_by_label("Or a model of your own").set_input_files(path)
    expect(status(page)).to_contain_text("sent nowhere")


class TestKeptModels:
    def test_every_one_is_offered_with_its_text_loss_and_size(self, open_page):
        page = open_page(PAGE)
        expect(chooser(page).locator("option")).to_have_count(len(NAMES))
        offered = chooser(page).locator("option").all_inner_texts()
        assert sorted(label.partition(":")[0] for label in offered) == NAMES
        for label in offered:
            record = records.load(label.partition(":")[0])
            assert f": {record['corpus']}, {record['loss_nats']:.2f} nats, " in label
            assert label.endswith(("kB", "MB"))

    def test_without_javascript_a_table_and_a_command_stand_there(self, open_page):
        page = open_page(PAGE, java_script_enabled=False)
        rows = page.locator(".bd-article tbody tr").all_inner_texts()
        assert sorted(row.split()[0] for row in rows) == NAMES
        for row in rows:
            record = records.load(row.split()[0])
            assert record["corpus"] in row
            assert f"{record['loss_nats']:.2f}" in row
            assert f"{record['baseline_nats']:.2f}" in row
        article = page.locator(".bd-article").inner_text()
        assert "If you can choose nothing here" in article
        assert "python -m rnnbook sample " in article

    def test_each_begins_with_a_prompt_it_knows(self, open_page):
        page = open_page(PAGE)
        for name in NAMES:
            chooser(page).select_option(
                chooser(page)
                .locator("option", has_text=re.compile(f"^{name}:"))
                .get_attribute("value")
            )
            expect(page.get_by_role("region", name="Sampler:")).to_have_accessible_name(
                f"Sampler: {name}"
            )
            first_verse = page.get_by_label("First verse", exact=True)  # a payada asks for one
            prompt = page.get_by_label("Prompt").or_(first_verse).input_value()
            assert prompt
            assert set(prompt) <= set(checkpoints.pretrained(name).alphabet.characters)

    @pytest.mark.parametrize(
        "name", ["martin_fierro_talk", "shakespeare", "tunes", "vanilla_concat"]
    )
    def test_the_chosen_one_writes_what_python_writes(self, open_page, name):
        page = open_page(PAGE)
        assert generate(page)
        page.get_by_label("Temperature").fill("0")
        page.get_by_label("Characters").fill("500")
        option = chooser(page).locator("option", has_text=re.compile(f"^{name}:"))
        chooser(page).select_option(option.get_attribute("value"))
        assert written(page) == ""
        kept = checkpoints.pretrained(name)
        sampler = Sampler(kept.model, kept.alphabet, dtype=torch.float32)
        form = form_of(records.load(name)["corpus"])
        prompt = whole_prompt(form, page.get_by_label("Prompt").input_value())
        expected = ended(form, prompt, sampler.sample(prompt, 500, temperature=0))
        assert len(set(expected)) > 5
        assert generate(page) == expected


class TestOwnFile:
    def test_a_file_that_is_dropped_writes_what_python_writes(self, open_page, own):
        page = open_page(PAGE)
        page.get_by_label("Temperature").fill("0")
        drop(page, own.name, own.read_bytes())
        expect(status(page)).to_contain_text("sent nowhere")
        assert page.get_by_label("Prompt").input_value() == "\n"
        sampler = Sampler(checkpoints.load(own).model, ALPHABET, dtype=torch.float32)
        assert generate(page) == sampler.sample("\n", 500, temperature=0)
        page.get_by_role("combobox", name="Model", exact=True).select_option("untrained")
        fresh = Sampler(RECIPE.build(len(ALPHABET)), ALPHABET, dtype=torch.float32)
        assert generate(page) == fresh.sample("\n", 500, temperature=0)

    def test_nothing_is_asked_for_but_the_program_and_nothing_sent(self, open_page, own):
        page = open_page(PAGE)
        asked = []
        page.context.on("request", lambda request: asked.append(request))
        drop(page, own.name, own.read_bytes())
        expect(status(page)).to_contain_text("sent nowhere")
        generate(page)
        assert {Path(request.url).suffix for request in asked} <= {".js", ".css", ".svg"}
        assert all(request.method == "GET" and not request.post_data for request in asked)

    def test_what_it_says_of_itself_is_shown_as_text(self, open_page, own):
        page = open_page(PAGE)
        give(page, own)
        facts = page.get_by_role("region", name="Choose a model").locator("dd").all_inner_texts()
        assert facts[:3] == ["LSTM, 2 layers of 32 units", HTML, "not measured"]
        assert facts[3].startswith("32 characters: line break space < > & a b c")
        assert own.name in status(page).inner_text()
        assert page.locator("section img").count() == 0

    def test_the_reader_goes_to_and_fro(self, open_page, own):
        page = open_page(PAGE)
        give(page, own)
        first = generate(page)
        chooser(page).select_option(index=0)
        expect(status(page)).to_have_text("")
        assert page.locator("dd").count() == 0
        assert generate(page) != first
        chooser(page).select_option(f"{own.name}, yours")
        assert generate(page) == first

    def test_facts_that_are_nonsense_do_no_harm(self, open_page, tmp_path):
        path = tmp_path / "odd.safetensors"
        facts = {"corpus": {"a": 1}, "loss_nats": "low", "recipe": "none"}
        odd = Alphabet("".join(map(chr, range(0x4E00, 0x4E00 + 300))))
        checkpoints.save(path, Recipe("none", 1, hidden_size=8).build(300), odd, facts)
        page = open_page(PAGE)
        give(page, path)
        facts = page.locator("dd").all_inner_texts()
        assert facts[1:3] == ["the file does not say", "not measured"]
        assert facts[3].startswith("300 characters: 一")
        assert facts[3].endswith("…")
        assert page.get_by_label("Prompt").input_value() == "一"
        assert len(generate(page)) == 500


class TestRefusedFiles:
    @pytest.fixture
    def page(self, open_page):
        """A page where something has been written, which must stay."""
        page = open_page(PAGE)
        text, label = generate(page), chooser(page).input_value()
        yield page
        assert (written(page), chooser(page).input_value()) == (text, label)
        assert chooser(page).locator("option").count() == len(NAMES)
        assert generate(page) == text

    def test_hostile_files_end_in_messages(self, page):
        for name, (content, said) in HOSTILE.items():
            drop(page, f"{name}.bin", content)
            expect(status(page)).to_contain_text(f"{name}.bin cannot be used. ")
            expect(status(page)).to_contain_text(said)

    def test_a_text_and_a_damaged_model_end_in_messages(self, page, own):
        drop(page, "notes.txt", b"Dear diary, today I trained a model.")
        expect(status(page)).to_contain_text("no safetensors file")
        drop(page, "half.safetensors", own.read_bytes()[:-100])
        expect(status(page)).to_contain_text("cut off")
        broken = own.read_bytes()[:-4] + b"\xff" * 4
        drop(page, "broken.safetensors", broken)
        expect(status(page)).to_contain_text("finite")

    def test_a_file_too_large_for_a_page_is_not_read(self, page, tmp_path):
        with (tmp_path / "huge.safetensors").open("wb") as file:
            file.truncate(10**10)  # it takes no room on the disk
        page.get_by_label("Or a model of your own").set_input_files(tmp_path / "huge.safetensors")
        expect(status(page)).to_contain_text("10000.0 MB")


class TestAccess:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_serious_with_a_file_and_a_text(self, open_page, own, scheme):
        page = open_page(PAGE, color_scheme=scheme)
        give(page, own)
        generate(page)
        assert findings(page) == []

    def test_all_is_reached_by_keyboard(self, open_page):
        page = open_page(PAGE)
        chooser(page).focus()
        page.keyboard.press("Tab")
        expect(page.get_by_label("Or a model of your own")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_label("Prompt")).to_be_focused()

    def test_it_fits_a_phone_whatever_a_file_is_called(self, open_page, own):
        page = open_page(PAGE, viewport=PHONE)
        drop(page, "a" * 200, own.read_bytes())
        expect(status(page)).to_contain_text("sent nowhere")
        generate(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        wide = """() => [...document.querySelectorAll(".rnnbook-sampler *")]
            .filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => e.outerHTML)"""
        assert page.evaluate(wide) == []
