"""Rules about the two APIs: what they log, where they lead, and by which names they are reached."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.aws.rules.stack import Stack, rule, target

# Nothing that a client says in a header, a query string or a frame; a path has the names of stores and users.
LOGGED = frozenset(
    {
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "status",
        "integrationLatency",
        "integrationStatus",
        "error.responseType",
        # of HTTP
        "httpMethod",
        "path",
        "responseLength",
        "responseLatency",
        # of sockets
        "routeKey",
        "eventType",
        "connectionId",
    }
)
ROUTES = {"$connect": "WebsocketConnect", "$default": "WebsocketMessage", "$disconnect": "WebsocketDisconnect"}


def stages(stack: Stack) -> dict[str, dict[str, Any]]:
    """The stages of both APIs."""
    return stack.of("ApiGateway::Stage") | stack.of("ApiGatewayV2::Stage")


@rule
def each_api_has_one_stage_and_it_is_called_api(stack: Stack) -> Iterator[str]:
    """SAM makes a second one, "Stage", for whoever does not know."""
    for kind, api in (("ApiGateway::Stage", "RestApiId"), ("ApiGatewayV2::Stage", "ApiId")):
        found = [(each["StageName"], target(each[api])) for each in stack.of(kind).values()]
        if found != [("api", "RestAPI" if api == "RestApiId" else "WebsocketAPI")]:
            yield f"{kind}: {found}"


@rule
def every_request_is_logged_without_what_it_says(stack: Stack) -> Iterator[str]:
    for name, stage in stages(stack).items():
        logged = stage.get("AccessLogSetting") or stage.get("AccessLogSettings") or {}
        if target(logged.get("DestinationArn")) not in stack.of("Logs::LogGroup"):
            yield f"{name} logs to {logged.get('DestinationArn')}"
        pattern = logged.get("Format", "")
        fields = re.findall(r"\$context\.([A-Za-z.]+)", pattern)
        if "$" in re.sub(r"\$context\.[A-Za-z.]+", "", pattern):
            yield f"{name} logs more than its context: {pattern}"
        yield from (f"{name} logs {field}" for field in fields if field not in LOGGED)
        if not {"requestId", "status"} <= set(fields):
            yield f"{name} logs neither which request it was nor what became of it: {fields}"


@rule
def bodies_and_frames_are_never_logged(stack: Stack) -> Iterator[str]:
    for name, stage in stages(stack).items():
        settings = stage.get("MethodSettings") or [stage.get("DefaultRouteSettings", {})]
        settings += list(stage.get("RouteSettings", {}).values())
        for each in settings:
            if each.get("DataTraceEnabled") is not False or each.get("LoggingLevel") != "OFF":
                yield f"{name} logs what it carries: {each}"


@rule
def stages_log_only_once_the_account_lets_them(stack: Stack) -> Iterator[str]:
    for name in stack.of("ApiGateway::Account"):
        for api, properties in (stack.of("ApiGateway::RestApi") | stack.of("ApiGatewayV2::Api")).items():
            if f"${{{name}}}" not in str(properties.get("Description")):
                yield f"{api} may be there before {name}"
    for name in [*stack.of("ApiGateway::Account"), *stack.of("IAM::Role")]:
        kept = str(stack.resources[name].get("DeletionPolicy")).startswith("Retain")
        # The account's other APIs write with it, too.
        if kept != (name in {"LogAccount", "LogRole"}):
            yield f"{name} goes, or stays, when the stack goes"


@rule
def every_frame_has_its_function(stack: Stack) -> Iterator[str]:
    found = {}
    integrations = stack.of("ApiGatewayV2::Integration")
    for route in stack.of("ApiGatewayV2::Route").values():
        (integration,) = [name for name in integrations if f"'{name}'" in str(route["Target"])]
        (function,) = [name for name in stack.functions if f"'{name}'" in str(integrations[integration])]
        found[route["RouteKey"]] = function
    if found != ROUTES:
        yield f"the routes are {found}"


@rule
def a_deployment_comes_after_its_routes_and_is_staged(stack: Stack) -> Iterator[str]:
    (name,) = stack.of("ApiGatewayV2::Deployment")
    if sorted(stack.resources[name].get("DependsOn", [])) != sorted(stack.of("ApiGatewayV2::Route")):
        yield f"{name} may be made before its routes"
    for stage, properties in stages(stack).items():
        deployments = stack.of("ApiGateway::Deployment") | stack.of("ApiGatewayV2::Deployment")
        if target(properties["DeploymentId"]) not in deployments:
            yield f"{stage} shows {properties['DeploymentId']}"


@rule
def domains_speak_tls_1_2_or_newer(stack: Stack) -> Iterator[str]:
    for name, domain in (stack.of("ApiGateway::DomainName") | stack.of("ApiGatewayV2::DomainName")).items():
        for each in domain.get("DomainNameConfigurations", [domain]):
            if each.get("SecurityPolicy") != "TLS_1_2":
                yield f"{name} speaks {each.get('SecurityPolicy')}"


@rule
def both_domains_lead_to_the_stages(stack: Stack) -> Iterator[str]:
    pages, sockets = stack.of("ApiGateway::DomainName"), stack.of("ApiGatewayV2::DomainName")
    if len(pages) != len(sockets):
        yield f"the pages have the names {list(pages)}, and the sockets {list(sockets)}"
    led = [
        (target(each["DomainName"]), target(each.get("RestApiId") or each.get("ApiId")), target(each["Stage"]))
        for each in (stack.of("ApiGateway::BasePathMapping") | stack.of("ApiGatewayV2::ApiMapping")).values()
    ]
    wanted = [(name, "RestAPI", "RestAPIapiStage") for name in pages]
    wanted += [(name, "WebsocketAPI", "WebsocketAPIStage") for name in sockets]
    if led != wanted:
        yield f"the names lead to {led}"
    shown = {target(each["AliasTarget"]["DNSName"]) for each in stack.of("Route53::RecordSet").values()}
    if shown and shown != {*pages, *sockets}:
        yield f"the zone has {shown}"


@rule
def the_outputs_say_where_it_is(stack: Stack) -> Iterator[str]:
    for name, scheme in (("Url", "https://"), ("SocketUrl", "wss://"), ("ConsoleUrl", "https://")):
        if scheme not in str(stack.outputs.get(name)):
            yield f"{name} is {stack.outputs.get(name)}"
    for name, output in stack.outputs.items():
        if not output.get("Description"):
            yield f"{name} is not explained"
    own = bool(stack.of("ApiGateway::DomainName"))
    if own and "execute-api" in str([stack.outputs.get(name) for name in ("Url", "SocketUrl", "ConsoleUrl")]):
        yield "the outputs name another host than the domain"
