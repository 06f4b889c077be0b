"""Django Channels with its Redis layer (channels_redis.core): `uvicorn django_channels:application`, with REDIS_URL."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings

LAYER = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}}
settings.configure(SECRET_KEY="for a bench", INSTALLED_APPS=["channels"], CHANNEL_LAYERS={"default": LAYER})
django.setup()


class Chat(AsyncWebsocketConsumer):
    """A socket. Customers' frames go to the agents of the room as they are."""

    async def connect(self) -> None:
        asked = parse_qs(self.scope["query_string"].decode())
        self.room = asked["room"][0]
        self.agent = asked["role"] == ["agent"]
        if self.agent:
            await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send('{"hello":1}')

    async def disconnect(self, _code: int) -> None:
        if self.agent:
            await self.channel_layer.group_discard(self.room, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "text": text_data})

    async def chat_message(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


application = ProtocolTypeRouter({"websocket": Chat.as_asgi()})
