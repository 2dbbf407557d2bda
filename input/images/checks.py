"""Looks at the bytes of an image file: good, to be re-encoded, or bad.

Good are upright JPEG files in RGB or gray; they are copied untouched, after a look at their
structure, which finds what a complete decoding finds and is thirty times as fast. Everything else
that Pillow decodes (input.images.formats) becomes JPEG of quality 100, as slim did for its 22 CMYK
files and its one PNG (build_imagenet_data.py); what EXIF says about which way is up is applied.
"""

import io
import warnings
from collections import namedtuple

from input.images import formats, jpeg

# change: None when the bytes are untouched, otherwise what was re-encoded ('PNG', 'CMYK JPEG').
Checked = namedtuple('Checked', 'encoded format height width change')
# max_pixels: an image of more is refused by its header; upright: whether EXIF's rotation counts.
Rules = namedtuple('Rules', 'max_pixels upright')
Rules.__new__.__defaults__ = (formats.MAX_PIXELS, True)

QUALITY = 100
SALVAGED = 'truncated '    # how the change of a salvaged image starts
_COPIED_MODES = ('RGB', 'L')
_JPEG_NAMES = ('JPEG', 'MPO')
_ORIENTATION = 0x0112
_PNG_START = b'\x89PNG\r\n\x1a\n'
_IMAGE_STARTS = (b'\xff\xd8\xff', _PNG_START)
_CUT_SHORT = ('truncated', 'premature', 'eof', 'incomplete', 'unpack', 'out of range')


class BadImage(Exception):
    """Bytes that give no image; the message is the reason, one of a few, to be counted."""


def check(data, salvage=False, rules=Rules()):
    """Checks the whole image and returns it as a Checked.

    Args:
        data: content of the file.
        salvage: keep what a truncated image still holds, with the rest grey.
        rules: Rules.

    Raises:
        BadImage: empty, truncated, damaged, too large, or no image.
    """
    if not data:
        raise BadImage('empty file')
    facts = jpeg.facts_of(data)
    if facts:
        _limit(facts.width, facts.height, rules)
        if facts.orientation == 1 or not rules.upright:
            return Checked(data, 'JPEG', facts.height, facts.width, None)
    try:
        return _decode(data, rules)
    except BadImage as error:
        if not salvage or str(error) != 'truncated':
            raise
    return _salvage(data, rules)


def readable(data, rules=Rules()):
    """The image as the graph of --dataset=folder and --mode=predict decodes it.

    Upright RGB and gray JPEG and PNG of 8 bits stay as they are; all else that `check` accepts
    becomes PNG, without loss. BadImage as of `check`.
    """
    facts = jpeg.facts_of(data)
    if facts and (facts.orientation == 1 or not rules.upright):
        _limit(facts.width, facts.height, rules)
        return data
    if not data:
        raise BadImage('empty file')
    image = _open(data, rules)
    plain = data.startswith(_PNG_START) and data[24] == 8 and not _turned(image, rules)
    _load(image)
    if plain:
        return data
    out = io.BytesIO()
    _upright(image, rules).convert('RGB').save(out, 'PNG', compress_level=1)
    return out.getvalue()


def _limit(width, height, rules):
    if width * height > rules.max_pixels:
        raise BadImage(f'too many pixels ({width} x {height}; --max_pixels={width * height} '
                       'would allow it)')


def _open(data, rules):
    from PIL import Image, UnidentifiedImageError
    Image.MAX_IMAGE_PIXELS = None       # _limit is the stricter one
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            image = Image.open(io.BytesIO(data), formats=formats.PILLOW)
    except UnidentifiedImageError as error:
        raise BadImage(_unknown(data)) from error
    except Exception as error:
        raise BadImage(_reason(error)) from error
    _limit(*image.size, rules)
    return image


def _unknown(data):
    if data.startswith(_IMAGE_STARTS):
        return 'truncated'
    if data[4:8] == b'ftyp':
        return f'HEIC or AVIF, which is not read here; convert it to {formats.READ}'
    return 'not an image'


def _reason(error):
    """truncated or damaged, from what Pillow says."""
    text = str(error).lower()
    return 'truncated' if any(word in text for word in _CUT_SHORT) else 'damaged'


def _decode(data, rules):
    image = _open(data, rules)
    width, height = image.size
    copied = (image.format in _JPEG_NAMES and image.mode in _COPIED_MODES
              and not _turned(image, rules))
    if copied:
        # Decoding to an eighth of the size reads every coefficient and skips most of the
        # inverse DCT: as thorough about truncation as the full decode, and half again as fast.
        image.draft(None, (1, 1))
    _load(image)
    if not copied:
        return _encode(image, rules)
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


def _salvage(data, rules):
    """Re-encodes what a truncated image still holds."""
    from PIL import ImageFile
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = _open(data, rules)
        _load(image)
        return _encode(image, rules, note=SALVAGED)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _turned(image, rules):
    """Whether EXIF says that the pixels do not lie upright."""
    try:
        return rules.upright and image.getexif().get(_ORIENTATION, 1) not in (0, 1)
    except Exception:       # damaged EXIF, of which Pillow raises many kinds
        return False


def _upright(image, rules):
    """The loaded image as it is to be seen, in 8 bits, gray or RGB."""
    from PIL import ImageOps
    if _turned(image, rules):
        image = ImageOps.exif_transpose(image)
    image = _to_eight_bits(image)
    try:
        return image.convert('L' if image.mode in ('L', '1', 'LA') else 'RGB')
    except Exception as error:
        raise BadImage('cannot be re-encoded') from error


def _encode(image, rules, note=''):
    """Checked of a loaded Pillow image as JPEG; animations give their first frame.

    NOTE: no chroma subsampling (slim: 4:2:0), so that the second compression costs next to
    nothing. Transparency is dropped, as tf.image.decode_png(channels=3) does.
    """
    name = 'JPEG' if image.format in _JPEG_NAMES else image.format
    kind = '' if name != 'JPEG' else f'{image.mode} ' if image.mode not in _COPIED_MODES else ''
    turned = 'rotated ' if _turned(image, rules) else ''
    image = _upright(image, rules)
    out = io.BytesIO()
    image.save(out, 'JPEG', quality=QUALITY, subsampling=0)
    return Checked(out.getvalue(), 'JPEG', image.size[1], image.size[0],
                   f'{note}{turned}{kind}{name}')


def _to_eight_bits(image):
    """16-bit gray to 8 bits by the high byte; Pillow's own conversion clips."""
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
