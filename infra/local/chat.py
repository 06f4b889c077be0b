"""A chat in the terminal, for a customer or for an agent: every line that is typed is a message or a /command."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from unicodedata import category

from infra.local.client import Client, ConnectionLost, Frame, Refusal, TurnedAway

ANSWERED_WITHIN_S = 10.0
HISTORY = 20

Command = Callable[[str], Awaitable[None]]


class Mistake(Exception):
    """A line that cannot be carried out; `str()` says what to type instead."""


class Chat(ABC):
    """What a customer and an agent of `store` have in common."""

    help = ""

    def __init__(self, url: str, user: str, name: str | None, store: str) -> None:
        self.user, self.store = user, store
        self.client = Client(url, user, name, self.hear, self.show)
        self.commands: dict[str, Command] = {"/help": self.explain, "/history": self.history, "/close": self.close}
        self._versions: dict[str, tuple[str, int]] = {}

    async def begin(self) -> None:
        """What is shown once, when the first connection is open."""
        self.show(self.help)

    async def perform(self, line: str) -> None:
        """Carry out a line, and show what came of it."""
        word, _, rest = line.strip().partition(" ")
        try:
            if not line.strip():
                return
            if line.startswith("/") and not line.startswith("//"):
                if word not in self.commands:
                    raise Mistake(f"There is no {word}. {self.help}")
                await self.commands[word](rest.strip())
            else:
                await self.say(line.removeprefix("/") if line.startswith("//") else line)
        except Mistake as mistake:
            self.show(str(mistake))
        except Refusal as refusal:
            self.show(f"! {self.in_words(refusal)}")
        except ConnectionLost:
            self.show("! The connection was lost before the answer came. Look, and try again.")

    @abstractmethod
    def conversation(self) -> str:
        """The id of the conversation that lines go to. Raises Mistake when there is none."""

    async def say(self, text: str) -> None:
        """Send a message."""
        conversation = self.conversation()
        result = await self.client.request("send", conversation=conversation, body={"type": "text", "text": text})
        self.client.seen(conversation, result["seq"], result["at"])

    async def close(self, _: str) -> None:
        await self.client.request("close", conversation=self.conversation())

    async def explain(self, _: str) -> None:
        self.show(self.help)

    async def history(self, _: str) -> None:
        conversation = self.conversation()
        result = await self.client.request("history", conversation=conversation, limit=HISTORY)
        earlier = " (there are earlier ones)" if result["more"] else ""
        self.show(f"- The last {len(result['messages'])} messages{earlier}:")
        for message in result["messages"]:
            self.client.seen(conversation, message["seq"], message["at"])
            self.show(f"  {self.written(message)}")

    def hear(self, event: Frame) -> None:
        """Show an event."""
        match event["type"]:
            case "welcome":
                count = event["offline"]
                waiting = f"{count} message{'' if count == 1 else 's'} from while you were away" if count else "no news"
                self.show(f"- Connected as {event['name']} ({event['user']}); {event['online']} online; {waiting}.")
            case "message":
                away = " (while you were away)" if event.get("replay") else ""
                self.show(f"{self.written(event)}{away}")
            case "conversation":
                self.changed(event["conversation"])
            case "notice":
                self.show(f"* Notice: {event['text']}")
            case _:
                pass  # Typing, read marks, and whatever comes later.

    def changed(self, conversation: Frame) -> None:
        """Show a conversation's new state, unless a newer one has been shown."""
        id_, version = conversation["conversation"], (conversation["epoch"], conversation["version"])
        known = self._versions.get(id_, ("", 0))
        if version[0] != known[0] or version > known:
            self._versions[id_] = version
            self.show(f"- {self.state(conversation)}")

    @abstractmethod
    def state(self, conversation: Frame) -> str:
        """The state of a conversation, in words."""

    @abstractmethod
    def place(self, conversation: str) -> str:
        """How a message says where it belongs; nothing where that is plain."""

    def written(self, message: Frame) -> str:
        """A message as a line."""
        place, sender = self.place(message["conversation"]), message["from"]["name"]
        return f"{clock(message['at'])} {place}{sender}: {message['body']['text']}"

    def in_words(self, refusal: Refusal) -> str:
        """Why a request was refused."""
        return str(refusal)

    def show(self, line: str) -> None:
        # What others write may hold control characters, which a terminal would obey.
        print("".join(" " if category(letter) == "Cc" else letter for letter in line), flush=True)


class CustomerChat(Chat):
    help = "Type a message and Enter. Also: /history, /close, /help, /quit."

    def conversation(self) -> str:
        return f"{self.store}:{self.user}"

    def place(self, conversation: str) -> str:
        return "" if conversation == self.conversation() else f"[{conversation}] "

    def state(self, conversation: Frame) -> str:
        store = "" if conversation["store"] == self.store else f" ({conversation['store']})"
        match conversation["status"]:
            case "claimed":
                return f"{conversation['agent']['name']} is here for you{store}."
            case "waiting":
                return f"You are in the queue{store}: somebody will be with you."
            case _:
                return f"The conversation is closed{store}. A new message opens it again."


class AgentChat(Chat):
    help = (
        "A line goes to the open conversation. /queue shows who waits, /claim CUSTOMER takes one, /open CUSTOMER looks "
        "at one; for the open one /history, /release, /close, /transfer USER. Also: /help, /quit."
    )

    def __init__(self, url: str, user: str, name: str | None, store: str) -> None:
        super().__init__(url, user, name, store)
        self._open: str | None = None
        self.commands |= {
            "/queue": self.queue,
            "/claim": self.claim,
            "/open": self.open,
            "/release": self.release,
            "/transfer": self.transfer,
        }

    async def begin(self) -> None:
        await super().begin()
        await self.perform("/queue")

    def conversation(self) -> str:
        if self._open is None:
            raise Mistake("No conversation is open: /queue shows who waits, /claim CUSTOMER takes one.")
        return f"{self.store}:{self._open}"

    async def queue(self, _: str) -> None:
        waiting = await self.client.request("conversations", store=self.store, status="waiting", limit=HISTORY)
        mine = await self.client.request("conversations", store=self.store, mine=True, limit=HISTORY)
        served = [entry for entry in mine["conversations"] if entry["status"] == "claimed"]
        self.show(f"- {len(waiting['conversations']) or 'Nobody'} waiting, {len(served) or 'none'} served by you:")
        for entry in [*waiting["conversations"], *served]:
            self.show(f"  {self.state(entry)}{last_words(entry)}")

    async def claim(self, customer: str) -> None:
        customer = customer or self._open or ""
        if not customer:
            raise Mistake("Whose? /claim CUSTOMER")
        result = await self.client.request("claim", conversation=f"{self.store}:{customer}")
        self._open = customer
        self.changed(result["conversation"])
        self.show(f"- Open: {customer}. What you type goes there.")

    async def open(self, customer: str) -> None:
        if not customer:
            raise Mistake("Whose? /open CUSTOMER")
        before, self._open = self._open, customer
        try:
            await self.history("")
        except Refusal:
            self._open = before
            raise

    async def release(self, _: str) -> None:
        await self.client.request("release", conversation=self.conversation())

    async def transfer(self, agent: str) -> None:
        if not agent:
            raise Mistake("To whom? /transfer USER")
        await self.client.request("transfer", conversation=self.conversation(), to=agent)

    def place(self, conversation: str) -> str:
        store, _, customer = conversation.partition(":")
        return f"[{customer}] " if store == self.store else f"[{conversation}] "

    def state(self, conversation: Frame) -> str:
        customer = f"{self.place(conversation['conversation'])}{conversation['customer']['name']}"
        match conversation["status"]:
            case "claimed":
                return f"{customer} is served by {conversation['agent']['name']}."
            case "waiting":
                return f"{customer} waits since {clock(conversation['waiting_since'])}."
            case _:
                return f"{customer}: closed."

    def in_words(self, refusal: Refusal) -> str:
        agent = refusal.details.get("agent")
        match refusal.code:
            case "not_claimer" if agent is None:
                return f"Nobody serves this conversation: /claim {self._open} first."
            case "not_claimer" | "already_claimed":
                return f"{agent} serves this conversation."
            case _:
                return super().in_words(refusal)


def clock(moment_ms: int) -> str:
    """The time of day, here."""
    return time.strftime("%H:%M", time.localtime(moment_ms / 1000))


def last_words(conversation: Frame) -> str:
    """What was said last in a conversation, for a list."""
    return f" Last: {conversation['last']['body']['text']}" if conversation["last"] else ""


def typed_lines() -> asyncio.Queue[str | None]:
    """The lines of the standard input as they come, and None at its end. Works for terminals, pipes and files."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        rest = b""
        # Not sys.stdin: a thread that waits in its lock would keep the interpreter from ending.
        while piece := os.read(0, 65_536):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            loop.call_soon_threadsafe(lines.put_nowait, rest.decode("utf-8", "replace"))
        loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return lines


async def converse(chat: Chat) -> int:
    """Chat until /quit or the end of the input, and answer the exit status."""
    connection = asyncio.create_task(chat.client.run())
    typing = asyncio.create_task(_carry_out_lines(chat))
    try:
        await asyncio.wait({connection, typing}, return_when=asyncio.FIRST_COMPLETED)
        if connection.done():
            await connection
        return await typing
    except TurnedAway as reason:
        print(reason, file=sys.stderr)
        return 1
    finally:
        typing.cancel()
        connection.cancel()
        await asyncio.wait({connection, typing})


async def _carry_out_lines(chat: Chat) -> int:
    lines = typed_lines()
    waiting: asyncio.Queue[str] = asyncio.Queue()

    async def carry_out() -> None:
        await chat.client.settled()
        await chat.begin()
        while True:
            await chat.perform(await waiting.get())
            waiting.task_done()

    async with asyncio.TaskGroup() as group:
        carrying_out = group.create_task(carry_out())
        # Read on while a line is carried out, so that /quit is heard even when the service does not answer.
        while (line := await lines.get()) is not None and line.strip() != "/quit":
            waiting.put_nowait(line)
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await chat.client.settled()
                await waiting.join()
                await chat.client.leave()
        except TimeoutError:
            print("Left before everything was answered: the service does not answer.", file=sys.stderr)
            return 1
        finally:
            carrying_out.cancel()
    return 0


def main(arguments: list[str]) -> int:
    """`python -m infra.local chat`: the exit status."""
    parser = argparse.ArgumentParser("python -m infra.local chat", description="Chat in the terminal.")
    parser.add_argument("--as", dest="user", required=True, metavar="USER", help="who you are")
    parser.add_argument("--store", required=True, help="the store that you talk to, or serve")
    parser.add_argument("--agent", action="store_true", help="as an agent of the store")
    parser.add_argument("--name", help="the name that others see")
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('PORT') or 8000}")
    options = parser.parse_args(arguments)
    kind = AgentChat if options.agent else CustomerChat

    async def run() -> int:
        return await converse(kind(options.url, options.user, options.name, options.store))

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return 0
