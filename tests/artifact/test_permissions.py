"""Every right that the template gives a function is used, and nothing beyond them is done."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPSConnection
from urllib.parse import quote

import pytest

from chalicelib import signing
from infra.local.sigv4 import Credentials
from tests import servers
from tests.artifact.cloudformation import ACCOUNT, PARTITION, REGION
from tests.artifact.deployed import Deployed
from tests.artifact.front import Caller
from tests.artifact.roles import NOT_OURS, Call, Roles
from tests.e2e.client import Client, fresh, of_type
from tests.e2e.conftest import Marketplace
from tests.unit.signatures import parsed


def test_functions_use_all_that_they_are_granted(deployed: Deployed, market: Marketplace) -> None:
    shop = market.open_store(claim_grace_s=1)
    expiring = Client.open(deployed.ws, "dee", deployed.token(fresh("dee"), ttl_s=2)).greet()  # connect, flush
    expires = time.time() + 2
    market.clients.append(expiring)
    ann, bob = shop.agent("ann"), shop.agent("bob")
    customer, conversation = shop.claimed(ann)  # message
    shop.announce(conversation, "The HTTP function tells the customer.")
    customer.expect("message", seq=2)
    market.admin("POST", "/broadcast", {"text": "It has another function tell everybody."}, expect=202)
    bob.expect("notice")
    bob.fence()
    ann.close()  # disconnect
    deployed.expire(customer.welcome["connection"])

    def swept() -> bool:
        deployed.sweep()
        return bool(of_type(bob.fence(), "conversation", conversation={"status": "waiting"}))

    servers.until(swept)
    assert customer.closed() is not None
    servers.until(lambda: time.time() > expires)
    expiring.refused("unauthorized", "ping")
    assert expiring.closed() is not None
    assert deployed.roles.unused() == []
    assert deployed.roles.refused == []


def test_the_exceptions_are_of_services_that_the_roles_name(deployed: Deployed) -> None:
    assert deployed.roles.services() == {"execute-api", "lambda", "secretsmanager", *NOT_OURS}


POST, DELETE, GET = (f"execute-api:{{socket}}/api/{method}/@connections/x=" for method in ("POST", "DELETE", "GET"))


@pytest.mark.parametrize(
    ("function", "action", "resource"),
    [
        ("WebsocketConnect", "execute-api:ManageConnections", POST),
        ("WebsocketDisconnect", "execute-api:ManageConnections", POST),
        ("Flush", "execute-api:ManageConnections", DELETE),
        ("Broadcast", "execute-api:ManageConnections", DELETE),
        ("APIHandler", "execute-api:ManageConnections", DELETE),
        ("WebsocketMessage", "execute-api:ManageConnections", GET),
        ("WebsocketMessage", "execute-api:ManageConnections", "execute-api:another/api/POST/@connections/x="),
        ("WebsocketMessage", "execute-api:ManageConnections", "execute-api:{socket}/other/POST/@connections/x="),
        ("WebsocketMessage", "execute-api:Invoke", POST),
        ("WebsocketMessage", "lambda:InvokeFunction", "lambda:function:{flush}"),
        ("WebsocketConnect", "lambda:InvokeFunction", "lambda:function:{broadcast}"),
        ("WebsocketConnect", "lambda:InvokeFunction", "lambda:function:{flush}:1"),
        ("WebsocketConnect", "lambda:GetFunction", "lambda:function:{flush}"),
        ("APIHandler", "lambda:InvokeFunction", "lambda:function:{flush}"),
        ("WebsocketMessage", "secretsmanager:GetSecretValue", "{jwt}"),
        ("WebsocketConnect", "secretsmanager:PutSecretValue", "{jwt}"),
        ("WebsocketConnect", "ec2:DescribeSubnets", "ec2:subnet/a"),
    ],
)
def test_a_role_does_not_allow(deployed: Deployed, function: str, action: str, resource: str) -> None:
    stack = deployed.stack
    parts = {"socket": "WebsocketAPI", "flush": "Flush", "broadcast": "Broadcast", "jwt": "JwtSettings"}
    named = resource.format_map({word: stack.ref(part) for word, part in parts.items()})
    service, _, rest = named.partition(":")
    arn = named if service == "arn" else f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT}:{rest}"
    assert not Roles(stack).allow(Call(function, action, arn))


def test_a_call_is_let_in_with_the_key_of_a_function_that_may_make_it(deployed: Deployed, market: Marketplace) -> None:
    client = market.connect()
    connection = client.welcome["connection"]
    may, may_not = deployed.callers["WebsocketMessage"], deployed.callers["WebsocketDisconnect"]
    assert post(deployed, may, connection) == 200
    client.expect("notice", text="hello")
    assert post(deployed, may_not, connection) == 403
    api = f"arn:{PARTITION}:execute-api:{REGION}:{ACCOUNT}:{deployed.stack.ref('WebsocketAPI')}"
    refused = Call("WebsocketDisconnect", "execute-api:ManageConnections", f"{api}/api/POST/@connections/{connection}")
    assert deployed.roles.refused == [refused]
    deployed.roles.refused.clear()
    for wrong in (replace(may, token=may_not.token), replace(may, key=Credentials(may.key.access_key_id, "another"))):
        assert post(deployed, wrong, connection) == 403
    assert post(deployed, None, connection) == 403
    assert not of_type(client.fence(), "notice")


def post(deployed: Deployed, caller: Caller | None, connection: str) -> int:
    """The status of a post to a connection, signed with a function's key or not at all."""
    host, path = deployed.names.sockets, f"/api/@connections/{quote(connection, safe='')}"
    body, headers = b'{"type": "notice", "text": "hello", "at": 1}', {"host": host}
    if caller:
        key = signing.Credentials(caller.key.access_key_id, caller.key.secret_access_key, caller.token, REGION)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        signer = signing.Signer(key, "execute-api", "POST", f"https://{host}/api/@connections/", {}, stamp)
        _, _, headers, _ = parsed(signer.request(signing.quoted(connection), body))
    trust = ssl.create_default_context(cafile=deployed.storage.authority)
    with closing(HTTPSConnection("127.0.0.1", deployed.port_for_functions, context=trust)) as https:
        https.request("POST", path, body, headers)
        return https.getresponse().status
