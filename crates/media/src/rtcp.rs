//! RTCP: the reports we send, and what we read of the peer's (RFC 3550 section 6).
//!
//! Only what the quality record needs: sender and receiver reports, a CNAME, BYE. Feedback packets of browsers
//! (NACK, REMB, transport-cc) were never negotiated and are skipped.

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const BLOCK_LEN: usize = 24;

/// A reception report block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// In 256ths.
    pub(crate) fraction_lost: u8,
    /// 24 bits.
    pub(crate) lost: u32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    pub(crate) last_report: u32,
    pub(crate) delay: u32,
}

/// What a sender says about its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    /// 32.32 fixed point seconds.
    pub(crate) ntp: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// One report of ours: with `sent` a sender report, without it a receiver report; then the CNAME.
pub(crate) fn write(
    out: &mut Vec<u8>,
    ssrc: u32,
    cname: &str,
    sent: Option<Sent>,
    block: Option<Block>,
    bye: bool,
) {
    let kind = if sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    packet(out, kind, u8::from(block.is_some()), |out| {
        out.extend(ssrc.to_be_bytes());
        if let Some(sent) = sent {
            out.extend(sent.ntp.to_be_bytes());
            for word in [sent.timestamp, sent.packets, sent.octets] {
                out.extend(word.to_be_bytes());
            }
        }
        if let Some(block) = block {
            out.extend(block.ssrc.to_be_bytes());
            out.extend(((u32::from(block.fraction_lost) << 24) | (block.lost & 0xff_ffff)).to_be_bytes());
            for word in [block.highest, block.jitter, block.last_report, block.delay] {
                out.extend(word.to_be_bytes());
            }
        }
    });
    packet(out, DESCRIPTION, 1, |out| {
        out.extend(ssrc.to_be_bytes());
        out.extend([1, cname.len() as u8]);
        out.extend(cname.as_bytes());
        // At least one zero ends the list, then up to the word.
        out.push(0);
        out.resize(out.len().next_multiple_of(4), 0);
    });
    if bye {
        packet(out, BYE, 1, |out| out.extend(ssrc.to_be_bytes()));
    }
}

/// Writes a header around what `body` writes. `out` must end on a word.
fn packet(out: &mut Vec<u8>, kind: u8, count: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0x80 | count, kind, 0, 0]);
    body(out);
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

/// Something the peer reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The middle 32 bits of its clock.
    Sent { ssrc: u32, middle_ntp: u32 },
    /// How it hears somebody.
    Heard(Block),
    /// It is leaving.
    Bye,
}

/// Reads a compound packet as far as it is well formed.
pub(crate) fn read(mut compound: &[u8], mut each: impl FnMut(Report)) {
    while let Some((header, rest)) = compound.split_first_chunk::<4>() {
        let len = 4 * usize::from(u16::from_be_bytes([header[2], header[3]]));
        let Some(body) = rest.get(..len).filter(|_| header[0] >> 6 == 2) else {
            return;
        };
        let count = usize::from(header[0] & 0x1f);
        let blocks = match header[1] {
            SENDER_REPORT if len >= 24 => {
                each(Report::Sent {
                    ssrc: word(body, 0),
                    middle_ntp: (word(body, 4) << 16) | (word(body, 8) >> 16),
                });
                &body[24..]
            }
            RECEIVER_REPORT if len >= 4 => &body[4..],
            BYE => {
                each(Report::Bye);
                &[]
            }
            _ => &[],
        };
        for block in blocks.chunks_exact(BLOCK_LEN).take(count) {
            let lost = word(block, 4);
            each(Report::Heard(Block {
                ssrc: word(block, 0),
                fraction_lost: (lost >> 24) as u8,
                lost: lost & 0xff_ffff,
                highest: word(block, 8),
                jitter: word(block, 12),
                last_report: word(block, 16),
                delay: word(block, 20),
            }));
        }
        compound = &rest[len..];
    }
}

/// The big-endian word at `at`, which the caller has checked is there.
fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_report_reads_back() {
        let block = Block {
            ssrc: 9,
            fraction_lost: 25,
            lost: 10,
            highest: 70_000,
            jitter: 48,
            last_report: 5,
            delay: 6,
        };
        let sent = Sent { ntp: 0x1122_3344_5566_7788, timestamp: 960, packets: 3, octets: 120 };
        let mut bytes = Vec::new();
        write(&mut bytes, 7, "cname", Some(sent), Some(block), true);
        assert_eq!(bytes.len() % 4, 0);
        let mut reports = Vec::new();
        read(&bytes, |report| reports.push(report));
        let expected = [Report::Sent { ssrc: 7, middle_ntp: 0x3344_5566 }, Report::Heard(block), Report::Bye];
        assert_eq!(reports, expected);
    }

    #[test]
    fn a_listener_reports_without_having_sent() {
        let mut bytes = Vec::new();
        write(&mut bytes, 7, "abc", None, Some(Block { ssrc: 9, ..Block::default() }), false);
        let mut reports = Vec::new();
        read(&bytes, |report| reports.push(report));
        assert_eq!(reports, [Report::Heard(Block { ssrc: 9, ..Block::default() })]);
    }

    #[test]
    fn no_truncation_and_no_garbage_panics() {
        let sent = Sent { ntp: 1, timestamp: 2, packets: 3, octets: 4 };
        let mut bytes = Vec::new();
        write(&mut bytes, 7, "cname", Some(sent), Some(Block::default()), true);
        for len in 0..bytes.len() {
            read(&bytes[..len], |_| {});
        }
        for kind in 190..=220 {
            for count in 0..32 {
                for words in 0..40u16 {
                    let mut packet = vec![0x80 | count, kind];
                    packet.extend(words.to_be_bytes());
                    packet.resize(4 + 4 * usize::from(words), 0xff);
                    read(&packet, |_| {});
                }
            }
        }
    }
}
