"""The old names: flags of the five originals and options of their launchers.

An alias leads to canonical flags. Every other name is accepted where its value means nothing has to
be done, and is otherwise refused when leaving it out would change what is trained or written
(REFUSE), or ignored with one warning when it would not (WARN). Names map, formulas do not: warm-up,
cosine and decay differ between the originals, and the schedule of the recipe picks the formula.
"""

import collections

ANY = ('*',)

Alias = collections.namedtuple('Alias', ['name', 'to', 'rule', 'unset', 'wins', 'note'])
Alias.__new__.__defaults__ = (None, (), False, '')
Alias.__doc__ = """Another name of a canonical flag.

rule: None (same value), a dict from old to new value, or a key of flags.rules.RULES. unset: old
values that mean 'not given'. wins: its value beats another alias of the same flag. note: what
differs from the original, for the documentation.
"""
Old = collections.namedtuple('Old', ['name', 'kind', 'accepted', 'action', 'why'])
Old.__doc__ = """A name without a meaning here. accepted: values passed over in silence."""
REFUSE, WARN = 'refuse', 'warn'


def aliases(to, *names, **more):
    """Alias rows of several names for one canonical flag."""
    return [Alias(name, to, **more) for name in names]


def old(action, why, **accepted):
    """Old rows that share a reason: name=accepted value, or a tuple of accepted values."""
    rows = []
    for name, values in sorted(accepted.items()):
        values = values if isinstance(values, tuple) else (values,)
        kind = 'bool' if values and isinstance(values[0], bool) else 'str'
        rows.append(Old(name, kind, values, action, why))
    return rows


MS_CHECKPOINTS = ('./mobilenetv1-90_625.ckpt', './ckpt_0/mobilenetv1-90_1251.ckpt')

# The Ascend port's meaning of slim's words; slim_exponential is slim's own.
SLIM_SCHEDULES = {'exponential': 'ascend_exponential', 'slim_exponential': 'slim_exponential',
                  'fixed': 'fixed', 'polynomial': 'polynomial',
                  'cosine_annealing': 'cosine_annealing'}

ALIASES = (
    # run
    aliases('model_name', 'a', 'arch', note='the PyTorch port never read it')
    + aliases('mode', 'runmode', rule={'examples': 'predict', 'imagenet': 'eval'})
    + aliases('mode', 'e', 'evaluate', rule='evaluate')
    + aliases('model_dir', 'train_dir', 'train_url', 'model_path', 'output_path', 'output_dir',
              'checkpoint_dir', 'ckpt_dir')
    + aliases('init_checkpoint', 'restore_path', 'checkpoint_path', 'ckpt_path', 'ckpt_file',
              'checkpoint_file', 'fine_tune_checkpoint', 'pre_trained', 'pretrained_weight',
              'resume', unset=MS_CHECKPOINTS)
    + aliases('import_from', 'from', note='short for it')
    + aliases('init_exclude', 'restore_exclude', 'checkpoint_exclude_scopes')
    + aliases('train_steps', 'max_train_steps', 'max_number_of_steps', 'number_of_steps')
    + aliases('train_epochs', 'max_epoch', 'epochs', 'epoch_size')
    + aliases('log_step_count_steps', 'log_every_n_steps', 'p', 'print_freq')
    + aliases('save_checkpoints_steps', 'ckp_freq')
    + aliases('save_checkpoints_secs', 'save_interval_secs')
    + aliases('save_summary_steps', 'add_summaries', 'enable_summary', rule='summaries')
    + aliases('export_dir', 'output_saved_model_dir')
    + aliases('export_moving_average', 'enable_ema')
    + aliases('config_file', 'config_path')
    # data
    + aliases('data_dir', 'data_path', 'data_url', 'dataset_dir', 'dataset_path', 'example_img')
    + aliases('train_split', 'dataset_split_name', rule='split')
    + aliases('train_batch_size', 'batch_size', 'b',
              note='images a step on each device, and the batch that scales the learning rate; '
                   "condconv's batch_size left the rate alone")
    + aliases('num_train_images', 'limit_train_images')
    + aliases('num_eval_images', 'num_examples', 'num_images', 'limit_eval_images')
    + aliases('num_parallel_calls', 'num_preprocessing_threads', 'workers', 'j')
    + aliases('input_image_size', 'train_image_size', 'eval_image_size', 'image_size', 'image_res',
              'width', 'height')
    # model
    + aliases('num_label_classes', 'num_classes', 'class_num')
    + aliases('depth_multiplier', 'width_coefficient', note='the width, under two names')
    # optimization
    + aliases('learning_rate', 'lr', 'lr_max')
    + aliases('weight_decay', 'wd')
    + aliases('lr_schedule', 'learning_rate_decay_type', rule=SLIM_SCHEDULES)
    + aliases('lr_schedule', 'lr_decay_mode', rule='mindspore_schedule')
    + aliases('lr_decay_factor', 'learning_rate_decay_factor')
    + aliases('lr_decay_epoch', 'num_epochs_per_decay')
    + aliases('lr_warmup_epochs', 'warmup_epochs', 'warmup')
    + aliases('end_learning_rate', 'lr_end')
    + aliases('optimizer_epsilon', 'opt_epsilon')
    + aliases('label_smoothing', 'label_smooth_factor')
    + aliases('label_smoothing', 'use_label_smooth', rule='smoothing_switch', wins=True)
    # device
    + aliases('device', 'device_target', rule={'Ascend': 'npu', 'GPU': 'gpu', 'CPU': 'cpu'})
    + aliases('num_devices', 'num_gpus', 'device_num', 'num_clones', unset=('0', 0))
    + aliases('device_ids', 'gpu_ids', 'device_list', 'device_id', 'npu')
    + aliases('precision_mode', 'use_bfloat16', rule='bfloat16')
    + aliases('precision_mode', 'precision', rule={'float32': 'must_keep_origin_dtype',
                                                   'bfloat16': 'allow_mix_precision'})
    + aliases('profiling', 'npu_profiling', 'enable_profiling', 'run_prof')
    + aliases('profiling_dir', 'profiling_dump_path')
    + aliases('npu_dump_data', 'data_dump_flag')
    + aliases('dump_dir', 'over_dump_path', 'data_dump_path')
    + aliases('npu_overflow_dump', 'over_dump')
    + aliases('npu_auto_tune', 'autotune'))

TPU = 'TPUs are not supported; leave it out and choose with --device=cpu, gpu or npu.'
BIGTABLE = 'Cloud Bigtable is not supported; point --data_dir at a folder of TFRecords.'
SERVERS = 'parameter servers are gone; --num_devices=N trains on N devices of this machine.'
PROCESSES = 'one program starts all devices of this machine; say how many with --num_devices=N.'
MODELARTS = 'nothing is copied or unpacked here; compat/mobilenet_v1/train.py does.'

OLD = (
    old(REFUSE, TPU, use_tpu=False, tpu='', tpu_zone='', tpu_job_name='', gcp_project='',
        eval_master='', export_to_tpu=False, skip_host_call=False)
    + old(REFUSE, 'images are transposed on no device here; it was for TPUs.',
          transpose_input=(True, False))
    + old(REFUSE, 'batch norm uses the batch of each device, as in all originals without LARS on '
          'a TPU; choose it with --train_batch_size and --num_devices.',
          batch_norm_batch_size=('8', '128'), num_replicas='32')
    + old(REFUSE, BIGTABLE, bigtable_project='', bigtable_instance='',
          bigtable_table=('imagenet', ''), bigtable_train_prefix=('train_', ''),
          bigtable_eval_prefix=('validation_', ''), bigtable_column_family=('tfexample', ''),
          bigtable_column_qualifier=('example', ''))
    + old(REFUSE, SERVERS, master='', task='0', worker_replicas='1', num_ps_tasks='0',
          ps_tasks='0', replicas_to_aggregate='1', sync_replicas=False, clone_on_cpu=False,
          parameter_server=False)
    + old(REFUSE, PROCESSES, world_size=('-1', '1'), rank=('-1', '0'), dist_url=ANY,
          dist_backend=ANY, local_rank='0', multiprocessing_distributed=(False, True),
          run_distribute=(False, True))
    # absl
    + old(WARN, "the log goes to the console; TensorFlow's own messages with --verbose.",
          alsologtostderr=(False, True), logtostderr=(False, True), stderrthreshold=ANY,
          showprefixforinfo=(True, False), v=ANY, verbosity=ANY, log_dir=ANY, logger_levels=ANY)
    + old(WARN, 'use a debugger or profiler around the command.', pdb=False, pdb_post_mortem=False,
          run_with_pdb=False, run_with_profiling=False, use_cprofile_for_profiling=(True, False),
          profile_file='', only_check_args=False)
    # ModelArts
    + old(WARN, 'results stay in --model_dir; compat/condconv/main.py copies them there.',
          obs_dir='')
    + old(WARN, MODELARTS, enable_modelarts=False, modelarts_data_dir='',
          need_modelarts_dataset_unzip=(True, False), modelarts_dataset_unzip_name=ANY)
    + old(REFUSE, 'nothing is downloaded; give the checkpoint with --init_checkpoint.',
          checkpoint_url='', load_path=('', '/cache/checkpoint_path'))
    # cadence and places
    + old(WARN, 'checkpoints are written at once, not in the background.',
          use_async_checkpointing=False)
    + old(WARN, 'summaries are counted in steps; use --save_summary_steps.',
          save_summaries_secs=('', '60', '100', '600'))
    + old(WARN, 'checkpoints are counted in steps; use --save_checkpoints_steps and '
          '--keep_checkpoint_max.', save_checkpoint_epochs='', save_checkpoint=True)
    + old(WARN, 'evaluation is written under --model_dir.', eval_dir='')
    + old(WARN, 'checkpoints are written to --model_dir.', save_checkpoint_path=('', './'))
    + old(WARN, 'the processor is not pinned; use taskset around the command.', bind_core=('', '0'))
    + old(WARN, 'FFTS is chosen by the CANN installation.', ffts=('', '0'))
    + old(WARN, 'it was never read by the original.', msg='', T_max='200', eta_min='0.0',
          eval_after_training=False)
    # data and model
    + old(WARN, 'the folder in --data_dir says what it holds (dataset.json, or '
          '--num_label_classes and --label_offset).',
          dataset_name=('', 'imagenet', 'imagenet2012'))
    + old(REFUSE, 'labels are read with --label_offset (0 or 1); to train without the background '
          'class give --num_label_classes without it, 1000 for ImageNet.', labels_offset='0')
    + old(REFUSE, 'networks are trained in floating point; --mode=export writes a TFLite file with '
          '8-bit weights (--post_quantize).', quantized_training=False, quantize=False,
          quantization_delay_epochs='0', quantize_delay='-1')
    + old(WARN, 'variables missing in a checkpoint are named, and left out with --init_exclude.',
          ignore_missing_vars=False)
    + old(REFUSE, 'a run resumes from --model_dir at its own step.', start_epoch='0',
          pretrain_epoch_size='0')
    + old(REFUSE, 'give the checkpoint with --init_checkpoint.', pretrained=False)
    + old(REFUSE, 'give --num_label_classes=1001 for a background class.',
          include_background_label=False)
    + old(REFUSE, 'no network here has AdvProp weights; see --preprocessing_name.',
          advprop_preprocessing=False)
    + old(REFUSE, 'all images of the evaluation split are used; set --num_eval_images for fewer.',
          max_num_batches='')
    + old(REFUSE, 'use --mode=eval with --dataset=folder and --data_dir.', imagenet_eval_glob='',
          imagenet_eval_label='')
    # export and conversion scripts
    + old(REFUSE, 'use --mode=export with --export_dir and --export_formats; docs/export.md.',
          output_tflite='', output_file='', export_ckpt='', saved_model_dir='', onnx=False,
          is_training=False, endpoint_name='', require_int8=False,
          file_format='MINDIR')
    + old(WARN, 'the exported model names its own inputs and outputs.', input_name=ANY,
          output_name=ANY, num_steps=ANY, file_name=ANY, labels_map_file=ANY, result_path=ANY,
          result_dir=ANY, label_dir=ANY))

VALUES = {
    'mode': {'export_only': 'export'},
    'dataset': {'imagenet2012': 'folder', 'imagenet': 'tfrecord', 'cifar10': 'tfrecord'},
    'optimizer': {'GradientDescent': 'sgd', 'Momentum': 'momentum'},
}

ALIAS_BY_NAME = {row.name: row for row in ALIASES}
OLD_BY_NAME = {row.name: row for row in OLD}
