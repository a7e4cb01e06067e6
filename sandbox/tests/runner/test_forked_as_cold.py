"""A forked attempt must not be told from one whose interpreter was started for it."""

from __future__ import annotations

import concurrent.futures
import importlib.util
import itertools
import json
import sys
import tarfile
from pathlib import Path

import grpc
import pytest
from flyteidl.core import literals_pb2 as idl
from grpc_health.v1 import health, health_pb2_grpc

from flyte_sandbox.runner.environment import temporary_path

WORLD = """
    import asyncio, ctypes, decimal, gc, json, locale, logging, multiprocessing, os, pathlib, resource, signal
    import socket, subprocess, sys, tempfile, threading, time, warnings
    from flytekit import task, current_context
    from flytekit.configuration import Config
    from flytekit.core.context_manager import FlyteContextManager

    AT_IMPORT = {"cwd": os.getcwd(), "tmp": tempfile.gettempdir(), "home": os.path.expanduser("~")}

    def descriptors():
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{number}").partition(":[")[0])
            except OSError:
                pass
        return sorted(found)

    def status_lines(*names):
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return [line for line in lines if line.startswith(names)]

    def shell(line):
        return subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, text=True).stdout

    def program_of(signals):
        return {str(n): repr(signal.getsignal(n)).partition(" at ")[0] for n in signals}

    def handlers_of(*names):
        return {n: [repr(type(h)) for h in logging.getLogger(n).handlers] for n in names}

    def world():
        main = sys.modules["__main__"]
        context = FlyteContextManager.current_context()
        return {
            "import": AT_IMPORT,
            "cwd": os.getcwd(),
            "listing": sorted(os.listdir(".")),
            "env": dict(os.environ),
            "env of children": shell("env | grep -v ^_= | sort"),
            "argv": sys.argv,
            "orig_argv": sys.orig_argv,
            "path": sys.path,
            "flags": repr(sys.flags),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "main": [main.__name__, main.__file__, main.__spec__, main.__package__],
            "signals": program_of(signal.valid_signals()),
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
            "dispositions": status_lines("SigIgn", "SigBlk"),
            "dispositions of children": shell("grep -E 'SigIgn|SigBlk' /proc/self/status"),
            "descriptors": descriptors(),
            "umask": os.umask(0o022),
            "is session leader": os.getsid(0) == os.getpid(),
            "is group leader": os.getpgrp() == os.getpid(),
            "limits": [resource.getrlimit(n) for n in range(10)],
            "stdin": sys.stdin.read(),
            "stdout": [sys.stdout.encoding, sys.stdout.errors, sys.stdout.write_through, sys.stdout.isatty()],
            "stderr": [sys.stderr.encoding, sys.stderr.errors, sys.stderr.write_through, sys.stderr.isatty()],
            "locale": [locale.getlocale(), locale.getpreferredencoding()],
            "time zone": [time.tzname, time.timezone],
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "temporary": sorted(name[:3] for name in os.listdir(tempfile.gettempdir())),
            "sandbox path": os.path.dirname(Config().local_sandbox_path),
            "file access": os.path.dirname(os.path.dirname(context.file_access.local_sandbox_dir)),
            "handlers": handlers_of("", "flytekit", "user_space", "developer"),
            "levels": {n: logging.getLogger(n).level for n in ("", "flytekit", "user_space")},
            "excepthook": sys.excepthook.__module__,
            "recursion limit": sys.getrecursionlimit(),
            "visible modules": [name for name in ("child", "records", "warmth") if name in sys.modules],
            "nice": os.nice(0),
            "who": [os.getresuid(), os.getresgid(), os.getgroups()],
            "processor": sorted(os.sched_getaffinity(0)),
            "out of memory": pathlib.Path("/proc/self/oom_score_adj").read_text(),
            "capabilities": status_lines("Cap", "NoNewPrivs", "Seccomp", "CoreDumping"),
            "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
            "name": pathlib.Path("/proc/self/comm").read_text(),
            "start method": multiprocessing.get_start_method(allow_none=True),
            "socket timeout": socket.getdefaulttimeout(),
            "decimals": repr(decimal.getcontext()),
            "collector": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
            "switch interval": sys.getswitchinterval(),
            "tracing": [sys.gettrace(), sys.getprofile(), threading.gettrace()],
            "warnings": [repr(each) for each in warnings.filters],
            "finders": [repr(each).partition(" at ")[0] for each in sys.meta_path],
            "dont_write_bytecode": sys.dont_write_bytecode,
            "events": asyncio.get_event_loop_policy().__class__.__name__,
            "processor time": time.process_time() < 30,
            "children's time": os.times().children_user < 5,
        }

    @task
    def t():
        pathlib.Path(os.environ["NOTES"]).write_text(json.dumps(world()))
"""


NOT_THE_TASKS = frozenset({"AIRFLYTE_ATTEMPT", "OLDPWD", "PWD", "SHLVL", "_"})
"""Each attempt's own mark, and what a shell adds: scripts below a path with a blank begin in one."""


def look(harness, key, is_prepared=False, **env):
    """The world as a task sees it, with what belongs to the one attempt named alike."""
    notes = harness.folder / f"{key}.json"
    spec = harness.module(key, WORLD, NOTES=str(notes), **env)
    if is_prepared:
        harness.runner.ready(60)
        harness.runner.prepare(spec)
    ending = harness.run(spec)
    assert ending.code == 0, ending.log_tail
    text = notes.read_text()
    spec = harness.spec(key)
    for own in (str(spec.folder), str(harness.folder), temporary_path(spec)):
        text = text.replace(own, "OWN")
    found = json.loads(text.replace(key, "KEY"))
    found["env"] = {name: value for name, value in found["env"].items() if name not in NOT_THE_TASKS}
    lines = found["env of children"].splitlines()
    found["env of children"] = [line for line in lines if line.partition("=")[0] not in NOT_THE_TASKS]
    return found


def scripts_name_their_process():
    """Installers begin a script with a shell where a blank in its interpreter's path forbids to name that;
    the process is then called after the interpreter.
    """
    script = Path(sys.executable).parent / "pyflyte-execute"
    return script.read_bytes().startswith(f"#!{sys.executable}".encode())


@pytest.mark.parametrize("is_prepared", [False, True])
@pytest.mark.parametrize(
    "env", [{}, {"FLYTE_SDK_LOGGING_LEVEL": "10", "A": "b c"}, {"FLYTE_INTERNAL_EXECUTION_ID": ""}]
)
def test_a_task_sees_the_same_world(warm, cold, key, env, is_prepared):
    forked, started = look(warm, key, is_prepared, **env), look(cold, key, **env)
    if not scripts_name_their_process():
        assert forked.pop("name") != started.pop("name")
    different = [name for name in forked if forked[name] != started[name]]
    assert {name: forked[name] for name in different} == {name: started[name] for name in different}


SHOW_PROGRAM = "print(open('/proc/self/cmdline', 'rb').read().split(bytes(1))[1])"


def test_a_warm_runner_forks_and_a_cold_one_does_not(warm, cold, key):
    for harness in (warm, cold):
        assert harness.run(harness.task(key, SHOW_PROGRAM)).code == 0
    assert "template/main.py" in warm.log(key)
    assert "bin/pyflyte-execute" in cold.log(key)


@pytest.mark.parametrize(
    "env",
    [
        {"OMP_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "1"},
        {"TZ": "Asia/Tokyo"},
        {"LC_ALL": "C.UTF-8"},
        {"LD_LIBRARY_PATH": "/x"},
        {"HOME": "/root"},
        {"PATH": "/mine:/usr/bin"},
        {"_F_TE_MAX_COROS": "5"},
        {"FLYTE_SDK_RICH_TRACEBACKS": "0"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_variables_that_were_read_at_import_make_an_attempt_cold(warm, key, env):
    assert warm.run(warm.task(key, SHOW_PROGRAM, **env)).code == 0
    assert "bin/pyflyte-execute" in warm.log(key)


@pytest.mark.parametrize(
    "env",
    [
        {"MY_SETTING": "1"},
        {
            "FLYTE_AWS_ENDPOINT": "http://localhost:30002",
            "FLYTE_PLATFORM_URL": "x",
            "FLYTE_ATTEMPT_NUMBER": "0",
        },
        {"FLYTE_INTERNAL_TASK_NAME": "x", "_F_SS_C": "", "FLYTE_SECRETS_DEFAULT_DIR": "/x"},
        {"BATCH_JOB_ARRAY_INDEX_VAR_NAME": "FLYTE_K8S_ARRAY_INDEX", "FLYTE_K8S_ARRAY_INDEX": "3"},
    ],
    ids=lambda env: next(iter(env)),
)
def test_the_usual_variables_leave_an_attempt_warm(warm, key, env):
    assert warm.run(warm.task(key, SHOW_PROGRAM, **env)).code == 0
    assert "template/main.py" in warm.log(key)


def test_flytekit_reads_its_settings_from_the_attempts_variables(warm, key):
    body = """
        from flytekit.configuration import Config, DataConfig
        print("endpoint", DataConfig.auto().s3.endpoint)
        import flytekit
        print("secrets in", flytekit.current_context().secrets._base_dir)
    """
    env = {"FLYTE_AWS_ENDPOINT": "http://here:1", "FLYTE_SECRETS_DEFAULT_DIR": "/my/secrets"}
    assert warm.run(warm.task(key, body, **env)).code == 0
    assert "endpoint http://here:1\nsecrets in /my/secrets" in warm.log(key)


def test_user_code_that_shadows_a_loaded_module_is_imported_instead_of_it(warm, key):
    spec = warm.task(key, "import click; print('click is', click.__file__)")
    code = warm.folder / "code" / key
    (code / "yaml.py").write_text("def safe_load(*_): return {}\nload = dump = safe_load\nprint('my yaml')")
    warm.run(spec)
    assert "my yaml" in warm.log(key)


def test_a_data_folder_with_the_name_of_a_loaded_module_does_no_harm(warm, key):
    spec = warm.task(key, SHOW_PROGRAM)
    (warm.folder / "code" / key / "click").mkdir()
    assert warm.run(spec).code == 0
    assert "template/main.py" in warm.log(key)


@pytest.mark.parametrize(
    ("group", "program"),
    [("flytekit.plugins", "bin/pyflyte-execute"), ("console_scripts", "template/main.py")],
)
def test_user_code_with_entry_points_of_its_own_runs_cold(warm, key, group, program):
    spec = warm.task(key, SHOW_PROGRAM)
    metadata = warm.folder / "code" / key / "mine.egg-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text(f"[{group}]\nmine = mine_{key}:main\n")
    warm.run(spec)
    assert program in warm.log(key)


RANDOM = """
    import json, os, pathlib, random, secrets, tempfile, uuid
    import flytekit
    values = [random.random(), random.Random().random(), str(uuid.uuid4()), secrets.token_hex(4)]
    values += [tempfile.mktemp()]
    try:
        import numpy
        values += [numpy.random.rand(), numpy.random.default_rng().random()]
        values += [numpy.random.RandomState().rand()]
    except ImportError:
        pass
    pathlib.Path(os.environ["NOTES"]).write_text(json.dumps(values))
"""


def test_random_numbers_differ_between_forks(warm, key):
    drawn = []
    for number in range(3):
        notes = warm.folder / f"{key}-{number}.json"
        assert warm.run(warm.task(f"{key}-{number}", RANDOM, NOTES=str(notes))).code == 0
        drawn.append(json.loads(notes.read_text()))
    for values in zip(*drawn, strict=True):
        assert len(set(values)) == 3


def test_forks_do_not_share_the_event_loop_that_flytekit_makes_at_import(warm, key):
    body = """
        import asyncio, os, time
        from flytekit.extend.backend import base_connector
        loop = base_connector.local_connector_loop
        async def wait():
            await asyncio.sleep(0.05)
            return await asyncio.to_thread(lambda: "through the self pipe")
        print(loop.run_until_complete(wait()))
        print("pipe", os.readlink(f"/proc/self/fd/{loop._ssock.fileno()}"))
    """
    specs = [warm.task(f"{key}-{number}", body) for number in range(4)]
    for spec in specs:
        warm.runner.start(spec)
    for spec in specs:
        assert warm.wait_for_end(spec.key).code == 0, warm.log(spec.key)
        assert "through the self pipe" in warm.log(spec.key)
    assert len({warm.log(spec.key).rpartition("pipe")[2] for spec in specs}) == 4


@pytest.fixture
def health_address():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_task_may_open_a_grpc_channel(either, key, health_address):
    """As eager tasks do."""
    body = f"""
        import grpc
        channel = grpc.insecure_channel({health_address!r})
        ask = channel.unary_unary("/grpc.health.v1.Health/Check")
        print("health is", ask(b"", timeout=10))
    """
    assert either.run(either.task(key, body)).code == 0
    assert "health is b'\\x08\\x01'" in either.log(key)


def test_multiprocessing_finds_its_main_module(either, key):
    source = """
        import multiprocessing
        from flytekit import task

        def double(x):
            return 2 * x

        @task
        def t():
            for method in ("spawn", "fork", "forkserver"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(method, pool.map(double, [1, 2, 3]))
    """
    ending = either.run(either.module(key, source))
    assert ending.code == 0
    assert [f"{m} [2, 4, 6]" in either.log(key) for m in ("spawn", "fork", "forkserver")] == [True] * 3, (
        ending
    )


def test_the_attempt_is_marked_from_outside_too(either, key, eventually):
    body = """
        import os, pathlib, time
        children = os.fork()
        pathlib.Path(NOTES, str(os.getpid())).touch()
        if children == 0:
            os.setsid()
        while not pathlib.Path(NOTES, "go").exists():
            time.sleep(0.01)
        if children == 0:
            os._exit(0)
        os.wait()
    """
    notes = either.folder / f"{key}-notes"
    notes.mkdir()
    spec = either.task(key, body.replace("NOTES", repr(str(notes))))
    either.runner.start(spec)
    eventually(lambda: len(list(notes.iterdir())) == 2, "both processes")
    assert either.living(spec) == {int(path.name) for path in notes.iterdir()}
    (notes / "go").touch()
    assert either.wait_for_end(key).code == 0


def test_code_is_fetched_unpacked_and_found(either, key, tmp_path):
    source = f"""
        import os
        from flytekit import task
        import helper_of_user
        @task
        def t():
            {SHOW_PROGRAM}
            print(helper_of_user.VALUE, sorted(os.listdir(".")))
            print("as seen by children", os.environ["PYTHONPATH"] == os.getcwd())
            from flytekit.core.context_manager import FlyteContextManager as M
            fast = M.current_context().serialization_settings.fast_serialization_settings
            print("passed on", fast.destination_dir, fast.distribution_location)
    """
    spec = either.module(key, source)
    archive = tmp_path / "fast123.tar.gz"
    (tmp_path / "helper_of_user.py").write_text("VALUE = 'found'")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "helper_of_user.py", "helper_of_user.py")
        tar.add(either.folder / "code" / key / "user_tasks.py", "user_tasks.py")
    argv = [
        "pyflyte-fast-execute",
        "--additional-distribution",
        str(archive),
        "--dest-dir",
        "/root",
        "--",
        *spec.argv,
    ]
    ending = either.run(either.spec(key, *argv))
    assert ending.code == 0
    assert (either.files(key) / "outputs.pb").exists(), ending.log_tail
    assert "found ['__pycache__', 'fast123.tar.gz', 'helper_of_user.py', 'user_tasks.py']" in either.log(key)
    assert "as seen by children True" in either.log(key)
    assert f"passed on /root {archive}" in either.log(key)
    assert "template/main.py" in either.log(key) or "bin/pyflyte-execute" in either.log(key)


def test_code_that_is_missing_ends_with_code_1(either, key):
    argv = [
        "pyflyte-fast-execute",
        "--additional-distribution",
        "/no/code.tar.gz",
        "--dest-dir",
        ".",
        "--",
        "true",
    ]
    ending = either.run(either.spec(key, *argv))
    assert ending.code == 1
    assert "task execution code was not found" in ending.log_tail


def test_any_command_may_follow_the_code(either, key, tmp_path):
    (tmp_path / "pkl.gz").write_bytes(b"a pickle")
    argv = ["pyflyte-fast-execute", "--additional-distribution", str(tmp_path / "pkl.gz"), "--dest-dir", "."]
    ending = either.run(either.spec(key, *argv, "--", "sh", "-c", "cat pkl.gz; exit 3"))
    assert (ending.code, either.log(key)) == (3, "a pickle")


def test_a_map_task_takes_its_element(either, key):
    source = """
        from flytekit import task, map_task
        @task
        def double(x: int) -> int:
            return 2 * x
    """
    spec = either.module(key, source)
    numbers = [idl.Literal(scalar=idl.Scalar(primitive=idl.Primitive(integer=n))) for n in (10, 20, 30)]
    inputs = idl.LiteralMap(literals={"x": idl.Literal(collection=idl.LiteralCollection(literals=numbers))})
    path = either.folder / f"{key}.pb"
    path.write_bytes(inputs.SerializeToString())
    out = either.files(key)
    argv = [
        *(
            "pyflyte-map-execute",
            "--inputs",
            str(path),
            "--output-prefix",
            str(out),
            "--raw-output-data-prefix",
            str(out),
        ),
        *(
            "--resolver",
            "flytekit.core.array_node_map_task.ArrayNodeMapTaskResolver",
            "--",
            "vars",
            "",
            "resolver",
        ),
        *(
            "flytekit.core.python_auto_container.default_task_resolver",
            "task-module",
            "user_tasks",
            "task-name",
            "double",
        ),
    ]
    env = {"BATCH_JOB_ARRAY_INDEX_VAR_NAME": "FLYTE_K8S_ARRAY_INDEX", "FLYTE_K8S_ARRAY_INDEX": "1"}
    ending = either.run(either.spec(key, *argv, **{**spec.env, **env}))
    assert ending.code == 0
    written = idl.LiteralMap.FromString((out / "outputs.pb").read_bytes())
    assert [v.scalar.primitive.integer for v in written.literals.values()] == [40], ending.log_tail


COMPUTING = """
    import json, os, pathlib
    import numpy, pandas, xgboost
    from sklearn.ensemble import HistGradientBoostingClassifier
    from flytekit import task

    def compute(seed):
        rows = pandas.DataFrame(numpy.random.default_rng(seed).normal(size=(500, 5)))
        target = (rows[0] * rows[1] > 0).astype(int)
        booster = xgboost.XGBClassifier(n_estimators=20, n_jobs=2, random_state=seed).fit(rows, target)
        forest = HistGradientBoostingClassifier(max_iter=20, random_state=seed).fit(rows, target)
        found = [booster.predict_proba(rows)[:, 1].tolist(), forest.predict_proba(rows)[:, 1].tolist()]
        found.append(numpy.linalg.svd(rows.to_numpy() @ rows.to_numpy().T)[1].tolist())
        return found + POLARS

    AT_IMPORT = compute(1)

    @task
    def t():
        text = json.dumps([AT_IMPORT, compute(2), numpy.geterr(), pandas.get_option("display.max_rows")])
        pathlib.Path(os.environ["NOTES"]).write_text(text)
"""
POLARS = """[
            __import__("polars").DataFrame({"a": list(range(1000)), "b": [seed] * 1000})
            .lazy().group_by("b").agg(__import__("polars").col("a").sum()).collect().to_dicts()
        ]"""


def wait_until_loaded(harness, key, eventually):
    """What the first attempt had to import is in the template."""
    body = "import sys; sys.exit('xgboost' not in sys.modules)"
    keys = (f"{key}-look-{number}" for number in itertools.count())
    eventually(lambda: harness.run(harness.task(next(keys), body)).code == 0, "xgboost to be loaded")


@pytest.mark.slow
def test_modules_that_train_when_they_are_imported_give_the_same_in_a_fork(make_harness, key, eventually):
    """In one of a template, too, that has all their libraries loaded."""
    has_polars = importlib.util.find_spec("polars") is not None
    source = COMPUTING.replace("POLARS", POLARS if has_polars else "[]")
    found = {}
    for name, is_warm in (("first", True), ("loaded", True), ("cold", False)):
        harness = make_harness(below="" if is_warm else "cold", warm=is_warm)
        notes = harness.folder / f"{name}.json"
        ending = harness.run(harness.module(f"{key}-{name}", source, NOTES=str(notes)))
        assert ending.code == 0, ending.log_tail
        found[name] = json.loads(notes.read_text())
        if name == "first":
            wait_until_loaded(harness, key, eventually)
    assert found["first"] == found["loaded"] == found["cold"]
