"""Documents say what the program does: generated parts are current, commands run."""

import glob
import os
import re
import shlex
import sys

import make_docs
import program
import pytest
import tensorflow.compat.v1 as tf

from common import files

# What a reader's own folders are in the tests, and what makes a command short.
SMALL = ['--input_image_size=32', '--train_batch_size=8', '--eval_batch_size=60',
         '--model_name=mobilenet_v1_025', '--learning_rate=0.01']
STEPS = ['--train_steps=2']


def commands(path=make_docs.README):
    """The commands of a document's bash blocks, continued lines joined."""
    with open(path, encoding='utf-8') as stream:
        blocks = re.findall(r'```bash\n(.*?)```', stream.read(), re.S)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    return [line.split('  #')[0].strip() for line in lines if line.strip() and line[0] != '#']


def test_recipes_are_current():
    with open(make_docs.RECIPES) as stream:
        assert stream.read() == make_docs.recipes(), 'write it again: python test/make_docs.py'


def test_table_of_networks_is_current():
    assert make_docs.table_in_readme() == make_docs.networks(), (
        'write it again: python test/make_docs.py')


def test_the_chinese_readme_is_level_with_the_other():
    def parts(path):
        with open(path, encoding='utf-8') as stream:
            text = stream.read()
        return (re.findall(r'```.*?```', text, re.S), len(re.findall(r'^## ', text, re.M)),
                re.findall(r'^\| (\d+) \|', text, re.M))
    assert parts(os.path.join(program.ROOT, 'README.zh-CN.md')) == parts(make_docs.README), (
        'commands, sections and exit codes of README.zh-CN.md are those of README.md')


def test_make_targets_in_the_readme_exist():
    with open(os.path.join(program.ROOT, 'Makefile')) as stream:
        targets = set(re.findall(r'^([a-z0-9-]+):', stream.read(), re.M))
    asked = {word for line in commands() if line.startswith('make ') for word in line.split()[1:]}
    assert {'demo', 'test'} <= asked <= targets


def test_paths_named_in_the_documents_exist():
    names = ['CONTRIBUTING.md', 'README.md'] + glob.glob(os.path.join(program.ROOT, 'docs', '*.md'))
    for name in names:
        with open(os.path.join(program.ROOT, name), encoding='utf-8') as stream:
            text = stream.read()
        paths = re.findall(r'`((?:models|input|estimator|flags|launchers|common|compat|test|docs|'
                           r'benchmarks)/[\w./-]*)`', text)
        paths += [os.path.join('docs', link) for link in re.findall(r'\]\(([\w-]+\.md)\)', text)
                  if os.path.dirname(name)]
        for path in (path for path in paths if '...' not in path):
            assert os.path.exists(os.path.join(program.ROOT, path)), f'{name}: {path}'


def test_snippets_of_the_library_page_run(tmp_path):
    with open(os.path.join(program.ROOT, 'docs', 'library.md'), encoding='utf-8') as stream:
        snippets = re.findall(r'```python\n(.*?)```', stream.read(), re.S)
    script = tmp_path / 'snippets.py'
    script.write_text('\n'.join(snippets))
    done = program.command(sys.executable, script, cwd=str(tmp_path),
                           env={'PYTHONPATH': os.pathsep.join(
                               [program.SHALLOW['PYTHONPATH'], program.ROOT])})
    assert done.returncode == 0, done.stderr[-3000:]
    assert '(?, 10) (?, 32)' in done.stdout and '(4, 32, 32, 3) float32' in done.stdout
    assert os.path.exists(str(tmp_path / 'result/library/result.json'))


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    """Folders that stand for those the README names."""
    root = tmp_path_factory.mktemp('readme')
    tree = root / 'tree'
    for index, name in enumerate(('train/n01', 'train/n02', 'validation/n01', 'validation/n02')):
        os.makedirs(str(tree / name))
        from PIL import Image
        for number in range(10):
            Image.new('RGB', (40, 40), (index * 60, number * 20, 99)).save(
                str(tree / name / f'{number}.JPEG'))
    return root, {'/data/imagenet-raw': str(tree), '/data/imagenet': str(root / 'records'),
                  '/data/photos': str(tree / 'train')}


def instead(words, ours):
    """The words with flags of ours in the place of their own."""
    names = {word.split('=')[0] for word in ours}
    return [word for word in words if word.split('=')[0] not in names] + ours


@pytest.mark.slow
def test_every_command_of_the_debugging_page_runs(tmp_path, monkeypatch, capsys):
    path = os.path.join(program.ROOT, 'docs', 'debugging.md')
    monkeypatch.chdir(tmp_path)
    said = []
    for line in commands(path):
        words = shlex.split(line)
        if '--mode=compare' not in words:
            words = instead(words, [word for word in SMALL if 'learning_rate' not in word])
        code = program.main_code(*words[2:])
        said.append(capsys.readouterr().out)
        assert code == (4 if '1e30' in line else 0), f'{line}\n{said[-1]}'
    listed, compared = said[1], said[3]
    with open(path, encoding='utf-8') as stream:
        for group in set(re.findall(r'`([a-z]+/)`', stream.read())):
            assert '  ' + group in listed, group
    assert 'in the order of computation endpoints/' in compared
    assert os.path.exists('graph/graph.pbtxt') and os.path.exists('dump_a/step_0.npz')
    name, = os.listdir('overflow')
    report = files.read_json(os.path.join('overflow', name))
    assert report['first']['not_finite'] > 0 and len(report['tensors']) > 100
    last = '15' if tf.version.VERSION.startswith('1.') else '14'
    assert {f'profile_10-{last}.txt', f'timeline_step_{last}.json'} <= set(os.listdir('profile'))
    assert os.path.isdir('profile/plugins/profile') == (last == '14')


@pytest.mark.slow
def test_every_command_of_the_readme_runs(world):
    root, paths = world
    shown = [line for line in commands() if not line.startswith(('make ', 'git ', 'cd '))]
    assert len(shown) >= 8
    for line in shown:
        for path, real in paths.items():
            line = re.sub(re.escape(path) + r'(?=[\s/]|$)', real, line)
        words = shlex.split(line)
        if 'main.py' in words and '--mode=inspect' not in words and '--explain' not in words:
            words = instead(words, SMALL + ([] if '--mode=eval' in words else STEPS))
        if words[0] == 'bash':
            words[1] = os.path.join(program.ROOT, words[1])
            words = instead(words, [w for w in SMALL if 'train_batch' not in w] + STEPS)
            words += [f'--output_path={root}/output']
        if words[0] == 'python':
            words = [sys.executable, os.path.join(program.ROOT, words[1])] + words[2:]
        done = program.command(*words, cwd=str(root))
        assert done.returncode == 0, f'{line}\n{done.stdout}\n{done.stderr}'
