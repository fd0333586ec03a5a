"""The report of every invented run, read as a browser would."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.reporting.report import write_report
from neuralgpu.rows import ResultRow, append_lines, append_rows

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects what a page holds; fails on a tag that is closed out of turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)
        if self.open[-1:] == ["u"]:
            self.wrong.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def report_of(run: Path) -> Page:
    return Page(write_report(run).read_text(encoding="utf-8"))


def test_page_stands_alone(any_report: Path) -> None:
    html = any_report.read_text(encoding="utf-8")
    page = Page(html)
    assert "http:" not in html and "https:" not in html and "@import" not in html
    assert not {"script", "a", "link", "img", "iframe"} & set(page.tags)
    assert all(value.startswith("#") for value in page.values("xlink:href") + page.values("href"))
    assert all(value == "(prefers-color-scheme: dark)" for value in page.values("media"))


def test_ids_are_unique_and_references_hold(any_report: Path) -> None:
    page = Page(any_report.read_text(encoding="utf-8"))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in page.values("xlink:href")} <= set(ids)


def test_every_figure_is_described_and_every_table_cell_has_headers(any_report: Path) -> None:
    page = Page(any_report.read_text(encoding="utf-8"))
    assert page.tags.count("svg") == page.values("role").count("img") == page.tags.count("figcaption")
    assert all(len(label) > 5 for label in page.values("aria-label"))
    assert page.tags.count("th") == len(page.values("scope"))


def test_same_run_gives_same_report_and_nothing_else(build_run: Callable[[str], Path]) -> None:
    run = build_run("multiplication")
    before = {path.name for path in run.iterdir()}
    first = write_report(run).read_bytes()
    assert write_report(run) == run / "report.html" and (run / "report.html").read_bytes() == first
    assert {path.name for path in run.iterdir()} == before | {"report.html"}


def test_how_it_was_trained(build_run: Callable[[str], Path]) -> None:
    text = report_of(build_run("mixed")).text
    for fact in (
        "neuralgpu train badd --preset fast --seeds 10",
        "1 to 10 (10 seeds)",
        "8 min 40 s",
        "jax 0.10.2",
        "step 2,600",
    ):
        assert fact in text
    assert (
        "The checkpoint was chosen by its error on 32 validation inputs of length 201 "
        "(longer than any training input, disjoint from the test inputs by their random seed)." in text
    )
    assert "channels = 48" in text


def test_only_figures_with_data_are_drawn(build_run: Callable[[str], Path]) -> None:
    headings = ("Learning curve", "Longer inputs", "Longer carries")
    drawn = {
        "mixed": (True, True, True),
        "multiplication": (True, True, False),
        "without_results": (True, False, False),
    }
    for kind, expected in drawn.items():
        text = report_of(build_run(kind)).text
        assert tuple(heading in text for heading in headings) == expected


def test_an_average_is_named_in_table_and_examples(
    build_run: Callable[[str], Path],
    make_row: Callable[..., ResultRow],
    make_example: Callable[..., dict[str, Any]],
) -> None:
    run = build_run("mixed")
    append_rows(run / "results.jsonl", [make_row(seed=None, averaged=10)])
    append_lines(run / "examples.jsonl", [make_example("01", "00", seed=None, averaged=10)])
    text = report_of(run).text
    assert "random, average of 10 seeds" in text
    assert "Wrong · random, length 2, average of 10 seeds" in text and "Wrong · random, length 7, seed 7" in text


def test_wrong_digits_are_underlined(build_run: Callable[[str], Path]) -> None:
    page = report_of(build_run("bad"))
    assert page.wrong == ["1", "·", "100", "011"]
    assert "1 of 4 digits is wrong, the first from the right at place 4." in page.text


def test_what_the_files_say_is_escaped(
    build_run: Callable[[str], Path], make_example: Callable[..., dict[str, Any]]
) -> None:
    run = build_run("good")
    rude = "<script>alert('x')</script>&"
    start = json.loads((run / "events.jsonl").read_text().splitlines()[0]) | {
        "command": rude,
        "task": rude,
        "device": rude,
    }
    (run / "events.jsonl").write_text(json.dumps(start) + "\n")
    (run / "examples.jsonl").write_text(json.dumps(make_example(rude, "1", suite=rude, input=rude)) + "\n")
    with (run / "config.toml").open("a") as file:
        file.write(f'note = "{rude}"\n')
    page = report_of(run.rename(run.with_name("<b>&name")))
    assert "script" not in page.tags and "b" not in page.tags
    assert page.text.count(rude) >= 5 and "<b>&name" in page.text


def test_directory_that_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run directory: it has no config.toml\. Give") as caught:
        write_report(tmp_path)
    assert str(caught.value).startswith(str(tmp_path)) and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.toml", b"task = "),
        ("events.jsonl", b"not json\n{}\n"),
        ("events.jsonl", b'{"event": "start", "step": 0, "time": 0}\n'),
        ("events.jsonl", b'{"event": "progress", "step": 0}\n'),
        ("events.jsonl", b"\xff\xfe\n"),
        ("results.jsonl", b'{"run": "x"}\n'),
        ("examples.jsonl", b'{"suite": "random"}\n'),
    ],
)
def test_damaged_file_is_named(build_run: Callable[[str], Path], file: str, content: bytes) -> None:
    run = build_run("good")
    (run / file).write_bytes(content)
    with pytest.raises(DamagedRunError, match=str(run)):
        write_report(run)


def test_configuration_alone_gives_a_report(build_run: Callable[[str], Path]) -> None:
    run = build_run("without_results")
    (run / "events.jsonl").unlink()
    assert f"neuralgpu evaluate {run}" in report_of(run).text


def test_report_that_cannot_be_put_in_place(build_run: Callable[[str], Path]) -> None:
    run = build_run("interrupted")
    (run / "report.html").mkdir()
    before = sorted(run.iterdir())
    with pytest.raises(StorageError, match=r"report\.html cannot be written"):
        write_report(run)
    assert sorted(run.iterdir()) == before
