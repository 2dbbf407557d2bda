"""--mode=predict: classes of a user's images from a trained network."""

import csv
import io
import json
import os
import shutil
import sys

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
import main
from common.errors import CheckpointError, DataError
from input.serving import find_images
from models import get_network

pytestmark = pytest.mark.usefixtures('shallow')

CLASSES = ('ant', 'bee', 'cat')


def jpeg(path, seed):
    """A JPEG file of coarse noise; returns its pixels."""
    pixels = np.random.RandomState(seed).randint(0, 255, [5, 6, 3]).repeat(9, 0).repeat(9, 1)
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = session.run(tf.io.encode_jpeg(pixels.astype(np.uint8)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A network trained on a folder of images: three classes with names, at 32 pixels."""
    root = tmp_path_factory.mktemp('trained')
    for number, name in enumerate(CLASSES * 6):
        jpeg(root / 'data' / name / f'{number}.jpg', number)
    program.run(root / 'model', dataset='folder', data_dir=root / 'data', num_label_classes='null',
                num_train_images='null', num_eval_images='null', train_steps=4,
                learning_rate=0.1)
    return root


def predict(root, *words):
    """main.main on the trained network, no other flags than a user would give; the exit code."""
    given = dict(word.split('=', 1) for word in (
        '--model_name=mobilenet_v1_025', '--mode=predict', f'--model_dir={root}/model') + words)
    return main.main(['main.py'] + [f'{name}={value}' for name, value in given.items()])


def test_flags_of_the_training_are_found(trained):
    network = get_network('mobilenet_v1_025')
    for mode, found in (('predict', True), ('eval', True), ('train', False)):
        given = flags.parse([f'--model_name={network.name}', f'--mode={mode}', '--data_dir=x',
                             f'--model_dir={trained}/model'])
        source, values = main.recipes(network, given, None)[-1]
        assert source.endswith('params.json') == found
        if found:
            assert values['input_image_size'] == 32 and 'data_dir' not in values


def test_table_names_and_skips(trained, capsys):
    folder = trained / 'photos'
    jpeg(folder / 'deep' / 'er' / 'one.JPG', 1)
    shutil.copy(str(folder / 'deep' / 'er' / 'one.JPG'), str(folder / 'two.png'))
    (folder / 'broken.jpg').write_bytes((folder / 'two.png').read_bytes()[:200])
    (folder / 'note.txt').write_text('no image')
    assert predict(trained, f'--data_dir={folder}') == 0
    captured = capsys.readouterr()
    chosen, *lines = captured.out.splitlines()
    assert 'archive' in chosen and 'ema weights' in lines[0]
    assert len(lines) == 1 + 2 * len(CLASSES)
    assert sorted(line.split()[-1] for line in lines[1:4]) == list(CLASSES)
    assert lines[1].startswith(str(folder / 'deep' / 'er' / 'one.JPG'))
    assert 'broken.jpg skipped' in captured.err and 'note.txt' not in captured.err
    with pytest.raises(DataError, match='none of 1') as error:
        predict(trained, f'--data_dir={folder}/broken.jpg')
    assert error.value.exit_code == 3


def test_json_lines_agree_with_evaluation(trained, capsys):
    """Probabilities are those of the evaluation graph on the same file."""
    path = next((trained / 'data' / 'bee').glob('*.jpg'))
    found = {}
    for weights in ('ema', 'raw'):
        assert predict(trained, f'--data_dir={path}', '--format=json', f'--eval_weights={weights}',
                       f'--export_dir={trained}/csv') == 0
        row = json.loads(capsys.readouterr().out)
        assert row['image'] == str(path)
        found[weights] = {best['name']: best['probability'] for best in row['top_5']}
        assert [best['name'] for best in row['top_5']] == sorted(
            found[weights], key=found[weights].get, reverse=True)
        assert all(CLASSES[best['class']] == best['name'] for best in row['top_5'])
        assert sum(found[weights].values()) == pytest.approx(1, abs=1e-5)
    assert found['ema'] != found['raw']
    with open(f'{trained}/csv/predictions.csv') as stream:
        assert [line['rank'] for line in csv.DictReader(stream)] == ['1', '2', '3']
    network = get_network('mobilenet_v1_025')
    values = program.variables(tf.train.latest_checkpoint(str(trained / 'model' / 'archive')))
    with tf.Graph().as_default(), tf.Session() as session:
        with tf.gfile.GFile(str(path), 'rb') as stream:
            pixels = session.run(tf.image.decode_jpeg(stream.read(), channels=3))
        height, width = pixels.shape[:2]
        top, left = (height - int(height * .875)) // 2, (width - int(width * .875)) // 2
        inner = pixels[top:height - top, left:width - left].astype(np.float32)
        image = tf.image.resize_bilinear(inner[None], [32, 32]) / 127.5 - 1
        logits, _ = network.build(image, num_classes=3)
        for variable in network.model_variables():
            variable.load(values[variable.op.name], session)
        expected = session.run(tf.nn.softmax(logits))[0]
    assert [found['raw'][name] for name in CLASSES] == pytest.approx(list(expected), abs=1e-4)


def test_mistakes(trained, tmp_path):
    image = next((trained / 'data' / 'ant').glob('*.jpg'))
    with pytest.raises(DataError, match='no file matches'):
        predict(trained, '--data_dir=/nowhere/*.jpg')
    with pytest.raises(flags.FlagError, match='needs --data_dir'):
        predict(trained)
    with pytest.raises(CheckpointError, match='no such folder'):
        predict(trained, f'--data_dir={image}', f'--model_dir={tmp_path}/none')
    with pytest.raises(CheckpointError, match='Use --model_name=mobilenet_v1_025'):
        predict(trained, f'--data_dir={image}', '--model_name=mobilenet_v2_035')
    shutil.copytree(str(trained / 'model' / 'archive'), str(tmp_path / 'alone'))
    with pytest.raises(CheckpointError, match='does not hold mobilenet_v2_035'):
        predict(trained, f'--data_dir={image}', '--model_name=mobilenet_v2_035',
                f'--init_checkpoint={tmp_path}/alone')


def test_checkpoint_alone_gives_numbers(trained, tmp_path, capsys):
    """Without params.json and labels.txt the number of classes is read off the checkpoint."""
    image = next((trained / 'data' / 'ant').glob('*.jpg'))
    shutil.copytree(str(trained / 'model' / 'archive'), str(tmp_path / 'alone'))
    assert predict(trained, f'--data_dir={image}', f'--init_checkpoint={tmp_path}/alone',
                   '--input_image_size=32') == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-2] == 'class'


def test_find_images(tmp_path):
    for name in ('b/2.png', 'a/1.JPEG', 'a/.hidden.jpg', '.git/3.jpg', 'a/4.txt', 'c/5.webp'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b'')

    def found(path):
        return [image[len(str(tmp_path)) + 1:] for image in find_images(path)]
    assert found(str(tmp_path)) == ['a/1.JPEG', 'b/2.png', 'c/5.webp']
    assert found(f'{tmp_path}/*/?.txt') == ['a/4.txt']
    assert found(f'{tmp_path}/**/*.png') == ['b/2.png']
    with pytest.raises(DataError, match='no image in this folder'):
        (tmp_path / 'empty').mkdir()
        found(str(tmp_path / 'empty'))


def test_any_file_name_is_written(trained, capsys):
    """Bytes that are no UTF-8, line breaks, other scripts: one line each, the bytes in the CSV."""
    folder = trained / 'names'
    jpeg(folder / 'one.jpg', 1)
    names = [b'caf\xe9.jpg', b'two\nlines.jpg', '\u732b.jpg'.encode(), b'comma,"quote".jpg']
    for name in names:
        shutil.copy(str(folder / 'one.jpg'), os.path.join(os.fsencode(str(folder)), name))
    assert predict(trained, f'--data_dir={folder}', f'--export_dir={trained}/named') == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(str(folder)) for line in lines) == 5
    assert any('two\\nlines.jpg' in line for line in lines)
    with open(str(trained / 'named' / 'predictions.csv'), newline='', encoding='utf-8',
              errors='surrogateescape') as stream:
        written = {os.path.basename(os.fsencode(row['image'])) for row in csv.DictReader(stream)}
    assert written == {b'one.jpg', *names}
    assert predict(trained, f'--data_dir={folder}', '--format=json') == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {os.path.basename(os.fsencode(row['image'])) for row in rows} == {b'one.jpg', *names}


def files_below(folder):
    """{path: (size, time of change)} of a folder."""
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob('*')}


def test_paths_from_a_pipe_pictures_and_features(trained, monkeypatch, capsys):
    """In the order of the pipe; a missing file is one warning; nothing in model_dir changes."""
    images = [next((trained / 'data' / name).glob('*.jpg')) for name in ('cat', 'ant')]
    lines = f'{images[0]}\n\n{trained}/gone.jpg\n{images[1]}\n'.encode()
    either = {'f.npz': lines, 'f.csv': lines.replace(b'\n\n', b'\n').replace(b'\n', b'\0')}
    before = files_below(trained / 'model')
    values = program.variables(tf.train.latest_checkpoint(str(trained / 'model' / 'archive')))
    out = trained / 'piped'
    for name in ('f.npz', 'f.csv'):
        monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(either[name])))
        assert predict(trained, '--data_dir=-', '--format=json', '--eval_weights=raw',
                       f'--export_dir={out}', f'--save_features={out}/more/{name}') == 0
        captured = capsys.readouterr()
        rows = [json.loads(line) for line in captured.out.splitlines()]
        assert [row['image'] for row in rows] == [str(image) for image in images]
        assert 'gone.jpg skipped' in captured.err and '1 of 3 files' in captured.err
    assert files_below(trained / 'model') == before
    found = np.load(str(out / 'more' / 'f.npz'))
    assert list(found['images']) == [str(image) for image in images]
    with open(str(out / 'more' / 'f.csv'), newline='') as stream:
        table = list(csv.reader(stream))
    np.testing.assert_allclose(np.array([row[1:] for row in table[1:]], float),
                               found['features'], rtol=1e-5)
    scope = 'MobilenetV1/Logits/Conv2d_1c_1x1/'
    logits = found['features'] @ values[scope + 'weights'][0, 0] + values[scope + 'biases']
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for row, expected in zip(rows, odds):
        for best in row['top_5']:
            assert best['probability'] == pytest.approx(expected[best['class']], abs=1e-4)
    from PIL import Image
    with Image.open(str(out / 'predictions.png')) as picture:
        assert picture.width == 2 * 130 + 10 and len(set(picture.convert('L').getdata())) > 20


def test_mistakes_of_a_pipe_and_of_features(trained, monkeypatch):
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(b'\n')))
    with pytest.raises(DataError, match='no path on the standard input'):
        predict(trained, '--data_dir=-')
    image = next((trained / 'data' / 'cat').glob('*.jpg')).read_bytes()
    monkeypatch.setattr(sys, 'stdin', io.TextIOWrapper(io.BytesIO(image)))
    with pytest.raises(DataError, match='the standard input is an image'):
        predict(trained, '--data_dir=-')
    with pytest.raises(flags.FlagError, match='.npz or .csv'):
        predict(trained, f'--data_dir={trained}/data', '--save_features=x.txt')
