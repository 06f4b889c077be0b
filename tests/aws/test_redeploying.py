"""A new route, or a handler more or less, gets a new deployment: without one it would be made and never reached."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from infra.aws import dashboard, functions, package
from infra.aws.errors import StageError
from tests.aws.evaluating import Template
from tests.aws.rules.stack import target
from tests.aws.transforming import transformed

ROUTE = '''

@app.route("/one/more")
def one_more() -> str:
    """A route that was not there."""
    return ""
'''
FUNCTION = '''

@app.lambda_function(name="more")
def more(event: dict[str, Any], _context: object) -> None:
    """A function that was not there."""
'''
Packaging = Callable[[str], Template]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaging:
    """The template for another app.py. The packages that it needs are left out: they take ten seconds."""

    def make(app: str) -> Template:
        folder = tmp_path_factory.mktemp("redeploying")
        source = folder / "source"
        for name in ("chalicelib", ".chalice"):
            shutil.copytree(package.ROOT / name, source / name)
        (source / "app.py").write_text(app, encoding="utf-8")
        for name in ("requirements.txt", "constraints.txt"):
            (source / name).touch()
        made: Template = json.loads(package.build(folder / "out", source=source).template.read_text(encoding="utf-8"))
        return made

    return make


@pytest.fixture(scope="module")
def app() -> str:
    return (package.ROOT / "app.py").read_text(encoding="utf-8")


def deployments(sam: Template) -> tuple[str, str]:
    """The deployments that the two stages show: of HTTP, and of sockets."""
    resources = transformed(sam)["Resources"]
    shown = []
    for stage, kind in (
        ("RestAPIapiStage", "AWS::ApiGateway::Deployment"),
        ("WebsocketAPIStage", "AWS::ApiGatewayV2::Deployment"),
    ):
        deployment = target(resources[stage]["Properties"]["DeploymentId"])
        # One alone, or an older one would be made as well.
        assert [name for name, each in resources.items() if each["Type"] == kind] == [deployment]
        shown.append(deployment)
    return shown[0], shown[1]


def test_the_same_source_has_the_same_deployments(sam: Template, packaged: Packaging, app: str) -> None:
    again = packaged(app)
    assert deployments(again) == deployments(sam)
    assert again == sam


def test_a_new_route_is_deployed(sam: Template, packaged: Packaging, app: str) -> None:
    http, sockets = deployments(packaged(app + ROUTE))
    assert http != deployments(sam)[0]
    assert sockets == deployments(sam)[1]  # nobody's socket is touched


def test_a_handler_less_is_deployed(
    sam: Template, packaged: Packaging, app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = app.index("@app.on_ws_disconnect()")
    without = app[:begin] + app[app.index("@app.lambda_function", begin) :]
    others = tuple(each for each in functions.FUNCTIONS if each.name != "WebsocketDisconnect")
    for module in (functions, dashboard):
        monkeypatch.setattr(module, "FUNCTIONS", others)
    made = packaged(without)
    http, sockets = deployments(made)
    assert "WebsocketDisconnectRoute" not in made["Resources"]
    assert http == deployments(sam)[0]
    assert sockets != deployments(sam)[1]
    assert sorted(made["Resources"][sockets]["DependsOn"]) == ["WebsocketConnectRoute", "WebsocketMessageRoute"]


def test_a_function_that_the_table_does_not_know_is_not_packaged(packaged: Packaging, app: str) -> None:
    with pytest.raises(StageError, match=r"functions\.py differ: More is in one of them only"):
        packaged(app + FUNCTION)


def test_a_row_of_the_table_without_a_function_is_not_packaged(packaged: Packaging, app: str) -> None:
    begin = app.index("@app.on_ws_disconnect()")
    with pytest.raises(StageError, match=r"functions\.py differ: WebsocketDisconnect is in one of them only"):
        packaged(app[:begin] + app[app.index("@app.lambda_function", begin) :])
