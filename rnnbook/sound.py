"""Make a tune sound: a synthesiser, and a player to show in a notebook."""

import base64
import html
import importlib.util
import io
import wave
from pathlib import Path

import numpy as np

from rnnbook import performance
from rnnbook.performance import PlayedNote

RATE = 24_000  # samples a second, half of what the synthesiser makes
PEAK = 0.7  # of the loudest sample; the synthesiser's own is near 0.07
FADE = 0.03  # seconds, at the end of a clip that is cut
PARTIALS = (1.0, 0.5, 0.3, 0.15, 0.08)  # loudness of each multiple of the pitch
RELEASE = 0.05  # seconds


class Clip:
    """A tune that can be heard: in a notebook it shows a player.

    Parameters
    ----------
    tune : str
        Fields and music.
    name : str
        What the tune is called, for those who cannot see the player.
    seconds : float
        Where the clip is cut.
    beats_per_minute : float
        As in `performance.perform`.
    program : int
        As in `performance.midi`.

    Attributes
    ----------
    samples : ndarray of float32, shape (n,)
        The sound, at `RATE` samples a second, its peak `PEAK`.
    midi : bytes
        The whole tune as a MIDI file.
    made_by : str
        What made the sound: a synthesiser with a SoundFont, or a plain sum of sine waves where
        that one is not installed.

    Raises
    ------
    ValueError
        If there is nothing to play.
    """

    def __init__(
        self,
        tune: str,
        name: str,
        *,
        seconds: float = 16.0,
        beats_per_minute: float = performance.BEATS_PER_MINUTE,
        program: int = performance.FIDDLE,
    ) -> None:
        self.tune, self.name = tune, name
        notes = performance.perform(tune, beats_per_minute)
        self.midi = performance.midi(notes, program)
        if importlib.util.find_spec("midirenderer"):
            self.made_by = "a synthesiser with the SoundFont TimGM6mb"
            sound = from_soundfont(self.midi)
        else:
            self.made_by = "a sum of sine waves, since midirenderer is not installed"
            sound = from_sines(notes)
        self.samples = level(sound[: int(seconds * RATE)])

    def mp3(self) -> bytes:
        """Return the sound as an MP3 file of some 3 kB a second."""
        import soundfile

        file = io.BytesIO()
        quality = {"compression_level": 0.9, "bitrate_mode": "CONSTANT"}
        soundfile.write(file, self.samples, RATE, "MPEG_LAYER_III", format="MP3", **quality)
        return file.getvalue()

    def __repr__(self) -> str:
        """Return what can be said without sound."""
        return f"{self.name}: {len(self.samples) / RATE:.0f} s of sound, by {self.made_by}"

    def _repr_html_(self) -> str:
        files = {"MIDI": ("mid", "audio/midi", self.midi)}
        files["ABC"] = ("abc", "text/vnd.abc", f"X:1\nT:{self.name}\n{self.tune}\n".encode())
        links = " ".join(
            f'<a download="tune.{suffix}" href="{_inline(kind, content)}" style="color: inherit">'
            f"{label}</a>"
            for label, (suffix, kind, content) in files.items()
        )
        return (
            f'<p class="clip">{html.escape(self.name)}<br>'
            f'<audio controls preload="none" aria-label="{html.escape(self.name)}" '
            f'src="{_inline("audio/mpeg", self.mp3())}"></audio> {links}<br>'
            f"<small>Played by {html.escape(self.made_by)}.</small></p>"
        )


def _inline(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def from_soundfont(midi: bytes) -> np.ndarray:
    """Render a MIDI file with the SoundFont that comes with pretty_midi.

    Returns
    -------
    ndarray of float32, shape (n,)
        One channel, at `RATE` samples a second.
    """
    import midirenderer
    import pretty_midi

    font = Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")
    rendered = midirenderer.render_wave_from(font.read_bytes(), midi)
    with wave.open(io.BytesIO(rendered)) as file:
        channels, rate = file.getnchannels(), file.getframerate()
        frames = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    sound = frames.reshape(-1, channels).mean(axis=1) / 2**15
    return _slower(sound, rate // RATE).astype(np.float32)


def _slower(sound: np.ndarray, factor: int) -> np.ndarray:
    """Keep one sample in `factor`, after what it cannot carry is filtered out."""
    places = np.arange(-16 * factor, 16 * factor + 1)
    kernel = np.sinc(places / factor) * np.hamming(len(places)) / factor
    return np.convolve(sound, kernel, mode="same")[::factor]


def from_sines(notes: list[PlayedNote]) -> np.ndarray:
    """Add up sine waves: each note a few multiples of its pitch, struck and fading.

    Parameters
    ----------
    notes : list of PlayedNote
        As `performance.perform` returns them.

    Returns
    -------
    ndarray of float32, shape (n,)
        At `RATE` samples a second.
    """
    end = max(note.start + note.length for note in notes)
    sound = np.zeros(int((end + 0.5) * RATE), dtype=np.float32)
    for note in notes:
        time = np.arange(int((note.length + RELEASE) * RATE)) / RATE
        frequency = 440 * 2 ** ((note.pitch - 69) / 12)
        multiples = [n for n in range(1, len(PARTIALS) + 1) if n * frequency < RATE / 2]
        wave_form = sum(
            PARTIALS[n - 1] * np.sin(2 * np.pi * n * frequency * time) for n in multiples
        )
        rise, fall = time / 0.01, (note.length + RELEASE - time) / RELEASE
        envelope = np.minimum(1, np.minimum(rise, fall)) * np.exp(-1.5 * time)
        start = int(note.start * RATE)
        sound[start : start + len(time)] += wave_form * envelope
    return sound


def level(sound: np.ndarray) -> np.ndarray:
    """Bring the peak to `PEAK` and fade the end out.

    Raises
    ------
    ValueError
        If it is silent.
    """
    peak = float(np.abs(sound).max(initial=0.0))
    if peak < 1e-4:
        raise ValueError("the sound is silent: nothing of it can be heard")
    sound = sound * (PEAK / peak)
    size = min(len(sound), int(FADE * RATE))
    sound[len(sound) - size :] *= np.linspace(1, 0, size)
    return sound.astype(np.float32)
