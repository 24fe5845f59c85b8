"""How much of a sample is copied, letter for letter, from the text a model was trained on.

Works on any two strings: verse, tunes, prose. Nothing is normalised, so a changed capital or
comma ends a copied run.
"""


def copied_share(sample: str, text: str, length: int = 20) -> float:
    """Return the share of the sample's n-grams that stand in the text.

    Parameters
    ----------
    sample, text : str
        What a model wrote, and what it was trained on.
    length : int
        Characters of an n-gram, 1 or more.

    Returns
    -------
    float
        From 0 to 1; every n-gram of the sample counts as often as it occurs there. 0 for a sample
        shorter than one n-gram.

    Raises
    ------
    ValueError
        If the length is below 1.
    """
    if length < 1:
        raise ValueError(f"an n-gram has at least 1 character, not {length}")
    grams = [sample[start : start + length] for start in range(len(sample) - length + 1)]
    # The sample is the smaller of the two: only its n-grams are kept in memory.
    wanted = set(grams)
    windows = (text[start : start + length] for start in range(len(text) - length + 1))
    found = {gram for gram in windows if gram in wanted}
    return sum(gram in found for gram in grams) / len(grams) if grams else 0.0


def longest_copied_run(sample: str, text: str) -> str:
    """Return the longest run of characters that stands in both the sample and the text.

    Parameters
    ----------
    sample, text : str
        What a model wrote, and what it was trained on.

    Returns
    -------
    str
        The run, the first in the text if there are several; empty if no character is shared.

    Notes
    -----
    The time grows with the length of the text, not with its product with the sample's: the text
    is read once by an automaton that knows every run of the sample.
    """
    steps, lengths, shorter = _automaton(sample)
    state = run = best = end = 0
    for place, character in enumerate(text, start=1):
        while state and character not in steps[state]:
            state = shorter[state]
            run = lengths[state]
        if character in steps[state]:
            state = steps[state][character]
            run += 1
        if run > best:
            best, end = run, place
    return text[end - best : end]


def _automaton(sample: str) -> tuple[list[dict[str, int]], list[int], list[int]]:
    """Build the automaton of all runs of a string (Blumer and others, 1985).

    A state stands for the runs that end at the same places in the string. Of each state it
    returns the steps to others by a further character, the length of its longest run, and the
    state of that run's longest ending that occurs at more places.
    """
    steps: list[dict[str, int]] = [{}]
    lengths, shorter = [0], [-1]
    last = 0
    for character in sample:
        new = len(steps)
        steps.append({})
        lengths.append(lengths[last] + 1)
        shorter.append(0)
        state, last = last, new
        while state >= 0 and character not in steps[state]:
            steps[state][character] = new
            state = shorter[state]
        if state < 0:
            continue
        known = steps[state][character]
        if lengths[known] > lengths[state] + 1:
            # Only the shorter runs of this state end here too: they get a state of their own.
            split = len(steps)
            steps.append(dict(steps[known]))
            lengths.append(lengths[state] + 1)
            shorter.append(shorter[known])
            while state >= 0 and steps[state].get(character) == known:
                steps[state][character] = split
                state = shorter[state]
            shorter[known] = split
            known = split
        shorter[new] = known
    return steps, lengths, shorter
