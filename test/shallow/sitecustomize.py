"""On PYTHONPATH it gives a program MobileNetV1 as program.shallow does: for tests of all around it.

Python imports this file when it starts; the program's own files stay as they are.
"""

import importlib.util
import sys

PAIRS = 3


class Shallow:
    """Finds models.mobilenet_v1 like everybody else, and shortens its table once it is there."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """Of a module, for the import machinery; None of all others."""
        if name != 'models.mobilenet_v1':
            return None
        sys.meta_path.remove(cls)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def shortened(module):
            execute(module)
            module.SEPARABLE = module.SEPARABLE[:PAIRS]
        spec.loader.exec_module = shortened
        return spec


sys.meta_path.insert(0, Shallow)
