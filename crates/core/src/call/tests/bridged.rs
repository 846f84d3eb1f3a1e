//! Scripts of calls whose sound the house carries.

use super::{check, with_alice};

#[test]
fn bridged_inbound_call_is_pre_accepted_while_it_rings_and_accepted_when_the_path_is_up() {
    check(
        "0s  connect bridged   => *incoming, sound answers, queued
         0s  described         => ask pre_accept, queued
         0s  agents alice bob  => rings alice bob, ringing
         0s  reply pre-accepted => ringing
         1s  path up           => ringing
         4s  take alice        => silences bob (elsewhere), *claimed, ask accept, [customer<- alice<-], answering
         4s  up alice          => answering
         5s  reply accepted    => *answered, [customer<alice alice<customer], sound speaks, connected
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
         0s  take alice       => *claimed, [customer<- alice<-], answering
         1s  path up          => ask accept, answering
         1s  reply accepted   => *answered, [customer<- alice<customer], sound speaks, connected
         2s  up alice         => [customer<alice alice<customer], connected",
    );
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  described        => ask pre_accept, queued
         0s  agents alice     => rings alice, ringing
         0s  take alice       => *claimed, [customer<- alice<-], answering
         15s wake             => *ending, ask terminate, sound closes, ending
         16s terminate        => *failed, failed, ice_failed",
    );
}

#[test]
fn call_whose_pre_accept_failed_builds_its_path_with_accept() {
    check(
        "0s  connect bridged   => *incoming, sound answers, queued
         0s  described         => ask pre_accept, queued
         0s  agents alice      => rings alice, ringing
         1s  reply pre_accept unclear => ringing
         2s  take alice        => *claimed, ask accept, [customer<- alice<-], answering
         3s  reply accepted    => *answered, [customer<- alice<customer], sound speaks, connected
         3s  path up           => connected",
    );
    check(
        "0s  connect bridged   => *incoming, sound answers, queued
         0s  described         => ask pre_accept, queued
         0s  agents alice      => rings alice, ringing
         0s  take alice        => *claimed, [customer<- alice<-], answering
         1s  reply pre_accept 131000 => ask accept, answering
         1s  path up           => answering",
    );
}

#[test]
fn customer_hears_music_while_the_agents_page_reloads() {
    with_alice(
        "10s gone alice       => [customer<music alice<customer], connected
         13s up alice         => [customer<alice alice<customer], connected
         19s house: lost ends =>
         20s gone alice       => [customer<music alice<customer], connected
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
         1s  alice: hold      => refused not_yours
         1s  take alice       => *claimed, ask accept, [customer<- alice<-], answering
         1s  alice: hold      => refused not_talking
         1s  reply accepted   => *answered, [customer<- alice<customer], sound speaks, connected
         1s  up alice         => [customer<alice alice<customer], connected
         5s  alice: hold      => *held, [customer<music alice<-], connected
         6s  bob: hold        => refused not_yours
         9s  alice: resume    => *resumed, [customer<alice alice<customer], connected",
    );
    check(
        "0s connect      => *incoming, queued
         0s agents alice => rings alice, ringing
         0s take alice   => refused other_media
         0s alice: hold  => refused other_media",
    );
}

#[test]
fn bridged_outbound_call_offers_first_and_speaks_at_the_pick_up() {
    check(
        "0s  dial bridged     => *initiated, sound offers, [customer<- alice<-], created
         0s  described        => ask connect, created
         0s  reply placed     => *dialing, dialing
         1s  connect          => *remoteanswer, sound applies, dialing
         1s  up alice         => dialing
         2s  path up          => dialing
         3s  ringing          => *ringing, ringing
         9s  accepted         => *answered, [customer<alice alice<customer], sound speaks, connected
         20s terminate 11     => *completed, sound closes, completed, remote_hangup",
    );
    check(
        "0s  dial bridged     => *initiated, sound offers, [customer<- alice<-], created
         1s  hangup alice     => *missed, sound closes, missed, cancelled
         1s  described        => missed, cancelled",
    );
}

#[test]
fn whatsapp_that_falls_silent_is_let_go_with_the_reason() {
    with_alice(
        "10s customer silent  => connected
         12s customer back    => connected
         20s customer silent  => connected
         35s wake             => *ending, ask terminate, sound closes, ending
         36s terminate 35     => *completed, completed, no_media_from_whatsapp",
    );
}

#[test]
fn server_that_stops_ends_the_calls_whose_sound_it_carries_and_no_others() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  stop             => queued
         0s  described        => ask pre_accept, queued
         0s  agents alice     => rings alice, ringing
         1s  stop             => silences alice (away), *ending, ask terminate, sound closes, ending
         2s  terminate        => *failed, failed, server_restarted",
    );
    check(
        "0s connect      => *incoming, queued
         0s agents alice => rings alice, ringing
         0s accept alice => *claimed, ask accept, answering
         1s stop         => answering",
    );
}

#[test]
fn restart_ends_bridged_calls_with_the_reason() {
    check(
        "0s  connect bridged  => *incoming, sound answers, queued
         0s  restart          => sound closes, sound answers, queued
         0s  described        => ask pre_accept, queued
         1s  restart          => *ending, ask terminate, sound closes, ending
         1s  restart          => ask terminate, sound closes, ending
         2s  terminate        => *failed, failed, server_restarted",
    );
    check(
        "0s  dial bridged     => *initiated, sound offers, [customer<- alice<-], created
         0s  described        => ask connect, created
         0s  reply placed     => *dialing, dialing
         9s  accepted         => *answered, [customer<- alice<customer], sound speaks, connected
         9s  restart          => *ending, ask terminate, sound closes, ending
         10s terminate 1      => *completed, completed, server_restarted",
    );
}
