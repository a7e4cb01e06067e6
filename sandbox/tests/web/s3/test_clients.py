"""The clients that Flyte's users have, set up as flytekit sets them up."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import s3fs

from flyte_sandbox.errors import StartupError
from flyte_sandbox.web.s3.run import S3Server

BUCKET = "my-s3-bucket"


@pytest.fixture
def fs(served: Any, s3: Any) -> s3fs.S3FileSystem:
    """Source: flytekit core/data_persistence.py, s3_setup_args."""
    return s3fs.S3FileSystem(
        key="minio",
        secret="miniostorage",
        client_kwargs={"endpoint_url": served.url},
        config_kwargs={"s3": {"addressing_style": "auto"}},
        use_listings_cache=False,
        skip_instance_cache=True,
    )


def test_s3fs_moves_files_and_folders_both_ways(fs: s3fs.S3FileSystem, served: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_text("a")
    (source / "sub" / "b.bin").write_bytes(b"b" * 6_000_000)
    fs.put(f"{source}/", f"s3://{BUCKET}/raw/x/", recursive=True)
    assert (served.bucket / "raw" / "x" / "sub" / "b.bin").stat().st_size == 6_000_000
    fs.get(f"s3://{BUCKET}/raw/x/", f"{tmp_path}/target/", recursive=True)
    assert (tmp_path / "target" / "sub" / "b.bin").read_bytes() == b"b" * 6_000_000
    assert fs.find(f"s3://{BUCKET}/raw") == [f"{BUCKET}/raw/x/a.txt", f"{BUCKET}/raw/x/sub/b.bin"]
    assert fs.isdir(f"s3://{BUCKET}/raw/x")
    assert not fs.exists(f"s3://{BUCKET}/raw/y")


def test_s3fs_reads_what_a_task_wrote_and_rewrote(fs: s3fs.S3FileSystem, served: Any) -> None:
    path = served.bucket / "t" / "data.bin"
    path.parent.mkdir()
    for content in (b"first" * 2_000_000, b"second"):
        path.write_bytes(content)
        assert fs.info(f"{BUCKET}/t/data.bin")["size"] == len(content)
        assert fs.cat(f"{BUCKET}/t/data.bin") == content
        with fs.open(f"{BUCKET}/t/data.bin") as file:
            file.seek(2)
            assert file.read(3) == content[2:5]


def test_s3fs_writes_large_files_in_parts(fs: s3fs.S3FileSystem, served: Any) -> None:
    with fs.open(f"s3://{BUCKET}/big", "wb", block_size=5 * 2**20) as file:
        for _ in range(13):
            file.write(b"y" * 2**20)
    assert (served.bucket / "big").stat().st_size == 13 * 2**20
    fs.mv(f"{BUCKET}/big", f"{BUCKET}/moved")
    assert fs.ls(BUCKET, detail=False) == [f"{BUCKET}/moved"]
    fs.rm(f"s3://{BUCKET}/moved", recursive=True)
    assert list(served.bucket.iterdir()) == []


def test_pandas_and_arrow_go_through_it(fs: s3fs.S3FileSystem, served: Any) -> None:
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow.fs")
    options = {"key": "minio", "secret": "miniostorage", "client_kwargs": {"endpoint_url": served.url}}
    frame = pandas.DataFrame({"a": range(1000)})
    frame.to_parquet(f"s3://{BUCKET}/frame/00000.parquet", storage_options=options)
    native = arrow.S3FileSystem(
        access_key="minio",
        secret_key="miniostorage",
        endpoint_override=served.url.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
    )
    table = pytest.importorskip("pyarrow.parquet").read_table(
        f"{BUCKET}/frame/00000.parquet", filesystem=native
    )
    assert table.num_rows == 1000
    native.create_dir(f"{BUCKET}/made", recursive=True)
    assert native.get_file_info(f"{BUCKET}/made").type == arrow.FileType.Directory
    with native.open_output_stream(f"{BUCKET}/made/x") as stream:
        stream.write(b"z" * 12_000_000)
    assert (served.bucket / "made" / "x").stat().st_size == 12_000_000
    native.delete_dir(f"{BUCKET}/made")
    assert not (served.bucket / "made").exists()


def test_duckdb_reads_and_writes_parquet(served: Any, s3: Any) -> None:
    """Its extension for S3 comes as a package of its own; the usual way to install it needs the internet."""
    duckdb = pytest.importorskip("duckdb")
    packages = pytest.importorskip("duckdb_ext")
    [extension] = Path(packages.__path__[0]).rglob("httpfs.duckdb_extension")
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID 'minio', SECRET 'miniostorage', REGION 'us-east-1',"
            f" ENDPOINT '127.0.0.1:{served.port}', URL_STYLE 'path', USE_SSL false)"
        )
        connection.execute(
            "COPY (SELECT range AS a FROM range(1000000)) TO 's3://my-s3-bucket/duck/a.parquet'"
        )
        assert (served.bucket / "duck" / "a.parquet").stat().st_size > 100_000
        (served.bucket / "duck" / "b.parquet").write_bytes(
            (served.bucket / "duck" / "a.parquet").read_bytes()
        )
        found = connection.execute(
            "SELECT count(*), max(a) FROM 's3://my-s3-bucket/duck/*.parquet'"
        ).fetchone()
    assert found == (2_000_000, 999_999)


_FLYTEKIT = """
import sys
from flytekit.core.context_manager import FlyteContextManager
from flytekit.core.data_persistence import FileAccessProvider
provider = FileAccessProvider(sys.argv[1], "s3://my-s3-bucket/raw")
source = sys.argv[1] + "/source"
open(source, "w").write("from flytekit")
uri = provider.put_raw_data(source)
provider.get_data(uri, sys.argv[1] + "/back")
print(uri, open(sys.argv[1] + "/back").read(), provider.exists(uri), provider.exists(uri + "x"))
"""


def test_flytekit_reads_and_writes_with_the_settings_of_a_task(served: Any, s3: Any, tmp_path: Path) -> None:
    pytest.importorskip("flytekit")
    env = {
        "FLYTE_AWS_ENDPOINT": served.url,
        "FLYTE_AWS_ACCESS_KEY_ID": "minio",
        "FLYTE_AWS_SECRET_ACCESS_KEY": "miniostorage",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    argv = [sys.executable, "-c", _FLYTEKIT, str(tmp_path)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    uri, *rest = done.stdout.split()
    assert uri.startswith("s3://my-s3-bucket/raw/")
    assert rest == ["from", "flytekit", "True", "False"]


_RUN = "import sys; from pathlib import Path; from flyte_sandbox.web.s3.run import run_s3; {}"


def test_the_endpoint_runs_as_a_process_and_ends_on_sigterm(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    call = f"run_s3(Path({str(tmp_path)!r}), port={port})"
    with subprocess.Popen([sys.executable, "-c", _RUN.format(call)], env=dict(os.environ)) as process:
        try:
            _wait_for(port, process)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert (tmp_path / BUCKET).is_dir()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"the endpoint ended with {process.returncode}")


async def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        server = S3Server(tmp_path, "127.0.0.1", holder.getsockname()[1])
        with pytest.raises(StartupError, match="s3_port"):
            await server.start()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_hung_up_on(served: Any) -> None:
    code = (
        # Names of hosts are encoded by a module that the other user may not be able to read.
        "import encodings.idna, os, socket, sys; os.setuid(65534);"
        "c = socket.create_connection(('127.0.0.1', int(sys.argv[1])));"
        "c.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');"
        "print(c.recv(10))"
    )
    argv = [sys.executable, "-c", code, str(served.port)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert "ConnectionResetError" in done.stderr or done.stdout == "b''\n", done


def test_the_loop_of_a_stopped_endpoint_can_be_closed(tmp_path: Path) -> None:
    async def start_and_stop() -> None:
        server = S3Server(tmp_path, "127.0.0.1", 0)
        await server.start()
        await server.stop()

    asyncio.run(start_and_stop())
