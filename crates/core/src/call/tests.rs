//! Calls as scripts.
//!
//! They stay in one file because they share one language; splitting it would hide the words.
//! A script is a line per step: when, what happens, and everything the call then does.

mod bots;
mod bridged;
mod conference;
mod order;
mod relayed;

use std::collections::BTreeSet;
use std::time::Duration;

use uuid::Uuid;

use super::table::{BotEnd, BotUrl, BotWish, ClipName, Connect, Key, Role, Target};
use super::*;
use crate::event::{CallEvent, Event, Silence};
use crate::house::{BusinessNumber, MediaMode};
use crate::id::{CallId, MetaNumberId, NumberId, RecordingId, StreamId, TenantId, UserId, Wacid};
use crate::meta::{Direction, Extras, MetaError, MetaEvent, MetaEventKind, Party, Terminate};
use crate::phone::Phone;
use crate::recording::ConsentMode;
use crate::sdp::Sdp;
use crate::time::Time;

const START: Time = Time::from_secs(1_790_963_000);

fn number() -> BusinessNumber {
    BusinessNumber {
        id: NumberId::from_uuid(Uuid::from_u128(1)),
        tenant: TenantId::from_uuid(Uuid::from_u128(2)),
        meta_id: MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+15550100200").unwrap(),
        media_mode: MediaMode::Relay,
        calling: crate::house::Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

fn agent(name: &str) -> UserId {
    let nth = ["alice", "bob", "carol", "sue"].iter().position(|n| *n == name).expect("a known agent");
    UserId::from_uuid(Uuid::from_u128(100 + nth as u128))
}

fn name(agent: &UserId) -> &'static str {
    ["alice", "bob", "carol", "sue"][usize::try_from(agent.uuid().as_u128() - 100).unwrap()]
}

fn meta(direction: Direction, at: Time, kind: MetaEventKind) -> MetaEvent {
    MetaEvent {
        wacid: Wacid::new("wacid.TEST==").unwrap(),
        number: number().meta_id,
        at,
        direction: Some(direction),
        opaque: None,
        party: Party {
            phone: Phone::parse("447700900123").ok(),
            user_id: None,
            name: Some("Dana".to_owned()),
            contact: None,
        },
        kind,
    }
}

fn connect(direction: Direction, at: Time) -> MetaEvent {
    meta(direction, at, MetaEventKind::Connect { sdp: Some(Sdp::new("v=0 theirs")) })
}

fn ended(direction: Direction, at: Time, talked: Option<u32>, code: Option<i64>) -> MetaEvent {
    let started_at = talked.map(|secs| at - Duration::from_secs(u64::from(secs)));
    let error = code.map(|code| MetaError { code, message: "made up".to_owned() });
    let ended_at = talked.map(|_| at);
    let end = Terminate { at, started_at, ended_at, duration_secs: talked, error };
    meta(direction, at, MetaEventKind::Terminate(end))
}

fn dial(now: Time) -> Call {
    let new = NewOutbound {
        id: CallId::from_uuid(Uuid::from_u128(7)),
        contact: None,
        number: number(),
        to: Phone::parse("447700900123").unwrap().into(),
        offer: Some(Sdp::new("v=0 ours")),
        agent: Some(agent("alice")),
        connect: None,
        record: false,
        correlation: Some("ticket-88".to_owned()),
        conversation_id: None,
        metadata: None,
        extras: Extras::default(),
    };
    Call::place(new, now)
}

fn dial_bridged(now: Time, by: Option<UserId>, connect: Option<Connect>) -> Call {
    let new = NewOutbound {
        id: CallId::from_uuid(Uuid::from_u128(7)),
        contact: None,
        number: number(),
        to: Phone::parse("447700900123").unwrap().into(),
        offer: None,
        agent: by,
        connect,
        record: false,
        correlation: None,
        conversation_id: None,
        metadata: None,
        extras: Extras::default(),
    };
    Call::place(new, now)
}

fn ring_in(first: MetaEvent, now: Time) -> Call {
    Call::incoming(CallId::from_uuid(Uuid::from_u128(8)), &number(), first, now)
}

/// Everything the call wants done, in words.
fn drain(call: &mut Call) -> String {
    let mut words = Vec::new();
    while let Some(output) = call.poll() {
        match output {
            Output::Ask(ask) => words.push(format!("ask {}", ask.action())),
            Output::Sound(ask) => words.push(sound_words(&ask)),
            Output::WhoIsFree => words.push("who is free".to_owned()),
            Output::Quality(..) => words.push("quality".to_owned()),
            Output::Commit(commit) => words.extend(commit.events.iter().map(event_words)),
        }
    }
    let record = call.record();
    words.push(record.state.as_str().to_owned());
    words.extend(record.end_reason.map(|reason| reason.as_str().to_owned()));
    words.join(", ")
}

fn sound_words(ask: &SoundAsk) -> String {
    match ask {
        SoundAsk::AnswerCustomer { .. } => "sound answers".to_owned(),
        SoundAsk::OfferCustomer => "sound offers".to_owned(),
        SoundAsk::Apply { .. } => "sound applies".to_owned(),
        SoundAsk::Speak => "sound speaks".to_owned(),
        SoundAsk::Scene(scene) => scene_words(scene),
        SoundAsk::Press(keys) => {
            format!("presses {}", keys.iter().map(|key| key.as_char()).collect::<String>())
        }
        SoundAsk::Bot(ask) => {
            let seeks = if ask.seeking { " while somebody is looked for" } else { "" };
            let way = if ask.url.is_some() { "calls" } else { "expects" };
            format!("{way} bot {}{seeks}", bot_name(&ask.id))
        }
        SoundAsk::BotOver(id, why) => format!("bot {} over ({})", bot_name(id), why.as_str()),
        SoundAsk::Record(None) => "recording ends".to_owned(),
        SoundAsk::Record(Some(ask)) if ask.paused => "recording pauses".to_owned(),
        SoundAsk::Record(Some(_)) => "records".to_owned(),
        SoundAsk::Close => "sound closes".to_owned(),
    }
}

/// Everybody, and after each what they hear.
fn scene_words(scene: &Scene) -> String {
    let voice = |voice: &Voice| match voice {
        Voice::Customer => "customer",
        Voice::Agent(agent) => name(agent),
        Voice::Bot(_) => "bot",
    };
    let hears = |hears: &Hears| match hears {
        Hears::Comfort => "-".to_owned(),
        Hears::Music => "music".to_owned(),
        Hears::Clip(clip) => format!("'{clip}'"),
        Hears::Voices(voices) => voices.iter().map(voice).collect::<Vec<_>>().join("+"),
    };
    let all = scene.hears.iter().map(|(who, what)| format!("{}<{}", voice(who), hears(what)));
    format!("[{}]", all.collect::<Vec<_>>().join(" "))
}

fn event_words(event: &Event) -> String {
    let Event::Call { what, .. } = event else { panic!("a call only tells of itself") };
    let people = |agents: &BTreeSet<UserId>| agents.iter().map(name).collect::<Vec<_>>().join(" ");
    match what {
        CallEvent::Rang { agents } => format!("rings {}", people(agents)),
        CallEvent::Silenced { agents, reason, .. } => {
            let why = match reason {
                Silence::AnsweredElsewhere => "elsewhere",
                Silence::Declined => "declined",
                Silence::CallerGaveUp => "gave up",
                Silence::NoAnswer => "no answer",
                Silence::Failed => "away",
            };
            format!("silences {} ({why})", people(agents))
        }
        CallEvent::Joined { agent } => format!("*joined {}", name(agent)),
        CallEvent::Left { agent, why } => {
            format!("*left {} ({})", name(agent), format!("{why:?}").to_lowercase())
        }
        CallEvent::Transferred { to } => format!("*transferred {}", name(to)),
        CallEvent::Digit { key } => format!("*digit {}", key.as_char()),
        other => format!("*{other:?}").to_lowercase(),
    }
}

/// Runs a script. The first word of a step is its second, then the input, then `=>` and what follows.
fn check(script: &str) {
    let mut call: Option<Call> = None;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, expected) = line.split_once("=>").expect("every step says what follows");
        let mut words = step.split_whitespace();
        let seconds: u64 = words.next().unwrap().trim_end_matches('s').parse().unwrap();
        let now = START + Duration::from_secs(seconds);
        let said = step_in(&mut call, now, &words.collect::<Vec<_>>());
        assert_eq!(said, expected.trim(), "in step: {step}");
    }
}

/// A conversation with alice, to which steps are added.
fn with_alice(steps: &str) {
    let begun = "0s connect bridged => *incoming, sound answers, queued
         0s described      => ask pre_accept, queued
         0s path up        => queued
         0s agents alice   => rings alice, ringing
         1s take alice     => *claimed, ask accept, [customer<- alice<-], answering
         1s reply accepted => *answered, [customer<- alice<customer], sound speaks, connected
         1s up alice       => [customer<alice alice<customer], connected\n";
    check(&format!("{begun}{steps}"));
}

fn step_in(call: &mut Option<Call>, now: Time, words: &[&str]) -> String {
    if let ["restart"] = words {
        let (record, manners) =
            call.take().map(|call| (call.record, call.manners)).expect("a call to restart");
        let mut restored = Call::restore(record, now).with_manners(manners);
        let said = drain(&mut restored);
        *call = Some(restored);
        return said;
    }
    let direction = call.as_ref().map_or(Direction::Inbound, |call| call.record().direction);
    let input = match words {
        ["dial"] | ["dial", "bridged", ..] => {
            let mut placed = match words[1..] {
                [] => dial(now),
                [_] => dial_bridged(now, Some(agent("alice")), None),
                [_, "to", "queue"] => dial_bridged(now, None, None),
                [_, "to", "bot"] => dial_bridged(now, None, Some(Connect::Bot(bot_url()))),
                [_, "to", "clip"] => dial_bridged(now, None, Some(Connect::Clip(clip()))),
                [_, "to", who] => dial_bridged(now, None, Some(Connect::Agent(agent(who)))),
                _ => panic!("unknown step {words:?}"),
            };
            let said = drain(&mut placed);
            *call = Some(placed);
            return said;
        }
        ["connect"] => Input::Meta(connect(direction, now)),
        ["connect", "aged", secs] => {
            Input::Meta(connect(direction, now - Duration::from_secs(secs.parse().unwrap())))
        }
        ["connect", "bridged"] => {
            let number = BusinessNumber { media_mode: MediaMode::Bridge, ..number() };
            let first = connect(Direction::Inbound, now);
            let mut incoming = Call::incoming(CallId::from_uuid(Uuid::from_u128(8)), &number, first, now);
            let said = drain(&mut incoming);
            *call = Some(incoming);
            return said;
        }
        ["connect", "bridged", "to", "bot"] => {
            let number = BusinessNumber { media_mode: MediaMode::Bridge, ..number() };
            let first = connect(Direction::Inbound, now);
            let id = CallId::from_uuid(Uuid::from_u128(8));
            let greeter = Some(Connect::Bot(bot_url()));
            let mut incoming = Call::incoming_at(Manners::default(), id, &number, greeter, first, now);
            let said = drain(&mut incoming);
            *call = Some(incoming);
            return said;
        }
        ["described"] => Input::Sound(SoundNews::Described(Sdp::new("v=0 ours"))),
        ["path", "up"] => Input::Sound(SoundNews::PathUp),
        ["path", "failed"] => Input::Sound(SoundNews::PathFailed(EndReason::IceFailed)),
        ["customer", "silent"] => Input::Sound(SoundNews::CustomerSilent),
        ["customer", "back"] => Input::Sound(SoundNews::CustomerBack),
        ["up", who] => Input::Sound(SoundNews::AgentUp(agent(who))),
        ["gone", who] => Input::Sound(SoundNews::AgentGone(agent(who))),
        ["clip", "over"] => Input::Sound(SoundNews::ClipOver(clip())),
        ["quality"] => Input::Sound(SoundNews::Quality(Voice::Customer, LegQuality::default())),
        ["pressed", key] => Input::Sound(SoundNews::Pressed(keys(key)[0])),
        ["recording", "broke"] => Input::Sound(SoundNews::RecordingBroke(recording())),
        ["bot", n, "up"] => Input::Sound(SoundNews::BotUp(bot(n))),
        ["bot", n, "gone"] => Input::Sound(SoundNews::BotGone(bot(n), BotEnd::Broke)),
        ["bot", n, words @ ..] => Input::Command(Command::Bot { id: bot(n), wish: bot_wish(words) }),
        ["answer", "with", "bot"] => Input::Command(Command::Answer { connect: Connect::Bot(bot_url()) }),
        ["take", who] => Input::Command(Command::Take { agent: agent(who) }),
        ["house:", words @ ..] => {
            let mut manners = Manners::default();
            match words {
                ["lost", "ends"] => manners.agent_lost = AgentLost::End,
                ["all", "recorded"] => manners.record_all = true,
                ["all", "recorded", "and", "told"] => {
                    manners.record_all = true;
                    (manners.consent, manners.notice) = (ConsentMode::AnnounceAll, Some(clip()));
                }
                ["tells", "callers"] => {
                    (manners.consent, manners.notice) = (ConsentMode::AnnounceInbound, Some(clip()));
                }
                other => panic!("unknown manners {other:?}"),
            }
            *call = call.take().map(|call| call.with_manners(manners));
            return String::new();
        }
        ["answer"] => Input::Command(Command::Answer { connect: Connect::Queue }),
        ["client", "sends", sdp, "ahead"] => Input::Command(Command::PreAccept { answer: Sdp::new(*sdp) }),
        ["client", "accepts"] => {
            Input::Command(Command::AcceptRelayed { answer: None, along: Along::default() })
        }
        ["client", "accepts", "with", sdp] => {
            let (answer, along) = (Some(Sdp::new(*sdp)), Along::default());
            Input::Command(Command::AcceptRelayed { answer, along })
        }
        ["leave", who] => Input::Command(Command::Leave { agent: agent(who) }),
        ["listen", who] => supervise(who, Role::Listener),
        ["whisper", who] => supervise(who, Role::Whisperer),
        ["barge", who] => supervise(who, Role::Barger),
        ["take", "over", who] => Input::Command(Command::TakeOver { agent: agent(who) }),
        ["client", rest @ ..] => Input::Command(Command::Arrange { by: None, wish: wish(rest) }),
        [who, rest @ ..] if ["alice:", "bob:", "carol:"].contains(who) => {
            let by = Some(agent(who.trim_end_matches(':')));
            Input::Command(Command::Arrange { by, wish: wish(rest) })
        }
        ["reply", "pre-accepted"] => Input::PreAcceptReply(Ok(Reply::PreAccepted)),
        ["ringing"] => Input::Meta(meta(direction, now, MetaEventKind::Ringing)),
        ["accepted"] => Input::Meta(meta(direction, now, MetaEventKind::Accepted)),
        ["rejected"] => Input::Meta(meta(direction, now, MetaEventKind::Rejected)),
        ["terminate"] => Input::Meta(ended(direction, now, None, None)),
        ["terminate", "error", code] => Input::Meta(ended(direction, now, None, code.parse().ok())),
        ["terminate", talked] => Input::Meta(ended(direction, now, talked.parse().ok(), None)),
        ["agents", names @ ..] => Input::Agents(names.iter().map(|n| agent(n)).collect()),
        ["reply", "placed"] => Input::ConnectReply(Ok(Reply::Placed(Wacid::new("wacid.TEST==").unwrap()))),
        ["reply", "accepted"] => Input::AcceptReply(Ok(Reply::Accepted)),
        ["reply", "ended"] => Input::EndReply(Ok(Reply::Ended)),
        ["reply", what, "unclear"] => reply(what, Fault::Unclear),
        ["reply", what, "unreachable"] => reply(what, Fault::Unreachable),
        ["reply", what, code] => {
            let code = code.parse().unwrap();
            reply(what, Fault::Refused(MetaError { code, message: "made up".to_owned() }))
        }
        ["accept", who] => {
            Input::Command(Command::Accept { agent: agent(who), answer: Sdp::new("v=0 ours") })
        }
        ["accept", who, "with", sdp] => {
            Input::Command(Command::Accept { agent: agent(who), answer: Sdp::new(*sdp) })
        }
        ["stop"] => Input::Stopping,
        ["crash"] => Input::Crashed,
        ["decline", who] => Input::Command(Command::Decline { agent: agent(who) }),
        ["give", "way"] => Input::GiveWay,
        ["reject"] => Input::Command(Command::Reject),
        ["hangup"] => Input::Command(Command::Hangup { by: None }),
        ["hangup", who] => Input::Command(Command::Hangup { by: Some(agent(who)) }),
        ["wake"] => Input::Wake,
        other => panic!("unknown step {other:?}"),
    };
    if let (None, Input::Meta(first)) = (&call, &input) {
        let mut incoming = ring_in(first.clone(), now);
        let said = drain(&mut incoming);
        *call = Some(incoming);
        return said;
    }
    let call = call.as_mut().expect("the script begins with dial or a webhook");
    let before = call.record().clone();
    match call.handle(now, input) {
        Ok(()) => drain(call),
        Err(refusal) => {
            assert_eq!(*call.record(), before, "a refusal leaves the call alone");
            assert_eq!(call.poll(), None, "a refusal wants nothing done");
            format!("refused {}", refusal.code())
        }
    }
}

fn supervise(who: &str, role: Role) -> Input {
    Input::Command(Command::Supervise { agent: agent(who), role })
}

/// The bot a call is connected to has the call's own number; those that come later are named by theirs.
fn bot(name: &str) -> StreamId {
    StreamId::from_uuid(Uuid::from_u128(name.parse().unwrap()))
}

fn bot_name(id: &StreamId) -> u128 {
    id.uuid().as_u128()
}

fn bot_url() -> BotUrl {
    BotUrl::new("wss://bot.example.com/voice?secret=1").unwrap()
}

fn bot_wish(words: &[&str]) -> BotWish {
    match words {
        ["hands", "off"] => BotWish::HandOff(Target::Queue),
        ["hands", "off", "to", who] => BotWish::HandOff(Target::Agent(agent(who))),
        ["stays"] => BotWish::Stay,
        ["presses", pressed] => BotWish::Press(keys(pressed)),
        ["hangs", "up"] => BotWish::HangUp,
        other => panic!("unknown wish of a bot {other:?}"),
    }
}

fn clip() -> ClipName {
    ClipName::parse("welcome").unwrap()
}

fn recording() -> RecordingId {
    RecordingId::from_uuid(Uuid::from_u128(9))
}

fn keys(keys: &str) -> Vec<Key> {
    keys.chars().map(|key| Key::parse(key).unwrap()).collect()
}

fn wish(words: &[&str]) -> Wish {
    let target = |who: &str| if who == "queue" { Target::Queue } else { Target::Agent(agent(who)) };
    match words {
        ["hold"] => Wish::Hold(true),
        ["resume"] => Wish::Hold(false),
        ["transfer", who] => Wish::Transfer(target(who)),
        ["consult", who] => Wish::Consult(target(who)),
        ["complete"] => Wish::Complete,
        ["cancel"] => Wish::Cancel,
        ["invite", who] => Wish::Invite(target(who)),
        ["merge"] => Wish::Merge,
        ["remove", who] => Wish::Remove(agent(who)),
        ["mute", who] => Wish::Mute { who: agent(who), on: true },
        ["unmute", who] => Wish::Mute { who: agent(who), on: false },
        ["park"] => Wish::Park,
        ["press", pressed] => Wish::Press(keys(pressed)),
        ["play"] => Wish::Play(clip()),
        ["hush"] => Wish::Hush,
        ["record"] => Wish::Record(RecordWish::Start { id: recording() }),
        ["pause"] => Wish::Record(RecordWish::Pause),
        ["unpause"] => Wish::Record(RecordWish::Resume),
        ["stop"] => Wish::Record(RecordWish::Stop),
        ["bot", n] => Wish::Bot { id: bot(n), url: None, takes_over: false },
        ["give", "to", "bot", n] => Wish::Bot { id: bot(n), url: Some(bot_url()), takes_over: true },
        ["dismiss"] => Wish::DismissBot,
        other => panic!("unknown wish {other:?}"),
    }
}

fn reply(what: &str, fault: Fault) -> Input {
    match what {
        "connect" => Input::ConnectReply(Err(fault)),
        "accept" => Input::AcceptReply(Err(fault)),
        "pre_accept" => Input::PreAcceptReply(Err(fault)),
        "end" => Input::EndReply(Err(fault)),
        other => panic!("unknown request {other}"),
    }
}

#[test]
fn inbound_call_is_answered_and_the_caller_hangs_up() {
    check(
        "0s  connect           => *incoming, queued
         0s  agents alice bob  => rings alice bob, ringing
         4s  accept alice      => silences bob (elsewhere), *claimed, ask accept, answering
         4s  reply accepted    => *answered, connected
         64s terminate 60      => *completed, completed, remote_hangup",
    );
}

#[test]
fn second_agent_learns_that_the_first_was_faster() {
    check(
        "0s  connect           => *incoming, queued
         0s  agents alice bob  => rings alice bob, ringing
         4s  accept alice      => silences bob (elsewhere), *claimed, ask accept, answering
         4s  accept bob        => refused answered_elsewhere
         4s  accept alice      => answering
         4s  reply accepted    => *answered, connected
         5s  accept bob        => refused answered_elsewhere
         5s  decline bob       => refused not_ringing
         5s  hangup bob        => refused not_yours
         9s  hangup alice      => *ending, ask terminate, ending
         9s  reply ended       => ending
         10s terminate 5       => *completed, completed, local_hangup",
    );
}

#[test]
fn decline_silences_only_the_decliner_and_the_last_decline_rejects() {
    check(
        "0s  connect           => *incoming, queued
         0s  agents alice bob  => rings alice bob, ringing
         2s  decline alice     => silences alice (declined), ringing
         2s  decline alice     => ringing
         3s  agents alice bob  => ringing
         5s  decline bob       => silences bob (declined), *ending, ask reject, ending
         6s  terminate         => *declined, rejected, agent_rejected",
    );
}

#[test]
fn ring_comes_back_after_a_reload() {
    check(
        "0s  connect      => *incoming, queued
         0s  agents alice => rings alice, ringing
         2s  agents       => silences alice (away), queued
         3s  agents alice => rings alice, ringing
         4s  accept alice => *claimed, ask accept, answering",
    );
}

#[test]
fn nobody_answers_in_time() {
    check(
        "0s  connect      => *incoming, queued
         5s  agents alice => rings alice, ringing
         29s wake         => ringing
         30s wake         => silences alice (no answer), *ending, ask reject, ending
         31s terminate    => *missed, missed, no_answer",
    );
}

#[test]
fn caller_gives_up() {
    check(
        "0s  connect      => *incoming, queued
         0s  agents alice => rings alice, ringing
         7s  terminate    => silences alice (gave up), *missed, missed, caller_abandoned
         7s  accept alice => refused call_ended
         7s  hangup alice => missed, caller_abandoned",
    );
}

#[test]
fn terminate_that_overtakes_connect_rings_nobody() {
    check(
        "0s  terminate    => *missed, missed, caller_abandoned
         1s  connect      => *corrected, missed, caller_abandoned
         1s  agents alice => missed, caller_abandoned",
    );
}

#[test]
fn stale_connect_rings_nobody() {
    check(
        "0s connect aged 600 => *missed, missed, late
         0s agents alice     => missed, late",
    );
}

#[test]
fn agent_answers_a_call_that_is_gone() {
    check(
        "0s  connect             => *incoming, queued
         0s  agents alice        => rings alice, ringing
         4s  accept alice        => *claimed, ask accept, answering
         4s  reply accept 100    => *ending, ask terminate, ending
         4s  terminate           => *missed, missed, caller_abandoned",
    );
}

#[test]
fn accept_that_is_refused_for_its_sdp_fails_with_the_reason() {
    check(
        "0s  connect             => *incoming, queued
         0s  agents alice        => rings alice, ringing
         4s  accept alice        => *claimed, ask accept, answering
         5s  reply accept 138008 => *ending, ask terminate, ending
         7s  terminate           => *failed, failed, invalid_sdp",
    );
}

#[test]
fn answered_call_without_media_names_the_reason() {
    check(
        "0s  dial              => *initiated, ask connect, created
         0s  reply placed      => *dialing, dialing
         1s  accepted          => *answered, connected
         21s terminate error 138021 => *completed, completed, media_timeout",
    );
}

#[test]
fn outbound_call_is_answered_and_we_hang_up() {
    check(
        "0s  dial         => *initiated, ask connect, created
         0s  reply placed => *dialing, dialing
         1s  connect      => *remoteanswer, dialing
         2s  ringing      => *ringing, ringing
         9s  accepted     => *answered, connected
         30s hangup alice => *ending, ask terminate, ending
         31s terminate 21 => *completed, completed, local_hangup",
    );
}

#[test]
fn connect_webhook_that_beats_the_reply_is_adopted() {
    check(
        "0s  dial         => *initiated, ask connect, created
         0s  connect      => *remoteanswer, *dialing, dialing
         0s  reply placed => dialing
         2s  accepted     => *answered, connected",
    );
}

#[test]
fn unclear_connect_is_adopted_and_never_dialled_again() {
    check(
        "0s  dial                  => *initiated, ask connect, created
         8s  reply connect unclear => created
         9s  ringing               => *ringing, ringing
         12s accepted              => *answered, connected",
    );
}

#[test]
fn unclear_connect_is_given_up_and_ended_if_it_appears_later() {
    check(
        "0s  dial                  => *initiated, ask connect, created
         8s  reply connect unclear => created
         38s wake                  => *failed, failed, unconfirmed
         40s ringing               => *corrected, ask terminate, failed, unconfirmed
         41s terminate             => *corrected, failed, unconfirmed",
    );
}

#[test]
fn user_declines_our_call() {
    check(
        "0s dial         => *initiated, ask connect, created
         0s reply placed => *dialing, dialing
         2s ringing      => *ringing, ringing
         3s rejected     => *ending, ending
         3s terminate    => *declined, rejected, declined",
    );
}

#[test]
fn user_never_answers() {
    check(
        "0s  dial         => *initiated, ask connect, created
         0s  reply placed => *dialing, dialing
         2s  ringing      => *ringing, ringing
         60s wake         => *ending, ask terminate, ending
         61s reply ended  => ending
         70s wake         => *missed, missed, no_answer
         90s terminate    => *corrected, missed, no_answer",
    );
}

#[test]
fn refused_connect_ends_with_its_reason() {
    check(
        "0s dial => *initiated, ask connect, created
           0s reply connect 138006 => *failed, failed, no_permission",
    );
    check(
        "0s dial => *initiated, ask connect, created
           0s reply connect 138001 => *failed, failed, unreachable",
    );
    check(
        "0s dial => *initiated, ask connect, created
           0s reply connect unreachable => *failed, failed, provider_error",
    );
}

#[test]
fn giving_up_before_the_reply_ends_the_call_once_it_exists() {
    check(
        "0s dial         => *initiated, ask connect, created
         0s hangup alice => *ending, ending
         1s reply placed => ask terminate, ending
         2s terminate    => *missed, missed, cancelled",
    );
}

#[test]
fn restart_goes_on_where_the_record_says() {
    check(
        "0s  dial      => *initiated, ask connect, created
         1s  restart   => created
         2s  connect   => *remoteanswer, *dialing, dialing
         3s  restart   => dialing
         4s  ringing   => *ringing, ringing
         5s  restart   => ringing
         6s  accepted  => *answered, connected
         7s  restart   => connected
         8s  hangup    => *ending, ask terminate, ending
         9s  restart   => ask terminate, ending
         10s terminate 3 => *completed, completed, local_hangup",
    );
    check(
        "0s  connect        => *incoming, queued
         1s  restart        => queued
         1s  agents alice bob => rings alice bob, ringing
         2s  decline bob    => silences bob (declined), ringing
         2s  restart        => ringing
         3s  agents alice bob => rings alice, ringing
         4s  accept alice   => *claimed, ask accept, answering
         4s  restart        => ask accept, answering
         5s  reply accepted => *answered, connected",
    );
}

#[test]
fn our_call_gives_way_to_the_users_own() {
    check(
        "0s dial         => *initiated, ask connect, created
         0s reply placed => *dialing, dialing
         1s give way     => *ending, ask terminate, ending
         1s reply ended  => ending
         2s terminate    => *failed, failed, busy",
    );
    check(
        "0s dial             => *initiated, ask connect, created
         0s give way         => *ending, ending
         1s reply connect 138003 => *failed, failed, busy",
    );
    check(
        "0s dial         => *initiated, ask connect, created
         0s reply placed => *dialing, dialing
         1s accepted     => *answered, connected
         2s give way     => connected",
    );
}

#[test]
fn reject_never_ends_a_conversation() {
    check(
        "0s connect        => *incoming, queued
         0s agents alice   => rings alice, ringing
         1s accept alice   => *claimed, ask accept, answering
         1s reject         => refused not_ringing
         2s reply accepted => *answered, connected
         3s reject         => refused not_ringing",
    );
    check(
        "0s connect        => *incoming, queued
         0s agents alice   => rings alice, ringing
         1s reject         => silences alice (declined), *ending, ask reject, ending
         2s reject         => refused not_ringing
         2s reply ended    => ending
         3s terminate      => *declined, rejected, agent_rejected
         4s reject         => refused call_ended",
    );
}

#[test]
fn a_day_without_news_closes_the_call() {
    check(
        "0s     dial         => *initiated, ask connect, created
         0s     reply placed => *dialing, dialing
         1s     accepted     => *answered, connected
         86401s wake         => *ending, ask terminate, ending
         86401s reply ended  => ending
         86411s wake         => *completed, completed, stale",
    );
}

#[test]
fn end_that_meta_did_not_hear_is_asked_for_again_before_the_call_closes() {
    check(
        "0s   dial                  => *initiated, ask connect, created
         0s   reply placed          => *dialing, dialing
         5s   hangup alice          => *ending, ask terminate, ending
         9s   reply end unreachable => ending
         15s  wake                  => ask terminate, ending
         25s  reply end unclear     => ending
         25s  wake                  => ask terminate, ending
         26s  reply ended           => ending
         35s  wake                  => *missed, missed, cancelled",
    );
    check(
        "0s   dial                  => *initiated, ask connect, created
         0s   reply placed          => *dialing, dialing
         5s   hangup alice          => *ending, ask terminate, ending
         124s wake                  => ask terminate, ending
         134s wake                  => *missed, missed, cancelled",
    );
    check(
        "0s   connect        => *incoming, queued
         30s  wake           => *ending, ask reject, ending
         31s  reply end 100  => ending
         40s  wake           => *missed, missed, no_answer",
    );
}

#[test]
fn hangup_that_overtakes_our_accept_is_asked_for_again() {
    check(
        "0s  connect        => *incoming, queued
         0s  agents alice   => rings alice, ringing
         4s  accept alice   => *claimed, ask accept, answering
         4s  hangup alice   => *ending, ask terminate, ending
         5s  reply end 100  => ending
         5s  reply accepted => ask terminate, ending
         6s  terminate 1    => *completed, completed, local_hangup",
    );
}

#[test]
fn call_given_up_is_ended_at_every_sign_of_life_until_meta_says_it_is_over() {
    check(
        "0s  dial                  => *initiated, ask connect, created
         8s  reply connect unclear => created
         38s wake                  => *failed, failed, unconfirmed
         40s ringing               => *corrected, ask terminate, failed, unconfirmed
         41s restart               => failed, unconfirmed
         41s ringing               => ask terminate, failed, unconfirmed
         45s accepted              => *corrected, ask terminate, completed, local_hangup
         46s terminate 1           => *corrected, completed, local_hangup
         47s ringing               => completed, local_hangup",
    );
}

#[test]
fn second_tab_of_the_owner_learns_that_it_does_not_have_the_call() {
    check(
        "0s  connect                 => *incoming, queued
         0s  agents alice            => rings alice, ringing
         4s  accept alice            => *claimed, ask accept, answering
         4s  accept alice            => answering
         4s  accept alice with other => refused answered_elsewhere
         5s  reply accepted          => *answered, connected
         5s  accept alice with other => refused answered_elsewhere",
    );
}

#[test]
fn agent_who_reloads_while_the_other_declines_still_gets_the_call() {
    check(
        "0s  connect          => *incoming, queued
         0s  agents alice bob => rings alice bob, ringing
         2s  agents bob       => silences alice (away), ringing
         2s  decline bob      => silences bob (declined), queued
         3s  agents alice bob => rings alice, ringing
         4s  decline alice    => silences alice (declined), *ending, ask reject, ending",
    );
}

#[test]
fn crash_while_handling_ends_the_call() {
    check(
        "0s  dial         => *initiated, ask connect, created
         0s  crash        => *ending, ending
         1s  reply placed => ask terminate, ending
         1s  crash        => *failed, failed, internal_error",
    );
    check(
        "0s  connect        => *incoming, queued
         0s  agents alice   => rings alice, ringing
         1s  crash          => silences alice (away), *ending, ask reject, ending
         2s  terminate      => *failed, failed, internal_error",
    );
    check(
        "0s  dial         => *initiated, ask connect, created
         0s  reply placed => *dialing, dialing
         1s  accepted     => *answered, connected
         2s  crash        => *ending, ask terminate, ending
         3s  crash        => *completed, completed, internal_error",
    );
}

#[test]
fn poorer_reports_of_one_end_join_the_same_in_any_order() {
    let end =
        |duration_secs| Terminate { at: START, started_at: None, ended_at: None, duration_secs, error: None };
    assert_eq!(end(Some(0)).join(end(None)), end(None).join(end(Some(0))));
}
