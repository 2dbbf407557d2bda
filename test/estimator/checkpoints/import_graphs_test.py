"""Frozen graphs in the forms that the originals' scripts and TensorFlow's graph tools leave."""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import main
from estimator.checkpoints.foreign import check
from estimator.modes.exports import graphs
from models import get_network

pytestmark = pytest.mark.usefixtures('wide')

NAME = 'mobilenet_v1_025'
SMALLEST = 1024     # numbers of a constant that quantize_weights stores in 8 bits
IMAGES = np.random.RandomState(1).normal(size=(2, 32, 32, 3)).astype(np.float32)


@functools.lru_cache()
def frozen(folded):
    """GraphDef that ends in a softmax, as slim's does, of a network of random weights.

    folded: batch norm is part of the convolutions, and constants have no variables' names.
    """
    network = get_network(NAME)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.set_random_seed(0)
        entry = tf.placeholder(tf.float32, [None, 32, 32, 3], 'input')
        logits, _ = network.build(entry, training=False, num_classes=7, folded=folded)
        tf.nn.softmax(tf.identity(logits, 'Logits'), name='Predictions')
        session.run(tf.global_variables_initializer())
        random = np.random.RandomState(0)
        for variable in network.model_variables():      # as large as a trained network's numbers
            if variable.op.name.endswith('gamma'):
                variable.load(random.uniform(3, 6, variable.shape.as_list()), session)
        definition = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ['Predictions'])
    return graphs.folded(definition) if folded else definition


def in_8_bits(definition, mode):
    """As quantize_weights leaves a graph: a Dequantize under the name of each large constant."""
    out = tf.GraphDef()
    for node in definition.node:
        value = (tf.make_ndarray(node.attr['value'].tensor) if node.op == 'Const'
                 and node.attr['dtype'].type == tf.float32.as_datatype_enum else np.zeros(0))
        if value.size < SMALLEST:
            out.node.add().CopyFrom(node)
            continue
        least, largest = value.min(), value.max()
        steps = np.round((value - least) / (largest - least) * 255).astype(np.uint8)
        ends = [tf.make_tensor_proto(end, tf.float32) for end in (least, largest)]
        stored = tf.make_tensor_proto(steps)
        stored.dtype = tf.quint8.as_datatype_enum
        for tail, tensor in zip(('q', 'l', 'h'), [stored] + ends):
            part = out.node.add(name=f'{node.name}_{tail}', op='Const')
            part.attr['dtype'].type = tensor.dtype
            part.attr['value'].tensor.CopyFrom(tensor)
        part = out.node.add(name=node.name, op='Dequantize',
                            input=[f'{node.name}_{tail}' for tail in 'qlh'])
        part.attr['T'].type, part.attr['mode'].s = stored.dtype, mode.encode()
    return out


def renamed(definition):
    """As fold_constants leaves a graph: a variable's value under the name of its reading."""
    out = tf.GraphDef()
    out.CopyFrom(definition)
    fresh = {node.name: f'{node.name}/read/_{number}__cf__{number}'
             for number, node in enumerate(out.node) if node.op == 'Const'}
    for node in out.node:
        node.name = fresh.get(node.name, node.name)
        node.input[:] = [fresh.get(text, text) for text in node.input]
    return out


@pytest.mark.parametrize('folded, rename, mode', [
    (False, False, None), (False, False, 'MIN_FIRST'), (False, True, 'MIN_FIRST'),
    (True, False, 'MIN_FIRST'), (True, False, 'MIN_COMBINED')])
def test_a_graph_gives_its_logits(tmp_path, capsys, folded, rename, mode):
    definition = renamed(frozen(folded)) if rename else frozen(folded)
    definition = in_8_bits(definition, mode) if mode else definition
    assert ('Dequantize' in {node.op for node in definition.node}) == bool(mode)
    (tmp_path / 'a.pb').write_bytes(definition.SerializeToString())
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.import_graph_def(
            definition, {'input:0': tf.constant(IMAGES)}, ['Predictions:0'])[0])
    assert np.abs(expected[0] / expected[1] - 1).max() > 0.1    # of 1e-4 that are allowed
    assert main.main(['main.py', '--mode=import', f'--model_name={NAME}',
                      f'--from={tmp_path}/a.pb', f'--model_dir={tmp_path}/out']) == 0
    assert '37 of 37' in capsys.readouterr().out
    logits = check.logits(get_network(NAME), str(tmp_path / 'out' / 'model.ckpt-0'),
                          {'num_classes': 7}, IMAGES)
    made = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(made / made.sum(1, keepdims=True), expected, rtol=1e-4)


def test_a_graph_of_a_newer_tensorflow_is_not_compared(tmp_path, monkeypatch, capsys):
    (tmp_path / 'a.pb').write_bytes(frozen(True).SerializeToString())

    def refused(*_, **__):
        raise ValueError("NodeDef mentions attr 'of_tomorrow' not in Op")
    monkeypatch.setattr(tf, 'import_graph_def', refused)
    assert main.main(['main.py', '--mode=import', f'--model_name={NAME}',
                      f'--from={tmp_path}/a.pb', f'--model_dir={tmp_path}/out']) == 0
    assert 'nothing was compared: TensorFlow ' in capsys.readouterr().out
