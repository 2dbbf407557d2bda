"""What to run, for how long, what to start from and what to write."""

from flags.spec import Row

MODES = ('train', 'eval', 'train_and_eval', 'predict', 'export', 'inspect', 'benchmark',
         'lr_find', 'compare', 'doctor', 'import')
EXPORTED = ('savedmodel', 'frozen_pb', 'tflite', 'tflite_dynamic', 'tflite_fp16', 'tflite_int8',
            'tflite_int16', 'onnx')

ROWS = (
    Row('model_name', 'str', None, 'Network to build; an unknown name prints the list.'),
    Row('mode', 'str', 'train_and_eval', 'What to do; export_only means export.', MODES),
    Row('recipe', 'str', None, "One of the network's recipes by name, small or finetune (default: "
        "its full run; of few images small, with weights to start from finetune)."),
    Row('model_dir', 'str', None, 'Folder or address (gs://, s3://) for checkpoints, events, logs '
        'and results; a run resumes from what it holds.'),
    Row('init_checkpoint', 'str', None, 'Checkpoint file or folder to start from, or to evaluate; '
        'also a file that --mode=import reads.'),
    Row('import_from', 'str', None, 'Import: weights of timm, torchvision, Keras, TFLite, or a '
        'SavedModel or frozen graph; short: --from.'),
    Row('import_as', 'str', None, 'What the weights were published as, such as tf_mixnet_s, where '
        'nothing in the file or its name tells.'),
    Row('init_exclude', 'list', (), 'Prefixes of variable names not taken from init_checkpoint.'),
    Row('freeze', 'list', (), 'Scopes or variables that are not trained; '
        'their batch statistics are kept too.'),
    Row('trainable_scopes', 'list', (), 'Prefixes of the only variable names that are trained.'),
    Row('train_steps', 'int', None, 'Training length in steps.', None, 1),
    Row('train_epochs', 'float', None, 'Training length in epochs.', None, 0),
    Row('steps_per_eval', 'int', None, 'Training steps between evaluations in train_and_eval.',
        None, 1),
    Row('epochs_per_eval', 'float', None, 'The same in epochs.', None, 0.001),
    Row('early_stopping', 'str', None, 'In train_and_eval: stop when this has not become better '
        'for --patience evaluations.', ('top_1_accuracy', 'cross_entropy')),
    Row('patience', 'int', 5, 'See early_stopping.', None, 1),
    Row('eval_timeout', 'int', None, 'Seconds to wait for a new checkpoint in eval mode.', None, 0),
    Row('eval_name', 'str', None, "Suffix of the evaluation's events folder under model_dir."),
    Row('eval_all', 'bool', False, 'In eval mode every checkpoint of the folder, oldest first.'),
    Row('eval_weights', 'str', 'both', 'Weights to evaluate: averaged, plain or both.',
        ('both', 'ema', 'raw')),
    Row('archive_ckpt', 'bool', True, 'Keep the best checkpoint in model_dir/archive.'),
    Row('log_step_count_steps', 'int', 10, 'Steps between log lines.', None, 1),
    Row('log_style', 'str', None, "Also print TensorFlow's lines or those of an original's log, "
        "for scripts that read them; the launchers print TensorFlow's.",
        ('tensorflow', 'ascend_mobilenet', 'mindspore', 'pytorch')),
    Row('save_checkpoints_steps', 'int', None, 'Steps between checkpoints.', None, 1),
    Row('save_checkpoints_secs', 'int', None, 'Seconds between checkpoints.', None, 1),
    Row('save_summary_steps', 'int', 100, 'Steps between TensorBoard summaries (0: none).',
        None, 0),
    Row('keep_checkpoint_max', 'int', 5, 'Checkpoints to keep (0: all).', None, 0),
    Row('seed', 'int', 0, 'Seed of initial weights, data order and augmentation.', None, 0,
        2 ** 31 - 1),
    Row('export_dir', 'str', None, 'Folder for the exported model, and for '
        'predictions.csv and predictions.png.'),
    Row('save_features', 'str', None, 'Predict: file for the features before the classifier, a '
        'row an image; .npz (arrays images and features) or .csv.'),
    Row('export_moving_average', 'bool', True, 'Export averaged weights instead of plain ones.'),
    Row('export_formats', 'list', (), 'Files to export (default: savedmodel, frozen_pb, tflite, '
        'and with post_quantize tflite_dynamic).', EXPORTED),
    Row('post_quantize', 'bool', True, 'Export a TFLite file with 8-bit weights too, where '
        'export_formats does not say.'),
    Row('exported', 'str', None, 'Eval: an exported file or SavedModel folder to evaluate instead '
        'of a checkpoint.'),
    Row('license', 'str', None, 'Export: licence of the weights, for the model card.'),
    Row('config_file', 'str', None, 'YAML or JSON file of flag values, below the command line.'),
    Row('params_override', 'str', None, "Flag values as 'k=v,k2=v2' or YAML/JSON text, "
        'above config_file.'),
    Row('defaults', 'str', None, 'The same below config_file; the launchers give theirs with it.'),
    Row('explain', 'bool', False, 'Print every value with its source and stop.'),
    Row('verbose', 'bool', False, "Show TensorFlow's own messages too."),
    Row('format', 'str', 'text', 'Output of inspect, predict and benchmark.', ('text', 'json')),
)
