"""doctor looks at everything, says it in a table or as JSON, and fails when something will not work."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflyte import cli, doctor, ports, settings
from airflyte.checks import docker, doors, folder, machine, network, software
from airflyte.checks.finding import Finding
from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.state import MARK, StateFolder

WAIT = "import sys; print('here', flush=True); sys.stdin.read()"
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stack(checkout: Path) -> Settings:
    (checkout / "deploy").symlink_to(CHECKOUT / "deploy")
    for package in ("sandbox", "provider", "scripts"):
        (checkout / package).symlink_to(CHECKOUT / package)
    return settings.load(checkout, {})


def _in(folder: Path) -> str:
    """A program that waits in a folder."""
    return f"import os; os.chdir({str(folder)!r}); {WAIT}"


def only(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


def test_every_named_look_is_taken(stack: Settings) -> None:
    names = {finding.name for finding in doctor.examine(stack, os.environ)}
    named = "python uv disk memory cores strays state locks proxy certificates docker architecture sockets"
    assert set(named.split()) <= names
    assert {f"port {port}" for port in dataclasses.asdict(stack.ports).values()} <= names
    assert len(names) >= 12


def test_the_table_has_a_line_each_and_the_exit_code_tells(
    stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "CHECKOUT", stack.checkout)
    found = [Finding("disk", "ok", "plenty"), Finding("port 8080", "failure", "held by pid 1", "stop it")]
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: found)
    assert cli.main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["ok", "disk", "plenty"]
    assert lines[1].split() == ["failure", "port", "8080", "held", "by", "pid", "1"]
    assert lines[2].strip() == "stop it"
    assert lines[3] == "1 checks ok, 1 failure (port 8080)"
    assert cli.main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[1]["level"] == "failure"
    found.pop()
    assert cli.main(["doctor"]) == 0


def test_up_stops_at_the_first_failure_with_its_advice(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding("proxy", "warning", "odd"), Finding("disk", "failure", "0 GiB free", "make room")]
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: found)
    with pytest.raises(AirflyteError, match=r"^disk: 0 GiB free; make room\.$"):
        doctor.preflight(stack, {})


def test_up_does_not_ask_the_network_or_docker(stack: Settings) -> None:
    names = {finding.name for finding in doctor.examine(stack, os.environ, quick=True)}
    assert names & {"docker", "package index"} == set()
    for_docker = dataclasses.replace(stack, flyte="docker")
    assert "docker" in {finding.name for finding in doctor.examine(for_docker, os.environ, quick=True)}


def test_a_port_of_somebody_else_is_a_failure_and_our_own_is_fine(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = stack.folder.prepare().stack_id
    held = [
        ports.Holder("airflow", stack.ports.airflow, 11, "java"),
        ports.Holder("flyte", stack.ports.flyte, 12, "flyte-sandbox", own, stack.checkout),
    ]
    monkeypatch.setattr(ports, "holders", lambda needed: held)
    findings = {finding.name: finding for finding in doors.four_ports(stack, {})}
    airflow, flyte = findings[f"port {stack.ports.airflow}"], findings[f"port {stack.ports.flyte}"]
    assert (airflow.level, airflow.text) == ("failure", "wanted for airflow, held by pid 11 (java)")
    assert "AIRFLYTE_PORT_OFFSET=" in airflow.advice
    assert (flyte.level, flyte.text) == ("ok", "this stack's flyte, pid 12")


def test_processes_left_from_an_earlier_run_are_strays(stack: Settings, spawn: Callable) -> None:
    stack_id = stack.folder.prepare().stack_id
    process = spawn(WAIT, **{MARK: stack_id})
    process.stdout.readline()
    found = only(doors.strays(stack, {}))
    assert found.level == "warning"
    assert str(process.pid) in found.text
    assert "make down" in found.advice


def test_processes_of_a_stack_that_is_gone_are_strays_and_others_are_not(
    stack: Settings, spawn: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = StateFolder(tmp_path / "other" / ".airflyte")
    gone = StateFolder(tmp_path / "gone" / ".airflyte")
    (tmp_path / "alone").mkdir()
    living = spawn(_in(other.path), **{MARK: other.prepare().stack_id})
    orphan = spawn(_in(gone.path), **{MARK: gone.prepare().stack_id})
    alone = spawn(_in(gone.path), "--state", tmp_path / "alone", **{MARK: "alone"})
    for process in (living, orphan, alone):
        process.stdout.readline()
    gone.remove()
    pids = only(doors.strays(stack, {})).advice.split()
    assert [str(process.pid) in pids for process in (living, orphan, alone)] == [False, True, False]


def test_a_lock_that_is_behind_its_inputs_is_told_but_stops_nobody(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert only(software.locks(stack, {})).level == "ok"
    monkeypatch.setattr("airflyte.lockfiles.digest", lambda checkout, name: "another")
    found = only(software.locks(stack, {}))
    assert (found.level, found.advice) == ("warning", "make lock, and commit the result")


def test_a_misspelt_variable_is_a_warning(stack: Settings) -> None:
    found = only(software.spelling(stack, {"AIRFLYTE_PROT_OFFSET": "1"}))
    assert (found.level, found.text) == ("warning", "not a setting: AIRFLYTE_PROT_OFFSET")


def test_a_password_in_a_setting_is_not_shown(checkout: Path) -> None:
    loaded = settings.load(checkout, {"AIRFLYTE_DATABASE_URL": "postgresql://me:hunter2@db/x"})
    assert "hunter2" not in only(software.spelling(loaded, {})).text


def test_an_interpreter_that_does_not_fit_is_a_failure(stack: Settings) -> None:
    assert only(software.python(dataclasses.replace(stack, python="/bin/true"), {})).level == "failure"
    assert only(software.python(stack, {})).level == "ok"


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({}, "ok"),
        ({"HTTP_PROXY": "http://p:1"}, "warning"),
        ({"http_proxy": "http://p:1", "no_proxy": "localhost, 127.0.0.1"}, "ok"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, "ok"),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "example.org"}, "warning"),
    ],
)
def test_a_proxy_must_not_be_asked_for_localhost(
    variables: dict[str, str], level: str, stack: Settings
) -> None:
    assert only(network.proxy(stack, variables)).level == level


def test_a_certificate_file_that_is_not_there_is_a_failure(stack: Settings, tmp_path: Path) -> None:
    found = only(network.certificates(stack, {"SSL_CERT_FILE": str(tmp_path / "none.pem")}))
    assert (found.level, "none.pem" in found.text) == ("failure", True)


def test_localhost_must_mean_this_machine(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: [(2, 1, 6, "", ("10.0.0.1", 0))])
    assert only(network.localhost(stack, {})).text == "means 10.0.0.1"


def test_a_small_disk_and_little_memory_are_told_with_numbers(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("usage", (), {"free": 1.0 * machine.GIB}))
    monkeypatch.setattr(machine, "_free_memory", lambda: 0.5 * machine.GIB)
    assert only(machine.disk(stack, {})).text.startswith("1.0 GiB free at ")
    assert only(machine.disk(stack, {})).level == "failure"
    assert only(machine.memory(stack, {})).level == "failure"


def test_a_containers_limits_count(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {
        "cpu.max": "150000 100000",
        "memory.max": str(3 * machine.GIB),
        "memory.current": str(machine.GIB),
    }
    monkeypatch.setattr(machine, "_control_group", limits.__getitem__)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert machine._free_memory() == 2 * machine.GIB
    if sys.platform == "linux":
        assert only(machine.cores(stack, {})).text == "1.5 usable"


def test_a_machine_without_wheels_is_a_failure(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert only(machine.architecture(stack, {})).level == "failure"


def test_another_owners_state_is_a_failure(stack: Settings) -> None:
    record = stack.folder.prepare()
    stack.folder.write(dataclasses.replace(record, uid=record.uid + 1))
    found = only(folder.write_access(stack, {}))
    assert (found.level, "belongs to uid" in found.text) == ("failure", True)


def test_docker_is_needed_only_by_who_wants_it(stack: Settings, tmp_path: Path) -> None:
    assert only(docker.engine(stack, {"PATH": str(tmp_path)})).text == "no docker command; not needed"
    wanted = dataclasses.replace(stack, flyte="docker")
    assert only(docker.engine(wanted, {"PATH": str(tmp_path)})).level == "failure"


def test_the_docker_engine_of_the_current_context_is_named(stack: Settings, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text(
        "#!/bin/sh\n[ $1 = context ] && echo unix:///colima.sock\n"
        '[ $1 = info ] && echo \'{"ServerVersion": "27.1", "MemTotal": 4294967296}\'\n'
    )
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert only(docker.engine(stack, environ)).text == "27.1 at unix:///colima.sock, 4.0 GiB"
    small = only(docker.engine(dataclasses.replace(stack, flyte="docker"), environ))
    assert (small.level, small.advice) == ("failure", "give the engine at least 6 GiB")
