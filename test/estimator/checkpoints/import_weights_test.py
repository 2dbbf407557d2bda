"""--mode=import: torch, Keras, TFLite and frozen files become checkpoints that compute the same."""

import json
import os

import foreign_files
import golden_tools
import numpy as np
import program
import pytest
import tensorflow.compat.v1 as tf

import main
from common.errors import CheckpointError, FlagError
from estimator.checkpoints.foreign import check, dialects, names, published
from estimator.modes.exports import graphs
from models import get_network

TORCHVISION = 'torchvision_mnasnet1_0'
V1_STAGES = (1, 2, 2, 6, 2)     # timm/models/efficientnet.py, _gen_mobilenet_v1


def run(name, path, folder, *words):
    return main.main(['main.py', '--mode=import', f'--model_name={name}', f'--from={path}',
                      f'--model_dir={folder}'] + list(words))


def record(folder, name='import'):
    with open(str(folder / f'{name}.json')) as stream:
        return json.load(stream)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """(path, arrays) of a timm mobilenetv1 of width 0.25 with 7 classes, as timm would save it."""
    network = get_network('mobilenet_v1_025')
    arrays = foreign_files.timm_keys(
        foreign_files.theirs(network, dialects.TIMM, num_classes=7), V1_STAGES)
    for stage, repeat in ((0, 0), (3, 5)):
        arrays[f'blocks.{stage}.{repeat}.bn1.num_batches_tracked'] = np.array(3)
    path = tmp_path_factory.mktemp('small') / 'weights.safetensors'
    foreign_files.safetensors(path, arrays)
    return path, arrays


def test_a_state_dict_of_torchvision_gives_its_logits(tmp_path, capsys):
    golden = golden_tools.read_json(TORCHVISION, 'variables')
    rules = {'gamma': 'positive', 'moving_variance': 'positive', 'kernel': 'kernel'}
    arrays = {row['name']: golden_tools.weights(
        row['name'], row['shape'], golden['kernel_gain'], row.get('fan_in'),
        rules.get(row['rule'], 'shift')) for row in golden['variables'] if row.get('rule')}
    path = tmp_path / 'some.bin'
    foreign_files.safetensors(path, arrays)
    assert run('mnasnet1_0', path, tmp_path / 'out') == 0
    flags = record(tmp_path / 'out', 'params')
    assert flags['padding'] == 'symmetric' and flags['batch_norm_epsilon'] == 1e-5
    assert flags['num_label_classes'] == 1000 and flags['preprocessing_name'] == 'torch'
    assert '262 of 262' in capsys.readouterr().out
    network = get_network('mnasnet1_0')
    expected = golden_tools.read_npz(TORCHVISION, 'logits')
    batch, _ = golden_tools.images(42, 2, network.image_size)
    logits = check.logits(network, str(tmp_path / 'out' / 'model.ckpt-0'), {}, batch)
    assert np.abs(logits - expected['logits']).max() < 1e-4 * np.abs(expected['logits']).max()


def test_every_tensor_arrives_and_the_network_is_told_how(small, tmp_path, capsys):
    path, arrays = small
    assert run('mobilenet_v1_025', path, tmp_path) == 0
    held = program.variables(tmp_path)
    np.testing.assert_array_equal(
        held['MobilenetV1/Conv2d_0/weights'], arrays['conv_stem.weight'].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(
        held['MobilenetV1/Conv2d_13_depthwise/depthwise_weights'],
        arrays['blocks.4.1.conv_dw.weight'].transpose(2, 3, 0, 1))
    np.testing.assert_array_equal(
        held['MobilenetV1/Conv2d_4_pointwise/BatchNorm/moving_variance'],
        arrays['blocks.2.0.bn2.running_var'])
    np.testing.assert_array_equal(
        held['MobilenetV1/Logits/Conv2d_1c_1x1/weights'][0, 0], arrays['classifier.weight'].T)
    assert set(held) == set(get_network('mobilenet_v1_025').variables()) | {'global_step'}
    assert record(tmp_path)['counts']['left_out'] == 2
    assert record(tmp_path, 'params')['num_label_classes'] == 7
    said = capsys.readouterr().out
    assert '137 of 137' in said and '--padding=symmetric' in said and 'next ' in said


def test_names_where_people_keep_them():
    rows = published.candidates('timm', 'mixnet-s')
    for path, expected in (('/x/tf_mixnet_s-89d3354b.pth', 'tf_mixnet_s'),
                           ('/x/mixnet_s-a907afbc.pth', 'mixnet_s'),
                           ('/hub/models--timm--tf_mixnet_s.in1k/snapshots/ab/model.safetensors',
                            'tf_mixnet_s'), ('/x/my_mixnet_s.pth', 'mixnet_s')):
        found, said = published.named(rows, path)
        assert [row.name for row in found] == [expected] and said
    assert published.named(rows, '/x/weights.pth') == (rows, None)
    assert published.named(rows, '/x/mixnet_s.pth', 'tf_mixnet_s')[0][0].name == 'tf_mixnet_s'


def test_timms_config_beside_the_file(tmp_path):
    (tmp_path / 'config.json').write_text(json.dumps({
        'architecture': 'tf_mixnet_s', 'pretrained_cfg': {'mean': [0.5, 0.5, 0.5],
                                                          'std': [0.5, 0.25, 0.5]}}))
    path = str(tmp_path / 'model.safetensors')
    found, said = published.named(published.candidates('timm', 'mixnet-s'), path)
    assert found[0].values['padding'] == 'same' and said == 'config.json'
    assert published.trained_as(path) == {'pixel_mean': (127.5,) * 3,
                                          'pixel_std': (127.5, 63.75, 127.5)}


def test_what_only_a_name_can_tell_is_said_aloud(tmp_path, capsys):
    network = get_network('mnasnet-small')
    arrays = foreign_files.theirs(network, dialects.TIMM, first_residual=True)
    foreign_files.safetensors(tmp_path / 'a', foreign_files.timm_keys(
        arrays, (1, 1, 2, 4, 3, 3, 1)))
    assert run('mnasnet-small', tmp_path / 'a', tmp_path / 'plain') == 0
    assert record(tmp_path / 'plain')['flags']['first_residual'] is True
    assert record(tmp_path / 'plain')['doubt'] == ''
    network = get_network('efficientnet-b0')
    arrays = foreign_files.theirs(network, dialects.TIMM)
    foreign_files.safetensors(tmp_path / 'b', foreign_files.timm_keys(
        arrays, (1, 2, 2, 3, 3, 4, 1)))
    assert run('efficientnet-b0', tmp_path / 'b', tmp_path / 'torch') == 0
    assert '--import_as=tf_efficientnet_b0' in capsys.readouterr().err
    assert record(tmp_path / 'torch')['flags']['padding'] == 'symmetric'
    assert run('efficientnet-b0', tmp_path / 'b', tmp_path / 'tf',
               '--import_as=tf_efficientnet_b0') == 0
    assert record(tmp_path / 'tf')['flags']['padding'] == 'same'
    with pytest.raises(FlagError, match='fits efficientnet-b0 as'):
        run('efficientnet-b0', tmp_path / 'b', tmp_path / 'x', '--import_as=mixnet_s')


@pytest.mark.parametrize('changes, words, message', [
    ({}, ('--num_label_classes=9',), r'with 9 classes: 2 tensors do not fit'),
    ({'conv_stem.weight': np.zeros([8, 3, 5, 5], np.float32)}, (), r'stem.weight is \[8, 3, 5'),
    ({'head.extra': np.zeros(4, np.float32)}, (), r'head.extra \[4\]: in the file, not in the net'),
    ({'bn1.weight': None}, (), 'the file has no bn1.weight'),
    ({'bn1.weight': np.full(8, np.nan, np.float32)}, (), 'bn1.weight holds NaN'),
])
def test_what_does_not_fit_is_named(small, tmp_path, changes, words, message):
    arrays = {name: array for name, array in dict(small[1], **changes).items()
              if array is not None}
    foreign_files.safetensors(tmp_path / 'w', arrays)
    with pytest.raises(CheckpointError, match=message):
        run('mobilenet_v1_025', tmp_path / 'w', tmp_path / 'out', *words)
    assert not (tmp_path / 'out' / 'checkpoint').exists()


@pytest.mark.parametrize('name', ('mobilenet_v1_050', 'mixnet-s'))
def test_another_network_is_refused(small, tmp_path, name):
    with pytest.raises(CheckpointError, match='(?s)do not fit.*Check --model_name'):
        run(name, small[0], tmp_path)


def test_as_init_checkpoint_and_again(small, tmp_path, capsys):
    words = dict(init_checkpoint=small[0], learning_rate=1e-9, weight_decay=0,
                 moving_average_decay=0, mode='train')
    program.run(tmp_path, train_steps=1, **words)
    assert 'skipped MobilenetV1/Logits' in capsys.readouterr().out      # 10 classes, not 7
    np.testing.assert_allclose(
        program.variables(tmp_path)['MobilenetV1/Conv2d_0/weights'],
        small[1]['conv_stem.weight'].transpose(2, 3, 1, 0), atol=1e-6)
    params = record(tmp_path, 'params')
    assert params['padding'] == 'symmetric' and params['preprocessing_name'] == 'torch_bicubic'
    assert params['batch_norm_epsilon'] == 1e-5 and params['num_label_classes'] == 10
    program.run(tmp_path, train_steps=2, **words)
    assert 'variables  137' not in capsys.readouterr().out              # not imported twice


@pytest.mark.slow
def test_a_file_of_our_own_export_comes_back(tmp_path):
    program.run(tmp_path / 'run', mode='train', train_steps=2, learning_rate=0.1,
                moving_average_decay=0)
    main.main(['main.py', '--mode=export', '--model_name=mobilenet_v1_025',
               f'--model_dir={tmp_path}/run', f'--export_dir={tmp_path}/out'])
    network = get_network('mobilenet_v1_025')
    images = np.random.RandomState(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
    expected = check.logits(network, str(tmp_path / 'run' / 'model.ckpt-2'),
                            {'num_classes': 10}, images)
    for place, tolerance in (('saved_model', 0), ('mobilenet_v1_025.pb', 1e-5),
                             ('mobilenet_v1_025.tflite', 1e-5),
                             ('mobilenet_v1_025_postquant.tflite', 0.05)):
        folder = tmp_path / place.replace('.', '_')
        assert run('mobilenet_v1_025', tmp_path / 'out' / place, folder) == 0
        logits = check.logits(network, str(folder / 'model.ckpt-0'), {'num_classes': 10}, images)
        assert np.abs(logits - expected).max() <= tolerance * np.abs(expected).max(), place


@pytest.mark.slow
@pytest.mark.parametrize('name, more', [
    ('mixnet-s', {'padding': 'symmetric'}),      # channel groups: one bias after several layers
    ('mobilenet_v2_035', {}),
    ('efficientnet-condconv-b0-4e', {})])        # kernels that are mixed for each image
def test_a_frozen_graph_without_names(tmp_path, name, more, capsys):
    """As graph tools leave it: batch norm folded, constants numbered."""
    network, arguments = get_network(name), dict(more, num_classes=7)
    batch = np.random.RandomState(1).normal(size=(2, 32, 32, 3)).astype(np.float32)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 32, 32, 3])
        logits, _ = network.build(images, training=False, **arguments)
        leave = tf.nn.softmax(logits)
        session.run(tf.global_variables_initializer())
        for variable in network.model_variables():
            if variable.op.name.endswith(('gamma', 'beta', 'mean', 'variance')):
                shift = 1 if variable.op.name.endswith(('gamma', 'variance')) else 0
                variable.load(shift + 0.1 * np.random.RandomState(len(variable.op.name)).normal(
                    size=variable.shape.as_list()), session)
        expected = session.run(logits, {images: batch})
        definition = graphs.folded(tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [leave.op.name]))
    numbers = {node.name: f'x{number}' for number, node in enumerate(definition.node)}
    for node in definition.node:
        node.name = numbers[node.name]
        node.input[:] = [numbers[text] for text in node.input]
    (tmp_path / 'a.pb').write_bytes(definition.SerializeToString())
    assert run(name, tmp_path / 'a.pb', tmp_path / 'out', '--input_image_size=32') == 0
    assert 'the graph gives the same logits' in capsys.readouterr().out
    made = check.logits(network, str(tmp_path / 'out' / 'model.ckpt-0'),
                        dict(arguments, batch_norm_epsilon=1e-3), batch)
    assert np.abs(made - expected).max() < 1e-4 * np.abs(expected).max()
    with pytest.raises(CheckpointError, match='do not fit'):
        run('mobilenet_v1_025', tmp_path / 'a.pb', tmp_path / 'other')


def test_the_card_beside_an_export_is_read(tmp_path):
    (tmp_path / 'model.json').write_text(json.dumps({
        'files': {'a.pb': {}}, 'arguments': {'padding': 'symmetric', 'num_classes': 7},
        'flags': {'pixel_mean': [1, 2, 3], 'num_label_classes': 7}}))
    assert published.carded(str(tmp_path / 'a.pb')) == (
        {'padding': 'symmetric'}, {'pixel_mean': (1, 2, 3)})
    assert published.carded(str(tmp_path / 'b.pb')) == ({}, {})


def test_the_maps_are_those_that_agreed():
    """Fails when a map or a flag changes; then compare again: make check-weights."""
    known, tables = check.stored(), {table.name: table for table in names.DIALECTS}
    with open(os.path.join(program.ROOT, 'docs', 'weights.md'), encoding='utf-8') as stream:
        page = stream.read()
    assert f'{len(known)} of the {len(published.PUBLISHED)} published' in page
    for source in {kept['with'] for kept in known.values()}:
        errors = [kept['error'] for kept in known.values() if kept['with'] == source]
        assert (f'| {source} | {len(errors)} | {min(errors):.0e} | {np.median(errors):.0e} | '
                f'{max(errors):.0e} |') in page
    for row in published.PUBLISHED:
        kept = known[check.label(row)]
        assert kept['map'] == check.fingerprint(get_network(row.network), tables[row.dialect], row)
        assert 0 < kept['error'] <= 1e-4
