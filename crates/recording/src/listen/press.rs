//! Ogg pages around Opus packets (RFC 7845).

use ogg::{PacketWriteEndInfo, PacketWriter};

use crate::packet::RATE;

/// Names the stream within its file; there is only one.
const SERIAL: u32 = 1;

/// A file being made. Holds the last packet back, because only the last page may say that it is the last.
pub(super) struct Press {
    writer: PacketWriter<'static, Vec<u8>>,
    held: Option<(Vec<u8>, u64)>,
    /// Samples so far, those a player skips included.
    samples: u64,
    page_from: u64,
    pre_skip: u64,
}

impl Press {
    /// Begins a file with its two header pages.
    pub(super) fn new(channels: u8, pre_skip: u64) -> Self {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend_from_slice(&u16::try_from(pre_skip).expect("a few milliseconds").to_le_bytes());
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        // No gain, and the channel mapping that needs no table.
        head.extend_from_slice(&[0, 0, 0]);
        let mut tags = b"OpusTags".to_vec();
        let vendor = b"offhook";
        tags.extend_from_slice(&u32::try_from(vendor.len()).expect("seven").to_le_bytes());
        tags.extend_from_slice(vendor);
        tags.extend_from_slice(&0_u32.to_le_bytes());
        let mut press =
            Self { writer: PacketWriter::new(Vec::new()), held: None, samples: 0, page_from: 0, pre_skip };
        press.write(head, PacketWriteEndInfo::EndPage, 0);
        press.write(tags, PacketWriteEndInfo::EndPage, 0);
        press
    }

    /// Adds a packet.
    pub(super) fn packet(&mut self, packet: &[u8], samples: u64) {
        self.let_go();
        self.samples += samples;
        self.held = Some((packet.to_vec(), self.samples));
    }

    /// Ends the file after `length` samples of sound.
    pub(super) fn finish(&mut self, length: u64) {
        if let Some((packet, end)) = self.held.take() {
            let granule = end.min(length + self.pre_skip);
            self.write(packet, PacketWriteEndInfo::EndStream, granule);
        }
    }

    /// The bytes made since this was asked last.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.inner_mut())
    }

    fn let_go(&mut self) {
        let Some((packet, end)) = self.held.take() else { return };
        // A page a second: players seek by pages, and the writer keeps a page until it ends.
        let full = end - self.page_from >= RATE;
        if full {
            self.page_from = end;
        }
        let info = if full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.write(packet, info, end);
    }

    fn write(&mut self, packet: Vec<u8>, info: PacketWriteEndInfo, granule: u64) {
        self.writer.write_packet(packet, SERIAL, info, granule).expect("a vector takes all bytes");
    }
}
