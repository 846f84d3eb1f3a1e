//! Errors in words an agent can act on: a stable code, what happened, what to do about it.

use std::time::Duration;

use offhook_core::call::{EndReason, Fault, Refusal};
use offhook_core::dialling::Barred;
use offhook_core::meta::MetaError;
use offhook_core::permission::Reason;
use offhook_core::ports::{SoundFault, StoreFault};
use offhook_engine::EngineError;
use offhook_whatsapp::sdp::SdpError;

use super::arrange::Senseless;
use super::protocol::ErrorView;

pub(super) fn error(code: &str, message: impl Into<String>, remedy: Option<&str>) -> ErrorView {
    ErrorView { code: code.to_owned(), message: message.into(), remedy: remedy.map(str::to_owned) }
}

/// What went wrong with a call that is over; none when nothing did.
pub(super) fn ending(reason: EndReason, meta: Option<&MetaError>) -> Option<ErrorView> {
    let code = meta.map(|error| error.code);
    let (message, remedy) = by_meta_code(code).or_else(|| by_reason(reason))?;
    Some(error(reason.as_str(), message, remedy))
}

type Words = (&'static str, Option<&'static str>);

/// Where Meta's code says more than our reason (whatsapp-calling.md 7.2).
fn by_meta_code(code: Option<i64>) -> Option<Words> {
    Some(match code? {
        138_002 => (
            "The business number has as many calls at once as WhatsApp allows.",
            Some("Wait until another call has ended, then call again."),
        ),
        138_005 => (
            "The business number has placed too many calls in a short time.",
            Some("Wait a minute, then call again."),
        ),
        138_012 => (
            "WhatsApp allows no more calls to this person today.",
            Some("Call again tomorrow, or write in the chat."),
        ),
        _ => return None,
    })
}

fn by_reason(reason: EndReason) -> Option<Words> {
    Some(match reason {
        EndReason::NoPermission => (
            "This person has not permitted calls.",
            Some("Ask for permission in the chat, and call when they have agreed."),
        ),
        EndReason::Unreachable => (
            "This number cannot be called on WhatsApp.",
            Some("Check the number. The person may not use WhatsApp, or an old version of it."),
        ),
        EndReason::CountryBlocked => (
            "WhatsApp does not let numbers of this country place calls.",
            Some("Call from a business number of another country, or ask the customer to call."),
        ),
        EndReason::NotEnabled => (
            "Calling is not switched on for this business number.",
            Some("Ask an administrator to enable calling in the number's WhatsApp settings."),
        ),
        EndReason::LimitReached => {
            ("A limit of WhatsApp's is reached.", Some("Wait a while, then call again."))
        }
        EndReason::Busy => ("There is a call with this person already.", Some("Wait until it has ended.")),
        EndReason::InvalidSdp => (
            "WhatsApp did not accept this browser's audio settings.",
            Some("Reload the page. If it happens again, use a current Chrome, Edge, Firefox or Safari."),
        ),
        EndReason::TokenInvalid => (
            "WhatsApp does not accept this number's access token any more.",
            Some("Ask an administrator to connect the number again."),
        ),
        EndReason::MediaTimeout => (
            "WhatsApp ended the call because no sound arrived.",
            Some("Check the microphone and the network. A firewall may block UDP."),
        ),
        EndReason::AgentLost => (
            "The call ended because nobody came back to it.",
            Some("Check the network of the agent who had it, and call the customer back."),
        ),
        EndReason::BotLost => (
            "The voice bot went away and nobody took the call.",
            Some("Call the customer back. The call's record says why the bot went."),
        ),
        EndReason::IceFailed => (
            "No path to WhatsApp's sound was found.",
            Some("Ask an administrator whether the server can send UDP to the internet."),
        ),
        EndReason::DtlsFailed => (
            "The sound with WhatsApp could not be secured.",
            Some("Try again. If it happens again, tell an administrator."),
        ),
        EndReason::NoAgent => ("Nobody of the house took the call.", Some("Call the customer back.")),
        EndReason::NoMediaFromWhatsapp => (
            "Nothing was heard from the customer's phone any more.",
            Some("Call the customer back: their network may have gone."),
        ),
        EndReason::ServerRestarted => {
            ("The call ended because the server was restarted.", Some("Call the customer back."))
        }
        EndReason::InternalError => (
            "The call ended because of a fault in Offhook.",
            Some("Call again. If it happens again, tell an administrator: the log has the details."),
        ),
        EndReason::ProviderError => ("WhatsApp could not connect the call.", Some("Try again in a moment.")),
        EndReason::Unconfirmed => (
            "WhatsApp never said whether it placed the call, so it was given up.",
            Some("Call again in a moment."),
        ),
        EndReason::Stale => ("Nothing was heard of this call for a day, so it was closed.", None),
        EndReason::LocalHangup
        | EndReason::RemoteHangup
        | EndReason::Declined
        | EndReason::AgentRejected
        | EndReason::NoAnswer
        | EndReason::CallerAbandoned
        | EndReason::Cancelled
        | EndReason::Late => return None,
    })
}

/// Why a command was not carried out.
pub(super) fn refused(why: &EngineError) -> ErrorView {
    match why {
        EngineError::Refused(refusal) => refusal_words(*refusal),
        EngineError::UnknownCall => unknown_call(),
        EngineError::UnknownNumber => unknown_number(),
        EngineError::Barred(barred) => barred_words(barred),
        EngineError::Denied(denied) => denied_words(denied.reason),
        EngineError::Store(fault) => unavailable(fault),
        EngineError::Meta(fault) => fault_words(fault),
        EngineError::Sound(SoundFault::NoCapacity) => {
            let remedy = "Try again in a moment, and tell an administrator.";
            error("no_media_capacity", "The server has no room for the sound of another call.", Some(remedy))
        }
        EngineError::Sound(SoundFault::BadOffer(_)) => error(
            "invalid_sdp",
            "The server cannot use this browser's audio settings.",
            Some("Reload the page. If it happens again, use a current Chrome, Edge, Firefox or Safari."),
        ),
        EngineError::Sound(SoundFault::NoLeg) => error(
            "not_attached",
            "This page does not have the sound of this call.",
            Some("Attach to the call."),
        ),
        EngineError::Stopping => {
            error("unavailable", "The server is restarting.", Some("Try again in a few seconds."))
        }
    }
}

fn barred_words(barred: &Barred) -> ErrorView {
    match barred {
        Barred::TooFast { wait } => {
            let remedy = format!("Wait {} s, then call again.", wait.as_secs() + 1);
            error("too_many_calls", "The house has placed too many calls in a minute.", Some(&remedy))
        }
        Barred::NoToken => ending(EndReason::TokenInvalid, None).expect("it has words"),
        Barred::CountryBlocked(_) => ending(EndReason::CountryBlocked, None).expect("it has words"),
        Barred::RecipientCountry(_) | Barred::RecipientDenied => error(
            "recipient_not_allowed",
            "The house does not let this number be called.",
            Some("Ask an administrator whom the server may call."),
        ),
        Barred::NotEnabled => ending(EndReason::NotEnabled, None).expect("it has words"),
    }
}

fn denied_words(reason: Reason) -> ErrorView {
    match reason {
        Reason::AskLimit => error(
            "permission_request_limit",
            "This person was asked for permission too often lately.",
            Some("WhatsApp allows one request a day and two a week. Write in the chat, or ask again later."),
        ),
        Reason::AlreadyPermanent => {
            error("permission_exists", "This person has permitted calls for good.", Some("Call them."))
        }
        Reason::NoPermission => ending(EndReason::NoPermission, None).expect("it has words"),
        Reason::CallLimit => ending(EndReason::LimitReached, None).expect("it has words"),
    }
}

fn refusal_words(refusal: Refusal) -> ErrorView {
    let (message, remedy) = match refusal {
        Refusal::AnsweredElsewhere => ("Somebody else has taken this call.", None),
        Refusal::CallEnded => ("This call is over.", None),
        Refusal::NotRinging => ("This call does not ring for you.", None),
        Refusal::AnswerDiffers => ("Another answer was sent ahead.", None),
        Refusal::AnswerMissing => ("This needs an SDP answer.", None),
        Refusal::OtherMedia => ("This cannot be done with a call carried in this way.", None),
        Refusal::NotTalking => ("There is no conversation yet.", None),
        Refusal::AlreadySeeking => {
            ("Somebody is being rung for this call already.", Some("Wait, or call it off."))
        }
        Refusal::AlreadyThere => ("They are in this call already.", None),
        Refusal::NotThere => ("They are not in this call.", None),
        Refusal::NotConsulting => ("Nobody is being asked.", None),
        Refusal::LastOne => {
            ("Nobody else is talking with the customer.", Some("Hang up, transfer the call, or park it."))
        }
        Refusal::CallFull => ("This call has no room for one more.", None),
        Refusal::NotAvailable => {
            ("They are not free to take a call.", Some("Choose somebody else, or the queue."))
        }
        Refusal::UnknownClip => ("There is no announcement of this name.", None),
        Refusal::NotRecording => ("There is no recording to do this with.", None),
        Refusal::AlreadyRecording => ("This call is being recorded already.", None),
        Refusal::BotThere => ("A voice bot is in this call already.", None),
        Refusal::NoBot => ("This voice bot is not in the call.", None),
        Refusal::NotYours => ("This call belongs to somebody else.", None),
    };
    error(refusal.code(), message, remedy)
}

/// A wish makes no sense.
pub(super) fn senseless(why: &Senseless) -> ErrorView {
    error("invalid_message", why.to_string(), None)
}

pub(super) fn not_allowed() -> ErrorView {
    let remedy = Some("Ask an administrator for the role of an administrator or owner.");
    error("forbidden", "Your role does not supervise calls.", remedy)
}

/// The call was taken, and by whom.
pub(super) fn taken_by(name: &str) -> ErrorView {
    error(Refusal::AnsweredElsewhere.code(), format!("{name} has taken this call."), None)
}

/// The same person took it in another window.
pub(super) fn taken_in_another_window() -> ErrorView {
    let remedy = Some("Go on in the window where you answered.");
    error(Refusal::AnsweredElsewhere.code(), "You have taken this call in another window.", remedy)
}

pub(super) fn unknown_call() -> ErrorView {
    error("unknown_call", "There is no such call.", None)
}

pub(super) fn unknown_number() -> ErrorView {
    let remedy = Some("Reload the page to see the numbers you may call from.");
    error("unknown_number", "There is no such business number.", remedy)
}

pub(super) fn no_number() -> ErrorView {
    let remedy = Some("Ask an administrator to connect a WhatsApp number.");
    error("no_number", "No business number is connected.", remedy)
}

pub(super) fn invalid_phone() -> ErrorView {
    let remedy = Some("Type it with its country code, such as +44 7700 900123.");
    error("invalid_phone", "This is not a telephone number.", remedy)
}

pub(super) fn emergency() -> ErrorView {
    let remedy = Some("Use a telephone.");
    error("emergency_not_supported", "Emergency services cannot be called through WhatsApp.", remedy)
}

pub(super) fn invalid_sdp(why: &SdpError) -> ErrorView {
    let message = format!("This browser's audio settings cannot be used: {} {}.", why.subject(), why.wrong());
    error("invalid_sdp", message, Some(why.remedy()))
}

pub(super) fn too_many_commands() -> ErrorView {
    error("too_many_commands", "Too much was asked at once.", Some("Wait for the answers, then go on."))
}

pub(super) fn too_many_calls(wait: Duration) -> ErrorView {
    let remedy = format!("Wait {} s, then call again.", wait.as_secs() + 1);
    error("too_many_calls", "You have placed too many calls in a minute.", Some(&remedy))
}

pub(super) fn too_many_connections() -> ErrorView {
    let remedy = Some("Close a tab or two in which you are signed in.");
    error("too_many_connections", "You are connected too often already.", remedy)
}

pub(super) fn late() -> ErrorView {
    let remedy = Some("Look whether it was done before you try again.");
    error("timeout", "The server did not finish in time.", remedy)
}

pub(super) fn unavailable(_: &StoreFault) -> ErrorView {
    error("unavailable", "The server cannot do this now.", Some("Try again in a moment."))
}

fn fault_words(fault: &Fault) -> ErrorView {
    let provider = |message: &str| error("provider_error", message, Some("Try again in a moment."));
    match fault {
        Fault::Unreachable => provider("WhatsApp cannot be reached."),
        Fault::Unclear => provider("WhatsApp did not answer clearly."),
        Fault::Refused(MetaError { code: 138_009, .. }) => denied_words(Reason::AskLimit),
        Fault::Refused(MetaError { code: 138_017, .. }) => denied_words(Reason::AlreadyPermanent),
        Fault::Refused(MetaError { code: 131_047 | 138_011, .. }) => error(
            "outside_24h_window",
            "This person has not written or called within the last day.",
            Some("Send them a template message that asks, or wait until they write or call."),
        ),
        Fault::Refused(refusal) => match EndReason::from_meta_code(refusal.code) {
            // On a permission request this code is about the message, not about an SDP.
            EndReason::InvalidSdp | EndReason::ProviderError => {
                provider(&format!("WhatsApp refused with code {}.", refusal.code))
            }
            reason => ending(reason, Some(refusal)).unwrap_or_else(|| provider("WhatsApp refused.")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_words_and_what_to_do() {
        for reason in EndReason::ALL {
            if let Some(view) = ending(*reason, None) {
                assert_eq!(view.code, reason.as_str());
                assert!(view.message.ends_with('.'), "{}", view.message);
                assert!(view.remedy.is_some() || *reason == EndReason::Stale, "{reason:?}");
            }
        }
        assert!(ending(EndReason::RemoteHangup, None).is_none());
    }

    #[test]
    fn metas_code_sharpens_the_words() {
        let meta = MetaError { code: 138_012, message: "too many".into() };
        let view = ending(EndReason::LimitReached, Some(&meta)).unwrap();
        assert_eq!(view.code, "limit_reached");
        assert!(view.message.contains("today"));
    }
}
