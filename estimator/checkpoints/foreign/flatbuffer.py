"""A reader of FlatBuffers that believes no offset: every access is checked against the bytes.

Format: google/flatbuffers, docs "FlatBuffer Internals". Enough of it to walk a TFLite model.
"""

import struct


class FlatTable:
    """One table of a buffer; fields are asked for by their number in the schema.

    Raises ValueError for an offset outside the bytes.
    """

    def __init__(self, data, position):
        self._data, self._at = data, position
        vtable = position - _number(data, position, '<i')
        size = _number(data, vtable, '<H')
        self._fields = [_number(data, vtable + 4 + 2 * field, '<H')
                        for field in range((size - 4) // 2)]

    @classmethod
    def root(cls, data):
        """The root table of the bytes."""
        return cls(data, _number(data, 0, '<I'))

    def _place(self, field):
        offset = self._fields[field] if field < len(self._fields) else 0
        return self._at + offset if offset else None

    def number(self, field, form, default=0):
        """A scalar; form as in struct."""
        place = self._place(field)
        return default if place is None else _number(self._data, place, form)

    def table(self, field):
        """A table, or None."""
        place = self._place(field)
        return None if place is None else FlatTable(self._data, self._follow(place))

    def tables(self, field):
        """A list of tables."""
        start, count = self._vector(field, 4)
        return [FlatTable(self._data, self._follow(start + 4 * index)) for index in range(count)]

    def numbers(self, field, form):
        """A list of scalars."""
        start, count = self._vector(field, struct.calcsize(form))
        return list(struct.unpack_from(f'<{count}{form[-1]}', self._data, start)) if count else []

    def bytes(self, field):
        """(start, length) of a vector of bytes."""
        return self._vector(field, 1)

    def _follow(self, place):
        return place + _number(self._data, place, '<I')

    def _vector(self, field, size):
        place = self._place(field)
        if place is None:
            return 0, 0
        start = self._follow(place)
        count = _number(self._data, start, '<I')
        if start + 4 + count * size > len(self._data):
            raise ValueError(f'a vector of {count} entries ends behind the file')
        return start + 4, count


def _number(data, place, form):
    if not 0 <= place <= len(data) - struct.calcsize(form):
        raise ValueError(f'an offset leads to byte {place} of {len(data)}')
    return struct.unpack_from(form, data, place)[0]
