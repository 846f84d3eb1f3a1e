//! The task of one call: feeds its machine, and does what the machine wants.

use std::sync::{Arc, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::machine::Machine;
use super::place::{Terms, meta_sdp};
use super::words::{Direction, Input, Notice, Output, Phase, Reason, Refused};
use crate::magic::{Script, Sound};
use crate::phone::heard::News;
use crate::phone::peer::{Command, Peer, PeerConfig, PeerEvent};
use crate::sdp;
use crate::webhook::body::{self, Subject};
use crate::webhook::post::Letter;
use crate::webhook::schedule::Manner;
use crate::world::World;
use crate::world::calls::CallEntry;
use crate::world::replies;

/// What others ask of a call.
#[derive(Debug)]
pub(crate) enum Mail {
    /// An action of the business.
    Business { input: Input, opaque: Option<String>, reply: oneshot::Sender<Result<(), Refused>> },
    /// Something the user does; a script replaces what the phone would do by itself.
    User { input: Input, script: Option<Script>, reply: oneshot::Sender<Result<(), Refused>> },
    /// A page's SDP offer for the leg between the page and the simulator; answered with ours.
    PageOffer { sdp: String, reply: oneshot::Sender<Result<String, String>> },
    /// The user presses keys.
    Keys(String),
    /// Somebody uses the phone's socket to send these datagrams to the business.
    Inject(Vec<Vec<u8>>),
}

/// Who carries the user's sound.
#[derive(Debug)]
pub(crate) enum Media {
    /// A peer of ours, and a second one towards the person's browser.
    Inside { peer: Peer, person: Option<Peer> },
    /// A stack outside; the simulator hears nothing.
    Outside,
}

pub(crate) struct Run {
    world: Arc<World>,
    entry: Arc<CallEntry>,
    machine: Machine,
    media: Media,
    script: Script,
    connect_first: Option<oneshot::Sender<()>>,
    keys_at: Option<(u64, String)>,
    phase: &'static str,
}

impl Run {
    pub(crate) fn new(
        world: Arc<World>,
        entry: Arc<CallEntry>,
        machine: Machine,
        media: Media,
        script: Script,
        connect_first: Option<oneshot::Sender<()>>,
    ) -> Self {
        let phase = entry.record().phase;
        Self { world, entry, machine, media, script, connect_first, keys_at: None, phase }
    }

    pub(crate) async fn run(
        mut self,
        mut letters: mpsc::Receiver<Mail>,
        mut reports: mpsc::Receiver<PeerEvent>,
    ) {
        let data = json!({
            "id": self.entry.ids.wacid, "direction": self.direction_word(), "user": self.entry.user.digits,
            "phone_number_id": self.entry.number.phone_number_id, "phone": self.entry.record().phone,
        });
        self.tell("call.created", data);
        tracing::info!(call.id = %self.entry.ids.short, direction = self.direction_word(), "a simulated call begins");
        self.settle();
        let stop = self.world.stop.clone();
        while !matches!(self.machine.phase(), Phase::Ended { .. }) {
            let wake = self.next_wake();
            tokio::select! {
                () = stop.cancelled() => break,
                mail = letters.recv() => match mail {
                    Some(mail) => self.read(mail).await,
                    None => break,
                },
                Some(report) = reports.recv() => self.on_report(report),
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.on_time(),
            }
            self.settle();
        }
        self.close_media();
    }

    fn next_wake(&self) -> Option<Instant> {
        let keys = self.keys_at.as_ref().map(|(at, _)| *at);
        let due = self.machine.next_deadline().into_iter().chain(keys).min()?;
        Some(self.world.clock.instant_at(due))
    }

    fn on_time(&mut self) {
        let now = self.now();
        if let Some((_, keys)) = self.keys_at.take_if(|(at, _)| *at <= now) {
            self.press(keys);
        }
        self.input(Input::Tick);
    }

    async fn read(&mut self, mail: Mail) {
        match mail {
            Mail::Business { input, opaque, reply } => {
                if opaque.is_some() {
                    *self.entry.opaque.lock().unwrap_or_else(PoisonError::into_inner) = opaque;
                }
                let is_reject = matches!(input, Input::Reject);
                let outcome = self.machine.handle(self.now(), input);
                if is_reject && outcome.is_ok() {
                    self.entry.record().rejected = true;
                }
                // The reply must not overtake what the action changes.
                self.settle();
                let _ = reply.send(outcome);
            }
            Mail::User { input, script, reply } => {
                if let Some(script) = script {
                    self.script = script.clone();
                    self.machine.replace_script(self.now(), script);
                }
                let outcome = self.machine.handle(self.now(), input);
                self.settle();
                let _ = reply.send(outcome);
            }
            Mail::PageOffer { sdp, reply } => {
                let answer = self.meet_page(&sdp).await;
                let _ = reply.send(answer);
            }
            Mail::Keys(keys) => self.press(keys),
            Mail::Inject(datagrams) => {
                if let Media::Inside { peer, .. } = &self.media {
                    peer.tell(Command::Inject(datagrams));
                }
            }
        }
    }

    fn on_report(&mut self, report: PeerEvent) {
        let now = self.now();
        match report {
            PeerEvent::Connected => {
                self.entry.record().media_connected_ms = Some(now);
                self.tell("media.connected", Value::Null);
            }
            PeerEvent::FirstMedia => {
                let after = self.machine.answered_at().map(|at| now - at);
                self.tell("media.first_packet", json!({"after_answer_ms": after}));
                self.input(Input::FirstMedia);
            }
            PeerEvent::Packets => self.input(Input::Packets),
            PeerEvent::Heard(News::Tone { hz, db }) => self.tell("heard.tone", json!({"hz": hz, "db": db})),
            PeerEvent::Heard(News::Silence) => self.tell("heard.silence", Value::Null),
            PeerEvent::Heard(News::Key(key)) => self.tell("heard.key", json!({"key": key})),
            PeerEvent::Closed => self.tell("media.closed", Value::Null),
        }
    }

    // Inputs that cannot be refused, or whose refusal concerns nobody.
    fn input(&mut self, input: Input) {
        if let Err(refused) = self.machine.handle(self.now(), input) {
            tracing::trace!(?refused, "an input came too late");
        }
    }

    // Does everything the machine wants, then remembers where the call is.
    fn settle(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Webhook(notice) => self.notify(&notice),
                Output::RingPhone => self.ring_phone(),
                Output::BusinessSdp { sdp, answered } => self.meet_business(&sdp, answered),
                Output::OpenMedia => self.open_media(),
                Output::Finding(finding) => {
                    self.entry.record().finding(finding);
                    self.tell("call.finding", json!({"finding": finding}));
                }
                Output::Close(reason) => self.close(reason),
            }
        }
        self.remember();
    }

    fn remember(&mut self) {
        let phase = match self.machine.phase() {
            Phase::Placed => "placed",
            Phase::Signalled => "signalled",
            Phase::Ringing => "ringing",
            Phase::PreAccepted { .. } => "pre_accepted",
            Phase::Active { .. } => "active",
            Phase::Ended { .. } => "ended",
        };
        if phase == self.phase {
            return;
        }
        self.phase = phase;
        let now = self.now();
        {
            let mut record = self.entry.record();
            record.phase = phase;
            record.answered_ms = self.machine.answered_at();
            record.step(now, phase);
            if phase == "ended" {
                record.ended_ms = Some(now);
            }
        }
        let phone_word = if phase == "pre_accepted" { "ringing" } else { phase };
        match phase {
            "signalled" => self.tell("call.signalled", Value::Null),
            "ringing" => self.tell("call.ringing", Value::Null),
            "pre_accepted" => self.tell("call.pre_accepted", Value::Null),
            "active" => self.tell("call.answered", Value::Null),
            "ended" => {
                let record = self.entry.record().clone();
                let talked = record.answered_ms.map(|at| now - at);
                self.tell(
                    "call.ended",
                    json!({"reason": record.reason, "answered": talked.is_some(), "talked_ms": talked}),
                );
            }
            _ => {}
        }
        let reason = self.entry.record().reason;
        self.tell_phone(
            json!({"type": "state", "call": self.entry.ids.short, "phase": phone_word, "reason": reason}),
        );
    }

    fn notify(&mut self, notice: &Notice) {
        let (knobs, now) = (self.world.knobs(), self.world.clock.now_secs());
        let opaque = self.entry.opaque.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let subject = Subject {
            number: &self.entry.number,
            user: &self.entry.user,
            wacid: &self.entry.ids.wacid,
            direction: self.entry.direction,
            opaque: opaque.as_deref(),
            deeplink_payload: self.entry.deeplink_payload.as_deref(),
            cta_payload: self.entry.cta_payload.as_deref(),
        };
        let (label, value) = body::call(subject, notice, &knobs, now);
        let is_connect = matches!(notice, Notice::Connect { .. });
        let manner = if self.entry.user.suffix.webhooks_in_disorder() {
            Manner::Disorder
        } else if is_connect && (knobs.webhook_reorder || self.script.terminate_first) {
            Manner::HeldBack
        } else {
            Manner::Plain
        };
        let delivered = if is_connect { self.connect_first.take() } else { None };
        let letter = |label, field, value, delivered| Letter {
            waba_id: self.entry.number.waba_id.clone(),
            call: Some(self.entry.ids.short.clone()),
            label,
            field,
            value,
            manner,
            delivered,
        };
        let strange = knobs.unknown_events.then(|| body::unknown_event(subject, &knobs, now));
        self.world.post.send(letter(label, "calls", value, delivered));
        if let Some(strange) = strange {
            self.world.post.send(letter("unknown", "calls", strange, None));
            self.world.post.send(letter("unknown", "x_future_field", json!({"hello": "world"}), None));
        }
    }

    fn ring_phone(&mut self) {
        if self.entry.record().phone == "built_in" {
            return;
        }
        if self.entry.session().is_none() {
            self.entry.set_session(
                self.world.phones.ringing_for(&self.entry.user.digits).map(|session| session.id),
            );
        }
        self.tell_phone(incoming(&self.entry));
    }

    fn meet_business(&mut self, text: &str, answered: bool) {
        match &self.media {
            Media::Inside { peer, .. } => match sdp::read(text) {
                Ok(remote) => peer.tell(Command::Remote { remote, client: false }),
                Err(_) => tracing::debug!("an SDP that was checked cannot be read"),
            },
            Media::Outside => self.tell_phone(json!({
                "type": "business_sdp", "call": self.entry.ids.short, "sdp": text, "answered": answered,
            })),
        }
    }

    fn open_media(&mut self) {
        if let Media::Inside { peer, person } = &self.media {
            peer.tell(Command::Open { sound: self.script.sound });
            if let Some(person) = person {
                person.tell(Command::Open { sound: Sound::Person });
            }
        }
        if let Some(keys) = self.script.keys.clone() {
            self.keys_at = Some((self.now() + self.world.knobs().dtmf_after_ms, keys));
        }
        let by_business = self.entry.direction == Direction::Business;
        let now = self.world.clock.now_secs();
        let pnid = &self.entry.number.phone_number_id;
        self.world.consents.with(pnid, &self.entry.user, |consent| consent.connected(now, by_business));
    }

    // The second peer: between the simulator and the person's browser, in the same form as Meta's.
    async fn meet_page(&mut self, offer: &str) -> Result<String, String> {
        let Media::Inside { peer, person } = &mut self.media else {
            return Err("this call carries no sound here".to_owned());
        };
        let remote = sdp::read(offer)?;
        let opus = remote.opus.ok_or("opus/48000 not found in SDP")?;
        let config = PeerConfig {
            media_ip: self.world.media_ip,
            opus,
            telephone_event: remote.telephone_event,
            waits_for_first_packet: false,
            loss_percent: 0,
        };
        // Nobody listens to this leg's reports: the page says itself what it does.
        let (reports, _) = mpsc::channel(1);
        let (tasks, stop) = (&self.world.tasks, self.world.stop.child_token());
        let page =
            Peer::start(config, self.world.clock, reports, tasks, stop).await.map_err(|e| e.to_string())?;
        let knobs = crate::knobs::Knobs { ipv6_candidate: false, ..self.world.knobs() };
        let mid = remote.mid.clone().unwrap_or_else(|| "0".to_owned());
        let event = remote.telephone_event;
        let terms = Terms { setup: "passive", mid: &mid, bundle: remote.bundle.is_some(), opus, event };
        let answer = meta_sdp(&self.world, &page.local, &terms, &knobs);
        page.tell(Command::Remote { remote, client: false });
        page.tell(Command::BridgeTo(peer.clone()));
        peer.tell(Command::BridgeTo(page.clone()));
        if matches!(self.machine.phase(), Phase::Active { .. }) {
            page.tell(Command::Open { sound: Sound::Person });
        }
        if let Some(old) = person.replace(page) {
            old.tell(Command::Close);
        }
        Ok(answer)
    }

    fn press(&mut self, keys: String) {
        if let Media::Inside { peer, .. } = &self.media {
            peer.tell(Command::Keys(keys));
        }
    }

    fn close(&mut self, reason: Reason) {
        self.entry.record().reason = Some(reason.word());
        tracing::info!(call.id = %self.entry.ids.short, reason = reason.word(), "a simulated call ends");
        self.close_media();
        replies::after_call(&self.world, &self.entry, self.machine.answered_at().is_some(), reason);
    }

    fn close_media(&self) {
        if let Media::Inside { peer, person } = &self.media {
            peer.tell(Command::Close);
            if let Some(person) = person {
                person.tell(Command::Close);
            }
        }
    }

    fn direction_word(&self) -> &'static str {
        match self.entry.direction {
            Direction::User => "USER_INITIATED",
            Direction::Business => "BUSINESS_INITIATED",
        }
    }

    fn tell(&self, event: &'static str, data: Value) {
        self.world.tell(event, Some(&self.entry.ids.short), data);
    }

    fn tell_phone(&self, message: Value) {
        if let Some(session) = self.entry.session().and_then(|id| self.world.phones.by_id(id)) {
            session.tell(message);
        }
    }

    fn now(&self) -> u64 {
        self.world.clock.now_ms()
    }
}

/// The message that makes a phone ring.
pub(crate) fn incoming(entry: &CallEntry) -> Value {
    json!({
        "type": "incoming", "call": entry.ids.short, "from": entry.number.display_phone,
        "number": format!("+{}", entry.user.digits),
    })
}
