"""Writes one shard of a conversion: reads, checks and frames its images.

A finished shard lies in the staging folder under its final name with a sidecar (.json) beside it;
the sidecar is written after the shard, so a shard with a fitting sidecar is complete.
"""

import collections
import contextlib
import functools
import hashlib
import json
import os

from common.errors import DataError
from common.files import write_text
from input.folders import cifar
from input.images import checks
from input.records import example, tfrecord

# staging: folder to write to; final: where shards end up; classes and texts: by label;
# policy: fail, skip or reencode; rules: checks.Rules.
ShardSettings = collections.namedtuple(
    'ShardSettings', 'root staging final classes texts label_offset policy rules')
# size: about as many bytes.
ShardTask = collections.namedtuple('ShardTask', 'settings split file items size')

RECORD_VERSION = 2    # part of every fingerprint: raise it when records change
_LISTED_FILES = 20
_quoted = json.encoder.encode_basestring_ascii
_REPORT_EVERY = 16


def fingerprint(task, stamps=None):
    """Hex digest of what a shard is made from: names, labels, sizes and times of its files.

    stamps: {path: (size, time in ns)} of files that are known already.
    Of JSON, put together here: json.dumps of every row takes more than twice as long.
    """
    settings = task.settings
    digest = hashlib.sha256(json.dumps(
        [RECORD_VERSION, settings.label_offset, settings.rules.upright]).encode())
    stamps, rows = stamps or {}, []
    classes = [_quoted(name) for name in settings.classes]
    for path, label, row in task.items:
        if path not in stamps:
            try:
                stamps[path] = _stamp(os.stat(f'{settings.root}/{path}'))
            except OSError:
                stamps[path] = -1, 0
        size, time = stamps[path]
        row = 'null' if row is None else row
        rows.append(f'[{_quoted(path)}, {label}, {row}, {classes[label]}, [{size}, {time}]]')
    digest.update(''.join(rows).encode())
    return digest.hexdigest()


def _stamp(found):
    return found.st_size, found.st_mtime_ns


def sidecar_path(staged, file):
    """Where the sidecar of a shard lies."""
    return os.path.join(staged, file + '.json')


def write_shard(task, advance):
    """Writes a shard unless an earlier run did; returns its sidecar.

    The sidecar: file, num_examples, bytes, sha256, fingerprint, policy, labels {class: count},
    changed {what: count}, left_out {reason: count}, bad_files [text].

    Raises:
        DataError: a bad image under the policy 'fail', a file that cannot be read.
        OSError: the disk is full or not writable.
    """
    done = _reusable(task)
    if done:
        advance(0, skipped=len(task.items))
        return done
    temporary = os.path.join(task.settings.staging, task.file + '.tmp')
    tally = {name: collections.Counter() for name in ('labels', 'changed', 'left_out')}
    bad_files, stamps = [], {}
    try:
        with tfrecord.Writer(temporary) as writer:
            _write_items(task, writer, tally, bad_files, stamps, advance)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):    # it could not even be made
            os.remove(temporary)
        raise
    os.replace(temporary, os.path.join(task.settings.staging, task.file))
    sidecar = dict(tally, file=task.file, num_examples=writer.count, bytes=writer.bytes,
                   sha256=writer.sha256, fingerprint=fingerprint(task, stamps),
                   policy=task.settings.policy, bad_files=bad_files)
    write_text(sidecar_path(task.settings.staging, task.file), json.dumps(sidecar))
    return sidecar


def _reusable(task):
    """The sidecar of a shard that an earlier run completed from the same files, else None."""
    if not os.path.exists(sidecar_path(task.settings.staging, task.file)):
        return None
    sidecar = finished(task.settings, task.file, fingerprint(task))
    if sidecar is None:
        return None
    troubled = sidecar['left_out'] or any(
        what.startswith(checks.SALVAGED) for what in sidecar['changed'])
    return None if troubled and sidecar['policy'] != task.settings.policy else sidecar


def finished(settings, file, key=None):
    """The sidecar of a complete, intact shard, staged or published; None otherwise.

    key: the fingerprint it must have, or None for any.
    """
    try:
        with open(sidecar_path(settings.staging, file), encoding='utf-8') as stream:
            sidecar = json.load(stream)
    except (OSError, ValueError):
        return None
    if key not in (None, sidecar['fingerprint']):
        return None
    for folder in (settings.staging, settings.final):
        path = os.path.join(folder, file)
        if os.path.isfile(path) and _sha256(path) == sidecar['sha256']:
            return dict(sidecar, labels={int(label): count
                                         for label, count in sidecar['labels'].items()})
    return None


def _sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as stream:
        for part in iter(lambda: stream.read(1 << 20), b''):
            digest.update(part)
    return digest.hexdigest()


def _write_items(task, writer, tally, bad_files, stamps, advance):
    for position, item in enumerate(task.items, 1):
        try:
            checked = _read(task.settings, item, stamps)
        except checks.BadImage as error:
            path = os.path.join(task.settings.root, item.path)
            if task.settings.policy == 'fail':
                raise DataError(
                    f'{path}: {error}. Nothing was published. Repair or remove the file, or pass '
                    '--on_bad_image=skip (leave bad images out) or --on_bad_image=reencode '
                    '(salvage truncated ones)') from error
            tally['left_out'][str(error)] += 1
            if len(bad_files) < _LISTED_FILES:
                bad_files.append(f'{path}: {error}')
        else:
            writer.write(*_record(task.settings, item, checked))
            tally['labels'][item.label] += 1
            if checked.change:
                tally['changed'][checked.change] += 1
        if position % _REPORT_EVERY == 0:
            advance(_REPORT_EVERY)
    advance(len(task.items) % _REPORT_EVERY)


def _read(settings, item, stamps):
    """Checked of one item; what the file was when it was read goes to `stamps`."""
    path = f'{settings.root}/{item.path}'
    if item.row is not None:
        return checks.encode_png(cifar.pixels(path, item.row))
    try:
        data, stamps[item.path] = _content(path)
    except OSError as error:
        raise checks.BadImage(f'cannot be read ({error.strerror})') from error
    return checks.check(data, settings.policy == 'reencode', settings.rules)


def _content(path):
    """(bytes of a file, its stamp), in as few calls as possible."""
    handle = os.open(path, os.O_RDONLY)
    try:
        found = os.fstat(handle)
        data = os.read(handle, found.st_size + 1)
        while len(data) != found.st_size:   # it grows, or comes bit by bit
            more = os.read(handle, 1 << 20)
            if not more:
                break
            data += more
        return data, _stamp(found)
    finally:
        os.close(handle)


def _record(settings, item, checked):
    """The pieces of an Example with slim's keys (build_imagenet_data.py) without the boxes.

    NOTE: colorspace and channels are always RGB and 3, as slim writes them: what a reader gets
    that decodes with channels=3, of gray files too.
    """
    name = item.path.rpartition(os.sep)[2]
    if item.row is not None:
        name = f'{name}#{item.row}'
    after = b''.join((example.entry('image/filename', os.fsencode(name)),
                      example.repeated_entry('image/format', checked.format.encode()),
                      example.repeated_entry('image/height', checked.height),
                      example.repeated_entry('image/width', checked.width)))
    before = _of_class(item.label + settings.label_offset, settings.classes[item.label],
                       settings.texts[item.label])
    image = checked.encoded
    return example.start(before, 'image/encoded', len(image), len(after)), image, after


@functools.lru_cache(maxsize=4096)
def _of_class(label, synset, text):
    """The entries that all images of a class share: those before the image's."""
    return example.entries({
        'image/channels': 3,
        'image/class/label': label,
        'image/class/synset': os.fsencode(synset),
        'image/class/text': os.fsencode(text),
        'image/colorspace': b'RGB'})


def combined(prints):
    """One fingerprint of a split from those of its shards."""
    return hashlib.sha256(''.join(prints).encode()).hexdigest()
