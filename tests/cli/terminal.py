"""Commands on a terminal of their own."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from .conftest import ENVIRONMENT, PROGRAM


def on_a_terminal(columns: int, *arguments: object) -> list[str]:
    """Returns the lines that a command, which has to succeed, writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**ENVIRONMENT, "TERM": "xterm-256color"}
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    with subprocess.Popen([*PROGRAM, *map(str, arguments)], stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # what Linux says when the other side is closed
                break
            if not read:
                break
            written += read
        assert process.wait() == 0
    os.close(ours)
    return written.decode().splitlines()


def plain(line: str) -> str:
    """Returns what is seen of a line."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)
