//! Scripts of conversations with voice bots.

use super::{START, check, step_in};

/// A call placed by a program to a bot that has come, to which steps are added. The bot has the call's number, 7.
fn with_bot(steps: &str) {
    let begun = "0s dial bridged to bot => *initiated, sound offers, created
         0s described       => ask connect, created
         0s reply placed    => *dialing, dialing
         1s connect         => *remoteanswer, sound applies, dialing
         1s path up         => dialing
         3s accepted        => *answered, [customer<- bot<customer], sound speaks, calls bot 7, connected
         4s bot 7 up        => [customer<bot bot<customer], connected\n";
    check(&format!("{begun}{steps}"));
}

#[test]
fn bot_is_called_at_the_pick_up_and_not_before() {
    with_bot(
        "9s  pressed 1         => *digit 1, connected
         10s bot 7 presses 12# => presses 12#, connected
         12s bot 8 hangs up    => refused no_bot
         15s bot 7 hangs up    => *ending, ask terminate, bot 7 over (hung_up), sound closes, ending",
    );
    check(
        "0s dial bridged to bot => *initiated, sound offers, created
         0s described           => ask connect, created
         0s reply placed        => *dialing, dialing
         1s connect             => *remoteanswer, sound applies, dialing
         9s rejected            => *ending, sound closes, ending",
    );
}

#[test]
fn customer_who_hangs_up_ends_the_bots_part() {
    with_bot(
        "20s terminate 17 => *completed, bot 7 over (call_over), sound closes, completed, remote_hangup",
    );
}

#[test]
fn address_of_a_bot_is_not_kept_longer_than_the_call() {
    let mut call = None;
    let steps = ["dial bridged to bot", "described", "reply placed", "connect", "accepted", "bot 7 up"];
    for step in steps {
        step_in(&mut call, START, &step.split_whitespace().collect::<Vec<_>>());
    }
    let facts = &call.as_ref().unwrap().record().facts;
    assert!(facts.connect.is_some() && facts.table.bot.is_some());
    assert!(!format!("{facts:?}").contains("secret=1"), "stored, never printed");
    step_in(&mut call, START, &["terminate", "9"]);
    let facts = &call.as_ref().unwrap().record().facts;
    assert!(facts.connect.is_none() && facts.table.bot.is_none());
}

#[test]
fn bot_answers_an_inbound_call() {
    check(
        "0s  connect bridged   => *incoming, sound answers, queued
         0s  described         => ask pre_accept, queued
         0s  path up           => queued
         0s  agents alice      => rings alice, ringing
         1s  answer with bot   => silences alice (elsewhere), *claimed, ask accept, answering
         1s  reply accepted    => *answered, [customer<- bot<customer], sound speaks, calls bot 8, connected
         2s  bot 8 up          => [customer<bot bot<customer], connected",
    );
}

#[test]
fn bot_that_cannot_be_reached_or_is_lost_rings_everybody() {
    check(
        "0s  dial bridged to bot => *initiated, sound offers, created
         0s  described           => ask connect, created
         0s  reply placed        => *dialing, dialing
         1s  connect             => *remoteanswer, sound applies, dialing
         3s  accepted            => *answered, [customer<- bot<customer], sound speaks, calls bot 7, connected
         10s wake                => connected
         11s wake                => *seeking, *bot, bot 7 over (unreachable), [customer<music], who is free, connected
         11s agents alice        => rings alice, connected
         12s bot 7 up            => connected
         13s take alice          => *transferred alice, [customer<music alice<customer], connected
         14s up alice            => [customer<alice alice<customer], connected",
    );
    with_bot(
        "9s  bot 7 gone        => *seeking, *bot, bot 7 over (broke), [customer<music], who is free, connected
         9s  bot 7 gone        => connected
         9s  bot 7 hangs up    => refused no_bot
         69s wake              => *ending, ask terminate, sound closes, ending
         70s terminate 67      => *completed, completed, bot_lost",
    );
}

#[test]
fn bot_talks_until_somebody_takes_the_call_from_it() {
    with_bot(
        "9s  bot 7 hands off      => *seeking, calls bot 7 while somebody is looked for, who is free, connected
         9s  bot 7 hands off      => refused already_seeking
         9s  agents alice bob     => rings alice bob, connected
         12s take bob             => silences alice (elsewhere), *transferred bob, *bot, bot 7 over (handed_off), [customer<music bob<customer], connected
         12s up bob               => [customer<bob bob<customer], connected
         13s bot 7 hangs up       => refused no_bot",
    );
    with_bot(
        "9s  client transfer bob  => *seeking, calls bot 7 while somebody is looked for, who is free, connected
         9s  agents bob           => rings bob, connected
         12s decline bob          => silences bob (declined), *notfound, calls bot 7, connected
         13s bot 7 stays          => refused not_consulting
         13s bot 7 hands off to bob => *seeking, calls bot 7 while somebody is looked for, who is free, connected
         13s agents alice         => *notfound, calls bot 7, connected
         14s bot 7 hands off      => *seeking, calls bot 7 while somebody is looked for, who is free, connected
         14s agents alice         => rings alice, connected
         15s bot 7 stays          => silences alice (away), *notfound, calls bot 7, connected",
    );
}

#[test]
fn bot_lost_while_somebody_is_looked_for_leaves_the_search_in_earnest() {
    with_bot(
        "9s  bot 7 hands off      => *seeking, calls bot 7 while somebody is looked for, who is free, connected
         9s  agents alice         => rings alice, connected
         11s bot 7 gone           => *seeking, *bot, bot 7 over (broke), [customer<music], who is free, connected
         69s wake                 => silences alice (no answer), *ending, ask terminate, sound closes, ending",
    );
}

#[test]
fn bot_is_held_supervised_and_taken_over_like_a_person() {
    with_bot(
        "9s  client hold       => *held, [customer<music bot<-], connected
         10s client resume     => *resumed, [customer<bot bot<customer], connected
         11s listen sue        => *joined sue, [customer<bot sue<customer+bot bot<customer], connected
         12s up sue            => connected
         13s whisper sue       => *rearranged, [customer<bot sue<customer+bot bot<customer+sue], connected
         14s barge sue         => *rearranged, [customer<sue+bot sue<customer+bot bot<customer+sue], connected
         15s take over sue     => *transferred sue, *bot, bot 7 over (taken_over), [customer<sue sue<customer], connected",
    );
    with_bot("9s client consult alice => refused not_talking");
}

#[test]
fn bot_beside_an_agent_takes_part_and_does_not_own() {
    super::with_alice(
        "9s  client bot 20       => *bot, [customer<alice alice<customer bot<customer+alice], expects bot 20, connected
         9s  client bot 21       => refused bot_there
         10s bot 20 up           => [customer<alice+bot alice<customer+bot bot<customer+alice], connected
         11s bot 20 hangs up     => refused not_yours
         12s alice: transfer bob => *left alice (transferred), *seeking, [customer<music bot<-], who is free, connected
         12s agents bob          => rings bob, connected
         13s take bob            => *transferred bob, [customer<bot bob<customer+bot bot<customer], connected
         14s client dismiss      => *bot, bot 20 over (removed), [customer<music bob<customer], connected
         15s client dismiss      => refused no_bot",
    );
}

#[test]
fn conversation_is_given_to_a_bot_and_from_bot_to_bot() {
    super::with_alice(
        "9s  client give to bot 20 => *left alice (transferred), *bot, [customer<music bot<customer], calls bot 20, connected
         10s bot 20 up             => [customer<bot bot<customer], connected
         11s client give to bot 21 => *bot, bot 20 over (replaced), [customer<music bot<customer], calls bot 21, connected
         12s bot 20 up             => connected
         13s client park           => *parked, *bot, bot 21 over (removed), [customer<music], connected",
    );
}

#[test]
fn who_was_invited_by_a_program_has_the_call_when_the_bot_goes() {
    with_bot(
        "9s  client invite alice => *seeking, who is free, connected
         9s  agents alice        => rings alice, connected
         10s take alice          => *joined alice, [customer<bot alice<customer+bot bot<customer], connected
         10s up alice            => [customer<alice+bot alice<customer+bot bot<customer+alice], connected
         12s bot 7 gone          => *transferred alice, *bot, bot 7 over (broke), [customer<alice alice<customer], connected",
    );
}

#[test]
fn bot_waits_until_the_announcement_is_over() {
    check(
        "0s connect bridged      => *incoming, sound answers, queued
         0s described            => ask pre_accept, queued
         0s path up              => queued
         0s house: all recorded and told =>
         1s answer with bot      => *claimed, ask accept, answering
         1s reply accepted       => *answered, [customer<'welcome' bot<'welcome'], sound speaks, connected
         8s wake                 => connected
         9s clip over            => *announcing, *recording, [customer<- bot<customer], records, calls bot 8, connected
         10s bot 8 up            => [customer<bot bot<customer], connected",
    );
}

#[test]
fn call_that_a_bot_takes_rings_nobody_until_the_bot_is_lost() {
    check(
        "0s connect bridged to bot => *incoming, *claimed, sound answers, answering
         0s described              => ask pre_accept, answering
         0s path up                => ask accept, answering
         1s reply accepted         => *answered, [customer<- bot<customer], sound speaks, calls bot 8, connected
         2s bot 8 gone             => *seeking, *bot, bot 8 over (broke), [customer<music], who is free, connected",
    );
}
