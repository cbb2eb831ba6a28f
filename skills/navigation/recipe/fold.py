"""Folds a name to the key under which it is sorted and looked up.

The guest folds what was said in the same way (`src/fold.rs`); a test there holds both to the
examples of `fold_examples.txt`.
"""

import unicodedata

SPECIAL = {
    "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "ı": "i", "ħ": "h", "ŋ": "n", "ə": "e", "ĸ": "k", "ŧ": "t", "&": " and ",
}
DROPPED = set("'’ʻʼ`´‘ʿʾ.")
WORDS = {"st": "saint", "mt": "mount", "ft": "fort"}


def fold(name):
    """Lower-case ASCII letters and digits, words parted by one space."""
    out = []
    for char in name.lower():
        for part in unicodedata.normalize("NFKD", SPECIAL.get(char, char)):
            if unicodedata.combining(part) or part in DROPPED:
                continue
            out.append(SPECIAL.get(part, part) if part in SPECIAL else part)
    text = "".join(c if c.isascii() and c.isalnum() else (" " if not c.isalpha() else c) for c in out)
    return " ".join(WORDS.get(word, word) for word in text.split())


def is_plain(key):
    """Whether a folded key is plain ASCII, so that the guest can make it too."""
    return bool(key) and key.isascii()
