//! STUN and TURN servers for the agents' pages: the configured addresses with each page's credentials.
//!
//! A shared secret makes credentials that expire, as coturn's `use-auth-secret` checks them: the name is
//! `expiry:person`, the password the Base64 of its HMAC-SHA1 (draft-uberti-behave-turn-rest-00, section 2.2).

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use offhook_api::ws::ice::{IceOffer, IceServers};
use offhook_api::ws::protocol::IceServer;
use offhook_core::id::UserId;
use offhook_core::time::Time;

use crate::config::secret::Secret;
use crate::config::sections::Media;
use crate::config::turn::relays;

pub(crate) struct Turn {
    stun: Vec<String>,
    turn: Vec<String>,
    credentials: Credentials,
}

enum Credentials {
    None,
    Static { username: String, password: Secret },
    Shared { key: Box<hmac::Key>, lifetime: Duration },
}

impl Turn {
    pub(crate) fn new(media: &Media) -> Self {
        let (turn, stun) = media.turn_urls.iter().cloned().partition(|url| relays(url));
        let credentials = match (&media.turn_secret, &media.turn_username, &media.turn_password) {
            (Some(secret), ..) => Credentials::Shared {
                key: Box::new(hmac::Key::new(
                    hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                    secret.expose().as_bytes(),
                )),
                lifetime: Duration::from_secs(media.turn_lifetime_secs.into()),
            },
            (None, Some(username), Some(password)) => {
                Credentials::Static { username: username.clone(), password: password.clone() }
            }
            (None, ..) => Credentials::None,
        };
        Self { stun, turn, credentials }
    }

    /// Name and password.
    fn credentials(&self, person: &UserId, now: Time) -> Option<(String, String)> {
        match &self.credentials {
            Credentials::None => None,
            Credentials::Static { username, password } => {
                Some((username.clone(), password.expose().to_owned()))
            }
            Credentials::Shared { key, lifetime } => {
                let expiry = (now + *lifetime).as_micros() / 1_000_000;
                let username = format!("{expiry}:{person}");
                let password = BASE64.encode(hmac::sign(key, username.as_bytes()).as_ref());
                Some((username, password))
            }
        }
    }
}

impl IceServers for Turn {
    fn offer(&self, person: &UserId, now: Time) -> IceOffer {
        let mut servers = Vec::new();
        if !self.stun.is_empty() {
            servers.push(IceServer { urls: self.stun.clone(), username: None, credential: None });
        }
        if let Some((username, credential)) = self.credentials(person, now) {
            let urls = self.turn.clone();
            servers.push(IceServer { urls, username: Some(username), credential: Some(credential) });
        }
        let good_for = match &self.credentials {
            Credentials::Shared { lifetime, .. } => Some(*lifetime),
            Credentials::Static { .. } | Credentials::None => None,
        };
        IceOffer { servers, good_for }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Source, load};

    fn offer(keys: &[(&'static str, &str)]) -> IceOffer {
        let source = keys
            .iter()
            .fold(Source::default(), |source, (key, value)| source.flag(key, Some((*value).to_owned())));
        let config = load(&source).unwrap();
        let person = UserId::parse("usr_00000000000000000000000000000001").unwrap();
        Turn::new(&config.media).offer(&person, Time::from_secs(1_793_610_900))
    }

    const URLS: (&str, &str) =
        ("media.turn_urls", "turn:a.example.com,stun:b.example.com,turns:c.example.com");

    fn servers(username: &str, credential: &str) -> Vec<IceServer> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let stun = IceServer { urls: words(&["stun:b.example.com"]), username: None, credential: None };
        let urls = words(&["turn:a.example.com", "turns:c.example.com"]);
        let (username, credential) = (Some(username.to_owned()), Some(credential.to_owned()));
        vec![stun, IceServer { urls, username, credential }]
    }

    #[test]
    fn without_servers_nothing_is_offered() {
        let offer = offer(&[]);
        assert!(offer.servers.is_empty() && offer.good_for.is_none());
    }

    #[test]
    fn shared_secret_makes_credentials_as_coturn_checks_them() {
        let secret = ("media.turn_secret", "north-of-the-river");
        let offer = offer(&[URLS, secret, ("media.turn_lifetime_secs", "3600")]);
        // printf NAME | openssl dgst -sha1 -hmac SECRET -binary | base64
        let username = "1793614500:usr_00000000000000000000000000000001";
        assert_eq!(offer.servers, servers(username, "4H+VzYDVlfArssFCNs+VeXzmBmQ="));
        assert_eq!(offer.good_for, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn one_name_for_all_does_not_expire() {
        let offer = offer(&[URLS, ("media.turn_username", "pages"), ("media.turn_password", "eightletters")]);
        assert_eq!(offer.servers, servers("pages", "eightletters"));
        assert_eq!(offer.good_for, None);
    }

    #[test]
    fn credentials_do_not_print() {
        let offer = offer(&[URLS, ("media.turn_username", "pages"), ("media.turn_password", "eightletters")]);
        assert!(!format!("{offer:?}").contains("eightletters"));
    }
}
