//! Calls in real Chromium with fake devices: the scenarios of `web/e2e/scenarios`, one test each.
//!
//! Each gets a stage of its own. A scenario fails by throwing; what it printed comes with the failure.

use std::process::Command;

use serde_json::Value;

use crate::stage::{Stage, root};

/// Plays a scenario, with `PEER` in its environment when another stack plays along.
pub(crate) fn play(scenario: &str, peer: Option<&Value>) {
    let stage = Stage::start().unwrap();
    play_on(&stage, scenario, peer);
}

/// Plays a scenario on a stage; returns what it printed.
pub(crate) fn play_on(stage: &Stage, scenario: &str, peer: Option<&Value>) -> String {
    let mut node = Command::new("node");
    node.args(["e2e/run.mjs", scenario]).current_dir(root().join("web"));
    node.env("STAGE", stage.ready.to_string()).envs(peer.map(|peer| ("PEER", peer.to_string())));
    let output = node.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario} failed\n{said}\n{complained}");
    said.into_owned()
}

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            play(stringify!($name), None);
        })*
    };
}

scenarios! {
    inbound_call_is_heard_both_ways,
    outbound_call_is_heard_both_ways,
    nothing_is_heard_before_the_answer,
    mute_silences_the_agent,
    customer_hangs_up,
    agent_declines_and_the_phone_sees_it,
    caller_gives_up_while_ringing,
    nobody_answers_in_time,
    ring_comes_back_after_a_reload,
    caller_from_a_file_is_a_person_at_the_desk,
    second_agent_learns_who_took_the_call,
    denied_microphone_loses_no_call,
    magic_numbers_behave_as_their_rows_say,
    failing_graph_is_never_asked_twice_for_one_call,
    permission_is_asked_for_and_granted,
    incoming_magic_callers_are_answered,
    desk_works_with_the_keyboard_alone,
    troubled_calls_are_noticed_at_the_desk,
    bridged_calls_are_heard_both_ways,
    bridged_call_survives_a_reload,
    agent_changes_network_in_a_bridged_call,
    bridged_offer_leaves_at_once_and_candidates_follow,
    customer_on_hold_hears_music_and_nobody_hears_them,
    blind_transfer_goes_to_the_other_agents_page,
    transfer_to_the_queue_rings_whoever_is_free,
    attended_transfer_asks_first_and_hands_over,
    conference_of_three_hear_one_another,
    supervisor_listens_whispers_barges_and_takes_over,
    supervisor_without_a_microphone_listens,
    parked_call_is_taken_by_another_agent,
    keys_are_pressed_both_ways,
    announcement_is_heard_by_all_and_then_they_talk_on,
    recording_has_each_side_in_a_channel_of_its_own,
    call_is_transferred_with_the_keyboard_alone,
    everybody_in_a_call_comes_back_after_a_reload,
    bridged_desk_talks_to_a_browser_in_whatsapps_place,
    bridged_lossy_call_stays_intelligible,
    whatsapps_leg_is_one_unbroken_stream,
    hostile_datagrams_do_not_harm_a_call,
    agent_comes_back_in_another_browser,
    whatsapps_answer_may_choose_any_dtls_role,
    orbit_curl_places_a_call_with_a_browser_offer,
    three_faces_carry_a_browsers_calls,
}
