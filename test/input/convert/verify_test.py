"""What --verify finds."""

import json
import os
import shutil

import image_tools as tools
import pytest

from input.convert.verify import verify
from input.records import example, tfrecord


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    base = tmp_path_factory.mktemp('verify')
    for split in ('train', 'val'):
        tools.tree(base / 'in' / split, images=6)
    assert tools.convert(base / 'in', base / 'out', '--shards=3') == 0
    return base / 'out'


@pytest.fixture
def folder(converted, tmp_path):
    shutil.copytree(str(converted), str(tmp_path / 'data'))
    return tmp_path / 'data'


def faults(folder):
    return verify(str(folder), workers=1, say=lambda line: None)


def edit(folder, change):
    content = json.loads((folder / 'dataset.json').read_text())
    change(content)
    (folder / 'dataset.json').write_text(json.dumps(content))


def flip(folder, position):
    path = folder / 'train-00001-of-00003'
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(bytes(data))


def rewrite(path, change):
    """Writes a shard again with one changed example, all CRCs right."""
    rows = [example.decode_example(payload)
            for _, payload in tfrecord.read_records(str(path))]
    change(rows[2])
    with tfrecord.Writer(str(path)) as writer:
        for row in rows:
            writer.write(example.encode_example({key: row[key][0] for key in row}))


def test_good_data(converted, capsys):
    assert tools.run('--verify', converted, '--workers=2') == 0
    said = capsys.readouterr().out
    assert 'all is well' in said and 'train: 12 images, labels 0..1; cat 6, dog 6' in said


def second_record(folder):
    offsets = [offset for offset, _ in
               tfrecord.read_records(str(folder / 'train-00001-of-00003'))]
    return offsets[1]


@pytest.mark.parametrize('with_manifest', [True, False])
def test_flipped_bytes(folder, with_manifest):
    start = second_record(folder)
    if not with_manifest:
        os.remove(str(folder / 'dataset.json'))
    flip(folder, start + 300)
    found = faults(folder)
    where = f'train-00001-of-00003, record 1 (byte {start})'
    assert any(where in fault and 'CRC of its data' in fault for fault in found)
    assert any('sha256' in fault for fault in found) == with_manifest
    assert not any('record 2' in fault for fault in found)    # the others are readable
    flip(folder, start + 2)
    assert any(where in fault and 'rest of the file' in fault for fault in faults(folder))


@pytest.mark.parametrize('with_manifest', [True, False])
def test_truncated_missing_and_doubled_shards(folder, with_manifest, capsys):
    if not with_manifest:
        os.remove(str(folder / 'dataset.json'))
    path = folder / 'train-00000-of-00003'
    data = path.read_bytes()
    path.write_bytes(data[:-10])
    assert any('train-00000' in fault and 'ends inside' in fault for fault in faults(folder))
    path.write_bytes((folder / 'train-00001-of-00003').read_bytes())
    assert any('has the very content' in fault for fault in faults(folder))
    os.remove(str(path))
    assert any('train-00000-of-00003 is missing' in fault for fault in faults(folder))
    path.write_bytes(data)
    shutil.copy(str(path), str(folder / 'train-00003-of-00003'))
    assert any('train-00003-of-00003' in fault or 'shard 3 of 3' in fault
               for fault in faults(folder))
    assert tools.run('--verify', folder) == 3
    assert 'FAULT: ' in capsys.readouterr().out


@pytest.mark.parametrize('key, value, text', [
    ('image/class/label', 2, 'label 2 is not in 0..1'),
    ('image/class/label', -1, 'label -1 is not in 0..1'),
    ('image/encoded', b'nothing', 'does not decode: not an image'),
    ('image/encoded', tools.encoded()[:-60], 'does not decode: truncated')])
def test_bad_examples(folder, key, value, text):
    rewrite(folder / 'train-00001-of-00003', lambda row: row.update({key: [value]}))
    found = faults(folder)
    assert any('train-00001-of-00003, record 2' in fault and text in fault for fault in found)


def test_a_record_without_keys(folder):
    rewrite(folder / 'train-00001-of-00003', lambda row: row.pop('image/class/label'))
    assert any('no image and label among its keys' in fault for fault in faults(folder))


def test_manifest_against_the_files(folder, capsys):
    edit(folder, lambda content: content['splits']['train'].update(num_examples=13))
    assert any('13' in fault for fault in faults(folder))
    edit(folder, lambda content: content['splits']['train']['shards'][0].update(num_examples=9))
    assert any('num_examples is 4, dataset.json says 9' in fault for fault in faults(folder))
    (folder / 'dataset.json').write_text('{')
    assert tools.run('--verify', folder) == 3
    assert 'damaged or not of this project' in capsys.readouterr().err
    os.remove(str(folder / 'dataset.json'))
    assert tools.run('--verify', folder) == 0
    assert 'no dataset.json' in capsys.readouterr().out


def test_keys_of_tensorflow_datasets(tmp_path):
    with tfrecord.Writer(str(tmp_path / 'x-train.tfrecord-00000-of-00001')) as writer:
        writer.write(example.encode_example({'image': tools.encoded(), 'label': 3}))
    assert faults(tmp_path) == []


def test_names_are_compared_in_the_records_and_beside_them(folder):
    rewrite(folder / 'train-00001-of-00003',
            lambda row: row.update({'image/class/text': [b'wolf']}))
    found = faults(folder)
    assert any('record 2' in fault and "its image/class/text is 'wolf'" in fault for fault in found)
    (folder / 'labels.txt').write_text('0:dog\n1:cat\n')
    assert any('labels.txt: its names are not' in fault for fault in faults(folder))


@pytest.mark.parametrize('change', [
    lambda content: content.update(num_classes='two'), lambda content: content.pop('label_offset'),
    lambda content: content.update(splits=[]), lambda content: content.update(class_names=3),
    lambda content: content['splits']['train']['shards'][0].update(file='../elsewhere'),
    lambda content: content['splits']['train']['shards'][0].update(num_examples=-1)])
def test_damaged_facts_are_an_error_of_the_data(change, folder, capsys):
    edit(folder, change)
    assert tools.run('--verify', folder) == 3
    assert 'damaged or not of this project' in capsys.readouterr().err
