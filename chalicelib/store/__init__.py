"""Redis, and nothing else knows it: what is remembered of stores, conversations and users."""

from chalicelib.settings import Settings
from chalicelib.store.conversations import Conversations
from chalicelib.store.keys import SHARDS
from chalicelib.store.scripts import Scripts
from chalicelib.store.stores import Stores
from chalicelib.store.users import Users


class Store:
    """The three parts of what is remembered, over one connection to Redis."""

    def __init__(self, settings: Settings) -> None:
        scripts = Scripts(
            settings.redis_url,
            cluster=settings.redis_cluster,
            username=settings.redis_username,
            password=settings.redis_password,
            wait_replicas=settings.redis_wait_replicas,
        )
        self.scripts = scripts
        self.conversations = Conversations(scripts)
        self.stores = Stores(scripts)
        self.users = Users(scripts, rate_limit=settings.rate_limit)

    def close(self) -> None:
        """Close every connection to Redis."""
        self.scripts.close()


__all__ = ["SHARDS", "Store"]
