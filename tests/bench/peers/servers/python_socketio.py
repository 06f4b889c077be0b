"""python-socketio with AsyncRedisManager: `uvicorn python_socketio:application`, with REDIS_URL in the environment."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs

import socketio

server = socketio.AsyncServer(
    async_mode="asgi",
    transports=["websocket"],
    client_manager=socketio.AsyncRedisManager(os.environ["REDIS_URL"]),
)
rooms: dict[str, str] = {}


async def connect(socket: str, environ: dict[str, Any], _auth: object = None) -> None:
    asked = parse_qs(environ["QUERY_STRING"])
    rooms[socket] = asked["room"][0]
    if asked["role"] == ["agent"]:
        await server.enter_room(socket, rooms[socket])
    await server.emit("hello", to=socket)


async def message(socket: str, sent: dict[str, Any]) -> None:
    await server.emit("msg", sent, room=rooms[socket])


async def disconnect(socket: str, _reason: object = None) -> None:
    del rooms[socket]


server.on("connect", connect)
server.on("msg", message)
server.on("disconnect", disconnect)
application = socketio.ASGIApp(server)
