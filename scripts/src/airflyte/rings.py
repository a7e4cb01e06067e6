"""The rings of checks: what ``check``, ``test`` and ``test-all`` run, all in the environment ``dev``.

Every part runs even when an earlier one failed, so that one run shows everything; the last lines say what
came of each and how many tests there were.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path

from airflyte import environments
from airflyte.settings import Settings
from airflyte.steps import Steps

FOLDERS = ("sandbox/tests", "provider/tests", "scripts/tests", "workflows/tests", "dags/tests", "tests")
"""Where tests lie; each is a run of its own, because the provider's need an Airflow of their own."""
STORIES = "tests/e2e"

TOOLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff", ("ruff", "check")),
    ("format", ("ruff", "format", "--check")),
    ("mypy", ("mypy",)),
    ("layers", ("lint-imports",)),
)
FORMATTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sort", ("ruff", "check", "--fix")),
    ("format", ("ruff", "format")),
)

NO_TESTS = 5
"""pytest's exit code when the markers leave nothing to run; not a failure."""


@dataclasses.dataclass
class Outcome:
    """What came of one part.

    :param counts: pytest's tests, failures, errors and skipped; empty for a tool.
    """

    name: str
    is_good: bool
    seconds: float
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        tests = f"{self.counts['tests']} tests" if self.counts else ""
        return f"{'ok' if self.is_good else 'FAILED':<7} {self.name:<18} {tests:>11} {self.seconds:7.1f} s"


class Rings:
    """Runs tools and tests of one checkout and collects what came of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environments = environments.of(settings, os.environ, _say)
        self.outcomes: list[Outcome] = []

    def prepare(self) -> None:
        """Bring the environment ``dev`` up to date."""
        if not self._environments.is_fresh("dev"):
            with Steps(1).step("dev") as step:
                self._environments.sync("dev", step)

    def tools(self, tools: Sequence[tuple[str, tuple[str, ...]]] = TOOLS) -> None:
        """Run the formatter, the linters and the type checker."""
        for name, command in tools:
            program, *arguments = command
            self._run(name, [str(self._environments.bin("dev", program)), *arguments])

    def side_by_side(self, markers: str, folders: Sequence[str] = FOLDERS) -> None:
        """Run pytest in every folder, in several processes: much of a test is waiting for others.

        :param markers: pytest's expression over markers; without stories and slow tests, each of which keeps
            the whole machine busy or measures it.
        """
        workers = (os.cpu_count() or 1) + 1
        self.tests(markers, folders, ["-n", str(workers), "--dist", "loadfile"])

    def tests(self, markers: str, folders: Sequence[str] = FOLDERS, arguments: Sequence[str] = ()) -> None:
        """Run pytest in each folder that has tests.

        :param markers: pytest's expression over markers.
        :param arguments: more for pytest, as the user typed them.
        """
        for folder in folders:
            if any((self._settings.checkout / folder).rglob("test_*.py")):
                self._run_pytest(folder, ["-m", markers, *arguments])

    def close(self) -> int:
        """Print what came of everything.

        :return: the exit code.
        """
        lines = [str(outcome) for outcome in self.outcomes]
        totals = {
            key: sum(outcome.counts.get(key, 0) for outcome in self.outcomes)
            for key in ("tests", "failures", "errors", "skipped")
        }
        failed = totals["failures"] + totals["errors"]
        passed = totals["tests"] - failed - totals["skipped"]
        seconds = sum(outcome.seconds for outcome in self.outcomes)
        lines.append(f"{passed} passed, {failed} failed, {totals['skipped']} skipped in {seconds:.1f} s")
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
        return int(not all(outcome.is_good for outcome in self.outcomes))

    def _run_pytest(self, folder: str, arguments: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="airflyte-tests-") as scratch:
            report = Path(scratch, "report.xml")
            python = str(self._environments.python("dev"))
            command = [python, "-m", "pytest", folder, f"--junitxml={report}", *arguments]
            self._run(folder, command, {"AIRFLOW_HOME": str(Path(scratch, "airflow"))}, (0, NO_TESTS))
            self.outcomes[-1].counts = _counts(report)

    def _run(
        self,
        name: str,
        command: Sequence[str],
        variables: Mapping[str, str] | None = None,
        good: Sequence[int] = (0,),
    ) -> None:
        _say(f"── {name}")
        started = time.monotonic()
        code = subprocess.run(
            command, cwd=self._settings.checkout, env=self._environ(variables or {}), check=False
        ).returncode
        self.outcomes.append(Outcome(name, code in good, time.monotonic() - started))

    def _environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The caller's environment without what would change which code or which settings the tests see."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(_LEFT_OUT)
        }
        return {**kept, **variables}


_KEPT = ("AIRFLYTE_CONFORMANCE_ENDPOINT",)
"""Asks the conformance suite to speak to another Flyte than the one that it starts."""

_LEFT_OUT = ("AIRFLYTE_", "AIRFLOW_", "FLYTE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def _counts(report: Path) -> dict[str, int]:
    """The sums of a JUnit report; empty when pytest did not get as far as writing one."""
    try:
        suites = xml.etree.ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest wrote it
    except OSError:
        return {}
    found = [
        {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
        for suite in suites
    ]
    return {key: sum(counts[key] for counts in found) for key in found[0]} if found else {}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
