"""What every kind of test shares: real Redis, on one node and on a cluster."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers


@pytest.fixture(scope="session")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.node(tmp_path_factory.mktemp("node")) as port:
        yield f"redis://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.cluster(tmp_path_factory.mktemp("cluster")) as seeds:
        yield seeds


@pytest.fixture(scope="session", params=["one node", "cluster"])
def redis_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """REDIS_URL and REDIS_CLUSTER of a server that is up."""
    if request.param == "cluster":
        return {"REDIS_URL": request.getfixturevalue("cluster"), "REDIS_CLUSTER": "1"}
    return {"REDIS_URL": request.getfixturevalue("one_node"), "REDIS_CLUSTER": "0"}


@pytest.fixture
def new_name() -> Callable[[str], str]:
    """Names that no other test uses, so that nothing has to be wiped."""
    run, numbers = secrets.token_hex(6), itertools.count(1)
    return lambda kind: f"{kind}-{run}-{next(numbers)}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
