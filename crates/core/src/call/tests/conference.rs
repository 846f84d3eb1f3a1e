//! Scripts of what is arranged at bridged conversations.

use uuid::Uuid;

use super::table::Role;
use super::{
    Call, Command, Input, RecordWish, RecordingId, Refusal, START, UserId, Wish, agent, check, step_in,
    with_alice,
};

#[test]
fn blind_transfer_rings_the_other_while_the_customer_hears_music() {
    with_alice(
        "9s  alice: transfer bob => *left alice (transferred), *seeking, [customer<music], who is free, connected
         9s  agents alice bob    => rings bob, connected
         9s  alice: hold         => refused not_yours
         12s take bob            => *transferred bob, [customer<music bob<customer], connected
         12s up bob              => [customer<bob bob<customer], connected
         20s hangup bob          => *ending, ask terminate, sound closes, ending
         21s terminate 20        => *completed, completed, local_hangup",
    );
}

#[test]
fn transfer_that_nobody_takes_comes_back_and_then_rings_everybody() {
    with_alice(
        "9s  alice: transfer bob     => *left alice (transferred), *seeking, [customer<music], who is free, connected
         9s  agents alice bob carol  => rings bob, connected
         29s wake                    => silences bob (no answer), *seeking, who is free, connected
         29s agents alice bob carol  => rings alice, connected
         30s decline alice           => silences alice (declined), *seeking, who is free, connected
         30s agents alice bob carol  => rings alice bob carol, connected
         31s take carol              => silences alice bob (elsewhere), *transferred carol, [customer<music carol<customer], connected",
    );
    with_alice(
        "9s  alice: transfer bob => *left alice (transferred), *seeking, [customer<music], who is free, connected
         9s  agents carol        => *seeking, who is free, connected
         9s  agents carol        => *seeking, who is free, connected
         9s  agents carol        => rings carol, connected
         69s wake                => silences carol (no answer), *ending, ask terminate, sound closes, ending
         70s terminate 69        => *completed, completed, no_agent",
    );
    with_alice(
        "9s  alice: transfer queue => *left alice (transferred), *seeking, [customer<music], who is free, connected
         9s  agents alice bob      => rings bob, connected
         10s decline bob           => silences bob (declined), *seeking, who is free, connected
         10s agents alice bob      => rings alice, connected
         11s take alice            => *transferred alice, [customer<music alice<customer], connected",
    );
}

#[test]
fn caller_who_hangs_up_during_a_transfer_silences_whoever_rings() {
    with_alice(
        "9s  alice: transfer bob => *left alice (transferred), *seeking, [customer<music], who is free, connected
         9s  agents bob          => rings bob, connected
         10s terminate 9         => silences bob (gave up), *completed, sound closes, completed, remote_hangup
         11s take bob            => refused call_ended",
    );
}

#[test]
fn attended_transfer_asks_first_and_is_completed_or_called_off() {
    with_alice(
        "9s  alice: consult bob    => *seeking, [customer<music alice<-], who is free, connected
         9s  agents alice bob      => rings bob, connected
         9s  alice: consult carol  => refused already_seeking
         9s  alice: merge          => refused not_consulting
         12s take bob              => *joined bob, [customer<music alice<- bob<alice], connected
         12s up bob                => [customer<music alice<bob bob<alice], connected
         15s alice: complete       => *left alice (transferred), *transferred bob, [customer<bob bob<customer], connected
         16s bob: hold             => *held, [customer<music bob<-], connected",
    );
    with_alice(
        "9s  alice: consult bob => *seeking, [customer<music alice<-], who is free, connected
         9s  agents bob         => rings bob, connected
         10s take bob           => *joined bob, [customer<music alice<- bob<alice], connected
         10s up bob             => [customer<music alice<bob bob<alice], connected
         15s alice: cancel      => *left bob (removed), [customer<alice alice<customer], connected
         15s alice: cancel      => refused not_consulting",
    );
    with_alice(
        "9s  alice: consult bob => *seeking, [customer<music alice<-], who is free, connected
         9s  agents bob         => rings bob, connected
         10s decline bob        => silences bob (declined), *notfound, [customer<alice alice<customer], connected
         11s alice: consult bob => *seeking, [customer<music alice<-], who is free, connected
         11s agents bob         => rings bob, connected
         12s alice: complete    => *left alice (transferred), *seeking, [customer<music], who is free, connected
         14s take bob           => *transferred bob, [customer<music bob<customer], connected",
    );
    with_alice(
        "9s  alice: consult bob => *seeking, [customer<music alice<-], who is free, connected
         9s  agents bob         => rings bob, connected
         10s take bob           => *joined bob, [customer<music alice<- bob<alice], connected
         10s up bob             => [customer<music alice<bob bob<alice], connected
         11s hangup bob         => *left bob (left), [customer<alice alice<customer], connected",
    );
}

#[test]
fn in_a_conference_of_three_each_hears_the_other_two() {
    with_alice(
        "9s  alice: invite bob => *seeking, who is free, connected
         9s  agents bob        => rings bob, connected
         10s take bob          => *joined bob, [customer<alice alice<customer bob<customer+alice], connected
         10s up bob            => [customer<alice+bob alice<customer+bob bob<customer+alice], connected
         11s alice: mute bob   => *rearranged, [customer<alice alice<customer bob<customer+alice], connected
         12s alice: unmute bob => *rearranged, [customer<alice+bob alice<customer+bob bob<customer+alice], connected
         13s alice: invite bob => refused already_there
         14s leave alice       => *left alice (left), *transferred bob, [customer<bob bob<customer], connected
         15s leave bob         => refused last_one
         16s hangup bob        => *ending, ask terminate, sound closes, ending",
    );
    with_alice(
        "9s  alice: consult bob => *seeking, [customer<music alice<-], who is free, connected
         9s  agents bob         => rings bob, connected
         10s take bob           => *joined bob, [customer<music alice<- bob<alice], connected
         10s up bob             => [customer<music alice<bob bob<alice], connected
         11s alice: merge       => *rearranged, [customer<alice+bob alice<customer+bob bob<customer+alice], connected
         12s alice: remove bob  => *left bob (removed), [customer<alice alice<customer], connected
         13s alice: remove bob  => refused not_there",
    );
}

#[test]
fn supervisor_listens_whispers_barges_and_takes_over() {
    with_alice(
        "9s  listen sue    => *joined sue, [customer<alice alice<customer sue<customer+alice], connected
         9s  up sue        => connected
         10s whisper sue   => *rearranged, [customer<alice alice<customer+sue sue<customer+alice], connected
         11s barge sue     => *rearranged, [customer<alice+sue alice<customer+sue sue<customer+alice], connected
         12s listen alice  => refused already_there
         13s hangup sue    => *left sue (left), [customer<alice alice<customer], connected
         14s listen sue    => *joined sue, [customer<alice alice<customer sue<customer+alice], connected
         14s take over sue => *left alice (takenover), *transferred sue, [customer<music sue<customer], connected
         15s up sue        => [customer<sue sue<customer], connected",
    );
}

#[test]
fn parked_customer_hears_music_until_somebody_takes_the_call() {
    with_alice(
        "9s   alice: park  => *left alice (parked), *parked, [customer<music], connected
         20s  take bob     => *parked, *transferred bob, [customer<music bob<customer], connected
         20s  up bob       => [customer<bob bob<customer], connected
         21s  take carol   => refused answered_elsewhere",
    );
    with_alice(
        "9s   alice: park  => *left alice (parked), *parked, [customer<music], connected
         189s wake         => *parked, *seeking, who is free, connected
         189s agents alice => rings alice, connected
         190s take alice   => *transferred alice, [customer<music alice<customer], connected",
    );
}

#[test]
fn call_taken_from_the_park_and_let_go_before_a_word_waits_on_as_if_untouched() {
    with_alice(
        "9s   alice: park  => *left alice (parked), *parked, [customer<music], connected
         20s  take bob     => *parked, *transferred bob, [customer<music bob<customer], connected
         20s  hangup bob   => *left bob (left), *parked, [customer<music], connected
         21s  take carol   => *parked, *transferred carol, [customer<music carol<customer], connected
         21s  up carol     => [customer<carol carol<customer], connected
         22s  hangup carol => *ending, ask terminate, sound closes, ending",
    );
    with_alice(
        "9s   alice: park  => *left alice (parked), *parked, [customer<music], connected
         20s  take bob     => *parked, *transferred bob, [customer<music bob<customer], connected
         20s  hangup bob   => *left bob (left), *parked, [customer<music], connected
         189s wake         => *parked, *seeking, who is free, connected",
    );
}

#[test]
fn whoever_rings_finds_no_chair_when_others_came_first_and_the_owners_is_kept() {
    let mut call = None;
    let steps = ["connect bridged", "described", "path up", "agents alice", "take alice", "reply accepted"];
    for step in steps.into_iter().chain(["up alice", "alice: invite bob", "agents bob"]) {
        step_in(&mut call, START, &step.split_whitespace().collect::<Vec<_>>());
    }
    let mut call = call.unwrap();
    let supervisor = |n: u128| UserId::from_uuid(Uuid::from_u128(1_000 + n));
    let listen = |n| Command::Supervise { agent: supervisor(n), role: Role::Listener };
    let mut command = |command| {
        let done = call.handle(START, Input::Command(command));
        while call.poll().is_some() {}
        done
    };
    for n in 0..7 {
        command(listen(n)).unwrap();
    }
    assert_eq!(command(listen(7)), Err(Refusal::CallFull));
    let bob = || Command::Take { agent: agent("bob") };
    assert_eq!(command(bob()), Err(Refusal::CallFull));
    command(Command::Leave { agent: supervisor(0) }).unwrap();
    command(bob()).unwrap();
}

#[test]
fn agent_who_does_not_come_back_makes_room_for_others() {
    with_alice(
        "9s   gone alice    => [customer<music alice<customer], connected
         54s  wake          => *left alice (lost), *seeking, [customer<music], who is free, connected
         54s  agents bob    => rings bob, connected
         60s  take bob      => *transferred bob, [customer<music bob<customer], connected",
    );
    with_alice(
        "9s   gone alice    => [customer<music alice<customer], connected
         54s  wake          => *left alice (lost), *seeking, [customer<music], who is free, connected
         54s  agents        => connected
         114s wake          => *ending, ask terminate, sound closes, ending
         115s terminate 114 => *completed, completed, agent_lost",
    );
    with_alice(
        "2s   alice: invite bob => *seeking, who is free, connected
         2s   agents bob    => rings bob, connected
         3s   take bob      => *joined bob, [customer<alice alice<customer bob<customer+alice], connected
         3s   up bob        => [customer<alice+bob alice<customer+bob bob<customer+alice], connected
         9s   gone alice    => [customer<bob alice<customer+bob bob<customer], connected
         54s  wake          => *left alice (lost), *transferred bob, [customer<bob bob<customer], connected",
    );
}

#[test]
fn keys_are_pressed_and_heard() {
    with_alice(
        "9s  alice: press 12#  => presses 12#, connected
         10s pressed 5         => *digit 5, connected
         11s client press 9    => presses 9, connected
         11s bob: press 9      => refused not_yours",
    );
}

#[test]
fn announcement_is_heard_by_everybody_and_then_the_conversation_goes_on() {
    with_alice(
        "9s  alice: play  => *announcing, [customer<'welcome' alice<'welcome'], connected
         12s clip over    => *announcing, [customer<alice alice<customer], connected
         13s client play  => *announcing, [customer<'welcome' alice<'welcome'], connected
         14s alice: hush  => *announcing, [customer<alice alice<customer], connected
         15s clip over    => connected",
    );
}

#[test]
fn recording_begins_after_its_announcement() {
    with_alice(
        "9s  house: tells callers =>
         9s  alice: pause            => refused not_recording
         9s  alice: record           => *announcing, *recording, [customer<'welcome' alice<'welcome'], connected
         10s alice: play             => refused already_recording
         12s clip over               => *announcing, *recording, [customer<alice alice<customer], records, connected
         13s alice: record           => refused already_recording
         14s alice: pause            => *recording, recording pauses, connected
         15s alice: unpause          => *recording, records, connected
         16s alice: stop             => *recording, recording ends, connected
         17s house: all recorded =>
         17s alice: record           => *recording, records, connected
         18s recording broke         => *recording, recording ends, connected
         19s alice: record           => *recording, records, connected
         20s hangup alice            => *ending, ask terminate, sound closes, ending",
    );
    with_alice(
        "9s  house: tells callers =>
         9s  alice: record           => *announcing, *recording, [customer<'welcome' alice<'welcome'], connected
         10s alice: stop             => *announcing, *recording, [customer<alice alice<customer], connected
         11s clip over               => connected",
    );
}

#[test]
fn people_are_told_of_a_recording_from_the_beginning_though_the_same_words_are_playing() {
    with_alice(
        "9s  house: tells callers =>
         9s  alice: play             => *announcing, [customer<'welcome' alice<'welcome'], connected
         10s alice: record           => *announcing, *recording, [customer<alice alice<customer], [customer<'welcome' alice<'welcome'], connected
         13s clip over               => *announcing, *recording, [customer<alice alice<customer], records, connected",
    );
}

#[test]
fn house_that_records_everything_begins_with_the_conversation() {
    with_alice(
        "1s house: all recorded => 
         1s alice: hold         => *held, *recording, [customer<music alice<-], records, connected
         2s alice: stop         => *recording, recording ends, connected
         3s alice: resume       => *resumed, [customer<alice alice<customer], connected",
    );
}

#[test]
fn call_placed_by_a_client_rings_agents_at_the_pick_up() {
    check(
        "0s  dial bridged to queue => *initiated, sound offers, created
         0s  described             => ask connect, created
         0s  reply placed          => *dialing, dialing
         1s  connect               => *remoteanswer, sound applies, dialing
         2s  path up               => dialing
         9s  accepted              => *answered, [customer<music], sound speaks, who is free, connected
         9s  agents alice bob      => rings alice bob, connected
         12s take bob              => silences alice (elsewhere), *transferred bob, [customer<music bob<customer], connected
         12s up bob                => [customer<bob bob<customer], connected",
    );
    check(
        "0s  dial bridged to bob   => *initiated, sound offers, created
         0s  described             => ask connect, created
         0s  reply placed          => *dialing, dialing
         9s  accepted              => *answered, [customer<music], sound speaks, who is free, connected
         9s  agents alice          => *seeking, who is free, connected
         9s  agents alice          => rings alice, connected
         69s wake                  => silences alice (no answer), *ending, ask terminate, sound closes, ending
         70s terminate 60          => *completed, completed, no_agent",
    );
    check(
        "0s  dial bridged to clip  => *initiated, sound offers, created
         0s  described             => ask connect, created
         0s  reply placed          => *dialing, dialing
         9s  accepted              => *answered, [customer<'welcome'], sound speaks, connected
         12s clip over             => *ending, ask terminate, sound closes, ending
         13s terminate 3           => *completed, completed, local_hangup",
    );
}

#[test]
fn client_answers_a_ringing_call_and_connects_it_from_there() {
    check(
        "0s connect bridged => *incoming, sound answers, queued
         0s described       => ask pre_accept, queued
         0s path up         => queued
         0s agents alice    => rings alice, ringing
         1s answer          => silences alice (elsewhere), *claimed, ask accept, answering
         1s reply accepted  => *answered, [customer<music], sound speaks, who is free, connected
         1s agents alice    => rings alice, connected
         2s take alice      => *transferred alice, [customer<music alice<customer], connected
         2s client transfer bob => *left alice (transferred), *seeking, [customer<music], who is free, connected
         2s answer          => refused answered_elsewhere",
    );
}

#[test]
fn who_was_asked_is_asked_no_more_when_the_call_goes_to_somebody_else() {
    with_alice(
        "9s  alice: consult bob    => *seeking, [customer<music alice<-], who is free, connected
         9s  agents bob            => rings bob, connected
         10s take bob              => *joined bob, [customer<music alice<- bob<alice], connected
         11s alice: transfer carol => *left bob (removed), *left alice (transferred), *seeking, [customer<music], who is free, connected
         11s agents carol          => rings carol, connected
         12s take carol            => *transferred carol, [customer<music carol<customer], connected
         12s up carol              => [customer<carol carol<customer], connected",
    );
    with_alice(
        "9s  listen sue            => *joined sue, [customer<alice alice<customer sue<customer+alice], connected
         9s  alice: consult bob    => *seeking, [customer<music alice<- sue<alice], who is free, connected
         9s  agents bob            => rings bob, connected
         10s take bob              => *joined bob, [customer<music alice<- bob<alice sue<alice], connected
         11s take over sue         => *left bob (removed), *left alice (takenover), *transferred sue, [customer<music sue<customer], connected",
    );
}

#[test]
fn announcement_that_would_end_the_call_ends_it_only_while_nobody_has_it() {
    check(
        "0s  dial bridged to clip  => *initiated, sound offers, created
         0s  described             => ask connect, created
         0s  reply placed          => *dialing, dialing
         9s  accepted              => *answered, [customer<'welcome'], sound speaks, connected
         10s client transfer bob   => *seeking, who is free, connected
         10s agents bob            => rings bob, connected
         11s take bob              => *transferred bob, [customer<'welcome' bob<'welcome'], connected
         12s up bob                => connected
         13s clip over             => *announcing, [customer<bob bob<customer], connected",
    );
}

#[test]
fn somebody_at_the_table_takes_a_parked_call_too() {
    with_alice(
        "9s  listen sue   => *joined sue, [customer<alice alice<customer sue<customer+alice], connected
         9s  up sue       => connected
         10s alice: park  => *left alice (parked), *parked, [customer<music sue<-], connected
         11s take sue     => *parked, *transferred sue, [customer<sue sue<customer], connected
         11s take sue     => connected",
    );
}

#[test]
fn taking_a_call_twice_is_taking_it_once() {
    check(
        "0s  dial bridged to queue => *initiated, sound offers, created
         0s  described             => ask connect, created
         0s  reply placed          => *dialing, dialing
         9s  accepted              => *answered, [customer<music], sound speaks, who is free, connected
         9s  agents alice bob      => rings alice bob, connected
         12s take bob              => silences alice (elsewhere), *transferred bob, [customer<music bob<customer], connected
         12s take bob              => connected
         12s take alice            => refused answered_elsewhere",
    );
}

#[test]
fn agents_stop_ringing_when_the_path_fails() {
    check(
        "0s  connect bridged => *incoming, sound answers, queued
         0s  described       => ask pre_accept, queued
         0s  agents alice    => rings alice, ringing
         9s  path failed     => silences alice (away), *ending, ask terminate, sound closes, ending",
    );
    check(
        "0s  dial bridged    => *initiated, sound offers, [customer<- alice<-], created
         0s  described       => ask connect, created
         0s  path failed     => *ending, sound closes, ending
         1s  reply placed    => ask terminate, ending",
    );
}

#[test]
fn recording_that_never_began_is_no_recording_of_the_call() {
    let mut call = None;
    let steps = ["connect bridged", "described", "path up", "agents alice", "take alice", "reply accepted"];
    let steps = steps.into_iter().chain(["up alice", "house: tells callers", "alice: record"]);
    for step in steps {
        step_in(&mut call, START, &step.split_whitespace().collect::<Vec<_>>());
    }
    let kept = |call: &Option<Call>| call.as_ref().unwrap().record().facts.recordings.len();
    assert_eq!(kept(&call), 0, "people are still being told");
    step_in(&mut call, START, &["clip", "over"]);
    assert_eq!(kept(&call), 1);
}

#[test]
fn a_leg_is_remembered_once_however_often_it_was_reported() {
    let mut call = None;
    let steps = ["connect bridged", "described", "path up", "quality", "quality", "agents alice"];
    let steps =
        steps.into_iter().chain(["take alice", "reply accepted", "up alice", "quality", "terminate 5"]);
    let mut version = 0;
    for step in steps.chain(["quality"]) {
        step_in(&mut call, START, &step.split_whitespace().collect::<Vec<_>>());
        let record = call.as_ref().unwrap().record();
        assert!(step != "quality" || record.version == version, "a report alone is not written down");
        version = record.version;
    }
    assert_eq!(call.unwrap().record().facts.quality.len(), 1);
}

#[test]
fn nobody_fills_a_call_with_recordings() {
    let mut call = None;
    let steps = ["connect bridged", "described", "path up", "agents alice", "take alice", "reply accepted"];
    for step in steps.into_iter().chain(["up alice"]) {
        step_in(&mut call, START, &step.split_whitespace().collect::<Vec<_>>());
    }
    let mut call = call.unwrap();
    let mut record =
        |wish| call.handle(START, Input::Command(Command::Arrange { by: None, wish: Wish::Record(wish) }));
    for n in 0..100 {
        record(RecordWish::Start { id: RecordingId::from_uuid(Uuid::from_u128(n)) }).unwrap();
        record(RecordWish::Stop).unwrap();
    }
    let one_more = RecordWish::Start { id: RecordingId::from_uuid(Uuid::from_u128(100)) };
    assert_eq!(record(one_more), Err(Refusal::CallFull));
}

#[test]
fn relayed_calls_know_no_arrangements() {
    check(
        "0s connect        => *incoming, queued
         0s alice: hold    => refused other_media
         0s listen sue     => refused other_media
         0s leave alice    => refused other_media
         0s answer         => refused other_media",
    );
}

mod always {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::table::Role;
    use super::super::{Call, Hears, Phase, START, State, Voice, step_in};

    const STEPS: [&str; 33] = [
        "agents alice bob carol",
        "agents bob",
        "agents",
        "take alice",
        "take bob",
        "take carol",
        "up alice",
        "up bob",
        "up carol",
        "gone alice",
        "gone bob",
        "decline alice",
        "decline bob",
        "alice: transfer bob",
        "alice: consult bob",
        "alice: consult queue",
        "alice: invite carol",
        "alice: complete",
        "alice: cancel",
        "alice: merge",
        "alice: park",
        "alice: hold",
        "alice: mute bob",
        "client transfer queue",
        "client play",
        "clip over",
        "client record",
        "client hush",
        "leave alice",
        "hangup bob",
        "whisper sue",
        "take over sue",
        "wake",
    ];

    fn holds(call: &Call) {
        let record = call.record();
        let table = &record.facts.table;
        if !matches!(call.phase, Phase::Talking { .. }) {
            assert!(table.seek.is_none() && !call.line.is_searching());
            return;
        }
        let kept =
            record.agent.is_some() || table.seek.is_some() || table.parked.is_some() || table.clip.is_some();
        assert!(kept, "nobody has the customer: {table:?}");
        assert_eq!(table.seek.is_some(), call.line.is_searching());
        assert!(call.rung().is_none_or(|rung| rung.iter().all(|who| !record.seats(who))));
        let scene = call.scene();
        assert!(scene.hears.keys().len() == 1 + record.people().count(), "everybody once");
        for voice in scene.recorded() {
            let Voice::Agent(who) = voice else { continue };
            let role = table.seats.get(&who);
            assert!(
                !matches!(role, Some(Role::Consulted | Role::Whisperer | Role::Listener)),
                "on record: {role:?}"
            );
        }
        for (who, hears) in &scene.hears {
            let Hears::Voices(voices) = hears else { continue };
            assert!(!voices.is_empty() && !voices.contains(who));
            assert!(voices.iter().all(|voice| scene.hears.contains_key(voice)));
            for voice in voices {
                let Voice::Agent(heard) = voice else { continue };
                assert!(!scene.muted.contains(heard));
                let role = table.seats.get(heard);
                assert_ne!(role, Some(&Role::Listener));
                if *who == Voice::Customer {
                    assert!(!matches!(role, Some(Role::Consulted | Role::Whisperer)));
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn whatever_is_arranged_the_customer_is_with_somebody_or_waits_for_somebody(
            steps in proptest::collection::vec((0..STEPS.len(), 0_u64..40), 1..40),
        ) {
            let (mut call, mut at) = (None, 0);
            let begin = ["connect bridged", "described", "path up", "agents alice", "take alice", "reply accepted", "up alice"];
            let steps = begin.into_iter().map(|step| (step, 0)).chain(steps.into_iter().map(|(n, s)| (STEPS[n], s)));
            for (step, seconds) in steps {
                at += seconds;
                step_in(&mut call, START + Duration::from_secs(at), &step.split_whitespace().collect::<Vec<_>>());
                holds(call.as_ref().expect("the first step begins it"));
            }
            // Whatever was arranged, a restart lets the sound go, tells WhatsApp, and leaves nobody looked for.
            let over = call.as_ref().is_some_and(Call::is_over);
            let said = step_in(&mut call, START + Duration::from_secs(at), &["restart"]);
            holds(call.as_ref().unwrap());
            prop_assert!(over || (said.contains("sound closes") && said.contains("ask terminate")), "{said}");
            let record = call.as_ref().unwrap().record();
            prop_assert!(record.facts.table.parked.is_none() && record.state != State::Connected);
        }
    }
}
