"""Guards the output folder of a conversion: its staging folder, its lock, its publication.

Shards are written into OUTPUT/.partial and move to their final names when all of them are there;
dataset.json comes last. Until then a reader sees nothing, and an interrupted run is taken up.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import time

from common.errors import DataError
from common.files import sync_folder, write_text

FOLDER = '.partial'
PLAN = 'plan.json'
# Seconds: the workers of a conversion that was killed hold its lock until they notice.
PATIENCE = 3.0
SHARD_NAME = re.compile(r'(train|validation)-\d{5}-of-\d{5}$')


def shards_in(folder):
    """Sorted names of the files that look like shards of ours."""
    return sorted(name for name in os.listdir(folder) if SHARD_NAME.match(name))


@contextlib.contextmanager
def opened(output, input_dir, part=None):
    """Makes the staging folder, locks it, and yields its path.

    part: parts.Part; several parts may write at once, each with a lock of its own.

    Raises:
        DataError: not writable, another conversion is at it or was begun there from other images.
    """
    path = os.path.join(output, FOLDER)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise DataError(f'--output_dir={output} cannot be written: {error.strerror}') from error
    with contextlib.ExitStack() as locks:
        locks.enter_context(locked(output, shared=part is not None))
        if part is None:
            _claim(path, os.path.realpath(input_dir))
        else:
            locks.enter_context(locked(output, f'lock-{part.index}'))
        yield path


@contextlib.contextmanager
def locked(output, name='lock', shared=False):
    """Holds a lock in the staging folder; DataError when another process does."""
    try:
        lock = open(os.path.join(output, FOLDER, name), 'w', encoding='utf-8')
    except OSError as error:
        raise DataError(f'--output_dir={output} cannot be written: {error.strerror}') from error
    with lock:
        try:
            _take(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except OSError as error:
            raise DataError(f'another conversion is writing to {output}; wait for it') from error
        if not os.fstat(lock.fileno()).st_nlink:        # it went with the staging folder
            raise just_finished(output)
        yield


def just_finished(output):
    """DataError of a conversion that has waited for another one to end."""
    return DataError(f'another conversion has just finished {output}. Type the same command again')


def _take(lock, kind):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _claim(path, source):
    plan = os.path.join(path, PLAN)
    begun = None
    with contextlib.suppress(OSError, ValueError), open(plan, encoding='utf-8') as stream:
        begun = json.load(stream)['input_dir']
    if begun not in (None, source):
        raise DataError(f'{os.path.dirname(path)} holds the beginning of another conversion, of '
                        f'{begun}. Choose another --output_dir, or remove {path}')
    write_text(plan, json.dumps({'input_dir': source}))


def remove_strangers(path, files):
    """Removes from the staging folder what the present plan does not write."""
    kept = set(files) | {name + '.json' for name in files} | {PLAN, 'lock'}
    for name in os.listdir(path):
        if name not in kept:
            os.remove(os.path.join(path, name))


def check_output(output, known, files):
    """Raises DataError where shards lie that neither dataset.json nor this conversion wrote.

    Args:
        output: the folder.
        known: content of its dataset.json or None.
        files: shards this conversion writes; an earlier run may have published some of them.
    """
    listed = {row['file'] for split in (known or {'splits': {}})['splits'].values()
              for row in split['shards']}
    sidecars = {name for name in files
                if os.path.exists(os.path.join(output, FOLDER, name + '.json'))}
    foreign = [name for name in shards_in(output) if name not in listed | sidecars]
    if foreign:
        raise DataError(f'{output} holds other TFRecords ({foreign[0]} ...: {len(foreign)} files). '
                        'Choose another --output_dir, or remove them')


def publish(output, files):
    """Moves finished shards to their final names."""
    for name in files:
        staged = os.path.join(output, FOLDER, name)
        if os.path.exists(staged):
            os.replace(staged, os.path.join(output, name))
    sync_folder(output)


def discard(output):
    """Removes the staging folder."""
    shutil.rmtree(os.path.join(output, FOLDER), ignore_errors=True)


def discard_rest(output, input_dir):
    """Removes what a conversion left that was killed at its very end; nobody else's folder."""
    if os.path.isdir(os.path.join(output, FOLDER)):
        with contextlib.suppress(DataError), opened(output, input_dir):
            discard(output)
