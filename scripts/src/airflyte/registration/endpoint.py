"""Which Flyte to register with, and how to reach it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from airflyte.errors import AirflyteError

if TYPE_CHECKING:
    from flytekit.configuration import Config

DEFAULT_ADDRESS = "localhost:30080"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A Flyte: an address without TLS and login, or a configuration file that says it all.

    :param address: ``host:port``; unused when there is a file.
    :param config: a file as flytectl and pyflyte read it.
    """

    address: str = DEFAULT_ADDRESS
    config: Path | None = None

    def __str__(self) -> str:
        return f"the Flyte of {self.config}" if self.config else self.address

    @property
    def is_plain(self) -> bool:
        """Whether it can be reached without reading any file."""
        return self.config is None

    def read_config(self) -> Config:
        """The configuration for flytekit's client; imports flytekit."""
        from flytekit.configuration import Config, PlatformConfig

        if self.config:
            return Config.auto(str(self.config))
        # flytekit's retries also repeat answers that are final, "exists already" among them.
        return Config(platform=PlatformConfig(endpoint=self.address, insecure=True, rpc_retries=0))


def choose_endpoint(address: str | None, config: Path | None, environ: MutableMapping[str, str]) -> Endpoint:
    """What was asked for, else what ``FLYTECTL_CONFIG`` names, else the sandbox of this machine.

    :raises AirflyteError: when the file is not there; flytekit would quietly take another one.
    """
    if config is None and address is None and environ.get("FLYTECTL_CONFIG"):
        config = Path(environ["FLYTECTL_CONFIG"])
    if config and not config.is_file():
        raise AirflyteError(f"There is no Flyte configuration file {config}.")
    return Endpoint(address or DEFAULT_ADDRESS, config)


def bypass_proxy(endpoint: Endpoint, environ: MutableMapping[str, str] = os.environ) -> None:
    """Keep a company's proxy out of the way to this machine itself; gRPC and HTTP read the same variables."""
    if not endpoint.is_plain or not endpoint.address.startswith(LOOPBACK):
        return
    for name in ("no_proxy", "NO_PROXY"):
        kept = [environ[name]] if environ.get(name) else []
        environ[name] = ",".join([*kept, "localhost", "127.0.0.1", "::1"])


def tell_flytekit(endpoint: Endpoint, environ: MutableMapping[str, str] = os.environ) -> None:
    """Say which Flyte is meant to whatever of flytekit asks its configuration: the builders of images do."""
    if endpoint.config:
        environ["FLYTECTL_CONFIG"] = str(endpoint.config)
    else:
        environ.update(FLYTE_PLATFORM_URL=endpoint.address, FLYTE_PLATFORM_INSECURE="true")
