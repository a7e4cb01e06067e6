"""The folder between a story and the workflow ``stories.gates.gate_wf``."""

from __future__ import annotations

from pathlib import Path

LAUNCH_PLAN = "stories.gates.gate_wf"


class Gate:
    """Where the workflow notes what ran, and where it waits until the story opens it.

    :param folder: it is opened to everybody, because tasks may run as a user of their own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)

    @property
    def inputs(self) -> dict[str, str]:
        """The workflow's."""
        return {"folder": str(self.folder)}

    @property
    def notes(self) -> list[str]:
        """The tasks that have begun, in their order."""
        return [line.split()[0] for line in self._lines()]

    @property
    def is_waited_at(self) -> bool:
        """Whether the second task has begun."""
        return "wait" in self.notes

    @property
    def pid(self) -> int:
        """Of the task that waits."""
        return next(int(line.split()[1]) for line in self._lines() if line.startswith("wait"))

    def open(self) -> None:
        """Let the workflow go on."""
        (self.folder / "open").touch()

    def _lines(self) -> list[str]:
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []
