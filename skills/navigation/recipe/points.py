"""Points of interest, streets and addresses of a city, from an OpenStreetMap extract.

What it must not do: write bytes; `layout.py` does.
"""

from collections import defaultdict

from fold import fold, is_plain
from layout import Place

NAMES = ("name", "name:en", "name:fi", "name:sv", "alt_name", "old_name", "brand", "short_name")
POINT_RANK, KNOWN_RANK, STREET_RANK, ADDRESS_RANK = 20, 40, 30, 10
KNOWN = {"railway-station", "museum", "attraction", "university", "theatre", "department-store", "hotel", "church"}
UNNAMED = {"car-park", "charging-station", "cash-machine", "taxi-rank", "toilets", "petrol-station", "playground"}


class City:
    """What an extract gives: places and the points of each category's grid."""

    def __init__(self, extract, categories, wanted, country):
        self.where, self.nodes, self.ways = extract
        self.numbers = {name: number for number, name in enumerate(categories)}
        self.wanted, self.country = wanted, country
        self.places, self.points = [], defaultdict(list)

    def centre(self, refs):
        """The middle of a way's nodes that the extract has."""
        found = [self.where[ref] for ref in refs if ref in self.where]
        if not found:
            return None
        if len(found) > 1 and refs[0] == refs[-1]:
            found = found[:-1]
        return sum(lat for lat, _ in found) / len(found), sum(lon for _, lon in found) / len(found)

    def tagged(self):
        """Yields (lat, lon, tags) of nodes and of ways by their middle."""
        yield from self.nodes
        for refs, tags in self.ways:
            middle = self.centre(refs) if tags else None
            if middle:
                yield *middle, tags

    def matches(self, tags):
        """Names of the categories that the tags make."""
        values = {f"{key}={value.strip().lower()}" for key in tags for value in tags[key].split(";")}
        return [name for name, rules in self.wanted.items() if values.intersection(rules)]

    def add(self, place, categories=()):
        """Keeps a place and puts it into the grids of its categories."""
        place.region = self.country
        self.places.append(place)
        for name in categories:
            self.points[self.numbers[name]].append((place.lat, place.lon, place))

    def add_points(self):
        """Everything of a category, each once."""
        seen = set()
        for lat, lon, tags in self.tagged():
            found = self.matches(tags)
            name = tags.get("name:en") or tags.get("name") or tags.get("brand") or tags.get("operator")
            private = tags.get("access") in ("private", "no")
            if not found or private or (not name and not UNNAMED.intersection(found)):
                continue
            label = name or found[0].replace("-", " ").capitalize()
            place = Place(label, self.numbers[found[0]], lat, lon)
            place.detail = address(tags)
            place.rank = KNOWN_RANK if KNOWN.intersection(found) else POINT_RANK
            # A building and its node are often both drawn: one within about 100 m counts.
            spot = (label, found[0], place.lat // 100, place.lon // 200)
            if spot in seen:
                continue
            seen.add(spot)
            if name:
                place.keys = keys(tags)
            self.add(place, found)

    def add_streets(self):
        """Named streets; the grid has their nodes, thinned, to tell where the vehicle is."""
        lines = defaultdict(list)
        for refs, tags in self.ways:
            if "highway" in tags and "name" in tags:
                lines[tags["name"]].append((refs, tags))
        number = self.numbers["street"]
        for name, parts in sorted(lines.items()):
            nodes = [self.where[ref] for refs, _ in parts for ref in refs if ref in self.where]
            if not nodes:
                continue
            lat, lon = middle_node(nodes)
            street = Place(name, number, lat, lon)
            street.rank = STREET_RANK
            for _, tags in parts:
                for key in (fold(tags[n]) for n in NAMES if n in tags):
                    if is_plain(key):
                        street.keys.setdefault(key, False)
            self.add(street)
            for lat, lon in sorted({(round(lat, 4), round(lon, 4)) for lat, lon in nodes}):
                self.points[number].append((round(lat * 100_000), round(lon * 100_000), street))

    def add_addresses(self):
        """Street and number, each once."""
        seen = {}
        for lat, lon, tags in self.tagged():
            line = address(tags)
            if line and is_plain(fold(line)):
                seen.setdefault(line, (lat, lon))
        for line, (lat, lon) in sorted(seen.items()):
            place = Place(line, self.numbers["address"], lat, lon)
            place.rank, place.keys = ADDRESS_RANK, {fold(line): False}
            self.add(place)


def address(tags):
    """Street and number, or nothing."""
    street, number = tags.get("addr:street"), tags.get("addr:housenumber")
    return f"{street} {number}" if street and number else ""


def keys(tags):
    """Folded names, and each from every later word on as an alternate."""
    out = {}
    for tag in NAMES:
        for name in tags.get(tag, "").split(";"):
            key = fold(name)
            if not is_plain(key):
                continue
            out[key] = False
            words = key.split()
            for start in range(1, min(len(words), 4)):
                rest = " ".join(words[start:])
                if len(rest) > 3:
                    out.setdefault(rest, True)
    return out


def middle_node(nodes):
    """The node nearest the mean, so that the point lies on the street."""
    lat = sum(node[0] for node in nodes) / len(nodes)
    lon = sum(node[1] for node in nodes) / len(nodes)
    return min(nodes, key=lambda node: ((node[0] - lat) ** 2 + (node[1] - lon) ** 2, node))
