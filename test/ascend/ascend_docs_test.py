"""docs/ascend.md in both languages: flags and tables in it are real, the languages say the same."""

import os
import re

import program
import pytest

from flags import levels
from launchers import rank_table

DOCS = {name: os.path.join(program.ROOT, 'docs', name)
        for name in ('ascend.md', 'ascend.zh-CN.md')}


def text_of(name):
    with open(DOCS[name], encoding='utf-8') as stream:
        return stream.read()


def rows(name):
    """The cells of every row of every table."""
    return [[cell.strip() for cell in line.strip('|').split('|')]
            for line in text_of(name).splitlines() if line.startswith('| `')]


def test_it_says_that_no_device_was_there():
    assert 'No Ascend device has been available to this project.' in text_of('ascend.md')
    assert '本项目没有可用的昇腾设备。' in text_of('ascend.zh-CN.md')


@pytest.mark.parametrize('name', DOCS)
def test_flags_and_files_exist(name):
    text = text_of(name)
    known = set(levels.all_names()) | {'data_path'}
    assert set(re.findall(r'--([a-z_]+)', text)) <= known
    for cells in rows(name):
        if cells[0].startswith('`--'):
            assert set(re.findall(r'`([a-z_]+)`', cells[1])) <= known
    for link in re.findall(r'\]\(([^)]+)\)', text):
        assert os.path.exists(os.path.join(program.ROOT, 'docs', link))
    for script in re.findall(r'bash (\S+\.sh)', text):
        assert os.path.exists(os.path.join(program.ROOT, script))


@pytest.mark.parametrize('name', DOCS)
def test_the_rank_tables_are_read(name, tmp_path):
    tables = re.findall(r'```json\n(.*?)```', text_of(name), re.S)
    assert len(tables) == 2
    for table in tables:
        (tmp_path / 'table.json').write_text(table)
        assert [device for device, _ in rank_table.read(str(tmp_path / 'table.json'))] == ['0', '1']


def test_both_languages_list_the_same():
    english, chinese = rows('ascend.md'), rows('ascend.zh-CN.md')

    def code(cells):
        return [sorted(set(re.findall(r'`([^`]+)`', cell))) for cell in cells]

    assert len(english) == len(chinese) > 25
    for one, other in zip(english, chinese):
        assert set(sum(code(one), [])) == set(sum(code(other), [])), (one, other)
