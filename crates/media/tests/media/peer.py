"""A WebRTC peer for the tests: says a tone, listens, and tells what it heard.

Speaks JSON lines on stdin and stdout: {"op": "offer"}, {"op": "answer", "sdp": ...}, {"op": "accept", "sdp": ...},
{"op": "heard"}, {"op": "tones", "hz": [...]} (in decibels of full scale), {"op": "close"}. The tone's frequency is the
first argument.
"""

import asyncio
import fractions
import json
import sys

import aioice.ice
import numpy
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

RATE = 48_000
FRAME = 960

# The tests live on loopback, which the library leaves out otherwise.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Tone(MediaStreamTrack):
    kind = "audio"

    def __init__(self, hz):
        super().__init__()
        self.hz = hz
        self.at = 0
        self.started = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.started is None:
            self.started = loop.time()
        await asyncio.sleep(max(0, self.started + self.at / RATE - loop.time()))
        time = (self.at + numpy.arange(FRAME)) / RATE
        samples = (8_000 * numpy.sin(2 * numpy.pi * self.hz * time)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self.at
        frame.time_base = fractions.Fraction(1, RATE)
        self.at += FRAME
        return frame


class Peer:
    def __init__(self, hz):
        self.pc = RTCPeerConnection()
        self.pc.addTrack(Tone(hz))
        self.heard = numpy.zeros(0)
        self.frames = 0
        self.pc.on("track", lambda track: asyncio.ensure_future(self.listen(track)))

    async def listen(self, track):
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            samples = frame.to_ndarray().astype(float).reshape(-1, len(frame.layout.channels)).mean(axis=1)
            self.heard = numpy.concatenate([self.heard, samples])[-RATE:]
            self.frames += 1

    def tone(self):
        if len(self.heard) < RATE // 2:
            return {"hz": 0, "level": 0, "frames": self.frames}
        part = self.heard[-RATE // 2 :]
        spectrum = numpy.abs(numpy.fft.rfft(part * numpy.hanning(len(part))))
        hz = float(numpy.argmax(spectrum) * RATE / len(part))
        return {"hz": hz, "level": float(numpy.sqrt(numpy.mean(part**2))), "frames": self.frames}

    def tones(self, wanted):
        if len(self.heard) < RATE // 2:
            return [-200.0 for _ in wanted]
        part = self.heard[-RATE // 2 :] / 32_768
        window = numpy.hanning(len(part))
        spectrum = 2 * numpy.abs(numpy.fft.rfft(part * window)) / numpy.sum(window)
        bins = [round(hz * len(part) / RATE) for hz in wanted]
        return [float(20 * numpy.log10(spectrum[n] + 1e-10)) for n in bins]

    async def do(self, command):
        match command["op"]:
            case "offer":
                await self.pc.setLocalDescription(await self.pc.createOffer())
                return {"sdp": self.pc.localDescription.sdp}
            case "answer":
                await self.pc.setRemoteDescription(RTCSessionDescription(command["sdp"], "offer"))
                await self.pc.setLocalDescription(await self.pc.createAnswer())
                return {"sdp": self.pc.localDescription.sdp}
            case "accept":
                await self.pc.setRemoteDescription(RTCSessionDescription(command["sdp"], "answer"))
                return {}
            case "heard":
                return self.tone() | {"state": self.pc.connectionState}
            case "tones":
                return {"tones": self.tones(command["hz"])}
            case "close":
                await self.pc.close()
                return {}


async def main():
    peer = Peer(float(sys.argv[1]))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(await peer.do(json.loads(line))), flush=True)


asyncio.run(main())
