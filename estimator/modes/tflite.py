"""TFLite files of a graph, and running them."""

import contextlib
import os
import re
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import ProgramError


def convert(definition, images, logits, quantize):
    """Bytes of the TFLite model of a frozen graph.

    definition: GraphDef; images, logits: names of its tensors; quantize: 8-bit weights with float
    arithmetic where a kernel exists ("dynamic range").
    """
    # TensorFlow 1.15 calls the program toco_from_protos, which pip puts beside the interpreter.
    beside = os.path.dirname(sys.executable)
    if beside not in os.environ.get('PATH', '').split(os.pathsep):
        os.environ['PATH'] = beside + os.pathsep + os.environ.get('PATH', '')
    with tf.Graph().as_default() as graph, tf.Session() as session, quiet():
        tf.import_graph_def(definition, name='')
        converter = tf.lite.TFLiteConverter.from_session(
            session, *[[graph.get_tensor_by_name(name)] for name in (images, logits)])
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if quantize else []
        try:
            return converter.convert()
        except Exception as error:  # pylint: disable=broad-except
            raise ProgramError(f'TensorFlow {tf.version.VERSION} cannot convert this network to '
                                 f'TFLite: {_reason(str(error)) or type(error).__name__}')


def _reason(text):
    """The operations TFLite does not know, or the last line of the converter's complaint."""
    found = re.search(r'custom implementations: ([\w, ]+)', text)
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ['']
    return f'it has no {found.group(1)}' if found else lines[-1][:300]


@contextlib.contextmanager
def quiet():
    """Keeps what the converter's C++ prints about a success off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, 'w') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Model:
    """A TFLite file that can be run; batch 1."""

    def __init__(self, path):
        with quiet():
            self._interpreter = tf.lite.Interpreter(model_path=path)
            self._interpreter.allocate_tensors()
        self.input, = self._interpreter.get_input_details()
        self.output, = self._interpreter.get_output_details()

    def __call__(self, image):
        """float32 [size, size, 3] -> float32 [classes]."""
        self._interpreter.set_tensor(self.input['index'], np.array(image[np.newaxis], np.float32))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self.output['index'])[0]
