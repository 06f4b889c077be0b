"""What people at a chat make the platform do: frames, posts, calls of functions, time, and room in Redis.

Everything assumed or measured is here, with its reason; `costs` and `capacity` only reckon. Measured means: with texts
of 100 characters and Valkey 9, on a machine of two cores at 2.8 GHz that had other work, too; CPU is what the functions
take in `make bench`, Redis as a cluster of three, the middle one of seven rounds.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from infra.aws.functions import FUNCTIONS

# --- a function's time ----------------------------------------------------------------------------------------------

(MEMORY_MB,) = (function.memory_mb for function in FUNCTIONS if function.name == "WebsocketMessage")
CORE_MB = 1_769  # Lambda gives a whole core with so much memory, and less in proportion
RUNTIME_CPU_S = 0.001  # assumed: Lambda's runtime and Chalice around the handler
ROUND_TRIP_S = 0.004  # assumed: MemoryDB answers a write when its log has it, in "single-digit milliseconds"
POST_S = 0.010  # assumed: one post to @connections through the NAT; all posts of a frame run in parallel
COLD_SHARE = 0.001  # assumed: calls that find no function ready; AWS says "typically under 1%", and fewer in busy ones
# Measured: importing the app takes 0.3 s of CPU, with the bytecode that is packaged. Assumed: 0.3 s for
# the secrets and the first TLS connections.
COLD_S = 0.6

SEND_CPU_S = 0.0008  # measured: a message that one person is told of
TOLD_CPU_S = 0.00007  # measured: each further one
PING_CPU_S = 0.00045  # measured
READ_CPU_S = 0.0010  # measured: a read mark of which both sides are told
TYPING_CPU_S = 0.0006  # measured
STAY_CPU_S = 0.0023  # measured: $connect, flush and $disconnect together

CONNECT_S = 0.040  # assumed: two round trips, a call of Lambda's API, the CPU above
FLUSH_S = 0.200  # assumed: the socket is open some 0.1 s after $connect; then welcome and the replay
DISCONNECT_S = 0.030  # assumed: four round trips
API_S = 0.030  # assumed: a page's file, or an HTTP route with a round trip or two

# --- Redis: CPU of the node, and bytes ------------------------------------------------------------------------------

APPEND_S = 0.00028  # measured: a message without the next two; message_append, and the outbox entry's removal
LIST_S = 0.00005  # measured: offline_append, one for each person told and one for the sender
ADMIT_S = 0.00013  # measured: request_admit, one for each frame
READ_S = 0.00041  # measured: a read mark, admission and lists included
TYPING_S = 0.00021  # measured: the same of "is writing"
STAY_S = 0.00098  # measured: a connection from $connect to $disconnect
# A store is one slot, and its scripts run one after the other: only these count there.
STORE_S = APPEND_S

MESSAGE_WRITTEN = 823  # measured, as the bytes of an append-only file; so are the next three
LIST_WRITTEN = 517
ADMIT_WRITTEN = 221
STAY_WRITTEN = 1_120

TEXT_BYTES = 100
MESSAGE_BYTES = 346  # measured: a message in its conversation's list, for good
ID_BYTES = 23  # measured: its id, which is remembered for ID_DAYS at most
ID_DAYS = 2
ENTRY_BYTES = 352  # measured: an entry of an offline list, until it is acknowledged; at most 1,000 for each user
CONVERSATION_BYTES = 1_000  # measured in the store's slot: 770; the rest is taken for the customer's own lists
CONNECTION_BYTES = 736  # measured: an open connection, in its three places

# --- what people do -------------------------------------------------------------------------------------------------

MESSAGES = 10  # assumed: messages of a conversation from its first one until it is closed, of both sides
UNCLAIMED = 0.2  # assumed: of the customer's messages come before an agent has claimed
READS = 0.5  # assumed: read marks for each message; one covers what was written in a row
TYPINGS = 1.0  # assumed: "is writing" for each message; the pages say it at most every 4 s
LOST_REPLAYS = 1e-4  # assumed: connections whose replay fails for good, and lies in the queue of dead letters
ACKS = 0.1  # assumed: acknowledgements that find no other frame to ride on; each is a ping
PINGS_AN_HOUR = 60.0  # the pages' own clock (web/lib/environment.js): each minute while somebody looks at the page
PINGS_AN_HOUR_HIDDEN = 7.5  # and each eight minutes otherwise
PAGES = 2.0  # HTTP requests with each connection: widget.js and settings.json; the module itself stays in the browser

# --- bytes on the wire ----------------------------------------------------------------------------------------------

FRAME_BYTES = 350  # a message's frame with a text of 100 characters; a reply, a pong or a read mark is shorter
POST_BYTES = 2_500  # assumed: a post with its signed headers (the session token alone has a KB), TLS, and the answer
LOG_BYTES = (
    400  # a line of the access log, for each frame, handshake, close and HTTP request; functions log only trouble
)


@dataclass(frozen=True, slots=True)
class Work:
    """So much of each thing; adds up, and multiplies by a number."""

    frames: float = 0.0  # from clients; each is a call of the function for messages
    posts: float = 0.0  # to clients
    frame_s: float = 0.0  # time of the function for messages
    opened: float = 0.0  # connections; each is a call of $connect, of flush and of $disconnect
    pages: float = 0.0  # HTTP requests
    redis_s: float = 0.0  # CPU of Redis nodes
    written: float = 0.0  # bytes that Redis writes down

    def __add__(self, other: Work) -> Work:
        return Work(*(one + more for one, more in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: float) -> Work:
        return Work(*(times * one for one in astuple(self)))

    @property
    def calls(self) -> float:
        """Calls of functions."""
        return self.frames + 3 * self.opened + self.pages

    @property
    def logged(self) -> float:
        """Lines of the access logs."""
        return self.frames + 2 * self.opened + self.pages

    @property
    def function_s(self) -> float:
        """Time of all functions, cold starts included."""
        stay = self.opened * (CONNECT_S + FLUSH_S + DISCONNECT_S + on_a_share_of_a_core(STAY_CPU_S))
        return self.frame_s + stay + self.pages * API_S + self.calls * COLD_SHARE * COLD_S


def on_a_share_of_a_core(cpu_s: float) -> float:
    """How long a function takes for so much CPU."""
    return cpu_s * CORE_MB / MEMORY_MB


def _frame(cpu_s: float, round_trips: int) -> float:
    return on_a_share_of_a_core(RUNTIME_CPU_S + cpu_s) + round_trips * ROUND_TRIP_S + POST_S


def message(told: float) -> Work:
    """A message of which `told` people are told, each on one connection: in, the reply, a push to each."""
    return Work(
        frames=1,
        posts=1 + told,
        frame_s=_frame(SEND_CPU_S + TOLD_CPU_S * max(0.0, told - 1), round_trips=3),
        redis_s=ADMIT_S + APPEND_S + (told + 1) * LIST_S,
        written=ADMIT_WRITTEN + MESSAGE_WRITTEN + told * LIST_WRITTEN,
    )


def status_change(agents: float) -> Work:
    """A claim or a close: in, the reply, an event to the customer and to each agent."""
    return Work(
        frames=1,
        posts=2 + agents,
        frame_s=_frame(SEND_CPU_S + TOLD_CPU_S * agents, round_trips=3),
        redis_s=ADMIT_S + APPEND_S + (agents + 1) * LIST_S,
        written=ADMIT_WRITTEN + MESSAGE_WRITTEN,
    )


PING = Work(1, 1, _frame(PING_CPU_S, round_trips=1), redis_s=ADMIT_S, written=ADMIT_WRITTEN)
# In, the reply, the event to the other side; "is writing" gets no reply.
READ = Work(1, 2, _frame(READ_CPU_S, round_trips=3), redis_s=READ_S, written=ADMIT_WRITTEN)
TYPING = Work(1, 1, _frame(TYPING_CPU_S, round_trips=3), redis_s=TYPING_S, written=ADMIT_WRITTEN)
# One post: `welcome`. What the replay posts was pushed to nobody before.
STAY = Work(posts=1, opened=1, pages=PAGES, redis_s=STAY_S, written=STAY_WRITTEN)


def chat(customer_messages: float, agent_messages: float, agents: float) -> Work:
    """So many messages and what goes with them, in stores of `agents` agents, all of them online."""
    messages = customer_messages + agent_messages
    conversations = messages / MESSAGES
    # With the first message the customer and all agents hear that the conversation waits.
    begun = Work(posts=1 + agents, redis_s=agents * LIST_S)
    return (
        message(agents) * (customer_messages * UNCLAIMED)
        + message(1) * (customer_messages * (1 - UNCLAIMED) + agent_messages)
        + READ * (READS * messages)
        + TYPING * (TYPINGS * messages)
        + PING * (ACKS * messages)
        + (begun + status_change(agents) * 2) * conversations
    )


def connected(hours: float, visible: float) -> Work:
    """So many hours of connections, of which a share is of pages that somebody looks at: pings and pongs."""
    return PING * (hours * (visible * PINGS_AN_HOUR + (1 - visible) * PINGS_AN_HOUR_HIDDEN))
