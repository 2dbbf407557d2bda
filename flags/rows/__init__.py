"""All canonical rows: by topic for people, by name for the program."""

import collections

from flags.rows import data, device, model, optimization, run

TOPICS = collections.OrderedDict([
    ('run', run), ('data', data), ('model', model), ('optimization', optimization),
    ('device', device)])
ROWS = tuple(row for topic in TOPICS.values() for row in topic.ROWS)
BY_NAME = collections.OrderedDict((row.name, row) for row in ROWS)

# Rows whose None is a value of the network's own file, not of its recipe.
NETWORK_OWN = frozenset(row.name for row in model.ROWS) | {
    'input_image_size', 'preprocessing_name', 'pixel_mean', 'pixel_std'}

# Two ways to say one thing: the later level decides, and takes the other away.
EXCLUSIVE = (('train_steps', 'train_epochs'), ('learning_rate', 'base_learning_rate'),
             ('steps_per_eval', 'epochs_per_eval'),
             ('save_checkpoints_steps', 'save_checkpoints_secs'))
