"""The signed address of one object is the one that AWS's own client makes."""

from __future__ import annotations

import datetime
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from airflyte.readiness import s3


def test_the_signature_is_the_one_of_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.datetime(2026, 11, 22, 16, 30, 5, tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
    request = AWSRequest("GET", "http://localhost:30002/my-s3-bucket/a%20b/%C3%BC.txt")
    credentials = Credentials(s3.ACCESS_KEY, s3.SECRET_KEY)
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", s3.REGION, expires=60).add_auth(request)
    ours = s3.signed_target("localhost:30002", "/my-s3-bucket/a b/ü.txt", now.timetuple())
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(request.url).query)
    assert urlsplit(ours).path == urlsplit(request.url).path


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(OSError, match="refused"):
        s3.read(1, "s3://my-s3-bucket/key")
