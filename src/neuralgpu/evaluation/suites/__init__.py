"""Suites: named distributions of test inputs, as texts, so that they judge any program that answers texts."""

from neuralgpu.evaluation.suites.pairs import CARRY_LENGTH
from neuralgpu.evaluation.suites.registry import find_suite, suite_names, suites_for
from neuralgpu.evaluation.suites.suite import Example, Suite

__all__ = ["CARRY_LENGTH", "Example", "Suite", "find_suite", "suite_names", "suites_for"]
