"""Reads what a finished process left behind and says what that means in Flyte's words.

Source: flytepropeller pkg/controller/nodes/task/handler.go, flyteplugins pluginmachinery/ioutils and
flytek8s/pod_helper.go.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TypeAlias

from flyteidl.core import dynamic_job_pb2, errors_pb2, execution_pb2, literals_pb2, tasks_pb2
from google.protobuf.message import DecodeError

from flyte_sandbox.blobs.mapping import leave_out_html, publicise, publicise_html, publicise_text
from flyte_sandbox.blobs.offloading import bring_home
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import Outcome
from flyte_sandbox.engine.tasks.left_files import TooLargeError, read_left
from flyte_sandbox.runner import AttemptExit

ExecutionError: TypeAlias = execution_pb2.ExecutionError
MAX_OUTPUT_BYTES = 10 * 1024 * 1024
_MAX_DECK_BYTES = 64 * 1024 * 1024


def read_outcome(
    exit: AttemptExit, folder: Path, task: tasks_pb2.TaskTemplate, store: Store, raw_output_prefix: str
) -> Outcome:
    """:param folder: the attempt's; what it wrote below ``outputs/`` is read only after exit code 0.

    :param raw_output_prefix: the attempt's own place in the bucket.
    """
    return _Reader(folder, task, store, raw_output_prefix).read(exit)


def read_deck(folder: Path, store: Store) -> bytes | None:
    """The deck of an attempt as clients may see it; of a running one what there is so far.

    :param folder: the attempt's.
    :return: None when there is none.
    """
    try:
        left = read_left(folder / "outputs" / "deck.html", _MAX_DECK_BYTES)
    except TooLargeError as exc:
        left = b"<p>The deck is left out: it has %d bytes.</p>" % exc.size
    if left is None:
        return None
    deck = publicise_html(left, store)
    for own in _own_folders(folder):
        deck = leave_out_html(deck, own)
    return deck


def _own_folders(folder: Path) -> tuple[str, str]:
    """Where the code lay, and all else that was the attempt's own."""
    return f"{folder / 'work' / 'cwd'}/", f"{folder}/"


class _Reader:
    def __init__(
        self, folder: Path, task: tasks_pb2.TaskTemplate, store: Store, raw_output_prefix: str
    ) -> None:
        self._raw_output_prefix = raw_output_prefix
        self._folder = folder
        self._outputs = folder / "outputs"
        self._task = task
        self._store = store
        self._deck: bytes | None = None

    def read(self, exit: AttemptExit) -> Outcome:
        self._deck = self._read_deck()
        if exit.is_oom_killed:
            return self._failed(user_error("OOMKilled", self._describe(exit, "OOMKilled")), True)
        if exit.lost:
            return self._failed(_interrupted("The process and its record are gone."), True)
        try:
            return self._read_files(exit)
        except TooLargeError as exc:
            message = f"Output size {exc.size} bytes is over the limit of {MAX_OUTPUT_BYTES} bytes"
            return self._failed(user_error("OutputSizeExceeded", message), False)

    def _read_files(self, exit: AttemptExit) -> Outcome:
        # With FLYTE_FAIL_ON_ERROR a task that wrote an error leaves with code 1 as well.
        error = self._left("error.pb")
        if error is not None:
            return self._read_error(error)
        if exit.code != 0:
            return self._failed(_interrupted(self._describe(exit)), True)
        futures = self._left("futures.pb")
        if futures is not None:
            return self._read_futures(futures)
        if not self._task.interface.outputs.variables:
            return Outcome(outputs=literals_pb2.LiteralMap(), deck=self._deck)
        return self._read_outputs()

    def _left(self, name: str) -> bytes | None:
        return read_left(self._outputs / name, MAX_OUTPUT_BYTES)

    def _failed(self, error: ExecutionError, is_recoverable: bool) -> Outcome:
        return Outcome(error=error, is_recoverable=is_recoverable, deck=self._deck)

    def _text(self, text: str) -> str:
        """Without paths of this machine: the code lay in the current folder, the data in the bucket."""
        for folder in _own_folders(self._folder):
            text = text.replace(folder, "")
        return publicise_text(_plain(text), self._store)

    def _read_deck(self) -> bytes | None:
        return read_deck(self._folder, self._store)

    def _read_error(self, data: bytes) -> Outcome:
        try:
            document = errors_pb2.ErrorDocument.FromString(data)
        except DecodeError:
            return self._failed(system_error("ErrorFileBadFormat", "error.pb cannot be read"), True)
        if not document.HasField("error"):
            return self._failed(system_error("ErrorFileBadFormat", "error.pb holds no error"), True)
        told = document.error
        error = ExecutionError(
            code=_plain(told.code), message=self._text(told.message), kind=told.origin, worker=told.worker
        )
        if told.HasField("timestamp"):
            error.timestamp.CopyFrom(told.timestamp)
        return self._failed(error, told.kind == errors_pb2.ContainerError.RECOVERABLE)

    def _read_futures(self, data: bytes) -> Outcome:
        try:
            futures = dynamic_job_pb2.DynamicJobSpec.FromString(data)
        except DecodeError:
            return self._failed(user_error("DynamicWorkflowBuildFailed", "futures.pb cannot be read"), False)
        return Outcome(futures=publicise(futures, self._store), deck=self._deck)

    def _read_outputs(self) -> Outcome:
        data = self._left("outputs.pb")
        if data is None:
            message = "Outputs not generated by task execution"
            return self._failed(ExecutionError(code="OutputsNotFound", message=message), True)
        try:
            outputs = literals_pb2.LiteralMap.FromString(data)
            bring_home(outputs, self._outputs, f"{self._raw_output_prefix}/offloaded", self._store)
        except DecodeError:
            return self._failed(user_error("OutputsUnreadable", "outputs.pb holds no literals"), False)
        return Outcome(outputs=publicise(outputs, self._store), deck=self._deck)

    def _describe(self, exit: AttemptExit, reason: str = "Error") -> str:
        """The words of a failed pod. A plain non-zero exit counts against the system's retries, as there."""
        code = exit.code if exit.code is not None else 128 + (exit.signal or signal.SIGKILL)
        name, tail = self._task.id.name, self._text(exit.log_tail)
        return f"[{name}] terminated with exit code ({code}). Reason [{reason}]. Message: \n{tail}"


def _plain(text: str) -> str:
    """Without what no database column takes."""
    return text.replace("\0", "")


def _interrupted(message: str) -> ExecutionError:
    return system_error("Interrupted", message)
