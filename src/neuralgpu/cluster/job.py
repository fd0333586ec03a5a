"""What a worker does: trains a job from wherever it stands, judges it, and marks it as finished."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralgpu import __version__, devices
from neuralgpu.cluster.board import Report, Reporter
from neuralgpu.cluster.directory import SweepDirectory
from neuralgpu.cluster.packing import Job, job_of
from neuralgpu.config import RunConfig
from neuralgpu.errors import BusyRunError, DamagedRunError, UserError
from neuralgpu.evaluation.questions import Question
from neuralgpu.model.memory import Auto, parse_memory
from neuralgpu.rows import append_lines, append_rows, read_lines, replace_lines
from neuralgpu.run_directory import RunDirectory, create_run, open_run
from neuralgpu.run_lock import locked
from neuralgpu.tasks import add_tasks

if TYPE_CHECKING:
    from neuralgpu.training.standing import Progress

_LOOKS_FILE = "looks.jsonl"
"""Rows of the looks on the way, until they become part of the results."""
_PATIENCE = 120.0
"""Seconds in which a worker that was given up, on a machine that does not answer, lets go of its run."""


@dataclass(frozen=True)
class Outcome:
    """How a worker's work on a job ended."""

    state: str
    """'done', 'stopped', 'failed', or 'unseen': the machine has not the sweep's directory."""
    error: str = ""


def survey(out: str, token: str) -> str:
    """Says why this machine cannot work for a sweep; "" if it can."""
    host = socket.gethostname()
    try:
        plan = SweepDirectory(Path(out)).plan
    except (UserError, DamagedRunError):
        return f"{host} does not see {out}; put --out on a file system that all machines share."
    if plan["token"] != token:
        return f"On {host}, {out} is another directory; put --out on a file system that all machines share."
    if plan["version"] != __version__:
        return f"{host} has neuralgpu {__version__}, the sweep began with {plan['version']}; install the same."
    return ""


def gpu_memory() -> list[int]:
    """Returns the bytes of each of this machine's GPUs; none where their driver cannot be asked."""
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout.split()
        return [int(mebibytes) * 2**20 for mebibytes in listed]
    except (OSError, ValueError, subprocess.SubprocessError):
        return []


def work(out: str, token: str, record: dict[str, Any], cpus: int, send: Callable[[Report], None]) -> Outcome:
    """Brings a job to its end from wherever it stands; to be called in a process of its own.

    Args:
        out: the sweep's directory.
        token: what the sweep's directory says of itself.
        record: the job as plain values.
        cpus: number of cores to train on.
        send: takes reports.
    """
    refusal = survey(out, token)
    if refusal:
        return Outcome("unseen", refusal)
    with _stop_on_cancel() as stop:
        directory = SweepDirectory(Path(out))
        try:
            for file in directory.task_files():
                add_tasks(file)
            return bring_to_end(directory, job_of(record), cpus, send, stop.is_set)
        except UserError as error:
            return Outcome("failed", str(error))


def bring_to_end(
    directory: SweepDirectory, job: Job, cpus: int, send: Callable[[Report], None], stop: Callable[[], bool]
) -> Outcome:
    """Brings a job to its end from wherever it stands, in this process.

    Args:
        directory: the sweep's.
        job: what is to be done.
        cpus: number of cores to train on; counts where JAX has not started yet.
        send: takes reports.
        stop: says whether to save and end.
    """
    try:
        host = socket.gethostname()
        attempt = directory.log_attempt(
            job.name, {"host": host, "pid": os.getpid(), "time": round(time.time(), 3), "cpus": cpus}
        )
        reporter = Reporter(send, {"host": host, "attempt": attempt})
        reporter.tell("training", 0, job.config.steps)
        with _held(directory.run(job.name).path):
            return _work(directory, job, cpus, reporter, stop)
    except UserError as error:
        return Outcome("failed", str(error))


def _work(directory: SweepDirectory, job: Job, cpus: int, reporter: Reporter, stop: Callable[[], bool]) -> Outcome:
    if directory.finished_rows(job.name) is not None:
        return Outcome("done")
    devices.configure(cpus)
    _check_platform(job)
    run = _train(directory.run(job.name), job, reporter, stop)
    if run is None:
        return Outcome("stopped")
    # Rows of an attempt that did not come to its end.
    run.results_file.unlink(missing_ok=True)
    run.examples_file.unlink(missing_ok=True)
    append_lines(run.results_file, read_lines(run.path / _LOOKS_FILE))
    if not _judge(run, job, reporter, stop):
        return Outcome("stopped")
    directory.finish(job.name)
    return Outcome("done")


def _train(run: RunDirectory, job: Job, reporter: Reporter, stop: Callable[[], bool]) -> RunDirectory | None:
    """Trains to the last step and returns the run; None where it was stopped before, and saved."""
    from neuralgpu.checkpoint import load_latest
    from neuralgpu.training.compilation import Compiler
    from neuralgpu.training.loop import Trainer
    from neuralgpu.training.run_events import finish_event, start_event

    resumed = None
    if run.begun:
        run = open_run(run.path)
        _check_same(run, job.config)
        resumed, _ = load_latest(run.checkpoints)
    else:
        run = create_run(run.path, _settled(job.config), force=True)
    compiler = Compiler()
    trainer = Trainer(run, run.config(), resumed, compiler)
    _forget_looks_after(run, trainer.step)
    if trainer.step >= trainer.last_step:
        return run
    if resumed is None:
        run.append_event("start", 0, **start_event(run.config(), "neuralgpu sweep"))
    else:
        run.append_event("resume", trainer.step)

    def watch(progress: "Progress") -> None:
        reporter.tell("training", progress.step, progress.last_step)

    def pause() -> bool:
        return stop() or _look_due(job, trainer.step)

    while True:
        if _look_due(job, trainer.step):
            _look(run, job, trainer.step)
        if trainer.train(watch, pause):
            break
        if stop():
            run.append_event("interrupt", trainer.step)
            return None
        trainer = Trainer(run, run.config(), load_latest(run.checkpoints)[0], compiler)
    run.append_event("finish", trainer.step, **finish_event(trainer))
    return run


def _look_due(job: Job, step: int) -> bool:
    return job.every > 0 and step > 0 and step % job.every == 0


def _look(run: RunDirectory, job: Job, step: int) -> None:
    """Asks a run that is still to be trained some random inputs of every length; the rows are kept apart."""
    from neuralgpu.evaluation.judging import looked

    if any(row["step"] == step for row in read_lines(run.path / _LOOKS_FILE)):
        return
    asked = [
        replace(question, count=min(question.count, job.every_count))
        for question in job.questions
        if question.suite.name == "random"
    ]
    append_rows(run.path / _LOOKS_FILE, looked(run, job.task, asked, job.judging_seed))


def _forget_looks_after(run: RunDirectory, step: int) -> None:
    """Removes what was seen at steps that a resumed run makes again."""
    file = run.path / _LOOKS_FILE
    if file.exists():
        replace_lines(file, [row for row in read_lines(file) if row["step"] <= step])


def _judge(run: RunDirectory, job: Job, reporter: Reporter, stop: Callable[[], bool]) -> bool:
    """Asks the run all of the job's questions; returns whether it was not stopped before the last one."""
    from neuralgpu.evaluation.judging import judged

    total = sum(question.count for question in job.questions)

    def watch(done: int, question: Question) -> None:
        reporter.tell("evaluating", done, total)

    asked = judged(run, job.task, job.questions, job.judging_seed, watch, warn=lambda text: None)
    return all(not stop() for _ in asked)


def _check_platform(job: Job) -> None:
    """Keeps a job off GPUs that it was not given, and refuses to train on a CPU in the place of one that it was.

    Raises:
        UserError: JAX has no GPU.
    """
    import jax

    if not job.gpus:
        jax.config.update("jax_platforms", "cpu")
    elif jax.default_backend() == "cpu":
        raise UserError(
            f"{socket.gethostname()} gave the job a GPU, but JAX there has none; install neuralgpu[cuda], or set "
            "job.gpus = 0."
        )


def _check_same(run: RunDirectory, config: RunConfig) -> None:
    """Refuses to go on with a run of other settings; those that fit it into memory may have changed on the way."""
    found = run.config()
    fitting = {"memory": found.memory, "microbatch": found.microbatch, "group": found.group}
    if replace(config, **fitting) != found:
        raise DamagedRunError(f"{run.config_file} is not what the sweep planned; remove {run.path} to train it anew.")


def _settled(config: RunConfig) -> RunConfig:
    wanted = parse_memory(config.memory)
    if not isinstance(wanted, Auto):
        return config
    from neuralgpu.training.memory import settled

    return settled(config, wanted.budget).config


@contextmanager
def _held(run: Path) -> Iterator[None]:
    """Holds a run, after another worker that has been given up has let go of it.

    Raises:
        BusyRunError: it does not.
    """
    until = time.monotonic() + _PATIENCE
    stack = ExitStack()
    while True:
        try:
            stack.enter_context(locked(run))
            break
        except BusyRunError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
    with stack:
        yield


@contextmanager
def _stop_on_cancel() -> Iterator[threading.Event]:
    """Turns Ray's cancelling of a task, an interrupt in the main thread, into a request to stop."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
