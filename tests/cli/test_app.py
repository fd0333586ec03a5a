"""What holds for every command: help, one line for bad input, exit codes, clean output."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import neuralgpu
from neuralgpu.cli.app import COMMANDS, GROUPS
from neuralgpu.cli.arguments import LONGEST_INPUT
from neuralgpu.errors import DamagedRunError, StorageError, UserError
from neuralgpu.tasks.task import SYMBOL_LIMIT

from .conftest import ENVIRONMENT, PROGRAM, RunCli

PROBE = """
import resource, sys
from neuralgpu.cli import main
try:
    main()
except SystemExit as left:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(left.code, used.ru_utime + used.ru_stime, *sorted(sys.modules), file=sys.stderr)
"""
HELP = [*([*name.split(), "--help"] for name in (*COMMANDS, *GROUPS))]


@pytest.mark.parametrize("arguments", [[], ["--help"], *HELP, ["--version"]], ids=str)
def test_help_is_quick_and_starts_no_jax(arguments: list[str]) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    status, seconds, *modules = probe.stderr.split()
    assert status == "0"
    assert float(seconds) < 0.5
    assert {"jax", "numpy", "matplotlib", "rich.progress"} & set(modules) == set()
    if arguments == ["--version"]:
        assert probe.stdout == f"neuralgpu {neuralgpu.__version__}\n"
    else:
        assert probe.stdout.startswith("Usage: neuralgpu ")


def test_help_lists_every_command(run_cli: RunCli) -> None:
    shown = run_cli("--help").out
    listed = re.findall(r"^  (\w+)  ", shown.partition("Commands:")[2], flags=re.MULTILINE)
    assert sorted(listed) == sorted({name.split()[0] for name in COMMANDS})
    assert run_cli().out == shown


@pytest.mark.parametrize("name", GROUPS)
def test_help_of_a_group_lists_its_commands(run_cli: RunCli, name: str) -> None:
    listed = re.findall(r"^  (\w+)  \s*\S", run_cli(name, "--help").out.partition("Commands:")[2], flags=re.MULTILINE)
    assert [f"{name} {command}" for command in listed] == [known for known in COMMANDS if known.startswith(f"{name} ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described(run_cli: RunCli, name: str) -> None:
    shown = run_cli(*name.split(), "--help").out
    rows = re.findall(r"^  (?:[A-Z]+ <\w+>|--\S+(?: \S+)?)(.*)$", shown, flags=re.MULTILINE)
    assert len(rows) >= 2
    assert all(re.search(r"\s{2}\S", row) or not row for row in rows)


def test_limits_that_are_stated_twice_agree() -> None:
    assert LONGEST_INPUT == SYMBOL_LIMIT


def test_exit_codes() -> None:
    assert [kind.exit_code for kind in (UserError, DamagedRunError, StorageError)] == [2, 3, 4]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> dict[str, Path]:
    """Everything that a run directory can be, by the word that the table below uses for it."""
    folder = tmp_path_factory.mktemp("places")
    found = {"RUN": trained, "MISSING": folder / "missing", "FOLDER": folder / "folder", "FILE": folder / "file"}
    found["FOLDER"].mkdir()
    (found["FOLDER"] / "thesis.tex").touch()
    found["FILE"].touch()
    found["BINARY"] = folder / "binary"
    found["BINARY"].write_bytes(b"\xff\x00")
    for name in ("DAMAGED", "UNSET", "UNSAVED"):
        found[name] = folder / name.lower()
        shutil.copytree(trained, found[name])
    for file in found["DAMAGED"].glob("checkpoints/*/arrays.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    (found["UNSET"] / "config.toml").write_text("", encoding="utf-8")
    shutil.rmtree(found["UNSAVED"] / "checkpoints")
    return found


BAD: list[tuple[str, int, str]] = [
    # tasks and names
    ("train bad", 2, "There is no task 'bad'. Did you mean 'badd'? 'neuralgpu tasks' lists them."),
    ("sample bmull --length 5", 2, "Did you mean 'bmul'?"),
    ("train ''", 2, "There is no task ''."),
    ("train", 2, "Name a task to learn, such as 'neuralgpu train badd'"),
    ("train badd bmul", 2, "(bmul). See 'neuralgpu train --help'."),
    (
        "train badd --preset fats",
        2,
        "There is no preset 'fats'. Did you mean 'fast'? Allowed: classic, fast, resting, steady.",
    ),
    ("evaluate RUN --suite cary", 2, "There is no suite 'cary'. Did you mean 'carry'? Allowed: random, carry, "),
    (
        "evaluate RUN --suite power",
        2,
        "Suite 'power' has no inputs for 'badd' (addition, padded); use 'random'",
    ),
    ("evaluate RUN --suite file:nothing", 2, "There is no file nothing; --suite file:PATH takes JSON lines"),
    ("evaluate RUN --size 3", 2, "--size is counted in a suite's own unit; give --suite with it"),
    ("evaluate RUN --suite carry --size 3 --length 9", 2, "Give --length or --size, not both."),
    ("evaluate RUN --suite repeated --size 1", 2, "Suite 'repeated' has no digits 1 for 'badd'. The next one is 2."),
    ("suites bad", 2, "There is no task 'bad'. Did you mean 'badd'?"),
    ("evaluate RUN --suite ''", 2, "There is no suite ''."),
    ("trian badd", 2, "See 'neuralgpu --help'."),
    ("tasks --colour", 2, "See 'neuralgpu tasks --help'."),
    # lengths
    ("sample badd", 2, "Missing option '--length'. See 'neuralgpu sample --help'."),
    ("sample badd --length 6", 2, "Length 6 is not valid for 'badd' (odd lengths from 3). Nearest: 5 or 7."),
    ("sample badd --length 0", 2, "--length takes a whole number from 1 to 100000, got '0'."),
    ("evaluate RUN --length -1", 2, "--length takes a whole number from 1 to 100000, got '-1'."),
    ("evaluate RUN --length 6", 2, "Nearest: 5 or 7."),
    ("evaluate RUN --suite carry --length 3", 2, "has no inputs of length 3 for 'badd'. Nearest: 5."),
    ("sample badd --length \N{ARABIC-INDIC DIGIT THREE}", 2, "whole number from 1 to 100000"),
    ("sample badd --length 1e3", 2, "got '1e3'."),
    # costs
    ("evaluate RUN --length 1000000000", 2, "from 1 to 100000, got '1000000000'."),
    ("evaluate RUN --length 99999 --count 100000", 2, "use a smaller --length or --count."),
    ("train badd --set model.channels=4096 --set model.layers=16", 2, "use fewer --seeds, or smaller batch"),
    ("train badd --seeds 4096 --set batch=65536", 2, "minutes on two cores"),
    ("bench --length 40", 2, "Length 40 is not valid for 'badd' (odd lengths from 3). Nearest: 39 or 41."),
    ("bench --compute float8", 2, "model.compute"),
    ("bench --preset fats", 2, "There is no preset 'fats'. Did you mean 'fast'?"),
    ("bench --channels 4096 --seeds 4096", 2, "minutes on two cores"),
    ("bench --seconds 9 --channels 8", 2, "--seconds is for the standard sizes; give it alone"),
    # symbols
    ("solve RUN 101+12", 2, "character 6, '2', is no digit of base 2 (0 1)."),
    ("solve RUN \N{ARABIC-INDIC DIGIT ONE}+1", 2, "character 1, '\N{ARABIC-INDIC DIGIT ONE}', is no digit of base 2"),
    ("solve RUN \N{FULLWIDTH DIGIT ONE}+1", 2, "is no digit of base 2 (0 1)."),
    ("solve RUN ''", 2, "'badd' reads inputs like '101+11', got an empty text."),
    ("solve RUN 1*1", 2, "'badd' works with +, got '*' at character 2."),
    ("solve RUN 1+1 --seed 7", 2, "has no seed 7; it has 0, 1."),
    # run directories
    *(
        (f"{command} {place} {rest}", code, text)
        for command, rest in (("evaluate", ""), ("solve", "1+1"), ("train --resume", ""))
        for place, code, text in (
            ("MISSING", 2, "'neuralgpu train' makes one."),
            ("FOLDER", 2, "Give a directory that 'neuralgpu train' wrote."),
            ("FILE", 2, "Give a directory that 'neuralgpu train' wrote."),
            ("''", 2, "Give a directory that 'neuralgpu train' wrote."),
            ("DAMAGED", 3, "No whole checkpoint is left; train again with --force."),
            ("UNSET", 3, "cannot be read: The setting 'task' is missing; add it."),
            ("UNSAVED", 3, "Train again with --force."),
        )
    ),
    ("report MISSING", 2, "Give a directory that 'neuralgpu train' wrote."),
    ("report FILE", 2, "Give a directory that 'neuralgpu train' wrote."),
    # settings
    ("train badd --set model.chanels=4", 2, "There is no setting 'model.chanels'. Did you mean 'model.channels'?"),
    ("train badd --set channels=4", 2, "Did you mean 'model.channels'?"),
    ("train badd --set =", 2, "--set takes KEY=VALUE, got '='; for example --set model.channels=48."),
    ("train badd --set model.dropout=nan", 2, "model.dropout must lie between 0 and 0.95, got nan."),
    ("train badd --set steps=0", 2, "steps must lie between 1 and 10000000, got 0."),
    ("train badd --set task=bmul", 2, "leave 'task' out of the settings."),
    ("train badd --config MISSING", 2, "No such file or directory; give a TOML file."),
    ("train badd --config FOLDER", 2, "Is a directory; give a TOML file."),
    ("checkpoint", 2, "Missing command. See 'neuralgpu checkpoint --help'."),
    ("checkpoint lss RUN", 2, "Did you mean 'ls'? See 'neuralgpu checkpoint --help'."),
    *(
        (f"checkpoint {command} {place}", code, text)
        for command in ("ls", "verify", "prune")
        for place, code, text in (
            ("", 2, f"Missing argument 'RUN'. See 'neuralgpu checkpoint {command} --help'."),
            ("MISSING", 2, "'neuralgpu train' makes one."),
            ("FOLDER", 2, "Give a directory that 'neuralgpu train' wrote."),
            ("UNSET", 3, "cannot be read: The setting 'task' is missing; add it."),
        )
    ),
    ("checkpoint prune RUN --keep 0", 2, "--keep takes a whole number from 1 to 1000000, got '0'."),
    ("config", 2, "Missing command. See 'neuralgpu config --help'."),
    ("config dif RUN RUN", 2, "Did you mean 'diff'? See 'neuralgpu config --help'."),
    ("config diff RUN", 2, "Missing argument 'B'. See 'neuralgpu config diff --help'."),
    ("config diff RUN fats", 2, "'fats' is no run directory, settings file or preset. Did you mean 'fast'?"),
    ("config diff MISSING RUN", 2, "Give a path, or one of the presets: classic, fast, resting, steady."),
    ("config diff RUN FOLDER", 2, "Give a directory that 'neuralgpu train' wrote."),
    ("config diff BINARY RUN", 2, "is not a TOML file"),
    ("config diff UNSET RUN", 3, "cannot be read: The setting 'task' is missing; add it."),
    ("config diff fast classic --task bad", 2, "There is no task 'bad'. Did you mean 'badd'?"),
    ("config show ''", 2, "Give a directory that 'neuralgpu train' wrote."),
    # numbers
    ("train badd --steps 0", 2, "--steps takes a whole number from 1 to 10000000, got '0'."),
    ("train badd --steps 1" + "0" * 5000, 2, "--steps takes a whole number from 1 to 10000000"),
    ("train badd --seeds 0", 2, "--seeds takes a number from 1 to 4096, or ranges of seeds such as 0..14"),
    ("train badd --seeds 4097", 2, "--seeds takes a number from 1 to 4096, or ranges"),
    ("train badd --seeds 0..4096", 2, "--seeds takes a number from 1 to 4096, or ranges"),
    ("train badd --seeds 7..3", 2, "or ranges of seeds such as 0..14 or 3,7,20..29, got '7..3'."),
    ("train badd --seeds 3,x", 2, "or ranges of seeds such as 0..14 or 3,7,20..29, got '3,x'."),
    ("train badd --seeds 3,3", 2, "seeds must be different numbers"),
    ("train badd --seeds 0..2 --seed 5", 2, "--seeds '0..2' names the seeds itself; leave --seed out."),
    (
        "train badd --distributed here",
        2,
        "--distributed takes HOST:PORT,COUNT,NUMBER with a number from 0 to COUNT - 1",
    ),
    (
        "train badd --distributed a:1,2,2",
        2,
        "--distributed takes HOST:PORT,COUNT,NUMBER with a number from 0 to COUNT - 1",
    ),
    ("extract RUN --seed 9 --out elsewhere", 2, "has no seed 9; it has [0, 1]."),
    ("extract RUN --seed 1 --out RUN", 2, "is the run itself; give the new run another --out."),
    ("extract RUN --seed 1 --out FOLDER", 2, "is there already and is not a run; choose another --out."),
    ("extract RUN --seed 1", 2, "Missing option '--out'"),
    ("extract MISSING --seed 1 --out elsewhere", 2, "There is no run directory"),
    ("train badd --seed -1", 2, "--seed takes a whole number from 0 to 2147483648, got '-1'."),
    ("sample badd --length 5 --count 0", 2, "--count takes a whole number from 1 to 10000000, got '0'."),
    ("sample badd --length 5 --seed x", 2, "--seed takes a whole number"),
    # what is there already
    ("train badd --out RUN", 2, "replace it with --force, or choose another --out."),
    ("train badd --out FOLDER", 2, "is there already and is not a run; choose another --out."),
    ("train badd --out FOLDER --force", 2, "is there already and is not a run; choose another --out."),
    ("train badd --out FILE --force", 2, "is there already and is not a run; choose another --out."),
    ("demo --out FILE", 2, "is there already and is not a run; choose another --out."),
    ("train --resume RUN --steps 9", 2, "give it alone."),
    ("train badd --resume RUN", 2, "give it alone."),
    ("train --resume RUN --memory step", 2, "give it alone."),
    ("train --resume RUN --microbatch 2", 2, "give it alone."),
    ("train badd --memory stor", 2, "Did you mean 'store'?"),
    ("train badd --microbatch 5", 2, "microbatch must divide the batch of 32, got 5."),
    # disks
    ("train badd --out FILE/run", 4, "Not a directory; choose another directory."),
]


@pytest.mark.parametrize(("command", "status", "remedy"), BAD, ids=[command[:60] for command, _, _ in BAD])
def test_bad_input_is_one_line_that_says_what_to_do(
    run_cli: RunCli,
    places: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    status: int,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = [sorted(place.parent.rglob("*")) for place in (places["RUN"], places["FILE"])]
    arguments = [re.sub(r"^[A-Z]{3,}", lambda word: str(places[word[0]]), part) for part in command.split()]
    ended = run_cli(*("" if argument == "''" else argument for argument in arguments))
    assert ended.status == status
    assert remedy in ended.error
    assert len(ended.error) < 1500
    assert [sorted(place.parent.rglob("*")) for place in (places["RUN"], places["FILE"])] == before
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(run_cli: RunCli) -> None:
    with pytest.raises(UserError, match="There is no task 'bad'"):
        run_cli("--debug", "sample", "bad", "--length", 5)


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    program = shlex.join([*PROGRAM, "sample", "badd", "--length", "5", "--count", "100000"])
    piped = subprocess.run(
        ["sh", "-c", f"{program} | head -1"], capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT
    )
    assert re.fullmatch(r"[01]{2}\+[01]{2} = [01]{5}\n", piped.stdout)
    assert piped.stderr == ""


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, run_cli: RunCli) -> None:
    def refuse(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("typer.echo", refuse)
    ended = run_cli("tasks")
    assert (ended.status, ended.error) == (
        4,
        "The disk: No space left on device; choose another place or make room.",
    )
