"""What the originals' export scripts share: a TFLite file at the path they were given."""

import os
import shutil

# Format: how the name of its file ends.
ENDS = {'tflite': '.tflite', 'tflite_dynamic': '_postquant.tflite', 'tflite_int8': '_int8.tflite'}


def tflite(given, defaults, start, target, form, folder=None):
    """Runs --mode=export, then puts its TFLite file at `target`; returns the exit code.

    given, defaults, start: see entry.run; form: a key of ENDS; folder: of the other files,
    default the target's own.
    """
    folder = folder or os.path.dirname(target) or '.'
    code = start(given, dict(defaults, export_dir=folder, export_formats=f'savedmodel,{form}'))
    if code == 0:
        name = given.get('model_name') or defaults['model_name']
        written = os.path.join(folder, name + ENDS[form])
        if os.path.abspath(written) != os.path.abspath(target):
            shutil.copyfile(written, target)
    return code
