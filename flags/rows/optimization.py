"""Optimizer, learning rate, regularisation and averaging."""

from flags.spec import Row

SCHEDULES = ('exponential', 'cosine', 'poly', 'constant', 'piecewise', 'slim_exponential',
             'ascend_exponential', 'cosine_annealing', 'polynomial', 'fixed', 'mindspore_linear',
             'mindspore_poly', 'mindspore_cosine', 'mindspore_steps', 'torch_cosine')
OPTIMIZERS = ('rmsprop', 'sgd', 'momentum', 'adam', 'adagrad', 'adadelta', 'ftrl', 'lars')

ROWS = (
    Row('optimizer', 'str', None, 'Optimizer.', OPTIMIZERS),
    Row('base_learning_rate', 'float', None, 'Peak learning rate for 256 images a step; '
        'scales with the global batch.', None, 0),
    Row('learning_rate', 'float', None, 'Peak learning rate as it is, for any batch.', None, 0),
    Row('momentum', 'float', 0.9, 'Momentum of momentum and lars.', None, 0, 1),
    Row('nesterov', 'bool', False, 'Nesterov momentum.'),
    Row('rmsprop_decay', 'float', 0.9, 'RMSProp: decay of the squared gradient.', None, 0, 1),
    Row('rmsprop_momentum', 'float', 0.9, 'RMSProp: momentum.', None, 0, 1),
    Row('optimizer_epsilon', 'float', None, "Denominator's epsilon (default: the optimizer's).",
        None, 0),
    Row('adam_beta1', 'float', 0.9, 'Adam: decay of the first moment.', None, 0, 1),
    Row('adam_beta2', 'float', 0.999, 'Adam: decay of the second moment.', None, 0, 1),
    Row('adadelta_rho', 'float', 0.95, 'Adadelta: decay.', None, 0, 1),
    Row('adagrad_initial_accumulator_value', 'float', 0.1, 'Adagrad: start of the accumulator.',
        None, 0),
    Row('ftrl_learning_rate_power', 'float', -0.5, 'FTRL: power of the learning rate.', None,
        None, 0),
    Row('ftrl_initial_accumulator_value', 'float', 0.1, 'FTRL: start of the accumulator.', None, 0),
    Row('ftrl_l1', 'float', 0.0, 'FTRL: L1 strength.', None, 0),
    Row('ftrl_l2', 'float', 0.0, 'FTRL: L2 strength.', None, 0),
    Row('lars_weight_decay', 'float', 1e-5, 'LARS: weight decay inside the optimizer.', None, 0),
    Row('lars_epsilon', 'float', 0.0, 'LARS: epsilon of the trust ratio.', None, 0),
    Row('backbone_lr_scale', 'float', 1.0, 'Learning rate of everything below the classifier, as a '
        "part of the classifier's (0: it is not trained).", None, 0),
    Row('head_epochs', 'float', 0.0, 'Epochs at the start in which only the classifier is trained.',
        None, 0),
    Row('head_start', 'str', 'random', 'Start of a classifier that init_checkpoint does not fill: '
        "the network's random weights, or zero, which learns more of few images.",
        ('random', 'zero')),
    Row('lr_schedule', 'str', None, 'Shape of the learning rate over time.', SCHEDULES),
    Row('lr_decay_factor', 'float', None, 'exponential: factor at each decay.', None, 0),
    Row('lr_decay_epoch', 'float', None, 'exponential: epochs between decays.', None, 0),
    Row('lr_warmup_epochs', 'float', 0.0, 'Epochs of linear warm-up.', None, 0),
    Row('lr_init', 'float', None, 'Learning rate at the start of the warm-up.', None, 0),
    Row('end_learning_rate', 'float', None, 'Learning rate at the end of the schedule.', None, 0),
    Row('lr_decay_boundaries', 'floats', None, 'piecewise: epochs at which the rate changes.',
        None, 0),
    Row('lr_decay_values', 'floats', None, 'piecewise: rates, one more than boundaries.', None, 0),
    Row('weight_decay', 'float', 0.0, "L2 strength.", None, 0),
    Row('weight_decay_on', 'str', None, "Variables that decay (default: the network's own rule).",
        ('all', 'all_but_norm', 'kernels', 'conv')),
    Row('label_smoothing', 'float', 0.0, 'Probability taken from the true class.', None, 0, 1),
    Row('label_smoothing_style', 'str', 'tf', 'Spread over all classes (tf) or over the others '
        'only (mindspore).', ('tf', 'mindspore')),
    Row('class_weights', 'floats', None, 'Weight of each class in the training loss; balanced: the '
        'rarer, the more.', ('balanced',), 0),
    Row('moving_average_decay', 'float', 0.0, 'Decay of the averaged weights (0: none).',
        None, 0, 0.999999),
    Row('moving_average_order', 'str', 'after', 'Average after or before the step changes the '
        'weights.', ('after', 'before')),
    Row('gradient_clip_norm', 'float', 0.0, 'Largest global norm of the gradients (0: no limit).',
        None, 0),
    Row('gradient_accumulation_steps', 'int', 1, 'Batches whose gradients make one step.', None, 1),
)
