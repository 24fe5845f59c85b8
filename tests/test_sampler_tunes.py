"""Tunes and verse in the sampler: how they begin and end, and a tune's score, sound and files.

The models are set by hand: each writes a text that is known, with no training.
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
import torch
from music21.midi import MetaEvents, MidiFile
from playwright.sync_api import Page, expect

from rnnbook import checkpoints
from rnnbook.forms import FORMS, ended
from rnnbook.models import CharRNN
from rnnbook.sampler_widget import STATIC, SamplerWidget
from rnnbook.text import Alphabet
from tests.browsing import PHONE, WIDE, chromium, findings, generate, served
from tests.test_book import up_to_date
from tests.test_sampler_widget import NOTEBOOK

ALPHABET = Alphabet("".join(map(chr, range(32, 127))) + "\náéíóúñü")
SCORE = (STATIC / "score.js").read_text(encoding="utf-8")
ADDRESS = re.search(r'"(https://cdn[^"]*)"', SCORE)[1]
INTEGRITY = re.search(r'"sha384-([^"]*)"', SCORE)[1]
VERSION = re.search(r"abcjs@([\d.]+)", ADDRESS)[1]

TUNE = "M:6/8\nL:1/8\nK:G\nGAB cde|f2G z2[GB]|:AAA A3:|"
PITCHES = [67, 69, 71, 72, 74, 76, 78, 67, 67, 71, *[69] * 8]  # the last bar twice
WHOLE_NOTES = 4 * 6 / 8
# What a score is made of; abcjs gives it a title, too.
DRAWN = {"svg", "style", "title", "g", "path", "text", "tspan"}
HOSTILE = """M:6/8
L:1/8
K:G
T:<img src=x onerror=bad()>
"<img src=x onerror='bad()'>"GAB "^<script>bad()</script>"cde|!<b>!G3 [r:<i onclick=bad()>]A3|
w:<b>la</b> <img src=x onerror=bad()>
%%text <img src=x onerror=bad()>
%%abc-include http://example.org/x.abc
[I"":x]G3 B3|1-99999999 +<u>+B6|]"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark }} body {{ background: Canvas; color: CanvasText }}</style>
<main><h1>A page</h1>{}</main><script type="module" src="_static/sampler/page.js"></script>"""
RENDER = """async ([abc, whole]) => {
    const { lastTune } = await import("./_static/sampler/abc.js");
    const { engrave, fetchAbcjs } = await import("./_static/sampler/score.js");
    const { schedule } = await import("./_static/sampler/synth.js");
    await fetchAbcjs();
    const place = document.body.appendChild(document.createElement("div"));
    const { notes } = engrave(lastTune(abc), place);
    const rate = 8000;
    const context = new OfflineAudioContext(1, 15 * rate, rate);
    schedule(context, notes, whole, 1);
    const heard = (await context.startRendering()).getChannelData(0);
    const loud = (from, to) => Math.max(...heard.slice(from * rate, to * rate).map(Math.abs));
    return {
        before: loud(0, 1),
        each: notes.map(({ start, duration }) =>
            loud(1 + start * whole, 1 + (start + duration) * whole)),
        begins: heard.findIndex((value) => Math.abs(value) > 0.001) / rate,
        ends: heard.findLastIndex((value) => Math.abs(value) > 0.001) / rate,
    };
}"""

# Which notes of the score light up, in their order.
LIT = """() => {
    const notes = [...document.querySelectorAll(".score [data-name=note]")];
    window.lit = [];
    new MutationObserver((changes) => changes.forEach(({ target }) =>
        target.classList.contains("sounding") && lit.push(notes.indexOf(target)),
    )).observe(document.querySelector(".score"), { subtree: true, attributeFilter: ["class"] });
}"""


def follower(follows: dict[str, str], otherwise: str) -> CharRNN:
    """A model that is sure: after each character comes the one said, or the other one."""
    V = len(ALPHABET)
    model = CharRNN(V, cell="vanilla", hidden_size=V)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.rnn.weight_ih_l0.copy_(4 * torch.eye(V))
        for before, character in enumerate(ALPHABET.characters):
            after = ALPHABET.characters.index(follows.get(character, otherwise))
            model.head.weight[after, before] = 50
    return model


ENDS = follower({}, "\n")
NEVER_ENDS = follower({"\n": "l", "l": "a"}, "\n")  # la, la, la


@pytest.fixture(scope="module")
def abcjs(tmp_path_factory) -> bytes:
    """The file that the page asks for, as its makers published it."""
    # Where everything was promised (CI), a score that cannot be tried is a failure.
    give_up = pytest.fail if os.environ.get("CI") else pytest.skip
    if not shutil.which("npm"):
        give_up("there is no npm to fetch abcjs with")
    folder = tmp_path_factory.mktemp("abcjs")
    fetch = ["npm", "pack", "--silent", f"abcjs@{VERSION}"]
    done = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        give_up(f"npm could not fetch abcjs {VERSION}: {done.stderr[-300:]}")
    path = ADDRESS.partition(f"abcjs@{VERSION}/")[2]
    with tarfile.open(folder / f"abcjs-{VERSION}.tgz") as archive:
        return archive.extractfile(f"package/{path}").read()


def test_the_pinned_hash_is_that_of_the_published_file(abcjs):
    assert base64.b64encode(hashlib.sha384(abcjs).digest()).decode() == INTEGRITY


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder on the server, as a built book has it: the sampler's own files, and models."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "_static" / "models").mkdir(parents=True)
    (folder / "_static" / "sampler").symlink_to(STATIC)
    with served(folder) as address:
        yield folder, address


@pytest.fixture
def open_page(browser, site, monkeypatch):
    """A function that opens a page with a sampler; fails if the page complained."""
    folder, address = site
    models = folder / "_static" / "models"
    monkeypatch.setattr(checkpoints, "PRETRAINED", models)
    contexts, complaints = [], []

    def opened(model: CharRNN, *, expected: str = "nothing", **settings) -> Page:
        how = {key: settings.pop(key) for key in ("color_scheme", "viewport") & settings.keys()}
        checkpoints.save(models / "tiny" / "model.safetensors", model, ALPHABET, {})
        place = SamplerWidget("tiny", **settings)._repr_mimebundle_()[0]["text/html"]
        (folder / "index.html").write_text(PAGE.format(place), encoding="utf-8")
        context = browser.new_context(**how)
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                said.type == "error" and expected not in said.text and complaints.append(said.text)
            ),
        )
        page.on("request", lambda asked: address in asked.url or page.asked.append(asked.url))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def provide(page: Page, script: bytes) -> None:
    """Answer the page with a script where it asks another host for abcjs."""
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
    page.route(ADDRESS, lambda route: route.fulfill(body=script, headers=headers))


@pytest.fixture
def open_tune(open_page, abcjs):
    """A function that opens a page and lets its model end a tune; abcjs can be had."""

    def opened(prompt: str = TUNE, **settings: object) -> Page:
        page = open_page(ENDS, form="tune", prompt=prompt, **settings)
        provide(page, abcjs)
        write(page)
        return page

    return opened


def write(page: Page, action: str = "Generate") -> str:
    """Press the button; return what the model wrote."""
    page.get_by_role("button", name=action).click()
    expect(page.get_by_role("status").first).to_contain_text(re.compile("^Wrote"))
    return page.locator(".text .prompt + span").first.evaluate("e => e.textContent")


def show(page: Page) -> None:
    page.get_by_role("button", name="Score and sound").click()
    expect(page.locator(".score svg")).to_be_visible()


class TestBeginning:
    def test_the_choosers_make_the_prompt(self, open_page):
        page = open_page(ENDS, form="tune")
        prompt = page.get_by_label("Prompt")
        assert prompt.input_value() == "M:6/8\nL:1/8\nK:G\n"
        page.get_by_label("Metre").select_option("2/4")
        page.get_by_label("Key").select_option("Em")
        assert prompt.input_value() == "M:2/4\nL:1/16\nK:Em\n"

    def test_an_opening_is_gone_on_from_in_another_key(self, open_page):
        page = open_page(ENDS, form="tune")
        page.get_by_label("Prompt").fill("M:5/4\nL:1/8\nK:D\nA|:def g2a|")
        assert page.get_by_label("Metre").input_value() == ""  # it is not on the list
        assert page.get_by_label("Key").input_value() == "D"
        page.get_by_label("Key").select_option("Ador")
        assert page.get_by_label("Prompt").input_value() == "M:5/4\nL:1/8\nK:Ador\nA|:def g2a|"
        page.get_by_label("Prompt").fill("A|:def g2a|")
        page.get_by_label("Metre").select_option("3/4")
        assert page.get_by_label("Prompt").input_value() == "M:3/4\nL:1/8\nK:G\nA|:def g2a|"

    def test_other_text_has_neither_choosers_nor_score(self, open_page):
        page = open_page(ENDS, prompt="a", length=20)
        assert write(page) == "\n" * 20
        assert page.get_by_label("Metre").count() == 0
        assert page.get_by_role("button", name="Score and sound").count() == 0

    def test_in_a_notebook_the_kernel_hears_of_the_prompt(self, browser, site):
        widget = SamplerWidget(ENDS, ALPHABET, form="tune")
        state = {key: value for key, value in widget.get_state().items() if key != "layout"}
        page = browser.new_page()
        page.goto(site[1] + "_static/")
        page.evaluate(NOTEBOOK, [str(widget._esm), state])
        page.get_by_label("Key").select_option("Dm")
        page.wait_for_function("window.saved?.prompt === 'M:6/8\\nL:1/8\\nK:Dm\\n'")
        page.close()


class TestEnding:
    def test_a_tune_ends_at_its_empty_line(self, open_page):
        page = open_page(ENDS, form="tune", prompt=TUNE, length=500)
        assert page.locator(".recorded pre").evaluate("e => e.textContent") == TUNE + "\n\n"
        assert write(page) == "\n\n"

    def test_a_tune_that_does_not_end_has_the_length_asked_for(self, open_page):
        page = open_page(NEVER_ENDS, form="tune", prompt=TUNE, length=30)
        assert write(page) == "\n" + "la\n" * 9 + "la"


class TestPayada:
    VERSE = "Aquí me pongo a cantar"

    def test_six_verses_end_it(self, open_page):
        page = open_page(NEVER_ENDS, form="verse")
        whole = f"{self.VERSE}\n" + "la\n" * 5
        assert page.locator(".recorded pre").evaluate("e => e.textContent") == whole
        assert page.get_by_label("First verse").input_value() == self.VERSE
        page.get_by_label("First verse").fill("la lala la")
        assert write(page, "Answer") == "la\n" * 5
        assert page.locator(".text").first.evaluate("e => e.textContent") == (
            "la lala la\n" + "la\n" * 5
        )
        for text in (page.locator(".text").first, page.get_by_label("First verse")):
            assert text.get_attribute("lang") == "es"

    def test_an_empty_line_ends_it(self, open_page):
        page = open_page(ENDS, form="verse")
        assert write(page, "Answer") == "\n"  # the second, after the one that ends the verse

    def test_it_ends_where_the_poem_has_the_end_of_a_sextet(self, corpus_text):
        poem = corpus_text("martin_fierro")
        start = poem.index(self.VERSE)
        read = "\n\n" + poem[start : poem.index("\n", start) + 1]
        written = ended(FORMS["verse"], read, poem[start + len(read) - 2 : start + 400])
        assert written.endswith("con el cantar se consuela.\n")

    def test_axe_finds_nothing(self, open_page):
        page = open_page(NEVER_ENDS, form="verse")
        write(page, "Answer")
        assert findings(page) == []


class TestScore:
    def test_no_host_is_asked_before_the_reader_asks_for_a_score(self, open_tune):
        page = open_tune()
        assert page.asked == []
        offer = page.locator(".tune").first.inner_text()
        assert "kB" in offer
        assert "cdn.jsdelivr.net" in offer
        show(page)
        assert page.asked == [ADDRESS]
        write(page)  # the next is shown at once
        expect(page.locator(".score svg")).to_be_visible()
        assert page.asked == [ADDRESS]

    def test_each_note_is_in_the_score(self, open_tune):
        page = open_tune()
        show(page)
        assert page.locator(".score .abcjs-notehead").count() == 14
        label = page.locator(".score").get_by_role("img").get_attribute("aria-label")
        assert "K:G" in label

    def test_only_the_last_tune_is_shown(self, open_tune):
        page = open_tune(prompt=TUNE + "\n\n" + TUNE.replace("GAB cde|", ""))
        show(page)
        assert page.locator(".score .abcjs-notehead").count() == 8

    def test_text_that_is_no_music_stays_out_of_it(self, open_tune):
        page = open_tune(prompt=HOSTILE)
        show(page)
        names = page.locator(".score svg, .score svg *").evaluate_all(
            "all => all.map((e) => e.localName)"
        )
        assert set(names) <= DRAWN
        assert page.locator(".score .abcjs-notehead").count() == 11
        for drawn in page.locator(".score text").all_text_contents():
            assert re.fullmatch(r"[\d.]*", drawn)
        assert page.locator("img, script[src*=example], b, i, u").count() == 0
        assert "<img src=x onerror=bad()>" in page.locator(".tune").first.inner_text()
        assert page.asked == [ADDRESS]

    @pytest.mark.parametrize(
        ("prompt", "said"),
        [
            ("M:6/8\nL:1/8\nGAB cde|", "a tune needs a key"),
            ("M:6/8\nL:1/8\nK:G\n||::||", "notes after it"),
            ("M:6/8\nL:1/8\nK:G\nGAB [ce|d3 ^ d3|", "The score is a guess"),
            ("M:6/8\nL:1/8\nK:G\nd[]-", "too far from a tune"),
            ("M:6/8\nL:1/8\nK:G\nGAB cde|1", "It cannot be played"),
        ],
    )
    def test_abc_that_does_not_parse_says_so(self, open_tune, prompt, said):
        page = open_tune(prompt=prompt)
        page.get_by_role("button", name="Score and sound").click()
        message = page.locator(".tune [role=status]").first
        expect(message).to_contain_text(said)
        assert "<span" not in message.inner_text()
        page.get_by_label("Prompt").fill(TUNE)
        write(page)
        assert page.locator(".score .abcjs-notehead").count() == 14

    @pytest.mark.parametrize("answer", ["no connection", "another file"])
    def test_without_abcjs_there_is_a_message_and_another_try(self, open_page, abcjs, answer):
        page = open_page(ENDS, form="tune", prompt=TUNE, expected="")
        if answer == "another file":
            provide(page, abcjs + b"window.bad = true;")
        else:
            page.route(ADDRESS, lambda route: route.abort())
        write(page)
        page.get_by_role("button", name="Score and sound").click()
        message = page.locator(".tune [role=status]").first
        expect(message).to_contain_text("could not be fetched")
        assert page.evaluate("[window.bad, window.ABCJS]") == [None, None]
        page.unroute(ADDRESS)
        provide(page, abcjs)
        show(page)

    def test_a_page_with_require_js_keeps_it(self, open_tune):
        page = open_tune()
        page.evaluate("""() => {
            window.define = () => { throw new Error("abcjs went to require.js"); };
            window.define.amd = {};
        }""")
        show(page)
        assert page.evaluate("typeof window.define") == "function"


class TestSound:
    @pytest.mark.parametrize("whole", [2.0, 4.0])
    def test_every_note_sounds_for_its_time(self, open_tune, whole):
        page = open_tune()
        heard = page.evaluate(RENDER, [TUNE, whole])
        assert heard["before"] == 0
        assert len(heard["each"]) == len(PITCHES)
        assert 0.05 < min(heard["each"]) <= max(heard["each"]) <= 1
        assert heard["begins"] == pytest.approx(1, abs=0.02)
        assert heard["ends"] - 1 == pytest.approx(WHOLE_NOTES * whole, abs=0.05)

    def test_the_score_follows_and_it_stops_by_itself(self, open_tune):
        page = open_tune(prompt="M:2/4\nL:1/16\nK:G\nGABc|")
        show(page)
        page.get_by_label(re.compile("^Tempo")).fill("60")
        page.evaluate(LIT)
        page.get_by_role("button", name="Play").click()
        expect(page.get_by_role("button", name="Stop playing")).to_be_focused()
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        assert page.evaluate("lit") == [0, 1, 2, 3]
        assert page.locator(".sounding").count() == 0
        assert page.asked == [ADDRESS]  # no sounds were fetched

    def test_the_tempo_changes_while_it_plays(self, open_tune):
        page = open_tune(prompt="M:2/4\nL:1/16\nK:G\nGABc defg|")
        show(page)
        tempo = page.get_by_label(re.compile("^Tempo"))
        tempo.fill("60")
        page.evaluate(LIT)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("lit.includes(2)")
        page.evaluate("window.changed = performance.now()")
        tempo.fill("130")
        for _ in range(10):
            tempo.press("ArrowLeft")  # each is a change
        expect(page.get_by_role("button", name="Stop playing")).to_be_visible()
        page.wait_for_function("lit.includes(7)")
        assert page.evaluate("lit") == list(range(8))  # it goes on from where it was
        # Five sixteenths take 1.25 s at the first tempo, half of it at the second.
        assert page.evaluate("performance.now() - changed") < 1200

    def test_stop_stops_and_so_does_a_new_tune(self, open_tune):
        page = open_tune()
        show(page)
        for stop in ("Stop playing", "Generate"):
            page.get_by_role("button", name="Play").click()
            expect(page.locator(".sounding").first).to_be_attached()
            page.get_by_role("button", name=stop).click()
            expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
            assert page.locator(".sounding").count() == 0

    def test_the_tempo_changes_the_length(self, open_tune):
        page = open_tune()
        show(page)
        tempo = page.get_by_label(re.compile("^Tempo"))
        for value, seconds in (("60", 12), ("120", 6)):
            tempo.fill(value)
            assert f"{value} quarter notes a minute: {seconds} s" in tempo.evaluate(
                "e => e.labels[0].innerText"
            )


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (PHONE, "dark")])
def test_the_built_chapter_engraves_and_plays_what_it_writes(browser, abcjs, viewport, scheme):
    with (
        served(up_to_date()) as address,
        browser.new_context(viewport=viewport, color_scheme=scheme) as context,
    ):
        page = context.new_page()
        provide(page, abcjs)
        page.goto(f"{address}chapters/07_tunes.html")
        generate(page)
        sampler = page.get_by_role("region", name="Sampler:")
        sampler.get_by_role("button", name="Score and sound").click()
        heads = sampler.locator(".score .abcjs-notehead")
        expect(heads.first).to_be_visible()
        assert heads.count() > 20
        sampler.get_by_role("button", name="Play", exact=True).click()
        expect(sampler.locator(".score .sounding").first).to_be_attached()
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        sampler.get_by_role("button", name="Stop playing").click()


class TestFiles:
    def saved(self, page: Page, kind: str) -> bytes:
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {kind}").click()
        return Path(download.value.path()).read_bytes()

    def test_abc_has_what_other_programs_ask_for(self, open_tune):
        page = open_tune()
        show(page)
        page.get_by_label(re.compile("^Tempo")).fill("120")
        assert self.saved(page, "ABC").decode() == (
            "X:1\nT:A tune by tiny\nQ:1/4=120\n" + TUNE + "\n"
        )

    def test_midi_has_the_notes_and_the_tempo(self, open_tune):
        page = open_tune()
        show(page)
        page.get_by_label(re.compile("^Tempo")).fill("120")
        content = self.saved(page, "MIDI")
        assert content.startswith(b"MThd")
        midi = MidiFile()
        midi.readstr(content)
        events = [event for track in midi.tracks for event in track.events]
        assert [e.pitch for e in events if e.isNoteOn() and e.velocity] == PITCHES
        (tempo,) = [event for event in events if event.type == MetaEvents.SET_TEMPO]
        assert int.from_bytes(tempo.data) == 500_000  # microseconds in a quarter note


class TestAccess:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, open_tune, scheme):
        page = open_tune(color_scheme=scheme)
        assert findings(page) == []
        show(page)
        assert findings(page) == []
        colours = page.evaluate(
            "[document.querySelector('.abcjs-notehead'), document.querySelector('.text')]"
            ".map((e, i) => getComputedStyle(e)[i ? 'color' : 'fill'])"
        )
        assert colours[0] == colours[1]

    def test_everything_is_reached_and_named_by_keyboard(self, open_tune):
        page = open_tune()
        page.get_by_role("button", name="Score and sound").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Play")).to_be_focused()
        name = """() => {
            const { activeElement: control } = document;
            return (control.labels?.[0] ?? control).innerText.split("\\n")[0];
        }"""
        page.get_by_role("button", name="Download ABC").focus()
        names = []
        for _ in range(3):
            page.keyboard.press("Tab")
            names.append(page.evaluate(name))
        assert names[:2] == ["Play", "Download MIDI"]
        assert names[2].startswith("Tempo")

    def test_a_score_fits_a_phone(self, open_tune):
        page = open_tune(viewport={"width": 390, "height": 844})
        show(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        heads = page.locator(".score .abcjs-notehead")
        assert heads.first.bounding_box()["width"] > 6  # readable: pixels
