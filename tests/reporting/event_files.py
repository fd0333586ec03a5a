"""Reads TensorBoard's event files, every checksum held to."""

import importlib
import struct
from pathlib import Path
from typing import Any


def records(file: Path) -> list[Any]:
    """Returns the events of a file."""
    checksum = importlib.import_module("tensorboardX.record_writer").masked_crc32c
    parsed = importlib.import_module("tensorboardX.proto.event_pb2").Event.FromString
    data, events = file.read_bytes(), []
    while data:
        (length,) = struct.unpack_from("<Q", data)
        assert struct.unpack_from("<I", data, 8) == (checksum(data[:8]),)
        content, (sum_of_it,) = data[12 : 12 + length], struct.unpack_from("<I", data, 12 + length)
        assert sum_of_it == checksum(content)
        events.append(parsed(content))
        data = data[16 + length :]
    return events


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Returns what the files of a folder hold, step and value by the tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for event in records(file):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found
