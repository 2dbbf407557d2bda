"""`--mode=doctor`: what this machine and installation are, what is wrong with them, what to do.

Reads only: nothing is written, no network is built.
"""

import collections
import json
import os
import platform
import shutil
import time

import tensorflow.compat.v1 as tf

from common import storage
from common.console import say
from common.errors import ProgramError
from estimator.devices import session

Finding = collections.namedtuple('Finding', ['topic', 'found', 'advice'])
Finding.__doc__ = """One line: topic, what was found, what to type where it is wrong (else '')."""

# First part of TensorFlow's version -> (package, first version that breaks it, version to install).
BREAKING = {
    '1': (('numpy', (1, 19), '1.18.5'), ('google.protobuf', (4,), '3.20.3'),
          ('h5py', (3,), '2.10.0'), ('tensorflow_datasets', (4,), '3.2.1')),
    '2': (('numpy', (2,), '1.26.4'), ('google.protobuf', (5,), '4.25.3')),
}
PIP_NAMES = {'google.protobuf': 'protobuf', 'tensorflow_datasets': 'tensorflow-datasets',
             'PIL': 'Pillow', 'yaml': 'PyYAML', 'google_crc32c': 'google-crc32c'}
# Wanted by every run or by many; `matplotlib` only for pictures.
LIBRARIES = ('absl', 'yaml', 'PIL', 'google_crc32c', 'tqdm', 'matplotlib')
FEATURES = ('avx', 'avx2', 'fma', 'avx512f', 'amx_bf16', 'neon', 'asimd')
LITTLE_MEMORY, LITTLE_DISK = 2e9, 5e9
READ_BYTES, READ_SECONDS = 256e6, 3


def run(network, params, open_inputs):
    """Prints the findings (or JSON); returns 1 when one of them needs mending, else 0."""
    del network, open_inputs
    findings = [finding for examine in (_runtime, _versions, _devices, _processor, _memory, _disks)
                for finding in examine(params)]
    if params.data_dir:
        findings.append(_reading(params.data_dir))
    wrong = [finding for finding in findings if finding.advice]
    if params.format == 'json':
        say(json.dumps([finding._asdict() for finding in findings]))
    else:
        _print(findings, wrong)
    return 1 if wrong else 0


def _print(findings, wrong):
    for finding in findings:
        say(f'{finding.topic:12} {finding.found}')
        if finding.advice:
            say(f'{"":12} -> {finding.advice}')
    say(f'{len(wrong)} to mend' if wrong else 'nothing to mend')


def _runtime(params):
    del params
    version = tf.version.VERSION
    advice = ''
    if not version.startswith(('1.15', '2.15')):
        advice = 'tested on 1.15 and 2.15 only: pip install -r requirements.txt (Python 3.7) or ' \
                 'requirements-tf2.txt (3.9 to 3.11)'
    return [Finding('python', f'{platform.python_version()} on {platform.platform()}', ''),
            Finding('tensorflow', version, advice)]


def _versions(params):
    """Packages whose version is known to break this TensorFlow, and missing ones."""
    del params
    for name, limit, good in BREAKING.get(tf.version.VERSION[0], ()):
        version = version_of(name)
        if version and _numbers(version) >= limit:
            pip = PIP_NAMES.get(name, name)
            yield Finding('packages', f'{pip} {version} breaks TensorFlow {tf.version.VERSION}',
                          f'pip install {pip}=={good}')
    missing = [PIP_NAMES.get(name, name) for name in LIBRARIES if version_of(name) is None]
    yield Finding('packages', 'not installed: ' + ', '.join(missing) if missing else 'complete',
                  'pip install ' + ' '.join(missing) if missing else '')


def version_of(name):
    """Version of an importable module, '' when it has none, None when it cannot be imported."""
    try:
        module = __import__(name, fromlist=['__version__'])
    except Exception:  # pylint: disable=broad-except
        return None
    return str(getattr(module, '__version__', ''))


def _numbers(version):
    return tuple(int(part) for part in version.split('.')[:2] if part.isdigit())


def _devices(params):
    try:
        device = session.find_device(params.device, params.num_devices)
        yield Finding('device', f'{device.text} (--device={params.device})', '')
    except ProgramError as error:
        yield Finding('device', 'none that fits', str(error))


def _processor(params):
    """Cores this process may use, vector units, and whether TensorFlow computes with oneDNN."""
    del params
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    units = [unit for unit in FEATURES if unit in _cpu_flags()]
    yield Finding('processor', f'{cores} of {os.cpu_count()} cores; '
                  f'{", ".join(units) or "no vector units known here"}', '')
    if tf.version.VERSION.startswith('2'):
        off = os.environ.get('TF_ENABLE_ONEDNN_OPTS') == '0'
        yield Finding('oneDNN', 'off' if off else 'on',
                      'unset TF_ENABLE_ONEDNN_OPTS' if off else '')


def _cpu_flags():
    try:
        with open('/proc/cpuinfo') as stream:
            lines = [line for line in stream if line.startswith(('flags', 'Features'))]
    except OSError:
        return ()
    return lines[0].split() if lines else ()


def _memory(params):
    del params
    try:
        with open('/proc/meminfo') as stream:
            rows = dict(line.split(':', 1) for line in stream)
        free = int(rows['MemAvailable'].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return [Finding('memory', 'unknown on this system', '')]
    return [Finding('memory', f'{free / 1e9:.1f} GB free', '' if free > LITTLE_MEMORY else
                    'close other programs, or use a smaller --train_batch_size')]


def _disks(params):
    """Space where checkpoints go, and whether they can be written."""
    if params.model_dir and storage.is_address(params.model_dir):
        return [_store(params.model_dir)]
    folder = os.path.abspath(params.model_dir or 'result')
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    free = shutil.disk_usage(folder).free
    advice = '' if free > LITTLE_DISK else 'make room, or give another --model_dir'
    if not os.access(folder, os.W_OK):
        advice = 'it cannot be written to: give another --model_dir'
    return [Finding('disk', f'{free / 1e9:.1f} GB free at {folder}', advice)]


def _store(address):
    try:
        found = 'is there' if storage.is_folder(address) else 'can be asked, nothing is there yet'
        return Finding('store', f'{address} {found}', '')
    except ProgramError as error:
        return Finding('store', str(error), 'a run would end with this')


def _reading(data_dir):
    """How fast the files of the data come off the disk."""
    paths = [os.path.join(data_dir, name) for name in storage.names_or_none(data_dir)
             ] if storage.is_address(data_dir) else [
        os.path.join(folder, name) for folder, _, names in os.walk(data_dir)
        for name in names if os.path.isfile(os.path.join(folder, name))]
    if not paths:
        return Finding('data', f'{data_dir}: no files', 'check --data_dir')
    seen, start = 0, time.monotonic()
    for path in paths:
        try:
            with storage.open_binary(path, buffering=0) as stream:
                for part in iter(lambda stream=stream: stream.read(1 << 20), b''):
                    seen += len(part)
                    if seen > READ_BYTES or time.monotonic() - start > READ_SECONDS:
                        break
        except OSError as error:
            return Finding('data', f'{path}: {error.strerror}', 'check its permissions')
        if seen > READ_BYTES or time.monotonic() - start > READ_SECONDS:
            break
    rate = seen / max(time.monotonic() - start, 1e-6)
    return Finding('data', f'{data_dir}: {rate / 1e6:,.0f} MB/s, enough for {rate / 110e3:,.0f} '
                   'photographs of 110 kB a second (what a network needs: --mode=benchmark)', '')
