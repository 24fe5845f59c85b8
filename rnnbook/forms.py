"""What a model writes besides plain text: how a reader begins it, and where it ends.

The sampler in the page works from the same description: see ``static/sampler/controls.js``.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypedDict


class Form(TypedDict, total=False):
    """A form of text; what is left out is as in plain text.

    Attributes
    ----------
    prompt : str
        What stands in the prompt at first.
    prompt_name, action : str
        What the prompt and the button that starts the model are called.
    language : str
        Code of the language of the text, for screen readers.
    before, after : str
        What the model reads before the prompt, and the end that the prompt gets if it lacks it.
    until : str
        Where the text ends: a regular expression that Python and JavaScript read alike.
    metres : dict of str to str
        Metres of tunes to choose from, and the unit of length that goes with each.
    rhythms : dict of str to str
        What is danced to each metre.
    keys : list of str
        Their keys to choose from.
    """

    prompt: str
    prompt_name: str
    action: str
    language: str
    before: str
    after: str
    until: str
    metres: dict[str, str]
    rhythms: dict[str, str]
    keys: list[str]


FORMS: dict[str, Form] = {
    "text": {},
    # The metres, each with its commonest unit, and the keys of nearly all tunes of `tune_book`.
    "tune": {
        "prompt": "M:6/8\nL:1/8\nK:G\n",
        "before": "\n\n",
        "until": r"\n\n",
        "metres": {
            "6/8": "1/8",
            "2/2": "1/8",
            "4/4": "1/8",
            "2/4": "1/16",
            "3/4": "1/8",
            "9/8": "1/8",
        },
        "rhythms": {
            "6/8": "jigs",
            "2/2": "reels",
            "4/4": "hornpipes, reels",
            "2/4": "polkas, marches",
            "3/4": "waltzes",
            "9/8": "slip jigs",
        },
        "keys": [
            *("G", "D", "A", "C", "F", "Bb", "Em", "Am", "Gm", "Dm", "Bm"),
            *("Ador", "Edor", "Gdor", "Amix", "Dmix"),
        ],
    },
    # A payada: the reader's verse, then the model's to the end of the sextet.
    "verse": {
        "prompt": "Aquí me pongo a cantar",
        "prompt_name": "First verse",
        "action": "Answer",
        "language": "es",
        "before": "\n\n",
        "after": "\n",
        "until": r"\n\n|\n(?:.+\n){6}",
    },
    # The same poem with its verses numbered, as the talk of chapter 6 has it.
    "numbered verse": {
        "prompt": "1: Aqui me pongo a cantar\n",
        "language": "es",
        "before": "\n\n",
        "until": r"\n\n",
    },
}
# What the models of a text write; of all other texts, plain text.
OF_CORPUS = {
    "martin_fierro": "verse",
    "poesia_gauchesca": "numbered verse",
    "tune_book": "tune",
}


def form_of(corpus: str | None) -> Form:
    """Return the form of what a model writes that has learned from a corpus of this name."""
    return FORMS[OF_CORPUS.get(corpus or "", "text")]


def whole_prompt(form: Form, prompt: str) -> str:
    """Return all that the model reads before it writes."""
    after = form.get("after", "")
    return form.get("before", "") + prompt.removesuffix(after) + after


def ended(form: Form, prompt: str, text: str) -> str:
    """Return a text up to where its form ends, all of it if it does not.

    Parameters
    ----------
    form : Form
        One of `FORMS`.
    prompt : str
        All that the model has read before.
    text : str
        What it has written.
    """
    if "until" not in form:
        return text
    end = re.compile(rf"(?:{form['until']})\Z")
    lengths = (n for n in range(1, len(text) + 1) if end.search(prompt + text[:n]))
    return text[: next(lengths, len(text))]


def until_end(form: Form, prompt: str, characters: Iterable[str]) -> Iterator[str]:
    """Pass characters on as they come, but for the line end that ends their form.

    Parameters
    ----------
    form, prompt
        As in `ended`.
    characters : iterable of str
        What the model writes.
    """
    text = ""
    for character in characters:
        text += character
        if "until" in form and re.search(rf"(?:{form['until']})\Z", prompt + text):
            return
        yield character
