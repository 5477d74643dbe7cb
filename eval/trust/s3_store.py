"""A real S3 server (moto) in a process of its own on loopback, behind a wire that can be cut with kill -9 and mended.

Moto keeps its files in memory, so what is killed is the wire: to its users the store is gone all the same.
"""

import os
import socket
import subprocess
import sys
import time
from typing import Any

KEY, SECRET = "AKIATESTKEY000000000", "testsecret+do/not/tell/0123456789abcdef"

_WIRE = """
import asyncio, sys
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def join(reader, writer):
    try:
        there = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        return writer.close()
    await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))
async def main():
    server = await asyncio.start_server(join, "127.0.0.1", int(sys.argv[1]), reuse_address=True)
    await server.serve_forever()
asyncio.run(main())
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class S3Store:
    """A server with one empty bucket, ``photos``. ``environment`` is what its users need."""

    def __init__(self) -> None:
        self._server_port, self._port = free_port(), free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._server_port)]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.mend()
        _wait_for(self._server_port)
        self.client.create_bucket(Bucket="photos")

    @property
    def client(self) -> Any:
        """A client that goes past the wire."""
        import boto3

        url = f"http://127.0.0.1:{self._server_port}"
        return boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def cut(self) -> None:
        """Kill the wire."""
        self._wire.kill()
        self._wire.wait()

    def mend(self) -> None:
        """Put up another wire at the same port."""
        command = [sys.executable, "-c", _WIRE, str(self._port), str(self._server_port)]
        self._wire = subprocess.Popen(command)
        _wait_for(self._port)

    def files(self, prefix: str) -> dict[str, bytes]:
        """Every file below ``prefix``, by the rest of its name."""
        client, pages = self.client, self.client.get_paginator("list_objects_v2")
        names = [
            one["Key"] for page in pages.paginate(Bucket="photos", Prefix=prefix) for one in page.get("Contents", ())
        ]
        return {name[len(prefix) :]: client.get_object(Bucket="photos", Key=name)["Body"].read() for name in names}

    def put(self, name: str, data: bytes) -> None:
        """Store a file."""
        self.client.put_object(Bucket="photos", Key=name, Body=data)

    def close(self) -> None:
        """End server and wire."""
        for process in (self._wire, self._server):
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    limit = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)
