//! Where a page can be reached: more of it after an offer, and anew when its network has changed.

use offhook_core::house::Person;
use offhook_core::id::CallId;
use offhook_core::sdp::IceCandidate;
use offhook_whatsapp::sdp;

use super::commands::{Done, Outcome};
use super::words;
use crate::house::House;

/// RFC 8839 section 5.4.
const LONGEST_UFRAG: usize = 256;
/// A candidate with every extension browsers write has about 200 bytes.
const LONGEST_CANDIDATE: usize = 1_024;

/// Offers a new path.
pub(super) async fn restart(house: &House, me: &Person, call_id: &str, offer: &str) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let offer = sdp::check_page_offer(offer).map_err(|why| words::invalid_sdp(&why))?;
    let found = house.engine.restart(&me.tenant, &id, &me.id, &offer).await;
    found.map(Outcome::from).map_err(|why| words::refused(&why))
}

/// Tells of one more place. What cannot be used changes nothing, and neither does the last word that there are no
/// more: checks may still come from places nobody has told of.
pub(super) async fn candidate(
    house: &House,
    me: &Person,
    call_id: &str,
    ufrag: &str,
    candidate: &str,
) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    if ufrag.len() > LONGEST_UFRAG || candidate.len() > LONGEST_CANDIDATE {
        return Err(words::error("invalid_message", "candidate: it is too long", None));
    }
    let candidate = IceCandidate { ufrag: ufrag.into(), line: candidate.into() };
    let told = house.engine.trickle(&me.tenant, &id, &me.id, candidate).await;
    told.map(|()| Outcome::default()).map_err(|why| words::refused(&why))
}
