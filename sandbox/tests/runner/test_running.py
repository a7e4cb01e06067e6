"""How attempts end and what they leave, forked from a template or in a process of their own."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from flyte_sandbox.runner import Secrets, secrets_folder


def test_a_task_ends_with_its_outputs_written(either, key):
    ending = either.run(either.task(key, "print('hello')"))
    assert (ending.code, ending.signal, ending.lost) == (0, None, False)
    assert (either.files(key) / "outputs.pb").exists()
    assert ending.log_tail.endswith("hello\n")


def test_the_end_tells_times_and_use(either, key):
    ending = either.run(either.task(key, "sum(range(1_000_000))"))
    assert ending.started_at == either.started[key]
    assert ending.started_at < ending.ended_at
    assert ending.max_rss_bytes > 10_000_000
    assert ending.cpu_seconds > 0.01


def test_the_end_is_on_disk_as_it_was_told(either, key):
    ending = either.run(either.task(key, "pass"))
    record = json.loads((either.attempt_folder(key) / "exit.json").read_text())
    assert (record["code"], record["signal"]) == (0, None)
    assert datetime.fromtimestamp(record["ended_at"], timezone.utc) == ending.ended_at


def test_an_exception_of_user_code_is_in_the_error_file_and_not_in_the_code(either, key):
    ending = either.run(either.task(key, "raise ValueError('wrong')"))
    assert ending.code == 0
    assert b"ValueError: wrong" in (either.files(key) / "error.pb").read_bytes()


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        ("import sys; sys.exit(3)", 3, None),
        ("import sys; sys.exit('told on stderr')", 1, None),
        ("import sys; sys.exit(256 + 7)", 7, None),
        ("import os; os._exit(9)", 9, None),
        ("import os; os.abort()", None, signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", None, signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", None, signal.SIGSEGV),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", None, signal.SIGTERM),
    ],
)
def test_codes_and_signals_are_those_of_the_process(either, key, body, code, number):
    ending = either.run(either.task(key, body))
    assert (ending.code, ending.signal, ending.lost) == (code, number, False)


def test_a_resolver_that_does_not_exist_ends_with_code_1_and_a_traceback(either, key):
    spec = either.task(key, "pass")
    argv = [word.replace("default_task_resolver", "no_such_resolver") for word in spec.argv]
    ending = either.run(either.spec(key, *argv, **spec.env))
    assert ending.code == 1
    assert "no_such_resolver" in ending.log_tail
    assert "flyte_sandbox" not in ending.log_tail


def test_an_option_that_does_not_exist_ends_with_code_2(either, key):
    ending = either.run(either.spec(key, "pyflyte-execute", "--no-such-option"))
    assert ending.code == 2
    assert "No such option" in ending.log_tail


def test_a_command_that_does_not_exist_ends_as_in_a_shell(either, key):
    ending = either.run(either.spec(key, "no-such-command"))
    assert ending.code == 127
    assert "no-such-command: not found" in ending.log_tail


def test_any_other_command_runs_in_a_process_of_its_own(either, key):
    ending = either.run(either.spec(key, "sh", "-c", "echo one; echo two >&2; echo three; exit 4"))
    assert ending.code == 4
    assert either.log(key) == "one\ntwo\nthree\n"


def test_the_log_has_both_streams_in_order_and_at_once(either, key):
    body = """
        import os, sys
        for number in range(3):
            print("out", number)
            print("err", number, file=sys.stderr)
            os.system(f"echo child {number}")
        os._exit(0)  # nothing is flushed
    """
    either.run(either.task(key, body))
    expected = [f"{who} {number}" for number in range(3) for who in ("out", "err", "child")]
    assert either.log(key).split("\n")[-10:-1] == expected


def test_the_log_is_there_when_the_start_is_told(either, key):
    specs = [either.python(f"{key}-{number}", "pass") for number in range(20)]
    for spec in specs:
        either.runner.start(spec)
        either.wait_for_start(spec.key)
        assert (either.attempt_folder(spec.key) / "log").exists()


def test_the_log_has_what_native_code_printed(either, key):
    either.run(either.task(key, "import ctypes; ctypes.CDLL(None).printf(b'from C, not flushed')"))
    assert either.log(key).endswith("from C, not flushed")


def test_the_tail_of_a_log_is_short(either, key):
    ending = either.run(either.spec(key, "sh", "-c", "seq 100000; seq 1 100 | tr '\\n' '\\n'"))
    assert len(ending.log_tail.encode()) <= 2048
    assert ending.log_tail.splitlines() == [str(number) for number in range(21, 101)]


def test_threads_and_exit_handlers_are_waited_for(either, key):
    body = """
        import atexit, pathlib, threading
        notes = pathlib.Path(NOTES)
        atexit.register(lambda: notes.joinpath("at-exit").touch())
        gate = threading.Event()
        threading.Thread(target=lambda: (gate.wait(0.3), notes.joinpath("thread").touch())).start()
    """
    notes = either.files(key)
    notes.mkdir(parents=True)
    assert either.run(either.task(key, body.replace("NOTES", repr(str(notes))))).code == 0
    assert (notes / "thread").exists()
    assert (notes / "at-exit").exists()


def test_files_of_an_image_are_in_the_current_folder(either, key):
    image = either.folder / f"{key}-image"
    (image / "data").mkdir(parents=True)
    (image / "data/table.csv").write_text("a,b\n")
    (image / "link").symlink_to("data/table.csv")
    spec = either.task(key, "print(open('data/table.csv').read(), open('link').read())")
    assert either.run(replace(spec, files=image)).code == 0
    assert either.log(key).endswith("a,b\n a,b\n\n")


def test_flytekit_finds_secrets_of_both_kinds(either, key):
    body = """
        import os
        from flytekit import current_context
        print(current_context().secrets.get("db", "user")[::-1])
        print(current_context().secrets.get("db", "password")[::-1])
        print(oct(os.stat(os.environ["FLYTE_SECRETS_DEFAULT_DIR"]).st_mode))
    """
    folder = secrets_folder(either.attempt_folder(key))
    env = {"_FSEC_DB_USER": "somebody", "FLYTE_SECRETS_DEFAULT_DIR": str(folder)}
    secrets = Secrets(env, {"db/password": "pa55word"}, ("db/other",))
    either.run(replace(either.task(key, body), secrets=secrets))
    log = either.log(key)
    assert log.startswith("The secret db/other is not in this sandbox's secrets file")
    assert log.endswith("ydobemos\ndrow55ap\n0o40700\n")
    assert "somebody" not in log + (either.attempt_folder(key) / "exit.json").read_text()


def test_the_work_folder_is_gone_when_the_attempt_has_ended(either, key, eventually):
    body = """
        import os, pathlib, tempfile
        print("cwd", os.getcwd())
        print("tmp", os.path.realpath(tempfile.mkdtemp()))
        pathlib.Path("left-behind").write_text("x")
    """
    either.run(either.task(key, body))
    folders = [line.split()[1] for line in either.log(key).splitlines() if line.startswith(("cwd", "tmp"))]
    assert len(folders) == 2
    assert all(Path(each).is_relative_to(either.attempt_folder(key)) for each in folders)
    eventually(lambda: not (either.attempt_folder(key) / "work").exists(), "the work folder to go")


def test_a_large_work_folder_is_gone_too(either, key, eventually):
    either.run(either.spec(key, "sh", "-c", "seq 1 1000 | xargs touch"))
    eventually(lambda: not (either.attempt_folder(key) / "work").exists(), "the work folder to go")


def test_what_a_task_leaves_in_the_background_ends_with_it(either, key):
    body = """
        import os, subprocess
        subprocess.Popen(["sleep", "1000"])
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                import signal
                signal.pause()
            os._exit(0)
    """
    spec = either.task(key, body)
    assert either.run(spec).code == 0
    assert either.living(spec) == set()


def test_a_missing_interpreter_ends_the_attempt_with_the_reason(warm, key):
    ending = warm.run(warm.spec(key, "pyflyte-execute", environment="missing"))
    assert ending.code == 127
    assert "no/python" in ending.log_tail
    assert ending.started_at is None


def test_an_unknown_environment_ends_the_attempt_with_the_reason(warm, key):
    ending = warm.run(warm.spec(key, "pyflyte-execute", environment="unheard-of"))
    assert ending.code == 127
    assert "'unheard-of'" in ending.log_tail


def test_an_attempt_that_was_started_twice_runs_once(warm, key):
    spec = warm.spec(key, "sh", "-c", "echo ran")
    for _ in range(3):
        warm.runner.start(spec)
    warm.wait_for_end(key)
    warm.run(warm.spec(key + "-later", "true"))
    assert warm.log(key) == "ran\n"
    assert len(warm.endings(key)) == 1


def test_an_attempt_that_has_ended_is_told_again_but_not_run_again(warm, key):
    spec = warm.spec(key, "sh", "-c", "echo ran; exit 5")
    first = warm.run(spec)
    warm.ends.remove(first)
    assert warm.run(spec) == first
    assert warm.log(key) == "ran\n"


def test_many_attempts_at_once_all_end(warm, key):
    specs = [warm.spec(f"{key}-{number}", "sh", "-c", f"exit {number}") for number in range(40)]
    for spec in specs:
        warm.runner.start(spec)
    assert [warm.wait_for_end(spec.key).code for spec in specs] == list(range(40))


def test_a_gigabyte_of_log_keeps_its_beginning_and_its_end(warm, key):
    """The disk may be slow to take it and quick to fill; a look each 0.2 s leaves some hundred MB at most."""
    script = "echo begin; yes 0123456789abcdef | head -c 1000000000; echo end"
    ending = warm.run(warm.spec(key, "sh", "-c", script))
    log = warm.attempt_folder(key) / "log"
    assert log.stat().st_size < 500_000_000
    text = log.read_bytes()
    assert text.startswith(b"begin\n0123456789abcdef\n")
    assert text.endswith(b"end\n")
    assert b"[the middle of this log was left out here: it got too long]" in text
    assert ending.log_tail.endswith("end\n")
    log.unlink()
