//! What a far end says: a frame that looks like Opus and tells when it was sent.

use std::time::SystemTime;

/// As long as 20 ms of speech at 24 kbit/s. Comfort sound is shorter, music longer.
pub(super) const PAYLOAD: usize = 60;
/// One mono frame of 20 ms (RFC 6716 section 3.1), so that whoever looks at the first byte sees Opus.
const OPUS: u8 = 0xf8;
const MARK: [u8; 3] = *b"far";

/// Writes a frame said in a window; window 0 does not count.
pub(super) fn write(payload: &mut [u8], window: u32) {
    payload[0] = OPUS;
    payload[1..4].copy_from_slice(&MARK);
    payload[4..8].copy_from_slice(&window.to_be_bytes());
    payload[8..16].copy_from_slice(&realtime_ns().to_be_bytes());
}

/// Window and time of a frame; `None` if no far end said it.
pub(super) fn read(payload: &[u8]) -> Option<(u32, u64)> {
    let (head, rest) = payload.split_first_chunk::<4>()?;
    let (window, rest) = rest.split_first_chunk::<4>()?;
    let said_by_far_end = payload.len() == PAYLOAD && head[1..] == MARK;
    said_by_far_end.then(|| Some((u32::from_be_bytes(*window), u64::from_be_bytes(*rest.first_chunk()?))))?
}

#[expect(clippy::disallowed_methods, reason = "compared with the kernel's stamps, which are real time")]
fn realtime_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_said_and_nothing_else_is() {
        let mut frame = [0; PAYLOAD];
        write(&mut frame, 7);
        assert_eq!(read(&frame).map(|(window, _)| window), Some(7));
        assert!(read(&frame[..PAYLOAD - 1]).is_none());
        frame[1] = b'n';
        assert!(read(&frame).is_none());
        assert!(read(&[]).is_none());
    }
}
