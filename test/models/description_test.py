"""The layers said without a graph are those a graph has."""

import collections

import pytest
import tensorflow.compat.v1 as tf

import models

# op type: multiply-adds per element of its output
COUNTED = {
    'Conv2D': lambda op: op.inputs[1].shape[:3].num_elements(),
    'DepthwiseConv2dNative': lambda op: op.inputs[1].shape[:2].num_elements(),
    'MatMul': lambda op: op.inputs[0].shape.as_list()[-1],
    'BatchMatMul': lambda op: op.inputs[0].shape.as_list()[-1],
    'BatchMatMulV2': lambda op: op.inputs[0].shape.as_list()[-1],
}


@pytest.mark.parametrize('name, size, overrides', [
    ('mixnet-s', 75, {}), ('mobilenet_v1_025', 64, {}), ('mnasnet1_0', 45, {}),
    ('mobilenet_v2_035', 33, {'classifier': 'fc'}), ('efficientnet-condconv-b0-8e', 64, {})])
def test_layers_are_those_of_the_graph(name, size, overrides):
    network = models.get_network(name)
    layers = network.layers(size, num_classes=7, **overrides)
    with tf.Graph().as_default() as graph:
        network.build(tf.zeros([1, size, size, 3]), folded=False, num_classes=7, **overrides)
        done, outputs = 0, collections.Counter()
        for op in graph.get_operations():
            if op.type in COUNTED:
                done += op.outputs[0].shape.num_elements() * COUNTED[op.type](op)
            if op.type == 'FusedBatchNormV3':
                outputs[tuple(op.outputs[0].shape.as_list())] += 1
        weights = {v.op.name: v.shape.num_elements() for v in tf.trainable_variables()}
    assert sum(layer.multiply_adds for layer in layers) == done
    assert collections.Counter(tuple(layer.output) for layer in layers
                               if layer.kind == 'batch norm') == outputs
    held = collections.Counter()
    for variable, count in weights.items():
        held[variable.rsplit('/', 1)[0]] += count
    assert {layer.name: layer.parameters for layer in layers} == dict(held)
