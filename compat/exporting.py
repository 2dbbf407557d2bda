"""What the originals' export scripts share: a TFLite file at the path they were given."""

import os
import shutil


def tflite(given, defaults, start, target, small, folder=None):
    """Runs --mode=export, then puts its TFLite file at `target`; returns the exit code.

    given, defaults, start: see entry.run; small: whether the weights have 8 bits; folder: of the
    other files, default the target's own.
    """
    folder = folder or os.path.dirname(target) or '.'
    code = start(given, dict(defaults, export_dir=folder, post_quantize=small))
    if code == 0:
        name = given.get('model_name', defaults['model_name'])
        written = os.path.join(folder, name + ('_postquant' if small else '') + '.tflite')
        if os.path.abspath(written) != os.path.abspath(target):
            shutil.copyfile(written, target)
    return code
