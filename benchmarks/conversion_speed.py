"""Speed of conversion and verification beside copying the same files with a checksum.

    python benchmarks/conversion_speed.py --input_dir=DIR [--copies=20] [--rounds=3] [--workers=2]

DIR holds class folders. Each round copies (reads, sha256, writes, as many processes), converts and
verifies; the medians are printed with their spread. Files come from the page cache; what a step has
written is removed before the next one writes, so that all write to the same memory, and the first
round is not counted. The look through JPEG files remembers Huffman tables, which copies repeat and
photographs seldom do: that memory is taken from it.
"""

import argparse
import hashlib
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from input import progress
from input.convert import conversion, parallel, verify
from input.folders import layouts
from input.images import jpeg


def enlarged(source, target, copies):
    """A tree of hard links that has every image `copies` times."""
    tree = layouts.scan(source)
    for item in tree.splits['train']:
        folder, name = os.path.split(item.path)
        os.makedirs(os.path.join(target, folder), exist_ok=True)
        for copy in range(copies):
            path = os.path.join(target, folder, f'{copy}-{name}')
            try:
                os.link(os.path.join(tree.root, item.path), path)
            except OSError:     # another file system
                shutil.copyfile(os.path.join(tree.root, item.path), path)
    return layouts.scan(target)


def copy_files(task, advance):
    """Reads, checksums and writes some files."""
    root, paths, target = task
    for number, path in enumerate(paths):
        with open(os.path.join(root, path), 'rb') as stream:
            data = stream.read()
        hashlib.sha256(data).hexdigest()
        with open(os.path.join(target, f'{number}-{os.path.basename(path)}'), 'wb') as stream:
            stream.write(data)
    advance(len(paths))


def copy(tree, target, workers):
    """Copies every image in as many processes."""
    paths = [item.path for item in tree.splits['train']]
    tasks = []
    for worker in range(workers):
        os.makedirs(os.path.join(target, str(worker)))
        tasks.append((tree.root, paths[worker::workers], os.path.join(target, str(worker))))
    with progress.bar('copying', len(paths)) as bar:
        parallel.run(copy_files, tasks, workers, bar)


def measure(tree, workers, folder):
    """{what: seconds} of one round."""
    records, copied = os.path.join(folder, 'records'), os.path.join(folder, 'copy')
    options = conversion.Options(tree.root, records, holdout=0, workers=workers)
    options = options._replace(shards=max(workers * 4, 8))
    steps = {'copy with sha256': lambda: copy(tree, copied, workers),
             'convert': lambda: conversion.convert(options, say=lambda line: None),
             '--verify': lambda: verify.verify(records, workers, lambda line: None)}
    seconds = {}
    for name, step in steps.items():
        start = time.time()
        step()
        seconds[name] = time.time() - start
        shutil.rmtree(copied, ignore_errors=True)
    shutil.rmtree(records)
    return seconds


def main(argv):
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--input_dir', required=True)
    parser.add_argument('--copies', type=int, default=1)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--workers', type=int, default=os.cpu_count())
    given = parser.parse_args(argv)
    jpeg._huffman = jpeg._huffman.__wrapped__
    with tempfile.TemporaryDirectory() as folder:
        tree = enlarged(given.input_dir, os.path.join(folder, 'images'), given.copies)
        images = len(tree.splits['train'])
        size = sum(os.path.getsize(os.path.join(tree.root, item.path))
                   for item in tree.splits['train']) / 1e6
        rounds = [measure(tree, given.workers, folder) for _ in range(1 + given.rounds)][1:]
    print(f'{images:,} images, {size:,.0f} MB, {given.workers} processes, {given.rounds} rounds, '
          f'Python {platform.python_version()}, {platform.processor() or platform.machine()}')
    base = statistics.median(row['copy with sha256'] for row in rounds)
    for name in rounds[0]:
        times = [row[name] for row in rounds]
        middle = statistics.median(times)
        print(f'{name:18} {images / middle:9,.0f} images/s {size / middle:8,.0f} MB/s  '
              f'{base / middle:5.2f} of copying  ({min(times):.2f} to {max(times):.2f} s)')


if __name__ == '__main__':
    main(sys.argv[1:])
