"""What AWS makes of the SAM template before anything else: samtranslator is the program that it runs there."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from samtranslator.translator.transform import transform

from tests.aws.evaluating import Template

PACKAGE = "s3://kefu-artifacts-bucket/kefu-prod/0123456789abcdef"


class NoManagedPolicies:
    """Every role is spelled out, so the names of AWS's own policies are not needed."""

    def load(self) -> dict[str, str]:
        """None."""
        return {}


def transformed(sam: Template, values: Mapping[str, str] | None = None) -> Template:
    """Plain CloudFormation. Without `values` the parameters stay open, as the conditions do in any case."""
    template = copy.deepcopy(sam)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = PACKAGE
    if values is None:
        for parameter in template["Parameters"].values():
            parameter.pop("Default", None)
    plain: Template = transform(template, dict(values or {}), NoManagedPolicies())
    return plain | {"Parameters": sam["Parameters"]}
