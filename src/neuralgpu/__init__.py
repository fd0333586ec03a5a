"""Teaches a network an algorithm from short examples, then finds out whether it really learned it."""

__version__ = "0.1.0"
