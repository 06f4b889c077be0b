"""The HTTP routes of section 7 of the protocol."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from urllib.parse import unquote

from chalice.app import Blueprint, Response
from msgspec import UNSET, Struct

from chalicelib import access, actions, protocol
from chalicelib.bootstrap import Services, services
from chalicelib.errors import Forbidden, Internal, KefuError, RateLimited
from chalicelib.model import ConversationId, Identity, Notice, Role, StoreId, UserId

log = logging.getLogger(__name__)
routes = Blueprint(__name__)

# Bodies are JSON whatever their header says: a missing one is no reason to refuse.
ANY_TYPE = ["*/*"]
READ_BY_PAGES = {"Access-Control-Expose-Headers": "Retry-After"}
ASKED_BY_PAGES = {
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Max-Age": "7200",
}


class Health(Struct, frozen=True):
    status: str
    redis: str


class StoreBody(Struct, frozen=True):
    store: StoreId
    name: str
    claim_grace_s: int
    agents: int
    waiting: int
    claimed: int
    agents_online: int


class ServiceBody(Struct, frozen=True):
    store: StoreId
    name: str
    role: Role


class StoresBody(Struct, frozen=True):
    stores: list[ServiceBody]


class AgentBody(Struct, frozen=True):
    user: UserId
    name: str
    role: Role
    online: bool


class AgentsBody(Struct, frozen=True):
    agents: list[AgentBody]


View = Callable[..., tuple[int, Struct]]


def answering(view: View) -> Callable[..., Response]:
    """A route whose refusals and failures become `{"code","message"}` with their status."""

    @wraps(view)
    def answer(*args: str, **named: str) -> Response:
        headers: dict[str, str | list[str]] = {"Content-Type": "application/json"}
        try:
            status, body = view(*args, **named)
            return Response(protocol.encode(body).decode(), headers, status)
        except KefuError as refusal:
            error: KefuError = refusal
        except Exception:
            log.exception("%s %s failed", routes.current_request.method, routes.current_request.path)
            error = Internal()
        if isinstance(error, RateLimited):
            headers["Retry-After"] = str(-(-int(error.details["retry_after_ms"] or 0) // 1000))
        return Response(protocol.encode(protocol.HttpError(error.code, error.message)).decode(), headers, error.status)

    return answer


def for_pages(route: Callable[..., Response]) -> Callable[..., Response]:
    """A route whose answers the pages of allowed origins may read, refusals included."""

    @wraps(route)
    def answer(*args: str, **named: str) -> Response:
        response = route(*args, **named)
        headers = _headers()
        response.headers["Vary"] = "Origin"
        if "origin" in headers:
            with suppress(Forbidden):
                access.check_origin(services().settings, headers)
                response.headers["Access-Control-Allow-Origin"] = headers["origin"]
                response.headers |= READ_BY_PAGES
        return response

    return answer


# Not Chalice's own CORS: that knows one origin, or all.
@routes.route("/stores", methods=["OPTIONS"], content_types=ANY_TYPE)
@routes.route("/stores/{store}", methods=["OPTIONS"], content_types=ANY_TYPE)
@routes.route("/stores/{store}/agents", methods=["OPTIONS"], content_types=ANY_TYPE)
@for_pages
def preflight(**_path: str) -> Response:
    """What a browser asks before it lets a page ask. No page may that `for_pages` does not allow."""
    return Response("", dict(ASKED_BY_PAGES), 204)


@routes.route("/health")
@answering
def health() -> tuple[int, Struct]:
    services().store.users.online()
    return 200, Health("ok", "ok")


@routes.route("/stores/{store}", methods=["PUT"], content_types=ANY_TYPE)
@answering
def put_store(store: str) -> tuple[int, Struct]:
    kefu = services()
    _admin(kefu)
    shop = _name(store, "store")
    body = protocol.body(_raw_body(), protocol.PutStore)
    grace = kefu.settings.claim_grace_s if body.claim_grace_s is UNSET else body.claim_grace_s
    kefu.store.stores.put(shop, body.name, grace)
    return 200, _store_body(kefu, shop, None)


@routes.route("/stores")
@for_pages
@answering
def get_stores() -> tuple[int, Struct]:
    kefu = services()
    caller = _caller(kefu)
    served = kefu.store.stores.served(caller.user, kefu.store.users.memberships(caller.user))
    return 200, StoresBody([ServiceBody(each.store, each.name, each.role) for each in served])


@routes.route("/stores/{store}")
@for_pages
@answering
def get_store(store: str) -> tuple[int, Struct]:
    kefu = services()
    caller = _caller(kefu)
    return 200, _store_body(kefu, _name(store, "store"), _actor(caller))


@routes.route("/stores/{store}/agents/{user}", methods=["PUT"], content_types=ANY_TYPE)
@answering
def put_agent(store: str, user: str) -> tuple[int, Struct]:
    kefu = services()
    caller = _caller(kefu)
    shop, agent = _name(store, "store"), _name(user, "user")
    body = protocol.body(_raw_body(), protocol.PutAgent)
    name = "" if body.name is UNSET else body.name
    actions.put_agent(kefu.store, shop, agent, body.role, name, _actor(caller))
    presence = kefu.store.users.presence([agent])[agent]
    return 200, AgentBody(agent, name or presence.name or agent, body.role, presence.online)


@routes.route("/stores/{store}/agents/{user}", methods=["DELETE"], content_types=ANY_TYPE)
@answering
def delete_agent(store: str, user: str) -> tuple[int, Struct]:
    kefu = services()
    caller = _caller(kefu)
    outcome = actions.remove_agent(kefu.store, _name(store, "store"), _name(user, "user"), _actor(caller))
    kefu.dispatcher.deliver(outcome)
    return 200, protocol.Empty()


@routes.route("/stores/{store}/agents")
@for_pages
@answering
def get_agents(store: str) -> tuple[int, Struct]:
    kefu = services()
    caller = _caller(kefu)
    agents = kefu.store.stores.read(_name(store, "store"), _actor(caller)).agents
    presence = kefu.store.users.presence([agent.user for agent in agents])
    return 200, AgentsBody(
        [
            AgentBody(
                agent.user,
                agent.name or presence[agent.user].name or agent.user,
                agent.role,
                presence[agent.user].online,
            )
            for agent in agents
        ]
    )


@routes.route("/conversations/{conversation}/messages", methods=["POST"], content_types=ANY_TYPE)
@answering
def post_message(conversation: str) -> tuple[int, Struct]:
    kefu = services()
    _admin(kefu)
    named = protocol.checked(unquote(conversation), ConversationId, "conversation")
    body = protocol.body(_raw_body(), protocol.PostMessage)
    result, outcome = actions.send(kefu.store, None, named, body.id, body.body)
    kefu.dispatcher.deliver(outcome)
    return 200, result


@routes.route("/broadcast", methods=["POST"], content_types=ANY_TYPE)
@answering
def post_broadcast() -> tuple[int, Struct]:
    kefu = services()
    _admin(kefu)
    body = protocol.body(_raw_body(), protocol.PostBroadcast)
    store = None if body.store is UNSET else kefu.store.stores.read(body.store, None).store
    # Everybody may be very many: a function of its own tells them.
    task = protocol.BroadcastTask(Notice(body.text, kefu.store.users.time()), store)
    kefu.gateway.invoke(kefu.settings.broadcast_function, protocol.encode(task))
    return 202, protocol.Empty()


def _caller(kefu: Services) -> Identity:
    caller = access.from_headers(kefu.settings, _headers())
    kefu.store.users.admit(caller, None)
    return caller


def _headers() -> dict[str, str]:
    return {name.lower(): value for name, value in routes.current_request.headers.items()}


def _admin(kefu: Services) -> Identity:
    caller = _caller(kefu)
    if not caller.admin:
        raise Forbidden("This is for the marketplace's own back end (scope `admin`).")
    return caller


def _actor(caller: Identity) -> UserId | None:
    """In whose name the store decides: a user's, or for the marketplace nobody's."""
    return None if caller.admin else caller.user


def _name(given: str, field: str) -> str:
    return protocol.checked(unquote(given), UserId, field)


def _raw_body() -> bytes:
    raw = routes.current_request.raw_body
    return raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw


def _store_body(kefu: Services, shop: StoreId, user: UserId | None) -> StoreBody:
    view = kefu.store.stores.read(shop, user)
    return StoreBody(
        store=view.store,
        name=view.name,
        claim_grace_s=view.claim_grace_s,
        agents=len(view.agents),
        waiting=view.waiting,
        claimed=view.claimed,
        agents_online=actions.agents_online(kefu.store, view),
    )
