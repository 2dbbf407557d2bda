"""The lines a conversion ends with."""

import collections
import shlex

_LISTED_CLASSES = 20
_LISTED_FILES = 10


def converted(output, content, sidecars, ignored, rate, say):
    """Says what was written, re-encoded and left out.

    Args:
        output: the folder.
        content: of dataset.json.
        sidecars: {split: [sidecar]} of this run.
        ignored: number of hidden and system files.
        rate: images per second.
        say: called with each line.
    """
    for split, rows in sidecars.items():
        counts = collections.Counter()
        for row in rows:
            counts.update(row['labels'])
        size = sum(row['bytes'] for row in rows) / 1e6
        say(f'{split}: {sum(counts.values()):,} images in {len(rows)} shards, {size:,.1f} MB; '
            f'{histogram(counts, content["class_names"])}')
    rows = [row for some in sidecars.values() for row in some]
    _tally('re-encoded as JPEG', 'changed', rows, say)
    if _tally('left out', 'left_out', rows, say):
        files = [name for row in rows for name in row['bad_files']]
        for name in files[:_LISTED_FILES]:
            say(f'  {name}')
    if ignored:
        say(f'ignored: {ignored} hidden or system files')
    say(f'{rate:,.0f} images/s; labels {content["label_offset"]}..'
        f'{content["label_offset"] + content["num_classes"] - 1}; written to {output}')
    say(f'next: {next_command(output, content["splits"])}')


def next_command(output, splits):
    """What to type next: a training, whose recipe follows the data, or the check of a split."""
    folder = shlex.quote(output)
    if 'train' not in splits:
        return f'python convert_tfrecord.py --verify {folder}'
    command = f'python main.py --model_name=mixnet-s --data_dir={folder}'
    return command if 'validation' in splits else f'{command} --mode=train'


def _tally(title, key, sidecars, say):
    total = collections.Counter()
    for row in sidecars:
        total.update(row[key])
    if total:
        rows = ', '.join(f'{count:,} {what}' for what, count in total.most_common())
        say(f'{title}: {rows}')
    return total


def histogram(counts, names, offset=0):
    """Images a class in one line: each class where there are few, otherwise the extremes.

    Args:
        counts: {label: images}.
        names: class names or None.
        offset: label of the first name.
    """
    size = len(names) if names else len(counts)
    if names and size <= _LISTED_CLASSES:
        return ', '.join(f'{name} {counts[label]:,}' for label, name in enumerate(names, offset))
    every = [counts[label] for label in range(offset, offset + size)] if names \
        else list(counts.values())
    empty = every.count(0)
    return (f'{size} classes, {min(every):,} to {max(every):,} images each'
            + (f', {empty} classes without any' if empty else ''))
