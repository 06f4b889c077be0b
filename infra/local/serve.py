"""Starts everything on one machine, and stops it again."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiohttp import web

from chalicelib.settings import Settings, SettingsError
from infra.local import demo, sigv4, tokens
from infra.local.compression import minimum_size
from infra.local.connections import Limits
from infra.local.embedded import EmbeddedRedis
from infra.local.errors import StartError
from infra.local.functions import Functions, ImportFailed
from infra.local.gateway import Gateway

HOST = "127.0.0.1"
BACKLOG = 1024
CANNOT_START = 2
# Amazon's own variables, of which a developer's shell may have some: none of them may reach the workers.
AMAZON = "AWS_"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The settings that exist on one machine only."""

    port: int
    home: Path
    sweep_s: float
    jwt_secret: str | None
    redis_url: str | None
    pushes: str

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> LocalSettings:
        """Read and check all settings, those of the deployed code as well. Raises StartError or SettingsError."""
        secret = environ.get("JWT_SECRET") or None
        Settings.load({**environ, "JWT_SECRET": secret or secrets.token_urlsafe(48)})
        if environ.get("REDIS_CLUSTER") == "1" and not environ.get("REDIS_URL"):
            raise StartError("REDIS_CLUSTER=1 needs a REDIS_URL that names the cluster's seeds.")
        return cls(
            port=_port(environ.get("PORT") or "8000"),
            home=Path(environ.get("KEFU_HOME") or ".kefu"),
            sweep_s=_seconds(environ.get("SWEEP_S") or "60"),
            jwt_secret=secret,
            redis_url=environ.get("REDIS_URL") or None,
            pushes=_pushes(environ.get("PUSHES") or "pipe"),
        )


def main(workers: int, limits: Limits) -> int:
    """Run until SIGTERM or SIGINT, and answer the exit status: 0, or 2 when it could not start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = LocalSettings.load(os.environ)
        listener = take_port(settings.port)
        _make_home(settings.home)
        uvloop.run(_until_signalled(settings, listener, workers, limits))
    except (StartError, SettingsError) as error:
        print(f"kefu: {error}", file=sys.stderr)
        return CANNOT_START
    return 0


def take_port(port: int) -> socket.socket:
    """A socket that listens on `port` of the loopback interface. Raises StartError when it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except PermissionError:
        raise StartError(f"Port {port} needs special rights: choose another one, PORT=8080 for example.") from None
    except OSError:
        raise StartError(
            f"Port {port} is taken by another program: stop that, or choose another port, for example PORT={port + 1}."
        ) from None
    return listener


async def _until_signalled(settings: LocalSettings, listener: socket.socket, workers: int, limits: Limits) -> None:
    serving = asyncio.create_task(_serve(settings, listener, workers, limits))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in signals:
            loop.add_signal_handler(number, lambda: None)  # A second one must not cut the stop short.
        serving.cancel()

    signals = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # it is, under nohup
        signals.append(signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop)
    await asyncio.wait([serving])
    if not serving.cancelled():
        serving.result()


async def _serve(settings: LocalSettings, listener: socket.socket, workers: int, limits: Limits) -> None:
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    credentials = sigv4.Credentials("kefu-local", secrets.token_urlsafe(24))
    jwt_secret = settings.jwt_secret or _kept_secret(settings.home)
    async with AsyncExitStack() as running:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(AMAZON)} | {
            "JWT_SECRET": jwt_secret,
            "CONNECTIONS_ENDPOINT": f"{url}/ws",
            # Paths: a browser may call this machine by another name.
            "SOCKET_URL": "/ws",
            "DEV_TOKENS_URL": "/dev/tokens",
            "LAMBDA_ENDPOINT": url,
            "FLUSH_FUNCTION": "flush",
            "BROADCAST_FUNCTION": "broadcast",
            "PUSHES": settings.pushes,
            "AWS_REGION": "local",
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        }
        if settings.redis_url is None:
            redis = EmbeddedRedis(settings.home)
            environ["REDIS_URL"] = redis.url
            running.push_async_callback(redis.stop)
            redis_started = asyncio.create_task(redis.start())
        else:
            redis_started = asyncio.create_task(asyncio.sleep(0))
        functions = Functions(workers, environ)
        running.push_async_callback(functions.stop)
        try:
            # Side by side: an application imports without its Redis.
            await asyncio.gather(redis_started, functions.start())
        except ImportFailed:
            raise StartError("The application could not be imported: see above.") from None
        gateway = Gateway(functions, limits, credentials, jwt_secret, minimum_size(Path(".chalice/config.json")))
        runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=1)
        running.push_async_callback(runner.cleanup)
        await runner.setup()
        running.push_async_callback(gateway.close)
        site = web.SockSite(runner, listener)
        await site.start()
        functions.schedule("sweep", settings.sweep_s)
        demo.announce(f"kefu is ready: {url}/")
        await demo.seed(url, jwt_secret)
        await asyncio.Event().wait()


def _kept_secret(home: Path) -> str:
    try:
        return tokens.kept_secret(home)
    except OSError as error:
        raise StartError(f"The secret for tokens could not be kept in KEFU_HOME: {error}.") from None


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = home / f".probe-{os.getpid()}"
        probe.write_bytes(b"kefu" * 1024)
        probe.unlink()
    except OSError as error:
        raise StartError(f"Nothing can be written to KEFU_HOME: {error}. Make room, or name another folder.") from None


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise StartError("PORT must be a whole number from 0 to 65,535 (0: any free port).")
    return int(text)


def _pushes(text: str) -> str:
    if text not in {"pipe", "http"}:
        raise StartError("PUSHES must be pipe (over the workers' own pipes) or http (as on AWS, by @connections).")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise StartError("SWEEP_S must be a number of seconds above 0.")
    return seconds
