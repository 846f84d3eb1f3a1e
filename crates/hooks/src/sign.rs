//! Signatures of every dress.
//!
//! Standard Webhooks (standardwebhooks.com) is there always: HMAC-SHA256 over `id.timestamp.body`, keyed with
//! the Base64 behind `whsec_`, as receivers' libraries expect it. Beside it stands what a dress's own clients
//! know (provider-apis.md 2.11, 3.6, 4.7); there the whole text of the secret is the key.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER};
use offhook_core::hook::{Dress, HookSecret};
use offhook_core::ports::Parcel;
use offhook_core::time::Time;

/// What fresh secrets begin with.
pub const SECRET_PREFIX: &str = "whsec_";

/// Length of a fresh secret in bytes: as strong as the hash it keys.
const SECRET_LEN: usize = 32;

/// A fresh secret's text.
#[must_use]
pub fn fresh_secret() -> HookSecret {
    let mut bytes = [0; SECRET_LEN];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random source does not fail");
    HookSecret::new(format!("{SECRET_PREFIX}{}", BASE64.encode(&bytes)))
}

/// The headers that say what this is and prove who sent it.
#[must_use]
pub fn headers(parcel: &Parcel) -> Vec<(&'static str, String)> {
    let stamp = seconds(parcel.at);
    let (id, body) = (parcel.dressed.id.as_str(), parcel.dressed.body.as_slice());
    let prefix = format!("{id}.{stamp}.");
    let standard = each(parcel, |secret| {
        format!("v1,{}", BASE64.encode(mac(&standard_key(secret), &[prefix.as_bytes(), body]).as_ref()))
    });
    let mut headers = vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", stamp.to_string()),
        ("webhook-signature", standard.join(" ")),
    ];
    match parcel.dress {
        Dress::Orbit => {
            let prefix = format!("{stamp}.");
            let signed = each(parcel, |secret| {
                format!("v1={}", hex(secret.expose().as_bytes(), &[prefix.as_bytes(), body]))
            });
            headers.push(("x-devotel-event-id", id.to_owned()));
            headers.push(("x-devotel-event-type", parcel.name.clone()));
            headers.push(("x-devotel-delivery-id", parcel.delivery.to_string()));
            headers.push(("x-devotel-attempt", (parcel.tries + 1).to_string()));
            headers.push(("x-devotel-signature", format!("t={stamp},{}", signed.join(","))));
        }
        Dress::Vobiz => {
            headers.push(("x-webhook-event", parcel.name.clone()));
            if let Some(newest) = parcel.secrets.first() {
                headers.push(("x-webhook-signature", hex(newest.expose().as_bytes(), &[body])));
            }
        }
        Dress::Meta => {
            if let Some(newest) = parcel.secrets.first() {
                let signed = hex(newest.expose().as_bytes(), &[body]);
                headers.push(("x-hub-signature-256", format!("sha256={signed}")));
            }
        }
    }
    headers
}

fn each(parcel: &Parcel, sign: impl Fn(&HookSecret) -> String) -> Vec<String> {
    parcel.secrets.iter().map(sign).collect()
}

/// As the libraries read it: Base64 behind the prefix. A secret of the customer's own that is none is taken
/// as it is.
fn standard_key(secret: &HookSecret) -> Vec<u8> {
    let text = secret.expose();
    let text = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    let bytes = BASE64.decode(text.as_bytes()).or_else(|_| BASE64_NOPAD.decode(text.as_bytes()));
    bytes.unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn hex(key: &[u8], parts: &[&[u8]]) -> String {
    HEXLOWER.encode(mac(key, parts).as_ref())
}

fn mac(key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

fn seconds(at: Time) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use offhook_core::ports::Dressed;
    use standardwebhooks::Webhook;
    use uuid::Uuid;

    use super::*;

    fn parcel(dress: Dress, secrets: &[&str]) -> Parcel {
        // The verifying library compares with the real time.
        #[expect(clippy::disallowed_methods, reason = "an outside library reads the same clock")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Parcel {
            url: "https://example.com/".to_owned(),
            dress,
            delivery: Uuid::from_u128(7),
            tries: 2,
            at: Time::default() + now,
            name: "whatsapp.call.completed".to_owned(),
            secrets: secrets.iter().map(|&text| HookSecret::new(text.to_owned())).collect(),
            headers: Vec::new(),
            dressed: Dressed { id: "evt_1".to_owned(), body: br#"{"a":"\u00e9 \ud83d\ude00"}"#.to_vec() },
        }
    }

    fn value(parcel: &Parcel, name: &str) -> String {
        let found = headers(parcel).into_iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value).unwrap_or_default()
    }

    #[test]
    fn receivers_libraries_verify_every_dress_with_either_secret_of_a_rotation() {
        let (new, old, other) = (fresh_secret(), fresh_secret(), fresh_secret());
        for dress in Dress::ALL {
            let parcel = parcel(dress, &[new.expose(), old.expose()]);
            let mut map = http::HeaderMap::new();
            for (name, value) in headers(&parcel) {
                map.insert(name, value.parse().unwrap());
            }
            let verify = |secret: &HookSecret| {
                Webhook::new(secret.expose()).unwrap().verify(&parcel.dressed.body, &map).is_ok()
            };
            assert!(verify(&new) && verify(&old), "{dress:?}");
            assert!(!verify(&other), "{dress:?}");
        }
    }

    #[test]
    fn orbits_signature_has_a_value_per_secret_newest_first() {
        let parcel = parcel(Dress::Orbit, &["whsec_new", "own old secret"]);
        let signature = value(&parcel, "x-devotel-signature");
        let [time, new, old] = signature.split(',').collect::<Vec<_>>()[..] else { panic!("{signature}") };
        let time = time.strip_prefix("t=").unwrap();
        let signed = [format!("{time}.").into_bytes(), parcel.dressed.body.clone()].concat();
        for (stated, key) in [(new, "whsec_new"), (old, "own old secret")] {
            let tag = HEXLOWER.decode(stated.strip_prefix("v1=").unwrap().as_bytes()).unwrap();
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &signed, &tag).unwrap();
        }
        assert_eq!(value(&parcel, "x-devotel-attempt"), "3");
        assert_eq!(value(&parcel, "x-devotel-delivery-id"), parcel.delivery.to_string());
        assert_eq!(value(&parcel, "x-devotel-event-type"), "whatsapp.call.completed");
    }

    #[test]
    fn vobiz_and_meta_sign_the_bare_body() {
        // A vector made with another program: `printf '%s' body | openssl dgst -sha256 -hmac secret`.
        let mut vobiz = parcel(Dress::Vobiz, &["secret"]);
        vobiz.dressed.body = b"body".to_vec();
        let hex = "dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355";
        assert_eq!(value(&vobiz, "x-webhook-signature"), hex);
        let meta = Parcel { dress: Dress::Meta, ..vobiz };
        assert_eq!(value(&meta, "x-hub-signature-256"), format!("sha256={hex}"));
    }

    #[test]
    fn a_secret_of_the_customers_own_need_not_be_base64() {
        assert_eq!(standard_key(&HookSecret::new("whsec_AQID".to_owned())), [1, 2, 3]);
        assert_eq!(standard_key(&HookSecret::new("AQ".to_owned())), [1]);
        assert_eq!(standard_key(&HookSecret::new("my secret!".to_owned())), b"my secret!");
        assert_ne!(fresh_secret(), fresh_secret());
    }
}
