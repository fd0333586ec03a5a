"""Suites of regular numbers: those of the paper's section 5, and others of their kind."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from neuralgpu.evaluation.suites.pairs import Pair, Pairs, drawn_digits, drawn_number, text_of_digits
from neuralgpu.tasks import Task
from neuralgpu.tasks.arithmetic import Arithmetic
from neuralgpu.tasks.numerals import to_text

_FEW = 4
"""Denominator of the share of digits that a short number, or a slack, has."""


class LeadingZeros(Pairs):
    """All pairs of single digits, each once, behind a number of zeros (Table 3: 100 pairs, 99 zeros)."""

    name = "leading-zeros"
    about = "every pair of single digits, behind z zeros"
    source = "section 5, table 3"
    size_name = "zeros"
    smallest = 0

    def width(self, size: int) -> int:
        """One digit behind the zeros."""
        return size + 1

    def fits(self, task: Task) -> bool:
        """Unpadded numbers have no leading zeros."""
        return super().fits(task) and task.layout != "unpadded"

    def sizes(self, task: Task, longest: int) -> list[int]:
        """No zero at all is a size, too."""
        return list(range((longest - 1) // 2)) if longest > 2 else []

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Keeps the order of the operands, lest a pair come twice."""
        assert isinstance(task, Arithmetic), "fits() said so"
        for first, second in self.pairs(task, size, rng):
            below_zero, by_zero = first < second, second == "0"
            if not {"subtraction": below_zero, "division": by_zero}.get(task.operation, False):
                yield f"{first.zfill(size + 1)}{task.sign}{second.zfill(size + 1)}"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Yields the base**2 pairs in random order."""
        for number in rng.permutation(task.base**2).tolist():
            yield str(number // task.base), str(number % task.base)


class Repeated(Pairs):
    """Numbers of one repeated digit, 1...1 x 1...1 the first (section 5: fails above 8 ones)."""

    name = "repeated"
    about = "both numbers one repeated digit, such as 11111 and 33333"
    source = "section 5"

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Yields every pair of digits once, in order, ones first."""
        assert isinstance(task, Arithmetic), "fits() said so"
        for first, second in self.pairs(task, size, rng):
            if task.operation != "subtraction" or first >= second:
                yield f"{first}{task.sign}{second}"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Yields the (base - 1)**2 pairs, which are all there are."""
        digits = "0123456789"[1 : task.base]
        for first, second in product(digits, repeat=2):
            yield first * size, second * size


class Power(Pairs):
    """Products that equal base**n or base**n - 1, whose factors have about half of the digits.

    Factors of base**n have a random share of each prime; base**n - 1 is (base**d - 1) times a number, for d that
    divides n.
    """

    name = "power"
    about = "products that equal b^n or b^n - 1"
    source = "section 5"
    size_name = "n"
    operations = ("multiplication",)
    smallest = 4

    def width(self, size: int) -> int:
        """Three quarters of the product's digits, so that there is more than one pair."""
        return size - size // _FEW + 1

    def valid_size(self, task: Task, size: int) -> bool:
        """Even ones: base**n - 1 then has a factor in the middle."""
        return super().valid_size(task, size) and size % 2 == 0

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws factors of one and of the other in turns."""
        base, width = task.base, self.width(size)
        total, most = base**size, base**width
        near = [d for d in range(1, size) if size % d == 0 and d <= width and size - d + 1 <= width]
        while True:
            first = 0
            while not (0 < first < most and total // first < most):
                first = 1
                for prime, power in _factors(base):
                    first *= prime ** int(rng.integers(size * power + 1))
            yield to_text(first, base), to_text(total // first, base)
            first = base ** near[int(rng.integers(len(near)))] - 1
            yield to_text(first, base), to_text((total - 1) // first, base)


class Sparse(Pairs):
    """Numbers of zeros but for one or two digits, of which one may be at either end."""

    name = "sparse"
    about = "one or two digits far apart, all others zero"
    source = "section 5, table 3"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws places and digits."""

        def number() -> str:
            digits = np.zeros(size, int)
            places = rng.integers(size, size=rng.integers(1, 3))
            digits[places] = rng.integers(1, task.base, size=len(places))
            return text_of_digits(digits)

        while True:
            yield number(), number()


class Palindromes(Pairs):
    """Numbers that read the same in both directions."""

    name = "palindromes"
    about = "both numbers read the same from both ends"
    source = "section 5, symmetric numbers"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws halves and mirrors them."""

        def number() -> str:
            half = drawn_number(rng, task.base, (size + 1) // 2)
            return half + half[::-1][size % 2 :]

        while True:
            yield number(), number()


class Equal(Pairs):
    """A number and itself."""

    name = "equal"
    about = "both numbers the same"
    source = "section 5, symmetric numbers"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws one number."""
        while True:
            number = drawn_number(rng, task.base, size)
            yield number, number


class Nines(Pairs):
    """Numbers of highest digits only, with and without what makes them a power: 999 + 1, 1000 - 1, 999 x 999."""

    name = "nines"
    about = "highest digits throughout, and one, or a power of the base: 999 + 1, 1000 - 1"
    source = "section 5, a product full of nines"

    def width(self, size: int) -> int:
        """One more, for the power."""
        return size + 1

    def inputs(self, task: Task, size: int, rng: np.random.Generator) -> Iterator[str]:
        """Yields every pair once, in both orders."""
        seen: set[str] = set()
        for _ in range(64):  # the orders are drawn
            for text in super().inputs(task, size, rng):
                if text not in seen:
                    seen.add(text)
                    yield text

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Yields all pairs of such numbers that are not plain ones and powers."""
        nines, power = str(task.base - 1) * size, "1" + "0" * size
        yield from ((nines, "1"), (nines, nines), (nines, power), (power, "1"))


class ZeroOne(Pairs):
    """A random number with 0 or 1."""

    name = "zero-one"
    about = "one number is 0 or 1"
    source = "neutral elements"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws 0 and 1 in turns."""
        while True:
            for small in "01":
                yield drawn_number(rng, task.base, size), small


class Uneven(Pairs):
    """A number of all the digits with one of at most a quarter of them."""

    name = "uneven"
    about = "one number four or more times as long as the other"
    source = "lengths that random operands hardly ever have"

    smallest = 4

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws the short number's digits, too."""
        while True:
            short = int(rng.integers(1, size // _FEW + 1))
            first = str(rng.integers(1, task.base)) + drawn_digits(rng, task.base, size - 1)
            yield first, drawn_number(rng, task.base, short)


class Alternating(Pairs):
    """Numbers of two digits in turns, such as 101010 and 3737373."""

    name = "alternating"
    about = "numbers of two digits in turns, such as 1010 and 0101"
    source = "regular numbers, section 5"

    def pairs(self, task: Arithmetic, size: int, rng: np.random.Generator) -> Iterator[Pair]:
        """Draws two different digits for each number."""

        def number() -> str:
            first, second = rng.permutation(task.base)[:2].tolist()
            return f"{first}{second}" * (size // 2) + str(first) * (size % 2)

        while True:
            yield number(), number()


def _factors(base: int) -> list[tuple[int, int]]:
    """Returns the prime factors of a base with their powers."""
    factors: list[tuple[int, int]] = []
    for prime in (2, 3, 5, 7):
        power = 0
        while base % prime ** (power + 1) == 0:
            power += 1
        factors += [(prime, power)] if power else []
    return factors
