"""How a sweep stands: every job's state, and the time that is left."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neuralgpu.cluster.packing import Job

State = Literal["waiting", "training", "evaluating", "done", "failed", "stopped"]


@dataclass
class JobStanding:
    """How a job stands."""

    name: str
    work: float
    """Operations of its training."""
    state: State = "waiting"
    step: int = 0
    """Steps made, or inputs answered while it is evaluated."""
    steps: int = 0
    """How many there will be."""
    host: str = ""
    attempt: int = 0
    """Number of workers that have worked on it."""
    error: str = ""

    @property
    def share(self) -> float:
        """Share of its training that is made."""
        if self.state == "training":
            return self.step / max(1, self.steps)
        return float(self.state in ("evaluating", "done"))


class Standing:
    """How all the jobs of a sweep stand."""

    def __init__(self, jobs: Iterable[Job], done: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with the jobs that are finished already."""
        self.jobs = {job.name: JobStanding(job.name, job.operations) for job in jobs}
        for name in done:
            self.jobs[name].state = "done"
        self.notice = ""
        self._clock = clock
        self._begun: tuple[float, float] | None = None
        """Time and work when the first job had begun: what is before is no measure of the rate."""

    def update(self, message: Mapping[str, Any]) -> JobStanding | None:
        """Takes over what the driver says; returns the job whose state is another one now, if one's is."""
        if "notice" in message:
            self.notice = message["notice"]
        job = self.jobs.get(message.get("job", ""))
        if job is None:
            return None
        before = job.state, job.attempt
        for name in ("state", "step", "steps", "host", "attempt", "error"):
            if name in message:
                setattr(job, name, message[name])
        if self._begun is None and job.share > 0:
            self._begun = self._clock(), self._made
        return job if (job.state, job.attempt) != before else None

    def count(self) -> Counter[State]:
        """Returns the number of jobs in each state."""
        return Counter(job.state for job in self.jobs.values())

    def failed(self) -> list[JobStanding]:
        """Returns the jobs that failed for good."""
        return [job for job in self.jobs.values() if job.state == "failed"]

    @property
    def seconds_left(self) -> float | None:
        """Time until all jobs are trained at the rate so far; None while that is not known."""
        if self._begun is None:
            return None
        begun, before = self._begun
        made, passed = self._made - before, self._clock() - begun
        left = sum(job.work * (1 - job.share) for job in self.jobs.values() if job.state != "failed")
        return left * passed / made if made > 0 and passed > 0 else None

    @property
    def _made(self) -> float:
        return sum(job.work * job.share for job in self.jobs.values())
