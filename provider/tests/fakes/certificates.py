"""A certificate authority of a test, and the certificate of ``localhost`` that it has signed."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Certificate:
    """``path`` is the authority's file; the server's certificate is good for ``localhost`` only."""

    def __init__(self, folder: Path) -> None:
        authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _certificate("Test authority", authority_key, "Test authority", authority_key, is_ca=True)
        server = _certificate("localhost", key, "Test authority", authority_key, is_ca=False)
        self.pem = server.public_bytes(serialization.Encoding.PEM)
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        self.key = key.private_bytes(serialization.Encoding.PEM, form, plain)
        self.path = folder / "ca.pem"
        self.path.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        self._chain = folder / "server.pem"
        self._chain.write_bytes(self.pem + self.key)

    def credentials(self) -> grpc.ServerCredentials:
        return grpc.ssl_server_credentials([(self.key, self.pem)])

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        return context


def _certificate(subject: str, key: Any, issuer: str, signer: Any, *, is_ca: bool) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not is_ca:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())
