"""Flags: rows of data -> one frozen Params.

    given = flags.parse(sys.argv)                    # command line and overlays, checked
    network = get_network(flags.model_name(given))
    recipe = flags.recipe_name(given, network.recipes)
    params = flags.merge(given, [('recipe ' + recipe, network.recipes[recipe])])
    print(flags.explain(params))

A library user or a test says flags.make(model_name='mixnet-s', train_steps=5).
"""

from flags.errors import FlagError
from flags.params import Params, make, merge, sources, to_dict
from flags.explain import explain
from flags.parse import Given, model_name, parse, recipe_name

__all__ = ['FlagError', 'Given', 'Params', 'explain', 'make', 'merge', 'model_name', 'parse',
           'recipe_name', 'sources', 'to_dict']
