"""A cluster of Redis servers: which of them has which slot, and what to do when that changes."""

import logging
import time
from collections.abc import Container, Sequence
from threading import Lock

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, NoScriptError, ResponseError

from chalicelib.store.exchange import Parcel, Unsent, exchange
from chalicelib.store.line import OUT_OF_REACH, Address, Reply, Server, Way, is_fault, pack

log = logging.getLogger(__name__)

SLOTS = 16_384
LEARN_EVERY_S = 0.5
WHO_HAS_WHICH = pack(("CLUSTER", "SLOTS"))


class Cluster:
    """Where each slot is on the server that has it at the moment."""

    def __init__(self, seeds: Sequence[Address], way: Way) -> None:
        self._seeds, self._way = seeds, way
        self._servers: dict[Address, Server] = {}
        self._owners: list[Server | None] = []  # by slot
        self._learning = Lock()
        self._learned = 0.0

    def send(self, packed: Sequence[bytes], keys: Sequence[bytes], replicas: int) -> list[Reply]:
        """Commands in one round trip to their keys' servers: each one's reply, or the exception that it met.

        Only what is known not to have been carried out is sent again: to where its slot is by now.
        Raises OUT_OF_REACH where no server says who has which slots.
        """
        if not self._owners:
            with self._learning:
                if not self._owners:
                    self._learn()
        slots = [key_slot(key) for key in keys]
        owners = [self._owners[slot] for slot in slots]
        replies: list[Reply] = [Unsent("no server has the slot")] * len(packed)
        parcels: dict[Server, Parcel] = {}
        for place, owner in enumerate(owners):
            if owner:
                parcels.setdefault(owner, Parcel(owner, [])).places.append(place)
        exchange(parcels.values(), packed, replicas, replies)
        if any(map(_is_trouble, replies)):
            away = {each.address for each, got in zip(owners, replies, strict=True) if each and _is_silence(got)}
            moved = any(isinstance(reply, MovedError) for reply in replies)
            self._learn_again(away, at_once=moved)
            exchange(self._redirected(slots, owners, replies), packed, replicas, replies)
        return replies

    def _redirected(
        self, slots: Sequence[int], owners: Sequence[Server | None], replies: Sequence[Reply]
    ) -> list[Parcel]:
        """What was not carried out, for the servers that it should have been sent to."""
        parcels: dict[tuple[Server, bool], Parcel] = {}
        for place, (slot, asked, reply) in enumerate(zip(slots, owners, replies, strict=True)):
            server, asking = None, False
            if isinstance(reply, Unsent):
                server = self._owners[slot]
            elif asked and isinstance(reply, AskError):  # MovedError is one, too
                server = self._server((reply.host or asked.address[0], reply.port))
                asking = not isinstance(reply, MovedError)
            if server and server is not asked:
                parcels.setdefault((server, asking), Parcel(server, [], asking=asking)).places.append(place)
        return list(parcels.values())

    def _learn_again(self, away: Container[Address], *, at_once: bool) -> None:
        # Whoever is away may have been replaced: that is asked now and then, and by one thread for all.
        if not at_once and time.monotonic() - self._learned < LEARN_EVERY_S:
            return
        if not self._learning.acquire(blocking=False):
            return
        try:
            self._learn(away)
        except OUT_OF_REACH as error:
            log.warning("%s", error)
        finally:
            self._learning.release()

    def _learn(self, away: Container[Address] = ()) -> None:
        """Ask who has which slots; those that are `away` last. Raises OUT_OF_REACH where nobody says it."""
        self._learned = time.monotonic()
        troubles = []
        for address in sorted(dict.fromkeys([*self._servers, *self._seeds]), key=lambda each: each in away):
            answer: list[Reply] = [None]
            exchange([Parcel(self._server(address), [0])], [WHO_HAS_WHICH], 0, answer)
            if isinstance(answer[0], list) and answer[0]:
                self._note(address, answer[0])
                return
            troubles.append(f"{address[0]}:{address[1]}: {answer[0]!r}")
        raise ConnectionError(f"the cluster does not say who has which slots: {', '.join(troubles)}")

    def _note(self, asked: Address, ranges: list[Reply]) -> None:
        owners: list[Server | None] = [None] * SLOTS
        for first, last, (host, port, *_), *_replicas in ranges:
            server = self._server((host.decode() if host else asked[0], port))
            owners[first : last + 1] = [server] * (last + 1 - first)
        before, self._owners = self._servers, owners
        self._servers = {server.address: server for server in owners if server}
        for address, server in before.items():
            if address not in self._servers:
                server.close()

    def _server(self, address: Address) -> Server:
        return self._servers.setdefault(address, Server(address, self._way))

    def slot(self, key: str) -> int:
        """Where a key lies."""
        return int(key_slot(key.encode()))

    def close(self) -> None:
        """Close every line that nobody uses just now; the next round trip opens new ones."""
        for server in list(self._servers.values()):
            server.hang_up()


def _is_trouble(reply: Reply) -> bool:
    return isinstance(reply, Exception) and not isinstance(reply, NoScriptError) and not is_fault(reply)


def _is_silence(reply: Reply) -> bool:
    return isinstance(reply, Exception) and not isinstance(reply, ResponseError)
