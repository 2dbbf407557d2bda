"""Opening a file of weights by what is in it, whatever it is called."""

import os
import re
import zipfile

from common import storage
from common.errors import CheckpointError
from estimator.checkpoints.foreign import (
    frozen_file,
    graph_file,
    keras_file,
    published,
    safetensors_file,
    tflite_file,
    torch_file,
)

# What a folder downloaded from a hub holds, best first.
IN_A_FOLDER = ('model.safetensors', 'pytorch_model.bin')
# What else in the folder of a file says what it is.
BESIDE = ('config.json', published.CARD)
_CHECKPOINT = re.compile(r'(^|/)checkpoint$|\.(index|meta|data-\d{5}-of-\d{5})$')
# First bytes -> what a file is that was to be weights, and what to do about it. No file of weights
# begins as the TEXTS do; the others are asked about when no reader knows the file.
TEXTS = (
    (rb'version https://git-lfs', 'a pointer of Git LFS, not the weights themselves: git lfs pull, '
                                  'or download the file from its page'),
    (rb'\s*<(!doctype|html|head|\?xml)', 'a web page, not the weights: the address was that of a '
                                         'page about them; take the one of its download button'))
MISTAKEN = TEXTS + (
    (rb'[{\[]', 'JSON text, not weights; they lie in another file beside it'),
    (rb'\x1f\x8b|BZh|\xfd7zXZ|.{257}ustar', 'an archive; unpack it and give what is in it: '
                                           'tar xf'),
    (rb'PK\x03\x04', 'a zip archive that neither torch nor Keras wrote; unpack it and give what is '
                     'in it'),
    (rb'$', 'empty; download it again'),
)
KINDS = 'safetensors, .pth of torch, .h5 or .keras of Keras, TFLite, SavedModel, frozen .pb'


def is_foreign(path):
    """Whether a path leads to weights of another framework, and not to a checkpoint."""
    if not path:
        return False
    if storage.is_folder(path):
        inside = storage.names(path)
        return 'checkpoint' not in inside and not any(
            name.endswith('.index') for name in inside) and any(
                name in inside for name in (graph_file.GRAPH,) + IN_A_FOLDER)
    if _CHECKPOINT.search(path) or not storage.is_file(path):
        return False
    path = storage.local(path, BESIDE)
    return _reader(path) is not None or _mistaken(_head(path)) is not None


def here(path):
    """The path of weights, or that of a copy of those at an address."""
    if storage.is_address(path) and not storage.exists(path):
        raise CheckpointError(f'{path}: nothing is there. Give the weights with --from=FILE.')
    return storage.local(path, BESIDE)


def open_file(path):
    """tensors.Opened of a file or folder; CheckpointError when it is none, or damaged."""
    if os.path.isdir(path):
        if graph_file.is_saved_model(path):
            return graph_file.read_saved_model(path)
        for name in IN_A_FOLDER:
            if os.path.isfile(os.path.join(path, name)):
                return open_file(os.path.join(path, name))
        raise CheckpointError(f'{path}: no weights in this folder; expected a SavedModel or '
                              f'{" or ".join(IN_A_FOLDER)}.')
    if not os.path.isfile(path):
        raise CheckpointError(f'{path}: no such file. Give the weights with --from=FILE.')
    reader = _reader(path)
    if reader is None:
        mistaken = _mistaken(_head(path))
        if mistaken:
            raise CheckpointError(f'{path} is {mistaken}.')
        raise CheckpointError(f'{path}: not a file of weights that is known here, judged by its '
                              f'first bytes. Known are {KINDS}; a TensorFlow checkpoint needs no '
                              'import: --init_checkpoint.')
    return reader(path)


def _reader(path):
    head = _head(path)
    if _mistaken(head, TEXTS):
        return None
    if head[:2] == b'PK' and zipfile.is_zipfile(path):
        return (keras_file.read_archive if keras_file.recognises_archive(path) else
                torch_file.read if torch_file.recognises_archive(path) else None)
    head = head[:16]
    for recognises, read in (
            (keras_file.recognises, keras_file.read), (tflite_file.recognises, tflite_file.read),
            (safetensors_file.recognises, safetensors_file.read),
            (torch_file.recognises, torch_file.read),
            (graph_file.recognises, frozen_file.read)):
        if recognises(head):
            return read
    return None


def _mistaken(head, known=MISTAKEN):
    """What a file of these first bytes is that was to be weights, in words; None: nobody knows."""
    return next((words for pattern, words in known
                 if re.match(pattern, head, re.IGNORECASE | re.DOTALL)), None)


def _head(path):
    with open(path, 'rb') as stream:
        return stream.read(512)
