"""Objects through boto3: what goes in comes out, and what a task does to the files counts at once."""

from __future__ import annotations

import io
import os
import threading
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

BUCKET = "my-s3-bucket"
BIG = os.urandom(1 << 20) * 12


def code_of(error: Any) -> str:
    return str(error.value.response["Error"]["Code"])


def body_of(s3: Any, key: str, **options: Any) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key, **options)["Body"].read())


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a/b/c.txt",
        "AB======/f.tar.gz",
        "sp ace",
        "ü/ñ",
        "a%41b",
        "q?x=1&y",
        "h#x",
        "p+s",
        "~t",
        "a'b\"<&>",
    ],
)
def test_any_key_comes_back(s3: Any, served: Any, key: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"12345")
    assert (served.bucket / key).read_bytes() == b"12345"
    assert body_of(s3, key) == b"12345"
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 5
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]
    s3.delete_object(Bucket=BUCKET, Key=key)
    assert list(served.bucket.iterdir()) == []


def test_what_a_task_writes_is_there_at_once(s3: Any, served: Any) -> None:
    (served.bucket / "n0").mkdir()
    (served.bucket / "n0" / "outputs.pb").write_bytes(b"outputs")
    assert body_of(s3, "n0/outputs.pb") == b"outputs"
    first = s3.head_object(Bucket=BUCKET, Key="n0/outputs.pb")
    assert "-" in first["ETag"], "no client takes this for a digest"
    (served.bucket / "n0" / "outputs.pb").write_bytes(b"other outputs")
    assert body_of(s3, "n0/outputs.pb") == b"other outputs"
    assert s3.head_object(Bucket=BUCKET, Key="n0/outputs.pb")["ETag"] != first["ETag"]


def test_what_an_upload_said_is_forgotten_when_a_task_rewrites_it(s3: Any, served: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="x", Body=b"12345", ContentType="text/csv", Metadata={"a": "b"})
    found = s3.head_object(Bucket=BUCKET, Key="x")
    assert (found["ContentType"], found["Metadata"]) == ("text/csv", {"a": "b"})
    assert found["ETag"] == '"827ccb0eea8a706c4c34a16891f84e7b"'
    with (served.bucket / "x").open("r+b") as file:
        file.write(b"abcde")
    os.utime(served.bucket / "x", ns=(1, 1))
    found = s3.head_object(Bucket=BUCKET, Key="x")
    assert (found["ContentType"], found["Metadata"]) == ("application/octet-stream", {})
    assert body_of(s3, "x") == b"abcde"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-2", b"012"),
        ("bytes=5-", b"56789"),
        ("bytes=-3", b"789"),
        ("bytes=-99", b"0123456789"),
        ("bytes=5-99", b"56789"),
        ("bytes=0-1,4-5", b"0123456789"),
        ("lines=1-2", b"0123456789"),
    ],
)
def test_a_part_can_be_asked_for(s3: Any, asked: str, part: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
    answer = s3.get_object(Bucket=BUCKET, Key="r", Range=asked)
    assert answer["Body"].read() == part
    if len(part) < 10:
        assert answer["ContentRange"].endswith("/10")


def test_a_part_behind_the_end_is_refused(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        body_of(s3, "r", Range="bytes=10-")
    assert code_of(error) == "InvalidRange"


def test_large_objects_go_up_in_parts(s3: Any, served: Any) -> None:
    s3.upload_fileobj(io.BytesIO(BIG), BUCKET, "big", ExtraArgs={"ContentType": "x/y"})
    assert (served.bucket / "big").read_bytes() == BIG
    assert body_of(s3, "big") == BIG
    found = s3.head_object(Bucket=BUCKET, Key="big")
    assert found["ETag"].endswith('-2"')
    assert found["ContentType"] == "x/y"
    assert [path.name for path in (served.root / ".staging").iterdir()] == []


def test_an_upload_in_parts_is_seen_only_when_it_is_complete(s3: Any, served: Any) -> None:
    about = {"Bucket": BUCKET, "Key": "m"}
    upload = {**about, "UploadId": s3.create_multipart_upload(**about)["UploadId"]}
    first = s3.upload_part(**upload, PartNumber=1, Body=BIG)
    s3.upload_part(**upload, PartNumber=3, Body=b"replaced")
    last = s3.upload_part(**upload, PartNumber=3, Body=b"end")
    assert not (served.bucket / "m").exists()
    assert [part["PartNumber"] for part in s3.list_parts(**upload)["Parts"]] == [1, 3]
    assert [found["Key"] for found in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["m"]
    parts = [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 3, "ETag": last["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert (served.bucket / "m").read_bytes() == BIG + b"end"
    with pytest.raises(ClientError) as error:
        s3.list_parts(**upload)
    assert code_of(error) == "NoSuchUpload"


def test_an_upload_in_parts_can_be_given_up(s3: Any, served: Any) -> None:
    about = {"Bucket": BUCKET, "Key": "m"}
    upload = {**about, "UploadId": s3.create_multipart_upload(**about)["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**upload)
    assert list((served.root / ".staging").iterdir()) == []
    with pytest.raises(ClientError) as error:
        s3.upload_part(**upload, PartNumber=2, Body=b"x")
    assert code_of(error) == "NoSuchUpload"


@pytest.mark.parametrize(
    ("numbers", "code"),
    [((2, 1), "InvalidPartOrder"), ((1, 4), "InvalidPart"), ((), "MalformedXML"), ((1, 2), "EntityTooSmall")],
)
def test_a_wrong_list_of_parts_is_refused(s3: Any, numbers: tuple[int, ...], code: str) -> None:
    about = {"Bucket": BUCKET, "Key": "m"}
    upload = {**about, "UploadId": s3.create_multipart_upload(**about)["UploadId"]}
    etag, _ = (s3.upload_part(**upload, PartNumber=number, Body=b"x")["ETag"] for number in (1, 2))
    parts = [{"PartNumber": number, "ETag": etag} for number in numbers]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert code_of(error) == code
    s3.abort_multipart_upload(**upload)


def test_copies_keep_or_replace_what_was_said(s3: Any, served: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="from ü", Body=b"x", ContentType="a/b")
    source = {"Bucket": BUCKET, "Key": "from ü"}
    s3.copy_object(Bucket=BUCKET, Key="kept", CopySource=source)
    s3.copy_object(
        Bucket=BUCKET, Key="new", CopySource=source, MetadataDirective="REPLACE", ContentType="c/d"
    )
    assert s3.head_object(Bucket=BUCKET, Key="kept")["ContentType"] == "a/b"
    assert s3.head_object(Bucket=BUCKET, Key="new")["ContentType"] == "c/d"
    (served.bucket / "big").write_bytes(BIG)
    s3.copy(
        {"Bucket": BUCKET, "Key": "big"}, BUCKET, "big copy", Config=TransferConfig(multipart_threshold=1)
    )
    assert (served.bucket / "big copy").read_bytes() == BIG


def test_folders_go_with_their_last_object(s3: Any, served: Any) -> None:
    for key in ("a/b/1", "a/b/2", "a/3"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    keys = [{"Key": key} for key in ("a/b/1", "a/b/2", "a/nothing")]
    assert len(s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})["Deleted"]) == 3
    assert sorted(path.name for path in (served.bucket / "a").iterdir()) == ["3"]
    assert "Deleted" not in s3.delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": "a/3"}], "Quiet": True}
    )
    assert list(served.bucket.iterdir()) == []


def test_a_key_with_a_slash_at_its_end_is_a_folder(s3: Any, served: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="d/e/", Body=b"")
    assert (served.bucket / "d" / "e").is_dir()
    assert s3.head_object(Bucket=BUCKET, Key="d/e/")["ContentLength"] == 0
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["d/e/"]
    s3.put_object(Bucket=BUCKET, Key="d/e/f", Body=b"")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["d/e/f"]
    s3.delete_object(Bucket=BUCKET, Key="d/e/f")
    with pytest.raises(ClientError):
        s3.head_object(Bucket=BUCKET, Key="d/e/")


def test_what_folders_cannot_hold_is_refused_as_minio_does(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"x")
    for key in ("a/b", "a/"):
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
        assert code_of(error) == "XMinioParentIsObject"
    assert body_of(s3, "a") == b"x"


@pytest.mark.parametrize("key", ["nothing", "a/nothing", "d"])
def test_what_is_not_there_is_said(s3: Any, served: Any, key: str) -> None:
    (served.bucket / "d").mkdir()
    with pytest.raises(ClientError) as error:
        body_of(s3, key)
    assert code_of(error) == "NoSuchKey"
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=BUCKET, Key=key)
    assert code_of(error) == "404"


def test_no_key_leads_out_of_its_bucket(s3: Any, served: Any) -> None:
    (served.root / "secret").write_text("x")
    os.symlink(served.root / "secret", served.bucket / "link")
    for key in ("../secret", "a/../../secret", "./x", "link"):
        with pytest.raises(ClientError) as error:
            body_of(s3, key)
        assert code_of(error) == "InvalidArgument"


def test_conditions_are_kept(s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="c", Body=b"1")["ETag"]
    assert body_of(s3, "c", IfMatch=etag) == b"1"
    assert body_of(s3, "c", IfNoneMatch='"other"') == b"1"
    for condition, status in ((("IfMatch", '"other"'), 412), (("IfNoneMatch", etag), 304)):
        with pytest.raises(ClientError) as error:
            body_of(s3, "c", **dict([condition]))
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="c", Body=b"2", IfNoneMatch="*")
    assert code_of(error) == "PreconditionFailed"
    s3.put_object(Bucket=BUCKET, Key="c", Body=b"2", IfMatch=etag)
    assert body_of(s3, "c") == b"2"


def test_a_reader_keeps_what_it_opened_while_a_writer_replaces_it(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="big", Body=BIG)
    reading = s3.get_object(Bucket=BUCKET, Key="big")["Body"]
    first = reading.read(1000)
    s3.put_object(Bucket=BUCKET, Key="big", Body=b"short")
    assert first + reading.read() == BIG


def test_writers_of_one_key_leave_one_whole_object(served: Any, s3: Any) -> None:
    bodies = [bytes([n]) * 300_000 for n in range(8)]
    client = served.client()
    threads = [
        threading.Thread(target=client.put_object, kwargs={"Bucket": BUCKET, "Key": "w/x", "Body": body})
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert body_of(s3, "w/x") in bodies
    client.close()


def test_buckets_can_be_made_and_removed_but_not_flytes(s3: Any, served: Any) -> None:
    s3.create_bucket(Bucket="another-one")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["another-one", BUCKET]
    s3.put_object(Bucket="another-one", Key="x", Body=b"")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="another-one")
    assert code_of(error) == "BucketNotEmpty"
    s3.delete_object(Bucket="another-one", Key="x")
    s3.delete_bucket(Bucket="another-one")
    for bucket, code in ((BUCKET, "AccessDenied"), ("nobody", "NoSuchBucket")):
        with pytest.raises(ClientError) as error:
            s3.delete_bucket(Bucket=bucket)
        assert code_of(error) == code
    assert s3.head_bucket(Bucket=BUCKET)
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=BUCKET)


def test_what_there_is_not_says_so(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="x", Body=b"")
    for call in (s3.get_object_tagging, s3.get_object_acl):
        with pytest.raises(ClientError) as error:
            call(Bucket=BUCKET, Key="x")
        assert code_of(error) == "NotImplemented"
    assert body_of(s3, "x") == b""
