"""The BERT WordPiece tokenizer, as daemon/inference/src/wordpiece.rs has it, with the word of
each piece: a teacher and a student that cut words differently still agree on what a word is.

Must cut as the daemon does: `python3 wordpiece.py VOCABULARY TOKENS_JSON` compares.
"""

import json
import sys
import unicodedata

LONGEST_WORD = 100


def _is_mark(character):
    code = ord(character)
    ascii_mark = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_mark or unicodedata.category(character).startswith("P")


def _is_ideograph(character):
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x2CEAF
        or 0x2F800 <= code <= 0x2FA1F
    )


def words(text):
    """The words of a text: lowered, without accents, each mark a word of its own."""
    spaced = []
    for character in unicodedata.normalize("NFD", text):
        category = unicodedata.category(character)
        if character.isspace():
            spaced.append(" ")
        elif category == "Mn" or category.startswith("C") or character == "\ufffd":
            continue
        elif _is_mark(character) or _is_ideograph(character):
            spaced.append(f" {character} ")
        else:
            spaced.append(character.lower())
    return "".join(spaced).split()


class Vocabulary:
    """Word pieces by number."""

    def __init__(self, path):
        with open(path, encoding="utf-8", newline="\n") as lines:
            self.numbers = {line.rstrip("\n"): number for number, line in enumerate(lines)}
        self.start, self.end, self.unknown = (
            self.numbers[piece] for piece in ("[CLS]", "[SEP]", "[UNK]")
        )

    def _word(self, word):
        if len(word) > LONGEST_WORD:
            return [self.unknown]
        pieces, begin = [], 0
        while begin < len(word):
            for end in range(len(word), begin, -1):
                piece = ("##" if begin else "") + word[begin:end]
                if piece in self.numbers:
                    pieces.append(self.numbers[piece])
                    begin = end
                    break
            else:
                return [self.unknown]
        return pieces

    def cut(self, text, limit):
        """Numbers of the pieces, the special ones included, and the word of each (-1: none)."""
        numbers, owners = [self.start], [-1]
        for place, word in enumerate(words(text)):
            for number in self._word(word):
                if len(numbers) == limit - 1:
                    break
                numbers.append(number)
                owners.append(place)
        return numbers + [self.end], owners + [-1]


def _compare(vocabulary, tokens):
    vocabulary = Vocabulary(vocabulary)
    with open(tokens, encoding="utf-8") as file:
        cuts = json.load(file)
    wrong = [cut["text"] for cut in cuts if vocabulary.cut(cut["text"], 256)[0] != cut["ids"]]
    print(f"{len(cuts) - len(wrong)} of {len(cuts)} texts are cut as expected")
    for text in wrong:
        print(f"    not: {text!r}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(_compare(*sys.argv[1:]))
