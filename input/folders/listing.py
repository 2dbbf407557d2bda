"""Lists folders of images: what is taken, what is passed over, what is refused."""

import os

from common import storage
from common.errors import DataError
from input.images import formats

TEXT_FILES = ('LOC_synset_mapping.txt', 'synset_words.txt', 'imagenet_metadata.txt')


class Lister:
    """Lists folders in sorted order, follows links once, counts what it passes over."""

    def __init__(self, root, exclude):
        self.root = root
        self.ignored = 0
        self.passed_over = []       # names of files that are no images by their names
        self._exclude = _identity(exclude) if exclude else None

    def entries(self, folder):
        """(names of sub-folders, names of files), sorted, without hidden ones."""
        folders, files = [], []
        try:
            found = list(os.scandir(folder))
        except OSError as error:
            raise DataError(f'{folder} cannot be read: {error.strerror}') from error
        for entry in found:
            if formats.is_ignored(entry.name):
                self.ignored += 1
            elif _is_folder(entry):
                if not self._exclude or _identity(entry.path) != self._exclude:
                    folders.append(entry.name)
            else:
                files.append(entry.name)
        return sorted(folders), sorted(files)

    def images(self, folder, parents=()):
        """Paths below the root of every image in `folder` and its sub-folders."""
        parents = parents or (_identity(self.root),)
        own = _identity(folder)
        if own in parents:
            return []
        folders, files = self.entries(folder)
        below = os.path.relpath(folder, self.root)
        before = '' if below == os.curdir else below + os.sep
        found = [before + name for name in self.image_names(files)]
        for name in folders:
            found += self.images(os.path.join(folder, name), parents + (own,))
        return found

    def image_names(self, files):
        """Those of the names that are images'; the others are counted."""
        found = [name for name in files if formats.is_image_name(name)]
        if len(found) < len(files):
            self.passed_over += sorted(set(files) - set(found))
        return found


def _identity(folder):
    """What a folder has under all its names; None of one that cannot be reached."""
    try:
        found = os.stat(folder)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_folder(entry):
    """Whether an entry is a folder; DataError for what is neither folder nor file nor link."""
    try:
        if entry.is_dir():
            return True
        odd = not entry.is_file()
    except OSError:
        odd = True
    if odd:
        storage.refuse_odd(entry.path)
    return False


def first_file(root, folders, names):
    """The first of root/folder/name that is a file, or None."""
    found = [os.path.join(root, folder, name) for folder in folders for name in names]
    return next((path for path in map(os.path.normpath, found) if os.path.isfile(path)), None)


def readable_names(root):
    """{synset: readable name} where a list of them lies beside the folders."""
    path = first_file(root, ['.'], TEXT_FILES)
    if not path:
        return {}
    rows = [line.strip().split(None, 1) for line in storage.read_text(path).split('\n')]
    return {row[0]: row[1] for row in rows if len(row) == 2}
