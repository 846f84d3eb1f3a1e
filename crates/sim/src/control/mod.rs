//! The buttons: everything a test or a person may do to the simulator, in process and over HTTP.
//!
//! `Control` is the one implementation; `http` is its thin HTTP face, described in `CONTROL.md`; `shapes` are the
//! bodies of both.

pub(crate) mod http;
mod pages;
mod shapes;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::oneshot;
use url::Url;

pub use self::shapes::{
    AnswerOptions, CallDetail, CallList, Consents, PermissionChange, PhoneView, PlaceCall, SubscribeReport,
    Webhooks,
};
use crate::call::place::{self, Dial, DialError, DialPhone};
use crate::call::run::Mail;
use crate::call::words::{Input, Refused};
use crate::config::SimNumber;
use crate::events::{Event, EventPage};
use crate::ids;
use crate::knobs::{Knobs, KnobsError};
use crate::magic::{Script, Sound};
use crate::permission::Grant;
pub use crate::phone::heard::HeardView;
use crate::phone::wire::WireView;
use crate::world::World;
use crate::world::calls::CallEntry;
pub use crate::world::consents::PermissionRequest;
pub use crate::world::faults::{FaultKind, FaultPlan};
pub use crate::world::graph_log::{GraphRequest, GraphRequests};
use crate::world::replies::{self, Decision};

/// A call's task answers within this.
const CALL_PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait of one look into the event log.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The in-process twin of the control API.
#[derive(Clone, Debug)]
pub struct Control {
    world: Arc<World>,
}

/// Why a button did nothing.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No such call, number or permission request.
    #[error("not found: {0}")]
    NotFound(&'static str),
    /// The request makes no sense.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// The call is not in a state for this.
    #[error("not now: {0}")]
    NotNow(String),
    /// WhatsApp would not let the user call.
    #[error("the call cannot be placed: {0}")]
    Refused(String),
    /// The knobs are wrong.
    #[error(transparent)]
    Knobs(#[from] KnobsError),
}

impl Control {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world }
    }

    /// A user calls the business; returns when the call exists.
    pub async fn place_call(&self, call: PlaceCall) -> Result<CallDetail, ControlError> {
        let number =
            self.world.find_number(call.to.as_deref()).ok_or(ControlError::NotFound("business number"))?;
        if let Some(name) = &call.profile_name {
            self.world.users.rename(&call.from, name);
        }
        let user = self.world.users.of(&call.from);
        if user.digits.len() < 7 {
            return Err(ControlError::Invalid("from is not a phone number".to_owned()));
        }
        let script = call.script(user.suffix.when_calling(&self.world.knobs()))?;
        let dial = Dial {
            number,
            user,
            script: Some(script),
            phone: DialPhone::BuiltIn,
            deeplink_payload: call.deeplink_payload,
            cta_payload: call.cta_payload,
        };
        let entry = place::user_calls(&self.world, dial)
            .await
            .map_err(|error: DialError| ControlError::Refused(error.to_string()))?;
        Ok(shapes::detail(&entry, false))
    }

    /// The user picks up.
    pub async fn answer(&self, id: &str, options: AnswerOptions) -> Result<CallDetail, ControlError> {
        let entry = self.entry(id)?;
        let script = if options.is_empty() && entry.session().is_some() {
            None
        } else {
            Some(options.script(Script { sound: Sound::Echo, ..Script::default() })?)
        };
        self.user(&entry, Input::UserAnswers, script).await
    }

    /// The user declines.
    pub async fn decline(&self, id: &str) -> Result<CallDetail, ControlError> {
        self.user(&self.entry(id)?, Input::UserDeclines, None).await
    }

    /// The user hangs up, or gives up calling.
    pub async fn hang_up(&self, id: &str) -> Result<CallDetail, ControlError> {
        self.user(&self.entry(id)?, Input::UserHangsUp, None).await
    }

    /// The user presses keys.
    pub async fn press_keys(&self, id: &str, keys: &str) -> Result<(), ControlError> {
        let sent = self.entry(id)?.mail.send(Mail::Keys(keys.to_owned())).await;
        sent.map_err(|_| ControlError::NotNow("the call is over".to_owned()))
    }

    /// What crossed the socket of the phone.
    pub fn wire(&self, id: &str) -> Result<WireView, ControlError> {
        let entry = self.entry(id)?;
        let wire = entry.wire.as_ref().ok_or(ControlError::NotFound("sound of this call"))?;
        Ok(wire.lock().unwrap_or_else(PoisonError::into_inner).view())
    }

    /// Sends datagrams to the business from the phone's own socket, as somebody on WhatsApp's machine could.
    pub async fn inject(&self, id: &str, datagrams: Vec<Vec<u8>>) -> Result<(), ControlError> {
        let sent = self.entry(id)?.mail.send(Mail::Inject(datagrams)).await;
        sent.map_err(|_| ControlError::NotNow("the call is over".to_owned()))
    }

    /// Every call, newest first, and how many are live.
    pub fn calls(&self) -> CallList {
        shapes::list(&self.world.calls.all())
    }

    /// One call with everything its phone heard.
    pub fn call(&self, id: &str) -> Result<CallDetail, ControlError> {
        Ok(shapes::detail(&*self.entry(id)?, true))
    }

    /// The switches as they are.
    pub fn knobs(&self) -> Knobs {
        self.world.knobs()
    }

    /// Turns the switches.
    pub fn set_knobs(&self, knobs: Knobs) {
        self.world.set_knobs(knobs);
    }

    /// Turns some of the switches, named by their keys.
    pub fn patch_knobs(&self, patch: &Value) -> Result<Knobs, ControlError> {
        let knobs = self.world.knobs().patched(patch)?;
        self.world.set_knobs(knobs.clone());
        Ok(knobs)
    }

    /// Ends every call and forgets everything but numbers and connected phones; the knobs are as at the start.
    pub async fn reset(&self) {
        for entry in self.world.calls.live() {
            // A call that ends by itself meanwhile is what is wanted.
            let _ = self.user(&entry, Input::UserHangsUp, None).await;
        }
        self.world.forget();
    }

    /// Events after number `after`, waiting for the first one up to `wait`.
    pub async fn events(&self, after: u64, wait: Duration) -> EventPage {
        tokio::select! {
            page = self.world.events.after(after, wait.min(LONGEST_WAIT)) => page,
            // Whoever waits must not hold up the end.
            () = self.world.stop.cancelled() => self.world.events.after(after, Duration::ZERO).await,
        }
    }

    /// The first event of this name after `after`, of this call if one is given (short id); `None` when the wait is over.
    pub async fn wait_for(
        &self,
        after: u64,
        name: &str,
        call: Option<&str>,
        wait: Duration,
    ) -> Option<Event> {
        let look = async {
            let mut after = after;
            while !self.world.stop.is_cancelled() {
                let page = self.events(after, LONGEST_WAIT).await;
                let fits =
                    |event: &&Event| event.event == name && (call.is_none() || event.call.as_deref() == call);
                if let Some(event) = page.events.iter().find(fits) {
                    return Some(event.clone());
                }
                after = page.next;
            }
            None
        };
        tokio::time::timeout(wait, look).await.ok().flatten()
    }

    /// The number of the newest event.
    pub fn newest_event(&self) -> u64 {
        self.world.events.newest()
    }

    /// Every attempt to deliver a webhook, and how quickly the business answers.
    pub fn webhooks(&self) -> Webhooks {
        let log = &self.world.post.desk.log;
        Webhooks { url: self.webhook_url(), times: log.times(), attempts: log.all() }
    }

    /// Where webhooks go.
    pub fn webhook_url(&self) -> Option<Url> {
        self.world.post.desk.url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends webhooks somewhere else from now on.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        *self.world.post.desk.url.write().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Does the subscription handshake with the webhook address.
    pub async fn subscribe(&self) -> Result<SubscribeReport, ControlError> {
        let mut url = self.webhook_url().ok_or(ControlError::NotFound("webhook address"))?;
        let challenge = ids::random_u32().to_string();
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", &self.world.verify_token);
        let request = self.world.post.desk.client.get(url).timeout(Duration::from_secs(10));
        let (status, body) = match request.send().await {
            Ok(answer) => (Some(answer.status().as_u16()), answer.text().await.unwrap_or_default()),
            Err(_) => (None, String::new()),
        };
        let verified = status == Some(200) && body == challenge;
        Ok(SubscribeReport { verified, status, body: body.chars().take(200).collect() })
    }

    /// Every Graph request.
    pub fn graph_log(&self) -> GraphRequests {
        self.world.graph_log.all()
    }

    /// Plans a fault of the Graph API.
    pub fn plan_fault(&self, plan: FaultPlan) -> Result<(), ControlError> {
        if self.world.faults.plan(plan) {
            Ok(())
        } else {
            Err(ControlError::NotNow("too many plans".to_owned()))
        }
    }

    /// Faults that are still to come.
    pub fn faults(&self) -> Vec<FaultPlan> {
        self.world.faults.all()
    }

    /// Takes all planned faults back.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Consents with a history, and requests that wait for an answer.
    pub fn permissions(&self) -> Consents {
        let (now, knobs) = (self.world.clock.now_secs(), self.world.knobs());
        let states = self.world.consents.pairs().into_iter().map(|(pnid, digits)| {
            let user = self.world.users.of(&digits);
            let without = user.suffix.starts_without_permission();
            let grant = self.world.consents.with(&pnid, &user, |consent| consent.grant(now, &knobs, without));
            let until = if let Grant::Temporary { until } = grant { Some(until) } else { None };
            json!({"phone_number_id": pnid, "user": digits, "status": grant.word(), "expiration_time": until})
        });
        Consents { states: states.collect(), requests: self.world.consents.open_requests() }
    }

    /// The user changes the permission, on a request or alone; the business gets Meta's webhook.
    pub fn change_permission(&self, change: PermissionChange) -> Result<(), ControlError> {
        let decision = match (change.response.as_str(), change.permanent) {
            ("accept", false) => Decision::Week,
            ("accept", true) => Decision::Always,
            ("reject", _) => Decision::No,
            ("forget", _) => return self.forget_permission(&change),
            _ => return Err(ControlError::Invalid("response is accept, reject or forget".to_owned())),
        };
        if let Some(request) = &change.request {
            let done = replies::answer_request(&self.world, request, decision);
            return if done { Ok(()) } else { Err(ControlError::NotFound("permission request")) };
        }
        let (number, user) = self.pair(&change)?;
        replies::decide_alone(&self.world, &number, &user, decision);
        Ok(())
    }

    /// The connected phones.
    pub fn phones(&self) -> Vec<PhoneView> {
        self.world
            .phones
            .all()
            .into_iter()
            .map(|session| PhoneView {
                number: session.digits.map(|digits| format!("+{digits}")),
                mode: session.mode,
            })
            .collect()
    }

    /// The business numbers, without their tokens.
    pub fn numbers(&self) -> Vec<SimNumber> {
        self.world.numbers().iter().map(|number| (**number).clone()).collect()
    }

    /// Adds a business number, or replaces the one with the same id.
    pub fn add_number(&self, number: SimNumber) {
        self.world.add_number(number);
    }

    fn forget_permission(&self, change: &PermissionChange) -> Result<(), ControlError> {
        let (number, user) = self.pair(change)?;
        self.world.consents.with(&number.phone_number_id, &user, |consent| consent.forget());
        Ok(())
    }

    fn pair(
        &self,
        change: &PermissionChange,
    ) -> Result<(Arc<SimNumber>, crate::world::users::User), ControlError> {
        let number = self
            .world
            .find_number(change.number.as_deref())
            .ok_or(ControlError::NotFound("business number"))?;
        let user = change
            .user
            .as_deref()
            .ok_or_else(|| ControlError::Invalid("user or request is needed".to_owned()))?;
        Ok((number, self.world.users.of(user)))
    }

    fn entry(&self, id: &str) -> Result<Arc<CallEntry>, ControlError> {
        self.world.calls.find(id).ok_or(ControlError::NotFound("call"))
    }

    async fn user(
        &self,
        entry: &Arc<CallEntry>,
        input: Input,
        script: Option<Script>,
    ) -> Result<CallDetail, ControlError> {
        user_input(entry, input, script)
            .await
            .map_err(|refused| ControlError::NotNow(refusal(refused).to_owned()))?;
        Ok(shapes::detail(entry, false))
    }
}

/// Hands an input of the user to a call.
pub(crate) async fn user_input(
    entry: &CallEntry,
    input: Input,
    script: Option<Script>,
) -> Result<(), Refused> {
    let (reply, outcome) = oneshot::channel();
    if entry.mail.send(Mail::User { input, script, reply }).await.is_err() {
        return Err(Refused::Ended);
    }
    // A call that ends before it reads its mail is over as well.
    tokio::time::timeout(CALL_PATIENCE, outcome)
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or(Err(Refused::Ended))
}

/// Why the user cannot do this, for people.
pub(crate) fn refusal(refused: Refused) -> &'static str {
    match refused {
        Refused::Ended | Refused::AlreadyRejected => "the call is over",
        Refused::AlreadyAccepted => "the call is already answered",
        Refused::SdpMismatch | Refused::OnlyForUserCalls | Refused::NotRinging => "the phone does not ring",
    }
}
