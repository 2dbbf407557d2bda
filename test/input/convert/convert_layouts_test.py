"""Where the converter finds images, classes and splits."""

import collections
import os

import image_tools as tools
import numpy as np
import pytest
from PIL import Image

from common.errors import DataError
from input.convert import partition
from input.folders import holdout, layouts
from input.records import dataset_json

SYNSETS = ('n01440764', 'n01443537', 'n02105855')


def labels_of(folder, split='train'):
    return {row['image/filename'][0].decode(): row['image/class/label'][0]
            for row in tools.examples(folder, split)}


def test_class_folders_are_sorted_and_zero_based(tmp_path, capsys):
    root = tools.tree(tmp_path / 'in', ('b', 'a', 'C'), images=2)
    os.makedirs(f'{root}/empty')
    os.makedirs(f'{root}/.git/objects')
    tools.put(f'{root}/README', b'read me')
    tools.put(f'{root}/a/nested/deep.jpg', tools.encoded(seed=9))
    os.symlink(f'{root}/a', f'{root}/linked')
    assert tools.convert(root, tmp_path / 'out') == 0
    content = dataset_json.read(str(tmp_path / 'out'))
    assert content['class_names'] == ['C', 'a', 'b', 'linked']
    assert (content['label_offset'], content['num_classes'], content['name']) == (0, 4, 'in')
    rows = tools.examples(tmp_path / 'out')
    pairs = {(row['image/class/text'][0], row['image/class/label'][0]) for row in rows}
    assert pairs == {(b'C', 0), (b'a', 1), (b'b', 2), (b'linked', 3)}
    assert len(rows) == 2 + 3 + 2 + 3    # the same file name in several classes
    said = capsys.readouterr().out
    assert 'without an image: empty' in said and '--holdout=0 makes none' in said
    assert 'README' in said and 'ignored: 1 hidden' in said


def test_label_offset_and_labels_file(tmp_path):
    root = tools.tree(tmp_path / 'in')
    assert tools.convert(root, tmp_path / 'out', '--label_offset=1') == 0
    assert set(labels_of(tmp_path / 'out').values()) == {1, 2}
    assert (tmp_path / 'out' / 'labels.txt').read_text() == '1:cat\n2:dog\n'


@pytest.mark.parametrize('names, expected', [
    (('train', 'val'), {'train', 'validation'}), (('train', 'test'), {'train', 'validation'}),
    (('train', 'val', 'test'), {'train', 'validation'}), (('train',), {'train'})])
def test_split_folders(names, expected, tmp_path):
    for name in names:
        tools.tree(tmp_path / 'in' / name, images=2)
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 0
    splits = dataset_json.read(str(tmp_path / 'out'))['splits']
    assert set(splits) == expected
    assert all(split['num_examples'] == 4 for split in splits.values())


def test_holdout_is_deterministic_and_complete(tmp_path):
    root = tools.tree(tmp_path / 'in', images=20)
    names = []
    for out in ('one', 'two'):
        assert tools.convert(root, tmp_path / out, '--holdout=0.25') == 0
        names.append(sorted(row['image/encoded'] for row in
                            tools.examples(tmp_path / out, 'validation')))
        counts = collections.Counter(row['image/class/label'][0] for row in
                                     tools.examples(tmp_path / out, 'train'))
        assert counts == {0: 15, 1: 15}
    assert names[0] == names[1] and len(names[0]) == 10


def test_holdout_of_tiny_classes_keeps_the_fraction():
    items = [layouts.Item(str(label), label, None) for label in range(250)]
    train, validation = holdout.hold_out(items, 0.1, 0)
    assert (len(train), len(validation)) == (225, 25)
    assert holdout.hold_out(items, 0.1, 0) == (train, validation)


def test_a_class_that_loses_its_only_image_is_named():
    items = [layouts.Item(f'{label}.jpg', label, None) for label in range(20)]
    tree = layouts.ImageTree('', '', [f'class{label}' for label in range(20)], [],
                             {'train': items}, 0, 0, [])
    split, note = holdout.with_validation(tree, 0.1)
    lost = ', '.join(f'class{item.label}' for item in split.splits['validation'])
    assert len(split.splits['validation']) == 2
    assert note.endswith(f'without a training image now, because they have one only: {lost}')
    pairs = [item._replace(path=f'{copy}/{item.path}') for item in items for copy in range(2)]
    _, note = holdout.with_validation(tree._replace(splits={'train': pairs}), 0.1)
    assert 'classes without' not in note


def test_a_changed_folder_moves_few_images_into_the_held_out_part():
    def held(sizes):
        items = [layouts.Item(f'{name}/{number}.jpg', label, None)
                 for label, (name, numbers) in enumerate(sorted(sizes.items()))
                 for number in numbers]
        return {item.path for item in holdout.hold_out(items, 0.1, 0)[1]}
    sizes = {name: range(100) for name in 'bcdef'}
    before = held(sizes)
    assert len(before) == 50
    assert len(held(dict(sizes, b=range(1, 100))) - before) <= 1
    assert len(held({name: range(101) for name in sizes}) - before) <= 5
    assert not {path for path in held(dict(sizes, a=range(100))) - before if path[0] != 'a'}


def imagenet(root, train=True, validation=True):
    if train:
        tools.tree(root / 'train', SYNSETS, images=2)
    if validation:
        for index in range(4):
            tools.put(root / 'validation' / f'ILSVRC2012_val_{index:08d}.JPEG',
                      tools.encoded(seed=50 + index))
        (root / 'synset_labels.txt').write_text(
            '\n'.join([SYNSETS[2], SYNSETS[0], SYNSETS[1], SYNSETS[2]]) + '\n')
    return root


@pytest.mark.parametrize('train, validation', [(True, True), (True, False), (False, True)])
def test_imagenet_layout_has_labels_from_one(train, validation, tmp_path):
    root = imagenet(tmp_path / 'in', train, validation)
    (root / 'synset_words.txt').write_text('n01440764 tench, Tinca tinca\n')
    assert tools.convert(root, tmp_path / 'out') == 0
    content = dataset_json.read(str(tmp_path / 'out'))
    assert content['label_offset'] == 1
    assert content['class_names'] == ['tench, Tinca tinca', SYNSETS[1], SYNSETS[2]]
    if validation:
        found = labels_of(tmp_path / 'out', 'validation')
        assert [found[name] for name in sorted(found)] == [3, 1, 2, 3]
    if train:
        rows = tools.examples(tmp_path / 'out')
        assert {(row['image/class/synset'][0].decode(), row['image/class/label'][0])
                for row in rows} == set(zip(SYNSETS, (1, 2, 3)))


def test_splits_one_after_the_other(tmp_path):
    root, out = imagenet(tmp_path / 'in'), tmp_path / 'out'
    assert tools.convert(root, out, '--split=train') == 0
    assert set(dataset_json.read(str(out))['splits']) == {'train'}
    assert tools.convert(root, out, '--split=validation') == 0
    assert set(dataset_json.read(str(out))['splits']) == {'train', 'validation'}
    assert tools.convert(root, out) == 0 and tools.run('--verify', out) == 0


@pytest.mark.parametrize('labels, text', [
    (SYNSETS[:2], '2 labels'), (('1', '2', '3', '4'), 'holds numbers'),
    (SYNSETS + ('n09999999',), 'line 4: n09999999')])
def test_wrong_validation_labels(labels, text, tmp_path):
    root = imagenet(tmp_path / 'in')
    (tmp_path / 'labels').write_text('\n'.join(labels))
    with pytest.raises(DataError, match=text):
        layouts.scan(str(root), None, str(tmp_path / 'labels'))


def test_labels_that_nothing_takes_are_refused(tmp_path, capsys):
    root = tools.tree(tmp_path / 'in', ('a', 'b'), images=2)
    assert tools.convert(root, tmp_path / 'out', '--validation_labels=/nope') == 3
    assert '--validation_labels=/nope names the classes of a flat' in capsys.readouterr().err


def cifar(root, rows=7):
    random = np.random.RandomState(0)
    os.makedirs(str(root))
    for name in ('data_batch_1', 'data_batch_2', 'test_batch'):
        data = random.randint(0, 256, (rows, 3073)).astype(np.uint8)
        data[:, 0] = np.arange(rows) % 3
        data.tofile(str(root / f'{name}.bin'))
    (root / 'batches.meta.txt').write_text('airplane\nautomobile\nbird\n\n')
    return root


def test_cifar_is_lossless(tmp_path):
    import io
    root, out = cifar(tmp_path / 'in'), tmp_path / 'out'
    assert tools.convert(root, out) == 0 and tools.run('--verify', out) == 0
    content = dataset_json.read(str(out))
    assert content['splits']['train']['num_examples'] == 14
    assert content['class_names'] == ['airplane', 'automobile', 'bird']
    row = tools.by_name(out, 'validation')['test_batch.bin#5']
    image = np.asarray(Image.open(io.BytesIO(row['image/encoded'][0])))
    raw = np.fromfile(str(root / 'test_batch.bin'), np.uint8).reshape(7, 3073)[5, 1:]
    np.testing.assert_array_equal(image, raw.reshape(3, 32, 32).transpose(1, 2, 0))
    assert (row['image/format'], row['image/class/label']) == ([b'PNG'], [2])


def test_damaged_cifar_files(tmp_path):
    root = cifar(tmp_path / 'in')
    with open(str(root / 'data_batch_2.bin'), 'r+b') as stream:
        stream.truncate(5000)
    with pytest.raises(DataError, match='data_batch_2.bin has 5000 bytes'):
        layouts.scan(str(root))
    os.remove(str(root / 'data_batch_2.bin'))
    (root / 'batches.meta.txt').write_text('airplane\n')
    with pytest.raises(DataError, match='record 1: label 1'):
        layouts.scan(str(root))


def empty(root):
    os.makedirs(root)


def flat(root):
    tools.put(f'{root}/a.jpg', tools.encoded())


def hollow(root):
    tools.put(f'{root}/cat/.DS_Store', b'')
    os.makedirs(f'{root}/dog')


def single(root):
    tools.tree(root, ('cat',))


def stranger(root):
    tools.tree(f'{root}/train', ('a', 'b'))
    tools.tree(f'{root}/val', ('a', 'c'))


@pytest.mark.parametrize('make, text', [
    (empty, 'no images'), (flat, '1 files and no class folders'), (hollow, 'all empty'),
    (single, 'one class only'), (stranger, 'lacks: c')])
def test_unusable_folders(make, text, tmp_path, capsys):
    make(str(tmp_path / 'in'))
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 3
    assert text in capsys.readouterr().err


def test_shards_by_size():
    assert partition.default_shards('train', 1281167, 138e9) == 920
    assert partition.default_shards('train', 10 ** 7, 1e12) == 1024
    assert partition.default_shards('validation', 50000, 6.3e9) == 42
    assert partition.default_shards('validation', 10 ** 6, 1e12) == 128
    assert partition.default_shards('train', 50000, 60e6) == 8
    assert partition.default_shards('train', 100, 1e6) == 1


def test_sizes_are_estimated_from_some_thousands_of_files(tmp_path, monkeypatch):
    """Where the number of shards is given; the number that is chosen comes from all sizes."""
    monkeypatch.setattr(partition, 'ESTIMATED_FROM', 4)
    for index in range(10):
        tools.put(str(tmp_path / str(index)), bytes(100 if index % 3 == 0 else 7))
    items = [layouts.Item(str(index), 0, None) for index in range(10)]
    assert partition.total_bytes(str(tmp_path), items, exact=True) == 4 * 100 + 6 * 7
    assert partition.total_bytes(str(tmp_path), items, exact=False) == 1000
    assert partition.total_bytes(str(tmp_path), items[1:4], exact=False) == 7 + 7 + 100
    assert partition.total_bytes(str(tmp_path), items + [layouts.Item('gone', 0, None)]) == 442


def test_a_number_of_shards_that_is_chosen_comes_from_all_sizes(tmp_path, monkeypatch):
    """Of some only, a repaired file could change it, and a conversion would begin again."""
    root = tools.tree(tmp_path / 'in', ('a', 'b'), images=3)
    whole, asked = partition.total_bytes, []
    monkeypatch.setattr(partition, 'total_bytes', lambda root, items, exact: (
        asked.append(exact), whole(root, items, exact))[1])
    assert tools.convert(root, tmp_path / 'one') == 0
    assert tools.convert(root, tmp_path / 'two', '--shards=2') == 0
    assert asked == [True, False]


def test_shuffled_by_the_seed_over_the_shards():
    items = [layouts.Item(str(index), index // 500, None) for index in range(1000)]
    shards = partition.into_shards('train', items, 3, 0)
    assert [file for file, _ in shards] == [f'train-{i:05d}-of-00003' for i in range(3)]
    assert [len(rows) for _, rows in shards] == [333, 333, 334]
    assert sorted(row for _, rows in shards for row in rows) == sorted(items)
    for _, rows in shards:
        assert 100 < sum(row.label for row in rows) < 233
    assert partition.into_shards('train', items, 3, 0) == shards
    assert partition.into_shards('train', items, 3, 1) != shards
