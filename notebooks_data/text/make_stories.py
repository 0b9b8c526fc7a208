# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Writes stories.txt: small stories from a grammar in which facts are told, changed and asked for, so that a model that
# reads byte by byte has something to remember. The numbers come from a generator of its own (a linear congruence), so the
# file is the same with every version of Python.
#   python3 make_stories.py > stories.txt
import sys

BYTES = 28000
state = 2605


def below(n):
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % n


def one(words):
    return words[below(len(words))]


def two(words):
    first = one(words)
    second = one([word for word in words if word != first])
    return first, second


NAMES = "Ada Ben Cleo Dov Edda Finn Greta Hugo Ines Jon Kira Leo Mina Nils Olga Paul".split()
TOWNS = "Bern Cork Delft Fez Ghent Jena Lund Oslo Pisa Riga Split Turin Ulm York".split()
THINGS = "lamp key stone letter apple ring bell coin feather map".split()
PLACES = "box drawer basket jar bag chest".split()
COLOURS = "red blue green white black yellow".split()
CUPS = "first second third".split()
WEATHER = ["It rained.", "The wind was cold.", "The sun came out.", "It was a quiet morning.", "Snow fell on the roofs.", "A dog barked far away.",
           "Nobody was in the street.", "The bells rang at noon.", "Then it became dark.", "The river was high."]


def noise():
    return " ".join(one(WEATHER) for _ in range(below(3)))


def moved():
    name, friend = two(NAMES)
    old, new = two(TOWNS)
    home = one(TOWNS)
    return [f"{name} lived in {old}, and {friend} lived in {home}.", noise(), f"In {one(['May', 'June', 'spring', 'winter'])} {name} moved to {new}.", noise(),
            f"Where does {name} live now? {name} lives in {new}.", f"And where does {friend} live? {friend} still lives in {home}."]


def hidden():
    name, seeker = two(NAMES)
    thing, (place, other) = one(THINGS), two(PLACES)
    colour, another = two(COLOURS)
    return [f"{name} put the {thing} into the {colour} {place}.", noise(), f"There was also a {another} {other}, but it was empty.", noise(),
            f"{seeker} came and asked: where is the {thing}?", f"It is in the {colour} {place}, said {name}."]


def cups():
    name = one(NAMES)
    source, target = two(CUPS)
    last = one([cup for cup in CUPS if cup != target])
    return [f"{name} had three cups.", f"There was water in the {source} cup.", f"{name} poured the {source} cup into the {target} cup.", noise(),
            f"Then {name} poured the {target} cup into the {last} cup.", f"Now the water is in the {last} cup, and the {target} cup is empty."]


def switch():
    name, times = one(NAMES), 1 + below(5)
    return [f"The lamp was off. {name} turned the switch" + ", then once more" * (times - 1) + ".", noise(),
            f"That makes {['one', 'two', 'three', 'four', 'five'][times - 1]} in all, so the lamp is {'on' if times % 2 else 'off'}."]


def coins():
    name, friend = two(NAMES)
    have, gets = 2 + below(5), 1 + below(3)
    words = "no one two three four five six seven eight nine".split()
    return [f"{name} had {words[have]} coins.", noise(), f"{friend} gave {name} {words[gets]} more.",
            f"{name} counted them: {words[have]} and {words[gets]} make {words[have + gets]}."]


written = 0
while written < BYTES:
    story = " ".join(part for part in one([moved, moved, hidden, cups, switch, coins])() if part) + "\n\n"
    sys.stdout.write(story)
    written += len(story)
