"""ONNX files of a graph, by tf2onnx; an optional tool (requirements-export.txt)."""

import contextlib
import importlib
import io
import logging

from common.errors import FlagError, ProgramError
from estimator.modes.exports import graphs

OPSET = 13
INSTALL = 'pip install -r requirements-export.txt'


def require(purpose, *modules):
    """Imports optional modules; FlagError that says what to install when one is missing."""
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise FlagError(f'{purpose} needs {name}, which is not installed here ({error}). '
                            f'Type: {INSTALL}')


def convert(definition):
    """Bytes of the ONNX model of a frozen graph with any batch; its inputs stay NHWC.

    Raises:
        ProgramError: tf2onnx cannot express the network.
    """
    import tf2onnx
    logging.getLogger('tf2onnx').setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            model, _ = tf2onnx.convert.from_graph_def(
                definition, input_names=[f'{graphs.IMAGES}:0'],
                output_names=[f'{name}:0' for name in (graphs.LOGITS, graphs.PROBABILITIES)],
                opset=OPSET)
    except Exception as error:  # pylint: disable=broad-except
        lines = str(error).splitlines() or [type(error).__name__]
        raise ProgramError(f'tf2onnx {tf2onnx.__version__} cannot convert this network: '
                           f'{lines[0][:300]}')
    names = {f'{graphs.IMAGES}:0': graphs.IMAGES, f'{graphs.LOGITS}:0': graphs.LOGITS,
             f'{graphs.PROBABILITIES}:0': 'probabilities'}
    for node in model.graph.node:
        for ends in node.input, node.output:
            ends[:] = [names.get(name, name) for name in ends]
    for end in list(model.graph.input) + list(model.graph.output):
        end.name = names.get(end.name, end.name)
    return model.SerializeToString()
