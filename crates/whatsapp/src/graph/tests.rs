//! What is sent again, what never is, and how it ends: over a wire with a memory, in paused time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use offhook_core::call::table::BotUrl;
use offhook_core::house::MediaMode;
use offhook_core::id::{MetaNumberId, NumberId, TenantId, Wacid};
use offhook_core::meta::Extras;
use offhook_core::permission::Told;
use offhook_core::phone::Phone;
use offhook_core::ports::{NewNumber, StoreFault};
use offhook_core::sdp::Sdp;

use super::*;

const TOKEN: &str = "EAAsecrettoken";
const PLACED: &str = include_str!("../../fixtures/connect_reply.json");
const SUCCESS: &str = r#"{"messaging_product":"whatsapp","success":true}"#;
const ALREADY: &str = r#"{"error":{"code":100,"message":"(#100) Invalid parameter","error_data":{"details":"The call was already accepted"}}}"#;

/// What happens to one exchange.
#[derive(Debug, Clone)]
enum Step {
    /// No byte leaves.
    NotSent,
    /// Meta does nothing and the connection breaks.
    Lost,
    /// Meta acts and the connection breaks.
    LostAfter,
    /// Nothing comes back.
    Hang,
    /// Meta acts and nothing comes back.
    HangAfter,
    /// Something else than Meta answers; Meta has acted.
    Garbage,
    /// Meta answers without acting.
    Say(u16, String),
    /// Meta is throttling, and says for how many seconds.
    Throttle(u64),
    /// Meta works.
    Work,
}

fn says(status: u16, code: i64) -> Step {
    Step::Say(status, format!(r#"{{"error":{{"code":{code},"message":"no","fbtrace_id":"AbC"}}}}"#))
}

/// Meta, as far as one call goes: a script, and a memory of what arrived and what was done.
struct Meta {
    script: Mutex<VecDeque<Step>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    /// Exchanges begun.
    posts: usize,
    /// Whether Meta did what was asked.
    acted: bool,
    urls: Vec<String>,
}

impl Meta {
    fn playing(script: impl IntoIterator<Item = Step>) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Self { script, seen: Mutex::default() })
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Does what is asked, once; a repeat is told so, as Meta tells it.
    fn act(&self, action: &str) -> (u16, String) {
        let again = std::mem::replace(&mut self.seen.lock().unwrap().acted, true);
        match (action, again) {
            ("connect", _) => (200, PLACED.to_owned()),
            ("look_up_permission", _) => (200, r#"{"permission":{"status":"permanent"}}"#.to_owned()),
            ("settings", _) => (200, r#"{"calling":{"status":"ENABLED"}}"#.to_owned()),
            ("change_settings", _) => (200, SUCCESS.to_owned()),
            ("ask_permission", _) => (200, r#"{"messages":[{"id":"wamid.x"}]}"#.to_owned()),
            (_, false) => (200, SUCCESS.to_owned()),
            (_, true) => (400, ALREADY.to_owned()),
        }
    }
}

#[async_trait]
impl Wire for Arc<Meta> {
    async fn send(&self, request: &Request) -> Result<Answer, Broken> {
        let step = self.script.lock().unwrap().pop_front().unwrap_or(Step::Work);
        {
            let mut seen = self.seen.lock().unwrap();
            seen.posts += 1;
            seen.urls.push(request.url.to_string());
        }
        let mut headers = HeaderMap::new();
        let (status, body) = match step {
            Step::NotSent => return Err(Broken::NotSent),
            Step::Lost => return Err(Broken::Lost),
            Step::LostAfter => {
                self.act(request.action);
                return Err(Broken::Lost);
            }
            Step::Hang => std::future::pending().await,
            Step::HangAfter => {
                self.act(request.action);
                std::future::pending().await
            }
            Step::Garbage => {
                self.act(request.action);
                (200, "<html>hello</html>".to_owned())
            }
            Step::Say(status, body) => (status, body),
            Step::Throttle(secs) => {
                headers.insert("retry-after", secs.into());
                (429, r#"{"error":{"code":80007,"message":"no"}}"#.to_owned())
            }
            Step::Work => self.act(request.action),
        };
        let status = StatusCode::from_u16(status).unwrap();
        Ok(Answer { status, headers, body: Bytes::from(body) })
    }
}

/// Numbers of which only the token is asked.
struct OneToken(Option<&'static str>);

#[async_trait]
impl Numbers for OneToken {
    async fn add(&self, _: NewNumber) -> Result<BusinessNumber, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn by_meta_id(&self, _: &MetaNumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn load(&self, _: &TenantId, _: &NumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn all(&self, _: &TenantId) -> Result<Vec<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_calling(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: offhook_core::house::Calling,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_media_mode(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: MediaMode,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn inbound_bot(&self, _: &NumberId) -> Result<Option<BotUrl>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_inbound_bot(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: Option<&BotUrl>,
    ) -> Result<bool, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn access_token(&self, _: &NumberId) -> Result<Option<String>, StoreFault> {
        Ok(self.0.map(ToOwned::to_owned))
    }
}

fn number() -> BusinessNumber {
    BusinessNumber {
        id: NumberId::parse("num_0198c0de0000700080000000000000aa").unwrap(),
        tenant: TenantId::parse("ten_0198c0de0000700080000000000000bb").unwrap(),
        meta_id: MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+15550100200").unwrap(),
        media_mode: MediaMode::Relay,
        calling: offhook_core::house::Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

fn graph(meta: &Arc<Meta>, token: Option<&'static str>) -> Graph {
    let config = GraphConfig {
        base_url: Url::parse("https://graph.example/").unwrap(),
        sandbox_url: None,
        api_version: "v25.0".to_owned(),
        timeouts: Timeouts::default(),
    };
    Graph::over(config, Arc::new(OneToken(token)), Box::new(Arc::clone(meta))).unwrap()
}

fn connect() -> Ask {
    Ask::Connect {
        to: Phone::parse("+447700900123").unwrap().into(),
        offer: Sdp::new("v=0\r\na=ice-pwd:secretsdp\r\n"),
        opaque: "wac_x".to_owned(),
        extras: Extras::default(),
    }
}

fn accept() -> Ask {
    Ask::Accept {
        wacid: Wacid::new("wacid.SECRETID").unwrap(),
        answer: Sdp::new("v=0\r\n"),
        again: false,
        extras: Extras::default(),
    }
}

fn terminate() -> Ask {
    Ask::Terminate { wacid: Wacid::new("wacid.SECRETID").unwrap() }
}

fn refused(code: i64) -> Result<Reply, Fault> {
    Err(Fault::Refused(MetaError { code, message: "no".to_owned() }))
}

/// Plays a script to a request and compares the verdict and how often Meta was asked.
async fn check(ask: &Ask, script: Vec<Step>, expected: Result<Reply, Fault>, posts: usize) {
    let meta = Meta::playing(script.clone());
    let reply = graph(&meta, Some(TOKEN)).ask(&number(), ask).await;
    assert_eq!(reply, expected, "{} {script:?}", ask.action());
    assert_eq!(meta.seen().posts, posts, "{} {script:?}", ask.action());
}

#[tokio::test(start_paused = true)]
async fn accept_gets_through_two_server_errors_with_exactly_three_requests() {
    let script = || vec![says(500, 2), says(503, 1), Step::Work];
    check(&accept(), script(), Ok(Reply::Accepted), 3).await;
    check(&terminate(), script(), Ok(Reply::Ended), 3).await;
}

#[tokio::test(start_paused = true)]
async fn connect_is_asked_once_whatever_happens() {
    let unclear = || Err(Fault::Unclear);
    check(&connect(), vec![says(500, 2), Step::Work], unclear(), 1).await;
    check(&connect(), vec![says(500, 138_006), Step::Work], unclear(), 1).await;
    check(&connect(), vec![says(400, 138_004), Step::Work], unclear(), 1).await;
    check(&connect(), vec![says(400, 2), Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::Say(400, "<html>".to_owned()), Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::Say(302, String::new()), Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::Garbage, Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::Lost, Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::Hang, Step::Work], unclear(), 1).await;
    check(&connect(), vec![Step::NotSent, Step::Work], Err(Fault::Unreachable), 1).await;
    let placed = Wacid::new(
        "wacid.HBgMNDQ3NzAwOTAwMTIzFQIAEhggOUI3MUU0RDIyMDZGNEEzQzhFNTVEMEE3QzFGM0I2ODQcGAsxNTU1MDEwMDIwMBUCABUKAA==",
    );
    check(&connect(), vec![], Ok(Reply::Placed(placed.unwrap())), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_its_code_and_is_not_repeated() {
    let table: [(u16, i64); 22] = [
        (400, 100),
        (401, 190),
        (403, 200),
        (403, 10),
        (400, 130_497),
        (400, 131_009),
        (400, 131_030),
        (400, 131_044),
        (400, 131_055),
        (401, 138_000),
        (400, 138_001),
        (400, 138_003),
        (401, 138_006),
        (400, 138_006),
        (400, 138_008),
        (400, 138_009),
        (400, 138_012),
        (400, 138_013),
        (400, 138_014),
        (400, 138_015),
        (400, 138_017),
        (400, 138_018),
    ];
    for (status, code) in table {
        check(&connect(), vec![says(status, code)], refused(code), 1).await;
        check(&accept(), vec![says(status, code)], refused(code), 1).await;
    }
    for throttled in [(429, 138_002), (429, 138_005), (429, 613), (400, 4), (400, 80_007), (429, 130_429)] {
        check(&connect(), vec![says(throttled.0, throttled.1)], refused(throttled.1), 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_and_ends_as_metas_refusal() {
    check(&terminate(), vec![says(429, 80_007), says(400, 4), Step::Work], Ok(Reply::Ended), 3).await;
    check(&terminate(), vec![says(429, 80_007); 9], refused(80_007), 5).await;
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_meta_asks_for_is_kept_when_there_is_time_for_it() {
    let began = Instant::now();
    check(&terminate(), vec![Step::Throttle(4), Step::Work], Ok(Reply::Ended), 2).await;
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
    let began = Instant::now();
    check(&terminate(), vec![Step::Throttle(60), Step::Work], refused(80_007), 1).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn every_request_is_counted_by_action_and_outcome() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(check(&accept(), vec![Step::Lost, says(500, 2)], Ok(Reply::Accepted), 3));
        runtime.block_on(check(&connect(), vec![Step::Garbage], Err(Fault::Unclear), 1));
    });
    let text = handle.render();
    for (action, outcome) in
        [("accept", "lost"), ("accept", "error"), ("accept", "ok"), ("connect", "nonsense")]
    {
        let line = format!(r#"offhook_graph_requests_total{{action="{action}",outcome="{outcome}"}} 1"#);
        assert!(text.contains(&line), "{line} in {text}");
    }
    assert!(text.contains(r#"offhook_graph_request_seconds_count{action="accept"} 3"#), "{text}");
}

#[tokio::test(start_paused = true)]
async fn already_counts_as_done_only_after_an_attempt_in_doubt() {
    check(&accept(), vec![Step::LostAfter], Ok(Reply::Accepted), 2).await;
    check(&accept(), vec![Step::HangAfter], Ok(Reply::Accepted), 2).await;
    check(&accept(), vec![Step::Garbage], Ok(Reply::Accepted), 2).await;
    check(&terminate(), vec![Step::NotSent, Step::HangAfter, Step::Lost], Ok(Reply::Ended), 4).await;
    let already = || Step::Say(400, ALREADY.to_owned());
    let error = MetaError { code: 100, message: "The call was already accepted".to_owned() };
    check(&accept(), vec![already()], Err(Fault::Refused(error.clone())), 1).await;
    check(&accept(), vec![Step::NotSent, already()], Err(Fault::Refused(error)), 2).await;
}

#[tokio::test(start_paused = true)]
async fn already_counts_as_done_for_a_request_that_may_have_been_sent_before_a_restart() {
    let Ask::Accept { wacid, answer, .. } = accept() else { unreachable!("accept() is one") };
    let again = Ask::Accept { wacid, answer, again: true, extras: Extras::default() };
    check(&again, vec![Step::Say(400, ALREADY.to_owned())], Ok(Reply::Accepted), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_never_reached_is_unreachable_and_one_in_doubt_is_unclear() {
    check(&accept(), vec![Step::NotSent; 9], Err(Fault::Unreachable), 5).await;
    let mut script = vec![Step::NotSent; 9];
    script[1] = Step::Lost;
    check(&accept(), script, Err(Fault::Unclear), 5).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_takes_longer_than_ten_seconds() {
    for ask in [connect(), accept(), terminate()] {
        let meta = Meta::playing(vec![Step::Hang; 20]);
        let began = Instant::now();
        assert_eq!(graph(&meta, Some(TOKEN)).ask(&number(), &ask).await, Err(Fault::Unclear));
        assert!(began.elapsed() <= Duration::from_secs(10), "{} {:?}", ask.action(), began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_request_is_one_message_at_most() {
    let ask = PermissionAsk { to: Phone::parse("+447700900123").unwrap(), body: None, template: None };
    let cases = [
        (vec![], Ok(())),
        (vec![Step::LostAfter], Err(Fault::Unclear)),
        (vec![says(500, 2)], Err(Fault::Unclear)),
        (vec![Step::NotSent], Err(Fault::Unreachable)),
        (
            vec![says(400, 138_009)],
            Err(Fault::Refused(MetaError { code: 138_009, message: "no".to_owned() })),
        ),
    ];
    for (script, expected) in cases {
        let meta = Meta::playing(script);
        assert_eq!(graph(&meta, Some(TOKEN)).ask_permission(&number(), &ask).await, expected);
        assert_eq!(meta.seen().urls, ["https://graph.example/v25.0/106540352242922/messages"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_is_asked_for_twice_at_most_and_never_when_throttled() {
    let user = Phone::parse("+447700900123").unwrap();
    let cases = [
        (vec![], Ok(true), 1),
        (vec![Step::Lost], Ok(true), 2),
        (vec![says(500, 2); 3], Err(Fault::Unclear), 2),
        (vec![Step::NotSent; 3], Err(Fault::Unreachable), 2),
        (vec![Step::Garbage], Ok(true), 2),
        (vec![Step::Hang; 3], Err(Fault::Unclear), 1),
        (vec![says(429, 613)], Err(Fault::Refused(MetaError { code: 613, message: "no".to_owned() })), 1),
    ];
    for (script, expected, posts) in cases {
        let (meta, began) = (Meta::playing(script), Instant::now());
        let looked_up = graph(&meta, Some(TOKEN)).look_up_permission(&number(), &user).await;
        assert_eq!(looked_up.map(|it| it.told == Told::Always), expected);
        assert!(began.elapsed() <= Duration::from_secs(3), "{:?}", began.elapsed());
        let urls = meta.seen().urls;
        let url = "https://graph.example/v25.0/106540352242922/call_permissions?user_wa_id=447700900123";
        assert_eq!((urls.len(), urls[0].as_str()), (posts, url));
    }
    let meta = Meta::playing([Step::Lost]);
    let settings = graph(&meta, Some(TOKEN)).settings(&number(), true).await.unwrap();
    assert_eq!(settings.calling, Some(true));
    let change = Document::new(r#"{"calling":{"status":"ENABLED"}}"#.to_owned());
    graph(&meta, Some(TOKEN)).change_settings(&number(), &change).await.unwrap();
    let door = "https://graph.example/v25.0/106540352242922/settings";
    let asked = format!("{door}?include_sip_credentials=true");
    assert_eq!(meta.seen().urls, [asked.as_str(), asked.as_str(), door]);
}

#[tokio::test(start_paused = true)]
async fn without_a_usable_token_nothing_is_sent() {
    for token in [None, Some("line\nbreak")] {
        let meta = Meta::playing([]);
        let reply = graph(&meta, token).ask(&number(), &connect()).await;
        assert!(matches!(reply, Err(Fault::Refused(MetaError { code: 190, .. }))), "{reply:?}");
        assert_eq!(meta.seen().posts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_of_the_sandbox_never_reach_meta() {
    let sandboxed = BusinessNumber { sandbox: true, ..number() };
    let simulator = Url::parse("http://127.0.0.1:8090/").unwrap();
    for (sandbox_url, number, host) in [
        (Some(&simulator), &sandboxed, Some("127.0.0.1")),
        (Some(&simulator), &number(), Some("graph.example")),
        (None, &sandboxed, None),
    ] {
        let meta = Meta::playing([]);
        let mut graph = graph(&meta, Some(TOKEN));
        graph.config.sandbox_url = sandbox_url.cloned();
        let reply = graph.ask(number, &connect()).await;
        assert_eq!(reply.is_ok(), host.is_some(), "{reply:?}");
        assert_eq!(meta.seen().posts, usize::from(host.is_some()));
        let asked = meta.seen().urls.pop().map(|url| Url::parse(&url).unwrap());
        assert_eq!(asked.as_ref().and_then(Url::host_str), host);
    }
}

#[test]
fn malformed_addresses_and_versions_are_refused_at_the_start() {
    let make = |base: &str, version: &str| {
        let config = GraphConfig {
            base_url: Url::parse(base).unwrap(),
            sandbox_url: None,
            api_version: version.to_owned(),
            timeouts: Timeouts::default(),
        };
        Graph::over(config, Arc::new(OneToken(None)), Box::new(Meta::playing([]))).map(drop)
    };
    assert!(make("http://127.0.0.1:8090/graph/", "v25.0").is_ok());
    for base in ["ftp://graph.example", "data:x", "https://a:b@graph.example", "https://graph.example/?x=1"] {
        assert!(matches!(make(base, "v25.0"), Err(GraphSetupError::BaseUrl)), "{base}");
    }
    for version in ["25.0", "v25", "v25.0/../x", "v.0", ""] {
        assert!(matches!(make("https://graph.example", version), Err(GraphSetupError::Version)), "{version}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn logs_say_what_happened_and_name_nobody() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let quiet = tracing::subscriber::set_default(subscriber);
    for ask in [connect(), accept(), terminate()] {
        let meta = Meta::playing([says(503, 2), Step::Lost]);
        let _ = graph(&meta, Some(TOKEN)).ask(&number(), &ask).await;
    }
    drop(quiet);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let said = [r#"action="connect""#, "meta.code=2", "meta.fbtrace_id=", "http.status=503", "duration_ms="];
    assert!(said.iter().all(|word| log.contains(word)), "{log}");
    for secret in [TOKEN, "447700900123", "4477009", "secretsdp", "SECRETID", "v=0", "15550100200"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    // One line for the connect, three each for accept and terminate.
    assert_eq!(log.lines().count(), 7, "{log}");
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::NotSent),
        Just(Step::Lost),
        Just(Step::LostAfter),
        Just(Step::Hang),
        Just(Step::HangAfter),
        Just(Step::Garbage),
        Just(says(500, 2)),
        Just(says(503, 138_004)),
        Just(says(429, 80_007)),
        Just(Step::Say(502, "<html>".to_owned())),
        Just(Step::Work),
    ]
}

/// Plays 1,000 random plans in one runtime with paused time.
fn play_plans(ask: &Ask, judge: impl Fn(&[Step], &Seen, &Result<Reply, Fault>)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 1_000, failure_persistence: None, ..Config::default() });
    let plans = proptest::collection::vec(any_step(), 0..8);
    runner
        .run(&plans, |plan| {
            let meta = Meta::playing(plan.clone());
            let (reply, spent) = runtime.block_on(async {
                let began = Instant::now();
                (graph(&meta, Some(TOKEN)).ask(&number(), ask).await, began.elapsed())
            });
            assert!(spent <= Duration::from_secs(10), "{plan:?} took {spent:?}");
            judge(&plan, &meta.seen(), &reply);
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_plan_of_faults_makes_a_second_connect() {
    play_plans(&connect(), |plan, seen, reply| {
        assert_eq!(seen.posts, 1, "{plan:?}");
        match reply {
            Ok(Reply::Placed(_)) => assert!(seen.acted, "{plan:?}"),
            Ok(other) => panic!("{other:?} to a connect"),
            Err(Fault::Unreachable | Fault::Refused(_)) => assert!(!seen.acted, "{plan:?}"),
            Err(Fault::Unclear) => {}
        }
    });
}

#[test]
fn no_plan_of_faults_makes_a_verdict_on_accept_untrue() {
    play_plans(&accept(), |plan, seen, reply| match reply {
        Ok(_) => assert!(seen.acted, "{plan:?}"),
        Err(Fault::Unreachable) => assert!(!seen.acted, "{plan:?}"),
        Err(Fault::Refused(error)) => {
            assert_eq!(error.code, 80_007, "{plan:?}");
            assert!(!seen.acted, "{plan:?}");
        }
        Err(Fault::Unclear) => {}
    });
}
