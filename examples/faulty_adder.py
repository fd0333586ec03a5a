"""An adder with a known fault, for an examiner to find: a carry is lost once it has run through 8 digits.

Chains of up to 7 carries are added right, so that short sums are right, and one of 8 is not: the threshold is 8.

neuralgpu judge add --model python:examples/faulty_adder.py:add
neuralgpu judge badd --model "cmd:python examples/faulty_adder.py --binary"
"""

import sys

LONGEST_CARRY = 8


def add(texts: list[str]) -> list[str]:
    """Adds decimal numbers of any length, such as "57+86"."""
    return [_sum(text, 10) for text in texts]


def add_binary(texts: list[str]) -> list[str]:
    """Adds binary numbers of any length, such as "101+11"."""
    return [_sum(text, 2) for text in texts]


def _sum(text: str, base: int) -> str:
    first, second = text.split("+")
    width = max(len(first), len(second))
    digits: list[str] = []
    carry = run = 0
    for one, other in zip(reversed(first.zfill(width)), reversed(second.zfill(width)), strict=True):
        carry, digit = divmod(int(one) + int(other) + carry, base)
        digits.append(str(digit))
        run = run + 1 if carry else 0
        if run == LONGEST_CARRY:
            carry = run = 0
    return "".join(reversed([*digits, str(carry)])).lstrip("0") or "0"


if __name__ == "__main__":
    answer = add_binary if "--binary" in sys.argv[1:] else add
    for line in sys.stdin:
        print(answer([line.strip()])[0], flush=True)
