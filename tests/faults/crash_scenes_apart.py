"""Scenes of the functions that no client waits for: $connect, the replay, $disconnect, a removal, the sweep."""

from __future__ import annotations

from tests.faults.crash_scenes import TEXT, Fate, Scene
from tests.faults.crash_stage import Died, Stage
from tests.faults.crashing import Frame
from tests.flow.conftest import Person, token
from tests.flow.platform import Functions


class Connecting(Scene):
    """The platform refuses the socket of a `$connect` that has died, whatever it had done; the client comes again."""

    title = "$connect"

    def __init__(self, stage: Stage) -> None:
        self.stage, self.user, self.customer = stage, stage.agent(), stage.online()
        self.customer.say(stage.conversation(self.customer), "1")
        self.opened = ""

    def act(self, functions: Functions) -> None:
        self.opened, status = functions.connect(token(self.user))
        assert status == 200

    def fate(self) -> Fate:
        stage = self.stage
        if self.opened:
            stage.healthy.run_calls()
            self.hears(Person(self.user, stage.healthy, self.opened))
            return "done"
        refused = stage.mortal.connection
        stage.wires.gone.add(refused)
        called = bool(stage.wires.calls)
        stage.healthy.run_calls()
        assert not called or self.user not in stage.online_agents(), "the replay finds out that nobody is there"
        again = stage.online(self.user)
        self.hears(again)
        stage.healthy.disconnect(again.connection)
        stage.expire(self.user, refused)
        stage.sweep()
        assert self.user not in stage.online_agents()
        return "not done"

    def hears(self, device: Person) -> None:
        welcome, first = device.received()
        assert (welcome["type"], welcome["offline"], first["offset"], first["replay"]) == ("welcome", 1, 1, True)
        self.customer.say(self.stage.conversation(self.customer), "2")
        (live,) = device.received()
        assert (live["offset"], "replay" in live) == (2, False)


class Flushing(Scene):
    """A replay that dies is run again by the platform: the welcome first, then all of the list, then what is live."""

    title = "flush, the replay at connect"

    def __init__(self, stage: Stage) -> None:
        self.stage, self.customer = stage, stage.online()
        self.conversation = stage.conversation(self.customer)
        self.device = Person(stage.agent(), stage.healthy)
        for text in ("1", "2", "3"):
            self.customer.say(self.conversation, text)
        self.device.connection, _ = stage.healthy.connect(token(self.device.user))
        self.call = stage.wires.calls.pop()
        # Not durable: it is held back until the replay has ended.
        self.customer.ask("close", conversation=self.conversation)

    def act(self, functions: Functions) -> None:
        self.stage.wires.calls.append(self.call)
        functions.run_calls()

    def fate(self) -> Fate:
        first = self.device.received()
        in_order(first, 3)
        self.customer.say(self.conversation, "4")
        between = self.device.received()
        self.act(self.stage.healthy)
        second = self.device.received()
        assert (first or second)[0]["type"] == "welcome"
        assert [frame["type"] for frame in first + second].count("welcome") <= 2
        live = [frame["offset"] for frame in between if frame["type"] == "message"]
        if live:
            assert (in_order(first, 3), live, second) == (3, [4], [])
        else:
            assert between == []
            assert in_order(second, 4) == 4, "from the first entry on, and all of it"
        self.is_live(5)
        return "done" if live else "again"

    def is_live(self, offset: int) -> None:
        self.customer.say(self.conversation, "next")
        (frame,) = [frame for frame in self.device.received() if frame["type"] == "message"]
        assert (frame["offset"], "replay" in frame) == (offset, False)


def in_order(frames: list[Frame], entries: int) -> int:
    """How many entries of a list of so many one run has replayed: from the first on, the welcome alone before them."""
    kinds = [frame["type"] for frame in frames]
    assert "welcome" not in kinds[1:]
    replayed = [frame for frame in frames if frame.get("replay")]
    assert [frame["offset"] for frame in replayed] == list(range(1, len(replayed) + 1))
    assert [frame["body"]["text"] for frame in replayed] == [str(number + 1) for number in range(len(replayed))]
    rest = [kind for kind in kinds if kind not in {"welcome", "message"}]
    assert not rest or (kinds[-len(rest) :] == rest and len(replayed) == entries)
    return len(replayed)


class Disconnecting(Scene):
    """Whoever has gone is found out, by the next post to the connection or when it must have ended."""

    title = "$disconnect of a watcher"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ann, self.bob, self.customer = stage.online(stage.agent()), stage.online(stage.agent()), stage.online()
        self.conversation = stage.conversation(self.customer)
        self.customer.say(self.conversation, "hello")
        self.bob.ask("claim", conversation=self.conversation)
        self.ann.ask("watch", conversation=self.conversation)
        for person in (self.ann, self.bob):
            person.received()
        stage.wires.gone.add(self.ann.connection)

    def act(self, functions: Functions) -> None:
        functions.disconnect(self.ann.connection)

    def fate(self) -> Fate:
        stage = self.stage
        at_once = self.ann.user not in stage.online_agents()
        self.say("1")
        stage.expire(self.ann.user, self.ann.connection)
        stage.sweep()
        assert self.ann.user not in stage.online_agents()
        stage.wires.refused.clear()
        self.say("2")
        assert stage.wires.refused == [], "nothing of the watch is left"
        assert stage.online(self.ann.user).received()[0]["type"] == "welcome"
        assert self.ann.user in stage.online_agents()
        return "done" if at_once else "sweep"

    def say(self, text: str) -> None:
        assert self.customer.say(self.conversation, text)["type"] == "reply"
        assert self.bob.texts() == [text]


class Removing(Scene):
    """Nothing new reaches a removed agent; repeating the request takes what is left."""

    title = "removal of an agent who holds two claims"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ann, self.bob = stage.online(stage.agent()), stage.agent()
        self.claimed = [stage.online(), stage.online()]
        self.waiting = stage.online()
        for customer in (*self.claimed, self.waiting):
            customer.say(stage.conversation(customer), "old")
        for customer in self.claimed:
            self.ann.ask("claim", conversation=stage.conversation(customer))
        self.ann.received()

    def act(self, functions: Functions) -> None:
        path = {"store": self.stage.shop.store, "user": self.ann.user}
        status, _ = functions.http("DELETE", "/stores/{store}/agents/{user}", self.stage.shop.admin, **path)
        assert status == 200

    def fate(self) -> Fate:
        stage = self.stage
        agents = stage.http("GET", "/stores/{store}/agents")["agents"]
        removed = self.ann.user not in {agent["user"] for agent in agents}
        listed = stage.replay(self.ann.user, gaps=True)
        whole = removed and not listed and self.claims() == {None}
        self.ann.received()
        for customer in (self.claimed[0], self.waiting):
            customer.say(stage.conversation(customer), "new")
        expected = [] if removed else ["new", "new"]
        assert self.ann.texts() == expected
        assert [entry["body"]["text"] for entry in stage.replay(self.ann.user, gaps=True)][len(listed) :] == expected
        stage.sweep()
        assert self.claims() == ({None} if removed else {self.ann.user})

        self.act(stage.healthy)
        assert stage.replay(self.ann.user, gaps=True) == []
        assert self.claims() == {None}
        self.ann.received()
        self.waiting.say(stage.conversation(self.waiting), "later")
        assert self.ann.texts() == []
        assert stage.replay(self.bob)[-1]["body"]["text"] == "later"
        assert self.ann.ask("conversations", store=stage.shop.store)["code"] == "forbidden"
        return "done" if whole else "again" if removed else "not done"

    def claims(self) -> set[str | None]:
        """Who holds the two conversations, as their customers see it."""
        found = set()
        for customer in self.claimed:
            (conversation,) = customer.ask("conversations")["result"]["conversations"]
            assert (conversation["agent"] is None) == (conversation["status"] == "waiting")
            found.add(conversation["agent"] and conversation["agent"]["user"])
        return found


class Sweeping(Scene):
    """A message that is owed, a claim past the grace time and a connection that ended without a word."""

    title = "sweep"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.away, self.gone, self.claimer = stage.agent(), stage.agent(), stage.online(stage.agent())
        self.customer, self.left = stage.online(), stage.online()
        self.customer.say(stage.conversation(self.customer), "hello")
        self.left.say(stage.conversation(self.left), "hello")
        self.claimer.ask("claim", conversation=stage.conversation(self.left))
        stage.mortal.dies("after", name="message_append")
        self.customer.functions = stage.doomed
        try:
            self.customer.say(stage.conversation(self.customer), TEXT)
        except Died:
            self.customer.functions = stage.healthy
        connection = stage.connected_in_shard(self.gone)
        stage.expire(self.gone, connection)
        stage.leave_long_ago(self.claimer, stage.conversation(self.left))
        stage.make_overdue()

    def act(self, functions: Functions) -> None:
        functions.sweep()

    def fate(self) -> Fate:
        whole = not self.stage.is_owed() and self.is_looked_after()
        self.stage.sweep()
        assert self.is_looked_after()
        for agent in (self.away, self.gone, self.claimer.user):
            texts = [entry["body"]["text"] for entry in self.stage.replay(agent)]
            assert sorted(set(texts)) == ["hello", TEXT]
        assert not self.stage.is_owed()
        return "done" if whole else "sweep"

    def is_looked_after(self) -> bool:
        (left,) = self.left.ask("conversations")["result"]["conversations"]
        return left["status"] == "waiting" and self.gone not in self.stage.online_agents()
