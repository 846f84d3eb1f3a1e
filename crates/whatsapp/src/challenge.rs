//! Meta's check that a webhook address is ours (whatsapp-calling.md 3.1).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};

/// Longest challenge echoed; Meta's have about ten digits.
const MAX_DIGITS: usize = 64;

/// Why a check is refused. All are answered alike; the difference is for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// No verify token is configured, so no check can pass.
    #[error("no verify token is configured")]
    NoToken,
    /// A parameter is missing or there twice.
    #[error("{0} must be there exactly once")]
    Parameter(&'static str),
    /// `hub.mode` is not `subscribe`.
    #[error("hub.mode is not subscribe")]
    Mode,
    /// The token is not ours.
    #[error("the verify token is wrong")]
    WrongToken,
    /// The challenge is not made of digits; anything else could be a page put into our mouth.
    #[error("the challenge is not a number")]
    NotDigits,
}

/// The body to answer a subscription check with, from its decoded query parameters in any order.
///
/// # Errors
/// [`ChallengeError`] unless everything fits.
pub fn answer<K, V>(
    query: impl IntoIterator<Item = (K, V)>,
    verify_token: &SecretString,
) -> Result<String, ChallengeError>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    const NAMES: [&str; 3] = ["hub.mode", "hub.verify_token", "hub.challenge"];
    let mut values: [Option<V>; 3] = [None, None, None];
    for (key, value) in query {
        let Some(place) = NAMES.iter().position(|name| *name == key.as_ref()) else { continue };
        if values[place].replace(value).is_some() {
            return Err(ChallengeError::Parameter(NAMES[place]));
        }
    }
    let [mode, token, challenge] = values;
    let mode = mode.ok_or(ChallengeError::Parameter(NAMES[0]))?;
    let token = token.ok_or(ChallengeError::Parameter(NAMES[1]))?;
    let challenge = challenge.ok_or(ChallengeError::Parameter(NAMES[2]))?;
    if mode.as_ref() != "subscribe" {
        return Err(ChallengeError::Mode);
    }
    let ours = verify_token.expose_secret();
    if ours.is_empty() {
        return Err(ChallengeError::NoToken);
    }
    // Digests have one length, so that the comparison does not tell the token's.
    let [ours, theirs] = [ours, token.as_ref()].map(|text| digest(&SHA256, text.as_bytes()));
    verify_slices_are_equal(ours.as_ref(), theirs.as_ref()).map_err(|_| ChallengeError::WrongToken)?;
    let challenge = challenge.as_ref();
    let digits = (1..=MAX_DIGITS).contains(&challenge.len()) && challenge.bytes().all(|b| b.is_ascii_digit());
    if digits { Ok(challenge.to_owned()) } else { Err(ChallengeError::NotDigits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &[(&str, &str)], expected: Result<&str, ChallengeError>) {
        let token = SecretString::from("my token");
        let answered = answer(query.iter().copied(), &token);
        assert_eq!(answered, expected.map(ToOwned::to_owned), "{query:?}");
    }

    const MODE: (&str, &str) = ("hub.mode", "subscribe");
    const CHALLENGE: (&str, &str) = ("hub.challenge", "1158201444");
    const TOKEN: (&str, &str) = ("hub.verify_token", "my token");

    #[test]
    fn the_challenge_is_echoed_in_any_order_of_parameters() {
        check(&[MODE, CHALLENGE, TOKEN], Ok("1158201444"));
        check(&[TOKEN, MODE, ("other", "x"), CHALLENGE], Ok("1158201444"));
        check(&[CHALLENGE, TOKEN, MODE, ("other", "x"), ("other", "y")], Ok("1158201444"));
    }

    #[test]
    fn anything_else_is_refused() {
        use ChallengeError::{Mode, NoToken, NotDigits, Parameter, WrongToken};
        check(&[], Err(Parameter("hub.mode")));
        check(&[MODE, TOKEN], Err(Parameter("hub.challenge")));
        check(&[MODE, CHALLENGE], Err(Parameter("hub.verify_token")));
        check(&[MODE, CHALLENGE, TOKEN, TOKEN], Err(Parameter("hub.verify_token")));
        check(&[MODE, CHALLENGE, CHALLENGE, TOKEN], Err(Parameter("hub.challenge")));
        check(&[("hub.mode", "unsubscribe"), CHALLENGE, TOKEN], Err(Mode));
        for wrong in ["", "my toke", "my token ", "My token", "my tokem"] {
            check(&[MODE, CHALLENGE, ("hub.verify_token", wrong)], Err(WrongToken));
        }
        for page in ["", "<script>alert(1)</script>", "12 34", "-1", "١٢٣", &"1".repeat(65)] {
            check(&[MODE, ("hub.challenge", page), TOKEN], Err(NotDigits));
        }
        let none = SecretString::from("");
        assert_eq!(answer([MODE, CHALLENGE, ("hub.verify_token", "")], &none), Err(NoToken));
    }
}
