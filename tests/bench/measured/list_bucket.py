"""Lists a prefix of a bucket with botocore, all pages, a few times: objects and seconds of each, as JSON."""

import json
import sys
import time

from botocore.session import get_session

port, bucket, prefix, rounds = sys.argv[1:]
client = get_session().create_client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{port}",
    region_name="us-east-1",
    aws_access_key_id="minio",
    aws_secret_access_key="miniostorage",
)
found = []
for _ in range(int(rounds)):
    started = time.perf_counter()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    count = sum(page["KeyCount"] for page in pages)
    found.append((count, time.perf_counter() - started))
sys.stdout.write(json.dumps(found))
