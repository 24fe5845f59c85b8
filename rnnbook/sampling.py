"""Draw text from a trained character model."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnnbook.models import CharRNN
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
    # The highest score goes to 0 first: divided by a tiny temperature it would be infinite.
    scores = logits.double() - logits.double().amax(dim=-1, keepdim=True)
    p = torch.softmax(scores / temperature, dim=-1)
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
    model : CharRNN
        A trained model; it is put into evaluation mode.
    alphabet : Alphabet
        The alphabet it was trained with.
    """

    def __init__(self, model: CharRNN, alphabet: Alphabet) -> None:
        self.model = model.eval()
        self.alphabet = alphabet

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
        device = self.model.head.weight.device
        tokens = self.alphabet.encode(prompt).to(device).repeat(streams, 1)  # (S, T)
        generator = torch.Generator().manual_seed(seed)
        state = None
        while True:
            with torch.inference_mode():
                logits, state = self.model(tokens, state)  # (S, T, V)
            p = distribution(
                logits[:, -1].cpu(), temperature=temperature, top_k=top_k, top_p=top_p
            )  # (S, V)
            drawn = torch.multinomial(p, 1, generator=generator)  # (S, 1)
            yield list(self.alphabet.decode(drawn[:, 0]))
            tokens = drawn.to(device)

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
