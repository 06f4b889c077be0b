"""One client for every system: customers → a room or their conversations → agents; all sockets and one clock in here.

paced       one customer writes at a fixed rate, whether or not what it wrote before has arrived.
saturation  so many messages are under way at any time, from all customers; one is done when all agents have it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, get_args

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from tests.bench import cpu
from tests.bench.peers.plan import Address, Figures, Mode, Plan
from tests.bench.peers.speech import Kefu, Plain, SocketIO

# By the number of agents. Paced: below what the slowest system carries.
RATES_S = {1: 100.0, 10: 40.0, 100: 10.0}
UNDER_WAY = {1: 64, 10: 32, 100: 8}
TEXT_CHARACTERS = 100
OPEN_AT_A_TIME = 16
READY_WITHIN_S = 20.0
STRAGGLERS_S = 4.0
# A message that its sender is later with than a timer is imprecise counts from when it was due.
LATE_NS = 2_000_000


class Socket(WSListener):
    """The socket of an agent or of a customer, and the numbers of the messages that have come over it."""

    def __init__(self, agent: bool, speech: Plain, received: Callable[[Socket, int], None]) -> None:
        self.agent = agent
        self.arrived: list[int] = []
        self.got: set[int] = set()
        self._speech, self._received = speech, received
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: WSTransport | None = None

    async def open(self, address: Address) -> None:
        """Connect, and wait until the system says that the socket is where it should be."""
        url, headers = address
        await ws_connect(lambda: self, url, enable_auto_pong=False, extra_headers=headers)
        async with asyncio.timeout(READY_WITHIN_S):
            await self._ready

    def say(self, payload: bytes) -> None:
        if self._transport:
            self._transport.send(WSMsgType.TEXT, payload)

    def is_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def failed(self, reason: str) -> None:
        """Said by the system, or found out: the run is worth nothing any more."""
        print(f"failed: {reason}", file=sys.stderr)
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(reason))

    def close(self) -> None:
        if self._transport:
            self._transport.disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            number = self._speech.heard(self, frame.get_payload_as_bytes())
            if number is not None:
                self._received(self, number)
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        if not self._ready.done():
            self.failed("the socket has closed")


class Reading(NamedTuple):
    """Where the clocks and counters stand."""

    server_s: float
    redis_s: float
    client_s: float
    machine_s: float
    clock_s: float
    done: float
    deliveries: float

    def __sub__(self, before: Reading) -> Reading:
        return Reading(*(now - then for now, then in zip(self, before, strict=True)))


class Load:
    """One plan, carried out."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        speeches: dict[str, Callable[[], Plain]] = {"plain": Plain, "socket.io": SocketIO, "kefu": lambda: Kefu(plan)}
        self._speech = speeches[plan.speech]()
        self._agents = [Socket(True, self._speech, self._received) for _ in plan.agents]
        self._customers = [Socket(False, self._speech, self._received) for _ in plan.customers]
        self._began: list[int] = []
        self._missing: list[int] = []
        self._delays_ns: list[int] = []
        self._done = self._deliveries = self._duplicates = 0
        self._measuring = self._goes_on = False
        self._writing = 1

    async def run(self) -> None:
        """Both phases, a line of figures each."""
        gate = asyncio.Semaphore(OPEN_AT_A_TIME)

        async def enter(socket: Socket, address: Address) -> None:
            async with gate:
                await socket.open(address)

        # The agents first: a plain peer sends a message to whoever is in the room already.
        await asyncio.gather(*map(enter, self._agents, self._plan.agents))
        await asyncio.gather(*map(enter, self._customers, self._plan.customers))
        await self._speech.begin(self._agents, self._customers)
        beside = asyncio.create_task(self._speech.accompany(self._agents))
        for mode in get_args(Mode):
            print(json.dumps(await self._phase(mode)), flush=True)
        beside.cancel()
        for socket in (*self._agents, *self._customers):
            socket.close()

    async def _phase(self, mode: Mode) -> Figures:
        self._writing = 1 if mode == "paced" else len(self._customers)
        first, duplicates = len(self._began), self._duplicates
        overtaken, replayed = self._speech.overtaken(), self._speech.replayed()
        self._delays_ns.clear()
        gc.collect()
        gc.disable()
        if mode == "saturation":
            self._goes_on = True
            for _ in range(UNDER_WAY.get(len(self._agents), 8)):
                self._send(time.perf_counter_ns())
            await asyncio.sleep(self._plan.warm_s)
        else:
            await self._pace(self._plan.warm_s)
        self._measuring, before = True, self._reading()
        if mode == "saturation":
            await asyncio.sleep(self._plan.seconds)
        else:
            await self._pace(self._plan.seconds)
            await self._all_arrived(within_s=min(1.0, self._plan.seconds))
        spent = self._reading() - before
        self._measuring = self._goes_on = False
        gc.enable()
        await self._all_arrived(within_s=STRAGGLERS_S)
        deliveries = max(1, spent.deliveries)
        return Figures(
            mode=mode,
            p50_ms=_quantile_ms(self._delays_ns, 0.5),
            p99_ms=_quantile_ms(self._delays_ns, 0.99),
            messages_s=spent.done / spent.clock_s,
            deliveries_s=spent.deliveries / spent.clock_s,
            server_us=spent.server_s / deliveries * 1e6,
            redis_us=spent.redis_s / deliveries * 1e6,
            lost=sum(self._missing[first:]),
            duplicates=self._duplicates - duplicates,
            overtaken=self._speech.overtaken() - overtaken,
            replayed=self._speech.replayed() - replayed,
            same_order=self._speech.same_order(self._agents),
            client_cpu=spent.client_s / spent.clock_s,
            noise=max(0.0, spent.machine_s - spent.server_s - spent.redis_s - spent.client_s) / spent.clock_s,
        )

    def _reading(self) -> Reading:
        return Reading(
            cpu.used_by_trees_s(self._plan.servers),
            cpu.used_s(self._plan.redis),
            time.process_time(),
            cpu.machine_busy_s(),
            time.perf_counter(),
            self._done,
            self._deliveries,
        )

    async def _pace(self, seconds: float) -> None:
        rate_s = RATES_S.get(len(self._agents), 1_000 / max(10, len(self._agents)))
        start = time.perf_counter_ns()
        for beat in range(max(1, int(seconds * rate_s))):
            due = start + int(beat / rate_s * 1e9)
            if (early := due - time.perf_counter_ns()) > 0:
                await asyncio.sleep(early / 1e9)
            now = time.perf_counter_ns()
            self._send(due if now - due > LATE_NS else now)

    def _send(self, began: int) -> None:
        number = len(self._began)
        customer = number % self._writing
        self._began.append(began)
        self._missing.append(len(self._agents))
        text = f"#{number:08d}#".ljust(TEXT_CHARACTERS, "x")
        self._customers[customer].say(self._speech.frame(customer, number, text))

    def _received(self, socket: Socket, number: int) -> None:
        now = time.perf_counter_ns()
        self._deliveries += 1
        if number in socket.got:
            self._duplicates += 1
            return
        socket.got.add(number)
        socket.arrived.append(number)
        if self._measuring:
            self._delays_ns.append(now - self._began[number])
        self._missing[number] -= 1
        if not self._missing[number]:
            self._done += 1
            if self._goes_on:
                self._send(time.perf_counter_ns())

    async def _all_arrived(self, within_s: float) -> None:
        end = time.monotonic() + within_s
        while self._done < len(self._began) and time.monotonic() < end:
            await asyncio.sleep(0.02)


def _quantile_ms(delays_ns: list[int], share: float) -> float | None:
    return sorted(delays_ns)[min(len(delays_ns) - 1, int(len(delays_ns) * share))] / 1e6 if delays_ns else None


async def carry_out(plan: Plan) -> None:
    """Run a plan; its sockets need a loop that runs."""
    await Load(plan).run()


if __name__ == "__main__":
    uvloop.run(carry_out(Plan(**json.loads(sys.stdin.readline()))))
