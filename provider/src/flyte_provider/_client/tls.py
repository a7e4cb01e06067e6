"""Whom we trust: the authorities of gRPC channels and of requests to an OAuth server."""

from __future__ import annotations

import socket
import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

import grpc

from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError, FlyteServerError


@lru_cache(maxsize=32)
def channel_credentials(connection: FlyteConnection) -> tuple[grpc.ChannelCredentials, str]:
    """Return the credentials of a channel with TLS, and the name to check the certificate against (or empty).

    Blocks: it reads files, and with ``insecure_skip_verify`` asks the server for its certificate.
    """
    if connection.insecure_skip_verify:
        certificate, name = _shown_certificate(connection)
        return grpc.ssl_channel_credentials(root_certificates=certificate), name
    # An empty list means gRPC's bundled one: better than trusting nobody where the system has none.
    roots = _root_certificates(connection) or None
    return grpc.ssl_channel_credentials(root_certificates=roots), connection.authority


def _root_certificates(connection: FlyteConnection) -> bytes:
    """Return the authorities to trust, as PEM.

    gRPC would take a list bundled with its wheel; a company's own authority is in the system's.
    """
    if connection.ca_cert_file_path:
        return _read_ca_file(connection)
    context = ssl.create_default_context()
    authorities = [ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True)]
    cafile = ssl.get_default_verify_paths().cafile
    if not authorities and cafile:
        return Path(cafile).read_bytes()
    return "".join(authorities).encode()


def _read_ca_file(connection: FlyteConnection) -> bytes:
    try:
        return Path(connection.ca_cert_file_path).read_bytes()
    except OSError as exc:
        raise FlyteConfigurationError(
            f"Flyte connection {connection.conn_id!r}: ca_cert_file_path "
            f"{connection.ca_cert_file_path!r} cannot be read: {exc.strerror}"
        ) from exc


def _shown_certificate(connection: FlyteConnection) -> tuple[bytes, str]:
    """Return the certificate that the server shows, as PEM, and a name that is in it.

    gRPC cannot leave out the check, so it is made to pass.
    """
    host, _, port = connection.endpoint.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        address = (host.strip("[]"), int(port))
        with (
            socket.create_connection(address, timeout=connection.timeout_seconds) as plain,
            context.wrap_socket(plain, server_hostname=connection.authority or address[0]) as secure,
        ):
            der = secure.getpeercert(binary_form=True)
    except OSError as exc:
        message = f"Flyte at {connection.endpoint} (connection {connection.conn_id!r}) shows no certificate"
        raise FlyteServerError(f"{message}: {exc}", code="UNAVAILABLE", details=str(exc)) from exc
    return ssl.DER_cert_to_PEM_cert(der or b"").encode(), _name_in(der or b"")


def _name_in(der: bytes) -> str:
    # A part of every Airflow.
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(common[0].value) if common else ""
    found = [*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.IPAddress)]
    return str(found[0]).replace("*", "any") if found else ""


def https_context(connection: FlyteConnection) -> ssl.SSLContext:
    """Return what to trust over HTTPS: the system's authorities and the connection's own.

    Both, unlike for Flyte itself: OAuth servers and stores are often public ones.
    """
    context = ssl.create_default_context()
    if connection.ca_cert_file_path:
        context.load_verify_locations(cadata=_read_ca_file(connection).decode())
    if connection.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def https_adapter(connection: FlyteConnection) -> Any:
    """Return a requests adapter that trusts what :func:`https_context` does."""
    from requests.adapters import HTTPAdapter

    context = https_context(connection)

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **{**kwargs, "ssl_context": context})

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            return super().proxy_manager_for(proxy, **{**kwargs, "ssl_context": context})

    return Adapter()
