"""The commands of docs/migrating.md and docs/results.md are understood; their files are there."""

import glob
import os
import re
import shlex

import program
import pytest

import flags
import models


def lines_of(name):
    with open(os.path.join(program.ROOT, 'docs', name)) as stream:
        return re.findall(r'`((?:python|bash) [^`]*)`', stream.read())


def new_commands():
    found = {line for name in ('migrating.md', 'results.md') for line in lines_of(name)
             if line.startswith(('python main.py', 'bash train_')) and '--help' not in line}
    assert len(found) > 40
    return sorted(found)


@pytest.mark.parametrize('line', new_commands())
def test_new_commands_are_understood(line, monkeypatch):
    monkeypatch.chdir(program.ROOT)
    words = shlex.split(line.replace('NAME', 'mobilenet_v1'))
    if words[0] == 'bash':
        assert os.path.exists(words[1])
    given = flags.parse(['main.py'] + words[2:])
    network = models.get_network(given.value('model_name') or 'mixnet-s')
    flags.merge(given, [network.recipe_named(given.value('recipe'))])


def test_every_entry_point_is_in_the_table_and_there():
    named = {path for line in lines_of('migrating.md')
             for path in re.findall(r'compat/[\w/.]+\.(?:py|sh)', line)}
    missing = [path for path in named if not os.path.exists(os.path.join(program.ROOT, path))]
    assert missing == []
    there = {os.path.relpath(path, program.ROOT) for path in
             glob.glob(os.path.join(program.ROOT, 'compat', '*', '**', '*.sh'), recursive=True)}
    inner = {path for path in there if re.search(r'mobilenet_v2/(train_([18]p|flags)|test/)', path)}
    assert there - inner <= named
