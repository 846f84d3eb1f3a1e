//! Scripts of calls whose sound the house carries.

use super::check;

#[test]
fn bridged_inbound_call_is_pre_accepted_while_it_rings_and_accepted_when_the_path_is_up() {
    check(
        "0s  connect bridged   => *incoming, sound answers, queued
         0s  described         => ask pre_accept, queued
         0s  agents alice bob  => rings alice bob, ringing
         0s  reply pre-accepted => ringing
         1s  path up           => ringing
         4s  take alice        => silences bob (elsewhere), *claimed, ask accept, answering
         4s  agent up          => answering
         5s  reply accepted    => *answered, customer hears agent, sound speaks, connected
         60s hangup alice      => *ending, ask terminate, sound closes, ending
         61s terminate 56      => *completed, completed, local_hangup",
    );
}

#[test]
fn bridged_call_taken_before_its_path_is_up_is_accepted_with_it() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  agents alice     => rings alice, ringing
         0s  take alice       => *claimed, answering
         1s  path up          => ask accept, answering
         1s  reply accepted   => *answered, sound speaks, connected
         2s  agent up         => customer hears agent, connected",
    );
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  agents alice     => rings alice, ringing
         0s  take alice       => *claimed, answering
         15s wake             => *ending, ask terminate, sound closes, ending
         16s terminate        => *failed, failed, ice_failed",
    );
}

#[test]
fn customer_hears_music_while_the_agents_page_reloads() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  path up          => queued
         0s  agents alice     => rings alice, ringing
         1s  take alice       => *claimed, ask accept, answering
         1s  reply accepted   => *answered, sound speaks, connected
         1s  agent up         => customer hears agent, connected
         10s agent gone       => customer hears music, connected
         13s agent up         => customer hears agent, connected
         20s agent gone       => customer hears music, connected
         64s wake             => connected
         65s wake             => *ending, ask terminate, sound closes, ending
         66s terminate 65     => *completed, completed, agent_lost",
    );
}

#[test]
fn customer_waits_with_music_while_on_hold() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  path up          => queued
         0s  agents alice     => rings alice, ringing
         1s  hold alice       => refused not_yours
         1s  take alice       => *claimed, ask accept, answering
         1s  hold alice       => refused not_talking
         1s  reply accepted   => *answered, sound speaks, connected
         1s  agent up         => customer hears agent, connected
         5s  hold alice       => *held, customer hears music, connected
         6s  hold bob         => refused not_yours
         9s  resume alice     => *resumed, customer hears agent, connected",
    );
    check(
        "0s connect      => *incoming, queued
         0s agents alice => rings alice, ringing
         0s take alice   => refused other_media
         0s hold alice   => refused other_media",
    );
}

#[test]
fn bridged_outbound_call_offers_first_and_speaks_at_the_pick_up() {
    check(
        "0s  dial bridged     => *initiated, sound offers, created
         0s  described        => ask connect, created
         0s  reply placed     => *dialing, dialing
         1s  connect          => *remoteanswer, sound applies, dialing
         1s  agent up         => dialing
         2s  path up          => dialing
         3s  ringing          => *ringing, ringing
         9s  accepted         => *answered, customer hears agent, sound speaks, connected
         20s terminate 11     => *completed, sound closes, completed, remote_hangup",
    );
    check(
        "0s  dial bridged     => *initiated, sound offers, created
         1s  hangup alice     => *missed, sound closes, missed, cancelled
         1s  described        => missed, cancelled",
    );
}

#[test]
fn whatsapp_that_falls_silent_is_let_go_with_the_reason() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  path up          => queued
         0s  agents alice     => rings alice, ringing
         1s  take alice       => *claimed, ask accept, answering
         1s  reply accepted   => *answered, sound speaks, connected
         1s  agent up         => customer hears agent, connected
         10s customer silent  => connected
         12s customer back    => connected
         20s customer silent  => connected
         35s wake             => *ending, ask terminate, sound closes, ending
         36s terminate 35     => *completed, completed, no_media_from_whatsapp",
    );
}

#[test]
fn restart_ends_bridged_calls_with_the_reason() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  restart          => sound answers, queued
         0s  described        => ask pre_accept, queued
         1s  restart          => *ending, ask terminate, ending
         2s  terminate        => *failed, failed, server_restarted",
    );
    check(
        "0s  dial bridged     => *initiated, sound offers, created
         0s  described        => ask connect, created
         0s  reply placed     => *dialing, dialing
         9s  accepted         => *answered, sound speaks, connected
         9s  restart          => *ending, ask terminate, ending
         10s terminate 1      => *completed, completed, server_restarted",
    );
}
