"""Writes docs/recipes.md and the table of networks in README.md: python test/make_docs.py

docs/flags.md comes from `python -m flags --markdown`.
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
README = os.path.join(ROOT, 'README.md')
RECIPES = os.path.join(ROOT, 'docs', 'recipes.md')
TABLE = re.compile(r'(?<=<!-- networks -->\n).*?(?=<!-- /networks -->)', re.S)


def recipes():
    """Text of docs/recipes.md: every recipe of every family, value by value."""
    import flags
    import models
    from input.sources import digits
    lines = ['# Recipes', '',
             'What `--recipe=NAME` sets, per family; the first one is the default. Values that a '
             'network leaves to the flags\' defaults are not shown: '
             '`python main.py --model_name=NAME --recipe=RECIPE --explain` prints them all with '
             'their sources. Batch sizes are per device; `base_learning_rate` is per 256 images of '
             'the global batch. This file is made by `python test/make_docs.py`.', '']
    seen = {}
    for name in models.network_names():
        network = models.get_network(name)
        seen.setdefault((network.family, str(network.recipes)), []).append(network)
    for (family, _), networks in seen.items():
        names = ', '.join(f'`{network.name}`' for network in networks)
        lines += [f'## {family}', '', names, '']
        for recipe, values in networks[0].recipes.items():
            flags.merge(None, [(recipe, dict(values, model_name=networks[0].name))])
            lines += [f'### {recipe}', ''] + table(values)
        if networks[0].on_digits:
            lines += ['### on the embedded digits', '',
                      'instead of the values at the end of this file', '']
            lines += table(networks[0].on_digits)
    lines += shared_recipes()
    lines += ['## The embedded digits', '', 'Without `--data_dir` these lie over the recipe.', '']
    return '\n'.join(lines + table(digits.RECIPE))


def shared_recipes():
    """Lines about the recipes of every network."""
    from models import recipes
    lines = ['## Every network', '',
             f'Below {recipes.FEW:,} training images the default is `{recipes.SMALL}`, with '
             f'`--init_checkpoint` `{recipes.FINETUNE}`. `moving_average_decay` is 1 - 1 / steps '
             'of an epoch; batches are shared out among the devices; evaluation is after every '
             f'epoch, at most {recipes.MOST_EVALUATIONS} times, a progress line about '
             f'{recipes.LINES} times an epoch. From scratch, `input_image_size` is at most '
             f'{recipes.ENLARGED} times the usual side of the images, and at least '
             f'{recipes.LEAST_SIZE}.', '']
    for name, values in recipes.SHARED.items():
        lines += [f'### {name}', ''] + table(values)
        lines += ['| training images | images a step | epochs |', '|---|---|---|']
        lines += [f'| {f"up to {row.images:,}" if row.images else "more"} | {row.batch} | '
                  f'{row.epochs} |' for row in recipes.LENGTHS[name]] + ['']
    return lines


def table(values):
    """Lines of a table of flags."""
    return ['| flag | value |', '|---|---|'] + [
        f'| `{flag}` | {value} |' for flag, value in values.items() if value is not None] + ['']


def networks():
    """The table of networks, from their architectures."""
    import models
    lines = ['| `--model_name` | input | parameters | multiply-adds | published top-1 | source |',
             '|---|---|---|---|---|---|']
    for name in models.network_names():
        network = models.get_network(name)
        layers = network.layers(network.image_size)
        parameters = sum(layer.parameters for layer in layers)
        published = network.published or {}
        top_1 = f'{published["top_1"]} %' if published.get('top_1') else ''
        lines.append(f'| `{name}` | {network.image_size} | {parameters / 1e6:.2f} M | '
                     f'{sum(layer.multiply_adds for layer in layers) / 1e6:.0f} M | {top_1} | '
                     f'{published.get("source") or ""} |')
    return '\n'.join(lines) + '\n'


def table_in_readme():
    """The table as README.md has it."""
    with open(README) as stream:
        return TABLE.search(stream.read()).group(0)


def main():
    """Writes the files."""
    with open(RECIPES, 'w') as stream:
        stream.write(recipes())
    with open(README) as stream:
        text = TABLE.sub(lambda match: networks(), stream.read())
    with open(README, 'w') as stream:
        stream.write(text)


if __name__ == '__main__':
    main()
