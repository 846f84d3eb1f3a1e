//! Passing datagrams to the shard whose leg they are for.
//!
//! All shards listen on one port, each with a socket of its own, and the kernel chooses the socket by a hash of the
//! sender's address. Which shard a leg lives on is chosen by its call. So a datagram may come to the wrong shard,
//! which then passes it over through a bounded ring; answers go out of the right shard's own socket at once.
//!
//! Whose a datagram is, every shard knows by itself: checks name the leg by a user fragment that begins with its
//! shard's mark, and the address a leg selects is told to all shards, so that its sound is known by its sender.
//! Answers to checks and handshakes of senders that are not known yet go to all: they are few. Nothing here is locked. A shard that is alone has no rings and does nothing of this.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use rtrb::{Consumer, Producer, RingBuffer};

use super::drive::Wake;
use super::hints::Stream;
use super::port::SLOT;

/// Shards at most: one a core, and as many as there are marks and bits to name them.
pub(crate) const MOST_SHARDS: usize = 32;
/// First signs of user fragments, all of them allowed there (RFC 8839 section 5.4).
const MARKS: &[u8; MOST_SHARDS] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Bytes under way to a shard from all others. At 1,000 calls a shard these are more than a tenth of a second of
/// sound, which later is worth nothing; and the less there is, the more of it stays in the cores' caches.
const ROOM: usize = 2 * 1024 * 1024;
/// Addresses selected and left under way from one shard to another, before they wait inside the one that tells.
const NEWS: usize = 1_024;
/// Those that wait. A shard this far behind has stopped.
const MAX_UNSAID: usize = 65_536;
/// Length, address and port.
const HEAD: usize = 2 + 16 + 2;

/// Some of the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shards(u32);

impl Shards {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn add(&mut self, shard: usize) {
        self.0 |= 1 << shard;
    }

    pub(super) fn remove(&mut self, shard: usize) {
        self.0 &= !(1 << shard);
    }

    fn contains(self, shard: usize) -> bool {
        self.0 & 1 << shard != 0
    }
}

/// A shard has come to have legs behind an address, or has none there any more, or knows a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Joined(SocketAddr),
    Left(SocketAddr),
    /// A stream that was passed over is of a leg there.
    Heard(Stream),
}

/// Who sends a datagram that is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// An address a leg has selected.
    Known,
    /// Anybody. They get half of the room, so that they cannot crowd out the others.
    Stranger,
}

/// A shard's door to the others.
pub(crate) struct Post {
    own: usize,
    others: Vec<Other>,
    /// Whose datagram is fetched next.
    next: usize,
    frame: Box<[u8; HEAD + SLOT]>,
}

/// The way to another shard and back.
struct Other {
    shard: usize,
    wake: Arc<Wake>,
    out: Producer<u8>,
    intake: Consumer<u8>,
    tells: Producer<News>,
    told: Consumer<News>,
    unsaid: VecDeque<News>,
    /// Whether something was passed over since it was last woken.
    is_owed: bool,
}

/// The doors of so many shards as there are of these to wake.
pub(crate) fn posts(wakes: &[Arc<Wake>]) -> Vec<Post> {
    let shards = wakes.len();
    assert!(shards <= MOST_SHARDS, "the caller has counted");
    let mut posts: Vec<Post> = (0..shards).map(Post::new).collect();
    for b in 1..shards {
        for a in 0..b {
            let (mut there, mut back) = (way(shards), way(shards));
            std::mem::swap(&mut there.intake, &mut back.intake);
            std::mem::swap(&mut there.told, &mut back.told);
            posts[a].others.push(there.to(b, &wakes[b]));
            posts[b].others.push(back.to(a, &wakes[a]));
        }
    }
    posts
}

/// Both ends of a ring for datagrams and one for news.
struct Way {
    out: Producer<u8>,
    intake: Consumer<u8>,
    tells: Producer<News>,
    told: Consumer<News>,
}

fn way(shards: usize) -> Way {
    let (out, intake) = RingBuffer::new(ROOM / shards);
    let (tells, told) = RingBuffer::new(NEWS);
    Way { out, intake, tells, told }
}

impl Way {
    fn to(self, shard: usize, wake: &Arc<Wake>) -> Other {
        let Self { out, intake, tells, told } = self;
        let (wake, unsaid) = (wake.clone(), VecDeque::new());
        Other { shard, wake, out, intake, tells, told, unsaid, is_owed: false }
    }
}

impl Post {
    fn new(own: usize) -> Self {
        Self { own, others: Vec::new(), next: 0, frame: Box::new([0; HEAD + SLOT]) }
    }

    /// How user fragments of this shard's legs begin; nothing particular if it is alone.
    pub(super) fn mark(&self) -> Option<char> {
        (!self.is_alone()).then(|| char::from(MARKS[self.own]))
    }

    pub(super) fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// The other shard whose mark this is.
    pub(super) fn marked(&self, ufrag: &[u8]) -> Option<Shards> {
        let shard = MARKS.iter().position(|mark| Some(mark) == ufrag.first())?;
        self.others.iter().any(|other| other.shard == shard).then_some(Shards(1 << shard))
    }

    /// That one alone.
    pub(super) fn only(shard: usize) -> Shards {
        Shards(1 << shard)
    }

    /// All others, if there are any.
    pub(super) fn everybody(&self) -> Option<Shards> {
        (!self.is_alone())
            .then(|| self.others.iter().fold(Shards::NONE, |all, other| Shards(all.0 | 1 << other.shard)))
    }

    /// Passes a datagram over; how many got it, and how many have no room.
    pub(super) fn hand(
        &mut self,
        to: Shards,
        from: SocketAddr,
        datagram: &[u8],
        sender: Sender,
    ) -> (u64, u64) {
        let len = HEAD + datagram.len();
        let (ip, port) = match from.ip() {
            IpAddr::V4(ip) => (ip.to_ipv6_mapped(), from.port()),
            IpAddr::V6(ip) => (ip, from.port()),
        };
        self.frame[..2].copy_from_slice(&(datagram.len() as u16).to_be_bytes());
        self.frame[2..18].copy_from_slice(&ip.octets());
        self.frame[18..HEAD].copy_from_slice(&port.to_be_bytes());
        self.frame[HEAD..len].copy_from_slice(datagram);
        let (mut handed, mut lost) = (0, 0);
        for other in self.others.iter_mut().filter(|other| to.contains(other.shard)) {
            let is_crowded =
                sender == Sender::Stranger && other.out.slots() < other.out.buffer().capacity() / 2;
            if is_crowded || other.out.push_entire_slice(&self.frame[..len]).is_err() {
                lost += 1;
            } else {
                handed += 1;
                other.is_owed = true;
            }
        }
        (handed, lost)
    }

    /// Wakes those who wait for what was passed over to them.
    pub(super) fn ring(&mut self) {
        for other in &mut self.others {
            other.say_what_is_unsaid();
            if std::mem::take(&mut other.is_owed) {
                other.wake.wake_if_waiting();
            }
        }
    }

    /// The next datagram that was passed over to this shard.
    pub(super) fn fetch(&mut self, buffer: &mut [u8; SLOT]) -> Option<(SocketAddr, usize)> {
        // In turns, so that a busy neighbour does not hold up a quiet one.
        for _ in 0..self.others.len() {
            self.next = (self.next + 1) % self.others.len();
            let intake = &mut self.others[self.next].intake;
            let mut head = [0; HEAD];
            if intake.pop_entire_slice(&mut head).is_err() {
                continue;
            }
            let (len, rest) = head.split_first_chunk::<2>()?;
            let (ip, port) = rest.split_first_chunk::<16>()?;
            let len = usize::from(u16::from_be_bytes(*len));
            // Both were put there in one step, so one is never there without the other.
            intake.pop_entire_slice(&mut buffer[..len]).ok()?;
            let ip = Ipv6Addr::from(*ip).to_canonical();
            return Some((SocketAddr::new(ip, u16::from_be_bytes([port[0], port[1]])), len));
        }
        None
    }

    /// Whether there is something to fetch.
    pub(super) fn has_mail(&self) -> bool {
        self.others.iter().any(|other| !other.intake.is_empty())
    }

    /// Tells all others.
    pub(super) fn tell(&mut self, news: News) {
        for other in &mut self.others {
            other.unsaid.push_back(news);
            other.say_what_is_unsaid();
        }
    }

    /// What another shard has told.
    pub(super) fn news(&mut self) -> Option<(usize, News)> {
        self.others.iter_mut().find_map(|other| Some((other.shard, other.told.pop().ok()?)))
    }
}

impl Other {
    /// Nobody is woken for news: whoever gets a datagram is awake, and reads them before it.
    fn say_what_is_unsaid(&mut self) {
        while let Some(news) = self.unsaid.pop_front() {
            if self.tells.push(news).is_err() {
                self.unsaid.push_front(news);
                break;
            }
        }
        if self.unsaid.len() > MAX_UNSAID {
            self.unsaid.clear();
            if !self.tells.is_abandoned() {
                tracing::error!("a media thread does not read what the others tell it");
            }
        }
    }
}

impl Wake {
    /// Between these two, a shard that passes something over wakes this one.
    pub(super) fn begin_to_wait(&self) {
        self.waits.store(true, Ordering::Relaxed);
        // Either this shard sees what was passed over, or the other one sees that it waits.
        fence(Ordering::SeqCst);
    }

    pub(super) fn has_waited(&self) {
        self.waits.store(false, Ordering::Relaxed);
    }

    fn wake_if_waiting(&self) {
        fence(Ordering::SeqCst);
        if self.waits.swap(false, Ordering::Relaxed) {
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> (Post, Post) {
        let wakes = [(); 2].map(|()| Arc::new(Wake::new().unwrap()));
        let mut posts = posts(&wakes).into_iter();
        (posts.next().unwrap(), posts.next().unwrap())
    }

    #[test]
    fn what_is_passed_over_arrives_as_it_was() {
        let wakes: Vec<_> = (0..3).map(|_| Arc::new(Wake::new().unwrap())).collect();
        let mut posts = posts(&wakes);
        let v4 = SocketAddr::from(([192, 0, 2, 1], 3_480));
        let v6 = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 65_535));
        let mut buffer = [0; SLOT];
        for round in 0..20_000u16 {
            let bytes = vec![round as u8; usize::from(round) % SLOT];
            let everybody = posts[1].everybody().unwrap();
            assert_eq!(
                posts[1].hand(everybody, if round % 2 == 0 { v4 } else { v6 }, &bytes, Sender::Known),
                (2, 0)
            );
            for other in [0, 2] {
                let (from, len) = posts[other].fetch(&mut buffer).unwrap();
                assert_eq!((from, &buffer[..len]), (if round % 2 == 0 { v4 } else { v6 }, &bytes[..]));
                assert!(posts[other].fetch(&mut buffer).is_none() && !posts[other].has_mail());
            }
        }
        assert!(posts[1].fetch(&mut buffer).is_none());
    }

    #[test]
    fn strangers_leave_room_for_the_others() {
        let (mut a, mut b) = two();
        let from = SocketAddr::from(([192, 0, 2, 1], 1));
        let to = a.everybody().unwrap();
        let bytes = [7; 1_000];
        let strangers = (0..).take_while(|_| a.hand(to, from, &bytes, Sender::Stranger).0 == 1).count();
        let others = (0..).take_while(|_| a.hand(to, from, &bytes, Sender::Known).0 == 1).count();
        assert!(others + 10 >= strangers && strangers > 400, "{strangers} and {others}");
        assert_eq!(a.hand(to, from, &bytes, Sender::Known), (0, 1));
        let mut buffer = [0; SLOT];
        let fetched = std::iter::from_fn(|| b.fetch(&mut buffer)).count();
        assert_eq!(fetched, strangers + others);
    }

    #[test]
    fn news_wait_for_room_and_keep_their_order() {
        let (mut a, mut b) = two();
        let address = |n: u16| SocketAddr::from(([192, 0, 2, 1], n));
        for n in 0..5_000 {
            a.tell(News::Joined(address(n)));
        }
        let mut heard = Vec::new();
        while let Some((shard, news)) = b.news() {
            assert_eq!(shard, 0);
            heard.push(news);
            a.ring();
        }
        let told: Vec<News> = (0..5_000).map(|n| News::Joined(address(n))).collect();
        assert_eq!(heard, told);
    }

    #[test]
    fn a_shard_is_woken_once_and_only_if_it_waits() {
        let wakes = [(); 2].map(|()| Arc::new(Wake::new().unwrap()));
        let mut posts = posts(&wakes);
        let hand = |posts: &mut [Post]| {
            let to = posts[0].everybody().unwrap();
            posts[0].hand(to, SocketAddr::from(([192, 0, 2, 1], 1)), b"sound", Sender::Known);
            posts[0].ring();
            wakes[1].event.read().is_ok()
        };
        assert!(!hand(&mut posts), "it is at work");
        wakes[1].begin_to_wait();
        assert!(posts[1].has_mail(), "what came before it began to wait is seen");
        assert!(hand(&mut posts));
        assert!(!hand(&mut posts), "it has been woken already");
        wakes[1].begin_to_wait();
        wakes[1].has_waited();
        assert!(!hand(&mut posts));
        posts[0].ring();
        assert!(wakes[0].event.read().is_err());
    }

    #[test]
    fn a_mark_names_its_shard_and_nobody_else() {
        let (a, b) = two();
        assert_eq!((a.mark(), b.mark()), (Some('A'), Some('B')));
        assert_eq!((a.marked(b"Bxyz"), b.marked(b"Axyz")), (a.everybody(), b.everybody()));
        for ufrag in [&b"Axyz"[..], b"Cxyz", b"", b"+", &[0xff]] {
            assert_eq!(a.marked(ufrag), None);
        }
        let alone = posts(&[Arc::new(Wake::new().unwrap())]).remove(0);
        assert_eq!((alone.mark(), alone.marked(b"Axyz"), alone.everybody()), (None, None, None));
    }
}
