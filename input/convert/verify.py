"""Checks converted data: every CRC, every image, every label, every count and sha256.

With dataset.json everything it states is compared; without it, what the files alone tell: CRCs,
images, complete sets of shards, no file twice. Records with slim's or tensorflow-datasets' keys.
"""

import collections
import hashlib
import os
import re

from common import console, labels_file, storage
from common.errors import DataError
from input import progress
from input.convert import parallel, summary
from input.images import checks, formats
from input.records import dataset_json, example, tfrecord

# expected: row of dataset.json or None; low, high: allowed labels, or None; names: of the classes
# from low on, or None; rules: checks.Rules.
ShardToCheck = collections.namedtuple('ShardToCheck', 'path expected low high names rules')
# What a shard gave: faults [text], labels {stored label: count}, sha256.
Findings = collections.namedtuple('Findings', 'faults fault_count labels sha256')

NOT_RECORDS = ('.json', '.txt', '.csv', '.md', '.tmp', '.gz', '.lock')
ANY_SHARD = re.compile(r'(.*)-(\d{5})-of-(\d{5})(\.tfrecord)?$')
_LISTED = 10
_REPORT_EVERY = 64


def verify(folder, workers=None, say=console.say, max_pixels=formats.MAX_PIXELS):
    """List of faults, each naming file and record; empty when all is well.

    Raises:
        DataError: no such folder, no TFRecords, damaged dataset.json.
        parallel.Stopped: interrupted.
    """
    if not os.path.isdir(folder):
        raise DataError(f'{folder} is no folder')
    known = dataset_json.read(folder)
    files = _files(folder)
    rules = checks.Rules(max_pixels, upright=False)    # the records are as they should be
    if not known and not files:
        raise DataError(f'{folder} holds no {dataset_json.FILE} and no TFRecords')
    if known:
        shards, faults = _from_dataset_json(folder, known, files, rules)
    else:
        say(f'NOTE: no {dataset_json.FILE}: counts, checksums and the label range are not compared')
        shards, faults = _from_names(folder, files, rules)
    total = sum(shard.expected['num_examples'] for shard in shards) if known else 0
    with progress.bar('verifying', total) as shown:
        results = parallel.run(check_shard, shards, workers or os.cpu_count() or 1, shown)
    faults += _twice(shards, results)
    for result in results:
        faults += result.faults
        hidden = result.fault_count - len(result.faults)
        faults += [f'... and {hidden} more in the same file'] if hidden else []
    _histograms(shards, results, known, say)
    say(f'{sum(sum(result.labels.values()) for result in results):,} good records in '
        f'{len(shards)} shards, {progress.rate(shown):,.0f} images/s')
    return faults


def report(folder, workers=None, max_pixels=formats.MAX_PIXELS, say=console.say):
    """Verifies and prints; returns the exit code: 0 or 3."""
    faults = verify(folder, workers, say, max_pixels)
    for fault in faults:
        say(f'FAULT: {fault}')
    say(f'{folder}: {len(faults)} faults' if faults else f'{folder}: all is well')
    return DataError.exit_code if faults else 0


def _files(folder):
    """Names of the files that are TFRecords by their names."""
    return [name for name in sorted(os.listdir(folder))
            if (ANY_SHARD.match(name) or '.tfrecord' in name)
            and not name.endswith(NOT_RECORDS) and not name.startswith('.')
            and not storage.refuse_odd(os.path.join(folder, name))]


def _from_dataset_json(folder, known, files, rules):
    low = known['label_offset']
    shards, faults, listed = [], [], set()
    for split, content in known['splits'].items():
        for row in content['shards']:
            path = os.path.join(folder, row['file'])
            if row['file'] in listed:
                faults.append(f'{dataset_json.FILE} lists {row["file"]} twice')
            listed.add(row['file'])
            storage.refuse_odd(path)
            if os.path.isfile(path):
                shards.append(ShardToCheck(path, row, low, low + known['num_classes'] - 1,
                                           known['class_names'], rules))
            else:
                faults.append(f'{path} is missing ({row["num_examples"]} {split} images)')
        stated = sum(row['num_examples'] for row in content['shards'])
        if stated != content['num_examples']:
            faults.append(f'{dataset_json.FILE}: {split} has {content["num_examples"]} examples, '
                          f'its shards {stated}')
    faults += [f'{os.path.join(folder, name)} is not in {dataset_json.FILE}: an extra shard'
               for name in files if name not in listed]
    if len(known['class_names']) != known['num_classes']:
        faults.append(f'{dataset_json.FILE}: {len(known["class_names"])} class names, '
                      f'num_classes {known["num_classes"]}')
    faults += _labels_file(folder, known)
    return shards, faults


def _labels_file(folder, known):
    """Faults of labels.txt, which repeats the names of dataset.json."""
    stated = [' '.join(name.split()) for name in known['class_names']]
    path = os.path.join(folder, labels_file.FILE)
    if not os.path.isfile(path) or labels_file.read(folder) == stated:
        return []
    return [f'{path}: its names are not the class names of {dataset_json.FILE}']


def _from_names(folder, files, rules):
    groups = collections.defaultdict(set)
    for name in files:
        match = ANY_SHARD.match(name)
        if match:
            groups[match.group(1), int(match.group(3))].add(int(match.group(2)))
    faults = []
    for (stem, count), found in sorted(groups.items()):
        faults += [f'{os.path.join(folder, f"{stem}-{index:05d}-of-{count:05d}")} is missing'
                   for index in sorted(set(range(count)) - found)]
        faults += [f'{os.path.join(folder, stem)}: shard {index} of {count}'
                   for index in sorted(found - set(range(count)))]
    counts = collections.Counter(stem for stem, _ in groups)
    faults += [f'{os.path.join(folder, stem)}-*: two sets of shards side by side'
               for stem, sets in counts.items() if sets > 1]
    return [ShardToCheck(os.path.join(folder, name), None, None, None, None, rules)
            for name in files], faults


def _twice(shards, results):
    first, faults = {}, []
    for shard, result in zip(shards, results):
        other = first.setdefault(result.sha256, shard.path)
        if other != shard.path:
            faults.append(f'{shard.path} has the very content of {other}')
    return faults


def _histograms(shards, results, known, say):
    counts = {}
    for shard, result in zip(shards, results):
        split = re.split(r'-\d', os.path.basename(shard.path))[0]
        counts.setdefault(split, collections.Counter()).update(result.labels)
    for split, labels in counts.items():
        if not labels:
            continue
        names = known['class_names'] if known else None
        text = summary.histogram(labels, names, known['label_offset'] if known else 0)
        say(f'{split}: {sum(labels.values()):,} images, labels {min(labels)}..{max(labels)}; '
            f'{text}')


def check_shard(shard, advance):
    """The Findings about one file."""
    digest = hashlib.sha256()
    faults, labels, records, fatal = [], collections.Counter(), 0, False
    for index, (offset, payload) in enumerate(tfrecord.read_records(shard.path, digest)):
        records += 1
        try:
            labels[_check_record(payload, shard)] += 1
        except (tfrecord.BadRecord, ValueError) as error:
            fatal = getattr(error, 'fatal', False)
            tail = '; the rest of the file cannot be read' if fatal else ''
            faults.append(f'{shard.path}, record {index} (byte {offset}): {error}{tail}')
        if records % _REPORT_EVERY == 0:
            advance(_REPORT_EVERY)
    advance(records % _REPORT_EVERY)
    sha256 = digest.hexdigest()
    whole = _compare(shard, records - fatal, sha256)
    return Findings(whole + faults[:_LISTED], len(whole) + len(faults), labels, sha256)


def _check_record(payload, shard):
    """The stored label of a good record; BadRecord or ValueError otherwise."""
    if isinstance(payload, tfrecord.BadRecord):
        raise payload
    values = example.decode_example(payload)
    image, label = example.image_and_label(values, example.key_layout(values))
    name = b''.join(values.get('image/filename', [])[:1])
    where = f' ({os.fsdecode(name)})' if name else ''
    if shard.low is not None and not shard.low <= label <= shard.high:
        raise ValueError(f'label {label} is not in {shard.low}..{shard.high}{where}')
    text = values.get('image/class/text', [None])[0] if shard.names else None
    if text is not None and os.fsdecode(text) != shard.names[label - shard.low]:
        raise ValueError(f'label {label} is {shard.names[label - shard.low]!r} in '
                         f'{dataset_json.FILE}, but its image/class/text is {os.fsdecode(text)!r}')
    try:
        checks.check(image, rules=shard.rules)
    except checks.BadImage as error:
        raise ValueError(f'its image does not decode: {error}{where}') from error
    return label


def _compare(shard, records, sha256):
    """Faults of the file as a whole."""
    if shard.expected is None:
        return []
    found = {'num_examples': records, 'bytes': os.path.getsize(shard.path), 'sha256': sha256}
    return [f'{shard.path}: {key} is {value}, {dataset_json.FILE} says {shard.expected.get(key)}'
            for key, value in found.items() if value != shard.expected.get(key)]
