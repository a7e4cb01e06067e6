"""The command line finds its verbs, turns errors into one sentence and an exit code, and hides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte import cli
from airflyte.errors import AirflyteError

from .conftest import SOURCE

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


@pytest.fixture(autouse=True)
def _elsewhere(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "CHECKOUT", checkout)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Makes ``airflyte config`` do something else."""

    def replace(run) -> None:  # type: ignore[no-untyped-def]
        monkeypatch.setattr("airflyte.verbs.config.run", run)

    return replace


@pytest.mark.parametrize("name", cli.names())
def test_every_verb_has_help_arguments_and_a_target(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    loaded = cli.load(name)
    assert cli.help_line(name) == loaded.HELP
    assert callable(loaded.run)
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: airflyte {name}" in capsys.readouterr().out
    verbs = MAKEFILE.read_text().partition("VERBS :=")[2].partition("\n\n")[0].replace("\\", "").split()
    assert name in verbs


def test_help_lists_the_verbs_without_importing_them(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["help"], ["--help"]):
        assert cli.main(arguments) == 0
        out = capsys.readouterr().out
        assert all(f"  {name} " in out for name in cli.names())


def test_an_unknown_verb_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["start"]) == 1
    assert "There is no verb 'start'; the verbs are " in capsys.readouterr().err


def test_an_error_is_one_sentence_and_exit_code_1(
    verb, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    log = tmp_path / "log"
    log.write_text("the reason\n")

    def fail(args: object, settings: object) -> int:
        raise AirflyteError("It does not work.", log=log, command="make doctor")

    verb(fail)
    assert cli.main(["config"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "airflyte: It does not work.",
        f"  last lines of {log}:",
        "  | the reason",
        "  Try: make doctor",
    ]


def test_an_error_that_a_step_has_shown_is_not_shown_again(verb, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    def fail(args: object, settings: object) -> int:
        error = AirflyteError("It does not work.")
        error.is_shown = True
        raise error

    verb(fail)
    assert cli.main(["config"]) == 1
    assert capsys.readouterr().err == ""


def test_what_nobody_foresaw_leaves_a_traceback_in_a_log(
    verb,  # type: ignore[no-untyped-def]
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    verb(lambda args, settings: 1 / 0)
    assert cli.main(["config"]) == 1
    log = checkout / ".airflyte" / "logs" / "airflyte.log"
    assert f"ZeroDivisionError: division by zero. The traceback is in {log}." in capsys.readouterr().err
    assert "Traceback" in log.read_text()


def test_interrupting_is_exit_code_130(verb) -> None:  # type: ignore[no-untyped-def]
    def interrupt(args: object, settings: object) -> int:
        raise KeyboardInterrupt

    verb(interrupt)
    assert cli.main(["config"]) == 130


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-c", "import sys; from airflyte.cli import main; sys.exit(main(['help']))"]
    read, write = os.pipe()
    os.close(read)
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, env=environ, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_our_characters_gets_marks_instead_of_a_traceback() -> None:
    command = [sys.executable, "-m", "airflyte", "help"]
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environ, check=False)
    assert done.returncode == 0
    assert b"?" in done.stdout


def test_config_shows_value_and_origin_and_no_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLYTE_DATABASE_URL", "postgresql://me:hunter2@db:5432/x")
    monkeypatch.setenv("AIRFLYTE_DEOM", "0")
    assert cli.main(["config"]) == 0
    seen = capsys.readouterr()
    [line] = [line for line in seen.out.splitlines() if line.startswith("stack.database_url")]
    assert "postgresql://me:…@db:5432/x" in line
    assert "AIRFLYTE_DATABASE_URL" in line
    assert "AIRFLYTE_DEOM is not a setting" in seen.err
    assert cli.main(["config", "--json"]) == 0
    assert "hunter2" not in capsys.readouterr().out


def test_every_make_target_is_a_verb_without_prerequisites() -> None:
    text = MAKEFILE.read_text()
    rules = [
        line for line in text.splitlines() if ":" in line and not line.startswith(("#", "\t", "VERBS", "."))
    ]
    assert rules == ["$(VERBS):"]
    assert ".PHONY: $(VERBS)" in text
