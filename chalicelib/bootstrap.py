"""From the environment to the services, once per process."""

import os
from dataclasses import dataclass
from functools import cache

from chalicelib import vault
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


@cache
def services() -> Services:
    """The services of this process. Raises SettingsError."""
    settings = Settings.load({**os.environ, **vault.settings(os.environ)})
    store, gateway = Store(settings), Gateway(settings)
    return Services(settings, store, gateway, Dispatcher(store, gateway))
