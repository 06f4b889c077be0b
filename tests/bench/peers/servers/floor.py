"""The floor: `python floor.py PORT`, with REDIS_URL in the environment.

One process, rooms in memory, one script in Redis per message, then straight to the sockets. No login, no claims, no
offline lists, no acknowledgements, no second node: what is left is what a chat cannot do without.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import uvloop
from redis.asyncio import Redis
from websockets.asyncio.server import ServerConnection, broadcast, serve

APPEND = Path(__file__).with_name("append.lua").read_text()
KEYS = ("known", "seq", "messages", "conversation", "recent", "members")


class Floor:
    """All rooms, and the agents in each."""

    def __init__(self, redis: Redis) -> None:
        self._append = redis.register_script(APPEND)
        self._rooms: dict[str, set[ServerConnection]] = defaultdict(set)
        self._ids = map("{}-{}".format, itertools.repeat(time.time_ns()), itertools.count(1))

    async def serve(self, socket: ServerConnection) -> None:
        """One socket, until it closes."""
        assert socket.request
        asked = parse_qs(urlsplit(socket.request.path).query)
        room, user, agents = asked["room"][0], asked["user"][0], self._rooms[asked["room"][0]]
        if asked["role"] == ["agent"]:
            agents.add(socket)
        await socket.send('{"hello":1}')
        try:
            async for text in socket:
                await self._store(room, user, text)
                broadcast(agents, text)
        finally:
            agents.discard(socket)

    async def _store(self, room: str, user: str, text: str | bytes) -> None:
        message = next(self._ids)
        keys = [f"{{{room}}}:known:{message}", *(f"{{{room}}}:{key}" for key in KEYS[1:])]
        await self._append(keys, [message, text, user, int(time.time() * 1000)])


async def main(port: int) -> None:
    floor = Floor(Redis.from_url(os.environ["REDIS_URL"]))
    async with serve(floor.serve, "127.0.0.1", port, compression=None):
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
