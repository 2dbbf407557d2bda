"""A report as blocks, and the two forms it is written in: one HTML page, one Markdown text.

A section is (title, [blocks]); a block is a Text, a Table or a Drawing (which Markdown leaves out).
The page needs nothing from outside: no script, no network, diagrams and pictures inside.
"""

import collections

from estimator.report.figures import escaped

Text = collections.namedtuple('Text', 'text')
# rows: tuples of cells; folded: a title under which the page hides it, or None.
Table = collections.namedtuple('Table', 'head rows folded')
Table.__new__.__defaults__ = (None,)
# html: the drawing itself; instead: what Markdown says in its place, or ''.
Drawing = collections.namedtuple('Drawing', 'html instead')
Drawing.__new__.__defaults__ = ('',)

STYLE = '''
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC",
  "WenQuanYi Micro Hei", "Microsoft YaHei", "PingFang SC", sans-serif; color: #1f2430;
  background: #f5f6f8; margin: 0; }
main { max-width: 1120px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 8px 0 4px; } h2 { font-size: 19px; margin: 0 0 10px; }
h3 { font-size: 14px; margin: 0 0 4px; color: #4b5563; font-weight: 600; }
section { background: #fff; border: 1px solid #e2e5ea; border-radius: 8px; padding: 18px 20px;
  margin: 16px 0; overflow-x: auto; }
.cards, .side, .photos { display: flex; flex-wrap: wrap; gap: 14px; }
.card { flex: 1 1 140px; border-left: 3px solid #5b7db1; padding: 2px 12px; }
.card b { display: block; font-size: 24px; line-height: 1.25; }
.card span { color: #5b6472; font-size: 13px; }
.side > div { flex: 1 1 440px; max-width: 540px; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: #5b6472; }
svg .grid { stroke: #e6e8ec; stroke-width: 1; }
.legend { margin: 0 0 0 36px; font-size: 12px; color: #5b6472; }
.legend span { margin-right: 16px; white-space: nowrap; }
.legend i { display: inline-block; width: 12px; height: 3px;
  margin-right: 6px; vertical-align: middle; }
table { border-collapse: collapse; font-size: 13px; margin: 6px 0; }
th, td { padding: 3px 10px 3px 0; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid #cfd4db; color: #4b5563; }
tbody tr:nth-child(even) { background: #fafbfc; } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums; }
.confusion td, .confusion th { padding: 0; font-variant-numeric: tabular-nums; }
.confusion td { width: 34px; min-width: 34px; height: 30px; text-align: center;
  vertical-align: middle; border: 1px solid #fff; }
.confusion th[scope=row] { text-align: right; padding-right: 8px; font-weight: 500;
  vertical-align: middle; white-space: nowrap; }
.confusion th[scope=col] { white-space: nowrap;
  vertical-align: bottom; text-align: center; font-weight: 500; }
.confusion th[scope=col] .long { writing-mode: vertical-rl; text-orientation: sideways;
  transform: rotate(180deg); max-height: 160px;
  overflow: hidden; margin: 0 auto; white-space: nowrap; }
.confusion td.sum { color: #5b6472; }
.bars td { padding: 1px 8px 1px 0; } .bars td:nth-child(2) { width: 300px; }
.bars div { height: 11px; background: #5b7db1; border-radius: 2px; margin-top: 5px; }
.map { max-width: 100%; border: 1px solid #d5d9e0; image-rendering: pixelated; }
figure { width: 132px; margin: 0; font-size: 12px; line-height: 1.35; overflow-wrap: anywhere; }
figure img { width: 132px; height: 132px; border-radius: 4px; display: block;
  margin-bottom: 4px; } figure .wrong { color: #b3261e; } figure small { color: #6b7280; }
summary { cursor: pointer; color: #34558b; margin: 8px 0; }
.photos { max-width: 880px; } p { margin: 6px 0; } .note { color: #5b6472; font-size: 13px; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
'''


def html(title, subtitle, sections):
    """The page; sections: [(title, blocks)]."""
    body = ''.join(f'<section><h2>{escaped(name)}</h2>{"".join(map(_block, blocks))}</section>'
                   for name, blocks in sections)
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<title>{escaped(title)}</title><style>{STYLE}</style></head><body><main>'
            f'<h1>{escaped(title)}</h1><p class="note">{escaped(subtitle)}</p>{body}'
            '</main></body></html>\n')


def _block(block):
    if isinstance(block, Text):
        return f'<p>{escaped(block.text)}</p>'
    if isinstance(block, Drawing):
        return block.html
    table = _table(block)
    if block.folded:
        return f'<details><summary>{escaped(block.folded)}</summary>{table}</details>'
    return table


def _table(block):
    numbers = [all(_is_number(row[column]) for row in block.rows)
               for column in range(len(block.head))]

    def line(cells, tag):
        return '<tr>' + ''.join(
            f'<{tag}{" class=n" * right}><bdi>{escaped(cell)}</bdi></{tag}>'
            for cell, right in zip(cells, numbers)) + '</tr>'
    return (f'<table><thead>{line(block.head, "th")}</thead><tbody>'
            + ''.join(line(row, 'td') for row in block.rows) + '</tbody></table>')


def _is_number(cell):
    return str(cell).rstrip('%').rstrip().replace('.', '').replace(',', '').isdigit() or cell == '-'


def markdown(title, subtitle, sections):
    """The same as Markdown, without the drawings."""
    lines = [f'# {_plain(title)}', '', _plain(subtitle)]
    for name, blocks in sections:
        lines += ['', f'## {_plain(name)}']
        for block in blocks:
            if isinstance(block, Table):
                lines += [''] + [f'{_plain(block.folded)}:', ''] * bool(block.folded)
                lines += [_row(block.head), _row(['---'] * len(block.head))]
                lines += [_row(row) for row in block.rows]
            else:
                text = block.text if isinstance(block, Text) else block.instead
                lines += ['', _plain(text)] * bool(text)
    return '\n'.join(lines) + '\n'


def _plain(text):
    text = str(text).encode('utf-8', 'backslashreplace').decode()
    for letter in '\\`*_<>[]|':
        text = text.replace(letter, '\\' + letter)
    return ' '.join(text.split())


def _row(cells):
    return '| ' + ' | '.join('---' if cell == '---' else _plain(cell) for cell in cells) + ' |'
