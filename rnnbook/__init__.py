"""rnnbook: the small package behind the book that teaches recurrent networks by running them."""

__version__ = "0.1.0"
