"""A network trained on the digits, shipped: integers, evaluation of the files, clients."""

import base64
import collections
import json
import os
import re
import shlex
import shutil
import sys

import image_tools as tools
import numpy as np
import program
import pytest
import serving_rest
import tensorflow.compat.v1 as tf

import main
from common.errors import CheckpointError, DataError, FlagError
from estimator.modes import evaluate_exported
from estimator.modes.exports import runtimes, tflite
from models import mobilenet_v1

pytestmark = pytest.mark.usefixtures('wide')

NAME = 'mobilenet_v1_025'
INTEGER = f'{NAME}_int8.tflite'
INTEGERS = 'mixnet-s_int8.tflite'


def page(name, language):
    """The blocks of one language in a page of docs/."""
    with open(os.path.join(program.ROOT, 'docs', name), encoding='utf-8') as stream:
        return re.findall(rf'```{language}\n(.*?)```', stream.read(), re.S)


def run_as_printed(block, folder):
    """Runs a command of docs/export.md in this process, with the folder and network of the test."""
    for theirs, ours in (('result/imagenet', f'{folder}'), ('result/exported', f'{folder}/export'),
                         ('mixnet-s', NAME), ('--data_dir=/data/imagenet', ''), ('\\\n', ' ')):
        block = block.replace(theirs, ours)
    assert main.main(shlex.split(block)[1:]) == 0, block


@pytest.fixture(scope='module')
def shipped(tmp_path_factory):
    """The run's folder; below it export/ with a SavedModel, TFLite in floats and in integers."""
    folder = tmp_path_factory.mktemp('shipped')
    main.main(['main.py', f'--model_name={NAME}', f'--model_dir={folder}', '--train_steps=20',
               '--train_batch_size=64', '--eval_batch_size=100', '--input_image_size=32'])
    run_as_printed(page('export.md', 'bash')[0], folder)
    return folder


def evaluated(path, *words):
    assert main.main(['main.py', '--mode=eval', f'--model_name={NAME}', f'--exported={path}',
                      '--eval_batch_size=100'] + list(words)) == 0
    with open(f'{path}.evaluation.json') as stream:
        return json.load(stream)


def test_integers_throughout(shipped):
    with open(str(shipped / 'export' / 'export.json')) as stream:
        row = json.load(stream)['parity'][INTEGER]
    assert row['compared_on'].endswith('(eval)') and row['images'] == 128 and row['ok']
    assert 0 < row['noise'] < 0.3 and abs(row['top_1'] - row['checkpoint_top_1']) < 0.1
    interpreter = tf.lite.Interpreter(str(shipped / 'export' / INTEGER))
    enter, leave = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert enter['dtype'] == leave['dtype'] == np.uint8
    kinds = {detail['dtype'] for detail in interpreter.get_tensor_details()}
    assert np.float32 not in kinds, 'a float is left'
    small, large = [(shipped / 'export' / name).stat().st_size
                    for name in (INTEGER, f'{NAME}.tflite')]
    assert small < 0.45 * large


def test_weights_of_8_bits_activations_of_16(shipped, tmp_path, monkeypatch):
    """Nearer than 8 bits throughout, and about as small; TensorFlow 1.15 says that it cannot."""
    words = ['main.py', '--mode=export', f'--model_name={NAME}', f'--model_dir={shipped}',
             '--export_formats=tflite_int16', f'--export_dir={tmp_path}']
    if tf.version.VERSION.startswith('2'):
        assert main.main(words) == 0
        with open(str(tmp_path / 'export.json')) as stream:
            row = json.load(stream)['parity'][f'{NAME}_int16.tflite']
        with open(str(shipped / 'export' / 'export.json')) as stream:
            eight = json.load(stream)['parity'][INTEGER]
        assert row['ok'] and row['noise'] < eight['noise'], (row, eight)
        assert row['bytes'] < 1.2 * eight['bytes'] and row['input']['dtype'] == 'float32'
        details = tf.lite.Interpreter(str(tmp_path / f'{NAME}_int16.tflite')).get_tensor_details()
        kinds = collections.Counter(detail['dtype'] for detail in details)
        assert kinds[np.int16] > 2 * len(mobilenet_v1.SEPARABLE), kinds
        assert main.main(['main.py', '--mode=import', f'--model_name={NAME}',
                          f'--from={tmp_path}/{NAME}_int16.tflite',
                          f'--model_dir={tmp_path}/in']) == 0
        monkeypatch.setattr(tflite, '_sixteen_bits', lambda: None)
    with pytest.raises(FlagError, match='needs the converter of TensorFlow 2'):
        main.main(words)


def test_every_image_once_and_the_checkpoints_numbers(shipped):
    """The float files say exactly what the checkpoint says; digits have 360 evaluation images."""
    with open(str(shipped / 'result.json')) as stream:
        expected = json.load(stream)
    for name in ('saved_model', f'{NAME}.tflite'):
        result = evaluated(shipped / 'export' / name)
        assert result['eval_examples'] == 360 and result['weights'] == 'exported'
        for key in ('top_1_accuracy', 'top_5_accuracy'):
            assert result[key] == pytest.approx(expected[key], abs=1e-6), name
        assert result['cross_entropy'] == pytest.approx(expected['cross_entropy'], rel=1e-4)
    run_as_printed(page('export.md', 'bash')[1], shipped)
    integers = program.result_of(shipped / 'export', f'{INTEGER}.evaluation.json')
    assert abs(integers['top_1_accuracy'] - expected['top_1_accuracy']) < 0.1


def test_a_file_without_its_card(shipped, tmp_path):
    """Size and classes come from the file's shapes."""
    path = tmp_path / 'some.bin'
    shutil.copyfile(str(shipped / 'export' / f'{NAME}.tflite'), str(path))
    mine = evaluated(path, '--preprocessing_name=digits')
    ours = evaluated(shipped / 'export' / f'{NAME}.tflite')
    assert mine['top_1_accuracy'] == ours['top_1_accuracy']


def test_what_cannot_be_evaluated(shipped, tmp_path):
    path = shipped / 'export' / f'{NAME}.tflite'
    words = ['main.py', '--mode=eval', f'--exported={path}']
    with pytest.raises(CheckpointError, match=f'holds {NAME}, not mixnet-s'):
        main.main(words + ['--model_name=mixnet-s'])
    pictures = tmp_path / 'pictures'
    for name in range(9):       # a digit is missing
        tools.put(pictures / str(name) / 'a.png', tools.encoded('PNG'))
    with pytest.raises(DataError, match='the data have other classes than .*mobilenet'):
        main.main(words + [f'--model_name={NAME}', f'--data_dir={pictures}', '--dataset=folder',
                           '--eval_split=train', '--holdout=0'])
    with pytest.raises(CheckpointError, match='--input_image_size=32'):
        main.main(words + [f'--model_name={NAME}', '--input_image_size=48'])
    with pytest.raises(FlagError, match='--mode=eval'):
        main.main(['main.py', '--mode=predict', f'--model_name={NAME}', f'--exported={path}',
                   '--data_dir=x'])
    for content in (path.read_bytes()[:3000], b'\x08' + bytes(40), b'\x0a' + bytes(40), b'hello'):
        (tmp_path / 'x').write_bytes(content)
        with pytest.raises((CheckpointError, FlagError), match='x'):
            main.main(['main.py', '--mode=eval', f'--model_name={NAME}',
                       f'--exported={tmp_path}/x'])


def test_ranks():
    logits = np.array([[1., 3., 3.], [1., 3., 3.], [5., 1., np.nan], [np.inf, 1., 2.]])
    assert list(evaluate_exported.ranks(logits, np.array([1, 2, 2, 0]))) == [0, 1, 3, 3]


def test_probabilities_become_logits():
    values = np.array([[0.2, 0.8], [1.0, 0.0]], np.float32)

    class Softmax(runtimes.Runtime):
        def __call__(self, images):
            return values

    made = Softmax('x').logits(np.zeros([2, 1, 1, 3]))
    np.testing.assert_allclose(np.exp(made), values, atol=1e-6)


def snippets(tmp_path, shipped):
    """The Python blocks of docs/serving.md in a copy of the export, with a photo.jpg."""
    folder = tmp_path / 'client'
    shutil.copytree(str(shipped / 'export'), str(folder))
    for name in os.listdir(str(folder)):
        os.rename(str(folder / name), str(folder / name.replace(NAME, 'mixnet-s')))
    pixels = np.tile(np.linspace(0, 255, 60)[None, :, None], [50, 1, 3]).astype(np.uint8)
    with tf.Graph().as_default(), tf.Session() as session:
        (folder / 'photo.jpg').write_bytes(session.run(tf.io.encode_jpeg(pixels)))
    return folder, page('serving.md', 'python')


def test_requests_in_rows(shipped, tmp_path):
    """Several images, as objects and as plain values, and the signature that takes pixels."""
    model, (folder, _) = str(shipped / 'export' / 'saved_model'), snippets(tmp_path, shipped)
    content = {'b64': base64.b64encode((folder / 'photo.jpg').read_bytes()).decode()}
    pixels = np.random.RandomState(0).normal(size=(3, 32, 32, 3)).tolist()
    answers = [json.loads(serving_rest.predict(model, json.dumps(body)))['predictions']
               for body in ({'instances': [{'image_bytes': content}] * 3},
                            {'signature_name': 'classify', 'instances': [content] * 3},
                            {'signature_name': 'images', 'instances': pixels})]
    assert answers[0] == answers[1] and len(answers[0]) == 3
    assert set(answers[0][0]) == {'classes', 'probabilities', 'class_names'}
    assert sum(answers[0][0]['probabilities']) == pytest.approx(1, abs=1e-5)
    assert [set(row) for row in answers[2]] == [{'logits', 'probabilities'}] * 3
    with pytest.raises(ValueError, match='the inputs are'):
        serving_rest.predict(model, json.dumps({'instances': [{'image': content}]}))


def test_clients_of_the_serving_page(shipped, tmp_path):
    """Each prints the class that the SavedModel names; the one in integers may be off."""
    folder, blocks = snippets(tmp_path, shipped)
    assert len(blocks) >= 4
    session = tf.Session(graph=tf.Graph())
    with session.graph.as_default():
        signature = tf.saved_model.load(
            session, [tf.saved_model.tag_constants.SERVING],
            str(shipped / 'export' / 'saved_model')).signature_def['classify']
        name, = session.run(signature.outputs['class_names'].name, {
            signature.inputs['image_bytes'].name: [(folder / 'photo.jpg').read_bytes()]})
    session.close()
    for number, block in enumerate(blocks):
        if 'onnxruntime' in block:
            continue        # export_test.py runs such files
        script = folder / f'client_{number}.py'
        script.write_text(block)
        done = program.command(sys.executable, script, cwd=str(folder))
        assert done.returncode == 0, done.stderr[-2000:]
        if 'b64' in block:
            answer = json.loads(serving_rest.predict(
                str(shipped / 'export' / 'saved_model'), done.stdout))
            assert [row['class_names'] for row in answer['predictions']] == [name.decode()]
        elif 'Interpreter' in block:
            said = done.stdout.split()
            assert said == [name.decode()] or (INTEGERS in block and said[0] in '0123456789')
        else:
            assert 'central' in done.stdout or "'resize'" in done.stdout
            assert '(1, 32, 32, 3) float32' in done.stdout
