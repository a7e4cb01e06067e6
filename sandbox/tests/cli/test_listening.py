"""Only this machine is listened to unless one says otherwise, and then it is said what that means."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyte_sandbox.cli.listening import meaning

from .test_background import Command, command

__all__ = ["command"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_of_this_machine_alone_nothing_is_said(host: str) -> None:
    assert meaning(host) == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "my-host"])  # noqa: S104 - the point of it
def test_of_any_other_address_the_consequence_is_said(host: str) -> None:
    assert f"Listening on {host}: whoever reaches it can run code as this user" in meaning(host)


def test_up_says_it_in_the_terminal_and_both_servers_in_their_logs(command: Command, tmp_path: Path) -> None:
    done = command.up("--listen", "0.0.0.0")  # noqa: S104
    assert done.returncode == 0, done.stderr
    assert "whoever reaches it can run code" in done.stderr
    for name in ("serve.log", "s3.log"):
        assert "whoever reaches it can run code" in (tmp_path / ".flyte-sandbox" / name).read_text()
    assert command("down").returncode == 0


def test_up_listens_to_this_machine_alone_and_says_nothing(command: Command) -> None:
    done = command.up()
    assert done.returncode == 0, done.stderr
    assert "Listening" not in done.stderr
