"""A stack as CloudFormation would make it of a template: what its parts are called, and values that name them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import string
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from tests.e2e.server import NOTHING

Template = dict[str, Any]

PARTITION, REGION, ACCOUNT, SUFFIX = "aws", "eu-central-1", "123456789012", "amazonaws.com"
# How the ARN of a part ends, by its type: the service, and what stands before the name.
ARNS = MappingProxyType(
    {
        "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
        "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}-Ab3dEf",
        "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
        "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
        "AWS::IAM::Role": "iam::{account}:role/{name}",
    }
)
APIS = frozenset({"AWS::Serverless::Api", "AWS::ApiGatewayV2::Api"})
SECRET = "AWS::SecretsManager::Secret"
REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(.+?):SecretString:(.+?)\}\}")
NOTHING_AT_ALL = object()  # what AWS::NoValue leaves


class Stack:
    """The parts of `template` with these parameters, beside the defaults of the others."""

    def __init__(self, template: Template, name: str, parameters: Mapping[str, str] = NOTHING) -> None:
        self.name, self.template = name, template
        self._parts: dict[str, dict[str, Any]] = template["Resources"]
        defaults = {key: each["Default"] for key, each in template["Parameters"].items() if "Default" in each}
        self._parameters = {key: str(value) for key, value in {**defaults, **parameters}.items()}
        self._pseudo = {
            "AWS::Partition": PARTITION,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::URLSuffix": SUFFIX,
            "AWS::StackName": name,
            "AWS::NoValue": NOTHING_AT_ALL,
        }
        self.secrets = {self.ref(part): _secret(self.properties(part)) for part in self.of_type(SECRET)}

    def of_type(self, *types: str) -> Iterator[str]:
        """The parts of these types that this stack has, by their logical ids."""
        for part, resource in self._parts.items():
            if resource["Type"] in types and self._holds(resource.get("Condition")):
                yield part

    def properties(self, part: str) -> dict[str, Any]:
        """All properties of a part, as the service that makes it is told them."""
        found: dict[str, Any] = self.value(self._parts[part]["Properties"])
        return found

    def ref(self, name: str) -> str:
        """What `Ref` says: a parameter, or the physical id of a part."""
        found: str = self.value({"Ref": name})
        return found

    def secret(self, text: str) -> str:
        """`text` with the secrets that it refers to."""
        return REFERENCE.sub(lambda match: str(json.loads(self.secrets[match[1]])[match[2]]), text)

    def value(self, value: Any) -> Any:
        """`value` with every function of CloudFormation carried out."""
        match value:
            case {"Ref": name}:
                return self._ref(name)
            case {"Condition": str(name)} if len(value) == 1:
                return self._holds(name)
            case dict() if len(value) == 1 and (verb := next(iter(value))).startswith("Fn::"):
                return self._call(verb, value[verb])
            case dict():
                pairs = ((key, self.value(each)) for key, each in value.items())
                return {key: each for key, each in pairs if each is not NOTHING_AT_ALL}
            case list():
                return [each for each in map(self.value, value) if each is not NOTHING_AT_ALL]
            case _:
                return value

    def _call(self, verb: str, given: Any) -> Any:
        if verb == "Fn::If":
            condition, yes, no = given
            return self.value(yes if self._holds(condition) else no)
        if verb == "Fn::Sub":
            text, own = given if isinstance(given, list) else (given, {})
            return re.sub(r"\$\{([^!}]+)\}", lambda match: self._substituted(match[1], own), text)
        given = self.value(given)
        match verb, given:
            case "Fn::GetAtt", [str(part), str(attribute)]:
                return self._attribute(part, attribute)
            case "Fn::Join", [str(between), list(parts)]:
                return between.join(parts)
            case "Fn::Equals", [one, other]:
                return one == other
            case "Fn::Not", [condition]:
                return not condition
            case "Fn::And", conditions:
                return all(conditions)
            case "Fn::Or", conditions:
                return any(conditions)
            case "Fn::Split", [str(between), str(text)]:
                return text.split(between)
            case "Fn::Select", [index, list(parts)]:
                return parts[int(index)]
        raise NotImplementedError(verb)

    def _substituted(self, name: str, own: Mapping[str, Any]) -> str:
        if name in own:
            return str(self.value(own[name]))
        part, _, attribute = name.partition(".")
        return self._attribute(part, attribute) if attribute else str(self._ref(name))

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.value(self.template["Conditions"][condition]))

    def _ref(self, name: str) -> Any:
        known = self._pseudo | self._parameters
        if name in known:
            return known[name]
        kind = self._parts[name]["Type"]
        if kind in APIS:
            return hashlib.sha256(name.encode()).hexdigest()[:10]
        return self._attribute(name, "Arn") if kind == SECRET else self._physical(name)

    def _attribute(self, part: str, attribute: str) -> str:
        kind = self._parts[part]["Type"]
        if attribute == "Arn":
            ending = ARNS[kind].format(region=REGION, account=ACCOUNT, name=self._physical(part))
            return f"arn:{PARTITION}:{ending}"
        if attribute.endswith("Endpoint.Address"):
            return f"clustercfg.{self.name}.x1y2z3.{kind.split('::')[1].lower()}.{REGION}.{SUFFIX}"
        return f"{self._physical(part)}.{attribute}"

    def _physical(self, part: str) -> str:
        return f"{self.name}-{part}-{hashlib.sha256(part.encode()).hexdigest()[:12].upper()}"


def _secret(properties: Mapping[str, Any]) -> str:
    """What a new secret holds."""
    if given := properties.get("SecretString"):
        return str(given)
    made = properties["GenerateSecretString"]
    signs = string.ascii_letters + string.digits + ("" if made.get("ExcludePunctuation") else string.punctuation)
    word = "".join(secrets.choice(signs) for _ in range(made["PasswordLength"]))
    return json.dumps({**json.loads(made["SecretStringTemplate"]), made["GenerateStringKey"]: word})
