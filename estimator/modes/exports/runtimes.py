"""Running an exported file, ours or a stranger's: images in, logits out, whatever it is."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from common import storage
from common.console import quiet
from common.errors import CheckpointError
from common.files import read_record
from estimator.checkpoints.foreign import graph_file, tflite_file
from estimator.checkpoints.foreign.published import CARD
from estimator.modes.exports import graphs, onnx_file

KNOWN = 'SavedModel folder, frozen .pb, TFLite, ONNX'
_TINY = 1e-30       # smallest probability whose logarithm is taken


class Runtime:
    """A file that can be run. Calling it: float32 [n, size, size, 3] -> [n, classes].

    Attributes:
        kind: what it is, in words.
        size: side of its images in pixels; None for any.
        input, output: what enters and leaves, a dict for the model card.
    """

    kind, size = '', None

    def __init__(self, path):
        self.path, self.input, self.output = path, {}, {}

    def __call__(self, images):
        raise NotImplementedError

    def logits(self, images):
        """What it gives, and of probabilities the logarithm, which has the same softmax."""
        values = np.asarray(self(images), np.float32).reshape([len(images), -1])
        if np.all(values >= 0) and np.allclose(values.sum(1), 1, atol=0.05):
            return np.log(np.maximum(values, _TINY))
        return values

    def close(self):
        """Frees what it holds."""


class _Graph(Runtime):
    """What TensorFlow runs itself."""

    def __init__(self, path, threads=None):
        super().__init__(path)
        self._session = tf.Session(graph=tf.Graph(), config=tf.ConfigProto(
            intra_op_parallelism_threads=threads or 0, inter_op_parallelism_threads=threads or 0))
        with self._session.graph.as_default():
            self._feed, self._fetch = self._load()
        self.size = self._feed.shape.as_list()[1]
        self.input = _told(self._feed.name, self._feed.dtype.name, self._feed.shape.as_list())
        self.output = _told(self._fetch.name, self._fetch.dtype.name, self._fetch.shape.as_list())

    def _load(self):
        raise NotImplementedError

    def __call__(self, images):
        return self._session.run(self._fetch, {self._feed: images})

    def close(self):
        """Closes the session."""
        self._session.close()


class SavedModel(_Graph):
    """The signature that takes pixels."""

    kind = 'SavedModel'

    def _load(self):
        loaded = tf.saved_model.load(
            self._session, [tf.saved_model.tag_constants.SERVING], self.path)
        for signature in sorted(loaded.signature_def.items(), key=lambda row: row[0] != 'images'):
            ends = list(signature[1].inputs.values()), dict(signature[1].outputs)
            if len(ends[0]) == 1 and ends[0][0].dtype == tf.float32.as_datatype_enum:
                leave = next((ends[1][key] for key in ('logits', 'probabilities')
                              if key in ends[1]), list(ends[1].values())[0])
                return [self._session.graph.get_tensor_by_name(end.name)
                        for end in (ends[0][0], leave)]
        raise CheckpointError(f'{self.path}: no signature takes float images.')


class FrozenGraph(_Graph):
    """A GraphDef of constants; the one placeholder is its input."""

    kind = 'frozen graph'

    def _load(self):
        definition = graph_file.parsed(self.path)
        fed = [node.name for node in definition.node if node.op == 'Placeholder']
        if len(fed) != 1:
            raise CheckpointError(f'{self.path}: {len(fed)} placeholders; a network has one.')
        names = [node.name for node in definition.node]
        read = {graph_file.source_of(name)[0] for node in definition.node for name in node.input}
        last = ([name for name in names if name == graphs.LOGITS]
                or [name for name in names if name not in read])
        tf.import_graph_def(definition, name='')
        return [self._session.graph.get_tensor_by_name(f'{name}:0') for name in (fed[0], last[-1])]


class TFLite(Runtime):
    """A TFLite file; one image at a time. Integer ends are quantised here."""

    kind = 'TFLite'

    def __init__(self, path, threads=None):
        super().__init__(path)
        tflite_file.verify(path)
        with quiet():
            try:
                self._interpreter = tf.lite.Interpreter(model_path=path, num_threads=threads)
            except TypeError:       # TensorFlow 1.15
                self._interpreter = tf.lite.Interpreter(model_path=path)
            self._interpreter.allocate_tensors()
        self._enter, = self._interpreter.get_input_details()
        self._leave = self._interpreter.get_output_details()[0]
        self.size = int(self._enter['shape'][1])
        self.input, self.output = [
            dict(_told(end['name'], np.dtype(end['dtype']).name, end['shape'].tolist()),
                 **({'scale': float(end['quantization'][0]),
                     'zero_point': int(end['quantization'][1])} if end['quantization'][0] else {}))
            for end in (self._enter, self._leave)]

    def __call__(self, images):
        return np.stack([self._one(image) for image in images])

    def _one(self, image):
        batch = np.repeat(image[np.newaxis], self._enter['shape'][0], 0)    # the file's own
        self._interpreter.set_tensor(self._enter['index'], quantised(batch, self._enter))
        self._interpreter.invoke()
        values = self._interpreter.get_tensor(self._leave['index'])
        values = values.reshape([len(batch), -1])[0]
        scale, zero = self._leave['quantization']
        return (values.astype(np.float32) - zero) * scale if scale else values


class Onnx(Runtime):
    """An ONNX file, by onnxruntime."""

    kind = 'ONNX'

    def __init__(self, path, threads=None):
        super().__init__(path)
        onnx_file.require(path, 'onnxruntime')
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        self._session = onnxruntime.InferenceSession(
            path, options, providers=['CPUExecutionProvider'])
        enter, leave = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._names = enter.name, leave.name
        self.size = enter.shape[1] if isinstance(enter.shape[1], int) else None
        self.input = _told(enter.name, enter.type, enter.shape)
        self.output = _told(leave.name, leave.type, leave.shape)

    def __call__(self, images):
        return self._session.run([self._names[1]], {self._names[0]: images})[0]


def quantised(values, end):
    """float values as the input `end` of a TFLite file takes them; as they are for floats."""
    scale, zero = end['quantization']
    if not scale:
        return values.astype(end['dtype'])
    bounds = np.iinfo(end['dtype'])
    return np.clip(np.round(values / scale) + zero, bounds.min, bounds.max).astype(end['dtype'])


def _told(name, kind, shape):
    return {'name': name.split(':')[0], 'dtype': kind,
            'shape': [extent if isinstance(extent, int) else None for extent in shape]}


def open_file(path, threads=None):
    """The Runtime of a file or SavedModel folder, recognised by its content.

    threads: None for the runtime's own choice; TensorFlow 1.15's TFLite has no other. Raises
    CheckpointError when it is none of KNOWN or damaged, FlagError when its runtime is missing.
    """
    path = storage.local(path) if storage.exists(path) else path
    if os.path.isdir(path) and graph_file.is_saved_model(path):
        return _opened(SavedModel, path, threads)
    if not os.path.isfile(path):
        raise CheckpointError(f'{path}: no such exported file; known are {KNOWN}.')
    with open(path, 'rb') as stream:
        head = stream.read(16)
    if tflite_file.recognises(head):
        return _opened(TFLite, path, threads)
    if graph_file.recognises(head):
        return _opened(FrozenGraph, path, threads)
    if head[:1] == b'\x08':     # field 1 of ONNX's ModelProto: its version
        return _opened(Onnx, path, threads)
    raise CheckpointError(f'{path}: not an exported network, judged by its first bytes; known are '
                          f'{KNOWN}.')


def _opened(kind, *arguments):
    try:
        return kind(*arguments)
    except Exception as error:  # pylint: disable=broad-except
        if hasattr(error, 'exit_code'):
            raise
        reason = str(error).splitlines()[0][:200] if str(error) else repr(error)
        version = _written_by(arguments[0])
        if version != tf.version.VERSION:
            raise CheckpointError(
                f'{arguments[0]}: TensorFlow {tf.version.VERSION} cannot open this {kind.kind} '
                f'({reason}). TensorFlow {version} wrote it: run it there, or export it again '
                'with this one.')
        raise CheckpointError(f'{arguments[0]}: a damaged {kind.kind} file ({reason}).')


def _written_by(path):
    """The version of TensorFlow that the model card beside an exported file names, or ours."""
    card = read_record(os.path.join(os.path.dirname(path), CARD)) or {}
    return card.get('versions', {}).get('tensorflow', tf.version.VERSION)
