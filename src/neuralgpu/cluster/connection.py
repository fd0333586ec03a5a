"""A cluster of Ray: one on this machine that ends with the process, or a user's. Nothing else speaks with Ray."""

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuralgpu.cluster.board import Board, Report
from neuralgpu.cluster.job import Outcome, gpu_memory
from neuralgpu.cluster.packing import Machine
from neuralgpu.devices import cores
from neuralgpu.errors import UserError, shown

_SECONDS_TO_ANSWER = 120.0
"""That a machine has to start a worker which imports this package."""
_SECONDS_WITHOUT_HEAD = 15.0
"""After which the cluster counts as lost; Ray would end this process after a minute, without a word to the user."""
_OBJECT_STORE_BYTES = 80_000_000
"""Ray's least; nothing but reports goes through it."""
_RETRIES_WITHOUT_MEMORY = "RAY_task_oom_retries"
_RETRIED = (OSError, RuntimeError)
"""What a worker raises when its machine, disk or device fails; JAX's own errors are among them."""


class LostError(Exception):
    """The cluster's head no longer answers."""


class Connection:
    """What a sweep asks of Ray."""

    def __init__(self) -> None:
        """To be made once Ray is connected."""
        import ray
        from ray import exceptions

        self._ray, self._errors = ray, exceptions
        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        self._head = (host, int(port))
        self._heard = time.monotonic()

    def machines(self) -> list[Machine]:
        """Returns the machines that are there now, without the memory of their GPUs."""
        return [_machine(node) for node in self._nodes()]

    def surveyed_machines(self) -> list[Machine]:
        """Returns the machines with the memory of their GPUs, which each is asked for.

        Raises:
            UserError: one does not answer, or has not this package.
        """
        nodes = self._nodes()
        with_gpus = [node for node in nodes if node["Resources"].get("GPU")]
        memories = dict(
            zip((node["NodeID"] for node in with_gpus), self._called_on(with_gpus, gpu_memory), strict=True)
        )
        return [_machine(node, min(memories.get(node["NodeID"], []), default=0)) for node in nodes]

    def on_every_machine(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Calls a function on every machine and returns what it returned there.

        Raises:
            UserError: a machine does not answer, or the function cannot be called there.
        """
        return self._called_on(self._nodes(), function, *arguments)

    def board(self) -> Any:
        """Starts the board that workers report to, and starts it again where it dies."""
        return self._ray.remote(num_cpus=0, max_restarts=-1)(Board).remote()

    def reports(self, board: Any) -> dict[str, Report]:
        """Returns what is on the board; nothing while it is not there."""
        try:
            return self._ray.get(board.reports.remote(), timeout=2)
        except self._errors.RayError:
            return {}

    def submit(
        self,
        function: Callable[..., Outcome],
        arguments: Sequence[Any],
        name: str,
        *,
        cpus: int,
        gpus: int,
        memory: int,
        retries: int,
    ) -> Any:
        """Lets a function be called in a process of its own, as soon as a machine has room for it."""
        options: dict[str, Any] = {
            "num_cpus": cpus,
            "num_gpus": gpus,
            "memory": memory,
            "max_calls": 1,
            "max_retries": retries,
            "retry_exceptions": list(_RETRIED),
        }
        return self._ray.remote(**options)(function).options(name=name).remote(*arguments)

    def ended(self, tasks: Iterable[Any], seconds: float) -> list[Any]:
        """Waits a while for tasks to end and returns those that have."""
        waiting = list(tasks)
        if not waiting:
            time.sleep(seconds)
            return []
        return self._ray.wait(waiting, num_returns=len(waiting), timeout=seconds)[0]

    def outcome(self, task: Any) -> Outcome | None:
        """Returns how a task ended; None where its machine was out of memory."""
        errors = self._errors
        try:
            return self._ray.get(task)
        except errors.OutOfMemoryError:
            return None
        except errors.TaskCancelledError:
            return Outcome("stopped")
        except errors.RayError as error:
            return Outcome("failed", _reason(error))

    def cancel(self, tasks: Iterable[Any]) -> None:
        """Lets tasks that run save and end, and the others not begin."""
        for task in tasks:
            self._ray.cancel(task)

    def answers(self) -> bool:
        """Says whether the head is there; while it is not, other questions would wait for it.

        Raises:
            LostError: it has not been there for a while.
        """
        try:
            socket.create_connection(self._head, timeout=2).close()
        except OSError:
            if time.monotonic() > self._heard + _SECONDS_WITHOUT_HEAD:
                raise LostError from None
            return False
        self._heard = time.monotonic()
        return True

    def _called_on(self, nodes: list[dict[str, Any]], function: Callable[..., Any], *arguments: Any) -> list[Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        remote = self._ray.remote(function)
        tasks = {
            node["NodeManagerAddress"]: remote.options(
                num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(*arguments)
            for node in nodes
        }
        found = []
        until = time.monotonic() + _SECONDS_TO_ANSWER
        for host, task in tasks.items():
            try:
                found.append(self._ray.get(task, timeout=max(1.0, until - time.monotonic())))
            except self._errors.RayError as error:
                raise UserError(
                    f"The machine {host} cannot work for the sweep: {_reason(error)}; it needs this version of "
                    "neuralgpu with its extra 'cluster', in the environment that Ray was started in."
                ) from error
        return found

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self._ray.nodes() if node["Alive"]]


@contextmanager
def connected(address: str | None) -> Iterator[Connection]:
    """Connects to a cluster, or starts one on this machine that ends with the context."""
    # A job that ran out of memory is begun anew with another request, which Ray alone would not do.
    os.environ[_RETRIES_WITHOUT_MEMORY] = "0"
    if address is not None:
        token = Path.home() / ".ray" / "auth_token"
        if "RAY_AUTH_MODE" not in os.environ and token.exists():
            os.environ["RAY_AUTH_MODE"] = "token"  # as 'ray start' does where there is one
    else:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is not None:
        ray.init(address=address, **quiet)
    else:
        ray.init(
            address="local",
            num_cpus=cores(),
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            **quiet,
        )
    try:
        yield Connection()
    finally:
        ray.shutdown()


def check_address(address: str) -> None:
    """Looks whether anybody listens at an address: Ray itself would go on trying for many minutes.

    Raises:
        UserError: it is no address, or nobody does.
    """
    found = re.fullmatch(r"([^:/\s]+):(\d{1,5})", address)
    if found is None:
        raise UserError(
            f"--address takes HOST:PORT, as 'ray start --head' prints it for other nodes, got {shown(address)}."
        )
    try:
        socket.create_connection((found[1], int(found[2])), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"No cluster answers at {address} ({error}); start one with 'ray start --head', or leave --address out."
        ) from error


def _machine(node: dict[str, Any], gpu_memory: int = 0) -> Machine:
    has = node["Resources"]
    name = node.get("NodeManagerHostname") or node["NodeManagerAddress"]
    return Machine(name, int(has.get("CPU", 0)), int(has.get("GPU", 0)), int(has.get("memory", 0)), gpu_memory)


def _reason(error: Exception) -> str:
    """Says in a line why a task failed."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):
        return f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else 'no message'}"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else 'no message'}"
