"""Folders as the originals' documents lay them out, for the converter and for reading."""

import os
import shlex

import image_tools as tools
import input_params
import numpy as np
import pytest

from input import Inputs
from input.convert import conversion
from input.folders import cifar, layouts
from input.records import dataset_json

SYNSETS = ('n01440764', 'n01443537')


def opened(path, **changes):
    return Inputs(input_params.make(**dict(dict(data_dir=str(path), dataset='folder',
                                                train_batch_size=1), **changes)), 'cifar', 16, 10)


def cifar_binaries(folder, names, rows=6):
    """Binary files with `rows` images each, labels 0, 1, 2 ... over all of them."""
    os.makedirs(str(folder), exist_ok=True)
    label = 0
    for name in names:
        data = np.random.RandomState(label).randint(0, 256, (rows, cifar.RECORD))
        data[:, 0] = np.arange(label, label + rows) % 10
        label += rows
        data.astype(np.uint8).tofile(os.path.join(str(folder), name))


@pytest.mark.parametrize('below', ['', 'ImageNet_Original'])
def test_imagenet_original(below, tmp_path):
    root = tmp_path / 'in' / below
    tools.tree(root / 'train', SYNSETS, images=4)
    tools.tree(root / 'validation_preprocess', SYNSETS, images=3)
    inputs = opened(tmp_path / 'in')
    assert (inputs.num_train_images, inputs.num_eval_images, inputs.num_classes) == (8, 6, 2)
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 0
    splits = dataset_json.read(str(tmp_path / 'out'))['splits']
    assert {name: split['num_examples'] for name, split in splits.items()} == {
        'train': 8, 'validation': 6}


@pytest.mark.parametrize('where', ['', 'cifar-10-batches-bin'])
@pytest.mark.parametrize('dataset', ['folder', 'tfrecord'])     # cifar10 means tfrecord
def test_cifar_folders_of_mindspore(where, dataset, tmp_path):
    cifar_binaries(tmp_path / 'cifar-10-batches-bin', ['data_batch_1.bin', 'data_batch_2.bin'])
    cifar_binaries(tmp_path / 'cifar-10-verify-bin', ['test_batch.bin'], 5)
    inputs = opened(tmp_path / where, dataset=dataset)
    assert (inputs.num_train_images, inputs.num_eval_images, inputs.num_classes) == (12, 5, 10)
    assert inputs.class_names == list(cifar.CLASSES)      # no batches.meta.txt
    assert sorted(input_params.labels_of(inputs.train_input_fn(12), 1)) == sorted(
        row % 10 for row in range(12))
    assert input_params.labels_of(inputs.eval_input_fn(5), 1) == [0, 1, 2, 3, 4]
    alone = opened(tmp_path / 'cifar-10-verify-bin', dataset=dataset, mode='eval')
    assert (alone.num_train_images, alone.num_eval_images) == (0, 5)
    assert tools.convert(tmp_path / where, tmp_path / 'out') == 0
    assert set(dataset_json.read(str(tmp_path / 'out'))['splits']) == {'train', 'validation'}


def test_cifar_pixels_are_those_of_the_file(tmp_path):
    cifar_binaries(tmp_path, ['data_batch_1.bin', 'test_batch.bin'])
    inputs = opened(tmp_path, use_grayscale=False, input_image_size=32)
    (images, _), = input_params.run(inputs.eval_input_fn(6), 1)
    from input import preprocessing
    style = preprocessing.get_style('cifar')
    expected = (cifar.pixels(str(tmp_path / 'test_batch.bin'), 2) - np.array(style.mean)
                ) / np.array(style.std)
    assert np.abs(images['image'][2] - expected).max() < 1e-4


@pytest.mark.parametrize('name', ['val', 'validation', 'test'])
def test_a_validation_split_alone_is_evaluated_whole(name, tmp_path):
    tools.tree(tmp_path / name, ('a', 'b'), images=10)
    inputs = opened(tmp_path, mode='eval')
    assert (inputs.num_train_images, inputs.num_eval_images) == (0, 20)
    assert len(input_params.labels_of(inputs.eval_input_fn(8), None)) == 20


def test_folder_and_converter_hold_out_the_same_images(tmp_path):
    root = tools.tree(tmp_path / 'in', ('a', 'b', 'c'), images=20)
    inputs = opened(root)
    assert (inputs.num_train_images, inputs.num_eval_images) == (54, 6)
    assert '6 of 60 images are held out' in inputs.summary() and '--holdout' in inputs.summary()
    conversion.convert(conversion.Options(root, str(tmp_path / 'out'), workers=1),
                       say=lambda line: None)
    stored = {row['image/encoded'][0] for row in tools.examples(tmp_path / 'out', 'validation')}
    reader = inputs._readers['eval']
    read = {reader.image_and_label(*row)[0] for row in reader.examples()}
    assert read == stored and len(read) == 6
    assert opened(root, holdout=0.5).num_eval_images == 30
    assert opened(root, holdout=0, mode='train').num_eval_images == 0


def test_own_names_of_the_splits(tmp_path):
    for name, images in (('fit', 4), ('check', 3)):
        tools.tree(tmp_path / name, ('a', 'b'), images=images)
    inputs = opened(tmp_path, train_split='fit', eval_split='check')
    assert (inputs.num_train_images, inputs.num_eval_images) == (8, 6)


def images_of(inputs, split):
    """(number, contents) of the images of a split, the evaluation's or the training's."""
    reader = inputs._readers[split]
    return sorted(reader.image_and_label(*row)[0] for row in reader.examples())


@pytest.mark.parametrize('split_folders', [False, True])
def test_an_evaluation_on_the_training_split_reads_it(split_folders, tmp_path):
    for name, images in (('train', 20), ('val', 4)) if split_folders else (('', 20),):
        tools.tree(tmp_path / name, ('a', 'b'), images=images)
    inputs = opened(tmp_path, mode='eval', eval_split='train')
    assert inputs.num_eval_images == inputs.num_train_images == (40 if split_folders else 36)
    assert images_of(inputs, 'eval') == images_of(inputs, 'train')
    assert images_of(inputs, 'eval') != images_of(opened(tmp_path, mode='eval'), 'eval')


def test_a_split_that_is_named_displaces_the_usual_one(tmp_path):
    for name, images in (('train', 8), ('val', 4), ('test', 3)):
        tools.tree(tmp_path / name, ('a', 'b'), images=images)
    assert opened(tmp_path).num_eval_images == 8
    inputs = opened(tmp_path, eval_split='test')
    assert (inputs.num_train_images, inputs.num_eval_images) == (16, 6)
    inputs = opened(tmp_path, train_split='val', eval_split='test')
    assert (inputs.num_train_images, inputs.num_eval_images) == (8, 6)


@pytest.mark.parametrize('images', [2, 12, 40])
def test_the_next_line_fits_the_data(images, tmp_path):
    """What it says is accepted: quoted folders, and the recipe is left to the data."""
    root = tools.tree(tmp_path / 'my photos', ('a', 'b'), images=images)
    lines = []
    content = conversion.convert(
        conversion.Options(root, str(tmp_path / 'the records'), workers=1), say=lines.append)
    command = shlex.split(lines[-1].split('next: ')[1])
    assert command[:2] == ['python', 'main.py']
    words = dict(word[2:].split('=') for word in command[2:])
    assert words['data_dir'] == str(tmp_path / 'the records')
    assert not {'recipe', 'train_batch_size', 'learning_rate'} & set(words)
    inputs = opened(words['data_dir'], dataset=None)
    assert inputs.num_train_images == content['splits']['train']['num_examples']


def test_listing_a_class_of_several_lines_is_refused(tmp_path):
    tools.tree(tmp_path, ('a', 'b\nc'), images=1)
    with pytest.raises(layouts.DataError, match='several lines'):
        layouts.scan(str(tmp_path))
