import pytest

from neuralgpu.evaluation.adapters.reply import parse_answer

REPLIES = [
    ("42", 10, "42"),
    ("  00101\n", 2, "00101"),
    ("The answer is **10110**.", 2, "10110"),
    ("= 1,024", 10, "1024"),
    ("So we get $\\boxed{101}$.", 2, "101"),
    ("\\boxed{1} was my first guess, but it is \\boxed{\\text{110}_2}", 2, "110"),
    ("\\[ 57 + 86 = \\boxed{57 + 86 = 143} \\]", 10, "143"),
    ("$$\\boxed{1{,}234{,}567}$$", 10, "1234567"),
    ("Here you are:\n```\n101\n```", 2, "101"),
    ("12 + 30 = 42", 10, "42"),
    ("12 + 30 = 42.", 10, "42"),
    ("Result: 0b101", 2, "101"),
    ("Result: `0b101`", 10, None),
    ("0o17", 8, "17"),
    ("The answer is 0xFF", 10, None),
    ("The answer is 1_000_000.", 10, "1000000"),
    ("The answer is 1 000 000, as 999 999 has all nines.", 10, "1000000"),
    ("Answer: 1\N{NARROW NO-BREAK SPACE}024", 10, "1024"),
    ("**Answer:** 143\n\nLet me know if you need anything else, 24/7!", 10, "143"),
    ("The answer to 57 + 86 is 143, since 7 + 6 makes 13 and 5 + 8 + 1 makes 14.", 10, "143"),
    ("The result is 143 (57 + 86 = 143).", 10, "143"),
    ("The answer is 9. Wait, I forgot a carry. The answer is 19.", 10, "19"),
    ("1 + 0 = 1, 0 + 1 = 1, so from the right:\n\n**11**", 2, "11"),
    ("7 + 6 = 13, write 3 carry 1; 5 + 8 + 1 = 14.\n\n143", 10, "143"),
    ("The sum of 101 and 11 is 1000 in base 2.", 2, "1000"),
    ("In binary that makes 1000 (base 2)", 2, "1000"),
    ("$101_2 + 11_2 = 1000_2$", 2, "1000"),
    ("1010_1100", 2, "10101100"),
    ("The answer is 10 1100 0001.", 2, "1011000001"),
    ("101\N{SUBSCRIPT TWO}", 2, "101"),
    ("<think>The answer is 5? No, 5 = 101.</think>\n\n110", 2, "110"),
    ("<think>Easy: 57 + 86 = 144</think>The sum is 143", 10, "143"),
    ("7 / 2 = 3.5", 10, None),
    ("8 / 2 = 4.0", 10, "4"),
    ("The answer is -5.", 10, None),
    ("It is about 1.2e10", 10, None),
    ("The answer is 12.", 2, None),
    ("The answer is 1f", 10, None),
    ("I cannot compute that.", 10, None),
    ("\uff14\uff12", 10, None),
    ("", 10, None),
    ("9" * 5000, 10, "9" * 5000),
    ("\\boxed{?}", 10, None),
    ("First: 10. Then: 20", 10, "20"),
    ("The answer is correct: 5,\nwhich uses 2 carries", 10, "5"),
]


@pytest.mark.parametrize(("text", "base", "answer"), REPLIES)
def test_the_number_of_a_reply_is_found(text: str, base: int, answer: str | None) -> None:
    assert parse_answer(text, base) == answer
