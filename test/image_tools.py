"""Small image files of many kinds for the conversion tests, and a way to read records back."""

import glob
import io
import os

import numpy as np
from PIL import Image

import convert_tfrecord
from input.records import example, tfrecord


def pixels(seed=0, height=48, width=64):
    """Smooth uint8 [height, width, 3], different for each seed."""
    coarse = np.random.RandomState(seed).randint(0, 256, (4, 5, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC))


def encoded(kind='JPEG', mode='RGB', seed=0, **options):
    """Bytes of an image file."""
    out = io.BytesIO()
    Image.fromarray(pixels(seed)).convert(mode).save(out, kind, **options)
    return out.getvalue()


def put(path, data):
    """Writes bytes, making folders."""
    os.makedirs(os.path.dirname(str(path)), exist_ok=True)
    with open(str(path), 'wb') as stream:
        stream.write(data)
    return str(path)


def tree(root, classes=('cat', 'dog'), images=6):
    """A class-per-folder tree of good JPEG files."""
    for label, name in enumerate(classes):
        for index in range(images):
            put(os.path.join(str(root), name, f'{index}.jpg'), encoded(seed=100 * label + index))
    return str(root)


def run(*arguments):
    """Exit code of the command, run in this process."""
    try:
        return convert_tfrecord.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def convert(source, target, *more):
    """Exit code of a conversion in one process, without a holdout unless `more` asks for one."""
    return run(f'--input_dir={source}', f'--output_dir={target}', '--workers=1', '--holdout=0',
               *more)


def examples(folder, split='train'):
    """Decoded examples of a split in file order."""
    return [example.decode_example(payload)
            for path in sorted(glob.glob(os.path.join(str(folder), f'{split}-*')))
            for _, payload in tfrecord.read_records(path)]


def by_name(folder, split='train'):
    """{file name: example}."""
    return {row['image/filename'][0].decode(): row for row in examples(folder, split)}
