"""An image file as a network wants it, with numpy and Pillow only; copied beside every export.

    from preprocess import load
    pixels = load('photo.jpg')      # float32 [1, size, size, 3]

It does the steps of preprocessing.json beside it; TensorFlow's evaluation gives the same numbers,
but for the last digits and what two JPEG decoders make of one file.
"""

import json
import os

import numpy as np
from PIL import Image, ImageOps

NUMBERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'preprocessing.json')


def load(path, numbers=None):
    """float32 [1, size, size, 3] of an image file; numbers: content of preprocessing.json."""
    if numbers is None:
        with open(NUMBERS, encoding='utf-8') as stream:
            numbers = json.load(stream)
    with Image.open(path) as image:
        pixels = np.asarray(ImageOps.exif_transpose(image).convert('RGB'), np.float32)
    for step in numbers['steps']:
        settings = {key: value for key, value in step.items() if key != 'do'}
        pixels = STEPS[step['do']](pixels, **settings)
    return pixels[np.newaxis].astype(np.float32)


def central_square(pixels, of_short_side):
    """The centre square whose side is a part of the short side."""
    height, width = pixels.shape[:2]
    side = int(np.float32(min(height, width)) * np.float32(of_short_side))
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    return pixels[top:top + side, left:left + side]


def central_part(pixels, of_each_side):
    """The centre with a part of each side."""
    top, left = [int((side - side * of_each_side) / 2) for side in pixels.shape[:2]]
    return pixels[top:pixels.shape[0] - top, left:pixels.shape[1] - left]


def central_cut(pixels, side):
    """The centre square of a side in pixels."""
    top, left = [int(np.round((extent - side) / 2)) for extent in pixels.shape[:2]]
    return pixels[top:top + side, left:left + side]


def resize_short_side(pixels, to, **kernel):
    """Resizes so that the short side is `to` pixels."""
    shorter = min(pixels.shape[:2])
    return resize(pixels, *[to * side // shorter for side in pixels.shape[:2]], **kernel)


def resize(pixels, height, width, kernel, antialias):
    """float32 [height, width, 3]; without antialias on TensorFlow 1's grid, else as Pillow."""
    if antialias:
        how = {'bilinear': Image.BILINEAR, 'bicubic': Image.BICUBIC}[kernel]
        parts = [Image.fromarray(np.ascontiguousarray(pixels[..., channel]), 'F').resize(
            (width, height), how) for channel in range(3)]
        made = np.stack([np.asarray(part, np.float32) for part in parts], axis=-1)
        return np.clip(made, 0, 255) if kernel == 'bicubic' else made
    for axis, size in ((0, height), (1, width)):
        pixels = {'bilinear': _bilinear, 'bicubic': _bicubic}[kernel](pixels, axis, size)
    return pixels


def _places(pixels, axis, size):
    """(first source row, how far beyond it, largest row) of each target row; no half pixels."""
    at = np.arange(size, dtype=np.float32) * np.float32(pixels.shape[axis] / size)
    low = np.floor(at).astype(int)
    shape = [-1, 1, 1] if axis == 0 else [1, -1, 1]
    return low, (at - low).reshape(shape), pixels.shape[axis] - 1


def _bilinear(pixels, axis, size):
    low, part, last = _places(pixels, axis, size)
    above = pixels.take(low, axis)
    return above + (pixels.take(np.minimum(low + 1, last), axis) - above) * part


def _bicubic(pixels, axis, size):
    """Keys' kernel with a = -0.75, offsets rounded to 1/1024, borders repeated."""
    low, part, last = _places(pixels, axis, size)
    part, total = np.rint(part * 1024) / 1024, 0
    for step in (-1, 0, 1, 2):
        x = np.abs(part - step)
        near = (1.25 * x - 2.25) * x * x + 1
        far = ((-0.75 * x + 3.75) * x - 6) * x + 3
        weight = np.where(x <= 1, near, far).astype(np.float32)
        total = total + pixels.take(np.clip(low + step, 0, last), axis) * weight
    return total


def gray(pixels):
    """Three equal channels of the brightness."""
    return np.repeat(pixels @ np.array([[0.2989], [0.587], [0.114]], np.float32), 3, axis=-1)


def normalise(pixels, mean, std):
    """(pixel - mean) / std, in 0..255, for each channel."""
    return (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)


STEPS = {'central_square': central_square, 'central_part': central_part,
         'central_cut': central_cut, 'resize_short_side': resize_short_side, 'resize': resize,
         'gray': gray, 'normalise': normalise}


def quantised(pixels, scale, zero_point, dtype='uint8'):
    """float images as an integer TFLite file takes them; scale and zero_point: of model.json."""
    bounds = np.iinfo(dtype)
    return np.clip(np.round(pixels / scale) + zero_point, bounds.min, bounds.max).astype(dtype)
