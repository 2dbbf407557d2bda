"""TFLite files of a graph."""

import contextlib
import os
import re
import sys
import tempfile

import tensorflow.compat.v1 as tf

from common.console import quiet
from common.errors import FlagError, ProgramError
from estimator.modes.exports import graphs


def require_sixteen_bits():
    """FlagError where the converter has no 16-bit activations: in TensorFlow 1.15."""
    if _sixteen_bits() is None:
        raise FlagError('--export_formats=tflite_int16 needs the converter of TensorFlow 2, and '
                        f'this is {tf.version.VERSION}. pip install -r requirements-tf2.txt in an '
                        'environment of its own reads the same checkpoints.')


def _sixteen_bits():
    return getattr(tf.lite.OpsSet,
                   'EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8', None)


def convert(definition, calibration=None, weights=None, activations=8):
    """Bytes of the TFLite model of a frozen graph.

    Args:
        definition: GraphDef, see graphs.frozen, with a batch of 1.
        calibration: images float32 [size, size, 3] whose activations give the ranges of integer
            ones: the result is integers throughout, its weights of 8 bits. None: floats.
        weights: 'int8' stores them in 8 bits and computes with floats where no kernel of TFLite
            does otherwise ("dynamic range"); 'float16' in 16.
        activations: bits of integer ones: 8, with uint8 in and out, or 16, with floats there.

    Raises:
        ProgramError: TFLite cannot express the network.
    """
    # TensorFlow 1.15 calls the program toco_from_protos, which pip puts beside the interpreter.
    beside = os.path.dirname(sys.executable)
    if beside not in os.environ.get('PATH', '').split(os.pathsep):
        os.environ['PATH'] = beside + os.pathsep + os.environ.get('PATH', '')
    with tf.Graph().as_default() as graph, tf.Session() as session, quiet(), _temporary_folder():
        tf.import_graph_def(definition, name='')
        converter = tf.lite.TFLiteConverter.from_session(
            session, *[[graph.get_tensor_by_name(f'{name}:0')]
                       for name in (graphs.IMAGES, graphs.LOGITS)])
        if weights or calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == 'float16':
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None:
            converter.representative_dataset = lambda: ([image[None]] for image in calibration)
            eight = activations == 8
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS_INT8 if eight else _sixteen_bits()]
            if eight:
                converter.inference_input_type = converter.inference_output_type = tf.uint8
        try:
            return converter.convert()
        except Exception as error:  # pylint: disable=broad-except
            raise ProgramError(f'TensorFlow {tf.version.VERSION} cannot convert this network to '
                               f'TFLite: {_reason(str(error)) or type(error).__name__}')


@contextlib.contextmanager
def _temporary_folder():
    """One for this conversion alone: TensorFlow 1.15's converter leaves a file behind."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _reason(text):
    """The operations TFLite does not know, or the last line of the converter's complaint."""
    found = re.search(r'custom implementations: ([\w, ]+)', text)
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ['']
    return f'it has no {found.group(1)}' if found else lines[-1][:300]
