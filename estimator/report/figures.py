"""The diagrams of a report as text for an HTML page: inline SVG, pictures as data addresses."""

import base64
import html
import io
import math
import unicodedata

import numpy as np

from estimator import curves as estimator_curves
from estimator.drawing import grid

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 40
TRAINING, EVALUATION = '#5b7db1', '#d9822b'
WIDEST = 1000        # pixels of a map
HIT, MISS = (46, 125, 79), (192, 57, 43)


def escaped(text):
    """Text for HTML, whatever bytes a file name is made of."""
    return html.escape(str(text).encode('utf-8', 'backslashreplace').decode())


class Axes:
    """Places numbers in a diagram; x and y: (lowest, highest)."""

    def __init__(self, x, y, x_label, y_label):
        self._x, self._y = _wide(*x), _wide(*y)
        self._labels = x_label, y_label

    def at(self, x, y):
        """'x,y' in the drawing."""
        (low, high), (bottom, top) = self._x, self._y
        return (LEFT + (x - low) / (high - low) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (y - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM))

    def line(self, points, colour, dots=False):
        """A line through [(x, y)]; one point alone, or `dots`, is drawn as dots."""
        places = [self.at(*point) for point in points]
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in places)
        drawn = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        if dots or len(places) == 1:
            drawn += ''.join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                             for x, y in places)
        return drawn

    def drawing(self, *parts):
        """The SVG: grid, numbers, labels, then the parts."""
        drawn = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
                 f'aria-label="{escaped(self._labels[1])} over {escaped(self._labels[0])}">']
        for value in ticks(*self._x):
            x, y = self.at(value, self._y[0])
            drawn.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{y:.1f}" '
                         f'class="grid"/><text x="{x:.1f}" y="{y + 15:.1f}" '
                         f'text-anchor="middle">{value:g}</text>')
        for value in ticks(*self._y):
            x, y = self.at(self._x[0], value)
            drawn.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" '
                         f'class="grid"/><text x="{x - 6:.1f}" y="{y + 4:.1f}" '
                         f'text-anchor="end">{value:g}</text>')
        middle = (LEFT + WIDTH - RIGHT) / 2
        drawn.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">'
                     f'{escaped(self._labels[0])}</text>')
        return ''.join(drawn + list(parts)) + '</svg>'


def _wide(low, high):
    """A range that is one: of a single value its neighbourhood."""
    if high - low > 1e-12:
        return low, high
    return low - abs(low) * 0.1 - 0.5, high + abs(high) * 0.1 + 0.5


def ticks(low, high, about=6):
    """Round numbers within a range."""
    rough = (high - low) / about
    step = 10 ** math.floor(math.log10(rough))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, int(high / step + 1e-9) + 1)]


def legend(*rows):
    """(text, colour) of the lines of a diagram."""
    return '<p class="legend">' + ''.join(
        f'<span><i style="background:{colour}"></i>{escaped(text)}</span>'
        for text, colour in rows) + '</p>'


def curves(training, evaluations, columns, name, low=None, high=None):
    """Training and evaluation over epochs; columns: (of training, of evaluation)."""
    rows = [[(row['epoch'], row[column]) for row in table if _drawable(row, column)]
            for table, column in zip((training, evaluations), columns)]
    end = high or estimator_curves.highest(*[[y for _, y in some] for some in rows])
    rows[1] = [(x, min(y, end) if end else y) for x, y in rows[1]]
    points = rows[0] + rows[1]
    if not points:
        return ''
    xs, ys = zip(*points)
    room = 0.05 * (max(ys) - min(ys))
    axes = Axes((0, max(xs)), (min(ys) - room if low is None else low,
                               max(ys) + room if high is None else high), 'epoch', name)
    lines = [axes.line(_thinned(some), colour, dots) for some, colour, dots in (
        (rows[0], TRAINING, False), (rows[1], EVALUATION, len(rows[1]) <= 40)) if some]
    told = [('training', TRAINING)] * bool(rows[0]) + [('evaluation', EVALUATION)] * bool(rows[1])
    return f'<h3>{escaped(name)}</h3>' + axes.drawing(*lines) + legend(*told)


def _drawable(row, column):
    values = row.get('epoch'), row.get(column)
    return all(isinstance(value, float) and math.isfinite(value) for value in values)


def _thinned(points, most=1000):
    """At most so many points, means of neighbours."""
    size = -(-len(points) // most)
    groups = [points[start:start + size] for start in range(0, len(points), size)]
    return [tuple(map(float, np.mean(group, 0))) for group in groups]


def reliability(found):
    """Accuracy over confidence: bars by bin, the diagonal where both agree."""
    axes = Axes((0, 1), (0, 1), 'probability of the first choice', 'accuracy')
    bars = []
    for row in found.bins:
        left, top = axes.at(row.low, row.accuracy)
        right, bottom = axes.at(row.high, 0)
        bars.append(f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{right - left - 2:.1f}" '
                    f'height="{bottom - top:.1f}" fill="{TRAINING}" opacity="0.75"><title>'
                    f'{row.low:.0%} to {row.high:.0%}: {row.images} images, accuracy '
                    f'{row.accuracy:.1%}</title></rect>')
        bars.append(axes.line([(row.confidence, row.accuracy)], EVALUATION))
    diagonal = axes.line([(0, 0), (1, 1)], '#888')
    return '<h3>reliability</h3>' + axes.drawing(*bars, diagonal) + legend(
        ('accuracy of the images of a bin', TRAINING),
        ('at the mean probability of the bin', EVALUATION), ('perfect', '#888'))


def bars(rows, most=None):
    """[(text, value)] as horizontal bars of text and value."""
    most = most or max(value for _, value in rows) or 1
    return '<table class="bars">' + ''.join(
        f'<tr><td><bdi>{escaped(text)}</bdi></td><td><div style="width:{100 * value / most:.1f}%">'
        f'</div></td><td>{value:g}</td></tr>' for text, value in rows) + '</table>'


def photograph(pixels, side=132):
    """<img> of uint8 [height, width, 3]."""
    return _image(grid.thumbnail(pixels, side), 'JPEG', 'alt=""', quality=88)


def heat_map(matrix, name):
    """<img> of counts [n, n], a row an actual class: green where right, red where wrong.

    The shade is a logarithm, and one image shows, too.
    """
    from PIL import Image
    pixels = np.full(matrix.shape + (3,), 255.0)
    diagonal = np.eye(len(matrix), dtype=bool)
    for chosen, colour in ((diagonal, HIT), (~diagonal, MISS)):
        chosen = chosen & (matrix > 0)
        if chosen.any():
            shares = 0.35 + 0.65 * np.log(matrix[chosen]) / max(np.log(matrix[chosen].max()), 1e-9)
            pixels[chosen] += (np.array(colour) - 255) * shares[:, None]
    pixels = pixels.astype(np.uint8)
    factor = max(1, WIDEST // len(matrix))
    image = Image.fromarray(pixels).resize([len(matrix) * factor] * 2, Image.NEAREST)
    return _image(image, 'PNG', f'class="map" alt="{escaped(name)}"', optimize=True)


def _image(image, kind, more, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    text = base64.b64encode(stream.getvalue()).decode()
    return f'<img {more} src="data:image/{kind.lower()};base64,{text}">'


def _shade(share, colour):
    """CSS of a cell: from nearly white to the colour, the figure readable on it."""
    if not share:
        return 'background:#f5f6f8'
    share = 0.12 + 0.88 * share
    mixed = ','.join(f'{245 + (part - 245) * share:.0f}' for part in colour)
    return f'background:rgb({mixed})' + (';color:#fff' if share > 0.6 else '')


def _is_long(name):
    """Whether a name is wider than a cell of the matrix."""
    return sum(2 if unicodedata.east_asian_width(letter) in 'WF' else 1 for letter in name) > 4


def matrix_table(confusion, names):
    """The matrix as an HTML table with numbers, for few classes; a row an actual class."""
    head = ''.join(f'<th scope="col"><div{" class=long" * _is_long(name)}><bdi>{escaped(name)}'
                   '</bdi></div></th>' for name in names)
    lines = [f'<tr><th></th>{head}<th scope="col"><div>&nbsp;images</div></th></tr>']
    for label, name in enumerate(names):
        counts = confusion.row(label)
        total = max(1, int(confusion.images[label]))
        cells = ''.join(
            f'<td style="{_shade(count / total, HIT if label == guess else MISS)}">{count or ""}'
            '</td>' for guess, count in enumerate(counts.tolist()))
        lines.append(f'<tr><th scope="row"><bdi>{escaped(name)}</bdi></th>{cells}'
                     f'<td class="sum">{int(confusion.images[label])}</td></tr>')
    return f'<table class="confusion">{"".join(lines)}</table>'
