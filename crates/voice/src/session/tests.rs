//! Sessions with bots that are slow, silent or greedy, in paused time.

use std::sync::Mutex;

use futures_util::stream;
use offhook_core::call::Manners;
use offhook_core::ports::Ids;
use offhook_core::ports::fake::{FakeAsker, FakeClock, FakeIds, FakeSound, Memory};
use offhook_core::time::Time;
use offhook_engine::Ports;
use offhook_media::line::line;

use super::*;

/// What a bot does with what comes: answers pings or not, takes what is sent or not.
#[derive(Clone, Copy)]
struct Nature {
    answers: bool,
    takes: bool,
}

/// What a bot has taken, and how it answers.
type Bot = (Arc<Mutex<Vec<Sent>>>, mpsc::Sender<Came>);

const GOOD: Nature = Nature { answers: true, takes: true };

struct Stage {
    session: Session,
    line: BotLine,
    control: mpsc::Sender<Control>,
    say: mpsc::Sender<Came>,
    /// Everything the bot has taken.
    taken: Arc<Mutex<Vec<Sent>>>,
    end: offhook_media::line::LineEnd,
    _news: mpsc::Sender<LineNews>,
}

async fn engine() -> (Engine, Arc<CallRecord>) {
    let memory = Arc::new(Memory::default());
    let (clock, ids) =
        (Arc::new(FakeClock::at(Time::from_secs(1_793_610_900))), Arc::new(FakeIds::default()));
    let number = offhook_core::house::BusinessNumber {
        id: offhook_core::id::NumberId::from_uuid(ids.next()),
        tenant: offhook_core::id::TenantId::from_uuid(ids.next()),
        meta_id: offhook_core::id::MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+15550100200").unwrap(),
        media_mode: offhook_core::house::MediaMode::Bridge,
        sandbox: false,
        has_bot: false,
        calling: offhook_core::house::Calling::default(),
    };
    memory.with_number(number.clone());
    let ports = Ports {
        calls: memory.clone(),
        events: memory.clone(),
        inbox: memory.clone(),
        contacts: memory.clone(),
        imports: memory.clone(),
        numbers: memory.clone(),
        people: memory.clone(),
        permissions: memory,
        asker: Arc::new(FakeAsker::default()),
        sound: Arc::new(FakeSound::default()),
        clock,
        ids,
    };
    let engine = Engine::start(ports, Manners::default()).await.unwrap();
    let request = offhook_engine::PlaceRequest {
        tenant: number.tenant,
        number: number.id,
        to: Phone::parse("+447700900123").unwrap().into(),
        offer: None,
        agent: None,
        connect: None,
        record: false,
        correlation: Some("ticket-88".to_owned()),
        conversation_id: None,
        metadata: None,
        extras: offhook_core::meta::Extras::default(),
    };
    let placed = engine.place(request).await.unwrap();
    (engine, placed.record)
}

impl Stage {
    async fn with(nature: Nature) -> Self {
        let (engine, record) = engine().await;
        let (say, said) = mpsc::channel(10_000);
        let (control, controls) = mpsc::channel(8);
        let (end, mouth, ear) = line().unwrap();
        let (news, told) = mpsc::channel(8);
        let taken = Arc::new(Mutex::new(Vec::new()));
        let incoming = stream::unfold(said, async |mut said| said.recv().await.map(|came| (Ok(came), said)));
        let bot = (taken.clone(), say.clone());
        let outgoing = futures_util::sink::unfold(bot, move |(kept, answer): Bot, sent: Sent| async move {
            if !nature.takes {
                return std::future::pending().await;
            }
            if sent == Sent::Ping && nature.answers {
                answer.try_send(Came::Pong).unwrap();
            }
            kept.lock().unwrap().push(sent);
            Ok((kept, answer))
        });
        let wire = Wire { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) };
        let id = StreamId::parse("str_00000000000000000000000000000001").unwrap();
        let session = Session::new(engine, record, id, wire, controls);
        let line = BotLine { mouth, ear, news: told };
        Self { session, line, control, say, taken, end, _news: news }
    }

    /// What the bot has been told, in JSON.
    fn told(taken: &Mutex<Vec<Sent>>) -> Vec<serde_json::Value> {
        let taken = taken.lock().unwrap();
        let text = |sent: &Sent| match sent {
            Sent::Text(text) => serde_json::from_str(text).ok(),
            Sent::Sound(_) | Sent::Ping | Sent::Close { .. } => None,
        };
        taken.iter().filter_map(text).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn good_bot_hears_fifty_frames_a_second_until_the_call_is_done_with_it() {
    let mut stage = Stage::with(GOOD).await;
    stage.session.greet(None, true);
    let began = Instant::now();
    let control = stage.control.clone();
    let over = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        control.send(Control::Over(BotEnd::HandedOff)).await.unwrap();
    };
    let (ending, ()) = tokio::join!(stage.session.talk(stage.line), over);
    assert_eq!((ending, ending.lost()), (Ending::Over(BotEnd::HandedOff), None));
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    let frames = stage.taken.lock().unwrap().iter().filter(|sent| matches!(sent, Sent::Sound(_))).count();
    assert!((2_990..=3_001).contains(&frames), "{frames}");
    drop(stage.say);
    stage.session.farewell(ending).await;
    let told = Stage::told(&stage.taken);
    assert_eq!(told[0]["metadata"]["biz_opaque_callback_data"], "ticket-88");
    let kinds: Vec<_> = told.iter().map(|told| told["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["session.started", "handoff.status", "interrupt", "session.ended"]);
    let closed = stage.taken.lock().unwrap().last().cloned();
    assert!(matches!(closed, Some(Sent::Close { code: 1_000, .. })), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn bot_that_answers_no_ping_is_let_go_after_ten_seconds() {
    for nature in [Nature { answers: false, ..GOOD }, Nature { takes: false, answers: false }] {
        let mut stage = Stage::with(nature).await;
        let began = Instant::now();
        let ending = stage.session.talk(stage.line).await;
        assert_eq!(ending.lost(), Some(BotEnd::Stalled));
        assert!((10.0..10.1).contains(&began.elapsed().as_secs_f32()), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn session_whose_line_is_gone_ends_even_if_nobody_says_why() {
    let mut stage = Stage::with(GOOD).await;
    drop(stage.end);
    let began = Instant::now();
    assert_eq!(stage.session.talk(stage.line).await, Ending::Over(BotEnd::CallOver));
    assert!((1.0..1.1).contains(&began.elapsed().as_secs_f32()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn bot_that_takes_too_slowly_misses_the_oldest() {
    let mut stage = Stage::with(Nature { takes: false, answers: false }).await;
    let ending = stage.session.talk(stage.line).await;
    assert_eq!(ending.lost(), Some(BotEnd::Stalled));
    // Five hundred frames in ten seconds, of which the newest hundred wait.
    assert!((395..=401).contains(&stage.session.outbox.dropped), "{}", stage.session.outbox.dropped);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_sent_ends_the_session_with_its_code() {
    let flood = || Came::Text(r#"{"type":"pong"}"#.to_owned());
    for (came, expected) in [
        (vec![Came::Binary(vec![0; 320].into())], Some(1_003)),
        (vec![Came::Text("{".to_owned())], Some(1_007)),
        (vec![flood(); 1_001], Some(1_008)),
        (vec![Came::Close(Some(1_000))], None),
    ] {
        let mut stage = Stage::with(GOOD).await;
        for came in came {
            stage.say.send(came).await.unwrap();
        }
        match (stage.session.talk(stage.line).await, expected) {
            (Ending::Violation { code, .. }, Some(expected)) => assert_eq!(code, expected),
            (ending, None) => assert_eq!(ending.lost(), Some(BotEnd::Left)),
            (ending, expected) => panic!("{ending:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wish_the_call_refuses_is_told_with_its_code() {
    let mut stage = Stage::with(GOOD).await;
    for wish in
        [r#"{"type":"call.hangup"}"#, r#"{"type":"handoff.request"}"#, r#"{"type":"dtmf.send","digits":"x"}"#]
    {
        stage.say.send(Came::Text(wish.to_owned())).await.unwrap();
    }
    let control = stage.control.clone();
    let over = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        control.send(Control::Over(BotEnd::Removed)).await.unwrap();
    };
    tokio::join!(stage.session.talk(stage.line), over);
    let mut codes: Vec<_> = Stage::told(&stage.taken).iter().map(|told| told["code"].to_string()).collect();
    codes.sort();
    assert_eq!(codes, ["\"invalid_message\"", "\"no_bot\"", "\"no_bot\""]);
}
