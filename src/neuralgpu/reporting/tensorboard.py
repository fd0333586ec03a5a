"""A run's events as TensorBoard reads them: `tensorboard --logdir RUN/tensorboard`.

events.jsonl is the truth: what is written here follows it, and is written anew from it when a run is resumed. So no
point is missing or there twice, wherever a run was stopped.
"""

import importlib
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from neuralgpu.errors import StorageError, UserError
from neuralgpu.log_follower import LogFollower
from neuralgpu.run_directory import RunDirectory
from neuralgpu.run_history import check_event

SCALARS = ("loss", "sequence_error", "length", "learning_rate", "padding_waste", "steps_per_second")
"""What is drawn of an epoch of a seed."""


class TensorBoard:
    """Writes what a run's event log holds: a folder a seed, and the settings as a text."""

    def __init__(self, run: RunDirectory) -> None:
        """Writes nothing yet.

        Raises:
            UserError: tensorboardX is not installed.
        """
        check_installed()
        self._run = run
        self._log = LogFollower(run.events_file)
        self._name = ""

    def __call__(self) -> None:
        """Writes what has come to the log since the last call, or all of it where its end was forgotten meanwhile.

        Raises:
            DamagedRunError: the log cannot be read.
            StorageError: the disk refused.
        """
        lines = self._log.read()
        try:
            if lines.anew:
                self._begin()
            for event in lines.records:
                check_event(event, self._run.events_file)
                if event["event"] == "progress":
                    self._write(f"seed-{event['seed']}", [_scalars(event)])
        except OSError as error:
            raise StorageError(f"Cannot write to {self._run.tensorboard}: {error.strerror}; make room.") from error

    def _begin(self) -> None:
        """Begins files of a new name, which a TensorBoard that reads goes on to; from one that is gone it would not."""
        for old in self._run.tensorboard.glob("**/events.out.tfevents.*"):
            if old.stat().st_size:
                os.truncate(old, 0)
            else:
                old.unlink()
        self._name = f"events.out.tfevents.{time.time_ns()}.neuralgpu"
        settings = self._run.config_file.read_text(encoding="utf-8")
        self._write(".", [_text("config.toml", f"```\n{settings}```")])

    def _write(self, folder: str, events: Iterable[Any]) -> None:
        path = self._run.tensorboard / folder / self._name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if not file.tell():
                events = [*_opening(), *events]
            file.writelines(_framed(event.SerializeToString()) for event in events)


def check_installed() -> None:
    """Refuses to go on without tensorboardX.

    Raises:
        UserError: it is not installed; the message says how it is.
    """
    try:
        importlib.import_module("tensorboardX")
    except ImportError as error:
        raise UserError(
            "tensorboardX, which writes TensorBoard's files, is not installed; install it with: "
            'pip install ".[tensorboard]".'
        ) from error


def _part(name: str) -> Any:
    """Returns a module of tensorboardX, an extra that everything else does without."""
    return importlib.import_module(f"tensorboardX.{name}")


def _opening() -> Iterator[Any]:
    """Yields what a file begins with; the second event makes a TensorBoard forget what other files told."""
    made, now = _part("proto.event_pb2"), time.time()
    yield made.Event(wall_time=now, file_version="brain.Event:2")
    yield made.Event(wall_time=now, step=0, session_log=made.SessionLog(status=made.SessionLog.START))


def _scalars(event: Mapping[str, Any]) -> Any:
    """Returns an epoch's numbers; those of other tasks that it had inputs of have the task's name behind them."""
    numbers = {name: event[name] for name in SCALARS if event.get(name) is not None}
    for task, others in event.get("others", {}).items():
        numbers |= {f"{name}/{task}": number for name, number in others.items()}
    summary = _part("proto.summary_pb2").Summary
    values = [summary.Value(tag=name, simple_value=float(number)) for name, number in numbers.items()]
    return _part("proto.event_pb2").Event(wall_time=event["time"], step=event["step"], summary=summary(value=values))


def _text(name: str, text: str) -> Any:
    summary = _part("summary").text(name, text)
    return _part("proto.event_pb2").Event(wall_time=time.time(), step=0, summary=summary)


def _framed(data: bytes) -> bytes:
    """Returns a record of a TFRecord file: length, its checksum, data, its checksum."""
    checksum, length = _part("record_writer").masked_crc32c, struct.pack("<Q", len(data))
    return length + struct.pack("<I", checksum(length)) + data + struct.pack("<I", checksum(data))
