"""`--mode=inspect`: the layers of a network with shapes, parameters and multiply-adds.

All of it follows from the architecture; no graph is built, TensorFlow is not needed.
"""

import json

from common.console import say
from estimator.run import arguments


def run(network, params, open_inputs):
    """Prints the table (or JSON); returns the exit code."""
    del open_inputs
    size = params.input_image_size or network.image_size
    classes = params.num_label_classes or network.num_classes
    chosen = arguments(network, params, classes)
    layers = network.layers(size, **chosen)
    variables = [{'name': name, 'shape': shape, 'trainable': '/moving_' not in name}
                 for name, shape in network.variables(**chosen).items()]
    table = {
        'model_name': network.name, 'input': [size, size, 3], 'num_classes': classes,
        'parameters': sum(layer.parameters for layer in layers),
        'moving_statistics': sum(v['shape'][0] for v in variables if not v['trainable']),
        'multiply_adds': sum(layer.multiply_adds for layer in layers),
        'published': network.published,
        'layers': [layer._asdict() for layer in layers],
        'variables': variables}
    if params.format == 'json':
        say(json.dumps(table, indent=2))
    else:
        _print(table, layers, params.verbose)
    return 0


def _print(table, layers, verbose):
    width = max(len(layer.name) for layer in layers)
    say(f'{"layer":{width}}  {"kind":20}  {"output":>18}  {"parameters":>11}  '
        f'{"multiply-adds":>13}')
    for layer in layers:
        output = 'x'.join(str(size) for size in layer.output[1:])
        say(f'{layer.name:{width}}  {layer.kind:20}  {output:>18}  {layer.parameters:>11,}  '
            f'{layer.multiply_adds:>13,}')
    if verbose:
        say('\nvariables')
        for v in table['variables']:
            note = '' if v['trainable'] else '  (moving statistic)'
            say(f'{v["name"]}  {v["shape"]}{note}')
    size = table['input'][0]
    published = table['published'] or {}
    say(f'\n{table["model_name"]}: input {size}x{size}x3, {table["num_classes"]} classes')
    say(f'parameters      {table["parameters"]:>13,}   published {_m(published.get("params"))}')
    say(f'multiply-adds   {table["multiply_adds"]:>13,}   published '
        f'{_m(published.get("multiply_adds"))}')
    say(f'moving averages {table["moving_statistics"]:>13,}')
    if published.get('top_1'):
        say(f'published top-1 {published["top_1"]} %  ({published.get("source", "")})')


def _m(millions):
    return 'no figure' if millions is None else f'{millions:g} M'
