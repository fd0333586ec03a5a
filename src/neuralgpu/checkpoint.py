"""Checkpoints: safetensors and JSON under a manifest of sizes and SHA-256, renamed into place.

None of the libraries that read these formats notices a flipped bit in a payload; the manifest does.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import PyTree

from neuralgpu.errors import DamagedRunError
from neuralgpu.room import refusal

_ARRAYS, _STATE, _MANIFEST = "arrays.safetensors", "state.json", "manifest.json"
_KEPT = 2
Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Checkpoint:
    """A verified state of a run."""

    step: int
    arrays: Mapping[str, np.ndarray]
    """Parameters under "model...", the optimiser's state under "moments..."; seeds along the leading axis."""
    state: Mapping[str, Any]
    """Everything that is not an array."""


def named_arrays(tree: PyTree) -> dict[str, np.ndarray]:
    """Returns a pytree's arrays by their path in it."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def with_arrays(template: Tree, arrays: Mapping[str, np.ndarray], prefix: str = "") -> Tree:
    """Returns a pytree of the template's structure that holds the named arrays.

    Raises:
        DamagedRunError: an array is missing or has another shape or type than the template's.
    """

    def find(path: tuple[Any, ...], leaf: Any) -> np.ndarray:
        name = prefix + jax.tree_util.keystr(path)
        array = arrays.get(name)
        if array is None or array.shape != leaf.shape or array.dtype != leaf.dtype:
            found = "none" if array is None else f"{array.dtype}{list(array.shape)}"
            raise DamagedRunError(
                f"The checkpoint does not fit its configuration: {name} should be {leaf.dtype}{list(leaf.shape)}, "
                f"found {found}. Was config.toml edited?"
            )
        return array

    return jax.tree_util.tree_map_with_path(find, template)


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Writes a checkpoint into `folder/<step>`; what is there before stays whole until the new one is.

    Raises:
        StorageError: the disk refused.
    """
    final = folder / f"{checkpoint.step:08d}"
    temporary = folder / f".{final.name}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        payloads = {
            _ARRAYS: safetensors.numpy.save(dict(checkpoint.arrays)),
            _STATE: json.dumps({"step": checkpoint.step, **checkpoint.state}, indent=1).encode(),
        }
        manifest = {name: {"bytes": len(data), "sha256": _sha256(data)} for name, data in payloads.items()}
        payloads[_MANIFEST] = json.dumps(manifest, indent=1).encode()
        for name, data in payloads.items():
            _write_synced(temporary / name, data)
        _sync(temporary)
        if final.exists():
            shutil.rmtree(final)
        temporary.rename(final)
        _sync(folder)
    except OSError as error:
        needed = sum(array.nbytes for array in checkpoint.arrays.values())
        remedy = "earlier checkpoints are intact: make room, then use --resume"
        raise refusal(final, error.strerror, needed, remedy) from error
    for old in [*_steps(folder)[:-_KEPT], *folder.glob(".*.partial")]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def load_latest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """Loads the newest checkpoint that its manifest vouches for.

    Returns:
        The checkpoint, and one warning for every newer one that was damaged.

    Raises:
        DamagedRunError: there is no checkpoint, or none is whole.
    """
    found = _steps(folder)
    if not found:
        raise DamagedRunError(
            f"{folder} holds no checkpoint; the run stopped before its first one. Train again with --force."
        )
    warnings: list[str] = []
    for path in reversed(found):
        try:
            checkpoint = _load(path)
        except DamagedRunError as error:
            warnings.append(str(error))
        else:
            return checkpoint, [f"{warning} Using the checkpoint of step {checkpoint.step}." for warning in warnings]
    raise DamagedRunError(" ".join(warnings) + " No whole checkpoint is left; train again with --force.")


def _load(path: Path) -> Checkpoint:
    sums = _parsed(path / _MANIFEST, _read(path / _MANIFEST))
    payloads = {name: _read(path / name) for name in (_ARRAYS, _STATE)}
    for name, data in payloads.items():
        if sums.get(name) != {"bytes": len(data), "sha256": _sha256(data)}:
            raise DamagedRunError(f"{path / name} is damaged: it differs from its SHA-256 in {_MANIFEST}.")
    state = _parsed(path / _STATE, payloads[_STATE])
    step = state.pop("step", None)
    if step != int(path.name):
        raise DamagedRunError(f"{path / _STATE} is not of step {int(path.name)}.")
    try:
        return Checkpoint(step, safetensors.numpy.load(payloads[_ARRAYS]), state)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise DamagedRunError(f"{path / _ARRAYS} does not hold arrays: {error}.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DamagedRunError(f"{path} cannot be read: {error.strerror}.") from error


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested beyond Python's limits
        value = None
    if not isinstance(value, dict):
        raise DamagedRunError(f"{path} is damaged: it is not a JSON object.")
    return value


def _steps(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name.isdigit())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
