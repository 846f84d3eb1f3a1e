"""A WhatsApp user whose media is aiortc's instead of the simulator's.

    aiortc_phone.py SIM_URL NUMBER (answer|call) HZ_TO_PLAY HZ_TO_HEAR [--to NUMBER] [--srtp PROFILE]

Connects to the simulator as a direct phone, plays one tone and waits until it hears another.
Prints a line of JSON when it does, then waits until the call is over.
`--to` names the business number to call. `--srtp` leaves one way of protecting sound, by OpenSSL's name.
"""

import argparse
import asyncio
import fractions
import json

import numpy as np
import websockets
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, rtcdtlstransport
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame

RATE = 48_000
FRAME = 960


class Tone(AudioStreamTrack):
    """A sine wave in 20 ms frames, paced by the clock."""

    def __init__(self, hz):
        super().__init__()
        self.hz = hz
        self.position = 0
        self.start = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.start is None:
            self.start = loop.time()
        due = self.start + self.position / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        at = (np.arange(FRAME) + self.position) / RATE
        wave = (np.sin(2 * np.pi * self.hz * at) * 12_000).astype(np.int16)
        frame = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self.position
        frame.time_base = fractions.Fraction(1, RATE)
        self.position += FRAME
        return frame


async def listen(track, wanted, heard):
    """Sets `heard` when half a second of sound has its peak at the wanted frequency."""
    kept = np.zeros(0)
    while not heard.done():
        frame = await track.recv()
        samples = frame.to_ndarray().reshape(-1)
        if frame.layout.nb_channels == 2:
            samples = samples[::2]
        kept = np.concatenate([kept, samples.astype(float)])[-RATE // 2 :]
        if len(kept) < RATE // 2:
            continue
        spectrum = np.abs(np.fft.rfft(kept * np.hanning(len(kept))))
        hz = float(np.argmax(spectrum[20:]) + 20) * RATE / len(kept)
        if np.sqrt(np.mean(kept**2)) > 300 and abs(hz - wanted) < 15:
            heard.set_result(hz)


def tell(heard):
    if not heard.cancelled():
        print(json.dumps({"event": "heard", "hz": heard.result()}), flush=True)


def only_sha256(sdp):
    """Meta's SDP has one fingerprint; aiortc writes three."""
    lines = [
        line
        for line in sdp.splitlines()
        if not line.startswith("a=fingerprint:") or line.lower().startswith("a=fingerprint:sha-256")
    ]
    return "\r\n".join(lines) + "\r\n"


async def main(sim_url, number, role, plays, wants, to):
    url = sim_url.replace("http", "ws", 1) + f"/phone/ws?mode=direct&number=%2B{number.lstrip('+')}"
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    heard = asyncio.get_running_loop().create_future()
    heard.add_done_callback(tell)
    listeners = []
    peer.on("track", lambda track: listeners.append(asyncio.ensure_future(listen(track, wants, heard))))
    peer.addTrack(Tone(plays))
    async with websockets.connect(url) as socket:
        say = lambda message: socket.send(json.dumps(message))
        if role == "call":
            await peer.setLocalDescription(await peer.createOffer())
            await say({"type": "call", "to": to, "sdp": only_sha256(peer.localDescription.sdp)})
        print(json.dumps({"event": "ready"}), flush=True)
        async for text in socket:
            message = json.loads(text)
            kind = message["type"]
            if kind == "prepare":
                await peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
                await peer.setLocalDescription(await peer.createAnswer())
                await say({"type": "media", "call": message["call"], "sdp": only_sha256(peer.localDescription.sdp)})
            elif kind == "incoming":
                await say({"type": "answer", "call": message["call"]})
            elif kind == "business_sdp" and peer.signalingState == "have-local-offer":
                await peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "answer"))
            elif kind == "error":
                print(json.dumps({"event": "error", "message": message["message"]}), flush=True)
            elif kind == "state" and message["phase"] == "ended":
                break
    heard.cancel()
    for listener in listeners:
        listener.cancel()
    await peer.close()
    print(json.dumps({"event": "over"}), flush=True)


def only_profile(name):
    """Whoever cannot agree to this one has no sound."""
    profiles = rtcdtlstransport.SRTP_PROFILES
    profiles[:] = [profile for profile in profiles if profile.openssl_profile.decode() == name]
    assert len(profiles) == 1, name


options = argparse.ArgumentParser()
for name in ["sim_url", "number", "role"]:
    options.add_argument(name)
for name in ["plays", "wants"]:
    options.add_argument(name, type=float)
options.add_argument("--to")
options.add_argument("--srtp")
chosen = vars(options.parse_args())
profile = chosen.pop("srtp")
if profile:
    only_profile(profile)
asyncio.run(main(**chosen))
