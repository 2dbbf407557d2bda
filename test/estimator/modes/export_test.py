"""--mode=export: every file computes what the checkpoint computes, and the files are usable."""

import json
import os

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import CheckpointError, ProgramError
from estimator.checkpoints import weights
from estimator.modes import export as export_lib
from estimator.modes import export_check, tflite
from models import get_network

HEAD = 'MobilenetV1/Logits/Conv2d_1c_1x1/weights'


def export(model_dir, *words, name='mobilenet_v1_025', to=None):
    """main.main in export mode; returns (exit code, export.json)."""
    import main
    to = to or model_dir / 'export'
    code = main.main(['main.py', f'--model_name={name}', '--mode=export_only',
                      f'--model_dir={model_dir}', f'--export_dir={to}'] + list(words))
    with open(f'{to}/export.json') as stream:
        return code, json.load(stream)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """(folder, exit code, export.json) of a small trained network with averages."""
    folder = tmp_path_factory.mktemp('exported')
    program.run(folder, mode='train', train_steps=6, learning_rate=0.1)
    code, report = export(folder)
    return folder, code, report


def load(path):
    """(session, signatures) of a SavedModel in a graph of its own."""
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], str(path))
    return session, loaded.signature_def


def test_report_and_files(exported):
    folder, code, report = exported
    assert code == 0 and report['ok'] and report['weights'] == 'ema' and report['num_classes'] == 10
    name = 'mobilenet_v1_025'
    assert sorted(os.listdir(str(folder / 'export'))) == sorted([
        'export.json', 'preprocessing.json', 'saved_model', f'{name}.pb', f'{name}.tflite',
        f'{name}_postquant.tflite'])
    rows = report['parity']
    assert sorted(rows) == sorted(['saved_model images', 'saved_model classify', f'{name}.pb',
                                   f'{name}.tflite', f'{name}_postquant.tflite'])
    for title, row in rows.items():
        assert row['images'] == 64
        assert 'postquant' in title or row['max_abs_difference'] < 1e-4 * row['largest_value']
    assert rows[f'{name}_postquant.tflite']['max_abs_difference'] > 0
    sizes = [(folder / 'export' / f'{name}{end}').stat().st_size
             for end in ('_postquant.tflite', '.tflite')]
    assert sizes[0] < 0.4 * sizes[1]
    with open(str(folder / 'export' / 'preprocessing.json')) as stream:
        described = json.load(stream)
    assert (described['style'], described['image_size']) == ('inception', 32)
    assert described['mean'] == described['std'] == [127.5] * 3


def test_saved_model_takes_files_and_pixels(exported):
    folder = exported[0]
    session, signatures = load(folder / 'export' / 'saved_model')
    assert sorted(signatures) == ['classify', 'images', 'serving_default']
    for name in ('classify', 'serving_default'):
        signature = signatures[name]
        assert sorted(signature.outputs) == ['classes', 'probabilities']
        assert signature.outputs['probabilities'].name == 'softmax_tensor:0'
    assert signatures['images'].inputs['images'].name == 'images:0'
    flat = np.full([40, 50, 3], 200, np.uint8)
    with session, session.graph.as_default():
        encoded = session.run(tf.image.encode_png(flat))
        classify = signatures['classify']
        feed = {classify.inputs['image_bytes'].name: [encoded] * 3}
        probabilities = session.run(classify.outputs['probabilities'].name, feed)
        pixels = np.full([3, 32, 32, 3], 200 / 127.5 - 1, np.float32)
        images = signatures['images']
        logits = session.run(images.outputs['logits'].name, {'images:0': pixels})
        classes = session.run(classify.outputs['classes'].name, feed)
    assert probabilities.shape == (3, 10)
    np.testing.assert_allclose(probabilities, export_check.softmax(logits), atol=1e-5)
    assert list(classes) == list(np.argmax(logits, axis=1))


def test_averages_sit_under_the_plain_names(exported):
    folder = exported[0]
    values = program.variables(folder)
    saved = program.variables(folder / 'export' / 'saved_model' / 'variables' / 'variables')
    assert not any('ExponentialMovingAverage' in name for name in saved)
    np.testing.assert_array_equal(saved[HEAD], values[f'{HEAD}/ExponentialMovingAverage'])
    assert not np.array_equal(saved[HEAD], values[HEAD])


def test_raw_weights_and_a_failing_comparison(exported, tmp_path, monkeypatch, capsys):
    folder = exported[0]
    monkeypatch.setattr(export_check, 'TOLERANCE', -1)
    code, report = export(folder, '--export_moving_average=False', '--nopost_quantize',
                          to=tmp_path)
    assert (code, report['ok'], report['weights']) == (1, False, 'raw')
    assert 'FAILED' in capsys.readouterr().out
    assert not any('postquant' in title for title in report['parity'])
    saved = program.variables(tmp_path / 'saved_model' / 'variables' / 'variables')
    np.testing.assert_array_equal(saved[HEAD], program.variables(folder)[HEAD])


def test_without_averages(tmp_path, capsys):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable('weights', [2])
        session.run(tf.global_variables_initializer())
        prefix = tf.train.Saver().save(session, str(tmp_path / 'model.ckpt'))
    assert weights.to_export(True, prefix) == 'raw'
    assert 'no moving averages' in capsys.readouterr().out


def test_tflite_and_frozen_graph_by_hand(exported):
    """The files as another program uses them, against a graph filled by hand."""
    folder = exported[0]
    network, values = get_network('mobilenet_v1_025'), program.variables(folder)
    image = np.random.RandomState(0).uniform(-1, 1, [32, 32, 3]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        logits, _ = network.build(image[None], num_classes=10)
        for variable in network.model_variables():
            variable.load(values[f'{variable.op.name}/ExponentialMovingAverage'], session)
        expected = session.run(logits)[0]
    model = tflite.Model(str(folder / 'export' / 'mobilenet_v1_025.tflite'))
    assert model.input['name'].split(':')[0] == 'images'
    assert list(model.input['shape']) == [1, 32, 32, 3]
    tolerance = 1e-4 * np.max(np.abs(expected))
    np.testing.assert_allclose(model(image), expected, atol=tolerance)
    definition = tf.GraphDef()
    definition.ParseFromString((folder / 'export' / 'mobilenet_v1_025.pb').read_bytes())
    with tf.Graph().as_default(), tf.Session() as session:
        logits, _ = tf.import_graph_def(
            definition, return_elements=['logits:0', 'softmax_tensor:0'], name='',
            input_map={'images:0': tf.constant(image[None])})
        np.testing.assert_allclose(session.run(logits)[0], expected, atol=tolerance)


def test_comparison():
    expected = np.array([[1.0, 5.0], [2.0, 3.0]])
    row = export_check.compare(expected + [[0, .004], [0, 0]], expected, 1e-3)
    assert row['ok'] and row['max_abs_difference'] == pytest.approx(.004)
    assert not export_check.compare(expected + [[0, .006], [0, 0]], expected, 1e-3)['ok']
    assert not export_check.compare(expected * np.nan, expected, 1e-3)['ok']
    assert not export_check.compare(np.zeros([2, 2]), expected * 1e-6, 1e-3)['ok']


def test_a_network_tflite_cannot_express(tmp_path):
    """Says which operation, and does not break the others off."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [1, 4, 4, 3], name='images')
        tf.identity(tf.linalg.svd(images, compute_uv=False), name='logits')
    names = ('images:0', 'logits:0')
    row = export_lib._write_tflite(str(tmp_path / 'x'), graph.as_graph_def(), names, None, False)
    assert not row['ok'] and 'svd' in row['error'].lower(), row['error']
    assert os.listdir(str(tmp_path)) == []


def test_mistakes(exported, tmp_path):
    with pytest.raises(flags.FlagError, match='--export_dir'):
        export(exported[0], '--export_dir=')
    with pytest.raises(CheckpointError, match='no checkpoint'):
        export(tmp_path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(ProgramError, match='cannot be made'):
        export(exported[0], to=tmp_path / 'file' / 'there')
    with pytest.raises(CheckpointError, match='does not hold mobilenet_v1_025 with 7 classes'):
        export(exported[0], '--num_label_classes=7')


@pytest.mark.slow
def test_condconv(tmp_path):
    """Kernels that depend on the example: any batch in the SavedModel, batch 1 in TFLite."""
    name = 'efficientnet-condconv-b0-4e'
    program.run(tmp_path, mode='train', train_steps=2, model_name=name, dropout_rate='null',
                optimizer='momentum', learning_rate=1e-4)
    code, report = export(tmp_path, name=name)
    assert code == 0 and report['ok'] and report['weights'] == 'ema'
    assert report['parity'][f'{name}.tflite']['top_1_agreement'] == 1.0
