"""neuralgpu demo."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralgpu.cli.arguments import SeedOption, StepsOption

if TYPE_CHECKING:
    from rich.console import Console


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Run directory.")] = Path("runs/demo"),
    seed: SeedOption = 0,
    steps: StepsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Train again though the run is there already.")] = False,
) -> None:
    """Learn binary addition from short sums, then find out whether it was learned.

    A run that is there already is finished if need be and judged again.
    """
    from rich.console import Console

    from neuralgpu.choice import chosen_config
    from neuralgpu.cli.evaluate import examined
    from neuralgpu.cli.interrupts import stop_on_signal
    from neuralgpu.cli.running import begin_run, resume_run
    from neuralgpu.cli.train import DEFAULT_PRESET
    from neuralgpu.evaluation.questions import questions
    from neuralgpu.reporting.report import write_report
    from neuralgpu.reporting.tables import results_table
    from neuralgpu.run_directory import RunDirectory
    from neuralgpu.tasks import find_task

    with stop_on_signal(lambda: "Stopped before anything was written.") as stop:
        if RunDirectory(out).config_file.exists() and not force:
            typer.echo(f"Going on with {out}; --force starts anew.", err=True)
            directory, ended = resume_run(out, stop)
        else:
            config = chosen_config("badd", DEFAULT_PRESET, {}, [], (seed,), steps)
            directory, ended = begin_run(out, config, stop, force=force)
    if ended:
        raise typer.Exit(ended)
    task = find_task(directory.config().task)
    rows = examined(directory, task, questions(task, None, None, 256))
    console = Console()
    console.print(results_table(rows))
    _show_sums(directory.examples_file, console)
    written = write_report(directory.path)
    console.print(f"\nReport: {written}", soft_wrap=True, highlight=False)
    console.print("Try next:", highlight=False)
    for command in (
        f"neuralgpu solve {out} 1111111111111111+1",
        f"neuralgpu evaluate {out} --suite carry --size 600 --count 32",
        f"neuralgpu evaluate {out} --length 1601 --count 16",
        "neuralgpu train bmul --out runs/bmul",
    ):
        console.print(f"  .venv/bin/{command}", soft_wrap=True, highlight=False)
    _show_shipped(console)


def _show_shipped(console: "Console") -> None:
    """Says what the models can do that come with the package."""
    from neuralgpu.reporting.judgement import read_judgement
    from neuralgpu.reporting.judgement_verdict import reach_judgement
    from neuralgpu.shipped import find_shipped, shipped_names

    console.print("\nModels that come with neuralgpu, and how far they were judged:", highlight=False)
    for name in shipped_names():
        verdict = reach_judgement(read_judgement(find_shipped(name).judgement)).text
        console.print(f"  {name}: {verdict}", soft_wrap=True, highlight=False, markup=False)
    console.print("  .venv/bin/neuralgpu models", highlight=False)


def _show_sums(examples_file: Path, console: "Console") -> None:
    """Prints three answers: wrong ones first where there are any, their wrong digits underlined."""
    from neuralgpu.cli.sums import print_compared
    from neuralgpu.reporting.digits import compare, elide_operands, first_to_show
    from neuralgpu.rows import read_lines

    for example in first_to_show(read_lines(examples_file), limit=3):
        compared = compare(example["target"], example["output"])
        verdict = f"wrong in {compared.wrong} of {compared.digits} digits" if compared.wrong else "right"
        console.print(
            f"\n{elide_operands(example['input'])}   ({example['length']} symbols: {verdict})", highlight=False
        )
        print_compared(console, compared)
