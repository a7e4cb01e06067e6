"""Secrets reach the tasks that ask for them, and nothing else shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flyteidl.core.security_pb2 import Secret

from flyte_sandbox.errors import StartupError

from ..waiting import eventually

VALUE = "s3cr3t-" + "0f9e8d7c"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text(f'[db]\npassword = "{VALUE}"\n')
    path.chmod(0o600)
    return path


def asking(*secrets: Secret):
    return lambda template: template.security_context.secrets.extend(secrets)


BOTH = (
    Secret(group="db", key="password", mount_requirement=Secret.ENV_VAR, env_var="PGPASSWORD"),
    Secret(group="db", key="password", mount_requirement=Secret.FILE, env_var="PGPASSFILE"),
)
CHECKS = """
import os, stat, sys
value = sys.argv[1][::-1]
assert os.environ["_FSEC_DB_PASSWORD"] == os.environ["PGPASSWORD"] == value
path = os.environ["PGPASSFILE"]
assert open(path).read() == value
folder = os.environ["FLYTE_SECRETS_DEFAULT_DIR"]
assert path == folder + "/db/password"
modes = [stat.S_IMODE(os.stat(each).st_mode) for each in (folder, path)]
assert modes == [0o700, 0o600], modes
assert os.stat(path).st_uid == os.getuid()
"""


def test_as_variable_and_as_file_in_a_private_folder(make_tasks, secrets, tmp_path):
    tasks = make_tasks(secrets=secrets, state=tmp_path / "state")
    ended = tasks.run("python", "-c", CHECKS, VALUE[::-1], change=asking(*BOTH))
    assert ended.phase == "SUCCEEDED", ended.log()
    eventually(lambda: not (ended.folder() / "work").exists())
    assert files_with(VALUE, tmp_path / "state") == []


def test_flytekit_finds_them(make_tasks, secrets):
    code = """
        import sys
        from flytekit.core.context_manager import SecretsManager
        assert SecretsManager().get("db", "password") == sys.argv[1][::-1]
    """
    for secret in BOTH:
        ended = make_tasks(secrets=secrets).python(code, VALUE[::-1], change=asking(secret))
        assert ended.phase == "SUCCEEDED", ended.log()


def test_others_do_not_get_them(make_tasks, secrets):
    tasks = make_tasks(secrets=secrets)
    code = "import os; assert not [name for name in os.environ if 'SECRETS' in name or '_FSEC' in name]"
    assert tasks.run("python", "-c", code).phase == "SUCCEEDED"


def test_neither_a_failure_nor_a_kill_leaves_them_anywhere(make_tasks, secrets, tmp_path):
    tasks = make_tasks(secrets=secrets, state=tmp_path / "state")
    for code in ("raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)", "import os; os.abort()"):
        ended = tasks.run("python", "-c", code, change=asking(*BOTH))
        assert VALUE not in ended.error.message
    tasks.sandbox.stop()
    assert files_with(VALUE, tmp_path / "state") == []


def test_what_is_missing_is_in_the_log_and_fails_in_the_tasks_own_look_up(make_tasks, secrets):
    code = """
        from flytekit.core.context_manager import SecretsManager
        SecretsManager().get("db", "missing")
    """
    ended = make_tasks(secrets=secrets).python(code, change=asking(Secret(group="db", key="missing")))
    assert ended.phase == "FAILED"
    assert "The secret db/missing is not in this sandbox's secrets file" in ended.log()
    assert "Unable to find secret for key missing in group db" in ended.log()


def test_a_secret_without_a_group_is_refused(make_tasks, secrets):
    ended = make_tasks(secrets=secrets).run("true", change=asking(Secret(key="password")))
    assert ended.error.code == "FailedToBuildResource"
    assert "require both key and group to be set" in ended.error.message


def test_a_file_that_others_may_read_keeps_the_server_from_starting(make_tasks, secrets):
    secrets.chmod(0o644)
    with pytest.raises(StartupError, match="chmod 600"):
        make_tasks(secrets=secrets)


def test_the_template_and_the_server_do_not_show_them(make_tasks, secrets, tmp_path):
    """What /proc shows of a process is what another of the same user can read."""
    tasks = make_tasks(secrets=secrets)
    gate = tmp_path / "gate"
    code = f"""
import pathlib, threading
pathlib.Path({str(gate)!r}).touch()
while pathlib.Path({str(gate)!r}).exists():
    threading.Event().wait(0.01)
"""
    running = tasks.launch("python", "-c", code, change=asking(*BOTH))
    eventually(gate.exists)
    shown = [pid for pid in os.listdir("/proc") if pid.isdigit() and VALUE in environment(pid)]
    assert len(shown) == 1  # the task itself
    gate.unlink()
    assert running.wait().phase == "SUCCEEDED"


def environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""


def files_with(text: str, folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if text.encode() in path.read_bytes()]
