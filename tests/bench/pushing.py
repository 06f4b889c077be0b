"""`python -m tests.bench.pushing boto3|kefu ENDPOINT POSTS`: a process that pushes once for each line of its input.

Of each push it says in a line of JSON how long it took (`ms`) and what CPU time each of its posts cost (`us`).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence

POST = json.dumps({"type": "message", "seq": 1, "text": "x" * 200}).encode()

Push = Callable[[Sequence[tuple[str, bytes]]], Sequence[int | Exception]]


def boto3_one_by_one(endpoint: str) -> Push:
    """The usual client, in the usual way: its connections are kept alive."""
    import boto3

    client = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name=os.environ["AWS_REGION"],
        verify=os.environ["SSL_CERT_FILE"],
    )

    def push(posts: Sequence[tuple[str, bytes]]) -> list[int | Exception]:
        answers = [client.post_to_connection(ConnectionId=connection, Data=frame) for connection, frame in posts]
        return [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in answers]

    return push


def kefu_at_once(endpoint: str) -> Push:
    """The service's own pusher."""
    from tests.bench.pusher import push

    return lambda posts: push(endpoint, posts)


def main(kind: str, endpoint: str, number: str) -> None:
    push = {"boto3": boto3_one_by_one, "kefu": kefu_at_once}[kind](endpoint)
    posts = [(f"L0SM9cOFvHcCIhw{n:03}=", POST) for n in range(int(number))]
    for _ in sys.stdin:
        used, began = time.process_time(), time.perf_counter()
        answers = push(posts)
        took, used = time.perf_counter() - began, time.process_time() - used
        if any(answer != 200 for answer in answers) or len(answers) != len(posts):
            raise SystemExit(f"{kind} was answered {sorted({repr(answer) for answer in answers})}")
        print(json.dumps({"ms": 1e3 * took, "us": 1e6 * used / len(posts)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
