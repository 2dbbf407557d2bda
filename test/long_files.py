"""The files of tests that take longest, in about this order: they are begun first."""

SLOW = ('estimator/devices/hosts', 'estimator/devices/replicas', 'tutorial', 'docs',
        'ascend/ranks_run', 'compat/seed_runs', 'compat/seed_runs_others', 'models/trajectory',
        'estimator/modes/export', 'estimator/checkpoints/import_weights', 'estimator/terminal',
        'estimator/small_disks', 'estimator/modes/evaluator')
QUICK = ('launchers/launchers', 'models/models', 'estimator/runner', 'models/models_golden',
         'estimator/trust', 'input/input_stream', 'estimator/modes/export_digits',
         'estimator/checkpoints/originals_checkpoint', 'estimator/pauses', 'input/preprocessing',
         'estimator/small_data', 'estimator/checkpoints/import_graphs',
         'estimator/training/head_replicas', 'estimator/report/report', 'estimator/modes/predict',
         'estimator/devices/watch', 'models/condconv', 'estimator/hooks/diagnostics',
         'input/input_errors', 'launchers/ranks', 'input/images/image_files', 'input/images/crop',
         'input/sources/input_sources', 'estimator/training/optimizers',
         'input/convert/convert_resume', 'models/description', 'input/large_data',
         'input/augment/autoaugment', 'estimator/modes/benchmark', 'common/signals',
         'estimator/next_line', 'input/sources/seed_layouts')
LONG = tuple(f'test/{name}_test.py' for name in SLOW + QUICK)
