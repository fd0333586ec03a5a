"""Judging nets: suites of test inputs, and what is measured on them."""
