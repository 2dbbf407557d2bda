"""A conversion shared among hosts, and the merge that checks it."""

import filecmp
import os
import shutil

import image_tools as tools
import pytest

from input.convert import staging
from input.records import dataset_json

SHARDS = '--shards=5'


@pytest.fixture
def tree(tmp_path):
    return tools.tree(tmp_path / 'in', ('a', 'b', 'c'), images=8)


def part(tree, out, which, *more):
    return tools.convert(tree, out, SHARDS, '--holdout=0.25', f'--part={which}', *more)


def test_parts_merge_to_what_one_host_writes(tree, tmp_path, capsys):
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    assert tools.convert(tree, whole, SHARDS, '--holdout=0.25') == 0
    for which in ('3/3', '1/3', '2/3'):
        assert part(tree, out, which) == 0
        assert dataset_json.read(str(out)) is None
    assert '--merge=' in capsys.readouterr().out
    assert tools.run('--merge', out) == 0
    assert 'next: python main.py' in capsys.readouterr().out
    assert dataset_json.read(str(out)) == dataset_json.read(str(whole))
    names = [name for name in os.listdir(str(whole)) if name != staging.FOLDER]
    assert filecmp.cmpfiles(str(whole), str(out), names, shallow=False)[0] == names
    assert tools.run('--verify', out) == 0 and not (out / staging.FOLDER).exists()
    assert tools.run('--merge', out) == 0 and 'merged already' in capsys.readouterr().out


def test_hosts_without_a_common_folder_copy_their_parts(tree, tmp_path):
    for index in (1, 2):
        assert part(tree, tmp_path / f'host{index}', f'{index}/2') == 0
    staged = tmp_path / 'host1' / staging.FOLDER
    for name in os.listdir(str(tmp_path / 'host2' / staging.FOLDER)):
        shutil.copy(str(tmp_path / 'host2' / staging.FOLDER / name), str(staged / name))
    assert tools.run('--merge', tmp_path / 'host1') == 0
    assert tools.run('--verify', tmp_path / 'host1') == 0


def test_a_merge_refuses_what_is_missing_damaged_or_different(tree, tmp_path, capsys):
    def refused(out, text):
        assert tools.run('--merge', out) == 3
        assert text in capsys.readouterr().err
        assert dataset_json.read(str(out)) is None

    refused(tmp_path / 'nowhere', 'holds no parts')
    out = tmp_path / 'out'
    assert part(tree, out, '1/2') == 0
    refused(out, 'part 2 of 2 is not finished')
    assert part(tree, out, '2/2', '--label_offset=1') == 0
    refused(out, 'part 2 of 2 saw other images')
    assert part(tree, out, '2/2') == 0
    shard = out / staging.FOLDER / 'train-00001-of-00005'
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(out, 'train-00001-of-00005 is damaged')
    os.remove(str(shard) + '.json')
    refused(out, '1 of 6 shards are not there')
    assert part(tree, out, '2/2') == 0
    assert tools.run('--merge', out) == 0


@pytest.mark.parametrize('text', ['0/2', '3/2', '2', 'a/b', '1/0'])
def test_bad_parts(text, tree, tmp_path):
    assert part(tree, tmp_path / 'out', text) == 2
    assert tools.run('--merge', tmp_path, '--verify', tmp_path) == 2
