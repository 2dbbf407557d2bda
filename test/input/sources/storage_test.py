"""Data at an address (gs://, hdfs://, s3://): everything goes through tf.io.gfile.

file:// is the scheme both runtimes bring along; ram:// TensorFlow 2 only. No bucket was reached.
"""

import os

import input_params
import pytest
import tensorflow.compat.v1 as tf

from common import storage
from input import DataError, Inputs
from input.serving import find_images


def schemes(folder):
    """Folders of the same content at every address there is here."""
    yield 'file://' + str(folder)
    try:
        tf.io.gfile.makedirs('ram://data')
    except (tf.errors.OpError, NotImplementedError):
        return
    for name in os.listdir(str(folder)):
        tf.io.gfile.copy(os.path.join(str(folder), name), f'ram://data/{name}', overwrite=True)
    yield 'ram://data'


def test_records_are_read_from_an_address(tmp_path):
    input_params.shards(tmp_path, 'train', [4, 3])
    input_params.shards(tmp_path, 'validation', [5])
    (tmp_path / 'labels.txt').write_text(''.join(f'{row}:name {row}\n' for row in range(7)))
    local = Inputs(input_params.make(data_dir=str(tmp_path)), 'cifar', 16, 1000)
    expected = input_params.labels_of(local.train_input_fn(4), 3)
    found = list(schemes(tmp_path))
    assert len(found) == (2 if tf.__version__.startswith('2') else 1)
    for address in found:
        inputs = Inputs(input_params.make(data_dir=address), 'cifar', 16, 1000)
        assert (inputs.num_train_images, inputs.num_eval_images) == (7, 5)
        assert inputs.class_names[6] == 'name 6'
        assert input_params.labels_of(inputs.train_input_fn(4), 3) == expected


def test_questions_about_addresses(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'b').write_bytes(b'12345')
    address = f'file://{tmp_path}'
    assert storage.is_address(address) and not storage.is_address(str(tmp_path))
    assert storage.is_folder(f'{address}/a') and not storage.is_file(f'{address}/a')
    assert storage.is_file(f'{address}/a/b') and not storage.is_file(f'{address}/a/c')
    assert storage.names(f'{address}/a') == ['b']
    assert storage.size(f'{address}/a/b') == 5
    assert storage.stamp(f'{address}/a/b')[0] == 5
    with storage.open_binary(f'{address}/a/b') as stream:
        stream.seek(2)
        assert stream.read(2) == b'34'
    with pytest.raises(FileNotFoundError):
        storage.open_binary(f'{address}/nothing')


def test_what_is_not_there_is_an_error_of_the_data(tmp_path):
    with pytest.raises(DataError, match='no such directory: file://'):
        Inputs(input_params.make(data_dir=f'file://{tmp_path}/nothing'), 'cifar', 16, 1000)
    with pytest.raises(DataError, match='local folders only'):
        Inputs(input_params.make(data_dir=f'file://{tmp_path}', dataset='folder'), 'cifar', 16, 10)


def test_predict_finds_images_at_an_address(tmp_path):
    (tmp_path / 'one.jpg').write_bytes(input_params.jpeg(1))
    (tmp_path / 'notes.txt').write_text('x')
    assert find_images(f'file://{tmp_path}') == [f'file://{tmp_path}/one.jpg']
    assert find_images(f'file://{tmp_path}/one.jpg') == [f'file://{tmp_path}/one.jpg']
