"""neuralgpu watch."""

import time
from typing import Annotated

import typer

from neuralgpu.cli.arguments import RunArgument

_SECONDS_BETWEEN_LOOKS = 0.5


def watch(
    run: RunArgument,
    once: Annotated[bool, typer.Option("--once", help="Show how the run stands now, and leave.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object a change, on standard output.")
    ] = False,
) -> None:
    """Follow a run that another process trains, until it has ended.

    A run tells of itself at the ends of epochs. When nobody trains it any more, this says how to go on, and waits for
    that; Ctrl-C leaves.
    """
    from neuralgpu.cli.watch_display import display
    from neuralgpu.run_state import StateFollower

    follower = StateFollower(run)
    with display(as_json=as_json, once=once) as show:
        while True:
            state, lines = follower.look()
            show(state, lines)
            if once or state.ended:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)
