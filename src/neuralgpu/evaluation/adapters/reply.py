r"""The number that a chat model's prose ends in.

What is taken is the first of these that there is: the last \boxed{}; a last line that holds nothing but a number;
what follows the last "answer is", "answer:" or "result"; what follows the last "="; the last number of all.
"""

import re

_SPACES = str.maketrans(dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}", " "))
_THINKING = re.compile(r"^.*</think>", re.DOTALL)
_LATEX_SEPARATOR = re.compile(r"(?<=[0-9])(?:\{,\}|\\[,;: ])(?=[0-9])")
_BASE = re.compile(
    r"(?:\bin |[\[(])?\bbase[\s-]*(?:10|[2-9])\b[\])]?"  # in words, such as "(base 2)"
    r"|(?<=[0-9)}])_(?:\{(?:10|[2-9])\}|(?:10|[2-9])(?![0-9_]))"  # as an index, such as 101_2
)
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?P<prefix>0[bo](?=[0-9]))?"
    r"(?P<whole>[0-9]{1,3}(?P<three>[,_ ])[0-9]{3}(?:(?P=three)[0-9]{3})*(?![0-9])"
    r"|[0-9]{1,4}(?P<four>[_ ])[0-9]{4}(?:(?P=four)[0-9]{4})*(?![0-9])"  # as binary digits are written
    r"|[0-9]+)"
    r"(?:\.0{1,2}(?![0-9]))?"
    r"(?P<rest>\.[0-9]+|[eE][+-]?[0-9]+|[xX]?[A-Fa-f0-9]+(?![A-Za-z]))?"
)
_MINUS = re.compile(r"(?<![A-Za-z0-9)])[-\N{MINUS SIGN}]$")
_MARK = re.compile(r"\b(?:answer|result)\b(?:[^.\n]*?(?:\bis\b|[:=]))?", re.IGNORECASE)
_PREFIXES = {"0b": 2, "0o": 8}
_DECORATION = " \t*_`$=.:>()[]\\"


def parse_answer(text: str, base: int) -> str | None:
    """Returns the digits of the answer in a reply, None where there is none or it is no whole number of that base.

    Args:
        text: the reply.
        base: of the answer; a number that has other digits is no answer.

    >>> parse_answer("First, 11 + 10 = 101. The answer is **101**.", 2)
    '101'
    """
    plain = _THINKING.sub("", text).translate(_SPACES)
    plain = _BASE.sub("", _LATEX_SEPARATOR.sub(",", plain))
    found = _boxed(plain) or _last_line(plain) or _marked(plain) or _equal(plain) or _last(plain)
    return _digits(found, base) if found else None


def _digits(found: re.Match[str], base: int) -> str | None:
    prefix = found["prefix"]
    if found["rest"] or _MINUS.search(found.string, 0, found.start()) or (prefix and _PREFIXES[prefix] != base):
        return None
    digits = re.sub("[,_ ]", "", found["whole"])
    return digits if int(max(digits)) < base else None


def _boxed(text: str) -> re.Match[str] | None:
    _, mark, behind = text.rpartition("\\boxed{")
    if not mark:
        return None
    depth = 1
    for place, character in enumerate(behind):
        depth += (character == "{") - (character == "}")
        if not depth:
            return _value(behind[:place])
    return _value(behind)


def _last_line(text: str) -> re.Match[str] | None:
    lines = (line.strip(_DECORATION) for line in reversed(text.splitlines()))
    return _NUMBER.fullmatch(next((line for line in lines if line), ""))


def _marked(text: str) -> re.Match[str] | None:
    values = (_value(text[mark.end() :]) for mark in reversed(list(_MARK.finditer(text))))
    return next((value for value in values if value), None)


def _equal(text: str) -> re.Match[str] | None:
    _, mark, behind = text.rpartition("=")
    return _NUMBER.search(behind) if mark else None


def _last(text: str) -> re.Match[str] | None:
    return next(reversed(list(_NUMBER.finditer(text))), None)


def _value(text: str) -> re.Match[str] | None:
    """Returns what the first line with a number in it comes to: what is behind its last "=", or its first number."""
    line = next((line for line in text.splitlines() if _NUMBER.search(line)), "")
    return _equal(line) or _NUMBER.search(line)
