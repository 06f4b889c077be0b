"""Which tests run against a deployed stage: those that need the protocol alone, and leave others in peace."""

E2E = "tests/e2e"

# Whole files, but for what is left out of them below.
FILES = (
    "test_stage.py",
    "test_http.py",
    "test_sending.py",
    "test_receiving.py",
    "test_claiming.py",
    "test_conversations.py",
    "test_reading.py",
    "test_offline.py",
    "test_walls.py",
    "test_frames.py",
)

# Of a file whose other tests hold the server's keys.
PICKED = (
    "test_connecting.py::test_the_server_speaks_first_with_a_welcome",
    "test_connecting.py::test_the_welcome_comes_first_however_early_the_client_speaks",
    "test_connecting.py::test_no_token_no_socket",
)

# By the reason why.
LEFT_OUT = {
    "everybody online would hear it": (
        "test_receiving.py::test_a_notice_reaches_everybody_online",
        "test_receiving.py::test_a_notice_for_a_store_reaches_its_agents_alone",
        "test_walls.py::test_nothing_more_of_the_store_reaches_a_removed_agent",
        "test_http.py::test_a_malformed_broadcast_is_refused",
    ),
    "it counts on settings that a stage may have otherwise": (
        "test_http.py::test_a_store_is_opened_and_changed_by_the_same_request",
        "test_http.py::test_a_store_shows_its_counts",
        "test_http.py::test_a_malformed_store_is_refused",
        "test_http.py::test_pages_of_allowed_origins_may_read_about_stores",
        "test_http.py::test_pages_may_change_nothing",
    ),
    "it asks for more than the rate limit lets through in a few seconds": (
        "test_offline.py::test_a_list_holds_a_thousand_entries_and_the_history_the_rest",
        "test_offline.py::test_nothing_live_comes_before_the_replay_has_ended",
        "test_offline.py::test_what_is_said_during_a_replay_reaches_the_device_after_it",
        "test_offline.py::test_who_has_been_welcomed_hears_at_once",
        "test_reading.py::test_history_pages_both_ways_and_says_whether_more_remains",
    ),
    "it varies what no deployment changes": (
        "test_http.py::test_the_bounds_of_a_store_s_settings",
        "test_http.py::test_a_malformed_agent_is_refused",
        "test_http.py::test_a_malformed_system_message_is_refused",
        "test_frames.py::test_an_id_is_any_printable_ascii",
        "test_reading.py::test_history_survives_a_bound_that_is_far_away",
        "test_sending.py::test_ids_may_be_as_long_as_they_may",
        "test_sending.py::test_a_stranger_is_told_the_same_whatever_exists",
        "test_conversations.py::test_a_walk_shows_every_conversation_exactly_once[1]",
        "test_conversations.py::test_a_walk_shows_every_conversation_exactly_once[10]",
        "test_conversations.py::test_a_walk_shows_every_conversation_exactly_once[11]",
        "test_conversations.py::test_a_walk_shows_every_conversation_exactly_once[12]",
    ),
    "it is about the platform, not about kefu": (
        "test_frames.py::test_the_platform_closes_on_a_binary_frame",
        "test_frames.py::test_the_platform_closes_on_invalid_utf_8",
        "test_frames.py::test_the_platform_closes_on_a_frame_over_32_kib",
    ),
}


def arguments() -> list[str]:
    """What selects them, for pytest."""
    left_out = [name for names in LEFT_OUT.values() for name in names]
    return [f"{E2E}/{name}" for name in (*FILES, *PICKED)] + [f"--deselect={E2E}/{name}" for name in left_out]
