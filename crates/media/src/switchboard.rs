//! The plane as the engine's port: calls and their two sides on one face, legs on the other.
//!
//! Invariant: a call has at most one leg towards WhatsApp and one towards its agent. A newer agent's leg takes
//! the place of the older one; WhatsApp's is never replaced.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offhook_core::call::{EndReason, Hears, SoundAsk, SoundNews};
use offhook_core::id::CallId;
use offhook_core::ports::{Sound, SoundFault};
use offhook_core::sdp::Sdp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::leg::FailReason;
use crate::message::{Command, Description, LegId, LegNotice, LegOptions, Notified, Play};
use crate::plane::Plane;

/// News under way to the engine. A call has a handful in its life.
const NEWS: usize = 4_096;

/// The plane answers an offer within a millisecond; more means that it is stuck.
const DESCRIBES_WITHIN: Duration = Duration::from_secs(3);

/// Joins calls and legs.
pub struct Switchboard {
    plane: Plane,
    wires: Mutex<Wires>,
    news: mpsc::Sender<(CallId, SoundNews)>,
    whatsapp_is_private: bool,
}

/// A switchboard at work, and what must be kept running for it.
pub struct Carried {
    /// The engine's port.
    pub board: Arc<Switchboard>,
    /// For the engine.
    pub news: mpsc::Receiver<(CallId, SoundNews)>,
    /// To be run as a task; it ends with the plane.
    pub listen: Pin<Box<dyn Future<Output = ()> + Send>>,
}

#[derive(Default)]
struct Wires {
    last: u64,
    calls: HashMap<CallId, Ends>,
    legs: HashMap<LegId, (CallId, Side)>,
    waiting: HashMap<LegId, oneshot::Sender<Result<Sdp, SoundFault>>>,
}

/// The two ends of a call.
#[derive(Default)]
struct Ends {
    customer: Option<LegId>,
    agent: Option<LegId>,
    agent_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Customer,
    Agent,
}

impl Switchboard {
    /// Takes the plane over.
    ///
    /// `whatsapp_is_private`: WhatsApp may live on a private or loopback address, as a simulator does.
    pub fn carry(plane: Plane, notices: mpsc::Receiver<Notified>, whatsapp_is_private: bool) -> Carried {
        let (news, told) = mpsc::channel(NEWS);
        let board = Arc::new(Self { plane, wires: Mutex::default(), news, whatsapp_is_private });
        // Weak, so that the last user of the board ends the plane, and with it this task.
        let listening = Arc::downgrade(&board);
        let listen = async move {
            let mut notices = notices;
            while let Some(Notified { leg, notice }) = notices.recv().await {
                let Some(board) = listening.upgrade() else { return };
                board.notice(leg, notice);
            }
        };
        Carried { board, news: told, listen: Box::pin(listen) }
    }

    fn notice(&self, leg: LegId, notice: LegNotice) {
        let mut wires = self.lock();
        let Some((call, side)) = wires.legs.get(&leg).cloned() else { return };
        let news = match (side, notice) {
            (Side::Customer, LegNotice::LocalDescription { sdp }) => Some(SoundNews::Described(sdp)),
            (Side::Customer, LegNotice::DtlsConnected { .. }) => Some(SoundNews::PathUp),
            (Side::Customer, LegNotice::MediaLost) => Some(SoundNews::CustomerSilent),
            (Side::Customer, LegNotice::FirstPacket | LegNotice::MediaResumed) => {
                Some(SoundNews::CustomerBack)
            }
            (Side::Customer, LegNotice::Failed { reason }) => {
                wires.legs.remove(&leg);
                Some(customer_lost(reason))
            }
            (Side::Agent, LegNotice::LocalDescription { sdp }) => {
                wires.answer(leg, Ok(sdp));
                None
            }
            (Side::Agent, LegNotice::DtlsConnected { .. } | LegNotice::MediaResumed) => {
                wires.agent_is(&call, true)
            }
            (Side::Agent, LegNotice::MediaLost) => wires.agent_is(&call, false),
            (Side::Agent, LegNotice::Failed { reason }) => {
                wires.legs.remove(&leg);
                wires.answer(leg, Err(SoundFault::BadOffer(reason.code().to_owned())));
                if let Some(ends) = wires.calls.get_mut(&call) {
                    ends.agent = None;
                }
                wires.agent_is(&call, false)
            }
            (_, LegNotice::IceConnected | LegNotice::Stats(_)) | (Side::Agent, LegNotice::FirstPacket) => {
                None
            }
        };
        drop(wires);
        if let Some(news) = news {
            self.tell(call, news);
        }
    }

    fn tell(&self, call: CallId, news: SoundNews) {
        if self.news.try_send((call, news)).is_err() {
            tracing::error!("news of a call's sound found no room");
        }
    }

    fn open_customer(&self, call: &CallId, description: Description) {
        let options = LegOptions { hold_rtp: true, allow_private: self.whatsapp_is_private };
        let leg = {
            let mut wires = self.lock();
            let leg = wires.name(call, Side::Customer);
            wires.calls.entry(call.clone()).or_default().customer = Some(leg);
            leg
        };
        if self.plane.send(Command::AddLeg { leg, options, description }).is_err() {
            self.tell(call.clone(), SoundNews::PathFailed(EndReason::InternalError));
        }
    }

    fn close(&self, call: &CallId) {
        let mut wires = self.lock();
        let Some(ends) = wires.calls.remove(call) else { return };
        for leg in ends.customer.into_iter().chain(ends.agent) {
            wires.legs.remove(&leg);
            self.send(Command::RemoveLeg { leg });
        }
    }

    /// Lets the customer hear whom they are to hear, with the legs there are.
    fn route(&self, call: &CallId, hears: Hears) {
        let wires = self.lock();
        let Some(ends) = wires.calls.get(call) else { return };
        let Some(customer) = ends.customer else { return };
        match (hears, ends.agent) {
            (Hears::Agent, Some(agent)) => {
                self.send(Command::Bridge { a: customer, b: agent });
                self.send(Command::SetSource { leg: customer, source: Play::Peer });
                self.send(Command::SetSource { leg: agent, source: Play::Peer });
            }
            (Hears::Agent | Hears::Nobody, _) => {
                self.send(Command::SetSource { leg: customer, source: Play::Comfort });
            }
            (Hears::Music, agent) => {
                self.send(Command::Unbridge { leg: customer });
                self.send(Command::SetSource { leg: customer, source: Play::HoldMusic });
                if let Some(agent) = agent {
                    self.send(Command::SetSource { leg: agent, source: Play::Comfort });
                }
            }
        }
    }

    fn customer(&self, call: &CallId) -> Option<LegId> {
        self.lock().calls.get(call).and_then(|ends| ends.customer)
    }

    fn send(&self, command: Command) {
        if let Err(error) = self.plane.send(command) {
            tracing::error!(%error, "a command found no way to the media plane");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wires> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sound for Switchboard {
    fn ask(&self, call: &CallId, ask: SoundAsk) {
        match ask {
            SoundAsk::AnswerCustomer { offer } => self.open_customer(call, Description::Answer { offer }),
            SoundAsk::OfferCustomer => self.open_customer(call, Description::Offer),
            SoundAsk::Apply { answer } => {
                if let Some(leg) = self.customer(call) {
                    self.send(Command::Answer { leg, sdp: answer });
                }
            }
            SoundAsk::Speak => {
                if let Some(leg) = self.customer(call) {
                    self.send(Command::OpenGate { leg });
                }
            }
            SoundAsk::CustomerHears(hears) => self.route(call, hears),
            SoundAsk::Close => self.close(call),
        }
    }

    async fn attach(&self, call: &CallId, offer: &Sdp) -> Result<Sdp, SoundFault> {
        // Agents sit in the same house as often as not.
        let options = LegOptions { hold_rtp: false, allow_private: true };
        let (answer, answered) = oneshot::channel();
        let (leg, before, was_up) = {
            let mut wires = self.lock();
            let leg = wires.name(call, Side::Agent);
            wires.waiting.insert(leg, answer);
            let ends = wires.calls.entry(call.clone()).or_default();
            let (before, was_up) = (ends.agent.replace(leg), std::mem::take(&mut ends.agent_up));
            if let Some(before) = before {
                wires.legs.remove(&before);
            }
            (leg, before, was_up)
        };
        if was_up {
            self.tell(call.clone(), SoundNews::AgentGone);
        }
        if let Some(leg) = before {
            self.send(Command::RemoveLeg { leg });
        }
        let description = Description::Answer { offer: offer.clone() };
        if self.plane.send(Command::AddLeg { leg, options, description }).is_err() {
            self.lock().waiting.remove(&leg);
            return Err(SoundFault::NoCapacity);
        }
        self.send(Command::SetSource { leg, source: Play::Comfort });
        match timeout(DESCRIBES_WITHIN, answered).await {
            Ok(Ok(described)) => described,
            Ok(Err(_)) | Err(_) => Err(SoundFault::NoCapacity),
        }
    }
}

impl Wires {
    fn name(&mut self, call: &CallId, side: Side) -> LegId {
        self.last += 1;
        let leg = LegId(self.last);
        self.legs.insert(leg, (call.clone(), side));
        leg
    }

    fn answer(&mut self, leg: LegId, described: Result<Sdp, SoundFault>) {
        if let Some(waiting) = self.waiting.remove(&leg) {
            // Whoever attached may have gone.
            let _ = waiting.send(described);
        }
    }

    /// The agent's leg is up or not; news only when that is a change.
    fn agent_is(&mut self, call: &CallId, up: bool) -> Option<SoundNews> {
        let ends = self.calls.get_mut(call)?;
        let changed = std::mem::replace(&mut ends.agent_up, up) != up;
        changed.then_some(if up { SoundNews::AgentUp } else { SoundNews::AgentGone })
    }
}

fn customer_lost(reason: FailReason) -> SoundNews {
    match reason.code() {
        // WhatsApp's `terminate` is on its way, or the silence will be noticed.
        "peer_closed" => SoundNews::CustomerSilent,
        "dtls_failed" | "dtls_fingerprint" => SoundNews::PathFailed(EndReason::DtlsFailed),
        "sdp_refused" => SoundNews::PathFailed(EndReason::InvalidSdp),
        "no_media_capacity" | "media_broken" => SoundNews::PathFailed(EndReason::InternalError),
        _ => SoundNews::PathFailed(EndReason::IceFailed),
    }
}
