//! Rate limits: requests per key and operation, tries to sign in per account and address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use offhook_core::id::TenantId;

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Checks between two sweeps of limits that nobody has used for a while.
const SWEEP_EVERY: u32 = 1000;

/// An operation with a limit of its own (provider-apis.md 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    /// Place a call.
    Initiate,
    /// List calls.
    List,
    /// Read one call.
    Read,
    /// End or reject a call.
    Control,
    /// Make a ticket for the agents' socket.
    Ticket,
    /// Ask for the answer of a request that was carried out before.
    Repeat,
    /// Place a call from a page. Nobody dials every other second for a minute; a page that loops does.
    Dial,
    /// Read contacts.
    ReadContacts,
    /// Change contacts.
    WriteContacts,
    /// Read figures of many days.
    Figures,
    /// Take many calls away in one file.
    Export,
}

impl Operation {
    const ALL: [Self; 11] = [
        Self::Initiate,
        Self::List,
        Self::Read,
        Self::Control,
        Self::Ticket,
        Self::Repeat,
        Self::Dial,
        Self::ReadContacts,
        Self::WriteContacts,
        Self::Figures,
        Self::Export,
    ];

    /// Requests in [`WINDOW`].
    const fn per_window(self) -> u32 {
        match self {
            Self::Initiate | Self::Control | Self::WriteContacts | Self::Figures => 60,
            Self::List | Self::Read | Self::Ticket | Self::Repeat | Self::ReadContacts => 120,
            Self::Dial => 30,
            // Each reads every call there is.
            Self::Export => 6,
        }
    }
}

/// The window limits of single operations are stated in.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Requests of one address in [`WINDOW`] that say not who they are from, or say it wrong. An office of people
/// whose sessions have run out needs a few each; whoever guesses keys needs very many more.
const STRANGERS: u32 = 120;

/// How many requests are let in, whatever they ask.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Of a key or person in a second. A program that needs more than this all the time asks for too little at
    /// once.
    pub key_per_second: u32,
    /// How many of them may come at once. A page that opens asks for a dozen things.
    pub key_burst: u32,
    /// Of a company in a second, so that no company starves the others.
    pub tenant_per_second: u32,
}

impl Rates {
    /// Those of a company that may ask so often in a second: one of its keys may do a fifth of that.
    #[must_use]
    pub const fn of_company(per_second: u32) -> Self {
        let fifth = if per_second < 5 { 1 } else { per_second / 5 };
        Self { key_per_second: fifth, key_burst: fifth * 2, tenant_per_second: per_second }
    }
}

/// What a limit says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests in a window.
    pub(crate) limit: u32,
    /// The window.
    pub(crate) window: Duration,
    /// How many more would be let through now.
    pub(crate) remaining: u32,
    /// When all of them are back.
    pub(crate) full_in: Duration,
    /// How long to wait, when this request was one too many.
    pub(crate) retry_in: Option<Duration>,
}

/// Limits per key, or per person, and operation.
pub(crate) struct KeyLimits {
    limiters: HashMap<Operation, Limiter<String>>,
    keys: Limiter<String>,
    tenants: Limiter<TenantId>,
    strangers: Limiter<Option<IpAddr>>,
}

impl KeyLimits {
    pub(crate) fn new(rates: &Rates) -> Self {
        let second = Duration::from_secs(1);
        let limiter = |operation: Operation| Limiter::new(operation.per_window(), WINDOW);
        Self {
            limiters: Operation::ALL.into_iter().map(|operation| (operation, limiter(operation))).collect(),
            keys: Limiter::bursting(rates.key_per_second, second, rates.key_burst),
            tenants: Limiter::new(rates.tenant_per_second, second),
            strangers: Limiter::new(STRANGERS, WINDOW),
        }
    }

    /// Counts a request of `who`. Unknown credentials never come here, so nobody can fill the memory.
    pub(crate) fn count(&self, operation: Operation, who: &str) -> Allowance {
        self.limiters[&operation].count(who.to_owned())
    }

    /// Counts a request of nobody known.
    pub(crate) fn stranger(&self, address: Option<IpAddr>) -> Allowance {
        self.strangers.count(address.map(network))
    }

    /// Counts a request of `who`, whatever it asks. The allowance is given when it is one too many.
    pub(crate) fn crowd(&self, tenant: &TenantId, who: &str) -> Option<Allowance> {
        let too_many = |allowance: &Allowance| allowance.retry_in.is_some();
        let by_key = Some(self.keys.count(who.to_owned())).filter(too_many);
        by_key.or_else(|| Some(self.tenants.count(tenant.clone())).filter(too_many))
    }
}

/// Tries to sign in: few per account, more per address. A success gives both their tries back, so that a
/// team behind one address is not locked out by signing in.
pub(crate) struct LoginGate {
    accounts: Limiter<(String, u32)>,
    addresses: Limiter<(Option<IpAddr>, u32)>,
    forgiven: Mutex<Forgiven>,
}

#[derive(Default)]
struct Forgiven {
    accounts: HashMap<String, u32>,
    addresses: HashMap<Option<IpAddr>, u32>,
}

const LOGIN_WINDOW: Duration = Duration::from_secs(15 * 60);
const TRIES_PER_ACCOUNT: u32 = 5;
const TRIES_PER_ADDRESS: u32 = 50;

/// Addresses and accounts whose successes are remembered. Beyond it the oldest tries count again.
const MOST_FORGIVEN: usize = 10_000;

impl Default for LoginGate {
    fn default() -> Self {
        Self {
            accounts: Limiter::new(TRIES_PER_ACCOUNT, LOGIN_WINDOW),
            addresses: Limiter::new(TRIES_PER_ADDRESS, LOGIN_WINDOW),
            forgiven: Mutex::new(Forgiven::default()),
        }
    }
}

impl LoginGate {
    /// Counts a try before the password is looked at. Returns how long to wait when it is one too many.
    pub(crate) fn count(&self, account: &str, address: Option<IpAddr>) -> Option<Duration> {
        let address = address.map(network);
        let (account_age, address_age) = {
            let forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
            let account = forgiven.accounts.get(account).copied().unwrap_or(0);
            (account, forgiven.addresses.get(&address).copied().unwrap_or(0))
        };
        let by_address = self.addresses.count((address, address_age)).retry_in;
        by_address.or_else(|| self.accounts.count((account.to_owned(), account_age)).retry_in)
    }

    /// The password was right.
    pub(crate) fn forgive(&self, account: &str, address: Option<IpAddr>) {
        let mut forgiven = self.forgiven.lock().unwrap_or_else(PoisonError::into_inner);
        if forgiven.accounts.len() >= MOST_FORGIVEN || forgiven.addresses.len() >= MOST_FORGIVEN {
            *forgiven = Forgiven::default();
        }
        *forgiven.accounts.entry(account.to_owned()).or_default() += 1;
        *forgiven.addresses.entry(address.map(network)).or_default() += 1;
    }
}

/// A household has a /64 of IPv6: whoever has one address of it has them all.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            let prefix = u128::from(six) & (u128::MAX << 64);
            IpAddr::V6(prefix.into())
        }
    }
}

struct Limiter<K: Hash + Eq + Clone> {
    keyed: Keyed<K>,
    clock: DefaultClock,
    limit: u32,
    window: Duration,
    step: Duration,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(limit: u32, window: Duration) -> Self {
        Self::bursting(limit, window, limit)
    }

    fn bursting(limit: u32, window: Duration, burst: u32) -> Self {
        let step = window / limit;
        let burst = NonZeroU32::new(burst).expect("limits are positive constants");
        let quota = Quota::with_period(step).expect("windows are positive constants").allow_burst(burst);
        let clock = DefaultClock::default();
        let keyed: Keyed<K> = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        Self { keyed, clock, limit, window, step, checks: AtomicU32::new(0) }
    }

    fn count(&self, key: K) -> Allowance {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.keyed.retain_recent();
            self.keyed.shrink_to_fit();
        }
        let (limit, window) = (self.limit, self.window);
        match self.keyed.check_key(&key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity().min(limit);
                Allowance {
                    limit,
                    window,
                    remaining,
                    full_in: self.step * (limit - remaining),
                    retry_in: None,
                }
            }
            Err(until) => {
                let retry_in = Some(until.wait_time_from(self.clock.now()));
                Allowance { limit, window, remaining: 0, full_in: self.step * limit, retry_in }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_wrong_try_of_an_account_waits() {
        let gate = LoginGate::default();
        for _ in 0..5 {
            assert_eq!(gate.count("ann@example.com", None), None);
        }
        let wait = gate.count("ann@example.com", None).unwrap();
        assert!(wait > Duration::from_secs(60) && wait <= LOGIN_WINDOW, "{wait:?}");
        assert_eq!(gate.count("bob@example.com", None), None);
    }

    #[test]
    fn a_success_gives_the_tries_back() {
        let gate = LoginGate::default();
        let home = Some("192.0.2.7".parse().unwrap());
        for _ in 0..100 {
            assert_eq!(gate.count("ann@example.com", home), None);
            gate.forgive("ann@example.com", home);
        }
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let gate = LoginGate::default();
        let tries = |n: usize, address: &str| {
            let address = Some(address.parse().unwrap());
            (0..n).filter(|i| gate.count(&format!("{i}@example.com"), address).is_none()).count()
        };
        assert_eq!(tries(60, "2001:db8::1"), 50);
        assert_eq!(tries(1, "2001:db8::2"), 0, "the same household");
        assert_eq!(tries(1, "2001:db8:0:1::1"), 1);
    }

    #[test]
    fn a_key_is_told_what_remains() {
        let limits = KeyLimits::new(&Rates::of_company(100));
        let first = limits.count(Operation::Initiate, "key");
        assert_eq!((first.limit, first.remaining, first.retry_in), (60, 59, None));
        for _ in 0..59 {
            limits.count(Operation::Initiate, "key");
        }
        let refused = limits.count(Operation::Initiate, "key");
        assert_eq!(refused.remaining, 0);
        assert!(refused.retry_in.unwrap() <= Duration::from_secs(1));
        assert_eq!(limits.count(Operation::List, "key").retry_in, None, "another operation");
        assert_eq!(limits.count(Operation::Initiate, "other").retry_in, None, "another key");
    }

    #[test]
    fn one_key_and_one_company_leave_room_for_the_others() {
        let limits = KeyLimits::new(&Rates::of_company(100));
        let tenant = |n: u8| TenantId::parse(&format!("ten_{n:032x}")).unwrap();
        let let_in =
            |tenant: &TenantId, who: &str| (0..100).filter(|_| limits.crowd(tenant, who).is_none()).count();
        let first = let_in(&tenant(1), "key 1");
        assert!((40..60).contains(&first), "{first}");
        let company: usize = (2..9).map(|n| let_in(&tenant(1), &format!("key {n}"))).sum();
        assert!(first + company < 200, "{company} more of the company");
        assert!((40..60).contains(&let_in(&tenant(2), "key 9")));
    }
}
