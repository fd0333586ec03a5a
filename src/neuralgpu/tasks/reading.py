"""Takes apart what people type; errors point at the character, counted from 1."""

from neuralgpu.errors import UserError
from neuralgpu.tasks.symbols import OPERATORS, typed
from neuralgpu.tasks.task import SYMBOL_LIMIT


def numbers_between(
    text: str, signs: str, base: int, task: str, example: str, count: int | None = None
) -> tuple[list[str], list[str]]:
    """Splits '101+11*1' into its numbers and the signs between them.

    Args:
        text: as typed; spaces around numbers and signs are allowed.
        signs: the operators that the task knows, a character each.
        base: of the digits.
        task: name of the task, for messages.
        example: a right input, for messages.
        count: how many numbers there have to be; any when None.

    Returns:
        The numbers as texts of digits, and the signs, one fewer.

    Raises:
        UserError: a character is neither digit nor sign, a number is missing or broken up, or there are too many.
    """
    form = f"{task!r} reads inputs like {example!r}"
    if not text.strip():
        raise UserError(f"{form}, got an empty text.")
    digits = "0123456789"[:base]
    numbers, found = [""], list[str]()
    broken = False
    for position, character in enumerate(typed(text), 1):
        if character == " ":
            broken = bool(numbers[-1])
        elif character in digits:
            if broken:
                raise UserError(f"{form}, got two numbers without a sign between them at character {position}.")
            numbers[-1] += character
        elif character in signs:
            if not numbers[-1]:
                raise UserError(f"{form}, got no number before the {character!r} at character {position}.")
            if len(numbers) == count:
                raise UserError(f"{form}, got one {character!r} too many at character {position}.")
            numbers.append("")
            found.append(character)
            broken = False
        elif character in OPERATORS:
            raise UserError(f"{task!r} works with {' '.join(signs)}, got {character!r} at character {position}.")
        else:
            raise _no_digit(form, position, character, base, digits)
    if not numbers[-1]:
        raise UserError(f"{form}, got no number after the {found[-1]!r} at the end.")
    if count is not None and len(numbers) < count:
        raise UserError(f"{form}, got {len(numbers)} of {count} numbers: one is missing behind character {len(text)}.")
    return numbers, found


def sequence(text: str, base: int, task: str, example: str) -> str:
    """Checks that a text is a sequence of the first `base` digits and returns it without spaces around it.

    Raises:
        UserError: it is empty or holds something else.
    """
    form = f"{task!r} reads inputs like {example!r}"
    if not text.strip():
        raise UserError(f"{form}, got an empty text.")
    digits = "0123456789"[:base]
    start = len(text) - len(text.lstrip())
    for position, character in enumerate(text.strip(), start + 1):
        if character not in digits:
            raise _no_digit(form, position, character, base, digits)
    return text.strip()


def check_size(length: int) -> None:
    """Refuses inputs that no grid is made for.

    Raises:
        UserError: the input takes more symbols than allowed.
    """
    if length > SYMBOL_LIMIT:
        raise UserError(f"This input takes {length} symbols; {SYMBOL_LIMIT} are allowed. Use a shorter one.")


def _no_digit(form: str, position: int, character: str, base: int, digits: str) -> UserError:
    return UserError(f"{form}: character {position}, {character!r}, is no digit of base {base} ({' '.join(digits)}).")
