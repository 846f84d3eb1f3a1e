//! Begins calls: a user dials the business, or the business dials a user.
//!
//! Meta's rules about who may call whom are checked by the callers of `business_calls`; what is decided here is who
//! the user's phone is: built in, a page, or a stack outside.

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};

use serde_json::json;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::machine::Machine;
use super::record::Record;
use super::run::{Mail, Media, Run};
use super::words::{Direction, Input, Timings};
use crate::config::SimNumber;
use crate::ids;
use crate::knobs::{DtlsRole, Knobs};
use crate::magic::{Script, Sound};
use crate::phone::peer::{Command, Local, Peer, PeerConfig, PeerError};
use crate::phone::registry::{Mode, Session};
use crate::sdp::{MetaSdp, RemoteSdp, Setup};
use crate::world::World;
use crate::world::calls::CallEntry;
use crate::world::users::User;

const MAILBOX: usize = 64;
const REPORTS: usize = 512;
/// Payload types of Meta's own offers.
const OPUS: u8 = 111;
const TELEPHONE_EVENT: u8 = 126;

/// A user's call to the business.
#[derive(Debug)]
pub(crate) struct Dial {
    pub(crate) number: Arc<SimNumber>,
    pub(crate) user: User,
    /// What the caller does; none takes the magic table's.
    pub(crate) script: Option<Script>,
    pub(crate) phone: DialPhone,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
}

/// Who dials.
#[derive(Debug)]
pub(crate) enum DialPhone {
    BuiltIn,
    Page(Session),
    /// With the SDP offer that goes to the business as it is.
    Outside(Session, String),
}

/// Why a user's call never reaches the business.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("calling is not enabled on this number")]
    CallingDisabled,
    #[error("the user already has a call with this number")]
    Busy,
    #[error("the number has too many calls; the business hears nothing of this one")]
    TooManyCalls,
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// A user dials the business.
pub(crate) async fn user_calls(world: &Arc<World>, dial: Dial) -> Result<Arc<CallEntry>, DialError> {
    let knobs = world.knobs();
    let pnid = &dial.number.phone_number_id;
    if world.calling_settings(pnid)["status"] == json!("DISABLED") {
        return Err(DialError::CallingDisabled);
    }
    let live = world.calls.live_of(pnid);
    if live.iter().any(|call| call.user.digits == dial.user.digits) {
        return Err(DialError::Busy);
    }
    if live.len() >= usize::try_from(knobs.concurrent_calls).unwrap_or(usize::MAX) {
        return Err(DialError::TooManyCalls);
    }
    let magic = dial.user.suffix.when_calling(&knobs);
    let (word, session, script) = match &dial.phone {
        DialPhone::BuiltIn => ("built_in", None, dial.script.unwrap_or(magic)),
        DialPhone::Page(session) => ("page", Some(session.id), person()),
        DialPhone::Outside(session, _) => ("outside", Some(session.id), person()),
    };
    let mut built = Built::new(world, dial.number, dial.user, Direction::User, word);
    built.deeplink_payload = dial.deeplink_payload;
    built.cta_payload = dial.cta_payload;
    built.session = session;
    let (media, offer) = match dial.phone {
        DialPhone::Outside(_, sdp) => (Media::Outside, sdp),
        DialPhone::BuiltIn | DialPhone::Page(_) => {
            let peer = built.start_peer(&knobs, OPUS, Some(TELEPHONE_EVENT)).await?;
            let terms = Terms {
                setup: "actpass",
                mid: "audio",
                bundle: true,
                opus: OPUS,
                event: Some(TELEPHONE_EVENT),
            };
            let offer = meta_sdp(world, &peer.local, &terms, &knobs);
            (Media::Inside { peer, person: None }, offer)
        }
    };
    let hears = matches!(media, Media::Inside { .. });
    let machine = Machine::user_calls(world.clock.now_ms(), offer, script.clone(), timings(&knobs), hears);
    Ok(built.run(machine, media, script, None))
}

/// The business dials a user. Resolves when the call is placed; `connect_first` tells when its webhook was delivered.
pub(crate) async fn business_calls(
    world: &Arc<World>,
    number: Arc<SimNumber>,
    user: User,
    offer: (String, RemoteSdp),
    opaque: Option<String>,
    connect_first: Option<oneshot::Sender<()>>,
) -> Result<Arc<CallEntry>, PeerError> {
    let knobs = world.knobs();
    let (sdp, remote) = offer;
    // A phone that connected under exactly this number wins over the magic table.
    let phone = world.phones.exactly(&user.digits);
    let phone =
        if user.suffix.is_magic() { phone } else { phone.or_else(|| world.phones.ringing_for(&user.digits)) };
    let magic = user.suffix.is_magic() && phone.is_none();
    let script = if magic { user.suffix.when_called(&knobs) } else { person() };
    let outside = phone.filter(|session| session.mode == Mode::Direct);
    let word = match (&outside, magic) {
        (Some(_), _) => "outside",
        (None, true) => "built_in",
        (None, false) => "page",
    };
    let mut timings = timings(&knobs);
    if connect_first.is_some() {
        timings.answer_webhook = 0;
    }
    let mut built = Built::new(world, number, user, Direction::Business, word);
    built.opaque = opaque;
    if let Some(session) = outside {
        built.session = Some(session.id);
        session.tell(json!({
            "type": "prepare", "call": built.ids.short, "from": built.number.display_phone,
            "number": format!("+{}", built.user.digits), "sdp": sdp,
        }));
        let machine = Machine::business_calls(world.clock.now_ms(), script.clone(), timings, false);
        return Ok(built.run(machine, Media::Outside, script, connect_first));
    }
    let opus = remote.opus.unwrap_or(OPUS);
    // Meta sends events on 126 even when the offer has none.
    let event = remote.telephone_event.or((opus != TELEPHONE_EVENT).then_some(TELEPHONE_EVENT));
    let role = match remote.setup {
        Some(Setup::Active) => DtlsRole::Passive,
        Some(Setup::Passive) => DtlsRole::Active,
        Some(Setup::Actpass) | None => knobs.dtls_role,
    };
    let peer = built.start_peer(&knobs, opus, event).await?;
    let mid = remote.mid.clone().unwrap_or_else(|| "audio".to_owned());
    let bundle = remote.bundle.is_some();
    let terms = Terms { setup: role.word(), mid: &mid, bundle, opus, event: remote.telephone_event };
    let answer = meta_sdp(world, &peer.local, &terms, &knobs);
    peer.tell(Command::Remote { remote, client: role == DtlsRole::Active });
    let mut machine = Machine::business_calls(world.clock.now_ms(), script.clone(), timings, true);
    let ready = machine.handle(world.clock.now_ms(), Input::AnswerReady { sdp: answer });
    debug_assert!(ready.is_ok(), "a new call takes its answer");
    Ok(built.run(machine, Media::Inside { peer, person: None }, script, connect_first))
}

/// A person decides: nothing happens by itself, and the person's voice is heard.
pub(crate) fn person() -> Script {
    Script { sound: Sound::Person, ..Script::default() }
}

/// What is agreed in an SDP of ours.
pub(crate) struct Terms<'a> {
    pub(crate) setup: &'a str,
    pub(crate) mid: &'a str,
    pub(crate) bundle: bool,
    pub(crate) opus: u8,
    pub(crate) event: Option<u8>,
}

/// The SDP of a peer in Meta's form.
pub(crate) fn meta_sdp(world: &World, local: &Local, terms: &Terms<'_>, knobs: &Knobs) -> String {
    MetaSdp {
        unix_ms: world.clock.now_ms(),
        addr: local.addr,
        ipv6_candidate: knobs.ipv6_candidate,
        ufrag: &local.ufrag,
        pwd: &local.pwd,
        fingerprint: &local.fingerprint,
        setup: terms.setup,
        mid: terms.mid,
        bundle: terms.bundle,
        stream: &local.stream,
        opus: terms.opus,
        telephone_event: terms.event,
        ssrc: local.ssrc,
    }
    .text()
}

fn timings(knobs: &Knobs) -> Timings {
    Timings {
        answer_webhook: knobs.answer_webhook_ms,
        ringing: knobs.ringing_ms,
        ring_timeout: knobs.ring_timeout_ms,
        accept_window: knobs.accept_window_ms,
        setup_timeout: knobs.setup_timeout_ms,
        start_silence: knobs.start_silence_ms,
        mid_silence: knobs.mid_silence_ms,
    }
}

/// A call on its way into the book.
struct Built {
    world: Arc<World>,
    ids: ids::CallIds,
    number: Arc<SimNumber>,
    user: User,
    direction: Direction,
    phone: &'static str,
    opaque: Option<String>,
    deeplink_payload: Option<String>,
    cta_payload: Option<String>,
    session: Option<u64>,
    reports: mpsc::Sender<crate::phone::peer::PeerEvent>,
    inbox: mpsc::Receiver<crate::phone::peer::PeerEvent>,
}

impl Built {
    fn new(
        world: &Arc<World>,
        number: Arc<SimNumber>,
        user: User,
        direction: Direction,
        phone: &'static str,
    ) -> Self {
        let (reports, inbox) = mpsc::channel(REPORTS);
        Self {
            world: Arc::clone(world),
            ids: ids::call_ids(&user.digits, number.digits()),
            number,
            user,
            direction,
            phone,
            opaque: None,
            deeplink_payload: None,
            cta_payload: None,
            session: None,
            reports,
            inbox,
        }
    }

    async fn start_peer(
        &self,
        knobs: &Knobs,
        opus: u8,
        telephone_event: Option<u8>,
    ) -> Result<Peer, PeerError> {
        let config = PeerConfig {
            media_ip: self.world.media_ip,
            opus,
            telephone_event,
            waits_for_first_packet: true,
            loss_percent: self.user.suffix.loss_percent(knobs),
        };
        let (tasks, stop) = (&self.world.tasks, self.world.stop.child_token());
        Peer::start(config, self.world.clock, self.reports.clone(), tasks, stop).await
    }

    fn run(
        self,
        machine: Machine,
        media: Media,
        script: Script,
        connect_first: Option<oneshot::Sender<()>>,
    ) -> Arc<CallEntry> {
        let (mail, letters) = mpsc::channel::<Mail>(MAILBOX);
        let now = self.world.clock.now_ms();
        let phase = if self.direction == Direction::User { "ringing" } else { "placed" };
        // Only inbound calls fail inside the call; outbound ones fail at `connect`.
        let failures = if self.direction == Direction::User { self.user.suffix.graph_failures() } else { 0 };
        let (heard, wire) = match &media {
            Media::Inside { peer, .. } => (Some(Arc::clone(&peer.heard)), Some(Arc::clone(&peer.wire))),
            Media::Outside => (None, None),
        };
        let entry = Arc::new(CallEntry {
            ids: self.ids,
            number: self.number,
            user: self.user,
            direction: self.direction,
            opaque: Mutex::new(self.opaque),
            deeplink_payload: self.deeplink_payload,
            cta_payload: self.cta_payload,
            session: Mutex::new(self.session),
            record: Mutex::new(Record::new(now, phase, self.phone)),
            heard: Mutex::new(heard),
            wire,
            graph_failures_left: AtomicU32::new(failures),
            mail,
        });
        self.world.calls.add(Arc::clone(&entry));
        let run =
            Run::new(Arc::clone(&self.world), Arc::clone(&entry), machine, media, script, connect_first);
        self.world.tasks.spawn(run.run(letters, self.inbox));
        entry
    }
}
