"""HTTP/1.1 as a client: many requests to one host at once, without a thread each, over connections that are kept.

The sockets do not block, and whoever asks waits for all of them together (decision 0021).
"""

import random
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.answers import Answer
from chalicelib.lines import Address, Line, Trip

if TYPE_CHECKING:
    from ssl import SSLSession

# Requests under way at once, of each call; and connections that are kept between the calls.
AT_ONCE = 64
# A connection that nobody has used for so long is not trusted any more: what is between may have forgotten it.
KEPT_S = 50.0
# The name of a host may lead elsewhere later; one that leads nowhere is looked up again sooner.
ADDRESSES_S = 30.0
NOT_FOUND_S = 0.25
# What is done meanwhile waits so long, at most, for the first requests to be written.
WRITTEN_S = 0.25
# How often time limits are looked at.
LOOK_S = 0.05

# What came of a request: its answer; TimeoutError where it was sent and no answer came; ConnectionError where the
# connection was at fault, or never came about.
Outcome = Answer | TimeoutError | ConnectionError


def passes(outcome: Outcome) -> bool:
    """Whether it may be otherwise the next time: too many requests, a server's error, a broken line. Not silence."""
    if isinstance(outcome, Answer):
        return outcome.status == 429 or outcome.status >= 500
    return isinstance(outcome, ConnectionError)


class Host:
    """A host that answers by HTTP or HTTPS. Threads may share it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._name = parts.hostname or ""
        self._secured_name = self._name if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._secured_name else 80)
        self._kept: deque[Line] = deque()
        self._addresses: list[Address] = []
        self._looked_up = float("-inf")
        self._session: SSLSession | None = None

    def ask(
        self,
        requests: Sequence[bytes],
        *,
        within_s: float,
        pauses_s: Sequence[float] = (),
        again: Callable[[Outcome], bool] = passes,
        meanwhile: Callable[[], None] | None = None,
    ) -> list[Outcome]:
        """Sends the requests; what came of each, in their order, after `within_s` at most (besides `meanwhile`).

        A request of whose outcome `again` says so is sent again, after about as long as the next pause says, beside the
        others.
        `meanwhile` is called once, when the first requests have been written. Looking up the host's name takes as long
        as it takes.
        """
        asking = _Asking(self, requests, within_s, pauses_s, again)
        try:
            return asking.run(meanwhile)
        finally:
            asking.drop()

    def hang_up(self) -> None:
        """Closes the connections that nobody uses; whoever asks again makes new ones."""
        with suppress(IndexError):  # another thread takes them, too
            while True:
                self._kept.pop().sock.close()

    def kept(self) -> Line | None:
        """A connection that is there already: the one that was used last, so that those too many grow old."""
        try:
            line = self._kept.pop()
        except IndexError:
            return None
        if time.monotonic() - line.since < KEPT_S:
            return line
        line.sock.close()
        self.hang_up()  # the others are older still
        return None

    def keep(self, line: Line) -> None:
        """A connection may be used again."""
        if not line.used:
            self._session = line.session()
        line.used, line.since = True, time.monotonic()
        self._kept.append(line)
        if len(self._kept) > AT_ONCE:
            self._kept.popleft().sock.close()

    def line(self, addresses: Sequence[Address] | None = None) -> Line:
        """A connection that is being made, to the first of the addresses that can be tried. Raises OSError."""
        if addresses is None:
            addresses = self._found()
        fault = OSError(f"{self._name} has no address")
        for place, address in enumerate(addresses, 1):
            try:
                return Line(address, addresses[place:], self._secured_name, self._session)
            except OSError as error:
                fault = error
        raise fault

    def avoid(self, address: Address) -> None:
        """An address cannot be reached: the others come first from now on."""
        self._addresses = sorted(self._addresses, key=address.__eq__)

    def _found(self) -> list[Address]:
        if time.monotonic() - self._looked_up > (ADDRESSES_S if self._addresses else NOT_FOUND_S):
            try:
                found = socket.getaddrinfo(self._name, self._port, type=socket.SOCK_STREAM)
                self._addresses = [(family, address) for family, _, _, _, address in found]
            except socket.gaierror:
                if not self._addresses:  # where it was before is better than nowhere
                    raise
            finally:
                self._looked_up = time.monotonic()
        return self._addresses


class _Asking:
    """One call of `ask`, with its requests by their number."""

    def __init__(
        self,
        host: Host,
        requests: Sequence[bytes],
        within_s: float,
        pauses_s: Sequence[float],
        again: Callable[[Outcome], bool],
    ) -> None:
        self._host, self._requests, self._pauses_s, self._again = host, requests, pauses_s, again
        self._outcomes: list[Outcome | None] = [None] * len(requests)
        self._open = len(requests)
        self._turn = deque(range(len(requests)))
        self._later: list[tuple[float, int]] = []
        self._tries = [0] * len(requests)
        # A kept connection that breaks had been given up by the other side: these go over new ones.
        self._over_new: set[int] = set()
        self._trips: dict[int, Trip] = {}
        self._poll = select.poll()
        self._end, self._look = time.monotonic() + within_s, 0.0

    def run(self, meanwhile: Callable[[], None] | None) -> list[Outcome]:
        self._send_off()
        if meanwhile:
            until = time.monotonic() + WRITTEN_S
            while any(trip.rest for trip in self._trips.values()) and time.monotonic() < until:
                self._wait()
            self._let(meanwhile)
        while self._open:
            self._wait()
        return [outcome for outcome in self._outcomes if outcome is not None]

    def drop(self) -> None:
        """Closes the connections that are still waited for."""
        for trip in self._trips.values():
            trip.line.sock.close()

    def _let(self, meanwhile: Callable[[], None]) -> None:
        began = time.monotonic()
        meanwhile()
        took = time.monotonic() - began
        # Nobody has listened, so nobody was late.
        self._end += took
        for trip in self._trips.values():
            trip.until += took

    def _wait(self) -> None:
        wake = time.monotonic() + LOOK_S
        if self._later:
            wake = min(wake, self._later[0][0])
        for descriptor, _ in self._poll.poll(max(0.0, 1000 * (wake - time.monotonic()))):
            self._go_on(descriptor, self._trips[descriptor])
        now = time.monotonic()
        if now >= self._look:
            self._expire(now)
        while self._later and self._later[0][0] <= now:
            self._turn.append(heappop(self._later)[1])
        self._send_off()

    def _send_off(self) -> None:
        while self._turn and len(self._trips) < AT_ONCE:
            number = self._turn.popleft()
            line = None if number in self._over_new else self._host.kept()
            if line is None:
                self._connect(number)
                continue
            trip = Trip(number, self._requests[number], line)
            trip.write()
            self._register(trip)

    def _connect(self, number: int, addresses: Sequence[Address] | None = None) -> None:
        try:
            line = self._host.line(addresses)
        except OSError as error:
            self._conclude(number, ConnectionError(str(error)))
        else:
            self._register(Trip(number, self._requests[number], line))

    def _register(self, trip: Trip) -> None:
        descriptor = trip.line.sock.fileno()
        self._trips[descriptor] = trip
        self._poll.register(descriptor, trip.awaits)

    def _go_on(self, descriptor: int, trip: Trip) -> None:
        awaited = trip.awaits
        try:
            answer = trip.go_on()
        except OSError as error:
            self._lose(descriptor, trip, error)
            return
        if answer is None:
            if trip.awaits != awaited:
                self._poll.modify(descriptor, trip.awaits)
            return
        self._forget(descriptor)
        if answer.keeps and not trip.rest:
            self._host.keep(trip.line)
        else:
            trip.line.sock.close()
        self._conclude(trip.number, answer)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._trips[descriptor]

    def _lose(self, descriptor: int, trip: Trip, error: OSError) -> None:
        self._forget(descriptor)
        trip.line.sock.close()
        if not trip.line.ready:
            self._host.avoid(trip.line.address)
            if trip.line.others:
                self._connect(trip.number, trip.line.others)
            else:
                self._conclude(trip.number, ConnectionError(str(error)))
        elif isinstance(error, TimeoutError):
            self._conclude(trip.number, error)
        elif trip.line.used and not trip.received:
            self._over_new.add(trip.number)
            self._turn.appendleft(trip.number)
        else:
            self._conclude(trip.number, ConnectionError(str(error)))

    def _expire(self, now: float) -> None:
        self._look = now + LOOK_S
        for descriptor, trip in list(self._trips.items()):
            if trip.until <= now:
                what = "no answer" if trip.line.ready else "no connection"
                self._lose(descriptor, trip, TimeoutError(f"{what} in time"))
        if self._end <= now:
            self._give_up()

    def _give_up(self) -> None:
        self._open = 0
        self._turn.clear()
        self._later.clear()
        for trip in self._trips.values():
            if trip.line.ready and self._outcomes[trip.number] is None:
                self._outcomes[trip.number] = TimeoutError("no answer in time")
        for number, outcome in enumerate(self._outcomes):
            if outcome is None:
                self._outcomes[number] = ConnectionError("no time was left to send it")

    def _conclude(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        tries = self._tries[number]
        if tries < len(self._pauses_s) and self._again(outcome):
            self._tries[number] = tries + 1
            pause = self._pauses_s[tries] * random.uniform(0.5, 1.5)  # noqa: S311 - jitter needs no secrecy
            heappush(self._later, (time.monotonic() + pause, number))
        else:
            self._open -= 1
