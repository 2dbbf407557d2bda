"""Files of weights from strangers: damaged, lying or hostile ones end in one clear error."""

import json
import pickle
import struct
import zipfile

import foreign_files
import h5py
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import CheckpointError
from estimator.checkpoints.foreign import (
    convert,
    dialects,
    files,
    flatbuffer,
    keras_file,
    safetensors_file,
    torch_file,
)
from models import get_network

NETWORK = get_network('mobilenet_v1_025')


def refused(path, message):
    with pytest.raises(CheckpointError, match=message) as raised:
        source = files.open_file(str(path))
        for tensor in source.tensors.values():
            tensor.read()
    assert raised.value.exit_code == 5


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp('whole') / 'w.safetensors'
    foreign_files.safetensors(path, {'a': np.zeros([4, 5], np.float32),
                                     'b': np.ones(6, np.float32)})
    return path.read_bytes()


@pytest.mark.parametrize('kept', (9, 30, 120, -1))
def test_cut_off_safetensors(whole, tmp_path, kept):
    (tmp_path / 'w').write_bytes(whole[:kept])
    refused(tmp_path / 'w', 'cut off|damaged')


@pytest.mark.parametrize('row', [
    {'dtype': 'F32', 'shape': [1 << 40, 1 << 40], 'data_offsets': [0, 80]},
    {'dtype': 'F32', 'shape': [20], 'data_offsets': [0, 1 << 50]},
    {'dtype': 'F32', 'shape': [-20], 'data_offsets': [80, 0]},
    {'dtype': 'F32', 'shape': [20], 'data_offsets': [-80, 0]},
    {'dtype': 'F32', 'shape': [True] * 2, 'data_offsets': [0, 1]},
    {'dtype': 'X99', 'shape': [20], 'data_offsets': [0, 80]},
    {'shape': [20]}, 'text', 7, None,
])
def test_a_header_that_lies(tmp_path, row):
    foreign_files.safetensors(tmp_path / 'w', {'a': np.zeros(20, np.float32)}, {'a': row})
    refused(tmp_path / 'w', 'damaged|cut off')


def test_a_header_of_any_length_is_not_allocated(tmp_path):
    (tmp_path / 'w').write_bytes(struct.pack('<Q', safetensors_file.LARGEST_HEADER) + b'{"a":')
    refused(tmp_path / 'w', 'cut off')
    (tmp_path / 'v').write_bytes(struct.pack('<Q', 1 << 60) + b'{"a":')
    refused(tmp_path / 'v', 'not a file of weights')
    (tmp_path / 'u').write_bytes(struct.pack('<Q', 100000) + b'{"a":' * 20000)
    refused(tmp_path / 'u', 'damaged')


class _Runs:
    def __reduce__(self):
        return (open, ('/nonexistent/was-run', 'w'))


def test_a_pickle_is_never_opened_by_us(tmp_path, monkeypatch):
    def load(*args, **kwargs):
        raise AssertionError('unpickled')

    for name in 'load', 'loads', 'Unpickler', '_Unpickler':
        monkeypatch.setattr(pickle, name, load)
    (tmp_path / 'w.pth').write_bytes(pickle.dumps(_Runs(), 2))
    with zipfile.ZipFile(str(tmp_path / 'v.pth'), 'w') as archive:
        archive.writestr('archive/data.pkl', pickle.dumps(_Runs(), 2))
    for name in 'w.pth', 'v.pth':
        refused(tmp_path / name, 'only opened with torch itself|cannot be read as weights alone')


def test_an_archive_that_grows_is_refused(tmp_path):
    with zipfile.ZipFile(str(tmp_path / 'w.pth'), 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('archive/data/0', b'\0' * (1 << 20))
    with pytest.raises(CheckpointError, match='could fill the memory'):
        torch_file._refuse_inflated(str(tmp_path / 'w.pth'))
    with zipfile.ZipFile(str(tmp_path / 'w.keras'), 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('model.weights.h5', b'\0' * (1 << 20))
    refused(tmp_path / 'w.keras', 'It is not opened')


def keras_arrays():
    arrays = foreign_files.theirs(NETWORK, dialects.KERAS_MOBILENET, num_classes=3)
    return {f'{key.split("/")[0]}/{key}:0': array for key, array in arrays.items()}


def write_h5(path, arrays):
    with h5py.File(str(path), 'w') as held:
        for name, array in arrays.items():
            held[name] = array


def test_keras_files_fit_and_cut_ones_do_not(tmp_path):
    write_h5(tmp_path / 'w', keras_arrays())
    found = convert.examine(NETWORK, str(tmp_path / 'w'))
    assert found.values['num_label_classes'] == 3 and found.row.name == 'MobileNet 0.25'
    content = (tmp_path / 'w').read_bytes()
    (tmp_path / 'v').write_bytes(content[:len(content) // 2])
    refused(tmp_path / 'v', 'HDF5')


def test_a_head_of_ones_own_and_the_names_of_keras_3(tmp_path):
    def write(name, head):
        arrays = {key.replace('conv_preds', head).replace('depthwise_kernel', 'kernel'):
                  array.reshape([-1, 3]) if key.endswith('conv_preds/kernel:0') else array
                  for key, array in keras_arrays().items()}
        write_h5(tmp_path / name, arrays)
        return convert.examine(NETWORK, str(tmp_path / name))

    for number, head in enumerate(('conv_preds', 'dense_3', 'my_head')):
        found = write(f'{number}', head)
        assert found.values['num_label_classes'] == 3 and found.arguments['num_classes'] == 3
        assert len(found.rows) == len(NETWORK.variables(3))


def test_what_an_optimizer_leaves_beside_numbered_layers(tmp_path):
    write_h5(tmp_path / 'w', {name: np.zeros(2, np.float32) for name in (
        'layers/conv2d/vars/0', 'layers/functional/layers/dense/vars/1', 'optimizer/vars/3',
        'metrics/mean/vars/0', 'vars/0')})
    assert set(files.open_file(str(tmp_path / 'w')).tensors) == {'conv2d/0', 'dense/1'}


def test_hdf5_that_leads_out_of_the_file_or_is_huge(tmp_path):
    with h5py.File(str(tmp_path / 'w'), 'w') as held:
        held['conv_pw_1/kernel:0'] = np.zeros(3, np.float32)
        held['out'] = h5py.ExternalLink('/etc/passwd', '/x')
        held['soft'] = h5py.SoftLink('/conv_pw_1')
        held.create_dataset('conv1/kernel:0', (1 << 20, 1 << 20), 'f4', chunks=(1024, 1024))
        held['loop'] = held['/']
    with pytest.raises(CheckpointError, match='HDF5'):          # groups that hold each other
        monkey = keras_file.MOST_ENTRIES
        keras_file.MOST_ENTRIES = 20
        try:
            files.open_file(str(tmp_path / 'w'))
        finally:
            keras_file.MOST_ENTRIES = monkey
    with h5py.File(str(tmp_path / 'w'), 'a') as held:
        del held['loop']
    with pytest.raises(CheckpointError, match='do not fit'):    # by its shape, nothing is read
        convert.examine(NETWORK, str(tmp_path / 'w'))


def test_efficientnets_normalization_becomes_mean_and_std():
    def source(mean, variance):
        return keras_file._normalization({
            'normalization/mean': keras_file.Tensor((3,), lambda: np.array(mean, np.float32)),
            'normalization/variance': keras_file.Tensor(
                (3,), lambda: np.array(variance, np.float32))}, None)[0]

    published = source((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))    # of Keras' own files
    np.testing.assert_allclose(published['pixel_mean'], np.array([0.485, 0.456, 0.406]) * 255,
                               rtol=1e-5)
    np.testing.assert_allclose(published['pixel_std'], np.array([0.229, 0.224, 0.225]) * 255,
                               rtol=1e-5)
    assert source((0, 0, 0), (1, 1, 1)) == {'pixel_mean': (0.0,) * 3, 'pixel_std': (255.0,) * 3}


@pytest.mark.parametrize('content', [
    b'\x1c\0\0\0TFL3' + b'\xff' * 64, b'\x08\0\0\0TFL3' + b'\0' * 8, b'\xff\xff\xff\x7fTFL3' * 9])
def test_damaged_tflite(tmp_path, content):
    (tmp_path / 'w').write_bytes(content)
    refused(tmp_path / 'w', 'damaged TFLite')


def test_no_offset_of_a_flatbuffer_is_believed():
    """A whole table whose six fields lead to random places, in and out of the bytes."""
    random, inside, outside = np.random.RandomState(0), 0, 0
    for _ in range(300):
        data = bytearray(random.choice([0, 4, 8, 60, 255], 200).astype(np.uint8).tobytes())
        struct.pack_into('<I', data, 0, 40)                                     # root
        struct.pack_into('<8H', data, 8, 16, 28, *range(4, 28, 4))              # its fields
        struct.pack_into('<i', data, 40, 32)
        struct.pack_into('<6I', data, 44, *random.choice([4, 20, 90, 195, 1 << 20, 1 << 31], 6))
        table = flatbuffer.FlatTable.root(bytes(data))
        for field in range(6):
            for read in (lambda: table.numbers(field, '<i'), lambda: table.tables(field)):
                try:
                    assert len(read()) <= len(data) // 4
                    inside += 1
                except ValueError:
                    outside += 1
    assert inside > 50 and outside > 1000, (inside, outside)


@pytest.mark.parametrize('content', (b'?', b'hello there, no weights', b'\x0a\x05junk', b'\0' * 64),
                         ids=('byte', 'text', 'graph', 'zeros'))
def test_files_that_are_no_weights(tmp_path, content):
    (tmp_path / 'w').write_bytes(content)
    refused(tmp_path / 'w', 'not a file of weights|none of the files')
    refused(tmp_path / 'absent', 'no such file')
    refused(tmp_path, 'no weights in this folder')


def test_a_saved_model_without_names(tmp_path):
    (tmp_path / 'variables').mkdir()
    (tmp_path / 'saved_model.pb').write_bytes(b'')
    with tf.Graph().as_default(), tf.Session() as session:
        session.run(tf.raw_ops.SaveV2(
            prefix=str(tmp_path / 'variables' / 'variables'), shape_and_slices=[''],
            tensor_names=['_CHECKPOINTABLE_OBJECT_GRAPH'], tensors=[tf.constant('graph')]))
    refused(tmp_path, "without the layers' names")


@pytest.mark.parametrize('content, message', [
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'),
    (b'\n  <!DOCTYPE html>\n<html>', 'a web page'), (b'<html lang="en">', 'a web page'),
    (b'{"weight_map": {}}', 'JSON text'), (b'\x1f\x8b\x08' + b'\0' * 40, 'unpack it'),
    (b'a' + b'\0' * 256 + b'ustar' + b'\0' * 250, 'unpack it'), (b'', 'empty')])
def test_what_was_downloaded_by_mistake_is_named(tmp_path, content, message):
    (tmp_path / 'w.pth').write_bytes(content)
    refused(tmp_path / 'w.pth', message)
    assert files.is_foreign(str(tmp_path / 'w.pth'))       # so --init_checkpoint says the same


def test_an_archive_of_somebody_else(tmp_path):
    with zipfile.ZipFile(str(tmp_path / 'w.pth'), 'w') as archive:
        archive.writestr('model.ckpt.index', b'1')
    refused(tmp_path / 'w.pth', 'neither torch nor Keras')


def test_names_as_wrappers_leave_them(tmp_path):
    """DataParallel around torch.compile, with the counter of torch's AveragedModel."""
    array = np.zeros([2, 2], np.float32)
    foreign_files.safetensors(tmp_path / 'w', {
        'module._orig_mod.a.weight': array, 'module._orig_mod.b.weight': array,
        'n_averaged': np.array(3, np.int64)})
    assert set(files.open_file(str(tmp_path / 'w')).tensors) == {'a.weight', 'b.weight'}


def test_a_network_inside_somebody_elses_model(tmp_path):
    """Averages beside it, a head of another name, and what belongs to the training."""
    network = get_network('mobilenet_v1_025')
    arrays = foreign_files.timm_keys(
        foreign_files.theirs(network, dialects.TIMM, num_classes=7), (1, 2, 2, 6, 2))
    inside = {name.replace('classifier', 'head') if name.startswith('classifier') else
              f'backbone.{name}': array for name, array in arrays.items()}
    held = {f'net.{name}': array for name, array in inside.items()}
    held.update({f'net_ema.{name}': array * np.float32(2) for name, array in inside.items()
                 if name.startswith('backbone')})
    held['criterion.weight'] = np.ones(7, np.float32)
    foreign_files.safetensors(tmp_path / 'w', held)
    found = convert.examine(network, str(tmp_path / 'w'))
    assert found.values['num_label_classes'] == 7
    assert len(found.rows) == len(network.variables(7))
    assert "below 'net_ema.backbone.'" in ' '.join(found.notes)
    np.testing.assert_array_equal(found.source.tensors['conv_stem.weight'].read(),
                                  2 * arrays['conv_stem.weight'])


def test_checkpoints_are_not_taken_for_foreign_files(tmp_path):
    for name in 'checkpoint', 'model.ckpt-1.index', 'model.ckpt-1.data-00000-of-00001':
        (tmp_path / name).write_bytes(b'\x0a' + json.dumps({}).encode() * 9)
    for place in (None, str(tmp_path), str(tmp_path / 'checkpoint'),
                  str(tmp_path / 'model.ckpt-1.data-00000-of-00001'), str(tmp_path / 'absent')):
        assert not files.is_foreign(place)
