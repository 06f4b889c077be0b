"""What a month costs: one load reckoned by hand, the prices, and the table in the documentation."""

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from infra.aws import costs, work
from infra.aws.costs import Load, Price, Stack, bill, total

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
# Two thousand messages a day, half of them the customers'; so two hundred conversations.
LOAD = Load(
    customer_messages=1_000, agent_messages=1_000, fan_out=4, connected_hours=200, peak_connections=50, kept_days=10
)
ELASTICACHE = Stack(storage="elasticache")


def quantities(load: Load, stack: Stack = costs.DEFAULT) -> dict[str, float]:
    return {item.price: item.quantity for item in bill(load, stack)}


def dollars(load: Load, stack: Stack = costs.DEFAULT) -> dict[str, float]:
    return {item.price: item.dollars for item in bill(load, stack)}


def test_a_bill_reckoned_by_hand() -> None:
    days = 730 / 24
    frames = sum(
        [
            1_000 + 1_000,  # messages
            1_000,  # read marks, one for two messages
            2_000,  # "is writing"
            200,  # pings that only acknowledge
            200 * 2,  # each conversation is claimed and closed
            100 * 60 + 100 * 7.5,  # pings of the hours in which the page is seen, and of those in which it is not
        ]
    )
    posts = sum(
        [
            200 * (1 + 4),  # unclaimed: the reply, and the four agents
            800 * 2 + 1_000 * 2,  # claimed: the reply, and the other side
            1_000 * 2,  # a read mark's reply, and the other side
            2_000,  # the other side
            200 + 6_750,  # pongs
            200 * 5,  # a conversation begins: its customer and four agents hear of it
            200 * 2 * 6,  # claimed and closed: the reply, the customer, four agents
            800,  # the welcome of each connection, of a quarter of an hour
        ]
    )
    assert (frames, posts) == (12_350, 19_750)
    bought = quantities(LOAD)
    assert bought["websocket_messages"] == pytest.approx(days * 32_100)
    assert bought["connection_minutes"] == pytest.approx(days * 12_000)
    assert bought["rest_requests"] == pytest.approx(days * 1_600)  # widget.js and settings.json, 800 times
    assert bought["function_calls"] == pytest.approx(days * (12_350 + 3 * 800 + 1_600))
    assert bought["log_gb"] == pytest.approx(days * (12_350 + 2 * 800 + 1_600) * 400 / 1e9)
    assert bought["nat_gb"] == pytest.approx(days * 19_750 * 2_500 / 1e9)
    assert bought["transfer_out_gb"] == pytest.approx(days * 19_750 * 350 / 1e9)
    assert bought["memorydb_node_hours"] == 2 * 2 * 730  # two shards of two
    # 20,000 messages with a tenth of their conversation each, two days of ids, fifty connections
    stored = 20_000 * (346 + 100) + 2_000 * 23 * 2 + 50 * 736
    assert bought["memorydb_snapshot_gb_months"] == pytest.approx(7 * stored / 1e9)

    paid = dollars(LOAD)
    assert paid["websocket_messages"] == pytest.approx(0.976, abs=0.001)
    assert paid["connection_minutes"] == pytest.approx(0.091, abs=0.001)
    assert paid["rest_requests"] == pytest.approx(0.170, abs=0.001)
    assert paid["function_calls"] == pytest.approx(0.099, abs=0.001)
    assert paid["memorydb_node_hours"] == pytest.approx(671.6)
    assert paid["nat_hours"] + paid["address_hours"] == pytest.approx(73.0)
    assert total(bill(LOAD)) == pytest.approx(sum(paid.values()))


def test_the_time_of_a_function_reckoned_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MEMORY_MB", 1_769)
    # A whole core: 1 ms for the runtime, 0.8 for the message, 0.07 for each of two more; three round trips, and a post.
    assert work.message(3).frame_s == pytest.approx(0.001 + 0.0008 + 2 * 0.00007 + 3 * 0.004 + 0.010)
    monkeypatch.setattr(work, "MEMORY_MB", 1_769 / 2)
    assert work.message(1).frame_s == pytest.approx(2 * 0.0018 + 0.022)


def test_cold_starts_connections_and_pages_are_in_the_functions_time() -> None:
    warm = 100.0 + 10 * (0.040 + 0.200 + 0.030 + work.on_a_share_of_a_core(0.0023)) + 20 * 0.030
    cold = (1_000 + 3 * 10 + 20) * 0.001 * 0.6
    assert work.Work(frames=1_000, frame_s=100, opened=10, pages=20).function_s == pytest.approx(warm + cold)


def test_tiers_are_paid_one_after_the_other() -> None:
    messages = costs.prices()["websocket_messages"]
    assert messages.of(1e9) == pytest.approx(1_000)
    assert messages.of(1.5e9) == pytest.approx(1_000 + 400)
    assert Price("thing", ((10, 2.0), (30, 1.0), (float("inf"), 0.5))).of(40) == 20 + 20 + 5


def test_what_is_not_used_costs_nothing_but_what_is_there_all_the_time() -> None:
    nothing = replace(LOAD, customer_messages=0, agent_messages=0, connected_hours=0)
    idle = {price for price, paid in dollars(nothing).items() if paid}
    assert idle == {
        *("memorydb_node_hours", "memorydb_snapshot_gb_months", "nat_hours", "address_hours"),
        *("alarms", "metrics", "dashboards", "keys", "secrets"),
    }


def test_elasticache_bills_a_tenth_of_a_gigabyte_at_least() -> None:
    assert quantities(LOAD, ELASTICACHE)["elasticache_gb_hours"] == pytest.approx(0.1 * 730)
    much = replace(LOAD, kept_days=100_000)
    assert quantities(much, ELASTICACHE)["elasticache_gb_hours"] == pytest.approx(much.stored_bytes / 1e9 * 730)


def test_a_larger_node_costs_in_proportion_to_its_memory() -> None:
    year = Load(5e6, 5e6, 5, 1e6, 2e5, kept_days=365)
    nodes = quantities(year)["memorydb_node_hours"] / 730
    # Thirteen GiB each, of which three quarters are filled, and everything twice.
    assert nodes == pytest.approx(2 * year.stored_bytes / (13.07 * 2**30 * 0.75), rel=0.05)


def test_who_is_not_looked_at_pings_seldom() -> None:
    seen, unseen = (quantities(replace(LOAD, visible=share))["websocket_messages"] for share in (1.0, 0.0))
    assert seen - unseen == pytest.approx(730 / 24 * 200 * (60 - 7.5) * 2)


def test_every_price_is_used_and_says_where_it_is_from() -> None:
    entries = tomllib.loads(costs.PRICES.read_text(encoding="utf-8"))
    assert entries.pop("region") == "us-east-1"
    assert isinstance(entries.pop("looked_up"), date)
    for name, entry in entries.items():
        assert " pricing" in entry["source"], name
        *bounded, last = entry["tiers"]
        assert "up_to" not in last, name
        bounds = [tier["up_to"] for tier in bounded]
        assert bounds == sorted(set(bounds)), name
    assert {item.price for stack in (costs.DEFAULT, ELASTICACHE) for item in bill(LOAD, stack)} == set(entries)


def test_the_table_in_the_documentation_is_the_one_of_these_prices() -> None:
    written = OPERATIONS.read_text(encoding="utf-8")
    _, _, rest = written.partition("<!-- python -m infra.aws.costs -->\n")
    table, end, _ = rest.partition("<!-- end -->")
    assert end
    assert table == costs.table(), "run `python -m infra.aws.costs`, and put what it prints between the two marks"


def test_a_load_of_ones_own_is_billed_item_by_item() -> None:
    said = "customer-messages=1000 agent-messages=1000 fan-out=4 connected-hours=200 peak-connections=50 kept-days=10"
    answer = costs.answer([f"--{argument}" for argument in f"{said} storage=elasticache nat-gateways=1".split()])
    assert answer == costs.itemised(LOAD, Stack("elasticache", 1, 1))
    assert "| API Gateway | messages in and out | 976,375.0 | message of up to 32 KB, in or out | 0.98 |" in answer
    assert f"**{total(bill(LOAD, Stack('elasticache', 1, 1))):,.2f}**" in answer


def test_who_says_only_the_hours_gets_the_rest_by_the_assumptions() -> None:
    answer = costs.answer(["--connected-hours=2400"])
    assert answer == costs.itemised(Load(0, 0, 5, 2_400, peak_connections=500))


def test_without_a_load_there_is_the_table() -> None:
    assert costs.answer([]) == costs.table()
    assert costs.answer(["--storage=elasticache"]) == costs.table(ELASTICACHE)
