"""From the environment to the services, once per process."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from chalicelib import vault
from chalicelib.delivery import Dispatcher
from chalicelib.gateway import Gateway
from chalicelib.settings import Settings
from chalicelib.store import Store

# Who runs the functions without the platform's HTTP interfaces puts another gateway here, before anything is called.
gateway_of: Callable[[Settings], Gateway] = Gateway


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
    store, gateway = Store(settings), gateway_of(settings)
    return Services(settings, store, gateway, Dispatcher(store, gateway))
