"""What the converter does with good, odd and bad image files."""

import io
import os
import subprocess
import sys

import image_tools as tools
import numpy as np
import program
import pytest
from PIL import Image, features

from input.images import checks
from input.records import dataset_json

GOOD = tools.encoded(quality=95)
ROOT = program.ROOT
SLIM_KEYS = {'image/height', 'image/width', 'image/colorspace', 'image/channels',
             'image/class/label', 'image/class/synset', 'image/class/text', 'image/format',
             'image/filename', 'image/encoded'}


@pytest.mark.parametrize('data', [
    GOOD, tools.encoded(mode='L'), tools.encoded(progressive=True), GOOD + b'\0' * 9],
    ids=['rgb', 'gray', 'progressive', 'trailing bytes'])
def test_good_jpeg_is_untouched(data):
    checked = checks.check(data)
    assert checked.encoded is data and checked.change is None
    assert (checked.format, checked.height, checked.width) == ('JPEG', 48, 64)


@pytest.mark.parametrize('kind, mode', [
    ('PNG', 'RGB'), ('PNG', 'RGBA'), ('PNG', 'P'), ('PNG', 'L'), ('PNG', '1'), ('GIF', 'P'),
    ('BMP', 'RGB'), ('TIFF', 'RGB'), ('WEBP', 'RGB'), ('JPEG', 'CMYK')])
def test_other_formats_are_reencoded(kind, mode):
    if kind == 'WEBP' and not features.check('webp'):
        pytest.skip('this PIL has no WebP')
    checked = checks.check(tools.encoded(kind, mode))
    assert checked.change == ('CMYK JPEG' if mode == 'CMYK' else kind)
    image = Image.open(io.BytesIO(checked.encoded))
    assert image.format == 'JPEG' and image.mode in ('RGB', 'L') and image.size == (64, 48)
    if kind in ('PNG', 'BMP', 'TIFF') and mode in ('RGB', 'RGBA'):
        error = np.asarray(image, np.float32) - tools.pixels()
        assert np.abs(error).mean() < 1.0    # quality 100, no chroma subsampling


def test_sixteen_bit_gray_keeps_its_range():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (8, 1))
    out = io.BytesIO()
    Image.fromarray(ramp.astype(np.int32), 'I').save(out, 'PNG')
    image = np.asarray(Image.open(io.BytesIO(checks.check(out.getvalue()).encoded)))
    assert np.abs(image.astype(int) - ramp // 256).max() <= 3


@pytest.mark.parametrize('data, reason', [
    (b'', 'empty file'), (b'just text', 'not an image'), (GOOD[:-2], 'truncated'),
    (GOOD[:-40], 'truncated'), (GOOD[:len(GOOD) // 2], 'truncated'), (GOOD[:8], 'truncated'),
    (GOOD[:-40] + bytes(40), 'truncated'), (tools.encoded('PNG')[:-300], 'truncated')],
    ids=['empty', 'text', 'no end', 'short', 'half', 'header', 'zeros at the end', 'png'])
def test_bad_bytes_give_a_reason(data, reason):
    with pytest.raises(checks.BadImage) as error:
        checks.check(data)
    assert str(error.value) == reason


def test_every_truncation_is_found():
    for data in (GOOD, tools.encoded(progressive=True), tools.encoded(mode='L')):
        for size in range(1, len(data), 7):
            with pytest.raises(checks.BadImage):
                checks.check(data[:size])


def test_salvage_keeps_the_upper_part():
    checked = checks.check(GOOD[:len(GOOD) * 3 // 4], salvage=True)
    assert checked.change == 'truncated JPEG'
    image = np.asarray(Image.open(io.BytesIO(checked.encoded)), np.float32)
    assert np.abs(image[:8] - tools.pixels()[:8]).mean() < 6
    with pytest.raises(checks.BadImage):
        checks.check(b'text', salvage=True)


@pytest.fixture
def mixed(tmp_path):
    """A tree with one image of every kind, good and bad."""
    root = tools.tree(tmp_path / 'in')
    tools.put(f'{root}/cat/cmyk.jpg', tools.encoded(mode='CMYK'))
    tools.put(f'{root}/cat/gray.jpg', tools.encoded(mode='L'))
    tools.put(f'{root}/dog/really_png.JPEG', tools.encoded('PNG'))
    tools.put(f'{root}/dog/cut.jpg', GOOD[:len(GOOD) * 3 // 4])
    tools.put(f'{root}/dog/empty.jpg', b'')
    tools.put(f'{root}/dog/notes.jpg', b'these are notes')
    tools.put(f'{root}/dog/.DS_Store', b'x')
    tools.put(f'{root}/cat/Thumbs.db', b'x')
    os.symlink('nowhere.jpg', f'{root}/cat/broken_link.jpg')
    return root


def test_fail_names_the_file_and_publishes_nothing(mixed, tmp_path, capsys):
    assert tools.convert(mixed, tmp_path / 'out') == 3
    error = capsys.readouterr().err
    assert any(f'{mixed}/{name}: {reason}' in error for name, reason in (
        ('dog/cut.jpg', 'truncated'), ('dog/empty.jpg', 'empty file'),
        ('dog/notes.jpg', 'not an image'), ('cat/broken_link.jpg', 'cannot be read')))
    assert '--on_bad_image=skip' in error
    assert os.listdir(str(tmp_path / 'out')) == ['.partial']


def test_skip_counts_by_reason_then_verifies(mixed, tmp_path, capsys):
    out = tmp_path / 'out'
    assert tools.convert(mixed, out, '--on_bad_image=skip', '--shards=3') == 0
    said = capsys.readouterr().out
    for text in ('1 truncated', '1 empty file', '1 not an image', '1 CMYK JPEG', '1 PNG',
                 'ignored: 2 hidden', 'cat 8, dog 7'):
        assert text in said
    rows = tools.examples(out)
    assert len(rows) == 15 and all(set(row) == SLIM_KEYS for row in rows)
    assert tools.run('--verify', out) == 0
    gray = tools.by_name(out)['gray.jpg']
    assert gray['image/encoded'] == [tools.encoded(mode='L')]
    assert (gray['image/class/synset'], gray['image/height']) == ([b'cat'], [48])


def test_reencode_salvages_what_is_truncated(mixed, tmp_path, capsys):
    out = tmp_path / 'out'
    assert tools.convert(mixed, out, '--on_bad_image=reencode') == 0
    said = capsys.readouterr().out
    assert '1 truncated JPEG' in said and '1 empty file' in said and '1 not an image' in said
    assert len(tools.examples(out)) == 16
    assert dataset_json.read(str(out))['splits']['train']['num_examples'] == 16


def test_the_graph_decodes_what_was_written(mixed, tmp_path):
    import tensorflow.compat.v1 as tf
    out = tmp_path / 'out'
    assert tools.convert(mixed, out, '--on_bad_image=reencode') == 0
    with tf.Graph().as_default(), tf.Session() as session:
        data = tf.placeholder(tf.string, [])
        image = tf.image.decode_jpeg(data, channels=3)
        for row in tools.examples(out):
            shape = session.run(image, {data: row['image/encoded'][0]}).shape
            assert shape == (row['image/height'][0], row['image/width'][0], 3)


@pytest.mark.parametrize('arguments, code, text', [
    (['--input_dr=x', '--output_dir=y'], 2, '--input_dir'),
    (['--input_dir=x'], 2, '--output_dir=DIR is needed'),
    (['--input_dir=x', '--output_dir=y', '--on_bad_image=ignore'], 2, 'reencode'),
    (['--input_dir=/nonexistent', '--output_dir=y'], 3, '/nonexistent is missing'),
    (['--verify', '/nonexistent'], 3, 'no folder')])
def test_exit_codes(arguments, code, text, capsys):
    assert tools.run(*arguments) == code
    assert text in capsys.readouterr().err


def test_command_line_with_odd_names_and_two_processes(tmp_path):
    root = tools.tree(tmp_path / 'ein Ordner', ('grüße & küsse', '狗'), images=3)
    out = str(tmp_path / 'das Ziel')
    command = [sys.executable, os.path.join(ROOT, 'convert_tfrecord.py'), '--workers=2',
               f'--input_dir={root}', f'--output_dir={out}', '--shards=2',
               '--holdout=0']
    for expected in ('6 images in 2 shards', 'nothing to do'):
        done = subprocess.run(command, stdout=subprocess.PIPE, cwd=str(tmp_path), check=True)
        assert expected in done.stdout.decode()
    assert dataset_json.read(out)['class_names'] == ['grüße & küsse', '狗']
    with open(os.path.join(out, 'labels.txt'), encoding='utf-8') as stream:
        assert stream.read() == '0:grüße & küsse\n1:狗\n'
