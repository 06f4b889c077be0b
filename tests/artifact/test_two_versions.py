"""What is promised holds while two versions of the code, and of its scripts, serve side by side."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import pytest

from tests.artifact.deployed import Deployed
from tests.artifact.upgrade import FIRST, MARK, MORE, Upgrade, next_version
from tests.e2e.client import Frame, message_of
from tests.e2e.conftest import Marketplace

# What Redis runs for every handshake, replay and message; and for messages, claims and histories.
AT_FIRST = {"connection_open", "replay_begin", "replay_next", "message_append", "offline_append"}
LATER = {"message_append", "offline_append", "conversation_claim", "conversation_history"}


@pytest.fixture(scope="module")
def upgrade(deployed: Deployed, unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    """The whole of it, once; the tests look at what came of it."""
    folder = tmp_path_factory.mktemp("next") / "version"
    next_version(unpacked, folder)
    market = Marketplace(deployed)
    with deployed.flawless(), deployed.beside(folder):
        upgraded = Upgrade.begin(deployed, market, unpacked, folder)
        upgraded.play()
        market.close()
    return upgraded


def numbers(frames: list[Frame]) -> dict[str, list[int]]:
    """The seqs of each conversation, as they came."""
    found: dict[str, list[int]] = {}
    for frame in frames:
        found.setdefault(frame["conversation"], []).append(frame["seq"])
    return found


def test_both_versions_have_served_with_scripts_of_their_own(deployed: Deployed, upgrade: Upgrade) -> None:
    one, other = upgrade.versions
    assert not set(one.values()) & set(other.values())
    for ran, wanted in zip(upgrade.ran, (AT_FIRST, LATER), strict=True):
        assert all(scripts >= wanted for scripts in ran), ran
    for function in deployed.callers:
        assert MARK in [line["message"] for line in deployed.functions.lines(function)]


def test_every_message_has_one_place_and_the_places_have_no_gap(upgrade: Upgrade) -> None:
    said = dict(chain.from_iterable(each.items() for each in upgrade.said.values()))
    places = sorted(said.values())
    assert len(places) == len(upgrade.customers) * (FIRST + 2 * MORE) - MORE
    assert len(set(places)) == len(places)
    for where in upgrade.customers:
        seqs = [seq for conversation, seq in places if conversation == where]
        assert seqs == list(range(1, len(seqs) + 1))
        for history in upgrade.histories.values():
            assert {each["id"]: (where, each["seq"]) for each in history[where]} == {
                id_: place for id_, place in said.items() if place[0] == where
            }
            assert [each["seq"] for each in history[where]] == seqs


def test_every_claim_had_one_winner(upgrade: Upgrade) -> None:
    assert sorted(chain.from_iterable(upgrade.won.values())) == sorted(upgrade.customers)


def test_everybody_has_heard_what_was_for_them_as_it_is_stored(upgrade: Upgrade) -> None:
    stored = {
        (each["conversation"], each["seq"]): each
        for each in chain.from_iterable(next(iter(upgrade.histories.values())).values())
    }
    assert len(upgrade.heard) == len(upgrade.agents) + len(upgrade.customers) - 1
    for user, heard in upgrade.heard.items():
        places = [(each["conversation"], each["seq"]) for each in heard]
        assert set(places) == upgrade.wanted(user)
        for frame, place in zip(heard, places, strict=True):
            assert message_of(frame) == message_of(stored[place])
        offsets = {each["offset"] for each in heard}
        assert offsets == set(range(1, max(offsets) + 1))


def test_whoever_was_away_finds_all_of_it_in_order(upgrade: Upgrade) -> None:
    assert len(upgrade.replayed) == 2
    for user, replayed in upgrade.replayed.items():
        assert {(each["conversation"], each["seq"]) for each in replayed} == upgrade.wanted(user)
        assert all(list(dict.fromkeys(seqs)) == sorted(set(seqs)) for seqs in numbers(replayed).values())
        offsets = [each["offset"] for each in replayed]
        assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))
