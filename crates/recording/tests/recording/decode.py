"""Decodes Ogg/Opus files with FFmpeg's own decoder and says what is in them, a line of JSON each.

Usage: decode.py HZ FILE...
"""

import json
import math
import sys

import av
import numpy


def heard(path, hertz):
    with av.open(path) as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_type = "NONE"
        frames = [frame.to_ndarray() for frame in container.decode(stream)]
        channels = stream.codec_context.channels
        decoder = stream.codec_context.codec.name
    planes = [f if f.shape[0] == channels else f.reshape(-1, channels).T for f in frames]
    sound = numpy.concatenate(planes, axis=1).astype(float)
    wave = numpy.exp(-2j * math.pi * hertz * numpy.arange(sound.shape[1]) / 48000)
    tones = [float(abs((channel * wave).mean()) * 2) for channel in sound]
    loudness = numpy.abs(sound).max(axis=0)
    onset = int(numpy.argmax(loudness > 0.05)) // 48
    return {"decoder": decoder, "millis": sound.shape[1] / 48, "tones": tones, "onset": onset}


for name in sys.argv[2:]:
    print(json.dumps(heard(name, float(sys.argv[1]))))
