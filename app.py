"""kefu: every function of the service. Who reads this page has seen it.

A frame: socket → message → who is it → what happens (one script) → offline lists → pushes → sockets.
"""

from typing import Any

import msgspec
from chalice.app import Chalice, CloudWatchEvent, Rate, Response, WebsocketEvent

from chalicelib import access, actions, protocol
from chalicelib.bootstrap import services
from chalicelib.errors import KefuError
from chalicelib.model import ConnectionId
from chalicelib.pages import pages
from chalicelib.routes import routes

app = Chalice(app_name="kefu")
app.experimental_feature_flags.add("WEBSOCKETS")
app.register_blueprint(routes)
app.register_blueprint(pages)


@app.on_ws_connect()
def connect(event: WebsocketEvent) -> Response:
    """A socket asks to be opened: the token decides. The replay follows in `flush`, once the socket is open."""
    kefu = services()
    connection = ConnectionId(event.connection_id)
    headers = {name.lower(): value for name, value in event.to_dict()["headers"].items()}
    try:
        identity, subprotocol = access.from_handshake(kefu.settings, headers)
        kefu.store.users.connect(connection, identity)
        kefu.gateway.invoke(kefu.settings.flush_function, protocol.encode(protocol.FlushTask(connection)))
    except KefuError as refusal:
        return Response(protocol.encode(protocol.HttpError(refusal.code, refusal.message)).decode(), {}, refusal.status)
    except OSError:  # nobody would welcome it, so it must not open, nor count as online
        kefu.store.users.forget(connection)
        raise
    return Response("", {"Sec-WebSocket-Protocol": subprotocol} if subprotocol else {}, 200)


@app.lambda_function(name="flush")
def flush(event: dict[str, Any], _context: object) -> None:
    """Welcomes a new connection and replays what its user has not acknowledged."""
    task = msgspec.convert(event, protocol.FlushTask)
    services().dispatcher.flush(task.connection)


@app.on_ws_message()
def message(event: WebsocketEvent) -> None:
    """A frame of a client."""
    kefu = services()
    connection = ConnectionId(event.connection_id)
    frame = protocol.Frame(event.body)
    with kefu.dispatcher.answering(connection, frame.id):
        caller = access.caller(kefu.store, connection)
        request = frame.request()
        result, outcome = actions.perform(kefu.store, caller, request)
        kefu.dispatcher.deliver(outcome, caller, protocol.reply(request, result))


@app.on_ws_disconnect()
def disconnect(event: WebsocketEvent) -> None:
    """A socket has closed; the platform does its best to say so."""
    services().store.users.forget(ConnectionId(event.connection_id))


@app.lambda_function(name="broadcast")
def broadcast(event: dict[str, Any], _context: object) -> None:
    """Pushes a notice to everybody online, or to one store's agents."""
    task = msgspec.convert(event, protocol.BroadcastTask)
    services().dispatcher.broadcast(task.notice, task.store)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_event: CloudWatchEvent) -> None:
    """Every minute: deliveries left behind, claims past their grace, connections that expired without a word."""
    services().dispatcher.sweep()
