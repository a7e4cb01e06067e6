"""uv is found or fetched in a version that fits, and knows the indexes that pip was told about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte import uv
from airflyte.errors import AirflyteError

CHECKOUT = Path(__file__).resolve().parents[2]


def fake_uv(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "uv"
    program.write_text(f"#!/bin/sh\necho 'uv {version} (abc 2026-01-01)'\n")
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def _no_pip_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own pip.conf must not decide a test."""
    monkeypatch.setattr(uv, "_pip_files", lambda environ: [environ.get("PIP_CONFIG_FILE", "/dev/null")])


@pytest.mark.parametrize(
    ("version", "does"),
    [((0, 7, 22), False), ((0, 8, 0), True), ((0, 13, 9), True), ((1, 0, 0), False), (None, False)],
)
def test_which_versions_fit(version: tuple[int, ...] | None, does: bool) -> None:
    assert uv.fits(version) is does


def test_uv_on_path_is_taken_when_it_fits(tmp_path: Path) -> None:
    program = fake_uv(tmp_path / "bin", "0.9.1")
    found = uv.find({"PATH": str(tmp_path / "bin")}, tmp_path / "private")
    assert found
    assert found.path == program


def test_an_unfit_uv_on_path_is_passed_over_for_the_private_one(tmp_path: Path) -> None:
    fake_uv(tmp_path / "bin", "0.4.0")
    private = fake_uv(tmp_path / "private" / "bin", "0.13.9")
    found = uv.find({"PATH": str(tmp_path / "bin")}, tmp_path / "private")
    assert found
    assert found.path == private


def test_nothing_is_found_where_there_is_nothing(tmp_path: Path) -> None:
    assert uv.find({"PATH": str(tmp_path)}, tmp_path / "private") is None
    assert uv.find({}, tmp_path / "private") is None


def test_pips_indexes_are_handed_on(tmp_path: Path) -> None:
    environ = {
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://a.example/simple https://b.example/simple",
        "PIP_FIND_LINKS": f"{tmp_path} /not/there https://links.example/",
        "PIP_CERT": "/etc/company.pem",
    }
    given = uv.environment(environ)
    assert given["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert given["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert given["UV_FIND_LINKS"] == f"{tmp_path},https://links.example/"
    assert given["SSL_CERT_FILE"] == "/etc/company.pem"


def test_what_uv_is_told_itself_wins(tmp_path: Path) -> None:
    environ = {"PIP_INDEX_URL": "https://pip.example/simple", "SSL_CERT_FILE": "/a", "PIP_CERT": "/b"}
    assert "UV_DEFAULT_INDEX" not in uv.environment({**environ, "UV_INDEX_URL": "https://uv.example/simple"})
    mine = uv.environment({**environ, "UV_DEFAULT_INDEX": "https://uv.example/simple"})
    assert mine["UV_DEFAULT_INDEX"] == "https://uv.example/simple"
    assert mine["SSL_CERT_FILE"] == "/a"


def test_pips_file_counts_and_its_variables_win(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://file.example/100%/simple\ncert = /etc/file.pem\n")
    given = uv.environment({"PIP_CONFIG_FILE": str(file), "PIP_CERT": "/etc/variable.pem"})
    assert given["UV_DEFAULT_INDEX"] == "https://file.example/100%/simple"
    assert given["SSL_CERT_FILE"] == "/etc/variable.pem"


def test_a_broken_pip_file_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("no section\n")
    assert "UV_DEFAULT_INDEX" not in uv.environment({"PIP_CONFIG_FILE": str(file)})


def test_somebodys_active_environment_is_left_out() -> None:
    assert "VIRTUAL_ENV" not in uv.environment({"VIRTUAL_ENV": "/somebody/.venv"})


def test_a_failure_is_told_in_uvs_own_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "$ uv pip sync --offline\nerror: the first run\n$ uv pip sync\nUsing Python\n"
        "error: Request failed after 3 retries\n  cause: Failed to fetch: x\n  cause: Connection refused\n"
    )
    assert uv.failure(log) == "Request failed after 3 retries: Failed to fetch: x: Connection refused"
    assert uv.failure(tmp_path / "none") == ""


def test_without_ensurepip_an_ordinary_user_gets_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv, "_has_ensurepip", lambda python: False)
    monkeypatch.setattr(uv, "_debian_package", lambda python: "python3.11-venv")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(
        AirflyteError, match=r"type: sudo apt-get update && sudo apt-get install -y python3\.11-venv"
    ):
        uv.fetch(tmp_path / "uv", "/usr/bin/python3", tmp_path, {}, log=tmp_path / "log", say=print)


def test_without_ensurepip_elsewhere_than_on_debian_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv, "_has_ensurepip", lambda python: False)
    monkeypatch.setattr(uv, "_debian_package", lambda python: None)
    with pytest.raises(AirflyteError, match="has no ensurepip and uv is not on PATH"):
        uv.fetch(tmp_path / "uv", "/opt/python3", tmp_path, {}, log=tmp_path / "log", say=print)


def test_only_debians_own_interpreters_belong_to_a_package(tmp_path: Path) -> None:
    assert uv._debian_package(str(tmp_path / "python3.11")) is None


def test_the_hash_of_a_fetched_uv_must_be_ours(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "uv-0.13.9-py3-none-any.whl").write_bytes(b"somebody else's")
    environ = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    pinned = CHECKOUT / "deploy" / "environments" / "uv.txt"
    with pytest.raises(AirflyteError, match="uv cannot be downloaded") as caught:
        uv.fetch(tmp_path / "uv", sys.executable, pinned, environ, log=tmp_path / "log", say=lambda _: None)
    assert caught.value.log
    assert "DO NOT MATCH THE HASHES" in caught.value.log.read_text()


@pytest.mark.slow  # downloads 18 MB
def test_uv_is_fetched_into_a_folder_with_a_difficult_name(tmp_path: Path) -> None:
    pinned = CHECKOUT / "deploy" / "environments" / "uv.txt"
    environ = dict(os.environ)
    private = tmp_path / "air flyte ü" / "uv"
    found = uv.fetch(private, sys.executable, pinned, environ, log=tmp_path / "log", say=lambda _: None)
    said = subprocess.run([found.path, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("uv 0.13.9 ")
