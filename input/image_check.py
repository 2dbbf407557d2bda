"""Looks at the bytes of an image file: good, to be re-encoded, or bad.

Good are JPEG files in RGB or gray; they are copied untouched. Everything else that decodes (CMYK
and YCCK JPEG, PNG, GIF, BMP, WebP, TIFF ..., whatever the name says) is re-encoded as JPEG of
quality 100, as slim's build_imagenet_data.py did for its 22 CMYK files and its one PNG.
"""

import io
import warnings
from collections import namedtuple

# change: None when the bytes are untouched, otherwise what was re-encoded ('PNG', 'CMYK JPEG').
Checked = namedtuple('Checked', 'encoded format height width change')

QUALITY = 100
SALVAGED = 'truncated '    # how the change of a salvaged image starts
_COPIED_MODES = ('RGB', 'L')
_JPEG_NAMES = ('JPEG', 'MPO')
_IMAGE_STARTS = (b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n')
_CUT_SHORT = ('truncated', 'premature', 'eof', 'incomplete', 'unpack', 'out of range')


class BadImage(Exception):
    """Bytes that give no image; the message is the reason, one of a few, to be counted."""


def check(data, salvage=False):
    """Decodes the whole image and returns it as a Checked.

    Args:
        data: content of the file.
        salvage: keep what a truncated image still holds, with the rest grey.

    Raises:
        BadImage: empty, truncated, damaged, or no image.
    """
    if not data:
        raise BadImage('empty file')
    try:
        return _decode(data)
    except BadImage as error:
        if not salvage or str(error) != 'truncated':
            raise
    return _salvage(data)


def _open(data):
    from PIL import Image, UnidentifiedImageError
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        started = data.startswith(_IMAGE_STARTS)
        raise BadImage('truncated' if started else 'not an image') from error
    except Image.DecompressionBombError as error:
        raise BadImage('too many pixels') from error
    except Exception as error:
        raise BadImage(_reason(error)) from error


def _reason(error):
    """truncated or damaged, from what PIL says."""
    text = str(error).lower()
    return 'truncated' if any(word in text for word in _CUT_SHORT) else 'damaged'


def _decode(data):
    image = _open(data)
    width, height = image.size
    copied = image.format in _JPEG_NAMES and image.mode in _COPIED_MODES
    if copied:
        # Decoding to an eighth of the size reads every coefficient and skips most of the
        # inverse DCT: as thorough about truncation as the full decode, and half again as fast.
        image.draft(None, (1, 1))
    _load(image)
    if not copied:
        return _encode(image, image.mode)
    if data.rfind(b'\xff\xd9') < data.rfind(b'\xff\xda'):
        # All pixels are there but the end marker is not; TensorFlow's decoder refuses that.
        raise BadImage('truncated')
    return Checked(data, 'JPEG', height, width, None)


def _load(image):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            image.load()
    except Exception as error:
        raise BadImage(_reason(error)) from error


def _salvage(data):
    """Re-encodes what a truncated image still holds."""
    from PIL import ImageFile
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = _open(data)
        _load(image)
        return _encode(image, image.mode, note=SALVAGED)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _encode(image, mode, note=''):
    """Checked of a loaded PIL image as JPEG; animations give their first frame.

    NOTE: no chroma subsampling (slim: 4:2:0), so that the second compression costs next to
    nothing. Transparency is dropped, as tf.image.decode_png(channels=3) does.
    """
    name = 'JPEG' if image.format in _JPEG_NAMES else image.format
    change = note + (name if mode in _COPIED_MODES or name != 'JPEG' else f'{mode} JPEG')
    image = _to_eight_bits(image)
    target = 'L' if image.mode in ('L', '1', 'LA') else 'RGB'
    out = io.BytesIO()
    try:
        image.convert(target).save(out, 'JPEG', quality=QUALITY, subsampling=0)
    except Exception as error:
        raise BadImage('cannot be re-encoded') from error
    return Checked(out.getvalue(), 'JPEG', image.size[1], image.size[0], change)


def _to_eight_bits(image):
    """16-bit gray to 8 bits by the high byte; PIL's own conversion clips."""
    if not image.mode.startswith('I'):
        return image
    import numpy as np
    from PIL import Image
    values = np.asarray(image)
    deep = values.max(initial=0) > 255
    return Image.fromarray((values // 256 if deep else values).clip(0, 255).astype(np.uint8), 'L')


def encode_png(pixels):
    """Checked with the lossless PNG of a uint8 array [height, width, 3].

    NOTE: raw pixels (CIFAR-10's binary files) become PNG, as in slim's CIFAR converter, because
    JPEG would change every image; the reader decodes both.
    """
    from PIL import Image
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, 'PNG')
    return Checked(out.getvalue(), 'PNG', pixels.shape[0], pixels.shape[1], None)
