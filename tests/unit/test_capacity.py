"""From connections to quotas, functions and shards: reckoned by hand, and what must hold for any number."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.aws import capacity
from infra.aws.capacity import CODES, Cluster, Demand, Quotas, cluster, concurrency, limits, needs
from infra.aws.functions import FUNCTIONS

ROOT = Path(__file__).parents[2]
STAGES = sorted((ROOT / "infra" / "aws" / "stages").glob("*.toml"))
SECOND = Demand(
    connections=90_000,
    opened=100,
    frames=1_000,
    posts=2_000,
    messages=50,
    fan_out=3,
    frame_s=0.25,
    pages=40,
    redis_s=3.0,
    stored_bytes=100 * 2**30,
)


def needed(demand: Demand, has: Quotas = capacity.DEFAULTS) -> dict[str, float]:
    return {need.quota: need.needed for need in needs(demand, has)}


def test_running_functions_reckoned_by_hand() -> None:
    # A second of 90,000 connections that live a quarter of an hour: 100 are new; after an outage 500 are let in.
    # Pings: half of them each minute, half each eight, 843.75. Messages: 150, with 2.8 frames each, 420.
    assert concurrency(90_000) == {
        "WebsocketConnect": 100,  # 500 at ten a second, twice; they run for 40 ms, which would be 20 at once
        "WebsocketMessage": 253,  # 1,263.75 at ten a second, twice
        "WebsocketDisconnect": 20,
        "Flush": 200,  # 500 that run for 0.2 s, twice
        "Broadcast": 2,
        "Sweep": 1,
        "APIHandler": 40,  # 200 at ten a second, twice
    }


def test_every_function_of_the_template_has_its_number() -> None:
    assert set(concurrency(1)) == {function.name for function in FUNCTIONS}


@pytest.mark.parametrize("stage", STAGES, ids=lambda path: path.stem)
def test_the_stages_that_come_with_kefu_fit_into_a_new_account(stage: Path) -> None:
    connections = tomllib.loads(stage.read_text(encoding="utf-8"))["connections"]
    assert sum(concurrency(connections).values()) + 100 <= 1_000
    assert [need.quota for need in needs(Demand.of(connections)) if not need.enough] == []


@given(st.integers(1, 10**8))
def test_more_connections_never_need_fewer_functions(connections: int) -> None:
    fewer, more = concurrency(connections), concurrency(connections + connections // 10 + 1)
    assert all(fewer[name] <= more[name] for name in fewer)
    assert min(number for name, number in fewer.items() if name not in {"Broadcast", "Sweep"}) >= 5


def test_what_a_second_needs_reckoned_by_hand() -> None:
    assert needed(SECOND) == {
        "new_connections": 100,
        "requests": 1_000 + 2_000 + 40,
        # Messages: 1,000 for 0.25 s, twice; $connect 100, $disconnect 20, flush 200, broadcast 2, sweep 1, HTTP 8
        "concurrency": 500 + 331 + 100,
        "cluster_nodes": 2 * 11,  # 100 GiB, in shards of 13.07 of which three quarters are filled
        "node_connections": 831,
        "nat_ports": 500 * 4,
        "nat_mbit": 2_000 * 2_500 * 8 / 1e6,
    }


def test_no_function_has_more_posts_under_way_than_its_pool_has_threads() -> None:
    assert needed(replace(SECOND, fan_out=10_000))["nat_ports"] == 500 * 64


def test_a_need_is_enough_up_to_its_quota() -> None:
    (exact,) = (need for need in needs(SECOND, Quotas(requests=3_040)) if need.quota == "requests")
    (short,) = (need for need in needs(SECOND, Quotas(requests=3_039)) if need.quota == "requests")
    assert (exact.enough, short.enough) == (True, False)


def test_each_quota_is_used_up_where_it_is_said_to_be() -> None:
    for used_up_at, quota in limits():
        (below,) = (need for need in needs(Demand.of(used_up_at * 0.999)) if need.quota == quota)
        (above,) = (need for need in needs(Demand.of(used_up_at * 1.05)) if need.quota == quota)
        assert (below.enough, above.enough) == (True, False), quota


def test_the_first_limit_of_a_new_account_is_lambdas_concurrency_and_a_larger_one_comes_later() -> None:
    (first, quota), (second, next_quota), *_ = limits()
    assert (quota, next_quota) == ("concurrency", "requests")
    assert 100_000 < first < second < 300_000
    raised = {name: place for place, name in limits(Quotas(concurrency=10_000))}
    assert raised["concurrency"] > 5 * first


def test_a_load_of_ones_own_takes_the_place_of_the_assumed_one() -> None:
    quiet = Demand.of(1_000, messages=0, visible=0, stay_s=3_600)
    assert quiet.messages == 0
    assert quiet.opened == pytest.approx(1_000 / 3_600)
    assert quiet.frames == pytest.approx(1_000 * 7.5 / 3_600)
    # Nobody stays longer than the two hours after which API Gateway ends a connection.
    assert Demand.of(7_200, stay_s=86_400).opened == pytest.approx(1)


def test_small_nodes_come_first_and_larger_ones_where_there_may_be_no_more() -> None:
    gib = 2**30
    assert cluster(1, 0.1) == Cluster("db.r7g.large", shards=2, replicas=1)
    assert cluster(100 * gib, 0.1) == Cluster("db.r7g.large", 11, 1)
    assert cluster(100 * gib, 0.1, most_nodes=12) == Cluster("db.r7g.xlarge", 6, 1)
    assert cluster(100 * gib, 0.1, replicas=2, most_nodes=12) == Cluster("db.r7g.2xlarge", 3, 2)


def test_a_busy_shard_wants_another_shard_and_not_a_larger_node() -> None:
    assert cluster(1, 6.1) == Cluster("db.r7g.large", 11, 1)
    assert cluster(1, 60).nodes == 200 > capacity.DEFAULTS.cluster_nodes


def test_what_is_stored_reckoned_by_hand() -> None:
    # Ten days of a thousand messages of 150 characters, the ids of the last two days, and twenty connections.
    assert capacity.stored_bytes(1_000, 20, 10, text_bytes=150) == pytest.approx(
        10_000 * (346 + 50 + 100) + 1_000 * 23 * 2 + 20 * 736
    )
    # In the first day no more ids are remembered than there were messages.
    assert capacity.stored_bytes(1_000, 0, 1) == pytest.approx(1_000 * (446 + 23))


def test_everybody_is_back_as_fast_as_api_gateway_lets_them_in() -> None:
    assert capacity.seconds_until_all_are_back(3_600_000) == 7_200
    assert capacity.seconds_until_all_are_back(3_600_000, Quotas(new_connections=5_000)) == 720
    assert capacity.seconds_until_all_are_back(100) == 30  # the clients' own back-off


def test_a_store_is_bounded_by_one_core_and_a_broadcast_by_its_functions_time() -> None:
    messages, most = capacity.busiest_store(SECOND)
    assert messages == 0.5
    assert most == pytest.approx(0.6 / 0.00028)
    assert capacity.most_broadcast() == pytest.approx(900 * 64 / 0.010)


def test_the_codes_are_those_of_quotas() -> None:
    assert set(CODES) < {field.name for field in fields(Quotas)}


def test_the_table_in_the_documentation_is_the_one_of_this_arithmetic() -> None:
    written = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    _, _, rest = written.partition("<!-- python -m infra.aws.capacity 10000000 -->\n")
    table, end, _ = rest.partition("<!-- end -->")
    assert end
    assert table == capacity.table(10_000_000), "run it, and put what it prints between the two marks"
