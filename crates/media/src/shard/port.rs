//! The UDP socket and its batches: one system call for many datagrams, buffers that are never allocated again.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Datagrams per system call. More gains nothing measurable and costs cache.
pub(super) const BATCH: usize = 64;
/// Longer than any datagram of ours or a browser's, with room for the tag.
pub(super) const SLOT: usize = 2_048;
/// What the kernel may hold while the shard sleeps: a second of 1,000 calls. The system's limit may be lower.
const SOCKET_BUFFER: usize = 32 * 1024 * 1024;

/// So many sockets bound to one port for media. With more than one, the kernel spreads senders over them.
pub(crate) fn bind(listen: SocketAddr, sockets: usize) -> io::Result<Vec<UdpSocket>> {
    let first = open(listen)?;
    // Alone at first, so that a port somebody else has is refused; shared with our own after that.
    first.bind(&listen.into())?;
    let mut bound = Vec::with_capacity(sockets);
    if sockets > 1 {
        first.set_reuse_port(true)?;
        let local = first.local_addr()?;
        for _ in 1..sockets {
            let socket = open(listen)?;
            socket.set_reuse_port(true)?;
            socket.bind(&local)?;
            bound.push(socket.into());
        }
    }
    bound.push(first.into());
    Ok(bound)
}

fn open(listen: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM, Some(Protocol::UDP))?;
    if listen.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Best effort: without privileges it is what net.core.rmem_max and wmem_max allow.
    if setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    }
    if setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER).is_err() {
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Where an outgoing datagram lies.
#[derive(Debug, Clone, Copy)]
enum Place {
    Received(usize),
    Made(usize),
}

struct Queued {
    place: Place,
    range: (usize, usize),
    to: SocketAddr,
}

/// What datagrams come from and go to.
enum Wire {
    Socket(UdpSocket),
    /// A test's: what it puts in is received, what is sent it may look at.
    #[cfg(test)]
    Memory(Memory),
}

impl Wire {
    fn socket(&self) -> &UdpSocket {
        match self {
            Self::Socket(socket) => socket,
            #[cfg(test)]
            Self::Memory(_) => panic!("a test has no socket"),
        }
    }
}

#[cfg(test)]
#[derive(Default)]
pub(super) struct Memory {
    pub(super) inbox: std::collections::VecDeque<(SocketAddr, Vec<u8>)>,
    pub(super) outbox: Vec<(SocketAddr, Vec<u8>)>,
}

/// The socket with its buffers.
pub(super) struct Port {
    wire: Wire,
    is_v6: bool,
    receive_headers: MultiHeaders<SockaddrStorage>,
    send_headers: MultiHeaders<SockaddrStorage>,
    received: Box<[[u8; SLOT]]>,
    made: Box<[[u8; SLOT]]>,
    made_used: usize,
    meta: Vec<(SocketAddr, usize)>,
    queue: Vec<Queued>,
    sent: u64,
    refused: u64,
}

impl Port {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        Ok(Self::on(Wire::Socket(socket), is_v6))
    }

    /// A port without a socket.
    #[cfg(test)]
    pub(super) fn in_memory() -> Self {
        Self::on(Wire::Memory(Memory::default()), false)
    }

    #[cfg(test)]
    pub(super) fn memory(&mut self) -> &mut Memory {
        match &mut self.wire {
            Wire::Memory(memory) => memory,
            Wire::Socket(_) => panic!("the port has a socket"),
        }
    }

    fn on(wire: Wire, is_v6: bool) -> Self {
        Self {
            wire,
            is_v6,
            receive_headers: MultiHeaders::preallocate(BATCH, None),
            send_headers: MultiHeaders::preallocate(BATCH, None),
            received: vec![[0; SLOT]; BATCH].into_boxed_slice(),
            made: vec![[0; SLOT]; BATCH].into_boxed_slice(),
            made_used: 0,
            meta: Vec::with_capacity(BATCH),
            queue: Vec::with_capacity(2 * BATCH),
            sent: 0,
            refused: 0,
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.wire.socket().as_fd()
    }

    /// Datagrams sent, and datagrams the system would not take.
    pub(super) fn counters(&self) -> (u64, u64) {
        (self.sent, self.refused)
    }

    /// Receives what is there, at most a batch, and returns how many. What was queued before must be flushed.
    pub(super) fn receive(&mut self) -> usize {
        self.meta.clear();
        #[cfg(test)]
        if let Wire::Memory(memory) = &mut self.wire {
            for buffer in &mut self.received {
                let Some((from, bytes)) = memory.inbox.pop_front() else { break };
                buffer[..bytes.len()].copy_from_slice(&bytes);
                self.meta.push((from, bytes.len()));
            }
            return self.meta.len();
        }
        let fd = self.wire.socket().as_raw_fd();
        let mut buffers = self.received.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
            let buffer = buffers.next().expect("there are as many buffers as slices");
            [IoSliceMut::new(buffer)]
        });
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = recvmmsg(fd, &mut self.receive_headers, slices.iter_mut(), flags, None);
        // Nothing there, or an error of the network about something sent before: either way, nothing to read.
        let Ok(messages) = messages else {
            return 0;
        };
        for message in messages {
            let from = message.address.as_ref().and_then(canonical);
            let whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
            // A message without address or cut short keeps its place with no length.
            let len = if whole { message.bytes } else { 0 };
            self.meta.push((from.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0))), len));
        }
        self.meta.len()
    }

    /// The same for datagrams that did not come through the socket.
    pub(super) fn receive_from(
        &mut self,
        mut next: impl FnMut(&mut [u8; SLOT]) -> Option<(SocketAddr, usize)>,
    ) -> usize {
        self.meta.clear();
        for buffer in &mut self.received {
            let Some(meta) = next(buffer) else { break };
            self.meta.push(meta);
        }
        self.meta.len()
    }

    /// Sender and buffer of the `n`th datagram received; the datagram fills the buffer up to the length.
    pub(super) fn datagram(&mut self, n: usize) -> (SocketAddr, usize, &mut [u8; SLOT]) {
        let (from, len) = self.meta[n];
        (from, len, &mut self.received[n])
    }

    /// Queues part of the `n`th received buffer.
    pub(super) fn queue_received(&mut self, n: usize, range: Range<usize>, to: SocketAddr) {
        self.queue.push(Queued { place: Place::Received(n), range: (range.start, range.end), to });
    }

    /// Has a datagram made in a buffer of our own and queues it; `make` returns its place, or `None`.
    pub(super) fn make(&mut self, make: impl FnOnce(&mut [u8; SLOT]) -> Option<(SocketAddr, Range<usize>)>) {
        self.make_from(0, |_, made| make(made));
    }

    /// The same, with a look at the `n`th received buffer.
    pub(super) fn make_from(
        &mut self,
        n: usize,
        make: impl FnOnce(&[u8; SLOT], &mut [u8; SLOT]) -> Option<(SocketAddr, Range<usize>)>,
    ) {
        if self.made_used == BATCH {
            self.flush();
        }
        if let Some((to, range)) = make(&self.received[n], &mut self.made[self.made_used]) {
            let place = Place::Made(self.made_used);
            self.queue.push(Queued { place, range: (range.start, range.end), to });
            self.made_used += 1;
        }
    }

    /// Queues a copy.
    pub(super) fn queue_copy(&mut self, bytes: &[u8], to: SocketAddr) {
        self.make(|buffer| {
            buffer.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some((to, 0..bytes.len()))
        });
    }

    /// Sends what is queued.
    pub(super) fn flush(&mut self) {
        let mut done = 0;
        while done < self.queue.len() {
            match self.send_from(done) {
                Ok(0) => break,
                Ok(n) => {
                    self.sent += n as u64;
                    done += n;
                }
                Err(Errno::EINTR) => {}
                // The send buffer is full: late sound is worthless, and everything else is repeated.
                Err(Errno::EAGAIN) => break,
                // One destination nobody can reach does not stop the others.
                Err(_) => {
                    self.refused += 1;
                    done += 1;
                }
            }
        }
        self.refused += (self.queue.len() - done) as u64;
        self.queue.clear();
        self.made_used = 0;
    }

    fn send_from(&mut self, done: usize) -> Result<usize, Errno> {
        let mut slices = [[IoSlice::new(&[])]; BATCH];
        let mut addresses: [Option<SockaddrStorage>; BATCH] = [None; BATCH];
        let batch = &self.queue[done..self.queue.len().min(done + BATCH)];
        for ((queued, slice), address) in batch.iter().zip(&mut slices).zip(&mut addresses) {
            let buffer = match queued.place {
                Place::Received(n) => &self.received[n],
                Place::Made(n) => &self.made[n],
            };
            *slice = [IoSlice::new(&buffer[queued.range.0..queued.range.1])];
            *address = Some(SockaddrStorage::from(native(queued.to, self.is_v6)));
        }
        let flags = MsgFlags::MSG_DONTWAIT;
        let (slices, addresses) = (&slices[..batch.len()], &addresses[..batch.len()]);
        #[cfg(test)]
        if let Wire::Memory(memory) = &mut self.wire {
            let bytes = slices.iter().map(|[slice]| slice.to_vec());
            memory.outbox.extend(batch.iter().map(|queued| queued.to).zip(bytes));
            return Ok(batch.len());
        }
        let fd = self.wire.socket().as_raw_fd();
        sendmmsg(fd, &mut self.send_headers, slices, addresses, [], flags).map(Iterator::count)
    }
}

/// An address as the rest of the program knows it: IPv4 is IPv4, also on a socket for both.
fn canonical(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddr::new(v6.ip().to_canonical(), v6.port()))
}

/// The same address as the socket knows it.
fn native(address: SocketAddr, is_v6: bool) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if is_v6 => SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port()),
        _ => address,
    }
}
