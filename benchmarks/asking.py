"""What the benchmarks ask trained nets that compare two ways to evaluate them, and how the command line says it."""

import argparse
import re
from dataclasses import dataclass

import numpy as np

from neuralgpu.evaluation.suites import Example, find_suite
from neuralgpu.tasks import Task


@dataclass(frozen=True)
class Asked:
    """A question."""

    suite: str
    size: int
    count: int

    def drawn(self, task: Task) -> tuple[list[Example], int]:
        """Returns the inputs, always the same, and their length.

        Raises:
            UserError: the suite has no such inputs.
        """
        suite = find_suite(self.suite)
        return suite.examples(task, self.size, self.count, np.random.default_rng(0)), suite.length_of(task, self.size)


def question(text: str) -> Asked:
    """Reads a question of the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = re.fullmatch(r"(.+):(\d{1,6}):([1-9]\d{0,6})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"give SUITE:SIZE:COUNT, such as random:401:16, not {text!r}")
    return Asked(found[1], int(found[2]), int(found[3]))


def asking_parser(description: str | None) -> argparse.ArgumentParser:
    """Returns a parser of the questions and of how they are answered."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--ask",
        nargs="+",
        type=question,
        default=[Asked("random", 401, 16)],
        metavar="SUITE:SIZE:COUNT",
        help="what they are asked (random:401:16)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser
