"""A ring runs every part, however the ones before it ended, and closes with what came of all of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from airflyte import settings
from airflyte.rings import Rings


@pytest.fixture
def rings(checkout: Path) -> Rings:
    """Rings over two small test folders, with this environment as ``dev``."""
    loaded = settings.load(checkout, {})
    loaded.folder.environments.mkdir(parents=True)
    (loaded.folder.environments / "dev").symlink_to(sys.prefix)
    (checkout / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: s\n    e2e: e\n")
    return Rings(loaded)


def write(checkout: Path, folder: str, text: str) -> None:
    (checkout / folder).mkdir(parents=True)
    (checkout / folder / "test_it.py").write_text(text)


def test_every_folder_runs_and_the_counts_are_added_up(
    rings: Rings, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "a/tests", "def test_bad():\n    assert False\ndef test_good():\n    pass\n")
    write(
        checkout,
        "b/tests",
        "import pytest\ndef test_good():\n    pass\ndef test_skip():\n    pytest.skip('no')\n",
    )
    (checkout / "c").mkdir()
    rings.tests("not slow", ["a/tests", "b/tests", "c/tests"])
    assert rings.close() == 1
    out = capfd.readouterr().out
    assert [line.split()[:2] for line in out.splitlines()[-3:-1]] == [
        ["FAILED", "a/tests"],
        ["ok", "b/tests"],
    ]
    assert out.splitlines()[-1].startswith("2 passed, 1 failed, 1 skipped in ")


def test_markers_choose_and_nothing_left_is_no_failure(rings: Rings, checkout: Path) -> None:
    write(checkout, "a", "import pytest\n@pytest.mark.slow\ndef test_slow():\n    assert False\n")
    rings.tests("not slow", ["a"])
    assert rings.close() == 0


def test_side_by_side_counts_the_same(
    rings: Rings, checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(checkout, "a", "def test_good(worker_id):\n    assert worker_id.startswith('gw')\n")
    write(checkout, "b", "import pytest\n@pytest.mark.slow\ndef test_slow():\n    assert False\n")
    rings.side_by_side("not slow", ["a", "b"])
    assert rings.close() == 0
    assert capfd.readouterr().out.splitlines()[-1].startswith("1 passed, 0 failed")


def test_each_folder_has_an_airflow_home_of_its_own_and_none_of_our_settings(
    rings: Rings, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLYTE_PORT_OFFSET", "100")
    monkeypatch.setenv("FLYTE_PLATFORM_URL", "production")
    monkeypatch.setenv("PYTHONPATH", "/somebody")
    monkeypatch.setenv("AIRFLYTE_CONFORMANCE_ENDPOINT", "another:30080")
    write(
        checkout,
        "a",
        "import os\ndef test_it():\n"
        "    assert os.environ['AIRFLYTE_CONFORMANCE_ENDPOINT'] == 'another:30080'\n"
        "    assert 'airflyte-tests-' in os.environ['AIRFLOW_HOME']\n"
        "    assert not {'AIRFLYTE_PORT_OFFSET', 'FLYTE_PLATFORM_URL', 'PYTHONPATH'} & os.environ.keys()\n",
    )
    rings.tests("not slow", ["a"])
    assert rings.close() == 0


def test_a_tool_that_fails_fails_the_ring_and_the_next_one_still_runs(
    rings: Rings, capfd: pytest.CaptureFixture[str]
) -> None:
    rings.tools([("bad", ("python", "-c", "raise SystemExit(3)")), ("good", ("python", "-c", ""))])
    assert rings.close() == 1
    assert [outcome.is_good for outcome in rings.outcomes] == [False, True]


def test_a_run_that_writes_no_report_is_a_failure(rings: Rings, checkout: Path) -> None:
    write(checkout, "a", "import os\nos._exit(1)\n")
    rings.tests("not slow", ["a"])
    assert rings.close() == 1
