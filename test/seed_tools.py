"""Runs the originals' own command lines: on data of the tests, shortened in steps and sizes."""

import os
import runpy
import shlex

import numpy as np
import program
from PIL import Image

from input.sources import digits

COMPAT = os.path.join(program.ROOT, 'compat')
# What makes a run short.
SHORT = ['--input_image_size=32', '--save_summary_steps=0', '--train_steps=2',
         '--train_batch_size=4', '--eval_batch_size=50', '--log_step_count_steps=1']
SMALL = SHORT + ['--model_name=mobilenet_v1_025', '--recipe=slim']


def make_world(root):
    """The READMEs' data sets in a folder: TFRecords and class folders; the path of the records."""
    for folder, evaluation in (('ImageNet', 'val'), ('ImageNet_Original', 'validation_preprocess')):
        for split in ('train', evaluation):
            for index, name in enumerate(('n01', 'n02')):
                where = root / folder / split / name
                os.makedirs(str(where))
                for number in range(8):
                    image = np.full([40, 40, 3], 80 * index + number, np.uint8)
                    Image.fromarray(image).save(str(where / f'{number}.JPEG'))
    return digits.prepare(str(root / 'ILSVRC2012'))


def run(script, words, extra=()):
    """Runs a Python entry point in this process; returns its exit code."""
    functions = runpy.run_path(os.path.join(COMPAT, script))
    return functions['run']([script] + shlex.split(words) + list(extra))


def bash(script, words, extra=(), **keywords):
    return program.command('bash', os.path.join(COMPAT, script), *shlex.split(words), *extra,
                           **keywords)
