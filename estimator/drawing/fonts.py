"""Text of any script in a picture: letters come from the installed fonts that have them.

Matplotlib's own DejaVu Sans has Latin, Greek, Cyrillic, Arabic and Hebrew; for the others the fonts
of the machine are searched. Nothing is drawn as an empty box: `drawable` says what can be drawn.
"""

import functools
import glob
import os
import unicodedata

from common.console import warn

# Letters from here on, and the Debian package of a font that has them.
PACKAGES = ((0x1f000, 'fonts-noto-color-emoji'), (0x2e80, 'fonts-noto-cjk'), (0, 'fonts-noto-core'))
# The one size of fonts that are made of coloured pictures.
COLOURED = 109
_NO_LETTER = '\U0010fffe'
# They change or join what stands before them and have no form of their own.
_JOINERS = ('Mn', 'Me', 'Cf')


@functools.lru_cache(None)
def _files():
    """Paths of the fonts, the first ones preferred; none without matplotlib."""
    try:
        import matplotlib
        from matplotlib import font_manager
    except ImportError:
        return ()
    own = os.path.join(matplotlib.get_data_path(), 'fonts', 'ttf', 'DejaVuSans.ttf')
    found = {os.path.realpath(path) for path in font_manager.findSystemFonts()}
    return tuple(glob.glob(own)) + tuple(sorted(found))


def available():
    """Whether text can be drawn at all."""
    return bool(_files())


@functools.lru_cache(None)
def _font(path, size):
    """The font, and whether its letters are coloured pictures; (None, False): unusable."""
    from PIL import ImageFont
    for wanted in (size, COLOURED):
        try:
            return ImageFont.truetype(path, wanted), wanted != size
        except OSError:
            continue
    return None, False


@functools.lru_cache(None)
def _file_with(letter):
    """The font that has a letter, or None."""
    return next((path for path in _files() if _has(path, letter)), None)


@functools.lru_cache(None)
def _has(path, letter):
    font, _ = _font(path, 12)
    if font is None:
        return False
    try:
        mask, box = font.getmask(letter, mode='L'), font.getmask(_NO_LETTER, mode='L')
    except (OSError, ValueError):
        return False
    return mask.size != box.size or bytes(mask) != bytes(box)


def _needs_layout(letter):
    """Whether a letter's form or place depends on its neighbours: right to left, Indic scripts."""
    return (unicodedata.bidirectional(letter) in ('R', 'AL')
            or unicodedata.category(letter) in ('Mc', 'Mn') and ord(letter) > 0x8ff)


@functools.lru_cache(None)
def _layout():
    """Whether Pillow can shape text: libraqm and libfribidi are there."""
    from PIL import features
    return bool(features.check('raqm') and features.check('fribidi'))


def _missing(text):
    """Letters of a text that cannot be drawn."""
    return [letter for letter in text if not letter.isspace() and (
        unicodedata.category(letter) not in _JOINERS and _file_with(letter) is None
        or _needs_layout(letter) and not _layout())]


@functools.lru_cache(None)
def _advise(package):
    warn(f'pictures show some class names by their numbers; for the names install {package} '
         f'(Debian and Ubuntu: apt-get install {package})')


@functools.lru_cache(4096)
def drawable(text):
    """Whether every letter can be drawn; says once what to install where not."""
    missing = _missing(text) if available() else ()
    for letter in missing:
        _advise('libfribidi0' if _needs_layout(letter) and _file_with(letter)
                else next(name for first, name in PACKAGES if ord(letter) >= first))
    return not missing


def name_of(names, index):
    """Name of a class in a picture: its number where there is none that can be drawn."""
    name = ' '.join(str(names[index]).split()) if names else ''
    return name if name and drawable(name) else f'class {index}'


def _runs(text):
    """[(path of the font, the letters that follow each other in it)]."""
    runs = []
    for letter in text:
        path = runs[-1][0] if runs else None
        if letter.isspace():
            path = _files()[0] if path and _font(path, COLOURED // 2)[1] else path
        elif unicodedata.category(letter) not in _JOINERS:
            path = path if path and _has(path, letter) else _file_with(letter)
        if runs and (path == runs[-1][0] or path is None):
            runs[-1][1].append(letter)
        else:
            runs.append((path or _files()[0], [letter]))
    return [(path, ''.join(letters)) for path, letters in runs]


def width(text, size):
    """Width of a text in pixels."""
    return sum(_run_width(*run, size) for run in _runs(text))


def _run_width(path, text, size):
    font, coloured = _font(path, size)
    return font.getlength(text) * (size * 1.2 / COLOURED if coloured else 1)


def shortened(text, size, room):
    """The text, or as much of it as fits into `room` pixels and three dots."""
    if width(text, size) <= room:
        return text
    while text and width(text + '...', size) > room:
        text = text[:-1]
    return text + '...'


def draw(image, place, text, size, colour):
    """Writes a text into a Pillow image; place: left and top in pixels, size: of the letters."""
    from PIL import Image, ImageDraw
    left, top = place
    for path, letters in _runs(text):
        font, coloured = _font(path, size)
        if coloured:
            box = font.getbbox(letters)
            tile = Image.new('RGBA', (max(1, box[2]), max(1, box[3])))
            ImageDraw.Draw(tile).text((0, 0), letters, font=font, embedded_color=True)
            factor = size * 1.2 / COLOURED
            tile = tile.resize([max(1, int(side * factor)) for side in tile.size])
            image.paste(tile, (int(left), int(top)), tile)
        else:
            # By the base line, so that letters of different fonts stand on one.
            ImageDraw.Draw(image).text((left, top + size), letters, font=font, fill=colour,
                                       anchor='ls', direction='ltr' if _layout() else None)
        left += _run_width(path, letters, size)
