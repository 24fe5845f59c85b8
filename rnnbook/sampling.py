"""Draw text from a trained character model."""

import unicodedata
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from rnnbook.device import best_dtype
from rnnbook.models import CharModel, CharRNN, OutputFeedback, State
from rnnbook.stepping import Stepper
from rnnbook.text import Alphabet


def distribution(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """Turn scores into the probabilities to draw from.

    Parameters
    ----------
    logits : Tensor, shape (..., V)
        Scores of the V characters.
    temperature : float
        Divides the scores. Below 1 likely characters gain, above 1 rare ones; at 0 the most
        likely character has all the probability.
    top_k : int, optional
        Keep only the k most likely characters.
    top_p : float, optional
        Keep only the most likely characters that together reach this probability (nucleus
        sampling, Holtzman et al., 2020).

    Returns
    -------
    Tensor of float64, shape (..., V)
        Probabilities that sum to 1.

    Raises
    ------
    ValueError
        If `temperature` is negative, `top_k` below 1, or `top_p` not above 0 and at most 1.
    """
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or more, not {temperature}")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be 1 or more, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
    if temperature == 0:
        best = logits.argmax(dim=-1)
        return torch.nn.functional.one_hot(best, logits.shape[-1]).double()
    if temperature != 1:
        # The highest score goes to 0 first: divided by a tiny temperature it would be infinite.
        scores = logits.double()
        logits = (scores - scores.amax(dim=-1, keepdim=True)) / temperature
    p = torch.softmax(logits, dim=-1, dtype=torch.float64)
    if top_k is None and top_p is None:
        return p
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    keep = torch.ones_like(ordered, dtype=torch.bool)
    if top_k is not None:
        keep[..., top_k:] = False
    if top_p is not None:
        # A character stays while those before it fall short, so the first always does.
        keep &= ordered.cumsum(dim=-1) - ordered < top_p
    p = p * torch.zeros_like(keep).scatter(-1, order, keep)
    return p / p.sum(dim=-1, keepdim=True)


class Sampler:
    """Continue a prompt, character by character.

    Parameters
    ----------
    model : CharRNN, HiddenFeedback or OutputFeedback
        A trained model; it is put into evaluation mode. An `OutputFeedback` runs free.
    alphabet : Alphabet
        The alphabet it was trained with.
    dtype : torch.dtype, optional
        Type in which a model on the CPU keeps its recurrent weights while it is stepped; sums,
        states and scores are float32. By default float16 for one stream, which has half the
        bytes to read and rounds a weight by 0.05 % at most, and `device.best_dtype` for several.
        In another type the text drawn soon differs, as it would from another seed; the
        distributions it is drawn from hardly do.
    """

    def __init__(
        self, model: CharModel, alphabet: Alphabet, *, dtype: torch.dtype | None = None
    ) -> None:
        # A model that was trained on the true previous output has only its own while it writes.
        free = isinstance(model, OutputFeedback) and not model.runs_free
        self.model = (model.free_running() if free else model).eval()
        self.alphabet = alphabet
        self.dtype = dtype

    def stream(
        self,
        prompt: str,
        *,
        streams: int = 1,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> Iterator[list[str]]:
        """Yield characters for ever, one for each stream at a time.

        Parameters
        ----------
        prompt : str
            Text to go on from, at least one character.
        streams : int
            Continuations drawn side by side, each its own.
        temperature, top_k, top_p
            As in `distribution`.
        seed : int
            The same seed gives the same text on the same machine.

        Yields
        ------
        list of str, length `streams`

        Raises
        ------
        UnknownCharacters
            If the prompt holds characters the alphabet lacks; the message shows them.
        ValueError
            If the prompt is empty or a setting is out of range.
        """
        if not prompt:
            raise ValueError("the prompt is empty: give at least one character to go on from")
        # Accents typed apart from their letters are the same text; alphabets have them composed.
        tokens = self.alphabet.encode(unicodedata.normalize("NFC", prompt))[None]  # (1, T)
        with torch.inference_mode():
            logits, state = self.model(tokens.to(self.model.head.weight.device))  # (1, T, V)
        logits = logits[:, -1].expand(streams, -1)  # (S, V)
        step = self._stepper(state, streams)
        generator = torch.Generator().manual_seed(seed)
        while True:
            p = distribution(logits.cpu(), temperature=temperature, top_k=top_k, top_p=top_p)
            drawn = _draw(p, generator)  # (S,)
            yield [self.alphabet.characters[index] for index in drawn.tolist()]
            logits = step(drawn)

    def _stepper(self, state: State, streams: int) -> Callable[[Tensor], Tensor]:
        """Return a function from each stream's last character to the scores of its next."""
        device = self.model.head.weight.device
        if device.type == "cpu" and isinstance(self.model, CharRNN):
            dtype = self.dtype or (torch.float16 if streams == 1 else best_dtype(device))
            stepper = Stepper(self.model, streams=streams, dtype=dtype)
            stepper.load(state)
            return stepper
        parts = state if isinstance(state, tuple) else (state,)
        parts = tuple(part.expand(-1, streams, -1).contiguous() for part in parts)
        state = parts if isinstance(state, tuple) else parts[0]  # (layers, S, H), as it was

        @torch.inference_mode()
        def step(tokens: Tensor) -> Tensor:
            nonlocal state
            logits, state = self.model(tokens.to(device)[:, None], state)  # (S, 1, V)
            return logits[:, -1]  # (S, V)

        return step

    def sample(self, prompt: str, length: int, **settings: float | int | None) -> str:
        """Return `length` characters that continue the prompt; settings as in `stream`."""
        return self.sample_many(prompt, length, 1, **settings)[0]

    def sample_many(
        self, prompt: str, length: int, streams: int, **settings: float | int | None
    ) -> list[str]:
        """Return several continuations of `length` characters; settings as in `stream`."""
        if length < 0:
            raise ValueError(f"length must be 0 or more, not {length}")
        steps = self.stream(prompt, streams=streams, **settings)
        columns = [characters for _, characters in zip(range(length), steps, strict=False)]
        return ["".join(row) for row in zip(*columns, strict=True)] or [""] * streams

    def sample_until(
        self, end: str, prompt: str, longest: int, streams: int = 1, **settings: float | int | None
    ) -> list[str]:
        """Return several continuations, each up to the first `end` that is drawn.

        Parameters
        ----------
        end : str
            What closes a text, such as the empty line after a tune; not in what is returned.
        prompt : str
            Text to go on from. An end within it does not count.
        longest : int
            Characters after which a text without end is broken off.
        streams : int
            Number of texts.
        settings
            As in `stream`.

        Returns
        -------
        list of str, length `streams`
            A text that was broken off is `longest` characters long, all others are shorter.

        Raises
        ------
        ValueError
            If `longest` is below 1, or as `stream` says.
        """
        if longest < 1:
            raise ValueError(f"longest must be 1 or more, not {longest}")
        texts, open_texts = [""] * streams, set(range(streams))
        for characters in self.stream(prompt, streams=streams, **settings):
            for stream in sorted(open_texts):
                texts[stream] += characters[stream]
                if texts[stream].endswith(end):
                    texts[stream] = texts[stream].removesuffix(end)
                    open_texts.remove(stream)
                elif len(texts[stream]) == longest:
                    open_texts.remove(stream)
            if not open_texts:
                return texts


def _draw(p: Tensor, generator: torch.Generator) -> Tensor:
    """Draw an index from each row of p (S, V): where a random point falls on its cumulative sum."""
    ends = p.cumsum(dim=-1)  # (S, V)
    points = torch.rand(len(p), 1, generator=generator, dtype=p.dtype)  # (S, 1)
    # Scaled to the last end, because rounding may leave that a little below 1.
    return torch.searchsorted(ends, points * ends[:, -1:], right=True)[:, 0]  # (S,)
