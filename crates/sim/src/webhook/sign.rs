//! The signature over the raw body.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;

/// Value of `X-Hub-Signature-256`.
pub(crate) fn sha256(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", sign(hmac::HMAC_SHA256, secret, body))
}

/// Value of the legacy `X-Hub-Signature`.
pub(crate) fn sha1(secret: &str, body: &[u8]) -> String {
    format!("sha1={}", sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, body))
}

fn sign(algorithm: hmac::Algorithm, secret: &str, body: &[u8]) -> String {
    HEXLOWER.encode(hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_equal_the_computed_vectors() {
        let empty = r#"{"object":"whatsapp_business_account","entry":[]}"#;
        let named = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","time":1,"changes":[{"field":"calls","value":{"name":"Ren\u00e9 \ud83d\ude00"}}]}]}"#;
        let cases = [
            ("test_app_secret", empty, "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"),
            ("sim-app-secret", empty, "2ff48ad93b702ab2040e5d78d6c07549274fb2e739ecd649af3037518df3b94c"),
            ("sim-app-secret", named, "2ad2447494a1ce7d23cee6d6bf7706d904216b77990f544e4b7add3124142d7a"),
        ];
        for (secret, body, expected) in cases {
            assert_eq!(sha256(secret, body.as_bytes()), format!("sha256={expected}"));
        }
    }
}
