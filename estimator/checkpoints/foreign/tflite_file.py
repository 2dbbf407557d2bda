"""Reading TFLite models: the convolutions in the order the image meets them, dequantised.

Batch norm is folded into them. It is written back as gamma 1, mean 0, variance 1 - epsilon and the
bias as beta, which leaves what the layer computes as it is. Schema: tensorflow/lite/schema.
"""

import numpy as np

from common.errors import CheckpointError
from estimator.checkpoints.foreign.flatbuffer import FlatTable
from estimator.checkpoints.foreign.tensors import Opened, Tensor, folded_norm, in_order

TYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 7: np.int16,
         9: np.int8}
# Operators with weights: how a kernel becomes ours.
CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, DEQUANTIZE = 3, 4, 9, 6
# Operators between a convolution in channel groups and its bias.
ADD, CONCATENATION, QUANTIZE = 0, 2, 114
AXES = {CONV_2D: (1, 2, 3, 0), DEPTHWISE_CONV_2D: (1, 2, 3, 0), FULLY_CONNECTED: (1, 0)}


def recognises(head):
    """Whether the first bytes are a TFLite file's."""
    return head[4:8] == b'TFL3'


def read(path):
    """Opened of a TFLite file; CheckpointError when it is damaged."""
    return _of_model(path, lambda model: model.source())


def verify(path):
    """Raises CheckpointError for a file that is damaged; the interpreter itself would crash."""
    _of_model(path, lambda model: model.look())


def _of_model(path, ask):
    with open(path, 'rb') as stream:
        data = stream.read()
    try:
        return ask(_Model(path, data))
    except (ValueError, IndexError, TypeError) as error:
        raise CheckpointError(f'{path}: a damaged TFLite file ({str(error)[:200]}). '
                              'Download it again.')


class _Model:
    """The first subgraph of a model. Fields are numbered as in schema.fbs."""

    def __init__(self, path, data):
        self._path, self._data = path, data
        model = FlatTable.root(data)
        self._codes = [max(code.number(0, '<b'), code.number(3, '<i')) for code in model.tables(1)]
        self._buffers = model.tables(4)
        graph = model.tables(2)[0]
        self._tensors = graph.tables(0)
        self._inputs = graph.numbers(1, '<i')
        self._operators = [(self._codes[row.number(0, '<I')], row.numbers(1, '<i'),
                            row.numbers(2, '<i')) for row in graph.tables(3)]
        made = {out: place for place, (_, _, outs) in enumerate(self._operators) for out in outs}
        reads = {place: [made[index] for index in inputs if index in made]
                 for place, (_, inputs, _) in enumerate(self._operators)}
        ends = [made[index] for index in graph.numbers(2, '<i') if index in made]
        self._operators = [self._operators[place] for place in in_order(reads, ends)]
        self._readers = {}
        for row in self._operators:
            for index in row[1]:
                self._readers.setdefault(index, []).append(row)
        # float16 weights pass through a DEQUANTIZE before they are used
        self._made_from = {outputs[0]: inputs[0] for kind, inputs, outputs in self._operators
                           if kind == DEQUANTIZE and inputs and outputs}

    def look(self):
        """Follows every offset to a tensor's shape and bytes."""
        for index in range(len(self._tensors)):
            self._shape(index)
            self._constant(index)
            self._tensors[index].bytes(3)       # its name

    def source(self):
        tensors = {}
        for kind, inputs, outputs in self._operators:
            if kind in AXES and self._constant(inputs[1]) is not None:
                number = len({key.split('/')[0] for key in tensors})
                name = f'layer_{number}' if number else 'layer'
                bias = self._joint_bias(outputs)
                if bias is None:
                    bias = inputs[2] if len(inputs) > 2 else -1
                tensors.update(self._layer(name, kind, inputs[1], bias))
        quantised = any(self._kind(index) in (np.uint8, np.int8) for index in range(
            len(self._tensors)))
        values = {}
        shape = self._shape(self._inputs[0])
        if len(shape) == 4 and shape[1] == shape[2] > 1:
            values['input_image_size'] = shape[1]
        notes = ('batch norm, folded into its convolutions, is written back beside them',)
        if quantised:
            notes += ('its 8-bit weights are dequantised; its runtime rounds activations to 8 bits '
                      'too, here they are float, so logits agree only that far',)
        return Opened('TFLite', tensors, values, notes, exact=not quantised)

    def _joint_bias(self, outputs):
        """The constant added to a convolution's channels once they are joined with others'."""
        joined = False
        while True:
            readers = self._readers.get(outputs[0], ())
            if len(readers) != 1:
                return None
            (kind, inputs, outputs), = readers
            if kind == ADD and joined:
                return next((index for index in inputs if self._constant(index)), None)
            if kind not in (CONCATENATION, QUANTIZE):
                return None
            joined = joined or kind == CONCATENATION

    def _layer(self, name, kind, kernel, bias):
        shape = self._shape(kernel)
        axes = AXES[kind]
        if len(shape) != len(axes):
            raise ValueError(f'a kernel of shape {list(shape)}')
        channels = shape[-1] if kind == DEPTHWISE_CONV_2D else shape[0]
        yield f'{name}/kernel', Tensor(
            tuple(shape[axis] for axis in axes), lambda: self._array(kernel).transpose(axes))
        if bias >= 0:
            channels = int(np.prod(self._shape(bias), dtype=np.int64))
        shift = Tensor((channels,), lambda: self._array(bias) if bias >= 0 else np.zeros(
            channels, np.float32))
        yield f'{name}/bias', shift
        yield from folded_norm(name, shift)

    def _shape(self, index):
        return tuple(self._tensors[index].numbers(0, '<i'))

    def _kind(self, index):
        return TYPES.get(self._tensors[index].number(1, '<b'))

    def _constant(self, index):
        """(start, length) of a constant's bytes, or None for what the model computes."""
        index = self._made_from.get(index, index)
        start, length = self._buffers[self._tensors[index].number(2, '<I')].bytes(0)
        return (start, length) if length else None

    def _array(self, index):
        """float32 array of a constant."""
        start, length = self._constant(index)
        index = self._made_from.get(index, index)
        kind, shape = self._kind(index), self._shape(index)
        count = 1
        for extent in shape:
            count *= extent
        if kind is None:
            raise CheckpointError(f'{self._path}: a tensor {list(shape)} of an unknown type; '
                                  f'known are {", ".join(row.__name__ for row in TYPES.values())}.')
        if count * np.dtype(kind).itemsize != length:
            raise CheckpointError(f'{self._path}: a tensor {list(shape)} does not fill its '
                                  f'{length} bytes. The file is damaged.')
        array = np.frombuffer(self._data, kind, count, start).reshape(shape)
        if kind in (np.float32, np.float16):
            return array.astype(np.float32)
        return self._dequantised(index, array)

    def _dequantised(self, index, array):
        about = self._tensors[index].table(4)
        scale = np.array(about.numbers(2, '<f') if about else [], np.float64)
        zero = np.array(about.numbers(3, '<q') if about else [], np.float64)
        if not len(scale):
            raise CheckpointError(f'{self._path}: a tensor of integers without its scale. '
                                  'The file is damaged.')
        if len(zero) not in (1, len(scale)):
            zero = np.zeros(1)
        along = [1] * array.ndim
        if len(scale) > 1:
            along[about.number(6, '<i')] = -1
        scale, zero = scale.reshape(along if len(scale) > 1 else [1] * array.ndim), zero.reshape(
            along if len(zero) > 1 else [1] * array.ndim)
        return ((array.astype(np.float64) - zero) * scale).astype(np.float32)
