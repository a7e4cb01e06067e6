"""FlyteHook over a real connection, a real channel and a fake Flyte."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import Any

import grpc
import pytest
from flyteidl.core import literals_pb2, types_pb2

from flyte_provider._airflow import AirflowOptionalProviderFeatureException
from flyte_provider._client.codec import encode
from flyte_provider.exceptions import (
    FlyteConfigurationError,
    FlyteEntityNotFoundError,
    FlyteExecutionAbortedError,
    FlyteExecutionFailedError,
    FlyteExecutionTimedOutError,
    FlyteInputError,
    FlyteServerError,
)
from flyte_provider.hooks.flyte import ExecutionRef, FlyteHook

from ..fakes.admin import FakeAdmin, Phase
from ..fakes.airflow import make_connection

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
CONSOLE = "console/projects/flytesnacks/domains/development/executions"


@pytest.fixture
def hook(conn_id: str) -> FlyteHook:
    return FlyteHook(conn_id)


def test_making_a_hook_reads_no_connection() -> None:
    assert FlyteHook("does_not_exist").flyte_conn_id == "does_not_exist"
    assert FlyteHook().flyte_conn_id == "flyte_default"


def test_project_and_domain_come_from_the_connection(hook: FlyteHook) -> None:
    assert (hook.project, hook.domain) == ("flytesnacks", "development")
    assert FlyteHook(hook.flyte_conn_id, project="p", domain="d").execution_id("e").project == "p"


def test_a_missing_project_is_named(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    conn_id = make_connection(monkeypatch, admin.port, project="")
    with pytest.raises(
        FlyteConfigurationError, match="no project given, and connection 'flyte_test' names none"
    ):
        FlyteHook(conn_id).execution_id("e")


def test_phases_are_flytes_numbers() -> None:
    assert FlyteHook.SUCCEEDED == Phase.SUCCEEDED
    assert FlyteHook.FAILED == Phase.FAILED
    assert FlyteHook.ABORTED == Phase.ABORTED
    assert FlyteHook.TIMED_OUT == Phase.TIMED_OUT


def test_an_execution_is_triggered(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_launch_plan("lp", {"x": INT})
    ref = hook.trigger_execution("e1", launchplan_name="lp", inputs={"x": 1}, envs={"A": "b"})
    assert ref == "e1"
    assert isinstance(ref, ExecutionRef)
    assert (ref.name, ref.project, ref.domain) == ("e1", "flytesnacks", "development")
    assert ref.url == f"http://127.0.0.1:{admin.port}/{CONSOLE}/e1"
    assert admin.executions["e1"].spec.envs.values[0].key == "A"


def test_triggering_without_labels_works(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_task("t", {})
    assert hook.trigger_execution("e1", task_name="t")


def test_wrong_inputs_trigger_nothing(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_launch_plan("lp", {"x": INT})
    with pytest.raises(FlyteInputError):
        hook.trigger_execution("e1", launchplan_name="lp", inputs={"x": "a"})
    assert not admin.executions


def test_an_existing_name_is_an_error(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_launch_plan("lp")
    admin.add_execution("e1")
    with pytest.raises(FlyteServerError) as caught:
        hook.trigger_execution("e1", launchplan_name="lp")
    assert caught.value.code == "ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("phase", "error", "words"),
    [
        (Phase.FAILED, FlyteExecutionFailedError, "Execution e1 failed"),
        (Phase.TIMED_OUT, FlyteExecutionTimedOutError, "Execution e1 timedout"),
        (Phase.ABORTED, FlyteExecutionAbortedError, "Execution e1 aborted"),
    ],
)
def test_the_status_of_a_bad_end_is_an_error(
    admin: FakeAdmin, hook: FlyteHook, phase: int, error: type[Exception], words: str
) -> None:
    admin.add_execution("e1", phase)
    with pytest.raises(error, match=f"^{words}"):
        hook.execution_status("e1")


def test_the_status_is_whether_it_has_succeeded(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.script = None
    admin.add_execution("e1")
    assert hook.execution_status("e1", remote=object()) is False
    admin.end("e1")
    assert hook.execution_status("e1") is True


def test_waiting_returns_the_execution(admin: FakeAdmin, hook: FlyteHook) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    admin.add_execution("e1")
    assert hook.wait("e1", poll_interval=0.01, max_poll_interval=0.01).closure.phase == Phase.SUCCEEDED


def test_waiting_ends(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.script = None
    admin.add_execution("e1")
    with pytest.raises(TimeoutError, match="Execution e1 still runs"):
        hook.wait("e1", timeout_seconds=0.05)


def test_outputs_are_decoded(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1")
    admin.end("e1", outputs={"accuracy": encode(5, INT)})
    assert hook.get_outputs("e1") == {"accuracy": 5}


def test_outputs_behind_a_signed_address_are_read(admin: FakeAdmin, hook: FlyteHook, tmp_path: Any) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    content = literals_pb2.LiteralMap(literals={"a": encode(1, INT)}).SerializeToString()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        admin.signed_outputs = f"http://127.0.0.1:{server.server_port}/outputs.pb"
        admin.add_execution("e1")
        assert hook.get_outputs("e1") == {"a": 1}


def test_outputs_behind_another_address_are_refused(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.signed_outputs = "file:///etc/passwd"
    admin.add_execution("e1")
    with pytest.raises(FlyteServerError, match="cannot be read from here"):
        hook.get_outputs("e1")


def test_outputs_that_do_not_arrive_are_an_error_without_the_signature(
    admin: FakeAdmin, hook: FlyteHook
) -> None:
    admin.signed_outputs = "http://127.0.0.1:9/outputs.pb?signature=s3cret"
    admin.add_execution("e1")
    with pytest.raises(
        FlyteServerError, match=r"outputs at .*outputs\.pb cannot be read: .*refused"
    ) as caught:
        hook.get_outputs("e1")
    assert (caught.value.is_transient, "s3cret" in str(caught.value)) == (True, False)


def test_terminating_tells_the_cause(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1")
    hook.terminate("e1", "because")
    assert admin.executions["e1"].closure.abort_metadata.cause == "because"


def test_terminating_what_has_ended_is_no_error(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1", Phase.SUCCEEDED)
    hook.terminate("e1", "because")


def test_terminating_what_is_not_there_is_an_error(hook: FlyteHook) -> None:
    with pytest.raises(FlyteEntityNotFoundError):
        hook.terminate("e1", "because")


def test_recovering_makes_a_new_execution(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1", Phase.FAILED)
    assert hook.recover("e1", "e2").name == "e2"


def test_test_connection_tells_version_and_latency(admin: FakeAdmin, hook: FlyteHook) -> None:
    works, message = hook.test_connection()
    assert works
    assert message.startswith(f"Flyte v1.16.8 at 127.0.0.1:{admin.port} answered in ")
    assert admin.calls == ["ListProjects", "GetVersion"]


def test_test_connection_tells_what_is_wrong(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.fail("ListProjects", grpc.StatusCode.UNAUTHENTICATED, details="no token")
    works, message = hook.test_connection()
    assert not works
    assert "rejected an anonymous client (UNAUTHENTICATED: no token)" in message


def test_test_connection_never_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    works, message = FlyteHook("does_not_exist").test_connection()
    assert not works
    assert "does_not_exist" in message
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://")
    works, message = FlyteHook("flyte_test").test_connection()
    assert (works, message) == (
        False,
        "Flyte connection 'flyte_test': no host. Set Host, e.g. flyte.example.com:443",
    )


def test_the_channel_can_be_used_and_closed(hook: FlyteHook) -> None:
    assert isinstance(hook.get_conn(), grpc.Channel)
    hook.close()
    hook.close()
    assert isinstance(hook.get_conn(), grpc.Channel)


def test_a_console_elsewhere_is_linked(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    conn_id = make_connection(monkeypatch, admin.port, console_endpoint="https://console.example.com/")
    assert FlyteHook(conn_id).console_url("e1") == f"https://console.example.com/{CONSOLE}/e1"
    monkeypatch.setenv("AIRFLOW__FLYTE__CONSOLE_URL", "https://other.example.com")
    assert FlyteHook(conn_id).console_url("e1").startswith("https://console.example.com/")
    conn_id = make_connection(monkeypatch, admin.port)
    assert FlyteHook(conn_id).console_url("e1").startswith("https://other.example.com/")


# -- lists and signals ---------------------------------------------------------------------------------------


def test_executions_are_listed_newest_first(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.script = None
    for name in ("e1", "e2", "e3"):
        admin.add_execution(name).spec.launch_plan.name = "lp"
    admin.end("e2")
    assert [entry.id.name for entry in hook.list_executions()] == ["e3", "e2", "e1"]
    assert [entry.id.name for entry in hook.list_executions(limit=1)] == ["e3"]
    running = hook.list_executions(phases=["RUNNING", "QUEUED"], launchplan_name="lp")
    assert [entry.id.name for entry in running] == ["e3", "e1"]
    assert hook.list_executions(launchplan_name="other") == []


def test_a_gate_is_opened(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1")
    admin.add_signal("e1", "approve", types_pb2.LiteralType(simple=types_pb2.BOOLEAN))
    admin.add_signal("e1", "rate", INT)
    waiting = {"signal_id": "approve", "type": "bool", "value": None}
    assert hook.list_signals("e1") == [waiting, {"signal_id": "rate", "type": "int", "value": None}]
    hook.set_signal("e1", "approve", True)
    hook.set_signal("e1", "rate", 3)
    assert [signal["value"] for signal in hook.list_signals("e1")] == [True, 3]


def test_a_gate_takes_what_fits(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1")
    admin.add_signal("e1", "rate", INT)
    with pytest.raises(FlyteInputError, match="signal 'rate': expected int, got str 'much'"):
        hook.set_signal("e1", "rate", "much")
    with pytest.raises(FlyteEntityNotFoundError, match="does not wait for a signal 'x'; it waits for: rate"):
        hook.set_signal("e1", "x", 1)


def test_a_signal_is_set_once_the_execution_has_come_to_it(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.script = None
    admin.add_execution("e1")

    def come_to_the_gate() -> None:
        admin.wait_for("ListSignals", 2)
        admin.add_signal("e1", "approve", types_pb2.LiteralType(simple=types_pb2.BOOLEAN))

    thread = threading.Thread(target=come_to_the_gate)
    thread.start()
    hook.set_signal("e1", "approve", False, timeout_seconds=60)
    thread.join()
    assert hook.list_signals("e1")[0]["value"] is False


def test_an_execution_that_has_ended_comes_to_no_gate(admin: FakeAdmin, hook: FlyteHook) -> None:
    admin.add_execution("e1", Phase.FAILED)
    with pytest.raises(FlyteEntityNotFoundError, match="it waits for: nothing; its phase is FAILED"):
        hook.set_signal("e1", "approve", True, timeout_seconds=60)
    assert admin.count("SetSignal") == 0


# -- flytekit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "mode"),
    [
        ({"auth_mode": "pkce"}, "PKCE"),
        ({"auth_mode": "device"}, "DEVICEFLOW"),
        ({"command": ["x"]}, "external_process"),
        ({"token": "t"}, "external_process"),
    ],
)
def test_a_remote_authenticates_as_we_do(
    admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], mode: str
) -> None:
    pytest.importorskip("flytekit")
    platform = (
        FlyteHook(make_connection(monkeypatch, admin.port, **extra)).create_flyte_remote().config.platform
    )
    assert platform.auth_mode == mode
    assert platform.command == {"command": ["x"], "token": ["printf", "%s", "t"]}.get(next(iter(extra)))


def test_a_remote_has_the_connections_settings(hook: FlyteHook, admin: FakeAdmin) -> None:
    pytest.importorskip("flytekit")
    remote = hook.create_flyte_remote()
    assert remote.config.platform.endpoint == f"127.0.0.1:{admin.port}"
    assert remote.config.platform.insecure is True
    assert (remote.default_project, remote.default_domain) == ("flytesnacks", "development")


def test_a_remote_has_what_only_flytekit_knows(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flytekit")
    conn_id = make_connection(
        monkeypatch, admin.port, s3_endpoint="http://s3", env_prefix="X_", statsd_port=99
    )
    with pytest.warns(UserWarning, match="matters to create_flyte_remote"):
        remote = FlyteHook(conn_id).create_flyte_remote()
    assert remote.config.data_config.s3.endpoint == "http://s3"
    assert remote.config.secrets.env_prefix == "X_"
    assert remote.config.stats.port == 99


def test_a_remote_needs_flytekit(hook: FlyteHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flytekit", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match="needs flytekit"):
        hook.create_flyte_remote()


def test_a_remote_is_refused_beside_the_plugin_that_breaks_airflow(
    hook: FlyteHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint

    plugin = EntryPoint("airflow", "flytekitplugins.airflow", "flytekit.plugins")
    monkeypatch.setattr("flyte_provider._flytekit_remote.entry_points", lambda group: [plugin])
    with pytest.raises(FlyteConfigurationError, match="flytekitplugins-airflow"):
        hook.create_flyte_remote()


def test_errors_survive_pickling() -> None:
    error = FlyteExecutionFailedError("m", name="e1", kind="USER", code="c", node="n0")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.name, again.kind, again.node) == ("m", "e1", "USER", "n0")
