"""The folder of a judgement: what was judged and how, beside the rows of what was found."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from neuralgpu.disk import replace_file
from neuralgpu.errors import DamagedRunError, StorageError, UserError

RECORD_FILE = "judgement.json"
ROWS_FILE = "rows.jsonl"
"""Result rows."""
THRESHOLDS_FILE = "thresholds.jsonl"
"""Threshold rows."""
ZEROS_FILE = "leading_zeros.jsonl"
"""A line for each that answered: the pairs of single digits behind zeros, and which were right (Table 3)."""
COUNTEREXAMPLES_FILE = "counterexamples.jsonl"
"""Inputs that were answered wrongly, smallest first; a file for the suite file:PATH."""

Kind = Literal["run", "python", "cmd", "openai"]


@dataclass(frozen=True, kw_only=True)
class JudgementRecord:
    """What was judged, and how."""

    model: str
    """Name of the run, or how the model was asked for."""
    kind: Kind
    task: str
    operation: str
    """What the task computes, in a word, such as 'addition'."""
    sign: str | None
    """Operator between two numbers; None for other tasks."""
    base: int
    layout: str
    command: str
    """How the judgement was asked for."""
    test_seed: int
    """Decides the inputs."""
    started: float
    """Unix time."""
    seconds: float
    """Time it took."""
    versions: dict[str, str]
    device: str | None
    """None for other models, of which it is not known."""
    cores: int
    trained_to: int | None
    """Length of the longest training inputs; None where it is not known."""
    trained_with: str | None
    """The command that trained it; None where it is not known."""
    trained_on: str | None
    """Device and cores of the training; None where it is not known."""
    trained_seconds: float | None
    """Time of the training; None where it is not known."""
    trained_seeds: list[int]
    """Seeds of a run; empty for other models."""
    step: int | None
    """Training step of the checkpoint; None for other models."""
    averaged: int | None
    """Number of seeds that answered together; None where each answered by itself."""
    seeds: list[int | None]
    """Who answered."""
    diverged: dict[str, int]
    """Seeds whose training had diverged, with the step of it."""
    unanswered: dict[str, int]
    """Inputs to which no answer could be had, counted by reason; they count as wrong."""
    asked: int
    """Number of inputs asked for the rows and thresholds."""
    spent: dict[str, int]
    """Requests and tokens of a chat model; empty for other models."""
    ended: str | None
    """Why not everything was asked, such as 'the budget of 5 requests is spent'; None where everything was."""

    def write(self, folder: Path) -> None:
        """Writes the record into a judgement's folder.

        Raises:
            StorageError: the disk refused.
        """
        path = folder / RECORD_FILE
        try:
            replace_file(path, (json.dumps(asdict(self), indent=1) + "\n").encode())
        except OSError as error:
            raise StorageError(f"Cannot write to {path}: {error.strerror}; make room, then try again.") from error


def read_judgement_record(folder: Path) -> JudgementRecord:
    """Reads the record of a judgement's folder.

    Raises:
        UserError: the folder is no judgement's.
        DamagedRunError: the record cannot be read.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no judgement: there is no {RECORD_FILE}. Make one with 'neuralgpu judge'.")
    try:
        known: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedRunError(f"{path} cannot be read; judge again with --force.") from error
    if not isinstance(known, dict) or set(known) != {field.name for field in fields(JudgementRecord)}:
        raise DamagedRunError(f"{path} is not the record of a judgement; judge again with --force.")
    return JudgementRecord(**known)
