"""Devices, precision, profiling and dumps."""

from flags.spec import Row

PRECISIONS = ('must_keep_origin_dtype', 'allow_fp32_to_fp16', 'allow_mix_precision', 'force_fp16')

ROWS = (
    Row('device', 'str', 'auto', 'Device to run on; npu is an Ascend.',
        ('auto', 'cpu', 'gpu', 'npu')),
    Row('num_devices', 'int', None, 'Devices to use (default: all GPUs, else 1). Without '
        'a GPU they are replicas on the same cores, at most 8 or one a core.', None, 1),
    Row('expected_devices', 'int', None, 'Devices that a command is written for; when there are '
        'fewer, the log says so at the start. The launchers give theirs.', None, 1),
    Row('device_ids', 'list', (), 'Numbers of the only GPUs to use, such as 0,2; of the Ascend to '
        'use. Without a meaning on a CPU.'),
    Row('hosts', 'list', (), 'Addresses name:port of all processes that train together, first '
        'the one that writes; the same on all. TF_CONFIG says it too.'),
    Row('host_index', 'int', None, 'Which of hosts this process is, from 0.', None, 0),
    Row('host_timeout', 'int', 30, 'Seconds without a sign of life after which another of hosts '
        'counts as lost.', None, 3),
    Row('precision_mode', 'str', None, 'Arithmetic, in the words of Ascend (default: '
        'allow_mix_precision there, must_keep_origin_dtype on CPU and GPU).', PRECISIONS),
    Row('loss_scale', 'float', None, 'Factor on the loss against float16 underflow '
        '(default: by precision; off: none).', ('dynamic', 'off'), 1),
    Row('cpu_bfloat16', 'bool', False, 'bfloat16 rewrite on a CPU (TensorFlow 2.15).'),
    Row('use_xla', 'bool', False, 'Compile with XLA.'),
    Row('iterations_per_loop', 'int', None, 'Steps a device loop on Ascend; on other devices steps '
        'between checkpoints, at least 100.', None, 1),
    Row('profiling', 'bool', False, 'Record a profile of some steps.'),
    Row('profile_steps', 'steps', None, 'Steps to profile, such as 10-15 (default: six after the '
        'tenth, or the second half of a shorter run).'),
    Row('profiling_dir', 'str', './profiling_dir', 'Folder for profiles.'),
    Row('npu_dump_data', 'bool', False, 'Write tensors to dump_dir at data_dump_step.'),
    Row('npu_dump_graph', 'bool', False, 'Write the graph to dump_dir.'),
    Row('dump_dir', 'str', './dump_dir', 'Folder for dumps.'),
    Row('compare_to', 'str', None, 'Another dump, that --mode=compare sets beside dump_dir.'),
    Row('data_dump_step', 'steps', None, 'Steps at which tensors are dumped, such as 0|5|10-20; '
        'the first step from new weights is 0 (default: the first step of the run).'),
    Row('dump_examples', 'int', 8, 'Images of a batch whose inputs and activations a dump holds '
        '(0: all).', None, 0),
    Row('npu_overflow_dump', 'bool', False, 'Write statistics of every tensor when one overflows.'),
    Row('npu_auto_tune', 'bool', False, 'Let the Ascend compiler tune operators.'),
)
