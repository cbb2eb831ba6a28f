"""Reads OpenStreetMap's PBF format with the standard library alone.

What it is for: nodes, ways and their tags of a city's extract, for `build_places.py`.
What it must not do: decide what a place is. Relations are left out.

Format: https://wiki.openstreetmap.org/wiki/PBF_Format
"""

import struct
import zlib

MAX_BLOB_BYTES = 32 * 1024 * 1024
NANO = 1e-9


def varint(data, at):
    """One base-128 number and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint is longer than 64 bits")


def zigzag(value):
    """The signed number that a `sint` field carries."""
    return (value >> 1) ^ -(value & 1)


def fields(data):
    """Yields (number, value) of a message; bytes for length-delimited fields."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            if at + length > end:
                raise ValueError("a field reaches past the end of its message")
            value = data[at : at + length]
            at += length
        elif kind == 1:
            value, at = data[at : at + 8], at + 8
        elif kind == 5:
            value, at = data[at : at + 4], at + 4
        else:
            raise ValueError(f"wire type {kind} is unknown")
        yield number, value


def packed(data, signed=False):
    """The numbers of a packed repeated field."""
    at, out = 0, []
    while at < len(data):
        value, at = varint(data, at)
        out.append(zigzag(value) if signed else value)
    return out


def running(deltas):
    """Sums up a list of differences."""
    total, out = 0, []
    for delta in deltas:
        total += delta
        out.append(total)
    return out


def blobs(file):
    """Yields the raw bytes of each data block."""
    while head := file.read(4):
        (length,) = struct.unpack(">I", head)
        if length > 64 * 1024:
            raise ValueError("a blob header is longer than 64 KiB")
        header = dict(fields(file.read(length)))
        size = header[3]
        if size > MAX_BLOB_BYTES:
            raise ValueError("a blob is longer than 32 MiB")
        blob = dict(fields(file.read(size)))
        raw = blob[1] if 1 in blob else zlib.decompress(blob[3])
        if header[1] == b"OSMData":
            yield raw


class Block:
    """One primitive block: strings, granularity and groups."""

    def __init__(self, raw):
        self.groups, self.granularity, self.lat, self.lon = [], 100, 0, 0
        self.strings = []
        for number, value in fields(raw):
            if number == 1:
                self.strings = [v.decode("utf-8") for n, v in fields(value) if n == 1]
            elif number == 2:
                self.groups.append(value)
            elif number == 17:
                self.granularity = value
            elif number == 19:
                self.lat = value
            elif number == 20:
                self.lon = value

    def degrees(self, lat, lon):
        """Degrees of a node's raw coordinates."""
        return (
            NANO * (self.lat + self.granularity * lat),
            NANO * (self.lon + self.granularity * lon),
        )

    def tags(self, keys, values):
        """Tags by their places in the string table."""
        return {self.strings[k]: self.strings[v] for k, v in zip(keys, values)}

    def dense(self, data):
        """Yields (id, lat, lon, tags) of dense nodes."""
        parts = dict(fields(data))
        ids = running(packed(parts[1], True))
        lats = running(packed(parts[8], True))
        lons = running(packed(parts[9], True))
        pairs = packed(parts.get(10, b""))
        at = 0
        for node, lat, lon in zip(ids, lats, lons):
            keys, values = [], []
            while at < len(pairs) and pairs[at]:
                keys.append(pairs[at])
                values.append(pairs[at + 1])
                at += 2
            at += 1
            yield node, *self.degrees(lat, lon), self.tags(keys, values)

    def node(self, data):
        """(id, lat, lon, tags) of a single node."""
        parts = dict(fields(data))
        tags = self.tags(packed(parts.get(2, b"")), packed(parts.get(3, b"")))
        return zigzag(parts[1]), *self.degrees(zigzag(parts[8]), zigzag(parts[9])), tags

    def way(self, data):
        """(id, node ids, tags) of a way."""
        parts = dict(fields(data))
        tags = self.tags(packed(parts.get(2, b"")), packed(parts.get(3, b"")))
        return parts[1], running(packed(parts.get(8, b""), True)), tags


def read(file):
    """All nodes {id: (lat, lon)}, tagged nodes [(lat, lon, tags)] and ways [(refs, tags)]."""
    where, nodes, ways = {}, [], []
    for raw in blobs(file):
        block = Block(raw)
        for group in block.groups:
            for number, value in fields(group):
                if number == 3:
                    _, refs, tags = block.way(value)
                    ways.append((refs, tags))
                    continue
                if number not in (1, 2):
                    continue
                found = block.dense(value) if number == 2 else [block.node(value)]
                for node, lat, lon, tags in found:
                    where[node] = (lat, lon)
                    if tags:
                        nodes.append((lat, lon, tags))
    return where, nodes, ways
