//! One bot in one call: samples every 20 ms both ways, messages in between.
//!
//! One loop that waits for everything at once and for nothing in particular. What the bot says faster than it is
//! heard waits in [`Playback`], what it does not take waits in [`Outbox`], both bounded; wishes that need the call's
//! task are carried out beside the loop.

mod asked;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{Sink, StreamExt};
use offhook_core::call::CallRecord;
use offhook_core::call::table::BotEnd;
use offhook_core::id::StreamId;
use offhook_core::meta::Direction;
use offhook_core::phone::Phone;
use offhook_engine::Engine;
use offhook_media::line::{Ear, Mouth, SAMPLES};
use offhook_media::{BotLine, LineNews};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::outbox::Outbox;
use crate::playback::Playback;
use crate::protocol::{Audio, FRAME_BYTES, HandoffStatus, InterruptKind, Metadata, Told};
use crate::wire::{Broken, Came, Sent, Wire};

/// A frame of sound.
const FRAME: Duration = Duration::from_millis(20);
/// Frames kept with the plane: against hesitations of this loop, and little enough to be quiet within 100 ms.
const LEAD: usize = 3;
/// How often the bot is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(3);
/// How long it may owe the answer.
const STALLS_AFTER: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a session outlives its line, for the reason to arrive.
const LINE_GONE: Duration = Duration::from_secs(1);
/// How often a bot is told that its sound is dropped.
const COMPLAIN_EVERY: Duration = Duration::from_secs(1);

/// What happens to a bot's place in the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// It is wanted, and somebody is looked for to take the call, or not.
    Wanted { seeking: bool },
    /// It is over.
    Over(BotEnd),
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The call is done with the bot.
    Over(BotEnd),
    /// The bot is gone.
    Gone(BotEnd),
    /// The bot does what may not be done.
    Violation { code: u16, reason: &'static str },
}

impl Ending {
    /// Why the bot is lost to a call that still wants it.
    pub(crate) fn lost(self) -> Option<BotEnd> {
        match self {
            Self::Over(_) => None,
            Self::Gone(why) => Some(why),
            Self::Violation { .. } => Some(BotEnd::Violation),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Over(why) | Self::Gone(why) => why.as_str(),
            Self::Violation { .. } => BotEnd::Violation.as_str(),
        }
    }
}

/// A wish on its way, and what the bot is told of it.
type Wished = Pin<Box<dyn Future<Output = Option<Told>> + Send>>;

/// A bot in a call.
pub(crate) struct Session {
    engine: Engine,
    record: Arc<CallRecord>,
    id: StreamId,
    wire: Wire,
    control: mpsc::Receiver<Control>,
    wishes: FuturesUnordered<Wished>,
    began: Instant,
    outbox: Outbox,
    playback: Playback,
    seeking: bool,
    last_ping: Instant,
    last_pong: Instant,
    /// Sound of the bot's that found no room.
    overflowed: u64,
    complained: Option<Instant>,
    /// Since when its line is gone.
    unplugged: Option<Instant>,
    /// When the newest messages came, to notice a flood of them.
    messages: VecDeque<Instant>,
}

enum Event {
    Came(Option<Result<Came, Broken>>),
    Broken(Broken),
    Tick,
    News(LineNews),
    Control(Option<Control>),
    Wished(Option<Told>),
}

impl Session {
    pub(crate) fn new(
        engine: Engine,
        record: Arc<CallRecord>,
        id: StreamId,
        wire: Wire,
        control: mpsc::Receiver<Control>,
    ) -> Self {
        let now = Instant::now();
        Self {
            engine,
            record,
            id,
            wire,
            control,
            wishes: FuturesUnordered::new(),
            began: now,
            outbox: Outbox::default(),
            playback: Playback::default(),
            seeking: false,
            last_ping: now,
            last_pong: now,
            overflowed: 0,
            complained: None,
            unplugged: None,
            messages: VecDeque::new(),
        }
    }

    /// Tells the bot what it is connected to.
    pub(crate) fn greet(&mut self, number: Option<&Phone>, owner: bool) {
        let record = &self.record;
        let phone = |phone: Option<&Phone>| phone.map(|phone| phone.reveal().to_owned());
        let (customer, house) = (phone(record.facts.party.phone.as_ref()), phone(number));
        let (direction, from, to) = match record.direction {
            Direction::Inbound => ("inbound", customer, house),
            Direction::Outbound => ("outbound", house, customer),
        };
        let told = Told::Started {
            session_id: self.id.to_string(),
            call_id: record.id.to_string(),
            direction,
            from,
            to,
            metadata: Metadata {
                biz_opaque_callback_data: record.correlation.clone(),
                conversation_id: record.conversation_id.clone(),
                owner,
            },
            audio: Audio::default(),
        };
        self.tell(&told);
    }

    /// Carries sound and messages until one side is done.
    pub(crate) async fn talk(&mut self, line: BotLine) -> Ending {
        let BotLine { mut mouth, mut ear, mut news } = line;
        let mut ticks = interval(FRAME);
        // What was missed is made up for: the bot is to hear all of it.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let event = tokio::select! {
                control = self.control.recv() => Event::Control(control),
                _ = ticks.tick() => Event::Tick,
                came = self.wire.incoming.next() => Event::Came(came),
                broken = pump(&mut self.wire.outgoing, &mut self.outbox, false) => Event::Broken(broken),
                Some(news) = news.recv() => Event::News(news),
                Some(told) = self.wishes.next(), if !self.wishes.is_empty() => Event::Wished(told),
            };
            let ending = match event {
                Event::Control(control) => self.controlled(control, &mouth),
                Event::Tick => self.tick(&mut mouth, &mut ear),
                Event::Came(came) => self.came(came, &mouth),
                Event::Broken(broken) => Some(gone(broken)),
                Event::News(news) => self.hear_news(news),
                Event::Wished(told) => told.and_then(|told| self.tell(&told)),
            };
            if let Some(ending) = ending {
                metrics::counter!("offhook_bot_frames_lost_total", "way" => "to_bot")
                    .increment(self.outbox.dropped + ear.lost());
                metrics::counter!("offhook_bot_frames_lost_total", "way" => "from_bot")
                    .increment(self.overflowed);
                return ending;
            }
        }
    }

    /// Says goodbye, as far as there is somebody to say it to.
    pub(crate) async fn farewell(mut self, ending: Ending) {
        self.outbox.hush();
        let (code, reason) = match ending {
            Ending::Gone(_) => return,
            Ending::Over(why) => {
                let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.tell(&Told::Ended { reason: why.as_str(), duration_ms });
                (1_000, "the session is over")
            }
            Ending::Violation { code, reason } => {
                self.tell(&Told::Error { code: "protocol_violation", message: reason.to_owned() });
                (code, reason)
            }
        };
        self.outbox.message(Sent::Close { code, reason });
        let Wire { incoming, outgoing } = &mut self.wire;
        let outbox = &mut self.outbox;
        let closing = async {
            // Whoever has gone meanwhile needs no goodbye.
            if pump(outgoing, outbox, true).await == Broken::Gone {
                return;
            }
            while let Some(Ok(came)) = incoming.next().await {
                if matches!(came, Came::Close(_)) {
                    return;
                }
            }
        };
        // Late is as good as never.
        let _ = timeout(FAREWELL, closing).await;
    }

    fn controlled(&mut self, control: Option<Control>, mouth: &Mouth) -> Option<Ending> {
        match control {
            Some(Control::Wanted { seeking }) => {
                let status = match (std::mem::replace(&mut self.seeking, seeking), seeking) {
                    (false, true) => HandoffStatus::Searching,
                    (true, false) => HandoffStatus::NotFound,
                    (false, false) | (true, true) => return None,
                };
                self.tell(&Told::Handoff { status, code: None })
            }
            Some(Control::Over(why)) => {
                if why == BotEnd::HandedOff {
                    self.tell(&Told::Handoff { status: HandoffStatus::Accepted, code: None });
                }
                if matches!(why, BotEnd::HandedOff | BotEnd::TakenOver) {
                    let played_ms = self.playback.heard_ms(mouth.waiting());
                    self.tell(&Told::Interrupt { kind: InterruptKind::Takeover, played_ms });
                }
                Some(Ending::Over(why))
            }
            // The server stops.
            None => Some(Ending::Over(BotEnd::CallOver)),
        }
    }

    fn tick(&mut self, mouth: &mut Mouth, ear: &mut Ear) -> Option<Ending> {
        while mouth.waiting() < LEAD
            && let Some(frame) = self.playback.next()
        {
            if !mouth.say(&frame) {
                break;
            }
        }
        for name in self.playback.reached(mouth.waiting()) {
            self.tell(&Told::MarkReached { name });
        }
        let mut samples = [0; SAMPLES];
        ear.hear(&mut samples);
        let mut bytes = BytesMut::with_capacity(FRAME_BYTES);
        samples.iter().for_each(|sample| bytes.put_i16_le(*sample));
        self.outbox.frame(Sent::Sound(bytes.freeze()));
        let now = Instant::now();
        // Whoever takes a line away says why. If that is lost, the session is not to go on for ever.
        if mouth.is_over() && now - *self.unplugged.get_or_insert(now) >= LINE_GONE {
            return Some(Ending::Over(BotEnd::CallOver));
        }
        if now - self.last_pong >= STALLS_AFTER {
            return Some(Ending::Gone(BotEnd::Stalled));
        }
        if now - self.last_ping >= PING_EVERY {
            self.last_ping = now;
            if !self.outbox.message(Sent::Ping) {
                return Some(Ending::Gone(BotEnd::Stalled));
            }
        }
        None
    }

    fn hear_news(&mut self, news: LineNews) -> Option<Ending> {
        match news {
            LineNews::Pressed { key, millis } => {
                self.tell(&Told::Dtmf { digit: key.as_char(), duration_ms: millis })
            }
            LineNews::Quality(quality) => self.tell(&Told::Quality {
                rtt_ms: quality.rtt_ms,
                jitter_ms: quality.jitter_ms,
                loss: quality.loss_in,
                mos: quality.mos,
            }),
        }
    }

    /// Tells the bot something; the session ends if it takes nothing.
    fn tell(&mut self, told: &Told) -> Option<Ending> {
        let text = serde_json::to_string(told).ok()?;
        (!self.outbox.message(Sent::Text(text))).then_some(Ending::Gone(BotEnd::Stalled))
    }
}

/// Tells a bot that it has no place in the call.
pub(crate) async fn turn_away(mut wire: Wire, code: &'static str, message: String) {
    let told = serde_json::to_string(&Told::Error { code, message }).unwrap_or_default();
    let mut outbox = Outbox::default();
    outbox.message(Sent::Text(told));
    outbox.message(Sent::Close { code: 1_008, reason: "there is no place in this call" });
    // Late is as good as never.
    let _ = timeout(FAREWELL, pump(&mut wire.outgoing, &mut outbox, true)).await;
}

fn gone(broken: Broken) -> Ending {
    match broken {
        Broken::TooLarge => Ending::Violation { code: 1_009, reason: "a message has at most 16 KiB" },
        Broken::Garbage => Ending::Violation { code: 1_002, reason: "this is no WebSocket message" },
        Broken::Gone => Ending::Gone(BotEnd::Broke),
    }
}

/// Sends what there is, until something breaks, or until all is sent if that is wanted: [`Broken::Gone`] is told
/// only of a connection that is gone, [`Broken::Garbage`] of a queue that is empty.
async fn pump(
    outgoing: &mut Pin<Box<dyn Sink<Sent, Error = Broken> + Send>>,
    outbox: &mut Outbox,
    ends: bool,
) -> Broken {
    std::future::poll_fn(|cx| {
        loop {
            if let Err(broken) = ready!(outgoing.as_mut().poll_ready(cx)) {
                return Poll::Ready(broken);
            }
            let Some(sent) = outbox.next() else {
                return match ready!(outgoing.as_mut().poll_flush(cx)) {
                    Err(broken) => Poll::Ready(broken),
                    Ok(()) if ends => Poll::Ready(Broken::Garbage),
                    Ok(()) => Poll::Pending,
                };
            };
            if let Err(broken) = outgoing.as_mut().start_send(sent) {
                return Poll::Ready(broken);
            }
        }
    })
    .await
}
