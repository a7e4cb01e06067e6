"""A signed link works once for what it was made for: this method, this path, this long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.errors import PermissionDenied

PATH = "/signed/my-s3-bucket/p/d/AB======/f.tar.gz"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def signer(clock: ManualClock) -> Signer:
    return Signer(b"0123456789abcdef", clock)


def test_a_fresh_link_is_good_for_its_method_and_path(signer: Signer, clock: ManualClock) -> None:
    query = signer.sign("PUT", PATH, clock.now() + timedelta(hours=1))
    signer.verify("PUT", PATH, query)


def test_head_may_do_what_get_may(signer: Signer, clock: ManualClock) -> None:
    query = signer.sign("GET", PATH, clock.now() + timedelta(hours=1))
    signer.verify("HEAD", PATH, query)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", PATH), ("PUT", PATH + "x"), ("HEAD", PATH), ("put", PATH)]
)
def test_another_method_or_path_is_refused(
    signer: Signer, clock: ManualClock, method: str, path: str
) -> None:
    query = signer.sign("PUT", PATH, clock.now() + timedelta(hours=1))
    with pytest.raises(PermissionDenied, match="does not fit"):
        signer.verify(method, path, query)


def test_an_expired_link_is_refused(signer: Signer, clock: ManualClock) -> None:
    query = signer.sign("GET", PATH, clock.now() + timedelta(hours=1))
    clock.skip(3601)
    with pytest.raises(PermissionDenied, match="has expired"):
        signer.verify("GET", PATH, query)


def test_a_longer_expiry_cannot_be_written_in(signer: Signer, clock: ManualClock) -> None:
    query = signer.sign("GET", PATH, clock.now() + timedelta(hours=1))
    fields = dict(field.split("=") for field in query.split("&"))
    forged = f"expires={int(fields['expires']) + 9}&signature={fields['signature']}"
    with pytest.raises(PermissionDenied, match="does not fit"):
        signer.verify("GET", PATH, forged)


@pytest.mark.parametrize("query", ["", "expires=&signature=", "expires=x&signature=y", "signature=%00ü"])
def test_no_query_breaks_the_check(signer: Signer, query: str) -> None:
    with pytest.raises(PermissionDenied):
        signer.verify("GET", PATH, query)


def test_a_digest_is_part_of_what_is_signed(signer: Signer, clock: ManualClock) -> None:
    query = signer.sign("PUT", PATH, clock.now() + timedelta(hours=1), content_md5=b"0123456789abcdef")
    assert signer.verify("PUT", PATH, query) == b"0123456789abcdef"
    without = "&".join(field for field in query.split("&") if not field.startswith("md5"))
    with pytest.raises(PermissionDenied, match="does not fit"):
        signer.verify("PUT", PATH, without)


def test_another_secret_signs_otherwise(signer: Signer, clock: ManualClock) -> None:
    query = Signer(b"fedcba9876543210", clock).sign("GET", PATH, clock.now() + timedelta(hours=1))
    with pytest.raises(PermissionDenied):
        signer.verify("GET", PATH, query)


def test_a_short_secret_is_no_secret(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"short", clock)
