"""The command line: forms, old names, messages."""

import time

import pytest

import flags


def given(*words):
    return flags.parse(['main.py'] + list(words))


def params(*words):
    return flags.merge(given(*words), [])


def message(*words):
    with pytest.raises(flags.FlagError) as caught:
        params(*words)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize('words', [
    ['--use_cache'], ['--use_cache=True'], ['--use_cache=true'], ['--use-cache=1'], ['-use_cache']])
def test_boolean_true(words):
    assert params(*words).use_cache is True


@pytest.mark.parametrize('words', [
    ['--noarchive_ckpt'], ['--no-archive-ckpt'], ['--archive_ckpt=False'], ['--archive_ckpt=f']])
def test_boolean_false(words):
    assert params(*words).archive_ckpt is False


def test_value_with_equals_sign_or_space():
    assert params('--model_name=mixnet-s').model_name == 'mixnet-s'
    assert params('--model_name', 'mixnet-s').model_name == 'mixnet-s'
    assert params('--data_dir', '/a b/c-d').data_dir == '/a b/c-d'
    assert flags.merge(flags.parse(['--train_steps=3'])).train_steps == 3


def test_zero_and_empty_are_values():
    made = params('--dropout_rate=0', '--label_smoothing=0', '--init_checkpoint=', '--obs_dir=')
    assert made.dropout_rate == 0.0
    assert made.init_checkpoint is None
    assert flags.sources(made)['dropout_rate'] == 'command line'


def test_aliases():
    made = params('-b', '32', '--lr=.1', '--wd', '1e-5', '-a', 'mnasnet1_0', '--warmup=5',
                  '--data_path=/d', '--num_classes=1001', '--over_dump=True')
    assert (made.train_batch_size, made.learning_rate, made.weight_decay) == (32, 0.1, 1e-5)
    assert (made.model_name, made.lr_warmup_epochs) == ('mnasnet1_0', 5.0)
    assert made.num_label_classes == 1001 and made.npu_overflow_dump is True
    assert flags.sources(made)['data_dir'] == 'command line (--data_path)'


@pytest.mark.parametrize('word, name, value', [
    ('--mode=export_only', 'mode', 'export'),
    ('--runmode=imagenet', 'mode', 'eval'),
    ('--evaluate', 'mode', 'eval'),
    ('--device_target=Ascend', 'device', 'npu'),
    ('--device-list=0,1,2', 'device_ids', ('0', '1', '2')), ('--num_clones=4', 'num_devices', 4),
    ('--use_bfloat16', 'precision_mode', 'allow_mix_precision'),
    ('--precision=float32', 'precision_mode', 'must_keep_origin_dtype'),
    ('--lr_decay_mode=poly', 'lr_schedule', 'mindspore_poly'),
    ('--learning_rate_decay_type=exponential', 'lr_schedule', 'ascend_exponential'),
    ('--dataset_split_name=validation', 'eval_split', 'validation'),
    ('--dataset_split_name=train', 'train_split', 'train'),
    ('--dataset=imagenet2012', 'dataset', 'folder'),
    ('--dataset=tfds:cifar10', 'dataset', 'tfds:cifar10'),
    ('--enable_summary=False', 'save_summary_steps', 0),
    ('--depth_divisor=8.0', 'depth_divisor', 8),
    ("--restore_exclude=['MobilenetV2/Logits/']", 'init_exclude', ('MobilenetV2/Logits/',)),
    ('--data_dump_step=0|5-7', 'data_dump_step', '0|5-7'),
    ('--loss_scale=dynamic', 'loss_scale', 'dynamic'),
    ('--lr_decay_values=.1,.01', 'lr_decay_values', (0.1, 0.01))])
def test_values(word, name, value):
    assert given(word).value(name) == value


def test_switch_beats_number():
    assert params('--use_label_smooth=False', '--label_smooth_factor=.1').label_smoothing == 0
    assert params('--use_label_smooth=True', '--label_smooth_factor=.1').label_smoothing == 0.1


def test_unknown_flag_names_the_nearest():
    text = message('--mdoel_name=mixnet-s')
    assert '--mdoel_name' in text and 'model_name' in text and '--help' in text
    assert 'undefok' in message('--undefok=x')
    assert 'Missing value' in message('--train_steps')


def test_positional_argument_says_what_to_type():
    assert '--use_cache=False' in message('--use_cache', 'False')
    assert '--train_steps=3' in message('train_steps=3')
    assert '--data_dir' in message('/data/imagenet', '--model_name=mixnet-s')


@pytest.mark.parametrize('word, part', [
    ('--mode=trian', 'did you mean train?'),
    ('--train_steps=many', 'a whole number, at least 1'),
    ('--train_steps=0', 'at least 1'),
    ('--dropout_rate=1.5', 'at most 0.99'),
    ('--input_image_size=1000000000', 'at most 10000'),
    ('--num_label_classes=1000000000000', 'at most 10000000'),
    ('--depth_multiplier=1e9', 'at most 100'),
    ('--moving_average_decay=1', 'at most 0.999999'),
    ('--archive_ckpt=maybe', 'True or False'),
    ('--weight_decay=nan', 'a number'),
    ('--dataset=tfds:', 'tfds:NAME'),
    ('--data_dump_step=ten', '10-20'),
    ('--max_epoch=-1', 'at least 0'),
    ('--precision=float64', 'bfloat16')])
def test_bad_value_says_what_is_allowed(word, part):
    text = message(word)
    assert word in text and part in text


@pytest.mark.parametrize('words', [
    ('--batch_size=3', '--train_batch_size=4'),
    ('--data_path=/a', '--data_url=/b'),
    ('--learning_rate=1', '--base_learning_rate=2'),
    ('--train_steps=3', '--max_epoch=4')])
def test_two_names_of_one_thing_must_agree(words):
    text = message(*words)
    assert all(word.split('=')[0].strip('-') in text for word in words)


def test_two_names_that_agree():
    assert params('--batch_size=4', '--train_batch_size=4').train_batch_size == 4


def test_refused_and_ignored(capsys):
    assert 'TPU' in message('--use_tpu') and 'Bigtable' in message('--bigtable_table=mine')
    assert '--num_label_classes' in message('--labels_offset=1')
    capsys.readouterr()
    found = given('--obs_dir=/out', '--use_async_checkpointing=False', '--msg=hello')
    assert len(found.warnings) == 2
    assert '--obs_dir=/out is ignored' in capsys.readouterr().err
    assert not given('--alsologtostderr', '-v', '1', '--stderrthreshold=info').warnings
    assert 'digits' in given('--data_path=').warnings[0]
    assert not given('--data_path=', '--data_url=/d').warnings


@pytest.mark.parametrize('words, part', [
    (['--mode=export'], '--export_dir'),
    (['--dataset=folder'], '--data_dir'),
    (['--eval_name=../../x'], 'without a slash'),
    (['--eval_name=a\nb'], 'without a slash'),
    (['--model_dir=runs/lr[0.1]'], 'for a pattern'),
    (['--model_dir=runs/a*'], 'for a pattern'),
    (['--mode=predict'], '--data_dir'),
    (['--quantized_training'], '--post_quantize'),
    (['--quantization_delay_epochs=2'], '--post_quantize'),
    (['--lr_decay_boundaries=30,60', '--lr_decay_values=.1,.01'], 'one number more')])
def test_contradictions(words, part):
    assert part in message(*words)


@pytest.mark.parametrize('word, part', [('--help', '--model_name'), ('-h', '--train_batch_size'),
                                        ('--help=legacy', '--bigtable_project')])
def test_help_exits_with_0(word, part, capsys):
    with pytest.raises(SystemExit) as caught:
        given(word)
    assert caught.value.code == 0
    assert part in capsys.readouterr().out


def test_a_flag_given_twice():
    assert '--seed is given twice: 3 and 4' in message('--seed=3', '--mode=eval', '--seed=4')
    assert params('--seed=3', '--seed', '3').seed == 3
    assert 'given twice' in message('--use_cache', '--nouse_cache')
    assert message('--seed=3', '--seed=4').endswith('give it once.')


def test_files_of_flags_are_not_read_by_absl(tmp_path):
    path = tmp_path / 'secret'
    path.write_text('root:x:0\n')
    for words in (f'--flagfile={path}',), ('--flagfile', str(path)), (f'-flagfile={path}',):
        text = message(*words)
        assert '--config_file' in text and 'root' not in text


@pytest.mark.parametrize('value', ['1e23', '-1', '2147483648', '9' * 100000, '0x' + 'f' * 100000,
                                   '1' * 39, 'nan', '3.5'], ids=lambda value: value[:8])
def test_a_seed_is_a_small_whole_number(value):
    start = time.process_time()
    text = message(f'--seed={value}')
    assert 'a whole number, at least 0 and at most 2147483647' in text and len(text) < 300
    assert time.process_time() - start < 2
