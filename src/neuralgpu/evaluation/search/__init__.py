"""Searches for inputs that are answered wrongly, and makes them as small as it can."""

from neuralgpu.evaluation.search.counterexample import Counterexample, grouped
from neuralgpu.evaluation.search.search import Found, find_counterexamples, shrunk

__all__ = ["Counterexample", "Found", "find_counterexamples", "grouped", "shrunk"]
