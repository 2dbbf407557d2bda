"""Images side by side with lines of text under each, as one picture."""

from common import files
from estimator.drawing import fonts

RIGHT, WRONG = '#1a1a1a', '#b3261e'
SIDE, COLUMNS, LETTERS = 120, 6, 12
_GAP, _LINE = 10, 16


def draw(images, captions, side=SIDE, columns=COLUMNS):
    """A Pillow image.

    images: uint8 [height, width, 3] each; captions: for each a list of (text, colour), left out
    where matplotlib, which brings the font, is missing.
    """
    from PIL import Image
    captions = captions if fonts.available() else [[]] * len(images)
    columns = max(1, min(columns, len(images)))
    high = side + _LINE * max(map(len, captions)) + _GAP
    sheet = Image.new('RGB', (columns * (side + _GAP) + _GAP,
                              -(-len(images) // columns) * high + _GAP), 'white')
    for number, (pixels, lines) in enumerate(zip(images, captions)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * (side + _GAP), _GAP + row * high
        sheet.paste(thumbnail(pixels, side), (left, top))
        for line, (text, colour) in enumerate(lines):
            fonts.draw(sheet, (left, top + side + 2 + line * _LINE),
                       fonts.shortened(text, LETTERS, side), LETTERS, colour)
    return sheet


def thumbnail(pixels, side):
    """A square Pillow image of side pixels; small images stay sharp."""
    from PIL import Image
    way = Image.NEAREST if max(pixels.shape[:2]) * 2 <= side else Image.BICUBIC
    return Image.fromarray(pixels).resize((side, side), way)


def caption(names, guess, probability, label=None):
    """Lines for one image: what the network says, and the truth where it is known and another."""
    wrong = label is not None and label != guess
    lines = [(f'{probability:.0%} {fonts.name_of(names, guess)}', WRONG if wrong else RIGHT)]
    return lines + [(f'is {fonts.name_of(names, label)}', RIGHT)] if wrong else lines


def save(path, images, captions, columns=COLUMNS):
    """Writes the picture; returns its path."""
    with files.written(path) as place:
        draw(images, captions, columns=columns).save(place, 'PNG')
    return path
