"""From the environment to the services, once per process."""

from dataclasses import dataclass
from functools import cache
from threading import Lock

from chalicelib.delivery import Dispatcher
from chalicelib.gateway import Gateway
from chalicelib.settings import Settings
from chalicelib.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """What a handler needs. Nothing is connected before it is used."""

    settings: Settings
    store: Store
    gateway: Gateway
    dispatcher: Dispatcher


def services() -> Services:
    """The services of this process. Raises SettingsError."""
    with _making:  # several threads may ask first
        return _made()


_making = Lock()


@cache
def _made() -> Services:
    settings = Settings.load()
    store, gateway = Store(settings), Gateway(settings)
    return Services(settings, store, gateway, Dispatcher(store, gateway))


def forget_services() -> None:
    """Have the next call make the services anew, from the environment as it is then."""
    _made.cache_clear()
