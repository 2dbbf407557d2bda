"""The lines a conversion ends with."""

import collections

_LISTED_CLASSES = 20
_LISTED_FILES = 10


def converted(tree, content, tasks, sidecars, rate, say):
    """Says what was written, re-encoded and left out.

    Args:
        tree: layouts.ImageTree.
        content: of dataset.json.
        tasks, sidecars: of every shard of this run.
        rate: images per second.
        say: called with each line.
    """
    labels = {}
    for task, row in zip(tasks, sidecars):
        labels.setdefault(task.split, collections.Counter()).update(row['labels'])
    for split, counts in labels.items():
        shards = content['splits'][split]['shards']
        size = sum(row['bytes'] for row in shards) / 1e6
        say(f'{split}: {sum(counts.values()):,} images in {len(shards)} shards, {size:,.1f} MB; '
            f'{histogram(counts, tree.texts)}')
    _tally('re-encoded as JPEG', 'changed', sidecars, say)
    if _tally('left out', 'left_out', sidecars, say):
        files = [name for row in sidecars for name in row['bad_files']]
        for name in files[:_LISTED_FILES]:
            say(f'  {name}')
    if tree.ignored:
        say(f'ignored: {tree.ignored} hidden or system files')
    folder = tasks[0].settings.final
    say(f'{rate:,.0f} images/s; labels {content["label_offset"]}..'
        f'{content["label_offset"] + content["num_classes"] - 1}; written to {folder}')
    say(f'next: python main.py --model_name=mixnet-s --data_dir={folder}')


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
