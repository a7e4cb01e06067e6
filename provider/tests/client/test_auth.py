"""Every way to prove who we are, against a Flyte with TLS that wants tokens and an OAuth server with TLS."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from flyte_provider import _airflow_private
from flyte_provider._airflow import AirflowOptionalProviderFeatureException
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.aio import ExecutionWatch
from flyte_provider._client.auth import sources
from flyte_provider._client.auth.cache import shared_tokens
from flyte_provider._client.channel import close_shared_channels
from flyte_provider._client.tls import channel_credentials
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteServerError,
)

from ..fakes.admin import FakeAdmin, execution_id, serve
from ..fakes.certificates import Certificate
from ..fakes.oauth import HEADER, FakeOAuth, serve_guarded

pytest.importorskip("authlib")

CLIENT = {"auth_mode": "client_credentials", "client_id": "id", "client_secret": "s3cret"}


@pytest.fixture(autouse=True)
def no_tokens() -> None:
    """A process that has asked for none yet."""
    shared_tokens.cache_clear()
    channel_credentials.cache_clear()


@pytest.fixture
def flyte() -> FakeAdmin:
    fake = FakeAdmin()
    fake.add_execution("e1")
    fake.script = None
    return fake


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path)


@pytest.fixture
def oauth(flyte: FakeAdmin, certificate: Certificate) -> Iterator[FakeOAuth]:
    with serve_guarded(flyte, certificate) as oauth:
        yield oauth


@pytest.fixture
def connection(flyte: FakeAdmin, oauth: FakeOAuth) -> FlyteConnection:
    endpoint = f"localhost:{flyte.port}"
    return FlyteConnection("c", endpoint, ca_cert_file_path=str(oauth.certificate.path), timeout_seconds=10)


def look(connection: FlyteConnection) -> str:
    client = FlyteClient(connection, retry_seconds=0)
    try:
        return str(client.get_execution(execution_id("e1")).id.name)
    finally:
        client.close()


async def look_async(connection: FlyteConnection) -> str:
    watch = await ExecutionWatch.open(connection)
    return str((await watch.look(execution_id("e1"))).id.name)


# -- client credentials --------------------------------------------------------------------------------------


def test_client_credentials_get_a_token_as_flyte_says(
    oauth: FakeOAuth, flyte: FakeAdmin, connection: FlyteConnection
) -> None:
    assert look(replace(connection, **CLIENT)) == "e1"
    (form,) = oauth.asked
    assert form == {"grant_type": "client_credentials", "scope": "all offline", "audience": "flyte"}
    assert flyte.metadata[-1][HEADER] == "Bearer token-1"


def test_scopes_and_audience_of_the_connection_win(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    look(replace(connection, **CLIENT, scopes=("mine",), audience="me"))
    assert (oauth.asked[0]["scope"], oauth.asked[0]["audience"]) == ("mine", "me")


def test_a_server_that_takes_secrets_in_the_form_gets_them_there(
    oauth: FakeOAuth, connection: FlyteConnection
) -> None:
    oauth.auth_methods = ["client_secret_post"]
    assert look(replace(connection, **CLIENT)) == "e1"
    assert oauth.authorizations == [""]


def test_a_token_is_kept_for_the_process(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    for _ in range(3):
        look(replace(connection, **CLIENT))
    assert len(oauth.asked) == 1


def test_threads_that_need_a_token_at_once_fetch_one(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    threads = [threading.Thread(target=look, args=(replace(connection, **CLIENT),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(oauth.asked) == 1


@pytest.mark.parametrize("lifetime", [1, 120])
def test_a_token_is_replaced_before_it_ends(
    oauth: FakeOAuth, connection: FlyteConnection, monkeypatch: pytest.MonkeyPatch, lifetime: int
) -> None:
    oauth.lifetime = lifetime
    look(replace(connection, **CLIENT))
    now = sources.time.time()
    monkeypatch.setattr(sources.time, "time", lambda: now + lifetime * 0.51)
    look(replace(connection, **CLIENT))
    assert len(oauth.asked) == 2


def test_a_token_that_flyte_takes_no_more_is_replaced_once(
    oauth: FakeOAuth, connection: FlyteConnection
) -> None:
    look(replace(connection, **CLIENT))
    oauth.valid.clear()
    assert look(replace(connection, **CLIENT)) == "e1"
    assert len(oauth.asked) == 2
    oauth.refuses_all = True
    with pytest.raises(
        FlyteAuthenticationError, match=r"rejected client 'id' \(UNAUTHENTICATED: token parse"
    ):
        look(replace(connection, **CLIENT))
    assert len(oauth.asked) == 3


def test_a_wrong_secret_is_said(connection: FlyteConnection) -> None:
    wrong = replace(connection, **CLIENT | {"client_secret": "guess"})
    with pytest.raises(
        FlyteAuthenticationError, match=r"https://.*/token .* rejected client 'id': .*who are"
    ):
        look(wrong)


def test_an_oauth_server_in_trouble_may_be_asked_again(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    oauth.answers_with = 503
    with pytest.raises(FlyteServerError, match="does not answer") as caught:
        look(replace(connection, **CLIENT))
    assert caught.value.is_transient


def test_a_flyte_without_an_oauth_server_cannot_be_asked(flyte: FakeAdmin, certificate: Certificate) -> None:
    with serve(flyte, certificate.credentials()):
        endpoint = f"localhost:{flyte.port}"
        connection = FlyteConnection("c", endpoint, ca_cert_file_path=str(certificate.path), **CLIENT)
        with pytest.raises(FlyteConfigurationError, match="names none"):
            look(connection)


def test_without_authlib_it_is_said_what_to_install(
    connection: FlyteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "authlib.common.errors", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"airflow-provider-flyte\[oauth\]"):
        look(replace(connection, **CLIENT))


def test_a_proxy_is_used_for_oauth(connection: FlyteConnection) -> None:
    """Nothing listens there: that it was tried is the proof."""
    with pytest.raises(FlyteServerError, match=r"(?i)proxy"):
        look(replace(connection, **CLIENT, http_proxy_url="http://127.0.0.1:9"))


# -- tokens from elsewhere -----------------------------------------------------------------------------------


def test_a_fixed_token(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    oauth.valid.add("fixed")
    assert look(replace(connection, auth_mode="token", token="fixed")) == "e1"
    with pytest.raises(FlyteAuthenticationError, match="auth_mode=token"):
        look(replace(connection, auth_mode="token", token="other"))


def test_a_flyte_that_names_no_header_gets_the_usual_one(flyte: FakeAdmin, certificate: Certificate) -> None:
    with serve(flyte, certificate.credentials()):
        ca = str(certificate.path)
        look(
            FlyteConnection(
                "c", f"localhost:{flyte.port}", ca_cert_file_path=ca, auth_mode="token", token="t"
            )
        )
    assert flyte.metadata[-1]["authorization"] == "Bearer t"


def test_a_command_prints_the_token(oauth: FakeOAuth, connection: FlyteConnection, tmp_path: Path) -> None:
    oauth.valid.add("printed")
    command = (sys.executable, "-c", "print('printed')")
    assert look(replace(connection, auth_mode="external_command", command=command)) == "e1"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no session')", "exited with 1: no session"),
        ("pass", "printed no token"),
    ],
)
def test_a_command_that_fails_is_quoted(connection: FlyteConnection, program: str, words: str) -> None:
    failing = replace(connection, auth_mode="external_command", command=(sys.executable, "-c", program))
    with pytest.raises(FlyteAuthenticationError, match=words):
        look(failing)


def test_a_command_that_is_not_there_is_named(connection: FlyteConnection) -> None:
    with pytest.raises(FlyteConfigurationError, match="'/no/such' cannot be run: No such file"):
        look(replace(connection, auth_mode="external_command", command=("/no/such",)))


def test_a_proxy_in_front_gets_its_own_token(
    oauth: FakeOAuth, flyte: FakeAdmin, connection: FlyteConnection
) -> None:
    oauth.valid.add("fixed")
    command = (sys.executable, "-c", "print('iap')")
    look(replace(connection, auth_mode="token", token="fixed", proxy_command=command))
    assert flyte.metadata[-1]["proxy-authorization"] == "Bearer iap"


def test_who_says_nothing_hears_what_flyte_wants(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    with pytest.raises(FlyteAuthenticationError, match="Set Client ID and Client secret") as caught:
        look(connection)
    assert str(caught.value).endswith(f"; it takes tokens of {oauth.url}/token, scopes all offline")


def test_a_flyte_that_does_not_say_what_it_wants_refuses_all_the_same(flyte: FakeAdmin) -> None:
    flyte.fail("GetExecution", grpc.StatusCode.UNAUTHENTICATED)
    with serve(flyte), pytest.raises(FlyteAuthenticationError, match=r"in the connection$"):
        look(FlyteConnection("c", f"127.0.0.1:{flyte.port}", insecure=True))


# -- auto ----------------------------------------------------------------------------------------------------


def test_auto_asks_flyte_where_to_prove_who_we_are(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    assert look(replace(connection, **CLIENT, auth_is_auto=True)) == "e1"
    assert len(oauth.asked) == 1


async def test_auto_keeps_its_credentials_from_a_flyte_that_asks_nobody(flyte: FakeAdmin) -> None:
    """flyteadmin has no AuthMetadataService where authentication is off; flytekit sends nothing then."""
    with serve(flyte):
        endpoint = f"127.0.0.1:{flyte.port}"
        automatic = FlyteConnection("c", endpoint, insecure=True, auth_is_auto=True, **CLIENT)
        assert await asyncio.to_thread(look, automatic) == "e1"
        assert await look_async(automatic) == "e1"
        await close_shared_channels()
    assert all("authorization" not in sent for sent in flyte.metadata)


# -- with flytekit -------------------------------------------------------------------------------------------


def test_a_device_shows_a_code(
    oauth: FakeOAuth, connection: FlyteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("flytekit")
    _without_keyring(monkeypatch)
    assert look(replace(connection, auth_mode="device")) == "e1"
    assert oauth.asked[-1]["device_code"] == "d"


def test_pkce_opens_a_browser(
    oauth: FakeOAuth, connection: FlyteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("flytekit")
    _without_keyring(monkeypatch)
    import requests

    def browse(url: str, **kwargs: Any) -> bool:
        threading.Thread(
            target=requests.get, args=(url,), kwargs={"verify": connection.ca_cert_file_path}, daemon=True
        ).start()
        return True

    monkeypatch.setattr("webbrowser.open_new_tab", browse)
    assert look(replace(connection, auth_mode="pkce")) == "e1"
    assert oauth.asked[-1]["code"] == "c"


def _without_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    from flytekit.clients.auth.keyring import KeyringStore

    for name in ("store", "retrieve", "delete"):
        monkeypatch.setattr(KeyringStore, name, staticmethod(lambda *args: None))


# -- asynchronously ------------------------------------------------------------------------------------------


async def test_triggers_share_a_token(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    client = replace(connection, **CLIENT)
    assert await asyncio.gather(*(look_async(client) for _ in range(20))) == ["e1"] * 20
    assert len(oauth.asked) == 1
    oauth.valid.clear()
    assert await asyncio.gather(*(look_async(client) for _ in range(20))) == ["e1"] * 20
    assert len(oauth.asked) == 2
    await close_shared_channels()


async def test_a_trigger_that_gets_no_token_hears_why(connection: FlyteConnection) -> None:
    with pytest.raises(FlyteAuthenticationError, match="rejected client 'id'"):
        await look_async(replace(connection, **CLIENT | {"client_secret": "guess"}))
    await close_shared_channels()


# In older versions of grpcio a call that is collected raises once more what its interceptor has raised.
@pytest.mark.filterwarnings("ignore:.*InterceptedCall.__del__:pytest.PytestUnraisableExceptionWarning")
async def test_a_refused_trigger_hears_it(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    oauth.refuses_all = True
    with pytest.raises(FlyteAuthenticationError, match="UNAUTHENTICATED"):
        await look_async(replace(connection, **CLIENT))
    await close_shared_channels()


# -- trust ---------------------------------------------------------------------------------------------------


def test_any_certificate_is_good_enough_where_that_is_asked_for(
    flyte: FakeAdmin, certificate: Certificate
) -> None:
    with serve(flyte, certificate.credentials()):
        anybody = FlyteConnection("c", f"127.0.0.1:{flyte.port}", insecure_skip_verify=True)
        assert look(anybody) == "e1"
        with pytest.raises(FlyteServerError):
            look(replace(anybody, insecure_skip_verify=False))


def test_a_server_without_a_certificate_is_said(flyte: FakeAdmin) -> None:
    with serve(flyte), pytest.raises(FlyteServerError, match="shows no certificate") as caught:
        look(FlyteConnection("c", f"127.0.0.1:{flyte.port}", insecure_skip_verify=True, timeout_seconds=2))
    assert caught.value.code == "UNAVAILABLE"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_skipping_verification_holds_for_oauth_too(oauth: FakeOAuth, connection: FlyteConnection) -> None:
    assert look(replace(connection, **CLIENT, ca_cert_file_path="", insecure_skip_verify=True)) == "e1"


def test_the_oauth_server_must_show_a_trusted_certificate(
    oauth: FakeOAuth, connection: FlyteConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    oauth_only = Certificate(other)
    with pytest.raises(FlyteServerError):
        look(replace(connection, **CLIENT, ca_cert_file_path=str(oauth_only.path)))


def test_channel_arguments_reach_the_channel(flyte: FakeAdmin) -> None:
    with serve(flyte):
        options = (("grpc.primary_user_agent", "mine"),)
        look(FlyteConnection("c", f"127.0.0.1:{flyte.port}", insecure=True, grpc_options=options))
    assert flyte.metadata[-1]["user-agent"].startswith("mine")


# -- secrecy -------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_text(
    connection: FlyteConnection, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked: list[str] = []
    monkeypatch.setattr(_airflow_private, "mask_in_any_thread", masked.append)
    client = replace(connection, **CLIENT, token="fixed")
    with caplog.at_level(logging.DEBUG):
        look(client)
    texts = [repr(client), repr(sources.Token("token-1")), caplog.text]
    assert not any(secret in text for text in texts for secret in ("s3cret", "token-1", "fixed"))
    assert masked == ["token-1"]
