"""Files that are whole or absent: written under a temporary name, flushed, renamed."""

import json
import math
import os
import re

from common.errors import ProgramError

_ADDRESS = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+://')


def is_address(path):
    """Whether a path starts with a scheme, as in gs://bucket/folder."""
    return bool(_ADDRESS.match(path))


def write_text(path, text):
    """Replaces a file at once; a crash or a full disk leaves the old one."""
    temporary = f'{path}.tmp'
    with open(temporary, 'w', encoding='utf-8', errors='surrogateescape', newline='') as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def write_json(path, value):
    """Replaces a file of JSON types; numpy scalars become numbers, NaN and infinity null."""
    write_text(path, json.dumps(plain(value), indent=2) + '\n')


def read_json(path):
    """Content of a JSON file, or None when there is none. ValueError: damaged."""
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8') as stream:
        return json.load(stream)


def read_record(path):
    """A JSON object that a run has written, a dict; None when it is missing or damaged."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def sync_folder(path):
    """Makes renames in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path):
    """Makes a folder of the user's; ProgramError when that is impossible."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ProgramError(f'{path}: this folder cannot be made ({error.strerror}). '
                           'Give another one.')


def plain(value):
    """JSON types of a value; numpy scalars become numbers, NaN and infinity null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, 'item'):  # a numpy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
