"""Every choice that changes what is made, and the parameters that make it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

Parameters = dict[str, str]

CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
SECRET = "a secret of the tests that nobody else knows"
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\\nMIIB\\n-----END PUBLIC KEY-----"
DOMAIN = {
    "DomainName": "kefu.shop.example",
    "SocketDomainName": "kefu-socket.shop.example",
    "CertificateArn": CERTIFICATE,
}
SNAPSHOTS = {
    "memorydb": "kefu-prod-final",
    "elasticache": "arn:aws:elasticache:eu-central-1:123456789012:serverlesscachesnapshot:kefu-prod-final",
}

CHOICES: Mapping[str, Mapping[str, Parameters]] = {
    "storage": {each: {"Storage": each} for each in ("memorydb", "elasticache")},
    # Any two, or three that are named.
    "zones": {"2": {"Zones": "2"}, "3": {"Zones": "3", "ZoneNames": "eu-central-1a,eu-central-1b,eu-central-1c"}},
    "nat": {each: {"NatGateways": each} for each in ("one", "zone")},
    "domain": {"none": {}, "own": DOMAIN, "own with zone": DOMAIN | {"HostedZoneId": "Z0123456789ABCDEFGHIJ"}},
    "email": {"none": {}, "given": {"AlarmEmail": "on-call@shop.example"}},
    "log role": {each: {"ApiGatewayLogRole": each} for each in ("set", "keep")},
    "secret": {"given": {"JwtSecret": SECRET}, "made": {}, "public key": {"JwtPublicKey": PUBLIC_KEY}},
    "restore": {"nothing": {}, "snapshot": {"RestoreFrom": "…"}},
}
Choice = tuple[str, ...]  # one of each of CHOICES, in their order


def every() -> Iterator[Choice]:
    """All combinations of choices."""
    return itertools.product(*CHOICES.values())


def parameters(choice: Choice, template: Mapping[str, Any]) -> Parameters:
    """The parameters of one combination; what nothing is said about has its default."""
    given = {name: "5" for name in template["Parameters"] if name.endswith("Concurrency")}
    for options, chosen in zip(CHOICES.values(), choice, strict=True):
        given |= options[chosen]
    if "RestoreFrom" in given:
        given["RestoreFrom"] = SNAPSHOTS[given["Storage"]]
    return given


def pairs() -> list[Choice]:
    """A few combinations in which every two choices come together at least once."""
    wanted = {pair for choice in every() for pair in _pairs_of(choice)}
    found: list[Choice] = []
    while wanted:
        best = max(every(), key=lambda choice: len(wanted & _pairs_of(choice)))
        wanted -= _pairs_of(best)
        found.append(best)
    return found


def _pairs_of(choice: Choice) -> set[tuple[tuple[int, str], ...]]:
    return set(itertools.combinations(enumerate(choice), 2))
