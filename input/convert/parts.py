"""A conversion shared among hosts: each writes every N-th shard, then one merges.

The hosts see the same images and write to one folder, or to folders of their own whose .partial
are copied into one before the merge. Each host leaves a plan beside its shards; the merge needs no
images: it compares the plans, counts the shards and checks every checksum, then publishes.
"""

import hashlib
import json
import os
import re
from collections import namedtuple

from common import console
from common.errors import DataError
from common.files import write_text
from input import progress
from input.convert import parallel, publishing, shard_writer, staging, summary
from input.records import dataset_json

Part = namedtuple('Part', 'index count')    # index from 1
PLAN = re.compile(r'plan-(\d+)-of-(\d+)\.json$')


def parse(text):
    """The Part of 'K/N'; ValueError otherwise."""
    found = re.match(r'(\d+)/(\d+)$', text)
    part = Part(*map(int, found.groups())) if found else Part(0, 0)
    if not 1 <= part.index <= part.count:
        raise ValueError(f'{text}: K/N with K from 1 to N')
    return part


def own(tasks, part):
    """The tasks of one part."""
    return tasks[part.index - 1::part.count]


def finish(tasks, part, tree, settings):
    """Writes the plan of a finished part."""
    splits = {}
    for task in tasks:
        splits.setdefault(task.split, []).append(task.file)
    plan = {'digest': _digest(tasks, settings), 'splits': splits, 'ignored': tree.ignored,
            'name': os.path.basename(os.path.realpath(settings.root)),
            'settings': [settings.classes, settings.texts, settings.label_offset]}
    write_text(os.path.join(settings.staging, f'plan-{part.index}-of-{part.count}.json'),
               json.dumps(plan))


def _digest(tasks, settings):
    """What all parts must agree on: which image goes to which shard under which label."""
    digest = hashlib.sha256(json.dumps([settings.label_offset, settings.texts]).encode())
    for task in tasks:
        digest.update(json.dumps([task.file, [list(item) for item in task.items]]).encode())
    return digest.hexdigest()


def merge(output, workers, say=console.say):
    """Publishes the shards of all parts; returns the content of dataset.json.

    Raises:
        DataError: a part is missing or of other images, or a shard is missing or damaged.
        parallel.Stopped: interrupted.
    """
    staged = os.path.join(output, staging.FOLDER)
    if not os.path.isdir(staged):
        known = dataset_json.read(output) if os.path.isdir(output) else None
        if known is None:
            raise DataError(f'{output} holds no parts of a conversion. Write them first: '
                            'python convert_tfrecord.py --part=1/N --input_dir=DIR '
                            f'--output_dir={output}')
        say(f'{output} is merged already. To check it: python convert_tfrecord.py --verify '
            f'{output}')
        return known
    with staging.locked(output):
        plan = _common_plan(staged)
        settings = shard_writer.ShardSettings(None, staged, output, *plan['settings'], None, None)
        files = [file for names in plan['splits'].values() for file in names]
        missing = [file for file in files
                   if not os.path.isfile(shard_writer.sidecar_path(staged, file))]
        if missing:
            raise DataError(f'{staged}: {len(missing)} of {len(files)} shards are not there '
                            f'({missing[0]} ...). Copy them, or run their part again')
        known = dataset_json.read(output)
        staging.check_output(output, known, files)
        with progress.bar('merging', len(files), 'shards') as bar:
            rows = parallel.run(_checked, [(settings, file) for file in files],
                                workers or os.cpu_count() or 1, bar)
            rate = progress.rate(bar)
        by_file = {row['file']: row for row in rows}
        sidecars = {split: [by_file[file] for file in names]
                    for split, names in plan['splits'].items()}
        content = publishing.publish(output, known, plan['name'], settings, sidecars)
    summary.converted(output, content, sidecars, plan['ignored'], rate, say)
    return content


def _common_plan(staged):
    """The plan that all parts agree on."""
    plans = {}
    for name in os.listdir(staged):
        found = PLAN.match(name)
        if found:
            with open(os.path.join(staged, name), encoding='utf-8') as stream:
                plans[tuple(map(int, found.groups()))] = json.load(stream)
    counts = sorted({count for _, count in plans})
    if len(counts) != 1:
        raise DataError(f'{staged} holds parts of {counts or "no"} finished conversions; one is '
                        'needed. Run the parts of one --part=K/N')
    lacking = [index for index in range(1, counts[0] + 1) if (index, counts[0]) not in plans]
    if lacking:
        raise DataError(f'{staged}: part {", ".join(map(str, lacking))} of {counts[0]} is not '
                        f'finished. Run --part={lacking[0]}/{counts[0]} again, or copy its '
                        '.partial')
    first = plans[1, counts[0]]
    for (index, count), plan in sorted(plans.items()):
        if plan['digest'] != first['digest']:
            raise DataError(f'{staged}: part {index} of {count} saw other images, classes or flags '
                            'than part 1. Give all hosts the same images and the same command')
    return first


def _checked(task, advance):
    """The sidecar of one shard; DataError when the shard is not what it says."""
    settings, file = task
    row = shard_writer.finished(settings, file)
    if row is None:
        raise DataError(f'{os.path.join(settings.staging, file)} is damaged or not complete. Copy '
                        'it again, or run its part again')
    advance(1)
    return row
