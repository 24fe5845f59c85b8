"""Verses as a page shows them: side by side, and marked as Spanish for those who hear the page."""

import html
from collections.abc import Mapping

STYLE = "display: flex; flex-wrap: wrap; gap: 0 2.5em"
PRE = "background: none; border: 0; padding: 0; margin: 0.3em 0 1em; "
PRE += "white-space: pre-wrap; overflow-wrap: anywhere"


class Verses:
    """Texts of verse, each under its title.

    Parameters
    ----------
    texts : mapping of str to str
        Each Spanish text by its English title. What a model wrote is shown as it is, never read
        as HTML.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)

    def __repr__(self) -> str:
        """Return the texts below each other."""
        return "\n\n".join(f"{title}\n\n{text.strip()}" for title, text in self.texts.items())

    def _repr_html_(self) -> str:
        columns = (
            f"<div><em>{html.escape(title)}</em>"
            f'<pre lang="es" style="{PRE}">{html.escape(text.strip())}</pre></div>'
            for title, text in self.texts.items()
        )
        return f'<div class="verses" style="{STYLE}">{"".join(columns)}</div>'
