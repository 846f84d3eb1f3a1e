//! The certificate of this run.

use std::sync::Arc;

use aws_lc_rs::digest;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::crypto::Certificate;

/// The certificate every leg of this run presents.
#[derive(Clone)]
pub struct Identity {
    pub(crate) provider: Arc<dyn RTCCryptoProvider>,
    pub(super) certificate: Certificate,
    fingerprint: String,
}

/// The machine cannot make a certificate.
#[derive(Debug, thiserror::Error)]
#[error("certificate for media cannot be made: {0}")]
pub struct IdentityError(String);

impl Identity {
    /// Makes a fresh self-signed ECDSA P-256 certificate.
    ///
    /// # Errors
    /// If the crypto provider fails, which it does only without randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let provider = rtc_crypto::default_provider().map_err(|error| IdentityError(error.to_string()))?;
        let certificate = Certificate::generate_self_signed(vec!["offhook".to_owned()], provider.crypto())
            .map_err(|error| IdentityError(error.to_string()))?;
        let der = certificate.certificate.first().expect("a generated certificate has one entry");
        let digest = digest::digest(&digest::SHA256, der);
        let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self { provider, certificate, fingerprint: hex.join(":") })
    }

    /// SHA-256 of the certificate in colon-separated hex, as descriptions write it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
