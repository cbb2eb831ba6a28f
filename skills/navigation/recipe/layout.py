"""Writes the index of places: fixed pages of 4 KiB, sorted names, records, a grid per category.

What it must not do: know where places come from. `src/index.rs` reads what this writes; the
layout is described there. All numbers are little-endian.
"""

import struct

from fold import fold

PAGE = 4096
MAGIC = b"VPLACES1"
NONE = 0xFF
ALTERNATE = 0x80
DEGREE = 100_000
# Cells of the grid in hundred-thousandths of a degree: streets, points, towns.
CELL_FINE, CELL_TOWN = 1_000, 25_000


class Place:
    """One place: what it is called, where it is, how far down a list it belongs."""

    __slots__ = ("name", "detail", "category", "categories", "region", "state", "rank", "lat", "lon", "keys", "at")

    def __init__(self, name, category, lat, lon):
        self.name, self.category, self.categories = name, category, [category]
        self.detail, self.region, self.state, self.rank = "", NONE, NONE, 0
        self.lat, self.lon = round(lat * DEGREE), round(lon * DEGREE)
        # Folded key -> whether it is an alternate.
        self.keys, self.at = {}, 0

    def sort_key(self):
        """Same names lie together, so that a look-up reads few pages."""
        return fold(self.name), self.category, self.lat, self.lon, self.name, self.detail

    def record(self):
        """The record's bytes."""
        name, detail = cut(self.name), cut(self.detail)
        head = struct.pack(
            "<BBBBii", self.category, self.region, self.state, self.rank, self.lat, self.lon
        )
        return head + bytes([len(name)]) + name + bytes([len(detail)]) + detail


def cut(text):
    """UTF-8 of at most 120 bytes, cut at a character."""
    return text.encode("utf-8")[:120].decode("utf-8", "ignore").encode("utf-8")


def lay_records(places):
    """Sorts the places and lays their records so that none crosses a page."""
    out = bytearray()
    for place in sorted(places, key=Place.sort_key):
        record = place.record()
        left = PAGE - len(out) % PAGE
        if len(record) > left:
            out += bytes(left)
        place.at = len(out)
        out += record
    out += bytes(-len(out) % PAGE)
    if len(out) >= 1 << 24:
        raise ValueError("the records are longer than 16 MiB, which a name's entry cannot point to")
    return bytes(out)


def lay_names(places):
    """Front-coded, sorted names in pages; the first key of each page for the directory."""
    entries = sorted(
        {
            (key, place.at, place.rank | (ALTERNATE if alternate else 0))
            for place in places
            for key, alternate in place.keys.items()
        }
    )
    pages, firsts = [], []
    page, count, last = bytearray(2), 0, b""
    for key, at, flags in entries:
        key = key.encode("ascii")[:100]
        shared = 0
        if count:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        entry = bytes([shared, len(key) - shared]) + key[shared:] + at.to_bytes(3, "little") + bytes([flags])
        if len(page) + len(entry) > PAGE:
            pages.append(close(page, count))
            page, count = bytearray(2), 0
            entry = bytes([0, len(key)]) + key + at.to_bytes(3, "little") + bytes([flags])
        if not count:
            firsts.append(key)
        page += entry
        count, last = count + 1, key
    pages.append(close(page, count))
    directory = b"".join(bytes([len(first)]) + first for first in firsts)
    return b"".join(pages), directory, len(entries)


def close(page, count):
    """A page with its number of entries in front, padded."""
    page[0:2] = struct.pack("<H", count)
    return bytes(page) + bytes(PAGE - len(page))


def lay_grid(points, cell):
    """Points of one category by cell: pages of 12-byte entries and each page's first cell."""
    columns = 36_000_000 // cell
    entries = sorted(
        ((lat + 9_000_000) // cell * columns + (lon + 18_000_000) // cell, lat, lon, at)
        for lat, lon, at in points
    )
    pages, firsts, per_page = [], [], (PAGE - 2) // 12
    for start in range(0, len(entries), per_page):
        part = entries[start : start + per_page]
        firsts.append(part[0][0])
        body = b"".join(struct.pack("<iii", lat, lon, at) for _, lat, lon, at in part)
        pages.append(close(bytearray(2) + body, len(part)))
    return b"".join(pages), firsts, len(entries)


def lay_categories(names, points):
    """The table of categories and the grid's pages and directory."""
    table, pages, firsts = bytearray([len(names)]), b"", []
    for number, name in enumerate(names):
        cell = CELL_TOWN if name == "town" else CELL_FINE
        body, first, count = lay_grid(points.get(number, []), cell)
        word = name.encode("ascii")
        table += bytes([len(word)]) + word
        table += struct.pack("<IIII", len(pages) // PAGE, len(first), count, cell)
        pages += body
        firsts += first
    return bytes(table), pages, b"".join(struct.pack("<I", first) for first in firsts)


def lay_regions(regions):
    """Countries and their parts: the name shown and the folded names it answers to."""
    out = bytearray(struct.pack("<H", len(regions)))
    for name, parent, aliases in regions:
        word = cut(name)
        out += bytes([parent, len(word)]) + word + bytes([len(aliases)])
        for alias in aliases:
            out += bytes([len(alias)]) + alias.encode("ascii")
    return bytes(out)


def write(places, categories, regions, points):
    """The whole file. `points` maps a category's number to [(lat, lon, place)]."""
    records = lay_records(places)
    names, directory, count = lay_names(places)
    resolved = {
        number: [(lat, lon, place.at) for lat, lon, place in found]
        for number, found in points.items()
    }
    table, grid, grid_firsts = lay_categories(categories, resolved)
    sections, body = [], b""
    parts = (table, lay_regions(regions), directory, grid_firsts, names, grid, records)
    for part in parts:
        sections.append((PAGE + len(body), len(part)))
        body += part + bytes(-len(part) % PAGE)
    header = MAGIC + struct.pack("<III", PAGE, len(places), count)
    header += b"".join(struct.pack("<II", *section) for section in sections)
    return header + bytes(PAGE - len(header)) + body
