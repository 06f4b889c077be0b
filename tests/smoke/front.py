"""What stands before a stage's routes: TLS, and a path that they are under. For the tests of the tests."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOST = "127.0.0.1"
SOCKET = b"/ws"


class Front:
    """Passes what comes over TLS on to a port of this machine: what is below the base path, and the socket.

    `certificate` is the file that clients have to trust.
    """

    def __init__(self, port: int, *, base: str, server_port: int, folder: Path) -> None:
        self.certificate = certificate(folder / "front.pem")
        self.url = f"https://{HOST}:{port}{base}"
        self._address, self._base, self._server_port = (HOST, port), f"{base}/".encode(), server_port
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._thread.start()
        listening = asyncio.start_server(self._pass_on, *self._address, ssl=context)
        self._listener = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with one request on it."""
        self._writers.append(writer)
        method, path, rest = (await reader.readline()).split(b" ", 2)
        if path.startswith(self._base):
            path = b"/" + path.removeprefix(self._base)
        elif path != SOCKET:
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        self._writers.append(server_writer)
        server_writer.write(b" ".join((method, path, rest)))
        await asyncio.gather(_pour(reader, server_writer), _pour(server_reader, writer))


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # the other end has gone: so has the connection
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()


def certificate(path: Path) -> Path:
    """A key and a certificate of this machine, signed by itself, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kefu tests")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path
