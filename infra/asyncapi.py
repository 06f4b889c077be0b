"""`python -m infra.asyncapi` prints docs/asyncapi.yaml: AsyncAPI 3.0, made from the structs that decode the wire."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any, get_args

import msgspec
import yaml

from chalicelib import model, protocol

Schema = dict[str, Any]

RESULTS: dict[type[protocol.Request], type[msgspec.Struct]] = {
    protocol.Send: protocol.SendResult,
    protocol.History: protocol.HistoryResult,
    protocol.Conversations: protocol.ConversationsResult,
    protocol.Claim: protocol.ConversationResult,
    protocol.Release: protocol.ConversationResult,
    protocol.Close: protocol.ConversationResult,
    protocol.Transfer: protocol.ConversationResult,
    protocol.Read: protocol.ReadResult,
    protocol.Typing: protocol.Empty,
    protocol.Watch: protocol.Empty,
    protocol.Unwatch: protocol.Empty,
    protocol.Store: protocol.StoreResult,
    protocol.Sync: protocol.Empty,
}
EVENTS = (*get_args(model.Event), model.Message)


def document() -> Schema:
    """The whole description."""
    requests = list(get_args(protocol.AnyRequest))
    messages: Schema = {}
    for request in requests:
        name = _tag(request)
        messages[f"{name}Request"] = _message(request, f"The request `{name}`")
        if request in RESULTS:
            messages[f"{name}Reply"] = {
                "summary": f"The answer to `{name}`",
                "payload": {"$ref": f"#/components/schemas/{name}Reply"},
            }
    for event in EVENTS:
        messages[f"{_tag(event)}Event"] = _message(event, f"The event `{_tag(event)}`")
    messages["error"] = _message(protocol.Error, "A refusal")
    asked = {name for name in messages if name.endswith("Request")}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "kefu.v1",
            "version": "1.0.0",
            "description": "Chat between the customers and the stores of a marketplace. What the fields mean and what "
            "is promised: docs/protocol.md. Made by `make asyncapi`; not to be edited.",
        },
        "servers": {
            "oneMachine": {"host": "127.0.0.1:8000", "pathname": "/ws", "protocol": "ws"},
        },
        "channels": {
            "socket": {
                "description": "One JSON object a frame. The credential is a JWT in `Authorization: Bearer …`, or "
                "`bearer.<jwt>` beside `kefu.v1` in `Sec-WebSocket-Protocol`.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "ask": _operation("receive", sorted(asked)),
            "tell": _operation("send", sorted(set(messages) - asked)),
        },
        "components": {"messages": messages, "schemas": _schemas(requests)},
    }


def _schemas(requests: list[type[protocol.Request]]) -> Schema:
    # `last` and the messages of a history are stored bytes; their shape is the message's.
    structs = [*requests, *EVENTS, *dict.fromkeys(RESULTS.values()), protocol.Error]
    schemas: Schema = {}
    for struct in structs:  # one by one, since a request and an event may have the same name in Python
        _, parts = msgspec.json.schema_components([struct], ref_template="#/components/schemas/{name}")
        for part in parts.values():  # before 3.13 a docstring keeps its indentation
            part["description"] = inspect.cleandoc(part["description"])
        schemas[_schema_name(struct)] = parts.pop(struct.__name__)
        schemas |= {name: part for name, part in parts.items() if name not in schemas}
    stored = {key: value for key, value in schemas["messageEvent"]["properties"].items() if key not in _PUSHED}
    schemas["StoredMessage"] = {
        "title": "StoredMessage",
        "description": "A message as it is kept: the event without `type`, `offset` and `replay`.",
        "type": "object",
        "properties": stored,
        "required": list(stored),
    }
    reference = {"$ref": "#/components/schemas/StoredMessage"}
    schemas["Conversation"]["properties"]["last"] = {"anyOf": [reference, {"type": "null"}]}
    schemas["HistoryResult"]["properties"]["messages"] = {"type": "array", "items": reference}
    for request, result in RESULTS.items():
        name = _tag(request)
        schemas[f"{name}Reply"] = {
            "title": f"{name}Reply",
            "type": "object",
            "properties": {
                "type": {"const": "reply"},
                "id": {"type": "string"},
                "action": {"const": name},
                "result": {"$ref": f"#/components/schemas/{_schema_name(result)}"},
            },
            "required": ["type", "id", "action", "result"],
        }
    return dict(sorted(schemas.items()))


_PUSHED = {"type", "offset", "replay"}


def _schema_name(struct: type[msgspec.Struct]) -> str:
    if issubclass(struct, protocol.Request):
        return f"{_tag(struct)}Request"
    return f"{_tag(struct)}Event" if struct in EVENTS else struct.__name__


def _message(struct: type[msgspec.Struct], summary: str) -> Schema:
    return {
        "summary": summary,
        "description": inspect.getdoc(struct),
        "payload": {"$ref": f"#/components/schemas/{_schema_name(struct)}"},
    }


def _operation(action: str, names: list[str]) -> Schema:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/socket"},
        "messages": [{"$ref": f"#/channels/socket/messages/{name}"} for name in names],
    }


def _tag(struct: type[msgspec.Struct]) -> str:
    return str(struct.__struct_config__.tag)


class _Plain(yaml.SafeDumper):
    """Writes out what stands in two places, instead of an alias."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def text() -> str:
    """The description as YAML."""
    written = yaml.dump(document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
    # Python's anchors for the ends of a text are JavaScript's ^ and $.
    return re.sub(r"(?<=pattern: )\\A(.*)\\Z", r"^\1$", written)


if __name__ == "__main__":
    sys.stdout.write(text())
