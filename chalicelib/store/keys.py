"""Every key of the service. The braces name the slot: a store's, a user's, a connection's; a script stays in one.

Names of stores and users cannot hold a brace or a colon (protocol, section 1), so no two keys can collide.
"""

from hashlib import sha256
from zlib import crc32

from chalicelib.model import ConnectionId, ConversationId, StoreId, UserId, split

SHARDS = 16


def store(store_id: StoreId) -> str:
    """Hash: name, claim_grace_s, memberships (how many there ever were)."""
    return f"kefu:{{s:{store_id}}}:store"


def agents(store_id: StoreId) -> str:
    """Hash: user → role:joined:name."""
    return f"kefu:{{s:{store_id}}}:agents"


def claims(store_id: StoreId) -> str:
    """Hash: customer → agent:joined, who has claimed."""
    return f"kefu:{{s:{store_id}}}:claims"


def index(store_id: StoreId) -> str:
    """Sorted set, all scores 0: the rows of the store's lists, in the order of their bytes."""
    return f"kefu:{{s:{store_id}}}:index"


def outbox(store_id: StoreId) -> str:
    """Sorted set: seq:customer:audience by the time from which its delivery is overdue."""
    return f"kefu:{{s:{store_id}}}:outbox"


def conversation(conversation_id: ConversationId) -> list[str]:
    """The nine keys that every script of a conversation takes, in the order of lua/lib/conversation.lua."""
    store_id, customer = split(conversation_id)
    base = f"kefu:{{s:{store_id}}}:c:{customer}"
    return [
        store(store_id),
        agents(store_id),
        claims(store_id),
        index(store_id),
        # hash: status, version, waiting_since, unanswered_since, claimed_at, active_at, reopened, read marks, names
        base,
        f"{base}:messages",  # list: element seq - 1 is message seq, as JSON
        f"{base}:by_customer",  # bitmap: bit seq is set where the customer wrote
        f"{base}:by_store",  # bitmap: bit seq is set where an agent wrote
        f"{base}:watchers",  # hash: connection → user:joined:expires
    ]


def watchers(conversation_id: ConversationId) -> str:
    """Hash: connection → user:joined:expires."""
    return conversation(conversation_id)[-1]


def ids(conversation_id: ConversationId) -> list[str]:
    """Two hashes, each for every other day: fingerprint of sender and id → seq of the message that it has stored."""
    store_id, customer = split(conversation_id)
    return [f"kefu:{{s:{store_id}}}:c:{customer}:ids:{day}" for day in range(2)]


def fingerprint(sender: UserId, request_id: str) -> bytes:
    """The field of an id in those hashes: 96 bits, so that no two of a conversation meet. The system's sender is ''."""
    return sha256(f"{sender}\0{request_id}".encode()).digest()[:12]


def user(user_id: UserId) -> list[str]:
    """The seven keys that every script of a user takes, in the order of lua/lib/user.lua."""
    base = f"kefu:{{u:{user_id}}}"
    return [
        f"{base}:connections",  # hash: connection → state:expires:lease:holder
        f"{base}:inbox",  # hash: newest offset, seen, name
        f"{base}:offline",  # list: offset:at:store:event, not yet acknowledged
        f"{base}:stores",  # hash: store → number of the membership, negative once it has ended
        f"{base}:conversations",  # sorted set: store by activity, as a customer
        f"{base}:rate",  # string: when the bucket of the rate limit is empty again, and what is to be charged later
        f"{base}:held",  # list: connection:store:frame, what waits for the end of a replay
    ]


def memberships(user_id: UserId) -> str:
    """Hash: store → number of the membership, negative once it has ended."""
    return user(user_id)[3]


def connection(connection_id: ConnectionId) -> str:
    """Hash: who is behind a connection, and whether it has been welcomed."""
    return f"kefu:{{c:{connection_id}}}"


def watching(connection_id: ConnectionId) -> str:
    """Set: the conversations that a connection watches."""
    return f"kefu:{{c:{connection_id}}}:watching"


def online(shard: int) -> str:
    """Sorted set: connections by expiry, one of SHARDS."""
    return f"kefu:online:{{{shard}}}"


def online_of(connection_id: ConnectionId) -> str:
    """The shard that a connection is counted in."""
    return online(crc32(connection_id.encode()) % SHARDS)


def active(shard: int) -> str:
    """Sorted set: stores by their last write, one of SHARDS; the sweep looks after those."""
    return f"kefu:active:{{{shard}}}"


def active_of(store_id: StoreId) -> str:
    """The shard that a store's activity is noted in."""
    return active(crc32(store_id.encode()) % SHARDS)
