//! The property that the order of WhatsApp's words does not matter.

use proptest::prelude::*;

use super::*;

/// What a reader sees of a record. The order of Meta's webhooks must not show in it.
fn visible(call: &Call) -> impl PartialEq + std::fmt::Debug + use<> {
    let record = call.record().clone();
    let times = [record.rang_at(), record.answered_at(), record.ended_at()];
    let sdp = [record.facts.offer.clone(), record.facts.answer.clone()].map(|sdp| sdp.map(String::from));
    let error = record.facts.error().cloned();
    (record.state, record.end_reason, times, record.duration_secs(), sdp, record.facts.party, error)
}

#[derive(Debug, Clone)]
enum Step {
    Meta(Box<MetaEvent>),
    Reply(Result<Reply, Fault>),
}

fn run(mut call: Call, steps: &[Step]) -> Call {
    let mut connects = 0;
    let mut settle = |call: &mut Call| {
        let mut answer = false;
        while let Some(output) = call.poll() {
            if let Output::Ask(ask) = output {
                connects += usize::from(ask.action() == "connect");
                assert!(!matches!(ask.action(), "reject" | "terminate"), "only Meta ends these calls");
                answer |= ask.action() == "accept";
            }
        }
        answer
    };
    settle(&mut call);
    for step in steps {
        let input = match step.clone() {
            Step::Meta(event) => Input::Meta(*event),
            Step::Reply(reply) => Input::ConnectReply(reply),
        };
        call.handle(START, input).unwrap();
        settle(&mut call);
        // Alice answers whatever rings.
        call.handle(START, Input::Agents(BTreeSet::from([agent("alice")]))).unwrap();
        settle(&mut call);
        let accept = Command::Accept { agent: agent("alice"), answer: Sdp::new("v=0 ours") };
        if call.rung().is_some_and(|rung| !rung.is_empty()) {
            call.handle(START, Input::Command(accept)).unwrap();
            assert!(settle(&mut call), "taking a call asks Meta for it");
            call.handle(START, Input::AcceptReply(Ok(Reply::Accepted))).unwrap();
            settle(&mut call);
        }
    }
    assert!(connects <= 1, "no history dials twice");
    call
}

fn outbound_history() -> impl Strategy<Value = Vec<MetaEvent>> {
    let at = |secs| START + Duration::from_secs(secs);
    let out = Direction::Outbound;
    let begin = vec![connect(out, at(1)), meta(out, at(2), MetaEventKind::Ringing)];
    let accepted = meta(out, at(5), MetaEventKind::Accepted);
    let rejected = meta(out, at(5), MetaEventKind::Rejected);
    let mut zero = ended(out, at(20), None, None);
    if let MetaEventKind::Terminate(end) = &mut zero.kind {
        end.duration_secs = Some(0);
    }
    let ends = vec![
        vec![accepted.clone(), ended(out, at(20), Some(15), None)],
        vec![accepted.clone(), ended(out, at(20), Some(15), None), ended(out, at(20), None, None)],
        vec![accepted.clone(), ended(out, at(25), Some(20), Some(138_021))],
        vec![accepted.clone(), ended(out, at(20), None, None), zero],
        vec![rejected, ended(out, at(5), None, None)],
        vec![ended(out, at(60), None, None)],
        vec![ended(out, at(3), None, Some(138_020))],
    ];
    prop::sample::select(ends).prop_map(move |end| [begin.clone(), end].concat())
}

fn shuffled(history: Vec<MetaEvent>) -> impl Strategy<Value = (Vec<MetaEvent>, Vec<MetaEvent>)> {
    let n = history.len();
    let repeats = prop::collection::vec(0..n, 0..4);
    (Just(history), repeats).prop_flat_map(|(history, repeats)| {
        let mut all = history.clone();
        all.extend(repeats.iter().map(|i| history[*i].clone()));
        (Just(history), Just(all).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn outbound_record_is_the_same_whatever_the_order_of_webhooks(
        (history, mixed) in outbound_history().prop_flat_map(shuffled),
        reply_place in 0usize..12,
        unclear in any::<bool>(),
    ) {
        let placed = Step::Reply(Ok(Reply::Placed(Wacid::new("wacid.TEST==").unwrap())));
        let steps = |events: Vec<MetaEvent>| events.into_iter().map(|e| Step::Meta(Box::new(e))).collect::<Vec<_>>();
        let mut ordered = vec![placed.clone()];
        ordered.extend(steps(history));
        let expected = run(dial(START), &ordered);

        let mut mixed = steps(mixed);
        let reply = if unclear { Step::Reply(Err(Fault::Unclear)) } else { placed };
        mixed.insert(reply_place.min(mixed.len()), reply);
        let seen = run(dial(START), &mixed);
        prop_assert_eq!(visible(&seen), visible(&expected));
    }

    #[test]
    fn unanswered_inbound_record_is_the_same_whatever_the_order_of_webhooks(
        (_, mixed) in Just(vec![
            connect(Direction::Inbound, START),
            ended(Direction::Inbound, START + Duration::from_secs(9), None, None),
        ]).prop_flat_map(shuffled),
    ) {
        // Nobody is there to answer: only Meta's words count.
        let tell = |events: &[MetaEvent]| {
            let mut call = ring_in(events[0].clone(), START);
            for event in &events[1..] {
                call.handle(START, Input::Meta(event.clone())).unwrap();
            }
            while call.poll().is_some() {}
            call
        };
        let ordered = [
            connect(Direction::Inbound, START),
            ended(Direction::Inbound, START + Duration::from_secs(9), None, None),
        ];
        prop_assert_eq!(visible(&tell(&mixed)), visible(&tell(&ordered)));
    }

    #[test]
    fn answered_inbound_record_survives_repetition_and_late_copies(
        extra in prop::collection::vec(0usize..3, 0..6),
    ) {
        let inbound = Direction::Inbound;
        let events = [
            connect(inbound, START),
            ended(inbound, START + Duration::from_secs(30), Some(28), None),
            ended(inbound, START + Duration::from_secs(30), None, None),
        ];
        let step = |i: usize| Step::Meta(Box::new(events[i].clone()));
        let expected = run(ring_in(events[0].clone(), START), &[step(0), step(1)]);
        // Repetitions of `connect` may come at any time, the ends only after the conversation.
        let mut steps = vec![step(0)];
        steps.extend(extra.iter().filter(|i| **i == 0).map(|i| step(*i)));
        steps.push(step(1));
        steps.extend(extra.iter().map(|i| step(*i)));
        let seen = run(ring_in(events[0].clone(), START), &steps);
        prop_assert_eq!(visible(&seen), visible(&expected));
    }
}
