"""What the adapter of an Ascend is told: by release, by rank, by flag."""

import collections
import os

import ascend_tools
import pytest
import tensorflow.compat.v1 as tf

import flags
from common.errors import FlagError, ProgramError
from estimator.devices import npu, precision, session
from estimator.run import Run
from launchers import ranks as ranks_lib

SEVERAL = dict(RANK_SIZE='8', RANK_ID='ascend8p', DEVICE_INDEX='3', RANK_TABLE_FILE='table.json')


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'table.json').write_text('{}')
    return lambda version='master', **environment: ascend_tools.install(
        monkeypatch, tmp_path, version, **environment)


def make(rank=0, size=1, loop=1, save=(100, None), **values):
    params = flags.make(device='npu', **values)
    device = session.Device('npu', size, '', rank)
    run = Run(params, None, device, precision.choose(params, 'npu'), {})
    npu.check(params, size)
    model_dir = os.path.abspath('model')
    return npu.make_estimator(lambda features, labels, mode: None, run, model_dir, save, loop)


def test_the_stand_in_refuses_what_a_release_does_not_have(stand_in):
    stand_in('r1.11.0')
    from npu_bridge import npu_init
    with pytest.raises(TypeError, match='auto_tune_mode'):
        npu_init.NPURunConfig(auto_tune_mode=None)
    with pytest.raises(ValueError, match='NPUConfigs'):
        npu_init.NPUEstimator(model_fn=lambda features: None, config=tf.estimator.RunConfig())
    with pytest.raises(npu_init.Abort):
        npu_init.DumpConfig(enable_dump=True, dump_path='.', dump_step='9-3')


@pytest.mark.parametrize('version', ascend_tools.VERSIONS)
def test_a_run_of_every_release(stand_in, version):
    calls = stand_in(version)
    make()
    given, = calls('NPURunConfig')
    assert 'auto_tune_mode' not in given and 'aoe_mode' not in given
    assert given['hcom_parallel'] is True and given['enable_data_pre_proc'] is True
    assert given['precision_mode'] == 'allow_mix_precision'
    assert (given['save_checkpoints_steps'], given['save_checkpoints_secs']) == (100, None)
    assert given['save_summary_steps'] == 0 and given['iterations_per_loop'] == 1
    environment, = calls('environment')
    assert environment['RANK_SIZE'] == '1' and environment['RANK_TABLE_FILE'] is None


@pytest.mark.parametrize('version', ascend_tools.VERSIONS)
def test_tuning_by_the_word_of_the_release(stand_in, version):
    calls = stand_in(version)
    make(npu_auto_tune=True)
    given, = calls('NPURunConfig')
    if version in ('r1.11.0', 'master'):
        assert given['aoe_mode'] == '2' and os.path.isdir(given['work_path'])
    else:
        assert given['auto_tune_mode'] == 'RL,GA'


def test_only_rank_0_writes(stand_in):
    calls = stand_in(**SEVERAL)
    make(rank=3, size=8)
    given, = calls('NPURunConfig', rank=3)
    assert given['save_checkpoints_steps'] == 0 and given['save_checkpoints_secs'] is None
    assert given['log_step_count_steps'] is None
    make(rank=0, size=8, save=(None, None))
    assert calls('NPURunConfig', rank=3)[1]['save_checkpoints_steps'] == 0     # not 100


def test_profiles_and_dumps_have_their_folders(stand_in):
    calls = stand_in()
    make(profiling=True, npu_dump_data=True, data_dump_step='0|5|10-20', npu_dump_graph=True)
    profile, = calls('ProfilingConfig')
    assert profile['enable_profiling'] and '"output": "./profiling_dir"' in (
        profile['profiling_options'])
    assert calls('DumpConfig') == [{'enable_dump': True, 'dump_path': './dump_dir',
                                    'dump_step': '0|5|10-20', 'dump_mode': 'all'}]
    assert calls('import') == [{'version': 'master', 'PRINT_MODEL': '1', 'DUMP_GE_GRAPH': '2',
                                'DUMP_GRAPH_PATH': os.path.abspath('dump_dir')}]
    make(npu_overflow_dump=True)
    assert calls('DumpConfig')[1] == {'enable_dump_debug': True, 'dump_path': './dump_dir',
                                      'dump_debug_mode': 'all'}


@pytest.mark.parametrize('size, values, word', [
    (1, dict(num_devices=8), 'train_full_8p.sh'),
    (1, dict(data_dump_step='9-3'), 'grows'), (1, dict(data_dump_step='5-5'), 'grows'),
    (1, dict(data_dump_step='|'.join(map(str, range(101)))), '100'),
    (8, dict(gradient_accumulation_steps=2), 'accumulation'),
    (8, dict(save_checkpoints_secs=60), 'save_checkpoints_steps'),
    (8, dict(npu_overflow_dump=True), 'one device')])
def test_flags_that_do_not_go_with_it(stand_in, size, values, word):
    stand_in('r1.2.0', **(SEVERAL if size > 1 else {}))
    with pytest.raises(FlagError, match=word):
        npu.check(flags.make(device='npu', **values), size)


def test_overflow_dumps_of_several_ranks_from_r1_5_0_on(stand_in):
    calls = stand_in('r1.5.0', **SEVERAL)
    make(rank=3, size=8, npu_overflow_dump=True)
    given, = calls('DumpConfig', rank=3)
    assert given['enable_dump_debug'] and given['dump_debug_mode'] == 'all'


@pytest.mark.parametrize('environment, expected', [
    ({}, (0, 1)), ({'RANK_SIZE': '1', 'RANK_ID': '1'}, (0, 1)),     # the originals' 1p sets both
    (SEVERAL, (3, 8)), (dict(SEVERAL, RANK_ID='5'), (5, 8)),
    ({'RANK_SIZE': 'eight'}, 'number of devices'),
    ({'RANK_SIZE': '8', 'RANK_ID': '0'}, 'RANK_TABLE_FILE'),
    ({'RANK_SIZE': '8', 'RANK_ID': 'pod', 'RANK_TABLE_FILE': 'x'}, 'DEVICE_INDEX'),
    (dict(SEVERAL, DEVICE_INDEX='8'), '0 to 7'),
    ({'RANK_SIZE': '8', 'CM_WORKER_SIZE': '8'}, 'CM_')])
def test_which_rank_this_is(environment, expected):
    if isinstance(expected, tuple):
        assert npu.place(environment) == expected
    else:
        with pytest.raises(FlagError, match=expected):
            npu.place(environment)


def test_one_device_takes_no_part_in_a_table(stand_in):
    calls = stand_in(RANK_TABLE_FILE='table.json', RANK_ID='ascend8p', RANK_SIZE='1')
    make()
    environment, = calls('environment')
    assert environment['RANK_TABLE_FILE'] is None and environment['RANK_ID'] is None


def test_auto_takes_a_named_ascend(stand_in, monkeypatch):
    stand_in()
    assert npu.chosen(flags.make()) == 'auto'          # no device is named
    monkeypatch.setenv('DEVICE_ID', '0')
    assert npu.chosen(flags.make()) == 'npu'
    assert npu.chosen(flags.make(device='cpu')) == 'cpu'


def test_an_adapter_that_does_not_load(monkeypatch, tmp_path, capsys):
    ascend_tools.install(monkeypatch, tmp_path, ASCEND_DEVICE_ID='0')
    broken = tmp_path / 'broken' / 'npu_bridge'
    broken.mkdir(parents=True)
    (broken / '__init__.py').write_text('')
    # the real one prints why its library does not load, and goes on to this
    (broken / 'npu_init.py').write_text('npu_bridge_handle')
    monkeypatch.syspath_prepend(str(broken.parent))
    with pytest.raises(ProgramError, match='set_env.sh'):
        npu.adapter(flags.make(device='npu'))
    assert npu.chosen(flags.make()) == 'auto'
    assert 'not training on Ascend device 0' in capsys.readouterr().err


Fake = collections.namedtuple('Fake', ['params', 'device', 'precision'])


def wrapped(size, **values):
    params = flags.make(device='npu', **values)
    run = Fake(params, session.Device('npu', size, ''), precision.choose(params, 'npu'))
    with tf.Graph().as_default():
        return npu.wrap_optimizer(tf.train.GradientDescentOptimizer(0.1), run), run


def test_the_order_of_the_optimizers(stand_in):
    calls = stand_in(**SEVERAL)
    optimizer, run = wrapped(8, loss_scale=4096)
    assert type(optimizer).__name__ == 'NPULossScaleOptimizer' and precision.leaves_out(run)
    given, = calls('NPULossScaleOptimizer', rank=3)
    assert given == {'opt': 'NPUDistributedOptimizer', 'loss_scale_manager':
                     'FixedLossScaleManager', 'is_distributed': True}
    assert calls('FixedLossScaleManager', rank=3) == [{'loss_scale': 4096.0}]
    wrapped(8, loss_scale='dynamic')
    manager, = calls('ExponentialUpdateLossScaleManager', rank=3)
    assert manager['decr_ratio'] == 0.5 and manager['decr_every_n_nan_or_inf'] == 2


@pytest.mark.parametrize('values', [{}, {'loss_scale': 'off', 'precision_mode': 'force_fp16'}])
def test_no_loss_scale(stand_in, values):
    stand_in()
    optimizer, run = wrapped(1, **values)
    assert isinstance(optimizer, tf.train.GradientDescentOptimizer)
    assert 'loss scale none' in run.precision.text and not precision.leaves_out(run)


def test_steps_of_a_loop_and_between_checkpoints():
    params = flags.make(iterations_per_loop=30)
    assert [npu.loop_of(params, steps) for steps in (90, 100, 7, 31)] == [30, 25, 7, 1]
    assert npu.save_every(params, 1251, 30) == (1260, None)
    assert npu.save_every(params, 10, 1) == (100, None)
    assert npu.save_every(flags.make(save_checkpoints_steps=100), 9, 30) == (120, None)
    assert npu.save_every(flags.make(save_checkpoints_secs=60), 9, 1) == (None, 60)


def test_what_computes_on_the_host_says_so(stand_in, capsys):
    stand_in()
    params = flags.make(device='npu')
    session._say_host.cache_clear()
    assert session.find_host(params).kind == 'cpu'
    assert 'CPU of this machine' in capsys.readouterr().out
    config = session.session_config(params, session.Device('npu', 1, ''), precision.float32())
    optimizer, = config.graph_options.rewrite_options.custom_optimizers
    assert optimizer.name == 'NpuOptimizer' and not optimizer.parameter_map['use_off_line'].b


def test_the_launcher_and_the_program_agree_on_the_rank(tmp_path):
    environment = ascend_tools.environment(tmp_path, 3)
    for index, rank in enumerate(ranks_lib.plan(8, 'npu', environment)):
        assert npu.place(dict(environment, **{
            name: value for name, value in rank.environment.items() if value})) == (index, 3)
