"""Reading torch's .pth files: with torch's own loader in weights-only mode, or not at all.

A .pth is a pickle, and a pickle can run any code; torch.load(weights_only=True) reads the few
types of a state dict and refuses the rest. Without torch the file stays closed.
"""

import os
import zipfile

from common.errors import CheckpointError
from estimator.checkpoints.foreign.tensors import Opened, Tensor

# Where training scripts keep the weights in a checkpoint, best first.
KEPT_UNDER = ('state_dict_ema', 'model_ema', 'state_dict', 'model', 'model_state_dict', 'net')


def recognises(head):
    """Whether the first bytes are those of a zip archive or of a pickle."""
    return head[:4] == b'PK\x03\x04' or head[:1] == b'\x80' and head[1:2] in b'\x02\x03\x04\x05'


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
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f'{path} cannot be read as weights alone ({reason[0][:200]}). It is '
                              'damaged, or holds more than weights, which is not opened.')
    held, notes = _state_dict(held)
    tensors = {}
    for name, value in held.items():
        if isinstance(name, str) and isinstance(value, torch.Tensor):
            tensors[name] = Tensor(tuple(value.shape), _reader(value))
    return Opened('torch', without_prefix(tensors), notes=notes)


def _reader(value):
    return lambda: value.detach().to('cpu').float().contiguous().numpy()


def _refuse_inflated(path):
    """torch stores without compression; an archive that claims to grow is not one of its own."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > os.path.getsize(path):
            raise CheckpointError(f'{path} is compressed, which torch never does: unpacked it '
                                  'could fill the memory. It is not opened.')


def _state_dict(held):
    """(the dict of tensors, notes), found inside a training checkpoint."""
    for name in KEPT_UNDER:
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            return held[name], (f'weights taken from its {name!r}',)
    return (held, ()) if isinstance(held, dict) else ({}, ())


def without_prefix(tensors):
    """Without the 'module.' or '_orig_mod.' that data parallelism and compilation put before."""
    for prefix in ('module.', '_orig_mod.', 'model.'):
        if tensors and all(name.startswith(prefix) for name in tensors):
            return without_prefix({name[len(prefix):]: value for name, value in tensors.items()})
    return tensors
