"""The tutorial and the notebook run as they stand."""

import json
import os
import re
import shlex
import stat
import sys

import numpy as np
import program
import pytest

TUTORIAL = os.path.join(program.ROOT, 'docs', 'tutorial.md')
NOTEBOOK = os.path.join(program.ROOT, 'docs', 'tutorial.ipynb')


def cells():
    """(kind, text) of each cell of the notebook."""
    with open(NOTEBOOK, encoding='utf-8') as stream:
        content = json.load(stream)
    assert content['nbformat'] == 4
    return [(cell['cell_type'], ''.join(cell['source'])) for cell in content['cells']]


def test_notebook_is_clean():
    """No output of somebody's machine, and code that Python can read."""
    with open(NOTEBOOK, encoding='utf-8') as stream:
        assert all(cell.get('outputs', []) == [] for cell in json.load(stream)['cells'])
    for number, (kind, text) in enumerate(cells()):
        if kind == 'code':
            compile(text, f'cell {number}', 'exec')


def at_root(folder):
    """Makes a folder stand for the root of the project, with a `python` of ours."""
    for name in ('main.py', 'convert_tfrecord.py'):
        os.symlink(os.path.join(program.ROOT, name), str(folder / name))
    os.makedirs(str(folder / 'bin'))
    own = folder / 'bin' / 'python'
    own.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    own.chmod(own.stat().st_mode | stat.S_IXUSR)


def photographs(folder):
    """What a reader of the tutorial has: three classes, one named in Chinese, and new images."""
    from PIL import Image, ImageDraw
    random = np.random.RandomState(0)
    kinds = ('cat', 'jpg', 4), ('dog', 'png', 3), ('\u732b\u5934\u9e70', 'webp', 8)
    for number in range(63):
        name, ending, sides = kinds[number % 3]
        image = Image.new('RGB', (120, 100), tuple(random.randint(0, 255, 3).tolist()))
        ImageDraw.Draw(image).regular_polygon((60, 50, 40), sides, random.randint(90),
                                              tuple(random.randint(0, 255, 3).tolist()))
        place = f'photos/{name}' if number < 60 else 'new'
        os.makedirs(str(folder / place), exist_ok=True)
        image.save(str(folder / place / f'{number}.{ending}'))


@pytest.mark.slow
def test_notebook_runs_cell_by_cell(tmp_path):
    """In a process of its own, in a folder that stands for the root of the project."""
    at_root(tmp_path)
    script = tmp_path / 'notebook.py'
    script.write_text('\n\n'.join(text for kind, text in cells() if kind == 'code'),
                      encoding='utf-8')
    done = program.command(sys.executable, script, cwd=str(tmp_path),
                           env={'PYTHONPATH': program.ROOT})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    result = program.result_of(tmp_path / 'result/tutorial/model')
    assert result['top_1_accuracy'] > 0.6      # of three classes
    assert (tmp_path / 'result/tutorial/exported/mobilenet_v1_025.tflite').exists()


def lines():
    """The commands of the tutorial."""
    with open(TUTORIAL, encoding='utf-8') as stream:
        return [line for block in re.findall(r'```bash\n(.*?)```', stream.read(), re.S)
                for line in block.splitlines()]


def test_there_are_ten_lines():
    assert len(lines()) == 10 and all(line.startswith('python ') for line in lines())


@pytest.mark.slow
def test_the_ten_lines_word_for_word(tmp_path):
    at_root(tmp_path)
    photographs(tmp_path)
    path = f'{tmp_path}/bin{os.pathsep}{os.environ["PATH"]}'
    for line in lines():
        done = program.command('sh', '-c', line, cwd=str(tmp_path), env={'PATH': path})
        advice = 'doctor' in line and done.returncode == 1     # about this machine
        said = done.stdout[-2000:] + done.stderr[-2000:]
        assert done.returncode == 0 or advice, f'{line}\n{said}'
    for name in ('photos/report.html', 'photos/evaluation.json', 'tuned/report.html',
                 'new/predictions.png', 'new/features.npz', 'phone/mobilenet_v1_025.tflite',
                 'phone/labels.txt', 'phone/preprocessing.json'):
        assert (tmp_path / 'result' / name).exists(), name
    text = (tmp_path / 'result/tuned/report.md').read_text(encoding='utf-8')
    assert re.search(r'\d+\.(jpg|png|webp) in validation-\d+-of-\d+, record \d', text)
