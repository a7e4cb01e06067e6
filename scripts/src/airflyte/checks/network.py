"""Do addresses lead where they should: ``localhost``, proxies, certificates, the package index?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from airflyte import environments, lockfiles, uv
from airflyte.checks.finding import Check, Finding, failure, ok, warning
from airflyte.checks.software import RUNNING_ENVIRONMENTS
from airflyte.settings import Settings

_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


def localhost(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Everything that we print says localhost."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", None, socket.AF_INET)}
    except OSError:
        found = set()
    if found != {"127.0.0.1"}:
        text = f"means {', '.join(sorted(found)) or 'nothing'}"
        return failure("localhost", text, "add the line `127.0.0.1 localhost` to /etc/hosts")
    return ok("localhost", "127.0.0.1")


def proxy(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """A proxy must not be asked for what is on this machine."""
    used = next((name for name in _PROXIES if environ.get(name)), None)
    if used is None:
        return ok("proxy", "none")
    direct = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").replace(" ", "").split(",")
    if "*" in direct or {"localhost", "127.0.0.1"} <= set(direct):
        return ok("proxy", f"{used}, not for localhost")
    return warning(
        "proxy",
        f"{used} also catches localhost, for clients outside the stack",
        "export NO_PROXY=localhost,127.0.0.1",
    )


def certificates(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """A bundle that is named must be there, or every download fails with an obscure message."""
    named = {name: environ[name] for name in _CERTIFICATES if environ.get(name)}
    missing = [f"{name}={path}" for name, path in named.items() if not Path(path).exists()]
    if missing:
        return failure(
            "certificates", f"no such file: {', '.join(missing)}", "name the file or unset the variable"
        )
    return ok("certificates", next((f"{name}={path}" for name, path in named.items()), "the system's"))


def index(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """One real question to the package index, unless everything is installed: then no network is needed."""
    ours = environments.of(settings, environ, lambda _: None)
    if all(ours.is_fresh(name) for name in RUNNING_ENVIRONMENTS):
        return ok("package index", "not needed, everything is installed")
    tool = uv.find(environ, settings.state / "uv")
    if tool is None:
        return ok("package index", "not asked, there is no uv yet")
    log = settings.folder.logs / "doctor.log"
    question = ["pip", "compile", "--no-deps", "--refresh", "--quiet"]
    question.append(str(lockfiles.folder(settings.checkout) / "uv.in"))
    if tool.run(question, log=log) == 0:
        return ok("package index", "answers")
    advice = "name an index (UV_DEFAULT_INDEX or PIP_INDEX_URL) or a proxy (HTTPS_PROXY)"
    return failure("package index", uv.failure(log) or "does not answer", advice)


CHECKS = (Check(localhost), Check(proxy), Check(certificates), Check(index, is_slow=True))
