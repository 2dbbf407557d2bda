"""The files of the quick tests that take longest, in about this order: they are begun first.

Files that only the slow tests make long need no place here.
"""

LONG = tuple(f'test/{name}_test.py' for name in (
    'launchers/launchers', 'models/models', 'estimator/runner', 'models/models_golden',
    'estimator/trust', 'input/input_stream', 'estimator/modes/export_digits',
    'estimator/modes/export', 'estimator/checkpoints/originals_checkpoint', 'estimator/pauses',
    'input/preprocessing', 'estimator/small_data', 'estimator/checkpoints/import_graphs',
    'estimator/training/head_replicas', 'docs', 'estimator/report/report',
    'estimator/modes/predict', 'estimator/devices/watch', 'models/condconv',
    'estimator/hooks/diagnostics', 'input/input_errors', 'estimator/checkpoints/import_weights',
    'launchers/ranks', 'input/images/image_files', 'input/images/crop',
    'input/sources/input_sources', 'estimator/training/optimizers',
    'input/convert/convert_resume', 'compat/seed_runs', 'ascend/ranks_run', 'models/description',
    'input/large_data', 'input/augment/autoaugment', 'estimator/modes/benchmark',
    'common/signals', 'estimator/next_line', 'input/sources/seed_layouts'))
