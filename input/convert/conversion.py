"""Converts folders of images to TFRecords with slim's keys.

`convert(Options(...))` does what convert_tfrecord.py offers; see there for the options.
"""

import errno
import os
import shutil
from collections import namedtuple

from common.errors import DataError
from input import dataset_json, progress
from input.convert import layouts, parallel, partition, shard_writer, staging, summary

FIELDS = ('input_dir output_dir split shards validation_shards workers on_bad_image label_offset '
          'validation_labels seed holdout')
Options = namedtuple('Options', FIELDS)
Options.__new__.__defaults__ = ('all', None, None, None, 'fail', None, None, 0, 0.0)

SPLITS = ('train', 'validation')
POLICIES = ('fail', 'skip', 'reencode')


def convert(options, say=print):
    """Converts; returns the content of dataset.json.

    Args:
        options: Options. shards, validation_shards, workers, label_offset: None chooses.
        say: called with each line of output.

    Raises:
        DataError: input or output cannot be used; nothing was published.
        parallel.Stopped: interrupted or disk full; the same call goes on.
    """
    output = os.path.abspath(options.output_dir)
    if os.path.realpath(output) == os.path.realpath(options.input_dir):
        raise DataError('--output_dir is --input_dir; choose another folder')
    tree = layouts.scan(options.input_dir, output, options.validation_labels)
    splits, notes = _split(tree, options)
    known = dataset_json.read(output)
    offset = tree.label_offset if options.label_offset is None else options.label_offset
    settings = shard_writer.Settings(
        tree.root, os.path.join(output, staging.FOLDER), output, tree.classes, tree.texts, offset,
        options.on_bad_image)
    tasks = _tasks(settings, splits, options, notes)
    if known and _is_done(known, settings, tasks):
        say(f'{output} already holds this data set: nothing to do. To check it: '
            f'python convert_tfrecord.py --verify {output}')
        return known
    for note in tree.notes + notes:
        say(f'NOTE: {note}')
    say(f'{tree.root}: {tree.layout}, {len(tree.classes)} classes, '
        + ', '.join(f'{len(items):,} {split} images' for split, items in splits.items()))
    with staging.opened(output, tree.root):
        sidecars, rate = _write(tasks, known, output, options, splits)
        content = _publish(output, known, settings, tasks, sidecars)
    staging.discard(output)
    summary.converted(tree, content, tasks, sidecars, rate, say)
    return content


def _split(tree, options):
    """({split: items} to write, notes): a part is held out where there is one split only."""
    splits, notes = dict(tree.splits), []
    if len(splits) == 2 and options.holdout:
        notes.append('--holdout is not used: there is a validation split')
    elif 'train' in splits and options.holdout:
        train, held = partition.hold_out(splits['train'], options.holdout, options.seed)
        if not train or not held:
            raise DataError(f'--holdout={options.holdout} of {len(splits["train"])} images leaves '
                            'one split empty; choose another fraction')
        splits = {'train': train, 'validation': held}
    elif 'train' in splits and len(splits) == 1:
        notes.append('no validation split: only train is written; --holdout=0.1 would make one')
    wanted = [split for split in SPLITS if options.split in (split, 'all')]
    chosen = {split: splits[split] for split in wanted if splits.get(split)}
    if not chosen:
        raise DataError(f'{tree.root} has no {options.split} split (found: '
                        f'{", ".join(tree.splits)})')
    return chosen, notes


def _tasks(settings, splits, options, notes):
    asked = {'train': options.shards, 'validation': options.validation_shards}
    tasks = []
    for split, items in splits.items():
        shards = asked[split] or partition.default_shards(
            split, len(items), partition.total_bytes(settings.root, items))
        if shards > len(items):
            notes.append(f'{shards} {split} shards for {len(items)} images: one an image is made')
            shards = len(items)
        tasks += [shard_writer.ShardTask(settings, split, file, rows)
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


def _write(tasks, known, output, options, splits):
    """(sidecars, images/s)."""
    files = [task.file for task in tasks]
    staging.check_output(output, known, files)
    staging.remove_strangers(os.path.join(output, staging.FOLDER), files)
    _check_space(output, tasks[0].settings.root, splits)
    total = sum(map(len, splits.values()))
    try:
        with progress.bar('converting', total) as shown:
            sidecars = parallel.run(shard_writer.write_shard, tasks,
                                    options.workers or os.cpu_count() or 1, shown)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        free = shutil.disk_usage(output).free
        what = f'the disk is full ({free / 1e6:,.0f} MB left)' if full else error.strerror
        raise parallel.Stopped(f'{output}: {what}; finished shards are kept') from error
    return sidecars, progress.rate(shown)


def _check_space(output, root, splits):
    needed = sum(partition.total_bytes(root, items) for items in splits.values())
    staged = os.path.join(output, staging.FOLDER)
    needed -= sum(os.path.getsize(os.path.join(staged, name)) for name in os.listdir(staged))
    free = shutil.disk_usage(output).free
    if needed > free:
        raise DataError(f'{output} needs about {needed / 1e6:,.0f} MB more, {free / 1e6:,.0f} MB '
                        'are free. Make room or choose another --output_dir')


def _publish(output, known, settings, tasks, sidecars):
    """Moves the shards to their final names and writes dataset.json; returns its content."""
    splits = dict(known['splits']) if known else {}
    for split in sorted({task.split for task in tasks}):
        rows = [row for task, row in zip(tasks, sidecars) if task.split == split]
        count = sum(row['num_examples'] for row in rows)
        if not count:
            raise DataError(f'not one good {split} image in {settings.root}; nothing was published')
        keys = ('file', 'num_examples', 'bytes', 'sha256')
        splits[split] = {'num_examples': count,
                         'fingerprint': shard_writer.combined(
                             row['fingerprint'] for row in rows),
                         'shards': [{key: row[key] for key in keys} for row in rows]}
    staging.publish(output, [task.file for task in tasks])
    name = known['name'] if known else os.path.basename(os.path.realpath(settings.root))
    dataset_json.write(output, name, settings.texts, settings.label_offset, splits)
    return dataset_json.read(output)
