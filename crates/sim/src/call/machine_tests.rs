//! The machine in virtual time, as scripts: "time input" lines on one side, webhooks on the other.

use proptest::prelude::*;

use super::*;

const TIMINGS: Timings = Timings {
    answer_webhook: 1_000,
    ringing: 200,
    ring_timeout: 60_000,
    accept_window: 30_000,
    setup_timeout: 15_000,
    start_silence: 20_000,
    mid_silence: 30_000,
};

fn script(reaction: Reaction) -> Script {
    Script { reaction, ..Script::default() }
}

/// Drives a call through `inputs` (time, input) up to `until`, ticking at its deadlines, and tells what came out.
fn check(mut call: Machine, inputs: &[(u64, Input)], until: u64) -> Vec<String> {
    let mut told = Vec::new();
    let mut inputs = inputs.iter().cloned().peekable();
    loop {
        let deadline = call.next_deadline().filter(|due| *due <= until);
        let next_input = inputs.peek().map(|(at, _)| *at);
        drain(&mut call, &mut told, 0);
        match (deadline, next_input) {
            (Some(due), Some(at)) if due <= at => step(&mut call, due, Input::Tick, &mut told),
            (_, Some(at)) => {
                let (_, input) = inputs.next().expect("peeked");
                step(&mut call, at, input, &mut told);
            }
            (Some(due), None) => step(&mut call, due, Input::Tick, &mut told),
            (None, None) => return told,
        }
    }
}

fn step(call: &mut Machine, at: u64, input: Input, told: &mut Vec<String>) {
    if let Err(refused) = call.handle(at, input) {
        told.push(format!("{at} refused {refused:?}"));
    }
    drain(call, told, at);
}

fn drain(call: &mut Machine, told: &mut Vec<String>, at: u64) {
    while let Some(output) = call.poll() {
        let line = match output {
            Output::Webhook(Notice::Connect { .. }) => "connect".to_owned(),
            Output::Webhook(Notice::Status(status)) => format!("{status:?}"),
            Output::Webhook(Notice::Terminate { answered, failure }) => {
                let talk =
                    answered.map_or("unanswered".to_owned(), |span| format!("{}ms", span.end - span.start));
                failure.map_or(format!("terminate {talk}"), |failure| {
                    format!("terminate {talk} {}", failure.code)
                })
            }
            Output::Finding(finding) => format!("finding {finding}"),
            Output::Close(reason) => reason.word().to_owned(),
            Output::RingPhone | Output::BusinessSdp { .. } | Output::OpenMedia => continue,
        };
        told.push(format!("{at} {line}"));
    }
}

fn inbound() -> Machine {
    Machine::user_calls(0, "offer".to_owned(), script(Reaction::Nothing), TIMINGS, true)
}

fn outbound(reaction: Reaction) -> Machine {
    let mut call = Machine::business_calls(0, script(reaction), TIMINGS, true);
    call.handle(0, Input::AnswerReady { sdp: "answer".to_owned() }).unwrap();
    call
}

fn sdp() -> String {
    "sdp".to_owned()
}

#[test]
fn outbound_call_is_answered_only_when_the_user_picks_up() {
    let told = check(
        outbound(Reaction::Answers(1_000)),
        &[(3_000, Input::FirstMedia), (9_000, Input::Terminate)],
        10_000,
    );
    assert_eq!(
        told,
        [
            "1000 connect",
            "1200 Ringing",
            "2200 Accepted",
            "9000 terminate 6800ms",
            "9000 terminated_by_business"
        ]
    );
}

#[test]
fn declined_outbound_call_completes_without_times() {
    let told = check(outbound(Reaction::Declines(1_000)), &[], 10_000);
    assert_eq!(
        told,
        [
            "1000 connect",
            "1200 Ringing",
            "2200 Rejected",
            "2200 terminate unanswered",
            "2200 declined_by_user"
        ]
    );
}

#[test]
fn unanswered_outbound_call_ends_after_a_minute_of_ringing() {
    let told = check(outbound(Reaction::Nothing), &[], 100_000);
    assert_eq!(told[2..], ["61200 terminate unanswered", "61200 not_answered"]);
}

#[test]
fn business_cancels_a_ringing_call() {
    let told =
        check(outbound(Reaction::Nothing), &[(5_000, Input::Terminate), (6_000, Input::Terminate)], 100_000);
    assert_eq!(told[2..], ["5000 terminate unanswered", "5000 terminated_by_business", "6000 refused Ended"]);
}

#[test]
fn phone_outside_that_brings_no_answer_fails_the_setup() {
    let call = Machine::business_calls(0, script(Reaction::Nothing), TIMINGS, false);
    let told = check(call, &[], 100_000);
    assert_eq!(told, ["15000 terminate unanswered 138019", "15000 setup_failed"]);
}

#[test]
fn inbound_call_nobody_accepts_ends_after_thirty_seconds() {
    let told = check(inbound(), &[], 100_000);
    assert_eq!(told, ["0 connect", "30000 terminate unanswered", "30000 not_answered"]);
}

#[test]
fn silent_business_is_dropped_after_twenty_seconds() {
    let told = check(inbound(), &[(2_000, Input::Accept { sdp: sdp(), answer: true })], 100_000);
    assert_eq!(told[1..], ["22000 terminate 20000ms 138021", "22000 media_timeout"]);
}

#[test]
fn silence_in_mid_call_drops_it_after_thirty_seconds() {
    let inputs = [
        (1_000, Input::Accept { sdp: sdp(), answer: true }),
        (2_000, Input::FirstMedia),
        (12_000, Input::Packets),
        (13_000, Input::Packets),
    ];
    let told = check(inbound(), &inputs, 100_000);
    assert_eq!(told[1..], ["43000 terminate 42000ms 138021", "43000 media_timeout"]);
}

#[test]
fn accept_with_another_sdp_than_pre_accept_is_refused() {
    let inputs = [
        (1_000, Input::PreAccept { sdp: sdp() }),
        (1_500, Input::Accept { sdp: "other".to_owned(), answer: true }),
        (1_600, Input::Accept { sdp: sdp(), answer: true }),
        (1_700, Input::UserHangsUp),
    ];
    let told = check(inbound(), &inputs, 5_000);
    assert_eq!(told[1..], ["1500 refused SdpMismatch", "1700 terminate 100ms", "1700 hung_up_by_user"]);
}

#[test]
fn packets_before_accept_start_the_users_timer() {
    let inputs = [
        (1_000, Input::PreAccept { sdp: sdp() }),
        (2_000, Input::FirstMedia),
        (5_000, Input::Accept { sdp: sdp(), answer: true }),
        (6_000, Input::UserHangsUp),
    ];
    let told = check(inbound(), &inputs, 10_000);
    assert_eq!(
        told[1..],
        ["2000 finding rtp_before_accept", "6000 terminate 4000ms", "6000 hung_up_by_user"]
    );
}

#[test]
fn second_reject_is_told_apart_from_an_ended_call() {
    let told =
        check(inbound(), &[(1_000, Input::Reject), (2_000, Input::Reject), (3_000, Input::Terminate)], 5_000);
    assert_eq!(
        told[1..],
        [
            "1000 terminate unanswered",
            "1000 rejected_by_business",
            "2000 refused AlreadyRejected",
            "3000 refused Ended"
        ]
    );
}

#[test]
fn accept_that_calls_its_sdp_an_offer_works_but_stays_silent() {
    let told = check(inbound(), &[(1_000, Input::Accept { sdp: sdp(), answer: false })], 100_000);
    assert_eq!(
        told[1..],
        ["1000 finding accept_with_offer", "21000 terminate 20000ms 138021", "21000 media_timeout"]
    );
}

#[test]
fn caller_gives_up_before_anybody_accepts() {
    let call = Machine::user_calls(
        0,
        "offer".to_owned(),
        Script { gives_up_after_ms: Some(3_000), ..Script::default() },
        TIMINGS,
        true,
    );
    let told = check(call, &[(4_000, Input::Accept { sdp: sdp(), answer: true })], 10_000);
    assert_eq!(told[1..], ["3000 terminate unanswered", "3000 caller_gave_up", "4000 refused Ended"]);
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::PreAccept { sdp: sdp() }),
        Just(Input::Accept { sdp: sdp(), answer: true }),
        Just(Input::Accept { sdp: "other".to_owned(), answer: false }),
        Just(Input::Reject),
        Just(Input::Terminate),
        Just(Input::AnswerReady { sdp: sdp() }),
        Just(Input::UserAnswers),
        Just(Input::UserDeclines),
        Just(Input::UserHangsUp),
        Just(Input::FirstMedia),
        Just(Input::Packets),
        Just(Input::Tick),
    ]
}

proptest! {
    #[test]
    fn any_order_of_inputs_ends_with_exactly_one_terminate(
        inbound_call in any::<bool>(),
        steps in proptest::collection::vec((0_u64..20_000, any_input()), 0..40),
    ) {
        let call = if inbound_call { inbound() } else { outbound(Reaction::Answers(500)) };
        let mut at = 0;
        let inputs: Vec<_> = steps.into_iter().map(|(wait, input)| { at += wait; (at, input) }).collect();
        let told = check(call, &inputs, at + 1_000_000);
        let terminates = told.iter().filter(|line| line.contains(" terminate ")).count();
        prop_assert!(terminates <= 1, "{told:?}");
        let ended = told.iter().position(|line| line.contains(" terminate "));
        if let Some(ended) = ended {
            let later = &told[ended + 2..];
            prop_assert!(later.iter().all(|line| line.contains("refused")), "{told:?}");
        }
    }
}
