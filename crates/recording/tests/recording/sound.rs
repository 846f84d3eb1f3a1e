//! What is heard on a recording, and when.

use offhook_core::recording::{PartyKind, RecordingState};
use offhook_recording::{ListenFault, Selection, StopReason};

use crate::rig::{AGENT, CUSTOMER, FRAME, Mouth, Rig, millis, secs};

const OURS: f64 = 440.0;
const THEIRS: f64 = 1_000.0;
/// A tone of 8,000 in 32,768 is this loud.
const LOUD: f64 = 0.15;
const SILENT: f64 = 0.005;

#[tokio::test]
async fn each_party_is_alone_in_its_own_file_and_both_are_aligned() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let (id, call) = (start.recording.clone(), start.call.clone());
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, OURS), Mouth::new(AGENT, THEIRS));
    rig.talk(&take, secs(2), &mut [&mut customer]);
    rig.talk(&take, secs(3), &mut [&mut customer, &mut agent]);
    let (length, truncated) = running.finish(take).await;
    assert_eq!((length, truncated), (secs(5), false));

    let theirs = running.listen(&rig, &id, Selection::Party(CUSTOMER)).await;
    let ours = running.listen(&rig, &id, Selection::Party(AGENT)).await;
    for heard in [&theirs, &ours] {
        assert_eq!((heard.millis(), heard.channels.len()), (5_000, 1));
    }
    assert!(theirs.tone(0, OURS, 100, 4_900) > LOUD && theirs.tone(0, THEIRS, 100, 4_900) < SILENT);
    assert!(ours.tone(0, THEIRS, 2_100, 4_900) > LOUD && ours.tone(0, OURS, 2_100, 4_900) < SILENT);
    assert!(ours.loudness(0, 0, 1_980) < SILENT);
    assert!(theirs.onset(0) < 20, "{}", theirs.onset(0));
    assert!(ours.onset(0).abs_diff(2_000) < 20, "{}", ours.onset(0));

    let mixed = running.listen(&rig, &id, Selection::Mixed).await;
    assert_eq!((mixed.millis(), mixed.channels.len()), (5_000, 1));
    assert!(mixed.tone(0, OURS, 2_100, 4_900) > LOUD && mixed.tone(0, THEIRS, 2_100, 4_900) > LOUD);
    assert!(mixed.tone(0, THEIRS, 100, 1_900) < SILENT);

    let stereo = running.listen(&rig, &id, Selection::Stereo).await;
    assert_eq!((stereo.millis(), stereo.channels.len()), (5_000, 2));
    assert!(stereo.tone(0, OURS, 2_100, 4_900) > LOUD && stereo.tone(1, THEIRS, 2_100, 4_900) > LOUD);
    assert!(stereo.tone(1, OURS, 2_100, 4_900) < 0.02 && stereo.tone(0, THEIRS, 2_100, 4_900) < 0.02);
    assert!(stereo.onset(1).abs_diff(2_000) < 20, "{}", stereo.onset(1));

    let row = rig.row(&id);
    assert_eq!((row.state, row.length_ms, &row.call), (RecordingState::Complete, 5_000, &call));
    assert_eq!(row.parties.len(), 2);
    assert!(row.stored.is_some());
    assert_eq!(rig.spooled(), [""; 0]);
    running.recorder.close().await;
}

#[tokio::test]
async fn a_pause_is_cut_out_for_everybody_and_nothing_of_it_is_kept() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, OURS), Mouth::new(AGENT, OURS));
    rig.talk(&take, secs(2), &mut [&mut customer, &mut agent]);
    take.pause().unwrap();
    (customer.hertz, agent.hertz) = (700.0, 700.0);
    rig.talk(&take, secs(3), &mut [&mut customer, &mut agent]);
    take.resume().unwrap();
    (customer.hertz, agent.hertz) = (THEIRS, THEIRS);
    rig.talk(&take, secs(2), &mut [&mut customer, &mut agent]);
    assert_eq!(running.finish(take).await, (secs(4), false));

    for party in [CUSTOMER, AGENT] {
        let heard = running.listen(&rig, &id, Selection::Party(party)).await;
        assert_eq!(heard.millis(), 4_000);
        assert!(heard.tone(0, OURS, 100, 1_950) > LOUD && heard.tone(0, THEIRS, 2_060, 3_950) > LOUD);
        for from in (0..3_900).step_by(50) {
            assert!(heard.tone(0, 700.0, from, from + 100) < 0.05, "something of the pause at {from}");
        }
        assert!(heard.tone(0, OURS, 2_060, 3_950) < SILENT);
    }
    assert!(running.recorder.counters().unwanted >= 300);
    running.recorder.close().await;
}

#[tokio::test]
async fn a_recording_stopped_in_a_pause_ends_where_it_was_paused() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let mut customer = Mouth::new(CUSTOMER, OURS);
    rig.talk(&take, secs(1), &mut [&mut customer]);
    take.pause().unwrap();
    rig.talk(&take, secs(5), &mut [&mut customer]);
    assert_eq!(running.finish(take).await, (secs(1), false));
    assert_eq!(running.listen(&rig, &id, Selection::Mixed).await.millis(), 1_000);
    running.recorder.close().await;
}

#[tokio::test]
async fn loss_copies_and_disorder_keep_the_timeline() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let mut customer = Mouth::new(CUSTOMER, OURS);
    let mut late = Vec::new();
    for n in 0..250_u32 {
        rig.clock.advance(FRAME);
        let voice = customer.speak(rig.at());
        match n % 10 {
            3 => {}
            5 => late.push(voice),
            7 => {
                take.hear(voice.clone());
                take.hear(voice);
                // Sixty milliseconds late.
                late.drain(..)
                    .for_each(|voice| take.hear(offhook_recording::Voice { at: rig.at(), ..voice }));
            }
            _ => take.hear(voice),
        }
    }
    assert_eq!(running.finish(take).await, (secs(5), false));
    let heard = running.listen(&rig, &id, Selection::Party(CUSTOMER)).await;
    assert_eq!(heard.millis(), 5_000);
    let tone = heard.tone(0, OURS, 0, 5_000);
    assert!(tone > 0.1, "a tenth is lost, the rest is in phase: {tone}");
    assert_eq!(running.recorder.counters().duplicate, 25);
    assert_eq!(running.recorder.counters().late, 0);
    running.recorder.close().await;
}

#[tokio::test]
async fn silence_between_words_is_as_long_as_it_was() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let mut customer = Mouth::new(CUSTOMER, OURS);
    rig.talk(&take, secs(1), &mut [&mut customer]);
    for _ in 0..100 {
        rig.clock.advance(FRAME);
        customer.be_silent();
    }
    rig.talk(&take, secs(1), &mut [&mut customer]);
    assert_eq!(running.finish(take).await.0, secs(4));
    let heard = running.listen(&rig, &id, Selection::Party(CUSTOMER)).await;
    assert!(heard.tone(0, OURS, 50, 950) > LOUD && heard.tone(0, OURS, 3_050, 3_950) > LOUD);
    assert!(heard.loudness(0, 1_150, 2_980) < SILENT);
    running.recorder.close().await;
}

#[tokio::test]
async fn packets_of_every_length_line_up() {
    for length in [5, 10, 40, 60] {
        let rig = Rig::new();
        let mut running = rig.open().await;
        let start = rig.two();
        let id = start.recording.clone();
        let take = running.recorder.start(start).unwrap();
        let (mut long, mut usual) = (Mouth::new(CUSTOMER, OURS).framed(length), Mouth::new(AGENT, THEIRS));
        for at in 1..=3_000_u32 {
            rig.clock.advance(millis(1));
            if at.is_multiple_of(length) && at > 600 {
                take.hear(long.speak(rig.at()));
            }
            if at.is_multiple_of(20) && at > 600 {
                take.hear(usual.speak(rig.at()));
            }
        }
        assert_eq!(running.finish(take).await.0, secs(3));
        let heard = running.listen(&rig, &id, Selection::Stereo).await;
        assert_eq!(heard.millis(), 3_000);
        assert!(
            heard.onset(0).abs_diff(heard.onset(1)) < 20,
            "{length} ms: {} and {}",
            heard.onset(0),
            heard.onset(1)
        );
        assert!(heard.onset(0).abs_diff(600) < 20, "{length} ms: {}", heard.onset(0));
        running.recorder.close().await;
    }
}

#[tokio::test]
async fn an_agent_who_comes_back_on_a_new_path_is_heard_on_the_same_channel() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let mut agent = Mouth::new(AGENT, OURS);
    rig.talk(&take, secs(1), &mut [&mut agent]);
    take.leave(AGENT).unwrap();
    rig.talk(&take, secs(1), &mut []);
    take.join(AGENT, PartyKind::Agent, None).unwrap();
    let mut agent = Mouth::new(AGENT, THEIRS);
    agent.stamp = 77;
    rig.talk(&take, secs(1), &mut [&mut agent]);
    assert_eq!(running.finish(take).await.0, secs(3));
    let heard = running.listen(&rig, &id, Selection::Party(AGENT)).await;
    assert!(heard.tone(0, OURS, 50, 950) > LOUD && heard.tone(0, THEIRS, 2_050, 2_950) > LOUD);
    assert!(heard.loudness(0, 1_150, 1_950) < SILENT);
    assert_eq!(rig.row(&id).parties.len(), 2);
    running.recorder.close().await;
}

#[tokio::test]
async fn a_conference_is_mixed_from_all_who_joined() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let third = offhook_recording::PartyId(2);
    let mut mouths = [Mouth::new(CUSTOMER, OURS), Mouth::new(AGENT, THEIRS), Mouth::new(third, 1_700.0)];
    let [customer, agent, expert] = &mut mouths;
    rig.talk(&take, secs(1), &mut [customer, agent]);
    take.join(third, PartyKind::Supervisor, None).unwrap();
    rig.talk(&take, secs(2), &mut [customer, agent, expert]);
    assert_eq!(running.finish(take).await.0, secs(3));
    let mixed = running.listen(&rig, &id, Selection::Mixed).await;
    for hertz in [OURS, THEIRS, 1_700.0] {
        assert!(mixed.tone(0, hertz, 1_100, 2_900) > LOUD, "{hertz}");
    }
    assert!(mixed.tone(0, 1_700.0, 100, 950) < SILENT);
    let alone = running.listen(&rig, &id, Selection::Party(third)).await;
    assert!(alone.onset(0).abs_diff(1_000) < 20);
    assert_eq!(alone.millis(), 3_000);
    let nobody =
        running.recorder.library().open(&rig.tenant, &id, Selection::Party(offhook_recording::PartyId(3)));
    assert!(matches!(nobody.await, Err(ListenFault::NotFound)));
    running.recorder.close().await;
}

#[tokio::test]
async fn stamps_of_a_wrong_clock_make_no_recording_longer() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let mut agent = Mouth::new(AGENT, THEIRS);
    let mut customer = Mouth::new(CUSTOMER, OURS);
    for n in 0..500_u32 {
        // Twenty times too fast, then leaping about, then standing still.
        customer.stamp = match n / 150 {
            0 => customer.stamp.wrapping_add(960 * 19),
            1 => customer.stamp.wrapping_mul(2_654_435_761).wrapping_add(n),
            _ => 7,
        };
        rig.talk(&take, FRAME, &mut [&mut customer, &mut agent]);
    }
    assert_eq!(running.finish(take).await, (secs(10), false));
    for party in [CUSTOMER, AGENT] {
        let heard = running.listen(&rig, &id, Selection::Party(party)).await;
        assert_eq!(heard.millis(), 10_000);
    }
    let agent = running.listen(&rig, &id, Selection::Party(AGENT)).await;
    assert!(agent.tone(0, THEIRS, 100, 9_900) > LOUD, "the other party is not touched");
    running.recorder.close().await;
}

#[tokio::test]
async fn nobody_heard_is_a_recording_of_silence() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    rig.talk(&take, secs(7), &mut []);
    assert_eq!(running.finish(take).await, (secs(7), false));
    for what in [Selection::Party(AGENT), Selection::Mixed, Selection::Stereo] {
        let heard = running.listen(&rig, &id, what).await;
        assert_eq!(heard.millis(), 7_000);
        assert!(heard.loudness(0, 0, 7_000) < SILENT);
    }
    // And one that was over before it began.
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    assert_eq!(running.finish(take).await, (secs(0), false));
    assert_eq!(running.listen(&rig, &id, Selection::Mixed).await.millis(), 0);
    assert_eq!(running.listen(&rig, &id, Selection::Party(AGENT)).await.millis(), 0);
    running.recorder.close().await;
}

#[tokio::test]
async fn a_live_recording_is_not_ready_and_one_let_go_of_is_truncated() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start.clone()).unwrap();
    assert!(running.recorder.start(start).is_err(), "it is being recorded already");
    let mut customer = Mouth::new(CUSTOMER, OURS);
    rig.talk(&take, secs(1), &mut [&mut customer]);
    let early = running.file(&rig, &id, Selection::Mixed).await;
    assert!(matches!(early, Err(ListenFault::NotReady | ListenFault::NotFound)));
    drop(take);
    assert_eq!(running.stored().await, (secs(1), true));
    assert_eq!(rig.row(&id).state, RecordingState::Truncated);
    // Stopping twice, or dropping after stopping, changes nothing.
    let take = running.recorder.start(rig.two()).unwrap();
    take.stop(StopReason::Asked).unwrap();
    take.stop(StopReason::Asked).unwrap();
    drop(take);
    assert_eq!(running.stored().await, (secs(0), false));
    running.recorder.close().await;
}
