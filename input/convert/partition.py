"""What a conversion writes: which images go to which split and which shard."""

import os

import numpy as np

SHARD_BYTES = 150e6
MAX_SHARDS = {'train': 1024, 'validation': 128}    # those of slim's ImageNet
FEW_SHARDS = 8    # so that small data sets shuffle across files and convert in parallel, too
FEW_EXAMPLES = 1000


def hold_out(items, fraction, seed):
    """(train, validation): a part of every class, chosen by the seed.

    The rounding is carried from class to class, so the whole has the fraction even where classes
    are smaller than one over it.
    """
    by_class = {}
    for item in items:
        by_class.setdefault(item.label, []).append(item)
    train, validation, due = [], [], 0.5
    for label in sorted(by_class):
        rows = by_class[label]
        due += len(rows) * fraction
        count = int(due)
        due -= count
        order = np.random.RandomState([seed, label]).permutation(len(rows))
        held = set(order[:count].tolist())
        for position, item in enumerate(rows):
            (validation if position in held else train).append(item)
    return train, validation


def total_bytes(root, items):
    """Size of the files of some items."""
    per_row = [item for item in items if item.row is not None]
    size = sum(os.path.getsize(os.path.join(root, path)) for path in {row.path for row in per_row})
    for item in items:
        if item.row is None:
            try:
                size += os.stat(os.path.join(root, item.path)).st_size
            except OSError:
                pass    # a broken link: reported when its shard is written
    return size


def default_shards(split, examples, size):
    """About 150 MB a shard, at least a few where there are thousands of images."""
    by_size = int(-(-size // SHARD_BYTES))
    by_count = min(FEW_SHARDS, -(-examples // FEW_EXAMPLES))
    return max(1, min(MAX_SHARDS[split], max(by_size, by_count)))


def into_shards(split, items, shards, seed):
    """[(file name, items)]: shuffled by the seed, sizes that differ by one at most."""
    order = np.random.RandomState([seed, len(split)]).permutation(len(items)).tolist()
    bounds = [len(items) * index // shards for index in range(shards + 1)]
    return [(f'{split}-{index:05d}-of-{shards:05d}',
             [items[position] for position in order[bounds[index]:bounds[index + 1]]])
            for index in range(shards)]
