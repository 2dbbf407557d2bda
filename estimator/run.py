"""What is decided before a graph is built: by the device, the data and the checkpoint.

The flags (params) never change after main.py has merged them; what follows from them and from the
world has a field of its own here.
"""

import collections

from common.errors import FlagError
from estimator import plan as plan_lib
from estimator.devices import npu, session
from estimator.devices import precision as precision_lib

Run = collections.namedtuple(
    'Run', ['params', 'plan', 'device', 'precision', 'arguments', 'eval_weights', 'initial',
            'head', 'class_weights'])
Run.__new__.__defaults__ = (('raw',), None, None, None)
Run.__doc__ = """One network on one device with one data set.

params: flags.Params; plan: plan.Plan, None without training images; device: session.Device;
precision: precision.Precision; arguments: what network.build gets besides images, training and
seed; eval_weights: tuple out of ('ema', 'raw'), the first one is the headline;
initial: checkpoints.reading.Restore to start from, or None; head: scope of the classifier;
class_weights: a number for each class, in the training loss, or None.
"""


def prepare(params, num_train_images, arguments, head=None):
    """The Run of these flags on this machine. ProgramError: no such device."""
    kind = npu.chosen(params)
    hosts = session.hosts_of(kind, params.hosts, params.host_index)
    device = session.find_device(kind, params.num_devices, hosts)
    if device.kind == 'npu':
        npu.check(params, device.count)
    if params.early_stopping and (hosts.addresses or device.kind == 'npu' and device.count > 1):
        raise FlagError('--early_stopping works where one process trains; leave it out on several '
                        'hosts and Ascend devices.')
    batch = (params.train_batch_size or 1) * device.count * params.gradient_accumulation_steps
    plan = plan_lib.make_plan(params, num_train_images, batch) if num_train_images else None
    return Run(params, plan, device, precision_lib.choose(params, device.kind), arguments,
               head=head)


def arguments(network, params, num_classes):
    """Arguments of network.build that the flags decide; what they leave open is not in the dict."""
    given = {name: getattr(params, name) for name in network.arguments}
    given = {name: value for name, value in given.items() if value is not None}
    return dict(given, num_classes=num_classes)
