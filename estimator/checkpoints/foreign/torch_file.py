"""Reading torch's .pth files: with torch's own loader in weights-only mode, or not at all.

A .pth is a pickle, and a pickle can run any code; torch.load(weights_only=True) reads the few
types of a state dict and refuses the rest. Without torch the file stays closed.
"""

import argparse
import contextlib
import os
import re
import zipfile

import numpy as np

from common.errors import CheckpointError
from estimator.checkpoints.foreign.tensors import Opened, Tensor, without_prefix

DEEPEST = 3     # dicts in dicts that are looked through for the weights
AVERAGED = 'ema'    # in what training scripts call averaged weights

def recognises(head):
    """Whether the first bytes are those of a zip archive or of a pickle."""
    return head[:4] == b'PK\x03\x04' or head[:1] == b'\x80' and head[1:2] in b'\x02\x03\x04\x05'


def recognises_archive(path):
    """Whether a zip archive is torch's."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith('/data.pkl') for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read(path):
    """Opened of a .pth file; CheckpointError when it is damaged or holds more than weights."""
    try:
        import torch
    except ImportError:
        raise CheckpointError(
            f'{path} is a pickle of torch, which is only opened with torch itself and it is not '
            'installed here. pip install torch, or convert the file where it is: python -c "import '
            "torch, safetensors.torch as s; s.save_file(torch.load('FILE', weights_only=True), "
            "'weights.safetensors')\"")
    _refuse_inflated(path)
    try:
        with _bystanders(torch) or contextlib.nullcontext():
            held = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # pylint: disable=broad-except
        reason = re.sub(r'\x1b\[[\d;]*m', '', str(error)).strip().splitlines() or [
            type(error).__name__]
        said = reason[0].split('. ')[0][:200]
        raise CheckpointError(f'{path} cannot be read as weights alone ({said}). It is damaged, '
                              'or holds more than weights, which is not opened. If you '
                              'trust it: torch.save(model.state_dict(), FILE) where it was made.')
    name, held = _state_dict(_dicts(held, torch.Tensor))
    tensors = {key: Tensor(tuple(value.shape), _reader(value)) for key, value in held.items()}
    notes = (f'weights taken from its {name!r}',) if name else ()
    return Opened('torch', without_prefix(tensors), notes=notes)


def _bystanders(torch):
    """Context in which torch also reads what lies beside the weights: a namespace of arguments, as
    timm's training writes it, and numpy's numbers. None of them can run anything.

    Where torch is older than 2.5, such files stay closed.
    """
    allow = getattr(torch.serialization, 'safe_globals', None)
    numbers = [type(np.dtype(kind)) for kind in ('float32', 'float64', 'int64')]
    return allow and allow([argparse.Namespace, np.dtype, np.float64(0).__reduce__()[0], *numbers])


def _reader(value):
    return lambda: value.detach().to('cpu').float().contiguous().numpy()


def _refuse_inflated(path):
    """torch stores weights without compression; an archive that grows is not its own."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if any('/code/' in name for name in archive.namelist()):
            raise CheckpointError(f'{path} is a TorchScript program, which is not opened. Save its '
                                  'weights: torch.save(torch.jit.load(FILE).state_dict(), OTHER).')
        if sum(entry.file_size for entry in archive.infolist()) > os.path.getsize(path):
            raise CheckpointError(f'{path} is compressed, which torch never does: unpacked it '
                                  'could fill the memory. It is not opened.')


def _dicts(held, kind, name='', depth=0):
    """(name, {key: tensor}) of every dict inside a training checkpoint that has tensors itself."""
    if not isinstance(held, dict):
        return
    yield name, {key: value for key, value in held.items()
                 if isinstance(key, str) and isinstance(value, kind)}
    for key, value in held.items():
        if depth < DEEPEST and isinstance(key, str):
            yield from _dicts(value, kind, key, depth + 1)


def _state_dict(dicts):
    """The (name, tensors) with most tensors; averaged weights where they are as many."""
    dicts = list(dicts) or [('', {})]
    most = max(len(tensors) for _, tensors in dicts)
    whole = [row for row in dicts if 2 * len(row[1]) > most] or dicts
    return max(whole, key=lambda row: (AVERAGED in row[0].lower(), len(row[1])))
