"""Converts folders of images to TFRecords with slim's keys.

`convert(Options(...))` does what convert_tfrecord.py offers; see there for the options.
"""

import errno
import os
import shlex
import shutil
from collections import namedtuple

from common import console
from common.errors import DataError
from input import progress
from input.convert import (
    parallel,
    partition,
    parts,
    publishing,
    shard_writer,
    staging,
    summary,
)
from input.folders import holdout, layouts
from input.images import checks, formats
from input.records import dataset_json

FIELDS = ('input_dir output_dir split shards validation_shards workers on_bad_image label_offset '
          'validation_labels seed holdout exif max_pixels part')
Options = namedtuple('Options', FIELDS)
Options.__new__.__defaults__ = ('all', None, None, None, 'fail', None, None, 0, None, None,
                                formats.MAX_PIXELS, None)

SPLITS = ('train', 'validation')
POLICIES = ('fail', 'skip', 'reencode')


def convert(options, say=console.say):
    """Converts; returns the content of dataset.json, or None after one part of several.

    Args:
        options: Options. shards, validation_shards, workers, label_offset, holdout, exif, part:
            None chooses.
        say: called with each line of output.

    Raises:
        DataError: input or output cannot be used; nothing was published.
        parallel.Stopped: interrupted or disk full; the same call goes on.
    """
    output = os.path.abspath(options.output_dir)
    if os.path.realpath(output) == os.path.realpath(options.input_dir):
        raise DataError('--output_dir is --input_dir; choose another folder')
    tree = layouts.scan(options.input_dir, output, options.validation_labels)
    if options.validation_labels and tree.layout not in layouts.WITH_SPLITS:
        raise DataError(f'--validation_labels={options.validation_labels} names the classes of a '
                        f'flat validation folder, and {tree.root} has none. Leave it out')
    splits, notes = _split(tree, options)
    known = dataset_json.read(output)
    settings = _settings(tree, output, options)
    tasks = _tasks(settings, splits, options, notes)
    if known and _is_done(known, settings, tasks):
        staging.discard_rest(output, tree.root)
        say(f'{output} already holds this data set: nothing to do. To check it: '
            f'python convert_tfrecord.py --verify {output}')
        return known
    for note in tree.notes + notes:
        say(f'NOTE: {note}')
    say(f'{tree.root}: {tree.layout}, {len(tree.classes)} classes, '
        + ', '.join(f'{len(items):,} {split} images' for split, items in splits.items()))
    if options.part:
        return _convert_part(tasks, tree, settings, options, say)
    with staging.opened(output, tree.root):
        if dataset_json.read(output) != known:
            raise staging.just_finished(output)
        staging.check_output(output, known, [task.file for task in tasks])
        staging.remove_strangers(settings.staging, [task.file for task in tasks])
        rows, rate = _write(tasks, output, options)
        sidecars = {}
        for task, row in zip(tasks, rows):
            sidecars.setdefault(task.split, []).append(row)
        content = publishing.publish(output, known, os.path.basename(os.path.realpath(tree.root)),
                                     settings, sidecars)
    summary.converted(output, content, sidecars, tree.ignored, rate, say)
    return content


def _settings(tree, output, options):
    """NOTE: EXIF's rotation is not applied to ImageNet, because the originals train on and score
    its bytes as they are."""
    offset = tree.label_offset if options.label_offset is None else options.label_offset
    chosen = options.exif or ('ignore' if tree.layout == layouts.IMAGENET else 'apply')
    rules = checks.Rules(options.max_pixels, upright=chosen == 'apply')
    return shard_writer.ShardSettings(
        tree.root, os.path.join(output, staging.FOLDER), output, tree.classes, tree.texts, offset,
        options.on_bad_image, rules)


def _convert_part(tasks, tree, settings, options, say):
    output, part = settings.final, options.part
    own = parts.own(tasks, part)
    with staging.opened(output, tree.root, part):
        rows, rate = _write(own, output, options) if own else ([], 0)
        parts.finish(tasks, part, tree, settings)
    images = sum(row['num_examples'] for row in rows)
    say(f'part {part.index} of {part.count}: {images:,} images in {len(own)} of {len(tasks)} '
        f'shards, {rate:,.0f} images/s')
    say(f'next, when all parts are there: python convert_tfrecord.py --merge={shlex.quote(output)}')


def _split(tree, options):
    """({split: items} to write, notes): a part is held out where there is one split only."""
    fraction = 0 if options.split == 'train' and options.holdout is None else options.holdout
    tree, note = holdout.with_validation(tree, fraction, options.seed)
    wanted = [split for split in SPLITS if options.split in (split, 'all')]
    chosen = {split: tree.splits[split] for split in wanted if tree.splits.get(split)}
    if not chosen:
        raise DataError(f'{tree.root} has no {options.split} split (found: '
                        f'{", ".join(tree.splits)})')
    return chosen, [note] if note else []


def _tasks(settings, splits, options, notes):
    asked = {'train': options.shards, 'validation': options.validation_shards}
    tasks = []
    for split, items in splits.items():
        size = partition.total_bytes(settings.root, items, exact=not asked[split])
        shards = asked[split] or partition.default_shards(split, len(items), size)
        if shards > len(items):
            notes.append(f'{shards} {split} shards for {len(items)} images: one an image is made')
            shards = len(items)
        tasks += [shard_writer.ShardTask(settings, split, file, rows,
                                         size * len(rows) // len(items))
                  for file, rows in partition.into_shards(split, items, shards, options.seed)]
    return tasks


def _is_done(known, settings, tasks):
    """Whether dataset.json describes these very images; DataError where it describes others."""
    same = (known['class_names'], known['label_offset']) == (settings.texts, settings.label_offset)
    for split in sorted({task.split for task in tasks}):
        there = known['splits'].get(split)
        prints = [shard_writer.fingerprint(task) for task in tasks if task.split == split]
        if there and (not same or there.get('fingerprint') != shard_writer.combined(prints)):
            same = False
        elif there is None and same:
            return False
    if not same:
        raise DataError(
            f'{settings.final} holds a different data set ({known.get("name")}, '
            f'{known["num_classes"]} classes), or this one with other settings or since '
            'changed. Choose another --output_dir, or remove that folder')
    return True


def _write(tasks, output, options):
    """(sidecars, images/s)."""
    _check_space(output, tasks)
    total = sum(len(task.items) for task in tasks)
    try:
        with progress.bar('converting', total) as bar:
            sidecars = parallel.run(shard_writer.write_shard, tasks,
                                    options.workers or os.cpu_count() or 1, bar)
            return sidecars, progress.rate(bar)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        free = shutil.disk_usage(output).free
        what = f'the disk is full ({free / 1e6:,.0f} MB left)' if full else error.strerror
        raise parallel.Stopped(f'{output}: {what}; finished shards are kept') from error


def _check_space(output, tasks):
    needed = sum(task.size for task in tasks)
    needed -= partition.written(tasks[0].settings.staging)
    free = shutil.disk_usage(output).free
    if needed > free:
        raise DataError(f'{output} needs about {needed / 1e6:,.0f} MB more, {free / 1e6:,.0f} MB '
                        'are free. Make room or choose another --output_dir')
