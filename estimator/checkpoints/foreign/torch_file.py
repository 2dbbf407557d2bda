"""Reading torch's .pth files: with torch's own loader in weights-only mode, or not at all.

A .pth is a pickle, and a pickle can run any code; torch.load(weights_only=True) reads the few
types of a state dict and refuses the rest. Without torch the file stays closed.
"""

import os
import re
import zipfile

from common.errors import CheckpointError
from estimator.checkpoints.foreign.tensors import Opened, Tensor, without_prefix

# Where training scripts keep the weights in a checkpoint, best first.
KEPT_UNDER = ('state_dict_ema', 'model_ema', 'state_dict', 'model', 'model_state_dict', 'net')


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
        held = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # pylint: disable=broad-except
        reason = re.sub(r'\x1b\[[\d;]*m', '', str(error)).strip().splitlines() or [
            type(error).__name__]
        said = reason[0].split('. ')[0][:200]
        raise CheckpointError(f'{path} cannot be read as weights alone ({said}). It is damaged, '
                              'or holds more than weights, which is not opened. If you '
                              'trust it: torch.save(model.state_dict(), FILE) where it was made.')
    held, notes = _state_dict(held)
    tensors = {}
    for name, value in held.items():
        if isinstance(name, str) and isinstance(value, torch.Tensor):
            tensors[name] = Tensor(tuple(value.shape), _reader(value))
    return Opened('torch', without_prefix(tensors), notes=notes)


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


def _state_dict(held):
    """(the dict of tensors, notes), found inside a training checkpoint."""
    for name in KEPT_UNDER:
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            return held[name], (f'weights taken from its {name!r}',)
    return (held, ()) if isinstance(held, dict) else ({}, ())
