"""What night, rain, lens, sensor and codec do to a picture."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

Image = NDArray[np.uint8]

# Of the pictures with artefacts of a codec; encoding costs twice as much as a JPEG.
_H264_SHARE = 0.5


def blur(rng: np.random.Generator, image: Image) -> Image:
    """Out of focus, or moved while the shutter was open."""
    if rng.random() < 0.5:
        sigma = float(rng.uniform(0.5, 1.8))
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    # Odd and, below, the same from both ends: else the picture moves by up to half a pixel away from its boxes.
    length = int(rng.integers(3, 10)) | 1
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = (length - 1) / 2
    ends = [(round(reach + sign * reach * np.cos(angle)), round(reach + sign * reach * np.sin(angle))) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    kernel = kernel + kernel[::-1, ::-1]
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def add_noise(rng: np.random.Generator, image: Image) -> Image:
    """Sensor noise: of every pixel, coarser where the light is low."""
    sigma = float(rng.uniform(3, 18))
    noise = rng.standard_normal(image.shape, np.float32) * sigma
    if rng.random() < 0.5:
        noise = np.asarray(cv2.resize(noise[::2, ::2], (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def make_night(rng: np.random.Generator, image: Image) -> Image:
    """Dark, nearly without colour, noisy: what a camera shows when its infrared lamp is on or the street lamp is far."""
    # Below a third people see nothing of the objects either.
    gain = float(rng.uniform(0.35, 0.7))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    colourless = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    mixed = cv2.addWeighted(image, 0.3, colourless, 0.7, 0.0).astype(np.float32)
    dark = 255.0 * (mixed / 255.0) ** 1.3 * gain
    return np.clip(dark + rng.standard_normal(image.shape, np.float32) * float(rng.uniform(2, 8)), 0, 255).astype(np.uint8)


def rain(rng: np.random.Generator, image: Image) -> Image:
    """Bright slanted streaks, and less contrast behind them."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    slant = float(rng.uniform(-0.3, 0.3))
    for _ in range(int(rng.integers(80, 350))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        length = rng.uniform(0.02, 0.08) * height
        end = (round(x + slant * length), round(y + length))
        cv2.line(layer, (round(x), round(y)), end, int(rng.integers(80, 220)), 1)
    layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), 0.7), np.uint8)
    veiled = cv2.addWeighted(image, 0.85, np.full_like(image, 140), 0.15, 0.0)
    return np.asarray(cv2.add(veiled, cv2.cvtColor(layer, cv2.COLOR_GRAY2BGR)), np.uint8)


def codec_artefacts(rng: np.random.Generator, image: Image) -> Image:
    """The blocks and the washed-out colour of a camera that saves bits: H.264, or JPEG of low quality, sometimes at a smaller size."""
    if rng.random() < _H264_SHARE:
        return through_h264(rng, image)
    height, width = image.shape[:2]
    out = image
    if rng.random() < 0.3:
        factor = float(rng.uniform(0.5, 0.9))
        out = np.asarray(cv2.resize(out, (int(width * factor), int(height * factor)), interpolation=cv2.INTER_AREA), np.uint8)
    _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(12, 60))])
    out = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if out.shape != image.shape:
        out = np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return out


def through_h264(rng: np.random.Generator, image: Image) -> Image:
    """What is left of the picture after H.264 at few bits, as a camera's sub-stream sends it.

    Half of the time the second of two frames is taken, before which the camera moved by a pixel or two: predicted frames keep what is
    left over of the frame before, which still pictures never show. Sizes are cut to even numbers for 4:2:0 and given back as they were.
    """
    height, width = image.shape[:2]
    even = np.ascontiguousarray(image[: height - height % 2, : width - width % 2])
    frames = [even]
    if rng.random() < 0.5:
        shift = rng.integers(-3, 4, 2)
        frames = [np.roll(even, (int(shift[0]), int(shift[1])), axis=(0, 1)), even]
    encoder = av.CodecContext.create("libx264", "w")
    decoder = av.CodecContext.create("h264", "r")
    if not isinstance(encoder, VideoCodecContext) or not isinstance(decoder, VideoCodecContext):
        raise TypeError("expected video codecs for H.264")
    encoder.width, encoder.height = even.shape[1], even.shape[0]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 5)
    # One thread: batches are made by several, and the result must not depend on their number.
    encoder.thread_count = decoder.thread_count = 1
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(int(rng.integers(32, 46)))}
    decoded: list[VideoFrame] = []
    for number, frame in enumerate([*frames, None]):
        picture = None if frame is None else VideoFrame.from_ndarray(frame, format="bgr24")
        if picture is not None:
            picture.pts = number
        for packet in encoder.encode(picture):
            decoded += decoder.decode(packet)
    decoded += decoder.decode(None)
    seen = np.array(image)
    seen[: even.shape[0], : even.shape[1]] = decoded[-1].to_ndarray(format="bgr24")
    return seen
