"""Makes the goldens of a network of torchvision by running it, with PyTorch.

    python test/goldens/make_torch_goldens.py mnasnet1_0 [--output=DIR | --check]

Needs torch and torchvision, no TensorFlow. --check compares with what is stored here. Rules:
README.md beside this file.
"""

import argparse
import os
import sys

import numpy as np
import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import golden_rules

SIZE = 224
# kernel_gain is the first whose logits stay within LARGEST.
GAINS, LARGEST = (2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2), 1000
COUNTER = 'int counter, 0'
# A key's ending -> (rule of variables.json, rule of golden_rules.weights).
ENDINGS = {'running_mean': ('moving_mean', 'shift'), 'running_var': ('moving_variance', 'positive'),
           'num_batches_tracked': (COUNTER, None), 'bias': ('bias', 'shift')}
DRAWN = dict(ENDINGS.values(), gamma='positive', kernel='kernel')


def row_of(key, tensor, trainable):
    """A row of variables.json."""
    shape = list(tensor.shape)
    plain = 'gamma' if len(shape) == 1 else 'kernel'
    rule = ENDINGS.get(key.rpartition('.')[2], (plain, None))[0]
    row = {'name': key, 'shape': shape, 'trainable': key in trainable, 'rule': rule}
    return row if rule == COUNTER else dict(
        row, fan_in=float(np.prod(shape[1:])) if rule == 'kernel' else None)


def load(network, rows, gain):
    """Gives the network the weights of the rules."""
    state = network.state_dict()        # with the versions of the classes, which it checks
    for row in rows:
        state[row['name']] = torch.tensor(
            0 if row['rule'] == COUNTER else golden_rules.weights(
                row['name'], row['shape'], gain, row['fan_in'], DRAWN[row['rule']]))
    network.load_state_dict(state)


def multiply_adds(network):
    """Of one image: output elements times the length of each sum."""
    counted, hooks = [], []
    for layer in network.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            hooks.append(layer.register_forward_hook(
                lambda one, _, out: counted.append(out.numel() * one.weight[0].numel())))
    network(torch.zeros(1, 3, SIZE, SIZE))
    for hook in hooks:
        hook.remove()
    return sum(counted)


def make(model):
    """{file name: content}."""
    network = getattr(torchvision.models, model)(weights=None).eval()
    trainable = {name for name, _ in network.named_parameters()}
    rows = [row_of(key, tensor, trainable) for key, tensor in network.state_dict().items()]
    batch = torch.tensor(golden_rules.images(42, 2, SIZE)[0].transpose(0, 3, 1, 2))
    with torch.no_grad():
        for gain in GAINS:
            load(network, rows, gain)
            logits = network(batch)
            if logits.abs().max() <= LARGEST:
                break
        pooled = network.layers(batch).mean([2, 3])
        return {'variables.json': {'model': model, 'num_classes': logits.shape[1],
                                   'kernel_gain': gain, 'variables': rows},
                'logits.npz': {'logits': logits.numpy(), 'pooled': pooled.numpy()},
                'flops.json': {'model': model, 'resolution': SIZE, 'batch': 1,
                               'multiply_adds': multiply_adds(network)}}


def main():
    """Reads the command line; prints what was written, or how far it is from what is stored."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='a function of torchvision.models, such as mnasnet1_0')
    parser.add_argument('--output', metavar='DIR', default=HERE)
    parser.add_argument('--check', action='store_true')
    given = parser.parse_args()
    files, name = make(given.model), f'torchvision_{given.model}'
    if given.check:
        print('\n'.join(golden_rules.differences(os.path.join(HERE, name), files)))
    else:
        golden_rules.write(os.path.join(given.output, name), files)
        print(f'wrote {os.path.join(given.output, name)}')


if __name__ == '__main__':
    main()
