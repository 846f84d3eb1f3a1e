//! STUN and TURN servers that remember how often they were asked for.

use std::sync::Mutex;
use std::time::Duration;

use offhook_api::ws::ice::{IceOffer, IceServers};
use offhook_api::ws::protocol::IceServer;
use offhook_core::id::UserId;
use offhook_core::time::Time;

/// None at first.
#[derive(Default)]
pub(crate) struct Ice(Mutex<Lent>);

#[derive(Default)]
struct Lent {
    good_for: Option<Duration>,
    times: u32,
}

impl Ice {
    /// From now on there is a TURN server, with credentials that are good for so long.
    pub(crate) fn lend_for(&self, span: Duration) {
        self.0.lock().unwrap().good_for = Some(span);
    }
}

impl IceServers for Ice {
    fn offer(&self, person: &UserId, _: Time) -> IceOffer {
        let mut lent = self.0.lock().unwrap();
        let Some(good_for) = lent.good_for else { return IceOffer::default() };
        lent.times += 1;
        let server = IceServer {
            urls: vec!["turn:turn.example.com".to_owned()],
            username: Some(format!("{}:{person}", lent.times)),
            credential: Some("word".to_owned()),
        };
        IceOffer { servers: vec![server], good_for: Some(good_for) }
    }
}
