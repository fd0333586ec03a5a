"""The process beside `neuralgpu sweep` that speaks with Ray: hands over jobs, follows them, tries them again.

It is a process of its own because Ray prints to the terminal and ends a process that has lost its cluster. It writes
lines of JSON to its standard output and reads others from its standard input:

    {"machines": [...]}                      it writes once it is connected: what there is to pack jobs for
    {"out", "token", "retries", "jobs"}      it reads next
    {"job", "state", ...}                    it writes whenever the standing of a job changes
    {"notice": ...}                          it writes what a user should know, "" once that is over
    {"stop": true}                           it reads, or its input ends: running jobs save and end
    {"refused": ...}                         it writes where it cannot do that, and why
    {"end": ...}                             it writes last: "" where all jobs have ended, else why they have not
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from neuralgpu.cluster.board import Report
from neuralgpu.cluster.connection import Connection, LostError, connected
from neuralgpu.cluster.job import Outcome, survey, work
from neuralgpu.cluster.packing import Job, fits, job_of, lacking
from neuralgpu.errors import UserError

STOPPED = "stopped"
"""Why jobs have not ended, where the user stopped them."""
_SECONDS_TO_SAVE = 60.0
"""That running jobs have when they are asked to stop."""
_SECONDS_BETWEEN_LOOKS = 1.0
"""At the cluster."""
_TIMES_SMALLER = 4
"""How often a job is begun anew with half as many seeds at once and twice the memory."""
_SECONDS_OUT_OF_MEMORY = 10.0
"""Before it is begun anew; twice as many each time after that: what uses the memory may be somebody else's."""

Say = Callable[[dict[str, Any]], None]


class Driver:
    """The jobs of a sweep, on a cluster."""

    def __init__(self, connection: Connection, order: dict[str, Any], say: Say) -> None:
        """Begins nothing yet; `order` is what the driver is told to do."""
        self._connection, self._say = connection, say
        self._out, self._token, self._retries = order["out"], order["token"], order["retries"]
        self._records = {record["name"]: record for record in order["jobs"]}
        self._jobs = {name: job_of(record) for name, record in self._records.items()}
        """With what they ask for now."""
        self._smaller = dict.fromkeys(self._jobs, 0)
        """How often that was changed because memory ran out."""
        self._pending: dict[Any, str] = {}
        self._later: dict[str, float] = {}
        """Jobs that are begun anew at some time."""
        self._told: dict[str, Report] = {}
        self._notice = ""

    def run(self, stop_told: Callable[[], bool]) -> str:
        """Brings all jobs to an end, or stops them when told to; returns why not all have ended, "" if they have.

        Raises:
            UserError: a machine cannot work for the sweep.
            LostError: the cluster no longer answers.
        """
        for refusal in self._connection.on_every_machine(survey, self._out, self._token):
            if refusal:
                raise UserError(refusal)
        self._board = self._connection.board()
        for name in self._jobs:
            self._submit(name)
        reason, until, look = "", float("inf"), time.monotonic()
        while (self._pending or self._later) and time.monotonic() < until:
            for name in [name for name, due in self._later.items() if due < time.monotonic()]:
                del self._later[name]
                self._submit(name)
            for task in self._connection.ended(self._pending, seconds=0.5):
                found = self._end(self._pending.pop(task), self._connection.outcome(task), stopping=bool(reason))
                reason = reason or found
            reason = reason or (STOPPED if stop_told() else "")
            if reason and until == float("inf"):
                until = time.monotonic() + _SECONDS_TO_SAVE
                self._later.clear()
                self._connection.cancel(self._pending)
            if time.monotonic() > look:
                look = time.monotonic() + _SECONDS_BETWEEN_LOOKS
                if self._connection.answers():
                    self._look()
                    self._tell_reports()
        return reason

    def _submit(self, name: str) -> None:
        job = self._jobs[name]
        arguments = (self._out, self._token, self._records[name], job.cpus, self._board)
        task = self._connection.submit(
            _worker, arguments, name, cpus=job.cpus, gpus=job.gpus, memory=job.memory, retries=self._retries
        )
        self._pending[task] = name

    def _end(self, name: str, outcome: Outcome | None, *, stopping: bool) -> str:
        """Takes note of how a task ended; returns why everything has to stop, if it has to."""
        job = self._jobs[name]
        if outcome is None and self._smaller[name] < _TIMES_SMALLER and not stopping:
            self._later[name] = time.monotonic() + _SECONDS_OUT_OF_MEMORY * 2 ** self._smaller[name]
            self._smaller[name] += 1
            self._jobs[name] = replace(job, cpus=max(1, job.cpus // 2), memory=self._more(job))
            self._told.pop(name, None)
            self._say({"job": name, "state": "waiting"})
            return ""
        if outcome is None:
            outcome = Outcome(
                "failed",
                f"its machine ran out of memory {self._smaller[name] + 1} times, in the end with {job.cpus} of its "
                "seeds at once; take a smaller model or batch, or larger machines.",
            )
        self._told.pop(name, None)
        unseen = outcome.state == "unseen"
        told = {"state": "stopped"} if unseen else asdict(outcome)
        self._say({"job": name, **told})
        return outcome.error if unseen else ""

    def _more(self, job: Job) -> int:
        """Returns twice the memory that a job asks for, or all that the largest machine has."""
        rooms = [machine.memory for machine in self._connection.machines() if machine.gpus >= job.gpus]
        return max(job.memory, min(2 * job.memory, max(rooms, default=0)))

    def _tell_reports(self) -> None:
        running = set(self._pending.values())
        for name, report in self._connection.reports(self._board).items():
            if name in running and report != self._told.get(name):
                self._told[name] = report
                self._say({"job": name, **report})

    def _look(self) -> None:
        """Looks whether every job that waits has a machine that could run it."""
        machines = self._connection.machines()
        waiting = (self._jobs[name] for name in self._pending.values())
        stuck = next((job for job in waiting if not any(fits(job, machine) for machine in machines)), None)
        notice = f"{lacking(stuck, machines)}; it waits until there is one." if stuck else ""
        if notice != self._notice:
            self._notice = notice
            self._say({"notice": notice})


def _worker(out: str, token: str, record: dict[str, Any], cpus: int, board: Any) -> Outcome:
    """Runs in a worker process of Ray."""
    name = record["name"]
    return work(out, token, record, cpus, lambda report: board.report.remote(name, report))


def main(address: str | None) -> None:
    """Drives the sweep that standard input tells of; standard output says how it goes."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Ray prints goes where its log goes

    def say(message: dict[str, Any]) -> None:
        output.write(json.dumps(message) + "\n")
        output.flush()

    told: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(told,), daemon=True).start()
    try:
        with connected(address) as connection:
            say({"machines": [asdict(machine) for machine in connection.surveyed_machines()]})
            order = told.get()
            reason = Driver(connection, order, say).run(lambda: not told.empty()) if "jobs" in order else STOPPED
        say({"end": reason})
    except UserError as error:
        say({"refused": str(error)})
    except LostError:
        say({"end": "The cluster's head no longer answers."})
        # Ray would wait for it here.
        os._exit(1)


def _listen(told: "queue.Queue[dict[str, Any]]") -> None:
    for line in sys.stdin:
        told.put(json.loads(line))
    told.put({"stop": True})


if __name__ == "__main__":
    # The module that workers import by name, in place of the one that Python runs as a program.
    from neuralgpu.cluster import driver

    driver.main(sys.argv[1] if len(sys.argv) > 1 else None)
