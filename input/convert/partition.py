"""What a conversion writes: which images go to which split and which shard."""

import contextlib
import os

import numpy as np

SHARD_BYTES = 150e6
MAX_SHARDS = {'train': 1024, 'validation': 128}    # those of slim's ImageNet
FEW_SHARDS = 8    # so that small data sets shuffle across files and convert in parallel, too
FEW_EXAMPLES = 1000
ESTIMATED_FROM = 4096      # images


def total_bytes(root, items, exact=True):
    """Size of the files of some items; otherwise estimated from some thousands of the files.

    On a network drive asking all of a million files takes many minutes.
    """
    if items and items[0].row is not None:
        return sum(os.path.getsize(os.path.join(root, path))
                   for path in {item.path for item in items})
    asked = items if exact else items[::len(items) // ESTIMATED_FROM + 1]
    size = 0
    for item in asked:
        try:
            size += os.stat(f'{root}/{item.path}').st_size
        except OSError:
            pass    # a broken link: reported when its shard is written
    return size * len(items) // max(1, len(asked))


def written(staged):
    """Size of what lies in the staging folder, to which other parts may be writing."""
    size = 0
    for name in os.listdir(staged):
        with contextlib.suppress(FileNotFoundError):    # renamed just now
            size += os.path.getsize(os.path.join(staged, name))
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
