"""Every command that a page shows exists, with the options that it is shown with."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflyte import cli
from flyte_sandbox.cli.main import main as flyte_sandbox

from .pages import pages, shell_lines
from .tree import CHECKOUT, name

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_MAKE_VERBS = re.compile(r"^VERBS := ((?:.*\\\n)*.*)$", re.MULTILINE)
_PYTHON = ".airflyte/envs/dev/bin/python"
_END = {"|", "&&", "||", ";", ">", "2>", "<"}


def make_verbs() -> list[str]:
    found = _MAKE_VERBS.search((CHECKOUT / "Makefile").read_text(encoding="utf-8"))
    assert found
    return found[1].replace("\\\n", " ").split()


def commands(page: Path) -> Iterator[list[str]]:
    """The page's commands as words: our own programs, and Python modules."""
    for line in shell_lines(page):
        words = _words(line)
        if len(words) > 1 and words[0] in _CHECKS and not _is_placeholder(words[1]):
            yield words


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line.strip().removeprefix("$ "), comments=True)
    except ValueError:  # a quote that does not end: no command
        return []
    while words and _ASSIGNMENT.fullmatch(words[0]):
        del words[0]
    end = next((place for place, word in enumerate(words) if word in _END), len(words))
    return words[:end]


def _is_placeholder(word: str) -> bool:
    """``make VERB``, and the lists of verbs such as ``up|down``."""
    return word.isupper() or not re.fullmatch(r"--?[\w-]+|[\w./-]+", word)


def check_make(verb: str, *arguments: str) -> None:
    assert verb in make_verbs()
    for argument in arguments:
        variable, equals, value = argument.partition("=")
        assert equals, f"make takes no argument {argument}"
        assert (variable == "ARGS" or (variable, verb) == ("BENCH", "bench")) or variable.startswith(
            "AIRFLYTE_"
        )
        if variable in ("ARGS", "BENCH"):
            check_airflyte(verb, *value.split())


def check_airflyte(verb: str, *arguments: str) -> None:
    if verb == "--version":
        return
    assert verb in cli.names()
    parser = argparse.ArgumentParser(exit_on_error=False)
    cli.load(verb).add_arguments(parser)
    parser.parse_args(arguments)


def check_python(*arguments: str) -> None:
    if arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1])
    for argument in arguments:
        if "/" in argument:
            assert (CHECKOUT / argument.partition("::")[0]).exists()


_CHECKS: dict[str, Callable[..., None]] = {
    "make": check_make,
    "airflyte": check_airflyte,
    "flyte-sandbox": lambda verb, *arguments: None,  # its own test is below
    _PYTHON: check_python,
}
FOUND = {" ".join(words): words for page in pages() for words in commands(page)}


@pytest.mark.parametrize("command", FOUND)
def test_a_command_on_a_page_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = FOUND[command]
    try:
        _CHECKS[program](*arguments)
        if program == "flyte-sandbox":
            check_flyte_sandbox(capsys, *arguments)
    except (argparse.ArgumentError, SystemExit) as error:
        shown = [name(page) for page in pages() if FOUND[command] in commands(page)]
        pytest.fail(f"{command}, in {', '.join(shown)}: {error} {capsys.readouterr().err}")


def check_flyte_sandbox(capsys: pytest.CaptureFixture[str], verb: str, *arguments: str) -> None:
    """By its help: the arguments are parsed, and everything else is left undone."""
    if verb == "--version":
        return
    with pytest.raises(SystemExit) as ended:
        flyte_sandbox([verb, "--help"])
    assert ended.value.code == 0, f"flyte-sandbox has no verb {verb}"
    told = re.findall(r"(?<!\w)--?[\w-]+", capsys.readouterr().out)
    assert [each for each in arguments if each.startswith("-") and each not in told] == []


def test_pages_show_commands_at_all() -> None:
    assert {words[0] for words in FOUND.values()} == set(_CHECKS)


def test_every_verb_is_a_target_and_every_target_a_verb() -> None:
    assert sorted(make_verbs()) == sorted(cli.names())
