"""Under root, tasks run as a uid of their own wherever that gets, and lack nothing that a task needs."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner import Secrets, TaskUsers
from flyte_sandbox.runner.task_users import UIDS

from ..uids import need_a_uid_for_tasks
from .conftest import Harness

PYTHON = Path(sys.executable)
IMPORTS = "import json, os, sys, pathlib, tempfile\n"


@pytest.fixture(scope="module", autouse=True)
def _uid():
    need_a_uid_for_tasks()


@pytest.fixture
def open_folder():
    """Unlike pytest's own folders, one that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="flyte-sandbox-test-") as name:
        os.chmod(name, 0o755)  # noqa: S103  # the point
        yield Path(name)


def users_of(folder: Path, uid: int | None = None) -> TaskUsers:
    return TaskUsers(uid, [folder / "attempts", folder / "templates"], folder / "users.json")


@pytest.fixture
def make_own(open_folder):
    """Harnesses whose tasks have a uid of their own; as they share a folder, each is a server restarted."""
    made = []

    def make(**settings):
        made.append(Harness(open_folder, users=users_of(open_folder), **settings))
        return made[-1]

    yield make
    for each in made:
        each.runner.close(stop_attempts=True)


@pytest.fixture(params=[True, False], ids=["warm", "cold"])
def own(request, make_own):
    return make_own(warm=request.param)


def told(harness, key, source, **env):
    """Run a task that prints one line of JSON."""
    ending = harness.run(harness.task(key, IMPORTS + source, **env))
    assert ending.code == 0, harness.log(key)
    lines = [line for line in harness.log(key).splitlines() if line.startswith("{")]
    assert lines, (harness.files(key) / "error.pb").read_bytes()
    return json.loads(lines[-1])


def test_a_task_has_a_uid_without_an_account_and_no_group_of_roots(own, key):
    source = """
import getpass
caps = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
ids = [*os.getresuid(), *os.getresgid()]
print(json.dumps({"ids": ids, "groups": os.getgroups(), "name": getpass.getuser(), "caps": caps}))
"""
    found = told(own, key, source)
    assert found == {"ids": [UIDS[0]] * 6, "groups": [], "name": "flyte", "caps": ["0" * 16]}


def test_what_is_its_own_it_can_write(own, key):
    source = """
places = [os.getcwd(), os.environ["HOME"], os.environ["TMPDIR"], tempfile.mkdtemp(), os.environ["NOTES"]]
for place in places:
    (pathlib.Path(place) / "written").write_text("x")
open("/dev/stdout", "a").write("through its name\\n")
open("/proc/self/environ").read()
print(json.dumps({"owners": sorted({os.stat(place).st_uid for place in places})}))
"""
    notes = own.folder / f"{key}-data"
    spec = own.task(key, IMPORTS + source, NOTES=str(notes))
    assert own.run(replace(spec, writable=(notes,))).code == 0
    log = own.log(key)
    assert '{"owners": [61000]' in log, log
    assert "through its name\n" in log
    outputs = own.files(key) / "outputs.pb"
    assert (outputs.stat().st_uid, outputs.parent.stat().st_uid) == (UIDS[0], UIDS[0])


def test_what_is_the_templates_it_cannot(own, key):
    private = own.folder / "private"
    private.write_text("secret")
    private.chmod(0o600)
    source = f"""
folder = pathlib.Path(os.getcwd()).parent.parent
def refused(act):
    try:
        act()
    except PermissionError:
        return True
    return False
print(json.dumps({{
    "claim": refused(lambda: (folder / "claim").unlink()),
    "exit": refused(lambda: (folder / "exit.json").write_text("x")),
    "private": refused(lambda: open({str(private)!r}).read()),
    "template": refused(lambda: os.kill(os.getppid(), 0)),
}}))
"""
    assert all(told(own, key, source).values())


def test_its_secrets_are_its_own(own, key):
    source = """
path = pathlib.Path(os.getcwd()).parent / "secrets"
print(json.dumps([[oct(each.stat().st_mode), each.stat().st_uid] for each in (path, path / "a/b")]))
print((path / "a/b").read_text())
"""
    spec = replace(own.task(key, IMPORTS + source), secrets=Secrets({}, {"a/b": "value"}))
    own.run(spec)
    assert own.log(key).endswith('[["0o40700", 61000], ["0o100600", 61000]]\nvalue\n')


def test_stopping_ends_all_that_it_started_wherever_it_went(own, key, eventually):
    source = """
import signal, subprocess, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
command = [sys.executable, "-c", stubborn]
children = [
    subprocess.Popen(command, start_new_session=True, env=env, stdout=subprocess.PIPE) for env in (None, {})
]
for child in children:
    child.stdout.readline()
print("all up", flush=True)
threading.Event().wait()
"""
    spec = own.task(key, IMPORTS + source)
    own.runner.start(spec)
    log = own.attempt_folder(key) / "log"
    eventually(lambda: log.exists() and "all up" in log.read_text(), "its children to start")
    assert len(own.living(spec)) == 3
    own.runner.stop(key)
    assert own.wait_for_end(key).signal == signal.SIGKILL
    eventually(lambda: not own.living(spec), "its processes to go")


GATED = """
import threading
(pathlib.Path(os.environ["NOTES"]) / "up").touch()
while not (pathlib.Path(os.environ["NOTES"]) / "go").exists():
    threading.Event().wait(0.01)
sys.exit(7)
"""


def gated(harness, key):
    notes = harness.folder / f"{key}-notes"
    notes.mkdir()
    notes.chmod(0o777)
    return harness.task(key, IMPORTS + GATED, NOTES=str(notes)), notes


def test_a_task_whose_template_was_killed_still_tells_its_end(make_own, key, eventually):
    first = make_own()
    spec, notes = gated(first, key)
    first.runner.start(spec)
    eventually((notes / "up").exists, "the task to run")
    (template,) = first.templates()
    template.kill()
    eventually(lambda: first.templates() == [], "the template to go")
    (notes / "go").touch()
    ending = first.wait_for_end(key)
    assert (ending.code, ending.lost) == (7, False)
    assert json.loads((first.attempt_folder(key) / "exit.json").read_text())["code"] == 7


def test_a_task_is_adopted_after_a_restart(make_own, key, eventually):
    first = make_own()
    spec, notes = gated(first, key)
    first.runner.start(spec)
    eventually((notes / "up").exists, "the task to run")
    first.runner.close(stop_attempts=False)
    second = make_own()
    second.runner.resume([spec])
    second.wait_for_start(key)
    (notes / "go").touch()
    assert second.wait_for_end(key).code == 7


def test_its_temporary_folder_can_be_used_also_below_a_long_path(open_folder, key, eventually):
    folder = open_folder / ("long-" * 20)
    folder.mkdir()
    harness = Harness(folder, users=users_of(folder))
    try:
        source = """
import multiprocessing.connection
with multiprocessing.connection.Listener(family="AF_UNIX") as listener:
    print(json.dumps({"tmp": os.environ["TMPDIR"], "same": os.path.samefile(os.environ["TMPDIR"], "../tmp")}))
"""
        found = told(harness, key, source)
        assert found["same"]
        assert Path(found["tmp"]).parent.name == f"flyte-sandbox-{UIDS[0]}"
        eventually(lambda: not os.path.lexists(found["tmp"]), "the link to go")
    finally:
        harness.runner.close(stop_attempts=True)


def test_what_it_had_to_import_is_learnt(make_own, key, eventually):
    harness = make_own()
    told(harness, key, "import fsspec.implementations.zip\nprint(json.dumps({}))")
    memory = harness.folder / "templates/default/modules.json"
    learnt = "fsspec.implementations.zip"
    eventually(lambda: memory.exists() and learnt in memory.read_text(), "the template to learn")


# ---- where it cannot get ----


def test_where_the_uid_cannot_get_tasks_run_as_root_and_no_mode_is_changed(open_folder, key):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / "state"
    folder.mkdir()
    users = users_of(folder)
    assert users.of("default", PYTHON).reason == f"uid {UIDS[0]} cannot enter {closed}"
    harness = Harness(folder, users=users)
    try:
        assert told(harness, key, 'print(json.dumps({"uid": os.getuid()}))') == {"uid": 0}
    finally:
        harness.runner.close(stop_attempts=True)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    told_others = json.loads((folder / "users.json").read_text())
    assert told_others == {"default": {"uid": None, "reason": f"uid {UIDS[0]} cannot enter {closed}"}}


def test_an_interpreter_or_a_package_that_it_cannot_read_counts_too(open_folder, bare_environment):
    users = users_of(open_folder)
    assert "cannot enter" in users.of("bare", bare_environment.python).reason  # below pytest's closed folder
    made = open_folder / "env"
    type(bare_environment)(made)
    assert users.of("open", made / "bin/python").reason == ""
    packages = next(made.glob("lib/python*/site-packages"))
    (packages / "closed").mkdir(mode=0o700)
    assert (
        users.of("closed", made / "bin/python").reason == f"uid {UIDS[0]} cannot enter {packages / 'closed'}"
    )


def test_no_interpreter_at_all_is_for_the_template_to_say(open_folder):
    assert "cannot be taken here" in users_of(open_folder).of("none", open_folder / "no/python").reason


def test_the_uid_can_be_chosen(open_folder):
    assert users_of(open_folder, 61055).of("default", PYTHON).uid == 61055
    root = users_of(open_folder, 0)
    assert (root.of("default", PYTHON).uid, root.uids) == (None, frozenset())
    with pytest.raises(StartupError, match="PostgreSQL's"):
        users_of(open_folder, 65534)


def test_the_doors_let_it_in(open_folder):
    assert users_of(open_folder).uids == {UIDS[0]}
