"""What is played is what is written, and it can be heard."""

import base64
import io
import re

import numpy as np
import pretty_midi
import pytest
import soundfile

from rnnbook import abc_reader, performance, sound
from rnnbook.performance import bars_in_order, perform

HEADER = "M:2/4\nL:1/8\nK:G\n"


def played(music: str) -> str:
    """Play bars of one note each; say which sounded."""
    reading = abc_reader.read(HEADER + music)
    names = {
        60 + step: letter for step, letter in zip((0, 2, 4, 6, 7, 9, 11), "CDEFGAB", strict=True)
    }
    return "".join(names[reading.bars[bar][0].pitch] for bar in bars_in_order(reading))


@pytest.mark.parametrize(
    ("music", "order"),
    [
        ("C4|D4|E4|]", "CDE"),
        ("C4|D4:|", "CDCD"),
        ("C4|:D4|E4:|F4|", "CDEDEF"),
        ("|:C4|D4::E4|F4:|", "CDCDEFEF"),
        ("|:C4:|:D4:|", "CCDD"),
        ("C4|D4:|E4|F4:|", "CDCDEFEF"),
        ("C4||D4:|", "CDD"),
        ("|:C4||D4:|", "CDCD"),
        ("|:C4|1D4:|2E4||F4|", "CDCEF"),
        ("|:C4|1D4|E4:|2F4|G4:|A4|", "CDECFGA"),
        ("|:C4|[1D4:|[2E4::F4|1G4:|2A4|]", "CDCEFGFA"),
        ("C4|1D4:|2E4|:F4:|", "CDCEFF"),
        ("|:C4|1D4:|", "CDC"),
        ("C4|2D4:|", "CDCD"),
    ],
)
def test_repeats_and_endings_are_played_as_written(music, order):
    assert played(music) == order


def test_notes_sound_at_their_time_and_pitch():
    notes = perform("M:6/8\nL:1/8\nK:D\nF3 z2 A|d6|", beats_per_minute=60)
    assert [note.pitch for note in notes] == [66, 69, 74]
    assert [note.start for note in notes] == pytest.approx([0, 5 / 3, 2])
    assert [note.length for note in notes] == pytest.approx([1, 1 / 3, 2])


@pytest.mark.parametrize(("metre", "seconds"), [("6/8", 1), ("2/2", 0.75), ("3/4", 1.5)])
def test_the_beat_follows_the_metre(metre, seconds):
    (note,) = perform(f"M:{metre}\nL:1/8\nK:C\nA3|", beats_per_minute=60)
    assert note.length == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("tune", "why"),
    [("", "no note"), ("M:4/4\nK:C\nz4|", "no note"), ("K:C\nC999|" * 9, "minutes")],
)
def test_what_cannot_be_played_says_so(tune, why):
    with pytest.raises(ValueError, match=why):
        perform(tune)


def test_the_midi_file_has_the_notes():
    notes = perform("M:6/8\nL:1/8\nK:D\nDEF GAB|d3 c'3:|")
    score = pretty_midi.PrettyMIDI(io.BytesIO(performance.midi(notes, performance.FLUTE)))
    (instrument,) = score.instruments
    assert instrument.program == performance.FLUTE
    assert [note.pitch for note in instrument.notes] == [note.pitch for note in notes]
    starts = [note.start for note in instrument.notes]
    assert starts == pytest.approx([note.start for note in notes], abs=0.005)


LONG_A = "M:4/4\nL:1/1\nK:C\nA4|"  # the A above middle C, 440 Hz


@pytest.mark.parametrize("synthesiser", ["soundfont", "sines"])
def test_both_synthesisers_play_the_pitch(synthesiser):
    notes = perform(LONG_A)
    made = (
        sound.from_soundfont(performance.midi(notes))
        if synthesiser == "soundfont"
        else sound.from_sines(notes)
    )
    middle = made[sound.RATE : 3 * sound.RATE]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    frequencies = np.fft.rfftfreq(len(middle), 1 / sound.RATE)
    fundamental = frequencies[np.argmax(np.where(frequencies < 660, spectrum, 0))]
    assert fundamental == pytest.approx(440, rel=0.02)  # a violin's vibrato moves it a little


def test_a_clip_can_be_heard_and_has_its_length():
    clip = sound.Clip(HEADER + "GABc|d2 B2|cBAG|G4:|", "A scale")
    notes = perform(clip.tune)
    end = notes[-1].start + notes[-1].length
    # The last note is let go a little early, and the room answers a little longer.
    assert end - 0.2 < len(clip.samples) / sound.RATE < end + 3
    assert np.abs(clip.samples).max() == pytest.approx(sound.PEAK)
    for second in range(int(end)):
        part = clip.samples[second * sound.RATE : (second + 1) * sound.RATE]
        assert np.sqrt(np.mean(part**2)) > 0.01
    decoded, rate = soundfile.read(io.BytesIO(clip.mp3()))
    assert rate == sound.RATE
    assert len(decoded) == pytest.approx(len(clip.samples), abs=0.2 * rate)
    assert np.sqrt(np.mean(decoded**2)) == pytest.approx(np.sqrt(np.mean(clip.samples**2)), rel=0.1)


def test_a_clip_is_cut_where_it_is_asked_to_be_and_is_small():
    clip = sound.Clip(HEADER + "GABc|" * 60, "Long", seconds=8)
    assert len(clip.samples) == 8 * sound.RATE
    assert abs(clip.samples[-1]) < 0.01
    assert len(clip.mp3()) < 32_000


def test_what_a_notebook_shows_is_escaped_and_holds_the_files():
    tune = HEADER + "GABc|d4|]"
    shown = sound.Clip(tune, '<b>"A"</b>')._repr_html_()
    assert "<b>" not in shown
    assert 'aria-label="&lt;b&gt;&quot;A&quot;&lt;/b&gt;"' in shown
    files = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", shown)]
    assert [file[:4] for file in files[1:]] == [b"MThd", b"X:1\n"]
    assert tune.encode() in files[2]
    assert soundfile.info(io.BytesIO(files[0])).format == "MP3"


def test_without_the_synthesiser_a_sum_of_sines_plays_and_says_so(monkeypatch):
    find = sound.importlib.util.find_spec
    hidden = {"midirenderer"}
    monkeypatch.setattr(
        sound.importlib.util, "find_spec", lambda name: None if name in hidden else find(name)
    )
    clip = sound.Clip(HEADER + "GABc|d4|]", "A scale")
    assert "sine waves" in clip._repr_html_()
    assert np.sqrt(np.mean(clip.samples**2)) > 0.01


def test_silence_is_an_error():
    with pytest.raises(ValueError, match="silent"):
        sound.level(np.zeros(100))
