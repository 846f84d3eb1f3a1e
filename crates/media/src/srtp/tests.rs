//! Our SRTP against `rtc-srtp` on random packets, and against the vectors of RFC 3711 and RFC 7714.

use bytes::BytesMut;
use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

use super::*;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

fn theirs(profile: Profile) -> ProtectionProfile {
    match profile {
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    }
}

fn material(profile: Profile) -> Vec<u8> {
    (0..profile.material_len()).map(|n| (n * 7 + 3) as u8).collect()
}

/// Contexts of `rtc-srtp` for the client's direction.
fn their_context(profile: Profile) -> Context {
    let material = material(profile);
    let salt_at = 2 * cipher::KEY_LEN;
    let provider = rtc_crypto::default_provider().unwrap();
    Context::new(
        &material[..cipher::KEY_LEN],
        &material[salt_at..salt_at + profile.salt_len()],
        theirs(profile),
        None,
        None,
        provider.crypto(),
    )
    .unwrap()
}

fn pair(profile: Profile) -> (Sealer, Opener) {
    let material = material(profile);
    let (sealer, _) = split(profile, &material, true).unwrap();
    let (_, opener) = split(profile, &material, false).unwrap();
    (sealer, opener)
}

fn rtp_packet(sequence: u16, ssrc: u32, csrcs: u8, extension: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80 | csrcs | (u8::from(extension) << 4), 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(vec![9; 4 * usize::from(csrcs)]);
    if extension {
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
    }
    packet.extend(payload);
    packet
}

fn seal(sealer: &mut Sealer, packet: &[u8], index: u64) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + 32, 0);
    let len = sealer.seal_rtp(&mut buffer, packet.len(), index).unwrap();
    buffer.truncate(len);
    buffer
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::AeadAes128Gcm), Just(Profile::Aes128CmSha1_80)]
}

proptest! {
    #[test]
    fn both_stacks_seal_and_open_the_same_bytes(
        profile in profiles(),
        first in any::<u16>(),
        ssrc in any::<u32>(),
        csrcs in 0u8..3,
        extension in any::<bool>(),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let (mut their_sealer, mut their_opener) = (their_context(profile), their_context(profile));
        for (step, payload) in payloads.iter().enumerate() {
            let index = u64::from(first) + step as u64;
            let packet = rtp_packet(index as u16, ssrc, csrcs, extension, payload);
            let ours = seal(&mut sealer, &packet, index);
            let other = their_sealer.encrypt_rtp(&packet).unwrap();
            prop_assert_eq!(&ours[..], &other[..]);
            prop_assert_eq!(&their_opener.decrypt_rtp(&ours).unwrap()[..], &packet[..]);
            let mut datagram = ours;
            let range = opener.open_rtp(&mut datagram).unwrap();
            prop_assert_eq!(&datagram[range], &payload[..]);
        }
    }

    #[test]
    fn both_stacks_seal_and_open_the_same_reports(
        profile in profiles(),
        ssrc in any::<u32>(),
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..10),
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let (mut their_sealer, mut their_opener) = (their_context(profile), their_context(profile));
        for body in &bodies {
            let words = (body.len() / 4) as u16;
            let mut packet = vec![0x80, 200];
            packet.extend((words + 1).to_be_bytes());
            packet.extend(ssrc.to_be_bytes());
            packet.extend(&body[..usize::from(words) * 4]);
            let other = their_sealer.encrypt_rtcp(&packet).unwrap();
            let mut ours = packet.clone();
            ours.resize(packet.len() + 32, 0);
            let len = sealer.seal_rtcp(&mut ours, packet.len()).unwrap();
            ours.truncate(len);
            // rtc-srtp numbers its reports from one, we from zero: each opens the other's instead.
            prop_assert_eq!(&their_opener.decrypt_rtcp(&ours).unwrap()[..], &packet[..]);
            let mut datagram = other.to_vec();
            let len = opener.open_rtcp(&mut datagram).unwrap();
            prop_assert_eq!(&datagram[..len], &packet[..]);
        }
    }

    #[test]
    fn a_changed_bit_anywhere_is_refused_and_changes_nothing(
        profile in profiles(),
        payload in prop::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let (mut sealer, mut opener) = pair(profile);
        let packet = rtp_packet(40_000, 5, 0, false, &payload);
        let honest = seal(&mut sealer, &packet, 40_000);
        let mut forged = honest.clone();
        let at = at.index(forged.len());
        forged[at] ^= 1 << bit;
        prop_assert!(opener.open_rtp(&mut forged).is_err());
        let mut datagram = honest;
        prop_assert!(opener.open_rtp(&mut datagram).is_ok());
    }
}

#[test]
fn a_packet_opens_once_whatever_its_neighbours_did() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let sealed: Vec<_> = (65_500..65_700u64)
            .map(|index| seal(&mut sealer, &rtp_packet(index as u16, 1, 0, false, b"x"), index))
            .collect();
        for chunk in sealed.chunks(10) {
            for packet in chunk.iter().rev() {
                assert!(opener.open_rtp(&mut packet.clone()).is_ok());
            }
            for packet in chunk {
                assert_eq!(opener.open_rtp(&mut packet.clone()), Err(SrtpError::Replayed));
            }
        }
        // Long past, and a rollover ago: estimated into the future, where the tag gives it away.
        assert!(opener.open_rtp(&mut sealed[0].clone()).is_err());
    }
}

#[test]
fn no_index_is_sealed_twice() {
    let (mut sealer, _) = pair(Profile::AeadAes128Gcm);
    let packet = rtp_packet(7, 1, 0, false, b"one");
    seal(&mut sealer, &packet, 7);
    let mut buffer = packet.clone();
    buffer.resize(80, 0);
    assert_eq!(sealer.seal_rtp(&mut buffer, packet.len(), 7), Err(SrtpError::Replayed));
}

#[test]
fn a_stranger_cannot_use_up_the_sources() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    for ssrc in 100..200 {
        let mut forged = rtp_packet(1, ssrc, 0, false, &[0; 40]);
        assert_eq!(opener.open_rtp(&mut forged), Err(SrtpError::BadTag));
    }
    let packet = rtp_packet(1, 1, 0, false, b"one");
    assert!(opener.open_rtp(&mut seal(&mut sealer, &packet, 1)).is_ok());
}

#[test]
fn reports_open_once() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
        report.resize(64, 0);
        let len = sealer.seal_rtcp(&mut report, 8).unwrap();
        assert_eq!(opener.open_rtcp(&mut report[..len].to_vec()), Ok(8));
        assert_eq!(opener.open_rtcp(&mut report[..len].to_vec()), Err(SrtpError::Replayed));
    }
}

#[test]
fn no_length_of_garbage_panics() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for first in [0x80u8, 0x8f, 0x90, 0xa0, 0xbf] {
            for len in 0..1_600 {
                let mut bytes = vec![first; len];
                assert!(opener.open_rtp(&mut bytes).is_err());
                assert!(opener.open_rtcp(&mut vec![first; len]).is_err());
                let _ = sealer.seal_rtp(&mut vec![first; len], len, 1 << 40);
            }
        }
    }
}

/// RFC 3711 appendix B.3: session keys from a master key.
#[test]
fn counter_mode_keys_match_rfc_3711() {
    let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    let kdf = cipher::tests_kdf(&key, &salt);
    assert_eq!(kdf.0.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(kdf.1.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(kdf.2.to_vec(), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// RFC 7714 section 16.1.1: one packet under AEAD_AES_128_GCM, with the session key given.
#[test]
fn gcm_packet_matches_rfc_7714() {
    let key = hex("000102030405060708090a0b0c0d0e0f");
    let salt = hex("517569642070726f2071756f");
    let cipher = cipher::tests_gcm(&key, &salt);
    let plain = hex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573",
    );
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + 16, 0);
    let header = Header::read(&plain).unwrap();
    let len = cipher.seal_rtp(&mut buffer, plain.len(), &header, 0xf17b).unwrap();
    let expected = hex(concat!(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf",
        "8833899d7f27beb16a9152cf765ee4390cce"
    ));
    assert_eq!(buffer[..len], expected[..]);
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}

#[test]
fn a_packet_of_theirs_with_a_rollover_opens_here() {
    for profile in PROFILES {
        let (_, mut opener) = pair(profile);
        let mut context = their_context(profile);
        for index in 65_530..65_545u32 {
            let packet = rtp_packet(index as u16, 77, 0, true, b"around the corner");
            let mut sealed: BytesMut = context.encrypt_rtp(&packet).unwrap();
            assert!(opener.open_rtp(&mut sealed).is_ok(), "{index}");
        }
    }
}
