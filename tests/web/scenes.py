"""What the pictures show: two stores at work, each in its language, at five past two in the afternoon."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from playwright.sync_api import BrowserContext, WebSocketRoute

from tests.e2e.client import Client
from tests.e2e.conftest import Marketplace, Shop

CHINA = timezone(timedelta(hours=8))
NOW_MS = int(datetime(2026, 11, 23, 14, 5, tzinfo=CHINA).timestamp() * 1000)
VISITS_APART_MS = 5 * 86_400_000
TIMES = {"at", "waiting_since"}


@dataclass(frozen=True)
class Talk:
    """A customer, what was said, and how long ago it began, in seconds.

    `<` says the customer, `>` the agent; at `x` the agent closes the conversation, and the next line comes days later.
    """

    customer: str
    name: str
    lines: tuple[str, ...]
    ago_s: int
    agent: str | None = None

    def moment(self, seq: int) -> int:
        """When a message was written, by the script: a line each twenty seconds."""
        said = [index for index, line in enumerate(self.lines) if line != "x"]
        index = said[min(seq, len(said)) - 1]
        before, after = self.lines[:index].count("x"), self.lines[index:].count("x")
        return NOW_MS - 1000 * self.ago_s + 20_000 * (index - before) - after * VISITS_APART_MS


@dataclass(frozen=True)
class Script:
    """Everything that one language's pictures need. The first talk is the one that is open."""

    locale: str
    store: str
    agents: Mapping[str, tuple[str, str]]
    talks: tuple[Talk, ...]


SCRIPTS = {
    "en": Script(
        "en-GB",
        "Tea House",
        {"li": ("Li Na", "agent"), "wang": ("Wang", "supervisor")},
        (
            Talk(
                "ming",
                "Ming",
                (
                    "< Do your jars keep the tea dry?",
                    "> They do: the lid has a ring of silicone.",
                    "x",
                    "< Hello! Is the small gaiwan in stock again?",
                    "> It came in this morning, Ming. It holds 110 ml: three small cups.",
                    "> Here it is, with the saucer: https://tea-house.example/gaiwan-110",
                    "< Lovely. Does it survive the dishwasher?",
                    "> Better not, the glaze is thin. Warm water is all it wants.",
                    "< Then two of them, please 🍵",
                ),
                340,
                "li",
            ),
            Talk(
                "visitor-7k2q", "Visitor 7k2q", ("< My parcel says delivered, and there is nothing at the door.",), 192
            ),
            Talk("chen", "陈静", ("< 龙井今年的新茶到了吗？", "< 想买两罐送人"), 118),
            Talk("visitor-m4xd", "Visitor m4xd", ("< Which tea would you give somebody who only drinks coffee?",), 64),
            Talk("visitor-p9ra", "Visitor p9ra", ("< Do you send to Norway?",), 21),
            Talk(
                "visitor-c3wn",
                "Visitor c3wn",
                ("< Can I still change the address?", "> Of course. What is the new one?", "< Lane 12, please"),
                260,
                "li",
            ),
            Talk("visitor-t8vh", "Visitor t8vh", ("< Is the cake of 2014 ripe or raw?", "> Ripe."), 600, "wang"),
        ),
    ),
    "zh-CN": Script(
        "zh-CN",
        "茶馆",
        {"li": ("小李", "agent"), "wang": ("王姐", "supervisor")},
        (
            Talk(
                "chen",
                "陈静",
                (
                    "< 茶叶罐防潮吗？",
                    "> 防潮的，盖子里有一圈硅胶。",
                    "x",
                    "< 你好，那款小盖碗又有货了吗？",
                    "> 今天上午刚到，陈女士。容量 110 毫升，正好三小杯。",
                    "> 这是链接，带杯托：https://tea-house.example/gaiwan-110",
                    "< 太好了。能放洗碗机吗？",
                    "> 最好别放，釉比较薄，温水冲一冲就行。",
                    "< 那我要两只 🍵",
                ),
                340,
                "li",
            ),
            Talk("visitor-7k2q", "访客 7k2q", ("< 快递显示已签收，可是门口什么都没有",), 192),
            Talk("ming", "Ming", ("< Do you have this year’s Dragon Well?", "< Two tins, as a present"), 118),
            Talk("visitor-m4xd", "访客 m4xd", ("< 平时只喝咖啡的人，送哪款茶合适？",), 64),
            Talk("visitor-p9ra", "访客 p9ra", ("< 可以寄到新疆吗？",), 21),
            Talk(
                "visitor-c3wn",
                "访客 c3wn",
                ("< 地址还能改吗？", "> 可以，新地址是？", "< 12 弄 3 号，麻烦了"),
                260,
                "li",
            ),
            Talk("visitor-t8vh", "访客 t8vh", ("< 2014 年那饼是生茶还是熟茶？", "> 熟茶。"), 600, "wang"),
        ),
    ),
}


@dataclass
class Scene:
    """A running service with a script played on it."""

    market: Marketplace
    script: Script
    people: dict[str, Client] = field(default_factory=dict)

    def play(self) -> None:
        """Open the store and let everybody say what the script has them say."""
        self.market.admin("PUT", "/stores/tea-house", {"name": self.script.store})
        shop = Shop(self.market, "tea-house")
        for user, (name, role) in self.script.agents.items():
            shop.appoint(user, role, name)
            self.people[user] = self.market.connect(user)
        # Whoever waits longest first: that is the order of the queue.
        for talk in sorted(self.script.talks, key=lambda talk: -talk.ago_s):
            customer = self.market.connect(talk.customer, name=talk.name)
            self.people[talk.customer] = customer
            conversation = shop.conversation(talk.customer)
            for line in talk.lines:
                self._play(talk, conversation, line)
        self._read_by_the_agent()

    def type(self, user: str, *, on: bool = True) -> None:
        """That person begins to write in the open conversation."""
        self.people[user].ask("typing", conversation=f"tea-house:{self.script.talks[0].customer}", on=on)

    def set_clocks(self, context: BrowserContext) -> None:
        """Make it five past two for a context's pages, and let each talk have begun when the script says."""
        context.clock.set_fixed_time(NOW_MS)
        context.route_web_socket("**/ws", self._pass_on)

    def _play(self, talk: Talk, conversation: str, line: str) -> None:
        customer, agent = self.people[talk.customer], self.people[talk.agent or "li"]
        side, _, text = line.partition(" ")
        match side:
            case "<":
                customer.say(conversation, text)
            case ">":
                agent.ask("claim", conversation=conversation)
                sent = agent.say(conversation, text)
                customer.ask("read", conversation=conversation, seq=sent["seq"])
            case _:
                agent.ask("close", conversation=conversation)

    def _read_by_the_agent(self) -> None:
        conversation = f"tea-house:{self.script.talks[0].customer}"
        agent = self.people["li"]
        agent.ask("claim", conversation=conversation)
        agent.ask("read", conversation=conversation, seq=agent.history(conversation)[-1]["seq"])

    def _pass_on(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: socket.send(json.dumps(self._placed(json.loads(text)), ensure_ascii=False)))

    def _placed(self, frame: Any, conversation: str | None = None) -> Any:
        """A frame with its times moved to where the script has them."""
        if isinstance(frame, list):
            return [self._placed(each, conversation) for each in frame]
        if not isinstance(frame, dict):
            return frame
        named = frame.get("conversation")
        inside = named if isinstance(named, str) else conversation
        placed = {key: self._placed(value, inside) for key, value in frame.items()}
        for key in TIMES & frame.keys():
            if isinstance(frame[key], int):
                placed[key] = self._moment(frame[key], inside, frame.get("seq"))
        return placed

    def _moment(self, real_ms: int, conversation: str | None, seq: int | None) -> int:
        talk = next((talk for talk in self.script.talks if f"tea-house:{talk.customer}" == conversation), None)
        if talk is None:
            return NOW_MS - (int(time.time() * 1000) - real_ms)
        return talk.moment(seq) if seq else NOW_MS - 1000 * talk.ago_s
