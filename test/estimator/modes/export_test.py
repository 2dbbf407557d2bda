"""--mode=export: every file computes what the checkpoint computes, and the files are usable."""

import hashlib
import json
import os
import tempfile
from unittest import mock

import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import CheckpointError, FlagError, ProgramError
from estimator.checkpoints import weights
from estimator.modes.exports import formats, graphs, parity, runtimes, tflite
from flags.rows.run import EXPORTED
from models import get_network

pytestmark = pytest.mark.usefixtures('wide')

HEAD = 'MobilenetV1/Logits/Conv2d_1c_1x1/weights'
NAME = 'mobilenet_v1_025'
FILES = {'savedmodel': 'saved_model', 'frozen_pb': f'{NAME}.pb', 'tflite': f'{NAME}.tflite',
         'tflite_dynamic': f'{NAME}_postquant.tflite', 'tflite_fp16': f'{NAME}_fp16.tflite'}
BESIDE = ['MODEL.md', 'export.json', 'model.json', 'preprocess.py', 'preprocessing.json']


def export(model_dir, *words, name=NAME, to=None):
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
    folder, elsewhere = tmp_path_factory.mktemp('exported'), tmp_path_factory.mktemp('temporary')
    program.run(folder, mode='train', train_steps=6, learning_rate=0.1)
    with mock.patch.object(tempfile, 'tempdir', str(elsewhere)):
        code, report = export(folder, f'--export_formats={",".join(FILES)}', '--license=CC0-1.0')
    assert os.listdir(str(elsewhere)) == []
    return folder, code, report


def load(path):
    """(session, signatures) of a SavedModel in a graph of its own."""
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.saved_model.load(session, [tf.saved_model.tag_constants.SERVING], str(path))
    return session, loaded.signature_def


def against(expected, labels=None):
    return parity.Reference(None, None, expected, labels, 'a test')


def test_report_and_files(exported):
    folder, code, report = exported
    assert code == 0 and report['ok'] and report['weights'] == 'ema' and report['num_classes'] == 10
    assert sorted(os.listdir(str(folder / 'export'))) == sorted(BESIDE + list(FILES.values()))
    rows = report['parity']
    assert sorted(rows) == sorted(['saved_model classify'] + list(FILES.values()))
    for title, row in rows.items():
        assert row['images'] == 128 and row['compared_on'] == 'random images'
        near = 2e-2 if 'fp16' in title else 1e-4
        assert 'postquant' in title or row['max_abs_difference'] < near * row['largest_value']
    for title in (FILES['tflite_dynamic'], FILES['tflite_fp16']):
        assert rows[title]['max_abs_difference'] > 0
    size = {name: (folder / 'export' / FILES[name]).stat().st_size
            for name in FILES if name != 'savedmodel'}
    assert size['tflite_dynamic'] < 0.4 * size['tflite'] < size['tflite_fp16'] < (
        0.6 * size['tflite'])
    assert rows[FILES['tflite']]['bytes'] == size['tflite']


def test_words_of_the_flag_are_the_formats():
    assert tuple(formats.FORMATS) == EXPORTED
    params = flags.make(export_formats='tflite_fp16,tflite')
    assert [row.name for row in formats.chosen(params)] == ['tflite', 'tflite_fp16']
    default = ['savedmodel', 'frozen_pb', 'tflite']
    assert [row.name for row in formats.chosen(flags.make())] == default + ['tflite_dynamic']
    assert [row.name for row in formats.chosen(flags.make(post_quantize=False))] == default
    with pytest.raises(FlagError, match='did you mean tflite_int8'):
        flags.make(export_formats='savedmodel,tflite_int')


def test_the_card(exported):
    folder = exported[0] / 'export'
    card = json.loads((folder / 'model.json').read_text())
    assert card['license'] == {'weights': 'CC0-1.0', 'code': 'Apache-2.0', 'data': None}
    assert card['checkpoint']['weights'] == 'ema' and card['checkpoint']['step'] == 6
    assert card['training']['train_steps'] == 6 and card['classes'] == {'count': 10, 'names': None}
    shapes = get_network(NAME).variables(num_classes=10)
    assert card['parameters'] == sum(int(np.prod(shape)) for name, shape in shapes.items()
                                     if 'moving_' not in name)
    assert sorted(card['files']) == sorted(FILES.values())
    row = card['files'][FILES['tflite']]
    content = (folder / FILES['tflite']).read_bytes()
    assert row['sha256'] == hashlib.sha256(content).hexdigest()
    assert row['input'] == {'name': 'images', 'dtype': 'float32', 'shape': [1, 32, 32, 3]}
    assert 'saved_model.pb' in card['files']['saved_model']['sha256']
    text = (folder / 'MODEL.md').read_text()
    assert row['sha256'] in text and 'CC0-1.0' in text and '32 x 32' in text


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
    np.testing.assert_allclose(probabilities, parity.softmax(logits), atol=1e-5)
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
    strict = {name: row._replace(allowed=parity.Allowed('largest', -1))
              for name, row in formats.FORMATS.items()}
    monkeypatch.setattr(formats, 'FORMATS', strict)
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
    network, values = get_network(NAME), program.variables(folder)
    image = np.random.RandomState(0).uniform(-1, 1, [1, 32, 32, 3]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        logits, _ = network.build(image, num_classes=10, folded=False)
        for variable in network.model_variables():
            variable.load(values[f'{variable.op.name}/ExponentialMovingAverage'], session)
        expected = session.run(logits)
    interpreter = tf.lite.Interpreter(str(folder / 'export' / FILES['tflite']))
    interpreter.allocate_tensors()
    enter, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert enter['name'].split(':')[0] == 'images' and list(enter['shape']) == [1, 32, 32, 3]
    interpreter.set_tensor(enter['index'], image)
    interpreter.invoke()
    tolerance = 1e-4 * np.max(np.abs(expected))
    np.testing.assert_allclose(interpreter.get_tensor(leave['index']), expected, atol=tolerance)
    definition = tf.GraphDef()
    definition.ParseFromString((folder / 'export' / FILES['frozen_pb']).read_bytes())
    with tf.Graph().as_default(), tf.Session() as session:
        logits, _ = tf.import_graph_def(
            definition, return_elements=['logits:0', 'softmax_tensor:0'], name='',
            input_map={'images:0': tf.constant(image)})
        np.testing.assert_allclose(session.run(logits), expected, atol=tolerance)
    assert {node.op for node in definition.node} & {'Rsqrt', 'Mul', 'Sub'} == set()   # all folded
    # What older versions do not know of an operator is left away where it is as by default.
    definition.ParseFromString((folder / 'export' / FILES['frozen_pb']).read_bytes())
    named = {name for node in definition.node for name in node.attr}
    assert 'strides' in named and not named & {'explicit_paddings', 'dilations', 'transpose_a'}


@pytest.mark.parametrize('error', [
    OSError(28, 'No space left on device'),
    tf.errors.ResourceExhaustedError(None, None, 'x.pb; No space left on device')])
def test_a_full_disk(exported, tmp_path, monkeypatch, error):
    def full(path, content):
        raise error
    monkeypatch.setattr(formats, '_write', full)
    with pytest.raises(ProgramError, match='cannot be written: No space left on device. Make'):
        export(exported[0], '--export_formats=frozen_pb', to=tmp_path / 'to')


def test_a_file_of_another_tensorflow_is_not_called_damaged(exported, tmp_path):
    path, card = str(tmp_path / 'a.pb'), tmp_path / 'model.json'
    content = (exported[0] / 'export' / FILES['frozen_pb']).read_bytes()
    (tmp_path / 'a.pb').write_bytes(content.replace(b'Relu6', b'Relu7'))
    with pytest.raises(CheckpointError, match='a damaged frozen graph file .*Relu7'):
        runtimes.open_file(path)
    card.write_text(json.dumps({'versions': {'tensorflow': '9.9.9'}}))
    with pytest.raises(CheckpointError, match='cannot open this frozen graph .*9.9.9 wrote it'):
        runtimes.open_file(path)


def test_a_tflite_file_of_another_batch(tmp_path, capsys):
    """Somebody else's, for three images at once: evaluated and imported image by image."""
    import main
    network = get_network(NAME)
    batch = np.random.RandomState(0).uniform(-1, 1, [5, 32, 32, 3]).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [3, 32, 32, 3], graphs.IMAGES)
        with tf.name_scope('network'):
            logits, _ = network.build(images, num_classes=7)
        tf.identity(logits, graphs.LOGITS)
        session.run(tf.global_variables_initializer())
        expected = [session.run(logits, {images: [image] * 3})[0] for image in batch]
        definition = graphs.folded(tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [graphs.LOGITS]))
    (tmp_path / 'a.tflite').write_bytes(tflite.convert(definition))
    made = runtimes.open_file(str(tmp_path / 'a.tflite'))(batch)
    np.testing.assert_allclose(made, expected, atol=1e-4 * np.abs(expected).max())
    assert main.main(['main.py', '--mode=import', f'--model_name={NAME}',
                      f'--from={tmp_path}/a.tflite', f'--model_dir={tmp_path}/in']) == 0
    assert 'the TFLite runtime gives the same logits' in capsys.readouterr().out


def test_folding_a_graph():
    """Parts of a split, a constant that is fed only in part, and an output that is constant."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [2], name='x')
        first, second = tf.split(tf.constant([1., 2., 3., 4.]) * 2, 2)
        tf.add(x * second, first, name='y')
        before = graph.as_graph_def()
        expected = session.run('y:0', {'x:0': [1., 10.]})
    after = graphs.folded(before)
    assert sorted(node.op for node in after.node if node.op not in ('Const', 'Placeholder')) == (
        sorted(node.op for node in before.node if node.name in ('y', 'mul_1')))
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(after, name='')
        np.testing.assert_array_equal(session.run('y:0', {'x:0': [1., 10.]}), expected)


def test_comparison():
    expected = np.array([[1.0, 5.0], [2.0, 3.0]])
    row = parity.compare(expected + [[0, .004], [0, 0]], against(expected, np.array([1, 0])),
                         parity.FLOAT)
    assert row['ok'] and row['max_abs_difference'] == pytest.approx(.004)
    assert (row['top_1'], row['checkpoint_top_1'], row['top_1_agreement']) == (0.5, 0.5, 1.0)
    assert not parity.compare(expected + [[0, .006], [0, 0]], against(expected), parity.FLOAT)['ok']
    assert not parity.compare(expected * np.nan, against(expected), parity.FLOAT)['ok']
    assert not parity.compare(expected * np.nan, against(expected), parity.INTEGER)['ok']
    assert not parity.compare(np.zeros([2, 2]), against(expected * 1e-6), parity.FLOAT)['ok']


@pytest.mark.parametrize('allowed', (parity.QUANTISED, parity.INTEGER))
def test_a_quantised_file_can_fail(allowed):
    """The answer to another image is refused, rounding to 8 bits is not."""
    expected = np.random.RandomState(0).normal(size=(64, 10))
    step = np.abs(expected).max() / 127
    row = parity.compare(np.round(expected / step) * step, against(expected), allowed)
    assert row['ok'] and row['noise'] < 0.05
    assert not parity.compare(expected[::-1], against(expected), allowed)['ok']
    assert not parity.compare(np.zeros_like(expected), against(expected), allowed)['ok']
    common = expected + 20 * (np.arange(10) < 2)     # little noise, but many other classes
    row = parity.compare(common[::-1], against(common), allowed)
    assert row['noise'] < allowed.share and row['top_1_agreement'] < 0.5 and not row['ok']
    spoiled, labels = expected * 1, np.argmax(expected, axis=1)
    spoiled[:16] += 0.1 * np.random.RandomState(1).normal(size=(16, 10))
    assert parity.compare(spoiled, against(expected, labels), allowed)['ok']
    right = expected[np.arange(64), labels]
    spoiled[np.arange(16), (labels[:16] + 1) % 10] = right[:16] + 1
    row = parity.compare(spoiled, against(expected, labels), allowed)
    assert row['checkpoint_top_1'] == 1.0 and row['top_1'] <= 0.75 and not row['ok']


def test_a_network_tflite_cannot_express(exported, tmp_path, monkeypatch):
    """Says which operation, and does not break the others off."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [1, 4, 4, 3], name='images')
        tf.identity(tf.linalg.svd(images, compute_uv=False), name='logits')
        impossible = graph.as_graph_def()
    rows = dict(formats.FORMATS, tflite=formats.FORMATS['tflite']._replace(
        write=lambda path, material: tflite.convert(impossible)))
    monkeypatch.setattr(formats, 'FORMATS', rows)
    code, report = export(exported[0], '--export_formats=tflite,frozen_pb', to=tmp_path)
    row = report['parity'][FILES['tflite']]
    assert code == 1 and not row['ok'] and 'svd' in row['error'].lower(), row['error']
    assert report['parity'][FILES['frozen_pb']]['ok'] and (tmp_path / FILES['frozen_pb']).exists()
    assert not (tmp_path / FILES['tflite']).exists()


def test_mistakes(exported, tmp_path, monkeypatch):
    with pytest.raises(flags.FlagError, match='--export_dir'):
        export(exported[0], '--export_dir=')
    with pytest.raises(CheckpointError, match='no checkpoint'):
        export(tmp_path)
    (tmp_path / 'file').write_text('')
    with pytest.raises(ProgramError, match='cannot be made'):
        export(exported[0], to=tmp_path / 'file' / 'there')
    with pytest.raises(CheckpointError, match='does not hold mobilenet_v1_025 with 7 classes'):
        export(exported[0], '--num_label_classes=7')
    with pytest.raises(FlagError, match='tflite_int8.*--data_dir'):
        export(exported[0], '--export_formats=tflite_int8')
    monkeypatch.setitem(__import__('sys').modules, 'tf2onnx', None)
    with pytest.raises(FlagError, match='pip install -r requirements-export.txt'):
        export(exported[0], '--export_formats=onnx', to=tmp_path / 'new')
    assert not (tmp_path / 'new').exists()


def test_onnx(exported, tmp_path):
    """Needs requirements-export.txt."""
    pytest.importorskip('tf2onnx')
    onnx = pytest.importorskip('onnx')
    code, report = export(exported[0], '--export_formats=onnx', to=tmp_path)
    assert code == 0
    row, = report['parity'].values()
    assert row['max_abs_difference'] < 1e-4 * row['largest_value'] and row['images'] == 128
    model = onnx.load(str(tmp_path / f'{NAME}.onnx'))
    assert model.opset_import[0].version == 13
    assert [end.name for end in model.graph.output] == ['logits', 'probabilities']
    assert 'BatchNormalization' not in {node.op_type for node in model.graph.node}
    runtime = runtimes.open_file(str(tmp_path / f'{NAME}.onnx'))
    assert runtime(np.zeros([5, 32, 32, 3], np.float32)).shape == (5, 10)     # any batch


@pytest.mark.slow
def test_condconv(tmp_path):
    """Kernels that depend on the example: any batch in the SavedModel, batch 1 in TFLite."""
    name = 'efficientnet-condconv-b0-4e'
    program.run(tmp_path, mode='train', train_steps=2, model_name=name, dropout_rate='null',
                optimizer='momentum', learning_rate=1e-4)
    code, report = export(tmp_path, name=name)
    assert code == 0 and report['ok'] and report['weights'] == 'ema'
    assert report['parity'][f'{name}.tflite']['top_1_agreement'] == 1.0
