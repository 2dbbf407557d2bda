"""The kinds of files --export_formats names: how each is written and how far it may differ."""

import collections

from estimator.modes.exports import graphs, onnx_file, tflite
from estimator.modes.exports.parity import FLOAT, HALF, INTEGER, INTEGER_16, QUANTISED

Format = collections.namedtuple(
    'Format', 'name file write allowed calibrated', defaults=[FLOAT, False])
Format.__doc__ = """name: a word of --export_formats; file: its name, {} for the network's;
write: function (path, Material); allowed: parity.Allowed; calibrated: whether it needs images.
"""


class Material:
    """What files are made of; each part is made once, when it is first needed.

    Args: a trained_network.Trained, an input.Serving and calibration, a list of images float32
    [size, size, 3] for the file in integers, or None.
    """

    def __init__(self, trained, serving, calibration):
        self.trained, self.serving, self.calibration = trained, serving, calibration
        self._graphs = {}

    def graph(self, batch):
        """graphs.frozen of the network; TFLite wants a batch of 1, to know every shape."""
        if batch not in self._graphs:
            self._graphs[batch] = graphs.frozen(self.trained, batch)
        return self._graphs[batch]


def _write(path, content):
    with open(path, 'wb') as stream:
        stream.write(content)


def _saved_model(path, material):
    graphs.write_saved_model(path, material.trained, material.serving)


def _frozen(path, material):
    _write(path, material.graph(None).SerializeToString())


def _tflite(**options):
    return lambda path, material: _write(path, tflite.convert(material.graph(1), **options))


def _integers(bits):
    return lambda path, material: _write(path, tflite.convert(
        material.graph(1), calibration=material.calibration, activations=bits))


def _onnx(path, material):
    _write(path, onnx_file.convert(material.graph(None)))


FORMATS = {row.name: row for row in (
    Format('savedmodel', 'saved_model', _saved_model),
    Format('frozen_pb', '{}.pb', _frozen),
    Format('tflite', '{}.tflite', _tflite()),
    Format('tflite_dynamic', '{}_postquant.tflite', _tflite(weights='int8'), QUANTISED),
    Format('tflite_fp16', '{}_fp16.tflite', _tflite(weights='float16'), HALF),
    Format('tflite_int8', '{}_int8.tflite', _integers(8), INTEGER, True),
    Format('tflite_int16', '{}_int16.tflite', _integers(16), INTEGER_16, True),
    Format('onnx', '{}.onnx', _onnx))}


def chosen(params):
    """The Formats of --export_formats, each once; FlagError when a tool for one is missing."""
    names = params.export_formats or ('savedmodel', 'frozen_pb', 'tflite') + (
        ('tflite_dynamic',) if params.post_quantize else ())
    if 'onnx' in names:
        onnx_file.require('--export_formats=onnx', 'onnx', 'tf2onnx', 'onnxruntime')
    if 'tflite_int16' in names:
        tflite.require_sixteen_bits()
    return [row for name, row in FORMATS.items() if name in names]


def calibrated(rows):
    """Whether one of the Formats needs images to calibrate with."""
    return any(row.calibrated for row in rows)
