"""The life of template processes: when one is started, kept, replaced, and when it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from flyte_sandbox.errors import StartupError
from flyte_sandbox.runner import dispatching, template_process

WAIT = """
    import pathlib, threading
    pathlib.Path(NOTES, "waits").touch()
    while not pathlib.Path(NOTES, "go").exists():
        threading.Event().wait(0.01)
"""


def waiting(harness, key):
    notes = harness.folder / f"{key}-notes"
    notes.mkdir()
    return harness.task(key, WAIT.replace("NOTES", repr(str(notes)))), notes


def test_ready_returns_when_a_template_has_answered(make_harness):
    harness = make_harness()
    harness.runner.ready(30)
    assert len(harness.templates()) == 1
    harness.runner.ready(1)
    assert len(harness.templates()) == 1


def test_ready_says_which_interpreter_cannot_be_run(make_harness):
    with pytest.raises(StartupError, match=r"environment 'missing' cannot be started.*no/python"):
        make_harness().runner.ready(30, "missing")


def test_ready_says_which_log_tells_why_a_template_ends(make_harness, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken beyond repair >&2\nexit 1\n")
    broken.chmod(0o755)
    harness = make_harness(interpreter=broken)
    with pytest.raises(StartupError, match=r"ends before it is ready; see .*default/log"):
        harness.runner.ready(30)
    assert "broken beyond repair" in harness.template_log()
    specs = [harness.spec(f"a{number}", "true") for number in range(3)]
    for spec in specs:
        harness.runner.start(spec)
    for spec in specs:
        ending = harness.wait_for_end(spec.key)
        assert ending.code == 127
        assert "ends before it is ready" in ending.log_tail


def test_ready_gives_up_in_time(make_harness, tmp_path):
    deaf = tmp_path / "python"
    deaf.write_text("#!/bin/sh\nexec sleep 1000\n")
    deaf.chmod(0o755)
    harness = make_harness(interpreter=deaf)
    with pytest.raises(StartupError, match=r"has not answered within 0.2 s; see .*default/log"):
        harness.runner.ready(0.2)


def test_prewarming_starts_a_template(make_harness, eventually):
    harness = make_harness()
    harness.runner.prewarm()
    eventually(lambda: len(harness.templates()) == 1, "a template")
    harness.runner.prewarm("missing")  # only logged: an attempt there will say it
    assert harness.run(harness.spec("a", "true")).code == 0


def test_there_is_one_template_however_many_versions_of_code_ran(make_harness):
    harness = make_harness()
    for number in range(5):
        harness.run(harness.task(f"v{number}", f"print({number})"))
    assert len(harness.templates()) == 1


def test_a_template_without_server_ends_after_its_last_attempt(make_harness, eventually):
    harness = make_harness(linger_seconds=0.1)
    spec, notes = waiting(harness, "a")
    harness.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    (template,) = harness.templates()
    harness.runner.close(stop_attempts=False)
    assert harness.templates() == [template]
    (notes / "go").touch()
    eventually(lambda: harness.templates() == [], "the template to end")
    assert json.loads((spec.folder / "exit.json").read_text())["code"] == 0
    assert list((harness.folder / "templates/default").glob("process-*")) == []


def test_a_template_that_is_told_to_end_ends_its_attempts_and_writes_it_down(make_harness, eventually):
    harness = make_harness()
    spec, notes = waiting(harness, "a")
    harness.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    (template,) = harness.templates()
    template.terminate()
    assert harness.wait_for_end("a").signal == signal.SIGTERM
    eventually(lambda: harness.templates() == [], "the template to end")
    assert harness.run(harness.spec("b", "true")).code == 0


def test_a_change_of_packages_replaces_the_template(make_harness, environment, eventually):
    harness = make_harness(interpreter=environment.python)
    spec, notes = waiting(harness, "old")
    harness.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    (before,) = harness.templates()
    environment.add("fresh.py", "VALUE = 1")
    eventually(lambda: has_other_template(harness, before), "another template")
    (notes / "go").touch()
    assert harness.wait_for_end("old").code == 0
    eventually(lambda: before not in harness.templates(), "the first template to end")


def test_a_template_that_does_not_listen_any_more_is_replaced(make_harness, monkeypatch):
    monkeypatch.setattr(dispatching, "_MOST_SECONDS_TO_FORK", 0.3)
    harness = make_harness()
    harness.runner.ready(30)
    (before,) = harness.templates()
    before.suspend()
    assert harness.run(harness.spec("a", "true")).code == 0
    assert before not in harness.templates()


def has_other_template(harness, before):
    key = f"probe-{len(harness.ends)}"
    assert harness.run(harness.spec(key, "true")).code == 0
    return any(template != before for template in harness.templates())


def test_a_module_edited_in_place_replaces_the_template(make_harness, environment, eventually):
    environment.add("plugin.py", "VALUE = 1")
    environment.add("plugin.pth", "import plugin")  # loaded in every interpreter, as a plugin of flytekit is
    harness = make_harness(interpreter=environment.python)
    harness.runner.ready(30)
    (before,) = harness.templates()
    with (environment.packages / "plugin.py").open("r+") as file:
        file.write("VALUE = 22")  # another size: a .pyc knows seconds only
    eventually(lambda: has_other_template(harness, before), "another template")
    harness.run(harness.task("a", "import plugin; print('value is', plugin.VALUE)"))
    assert "value is 22" in harness.log("a")


def test_an_environment_without_flytekit_still_runs_commands(make_harness, bare_environment):
    harness = make_harness(interpreter=bare_environment.python)
    assert harness.run(harness.python("a", "import sys; print('in', sys.prefix); sys.exit(3)")).code == 3
    assert f"in {bare_environment.python.parent.parent}" in harness.log("a")
    assert harness.run(harness.task("b", "pass")).code == 127
    assert "run cold: ModuleNotFoundError" in harness.template_log()


def test_a_template_of_another_version_of_the_program_is_retired(make_harness, monkeypatch, eventually):
    before = make_harness()
    spec, notes = waiting(before, "a")
    before.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    (old,) = before.templates()
    before.runner.close(stop_attempts=False)
    monkeypatch.setattr(template_process, "program_version", lambda: "another")
    after = make_harness()
    after.runner.resume([spec])
    after.wait_for_start("a")
    assert after.run(after.spec("b", "true")).code == 0
    assert len(after.templates()) == 2
    (notes / "go").touch()
    assert after.wait_for_end("a").code == 0
    eventually(lambda: old not in after.templates(), "the old template to end")


def test_what_a_dead_template_left_is_removed(make_harness, eventually):
    before = make_harness()
    before.runner.ready(30)
    before.runner.close(stop_attempts=False)
    for template in before.templates():
        template.kill()
    eventually(lambda: before.templates() == [], "the template to go")
    assert len(list((before.folder / "templates/default").glob("process-*"))) == 1
    after = make_harness()
    after.runner.ready(30)
    after.runner.close(stop_attempts=True)
    assert list((before.folder / "templates/default").glob("process-*")) == []


def test_a_template_holds_nothing_of_the_servers(make_harness, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), True)
        harness = make_harness()
        harness.runner.ready(30)
        (template,) = harness.templates()
        inode = os.readlink(f"/proc/self/fd/{server.fileno()}")
        assert inode not in {os.readlink(path) for path in Path(f"/proc/{template.pid}/fd").iterdir()}
    assert "SECRET_OF_THE_SERVER" not in template.environ()
    assert template.environ()["AIRFLYTE_STACK"] == "test-stack"
    assert template.cwd() == "/"
    assert os.getsid(template.pid) == template.pid


def test_an_end_that_cannot_be_written_is_told_and_written_later(make_harness, eventually):
    harness = make_harness()
    spec, notes = waiting(harness, "a")
    harness.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    obstacle = spec.folder / "exit.json"
    obstacle.mkdir()  # as a full disk would, this makes the rename fail
    (notes / "go").touch()
    assert harness.wait_for_end("a").code == 0
    obstacle.rmdir()
    harness.run(harness.spec("b", "true"))
    eventually(obstacle.is_file, "the record")
    assert json.loads(obstacle.read_text())["code"] == 0


def test_an_end_that_could_not_be_written_is_told_to_the_next_server(make_harness, eventually):
    before = make_harness()
    spec, notes = waiting(before, "a")
    before.runner.start(spec)
    eventually((notes / "waits").exists, "the task")
    obstacle = spec.folder / "exit.json"
    obstacle.mkdir()
    before.runner.close(stop_attempts=False)
    (notes / "go").touch()
    eventually(lambda: before.living(spec) == set(), "the task to end")
    after = make_harness()
    after.runner.resume([spec])
    assert after.wait_for_end("a").code == 0
    obstacle.rmdir()
    eventually(obstacle.is_file, "the record")


def test_an_attempt_whose_folder_cannot_be_made_is_given_up(make_harness):
    harness = make_harness()
    harness.folder.joinpath("attempts").write_text("a file where the folder should be")
    ending = harness.run(harness.spec("a", "true"))
    assert ending.code == 127
    assert "could not be started 3 times" in ending.log_tail
    harness.folder.joinpath("attempts").unlink()
    assert harness.run(harness.spec("b", "true")).code == 0


def test_sockets_fit_whatever_the_path_of_the_state_is(make_harness):
    harness = make_harness(below="air flyte ü " + "x" * 100)
    assert harness.run(harness.task("a", "print('ran')")).code == 0
    assert harness.log("a").endswith("ran\n")


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_other_versions_of_python_can_run_attempts(make_harness, version):
    interpreter = find_python(version)
    if interpreter is None:
        pytest.skip(f"no Python {version} here")
    harness = make_harness(interpreter=interpreter)
    ending = harness.run(harness.python("a", "import sys; print(sys.version); sys.exit(3)"))
    assert ending.code == 3
    assert harness.log("a").startswith(version)
    assert "run cold: ModuleNotFoundError" in harness.template_log()


def find_python(version):
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    asked = subprocess.run([found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
    return Path(asked.stdout.strip()) if asked.returncode == 0 else None
