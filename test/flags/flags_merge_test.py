"""Levels of values, overlays, and the frozen result."""

import copy
import json
import os
import pickle
import time

import pytest

import flags

RECIPE = {'train_batch_size': 64, 'train_epochs': 350, 'base_learning_rate': 0.016,
          'weight_decay': 1e-5, 'dropout_rate': 0.2, 'init_exclude': ['a', 'b']}
LAYERS = [('recipe net', RECIPE)]


def merged(*words, layers=LAYERS):
    return flags.merge(flags.parse(['main.py'] + list(words)), layers)


def failure(*words, layers=LAYERS):
    with pytest.raises(flags.FlagError) as caught:
        merged(*words, layers=layers)
    return str(caught.value)


def test_files_of_tensorflow_s_own_tools_are_local():
    assert 'in folders only' in failure('--profiling=True', '--profiling_dir=gs://b/p')
    assert merged('--model_dir=gs://b/run', '--profiling_dir=gs://b/p').model_dir == 'gs://b/run'


def test_weights_of_classes_are_not_all_nothing():
    assert 'at least one class has to count' in failure('--class_weights=0,0')
    assert merged('--class_weights=0,1').class_weights == (0, 1)
    assert '--use_cache' in failure('--balanced_sampling', '--use_cache')


def test_order_of_levels(tmp_path):
    path = tmp_path / 'x.yaml'
    path.write_text('weight_decay: 1e-4\nmomentum: 0.8\nbatch_size: 16\nseed: 7\n')
    made = merged(f'--config_file={path}', '--params_override=momentum=0.7,seed=8', '--seed=9')
    assert (made.train_batch_size, made.weight_decay, made.momentum) == (16, 1e-4, 0.7)
    assert made.seed == 9 and made.dropout_rate == 0.2
    found = flags.sources(made)
    assert found['dropout_rate'] == 'recipe net'
    assert found['weight_decay'] == f'config file {path}'
    assert 'batch_size' in found['train_batch_size']
    assert found['momentum'] == '--params_override' and found['seed'] == 'command line'
    assert found['rmsprop_decay'] == 'default'


def test_defaults_lie_below_the_users_values(tmp_path):
    path = tmp_path / 'x.json'
    path.write_text('{"seed": 5}')
    launcher = '--defaults={"train_steps": "100", "model_name": "mixnet-s", "seed": 4}'
    made = merged(launcher, '--max_epoch=2', '-a', 'mnasnet-a1', f'--config_file={path}')
    assert (made.train_steps, made.train_epochs, made.model_name, made.seed) == (
        None, 2, 'mnasnet-a1', 5)
    assert merged(launcher).train_steps == 100


def test_what_the_user_says_is_known_before_recipes():
    given = flags.parse(['--lr_decay_values=.1,.01', '--defaults=seed=3', '--seed=4'])
    assert given.value('lr_decay_values') == (0.1, 0.01)
    assert given.value('seed') == 4 and given.value('mode') == 'train_and_eval'
    with pytest.raises(flags.FlagError):
        flags.merge(given)
    assert flags.merge(given, [('r', {'lr_decay_boundaries': [30]})]).lr_decay_boundaries == (30,)


def test_later_recipe_wins():
    made = merged(layers=LAYERS + [('recipe of the digits', {'train_steps': 5, 'seed': 3})])
    assert (made.train_steps, made.train_epochs, made.seed) == (5, None, 3)


@pytest.mark.parametrize('word, name, rival', [
    ('--train_steps=5', 'train_steps', 'train_epochs'),
    ('--learning_rate=.1', 'learning_rate', 'base_learning_rate')])
def test_command_line_drops_the_recipes_rival(word, name, rival):
    made = merged(word)
    assert getattr(made, name) and getattr(made, rival) is None
    assert name in flags.sources(made)[rival]


def test_absolute_rate_of_a_recipe_gives_way():
    made = merged('--base_learning_rate=.01', layers=[('r', {'learning_rate': 0.8})])
    assert (made.learning_rate, made.base_learning_rate) == (None, 0.01)


@pytest.mark.parametrize('text', [
    '{optimization: {weight_decay: 1e-4}, num_classes: 10, use_cache: true}',
    '{"optimization": {"weight_decay": 1e-4}, "num_classes": 10, "use_cache": true}',
    '{\n\t"weight_decay": 1e-4,\n\t"num_classes": 10, "use_cache": true}',
    'weight_decay: 1e-4\nmodel:\n  num_label_classes: 10\ndata.use_cache: yes\n',
    'optimization.weight_decay=1e-4,num_classes=10, use_cache=True'])
def test_forms_of_an_override(text):
    made = merged(f'--params_override={text}')
    assert (made.weight_decay, made.num_label_classes, made.use_cache) == (1e-4, 10, True)


def test_list_in_an_override():
    made = merged('--params_override=init_exclude=c,d,seed=4')
    assert (made.init_exclude, made.seed) == (('c', 'd'), 4)
    assert merged('--params_override={init_exclude: [c, d]}').init_exclude == ('c', 'd')


def test_null_goes_back():
    made = merged('--params_override=dropout_rate=null,weight_decay=null')
    assert made.dropout_rate is None        # what the network's file says
    assert made.weight_decay == 1e-5        # what its recipe says
    assert merged('--params_override={dropout_rate: null}').dropout_rate is None


def test_mindspore_file(tmp_path):
    path = tmp_path / 'default_config.yaml'
    path.write_text('enable_modelarts: False\ndata_url: ""\ndata_path: "/cache/data"\n'
                    'device_target: CPU\nclass_num: 10\nlr_decay_mode: poly\nlr_end: 0.00001\n'
                    'lr_max: 0.1\nuse_label_smooth: False\nlabel_smooth_factor: 0.1\n'
                    'epoch_size: 90\nloss_scale: 1024\npre_trained: ""\n'
                    'checkpoint_path: "./mobilenetv1-90_625.ckpt"\n---\nhelp: texts\n')
    made = merged(f'--config_path={path}')
    assert (made.data_dir, made.device, made.num_label_classes) == ('/cache/data', 'cpu', 10)
    assert (made.lr_schedule, made.learning_rate, made.label_smoothing) == ('mindspore_poly', .1, 0)
    assert (made.train_epochs, made.base_learning_rate, made.init_checkpoint) == (90, None, None)


@pytest.mark.parametrize('word, part', [
    ('--params_override=train_step=3', 'train_steps'),
    ('--params_override=optimizer: {a: 1}', 'not a group'),
    ('--params_override=train_steps=3,train_epochs=2', 'twice'),
    ('--params_override=seed=1,seed=2', 'twice'),
    ('--params_override=[1, 2]', 'flag: value'),
    ('--params_override={a: [', 'not valid YAML'),
    ('--params_override=use_tpu=True', 'TPU'),
    ('--params_override=train_steps=0', 'at least 1'),
    ('--params_override=config_file=x', 'inside an overlay'),
    ('--init_checkpoint=runs[1]/model.ckpt-4', 'ln -s'),
    ('--config_file=/no/such.yaml', 'cannot be read')])
def test_overlay_is_strict(word, part):
    assert part in failure(word)


BOMB = 'a: &a [x, x]\n' + ''.join(f'{b}: &{b} [{", ".join("*" + a for _ in range(9))}]\n'
                                   for a, b in zip('abcdefghi', 'bcdefghij'))


@pytest.mark.parametrize('text, part', [
    (BOMB, 'aliases'),
    ('run: &a {run: *a}\n', 'aliases'),
    ('seed: 0x' + 'f' * 50000, 'a number of 50002 digits'),
    ('seed: ' + '1' * 50000, 'a number of 50000 digits'),
    ('{\t"seed": ' + '1' * 50000 + '}', 'a number of 50000 digits'),
    ('# long\n' * 10000000, 'is longer than'),
    ('freeze: ' + '[' * 30000, 'inside each other'),
    ('freeze: ' + '- ' * 30000, 'inside each other'),
    ('{\t"freeze": ' + '[' * 30000, 'inside each other'),
    ('seed: 1\nmode: eval\nseed: 2\n', 'line 3: seed is given twice'),
    ('{\t"seed": 1, "seed": 2}', 'seed is given twice')], ids=lambda text: text[:12])
def test_a_hostile_file_is_answered_at_once(tmp_path, text, part):
    (tmp_path / 'x.yaml').write_text(text)
    start = time.process_time()
    assert part in failure(f'--config_file={tmp_path}/x.yaml')
    assert time.process_time() - start < 2


@pytest.mark.parametrize('text, part', [
    ('seed: 1:30\n', 'expected a whole number'),
    ('model_dir: "a\\0b"\n', 'expected text'),
    ('learning_rate: 1:30.5\n', 'expected a number'),
    ('seed: 1\n---\nseed: 2\n', 'give one document'),
    ('{"seed": 1}x', 'not valid YAML')])
def test_numbers_and_documents_nobody_means(tmp_path, text, part):
    (tmp_path / 'x.yaml').write_text(text)
    assert part in failure(f'--config_file={tmp_path}/x.yaml')


def test_a_leading_zero_is_not_octal(tmp_path):
    (tmp_path / 'x.yaml').write_text('seed: 010\ntrain_steps: 0x10\n')
    made = merged(f'--config_file={tmp_path}/x.yaml')
    assert (made.seed, made.train_steps) == (10, 16)


def test_a_pipe_is_no_config_file(tmp_path):
    os.mkfifo(str(tmp_path / 'pipe'))
    for name in ('pipe', ''):
        assert 'it is no file' in failure(f'--config_file={tmp_path}/{name}')


def test_a_key_repeated_with_its_value(tmp_path):
    (tmp_path / 'x.yaml').write_text('seed: 1\nseed: 1\n')
    assert merged(f'--config_file={tmp_path}/x.yaml').seed == 1


@pytest.mark.parametrize('layer, part', [
    ({'wieght_decay': 1}, 'weight_decay'),
    ({'batch_size': 1}, 'there is no flag'),
    ({'train_steps': -1}, 'at least 1'),
    ({'use_cache': 3}, 'True or False'),
    ({'train_steps': True}, 'whole number'),
    ({'train_steps': 1, 'train_epochs': 1}, 'twice')])
def test_recipe_is_checked(layer, part):
    text = failure(layers=[('recipe net', layer)])
    assert part in text and 'recipe net' in text


def test_make():
    made = flags.make(model_name='mixnet-s', train_steps=5, freeze=['a'])
    assert (made.train_steps, made.freeze, made.mode) == (5, ('a',), 'train_and_eval')
    with pytest.raises(flags.FlagError, match='model_name'):
        flags.make(model_nam='x')


def test_params_are_frozen_and_travel():
    made = merged('--seed=3')
    with pytest.raises(AttributeError):
        made.seed = 4
    with pytest.raises(AttributeError):
        made.sed = 4
    for other in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert other == made and hash(other) == hash(made)
        assert flags.sources(other) == flags.sources(made)
    changed = made._replace(model_dir='/tmp/x')
    assert flags.sources(changed)['model_dir'] == 'program'
    assert flags.sources(changed)['seed'] == flags.sources(made)['seed'] == 'command line'
    assert json.loads(json.dumps(flags.to_dict(made)))['init_exclude'] == ['a', 'b']


def test_explain_shows_each_value_with_its_source():
    text = flags.explain(merged('--data_path=/d'))
    line = next(line for line in text.splitlines() if line.split()[:1] == ['data_dir'])
    assert line.split(None, 2)[1:] == ['/d', 'command line (--data_path)']
    assert 'recipe net' in text and all(f' {name} ' in text for name in flags.Params._fields)
