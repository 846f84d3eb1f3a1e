//! Passwords: argon2id, away from the threads that serve calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use offhook_core::ports::StoreFault;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// OWASP's first choice for argon2id. More would let a burst of sign-ins take memory from calls; less would
/// make a stolen table cheaper to search.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at the same time: each takes a core and 19 MiB for a moment.
const AT_ONCE: usize = 2;

/// How long a sign-in waits for its turn before it is told to try again.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Hashes and verifies passwords, a few at a time.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// Hashes computed so far.
    computed: Arc<AtomicU64>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), computed: Arc::default() }
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, StoreFault> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let computed = Arc::clone(&self.computed);
        self.in_turn(move || compute(&password, &computed).to_string()).await
    }

    /// Whether the password fits the stored PHC string. Without one it computes as much, and does not: how
    /// long an answer takes tells nobody who has an account.
    pub(crate) async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, StoreFault> {
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let computed = Arc::clone(&self.computed);
        self.in_turn(move || match stored {
            Some(stored) => PasswordHash::new(&stored)
                .map(|hash| fits(&password, &hash, &computed))
                .map_err(|_| StoreFault::Corrupt("a password hash".to_owned())),
            None => {
                compute(&password, &computed);
                Ok(false)
            }
        })
        .await?
    }

    /// How many hashes were computed so far.
    #[cfg(test)]
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreFault> {
        let busy = || StoreFault::Unavailable("too many sign-ins at once".to_owned());
        let turn = timeout(TURN_WITHIN, Arc::clone(&self.turns).acquire_owned()).await.map_err(|_| busy())?;
        let turn = turn.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| StoreFault::Unavailable("password hashing was stopped".to_owned()))
    }
}

fn hasher() -> Argon2<'static> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn fits(password: &[u8], stored: &PasswordHash, computed: &AtomicU64) -> bool {
    computed.fetch_add(1, Ordering::Relaxed);
    hasher().verify_password(password, stored).is_ok()
}

fn compute(password: &[u8], computed: &AtomicU64) -> PasswordHash {
    computed.fetch_add(1, Ordering::Relaxed);
    let mut salt = [0; 16];
    rand::fill(&mut salt).expect("the system's random source does not fail");
    hasher().hash_password_with_salt(password, &salt).expect("argon2 takes any password below 4 GB")
}
