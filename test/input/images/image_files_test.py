"""What is an image, what is refused, which way is up: the same everywhere (docs/images.md)."""

import io
import os
import re
import socket
import struct
import threading
import time
import zlib

import image_tools as tools
import input_params
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from common.errors import DataError
from input import Inputs, Serving, preprocessing
from input.images import checks, formats, jpeg
from input.serving import find_images

ROOT = program.ROOT
ORIENTATION = 0x0112
# A picture whose corners tell which way is up: red, green, blue, white; 16 high, 24 wide.
CORNERS = np.zeros((16, 24, 3), np.uint8)
CORNERS[:8, :12], CORNERS[:8, 12:], CORNERS[8:, :12], CORNERS[8:, 12:] = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def file_of(kind, image=None, **options):
    """Bytes of an image of the corners."""
    out = io.BytesIO()
    (image or Image.fromarray(CORNERS)).save(out, kind, **options)
    return out.getvalue()


def sixteen_bit_png(color, channels):
    """A 16-bit PNG of the corners (Pillow writes none in colour)."""
    pixels = CORNERS if channels == 3 else CORNERS.mean(2, keepdims=True)
    rows = b''.join(b'\0' + (row.astype('>u2') * 257).astype('>u2').tobytes() for row in pixels)
    height, width = pixels.shape[:2]
    parts = ((b'IHDR', struct.pack('>IIBBBBB', width, height, 16, color, 0, 0, 0)),
             (b'IDAT', zlib.compress(rows)), (b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
        for name, data in parts)


def bomb(side):
    """A PNG of a few kB whose header promises side x side pixels."""
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack(
            '>I', zlib.crc32(name + data))
    header = struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(bytes(100000))) + chunk(b'IEND', b''))


def turned(orientation):
    """JPEG whose stored pixels are turned so that EXIF brings the corners upright."""
    back = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM,
            5: Image.TRANSPOSE, 6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}
    image = Image.fromarray(CORNERS)
    image = image if back[orientation] is None else image.transpose(back[orientation])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return file_of('JPEG', image, exif=exif.tobytes(), quality=95, subsampling=0)


FILES = {
    'JPEG': (file_of('JPEG', quality=95), 'a.jpg'),
    'JPEG, CMYK': (file_of('JPEG', Image.fromarray(CORNERS).convert('CMYK'), quality=95), 'a.jpeg'),
    'JPEG, EXIF': (turned(6), 'a.JPG'),
    'PNG': (file_of('PNG'), 'a.png'),
    'PNG, 16 bit': (sixteen_bit_png(2, 3), 'a.png'),
    'GIF': (file_of('GIF'), 'a.gif'),
    'BMP': (file_of('BMP'), 'a.bmp'),
    'WebP': (file_of('WEBP', lossless=True), 'a.webp'),
    'TIFF': (file_of('TIFF'), 'a.tif'),
    'PPM, PGM, PBM': (file_of('PPM'), 'a.ppm'),
}


@pytest.fixture(scope='module')
def decoder():
    """function(encoded) -> pixels, as the graphs of this project decode."""
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = tf.placeholder(tf.string, [])
        pixels = preprocessing.decode.EncodedImage(encoded).whole()
        yield lambda data: session.run(pixels, {encoded: data})


def close(pixels, expected=CORNERS):
    return pixels.shape == expected.shape and np.abs(
        pixels.astype(int) - expected)[[2, 2, -3, -3], [2, -3, 2, -3]].max() < 12


@pytest.mark.parametrize('name', sorted(FILES))
def test_converter_folder_and_predict_see_the_same_picture(name, decoder, tmp_path):
    data, file = FILES[name]
    for folder in ('one', 'two'):
        tools.put(tmp_path / 'in' / folder / file, data)
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 0
    stored = tools.examples(tmp_path / 'out')[0]['image/encoded'][0]
    assert close(decoder(stored))
    assert close(decoder(checks.readable(data)))
    serving = Serving(input_params.make(), 'cifar', 16, 10)
    assert find_images(str(tmp_path / 'in' / 'one')) == [str(tmp_path / 'in' / 'one' / file)]
    assert close(decoder(serving.read(str(tmp_path / 'in' / 'one' / file))))


def test_predict_takes_only_so_many(tmp_path):
    for name in ('a.png', 'b.png', 'c.png'):
        tools.put(tmp_path / name, input_params.jpeg(1, image_format='PNG'))

    def taken(**values):
        serving = Serving(input_params.make(data_dir=str(tmp_path), **values), 'cifar', 16, 10)
        return [os.path.basename(path) for path in serving.images()]
    assert taken() == ['a.png', 'b.png', 'c.png'] and taken(num_eval_images=2) == ['a.png', 'b.png']


def test_folder_trains_on_every_format(tmp_path):
    for index, name in enumerate(sorted(FILES)):
        data, file = FILES[name]
        for folder in ('one', 'two'):
            tools.put(tmp_path / folder / f'{index}-{file}', data)
    inputs = Inputs(input_params.make(data_dir=str(tmp_path), dataset='folder', holdout=0,
                                      mode='train'), 'cifar', 16, 10)
    assert inputs.num_train_images == 2 * len(FILES)
    (images, _), = input_params.run(inputs.train_input_fn(2 * len(FILES)), 1)
    assert images['image'].shape == (2 * len(FILES), 16, 16, 3)


@pytest.mark.parametrize('name', sorted(FILES))
def test_table_of_the_docs(name):
    """docs/images.md has a row for each kind that says what happens with a real file of it."""
    with open(os.path.join(ROOT, 'docs', 'images.md'), encoding='utf-8') as stream:
        rows = [[cell.strip() for cell in line.strip().strip('|').split('|')]
                for line in stream if line.startswith('|')]
    row = next(cells for cells in rows if cells[0] == name)
    checked = checks.check(FILES[name][0])
    assert row[2] == (formats.COPIED if checked.change is None else formats.REENCODED)
    with tf.Graph().as_default(), tf.Session() as session:
        serving = Serving(input_params.make(), 'cifar', 16, 10)
        encoded = tf.placeholder(tf.string, [])
        image = serving.preprocess_for_serving(encoded)
        try:
            session.run(image, {encoded: FILES[name][0]})
            exported = 'yes'
        except tf.errors.InvalidArgumentError:
            exported = 'refused'
    assert row[4] == exported


def test_table_names_every_extension():
    with open(os.path.join(ROOT, 'docs', 'images.md'), encoding='utf-8') as stream:
        text = stream.read()
    assert set(re.findall(r'`(\.\w+)`', text)) == set(formats.EXTENSIONS)
    assert f'{formats.MAX_PIXELS:,}' in text
    for row in formats.FORMATS:
        assert f'| {row.name} |' in text


@pytest.mark.parametrize('orientation', range(1, 9))
def test_the_exported_graph_turns_as_the_converter_does(orientation):
    data = turned(orientation)
    assert jpeg.facts_of(data).orientation == orientation
    checked = checks.check(data)
    assert checked.change == (None if orientation == 1 else 'rotated JPEG')
    with tf.Graph().as_default(), tf.Session() as session:
        from input.images import orientation as module
        image = module.UprightImage(tf.constant(data))
        whole, part, shape = session.run(
            [image.whole(), image.window([4, 8, 10, 14]), (image.height, image.width)])
    assert close(whole) and shape == (16, 24)
    assert np.abs(whole[4:14, 8:22].astype(int) - part).max() <= 1
    assert (checked.height, checked.width) == (16, 24)
    as_stored = checks.check(data, rules=checks.Rules(10**6, upright=False))
    assert as_stored.encoded is data


def test_imagenet_keeps_its_bytes_by_default(tmp_path):
    for synset in ('n01440764', 'n01443537'):
        tools.put(tmp_path / 'in' / 'train' / synset / 'a.JPEG', turned(6))
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 0
    assert tools.examples(tmp_path / 'out')[0]['image/encoded'] == [turned(6)]
    assert tools.convert(tmp_path / 'in', tmp_path / 'other', '--exif=apply') == 0
    assert tools.examples(tmp_path / 'other')[0]['image/encoded'] != [turned(6)]


@pytest.mark.parametrize('side', [12000, 30000])
def test_bombs_are_refused_by_their_header(side, tmp_path, capsys):
    for folder in ('one', 'two'):
        tools.put(tmp_path / 'in' / folder / 'a.png', bomb(side))
    start = time.process_time()
    assert tools.convert(tmp_path / 'in', tmp_path / 'out') == 3
    assert f'--max_pixels={side * side}' in capsys.readouterr().err
    serving = Serving(input_params.make(), 'cifar', 16, 10)
    with pytest.raises(DataError, match='too many pixels'):
        serving.read(str(tmp_path / 'in' / 'one' / 'a.png'))
    with pytest.raises(DataError, match='too many pixels'):
        inputs = Inputs(input_params.make(data_dir=str(tmp_path / 'in'), dataset='folder',
                                          holdout=0, mode='train'), 'cifar', 16, 10)
        inputs.train_input_fn(2)
    assert time.process_time() - start < 10


def test_the_limit_can_be_raised_and_lowered(tmp_path):
    data = file_of('PNG')
    assert checks.check(data, rules=checks.Rules(16 * 24, True))
    with pytest.raises(checks.BadImage, match='24 x 16'):
        checks.check(data, rules=checks.Rules(16 * 24 - 1, True))
    with pytest.raises(checks.BadImage, match='24 x 16'):
        checks.check(file_of('JPEG'), rules=checks.Rules(16 * 24 - 1, True))


def odd_files(folder):
    """{name: function that makes it}: what blocks or never ends when it is read."""
    def make_socket():
        here = os.getcwd()
        os.chdir(folder)        # the path of a socket is short
        try:
            socket.socket(socket.AF_UNIX).bind('s.jpg')
        finally:
            os.chdir(here)
    return {'f.jpg': lambda: os.mkfifo(os.path.join(folder, 'f.jpg')), 's.jpg': make_socket,
            'z.jpg': lambda: os.symlink('/dev/zero', os.path.join(folder, 'z.jpg')),
            'l.jpg': lambda: os.symlink('l.jpg', os.path.join(folder, 'l.jpg'))}


def within(seconds, function):
    """The DataError of a function; fails when it hangs."""
    found = []

    def call():
        try:
            found.append(function())
        except DataError as error:
            found.append(error)
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found and isinstance(found[0], DataError), found
    return found[0]


@pytest.mark.parametrize('name', ['f.jpg', 's.jpg', 'z.jpg', 'l.jpg'])
def test_what_is_no_file_is_refused_at_once(name, tmp_path):
    root = tools.tree(tmp_path / 'in', images=3)
    odd_files(os.path.join(root, 'cat'))[name]()
    path = os.path.join(root, 'cat', name)
    params = input_params.make(data_dir=root, dataset='folder', mode='train')
    from input.convert.conversion import Options, convert
    for function in (lambda: convert(Options(root, str(tmp_path / 'out'), workers=1)),
                     lambda: Inputs(params, 'cifar', 16, 10),
                     lambda: find_images(path),
                     lambda: Serving(params, 'cifar', 16, 10).read(path)):
        assert path in str(within(10, function))


@pytest.mark.parametrize('name', ['f.jpg', 'z.jpg', 'l.jpg'])
def test_odd_shards_are_refused_at_once(name, tmp_path):
    from input.convert.verify import verify
    folder = str(tmp_path)
    input_params.shards(tmp_path, 'train', [6])
    odd_files(folder)[name]()
    shard = os.path.join(folder, 'train-00001-of-00002')
    os.rename(os.path.join(folder, name), shard)
    if name == 'l.jpg':
        os.remove(shard)
        os.symlink('train-00001-of-00002', shard)
    params = input_params.make(data_dir=folder, mode='train')
    assert shard in str(within(10, lambda: Inputs(params, 'cifar', 16, 10)))
    assert shard in str(within(10, lambda: verify(folder, 1, lambda line: None)))
    os.rename(shard, os.path.join(folder, 'dataset.json'))
    if name != 'l.jpg':
        assert 'dataset.json' in str(within(10, lambda: Inputs(params, 'cifar', 16, 10)))


def test_structure_finds_what_decoding_finds():
    """Damaged files: the look at the structure accepts none that a complete decoding refuses."""
    random = np.random.RandomState(0)
    good = [file_of('JPEG'), file_of('JPEG', progressive=True), tools.encoded(mode='L'),
            tools.encoded(quality=60)]
    accepted = 0
    for _ in range(600):
        data = bytearray(good[random.randint(len(good))])
        where = random.randint(2, len(data), random.randint(1, 4))
        kind = random.randint(3)
        if kind == 0:
            for at in where:
                data[at] = random.randint(256)
        elif kind == 1:
            data = data[:where[0]] + b'\xff\xd9' * random.randint(2)
        else:
            data[min(where):max(where)] = b''
        if jpeg.facts_of(bytes(data)):
            accepted += 1
            image = Image.open(io.BytesIO(bytes(data)))
            image.load()
    assert 100 < accepted < 500
    assert all(jpeg.facts_of(data) for data in good)


def test_what_may_stand_among_coded_bytes():
    data = tools.encoded(mode='L')
    scan = data.index(b'\xff\xda') + 10
    for inside in (b'\xff\x00', b'\xff\xd0', b'\xff\xd7\xff\xd0', b'\xff\xff\xff\x00'):
        assert jpeg.facts_of(data[:scan + 9] + inside + data[scan + 9:])
        assert jpeg.facts_of(data[:-2] + inside + b'\xff\xff\xd9 and more')
        assert not jpeg.facts_of(data[:-2] + inside)
    for ends in (b'\xff\x01', b'\xff\xcf', b'\xff\xd8', b'\xff\xfe', b'\xff\xff\xda'):
        assert not jpeg.facts_of(data[:scan + 9] + ends + data[scan + 9:])
        assert not jpeg.facts_of(data[:scan + 9] + b'\xff\xd0' + ends + data[scan + 9:])
