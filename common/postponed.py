"""TensorFlow, imported when something of it is first used instead of where a file names it.

Its import takes seconds. Flags, recipes, counts of a data set and all of --explain are there before
it, and so are the errors in them.
"""

import importlib
import sys
import threading
import types

NAMES = ('tensorflow', 'tensorflow.compat', 'tensorflow.compat.v1')


class _State:
    lock = threading.RLock()
    prepare = None          # what to do once TensorFlow is there
    done = False


class _Module(types.ModuleType):
    """Stands for a module until an attribute of it is asked for, then passes that one on."""

    def __getattr__(self, name):
        if name.startswith('__'):       # questions of the import machinery
            raise AttributeError(f'module {self.__name__!r} is not imported yet, no {name!r}')
        now()
        value = getattr(sys.modules[self.__name__], name)
        setattr(self, name, value)
        return value


def postpone(prepare):
    """From now on `import tensorflow.compat.v1 as tf` costs nothing.

    prepare: function without arguments, called once TensorFlow is there; at once where it is
    already.
    """
    if 'tensorflow' in sys.modules and not isinstance(sys.modules['tensorflow'], _Module):
        prepare()
        return
    _State.prepare, _State.done = prepare, False
    modules = [_Module(name) for name in NAMES]
    modules[0].compat, modules[1].v1 = modules[1:]
    sys.modules.update(zip(NAMES, modules))


def now():
    """Imports what is postponed; call it before a library that imports TensorFlow by itself."""
    with _State.lock:
        if _State.done or not _State.prepare:
            return
        for name in NAMES:
            if isinstance(sys.modules.get(name), _Module):
                del sys.modules[name]
        importlib.import_module(NAMES[-1])
        _State.done = True
        _State.prepare()
