//! Relayed calls that a program answers.

use super::check;

#[test]
fn program_takes_a_relayed_call_and_the_agents_fall_silent() {
    check(
        "0s connect               => *incoming, queued
         0s agents alice bob      => rings alice bob, ringing
         2s client accepts        => refused answer_missing
         2s client accepts with x => silences alice bob (elsewhere), *claimed, ask accept, answering
         2s accept alice          => refused answered_elsewhere
         2s client accepts with x => answering
         2s client accepts        => answering
         2s client accepts with y => refused answer_differs
         3s reply accepted        => *answered, connected
         4s client accepts with x => connected
         4s client accepts with y => refused answer_differs
         4s client sends x ahead  => refused answered_elsewhere
         9s hangup                => *ending, ask terminate, ending
         9s client accepts with x => refused call_ended
         10s terminate 6          => *completed, completed, local_hangup",
    );
}

#[test]
fn answer_sent_ahead_is_the_answer() {
    check(
        "0s connect               => *incoming, queued
         0s agents alice          => rings alice, ringing
         1s client sends x ahead  => silences alice (elsewhere), *claimed, ask pre_accept, pre_accepted
         1s agents alice bob      => pre_accepted
         1s accept alice          => refused answered_elsewhere
         1s client sends x ahead  => pre_accepted
         1s client sends y ahead  => refused answer_differs
         2s reply pre-accepted    => pre_accepted
         3s client accepts with y => refused answer_differs
         3s client accepts        => ask accept, answering
         3s client sends x ahead  => answering
         4s reply accepted        => *answered, connected
         9s terminate 5           => *completed, completed, remote_hangup",
    );
}

#[test]
fn answer_whatsapp_does_not_take_ahead_can_still_be_accepted_with() {
    check(
        "0s connect               => *incoming, queued
         1s client sends x ahead  => *claimed, ask pre_accept, pre_accepted
         2s reply pre_accept 100  => pre_accepted
         3s client accepts with x => ask accept, answering
         4s reply accept 100      => *ending, ask terminate, ending
         5s terminate             => *failed, failed, invalid_sdp",
    );
}

#[test]
fn nobody_of_the_house_is_needed_until_the_answer_timer() {
    check(
        "0s  connect               => *incoming, queued
         0s  agents                => queued
         29s wake                  => queued
         29s client accepts with x => *claimed, ask accept, answering
         29s reply accepted        => *answered, connected",
    );
}

#[test]
fn answer_that_is_never_followed_by_accept_is_missed() {
    check(
        "0s  connect              => *incoming, queued
         5s  client sends x ahead => *claimed, ask pre_accept, pre_accepted
         30s wake                 => *ending, ask terminate, ending
         31s terminate            => *missed, missed, no_answer",
    );
}

#[test]
fn client_rejects_what_it_had_pre_accepted() {
    check(
        "0s connect              => *incoming, queued
         5s client sends x ahead => *claimed, ask pre_accept, pre_accepted
         6s reject               => *ending, ask terminate, ending
         7s terminate            => *declined, rejected, agent_rejected",
    );
}

#[test]
fn answer_sent_ahead_outlives_a_restart() {
    check(
        "0s connect              => *incoming, queued
         5s client sends x ahead => *claimed, ask pre_accept, pre_accepted
         6s restart              => ask pre_accept, pre_accepted
         6s reply pre_accept 100 => pre_accepted
         7s restart              => pre_accepted
         8s client accepts       => ask accept, answering
         9s reply accepted       => *answered, connected",
    );
}

#[test]
fn other_calls_are_not_taken_with_a_clients_answer() {
    check(
        "0s dial                  => *initiated, ask connect, created
         0s client accepts with x => refused not_ringing
         0s client sends x ahead  => refused not_ringing",
    );
    check(
        "0s connect bridged       => *incoming, sound answers, queued
         0s client accepts with x => refused other_media
         0s client sends x ahead  => refused other_media",
    );
    check(
        "0s connect               => *incoming, queued
         0s agents alice          => rings alice, ringing
         1s accept alice          => *claimed, ask accept, answering
         1s client accepts with x => refused answered_elsewhere
         1s client sends x ahead  => refused answered_elsewhere",
    );
}
