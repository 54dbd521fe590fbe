#!/usr/bin/env python3
"""graph.py READINGS SVG: what `soak` read after each round (a line of JSON each), as one picture.

A small graph for each figure, over the lifetimes so far, from zero to above its largest: what leaks climbs.
"""

import json
import sys

FIGURES = [("descriptors", "descriptors of the gateway"), ("pss_kb", "memory of the gateway, PSS in kB"),
           ("processes", "processes, all below the test"), ("zombies", "zombies"),
           ("ledger", "ledger entries"), ("leaves", "cgroup leaves")]
WIDTH, HEIGHT, COLUMNS = 380, 130, 2
LEFT, TOP, RIGHT, BOTTOM = 56, 28, 14, 24  # of one graph
INK, SOFT, LINE = "#24292f", "#8c959f", "#0969da"


def text(x, y, words, anchor="start", colour=INK, size=12):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{words}</text>')


def graph(x, y, name, title, readings):
    """One figure's graph with its upper left corner at x, y."""
    top = max(1, max(reading[name] for reading in readings)) * 1.15
    last = readings[-1]["lifetimes"]
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(reading):
        return (f"{x + LEFT + width * reading['lifetimes'] / last:.1f},"
                f"{y + TOP + height * (1 - reading[name] / top):.1f}")

    floor = y + TOP + height
    return [text(x + LEFT, y + TOP - 10, title),
            f'<path d="M{x + LEFT} {y + TOP}V{floor}H{x + LEFT + width}" fill="none" stroke="{SOFT}"/>',
            text(x + LEFT - 6, floor, "0", "end", SOFT, 11),
            text(x + LEFT - 6, y + TOP + height * (1 - 1 / 1.15) + 4, f"{top / 1.15:,.0f}", "end", SOFT, 11),
            text(x + LEFT + width, floor + 15, f"{last:,} server lifetimes", "end", SOFT, 11),
            f'<polyline points="{" ".join(at(r) for r in readings)}" fill="none" stroke="{LINE}" stroke-width="1.6"/>']


def main():
    with open(sys.argv[1]) as file:
        readings = [json.loads(line) for line in file if line.startswith("{")]
    rows = -(-len(FIGURES) // COLUMNS)
    size = f'width="{WIDTH * COLUMNS}" height="{HEIGHT * rows}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i, (name, title) in enumerate(FIGURES):
        parts += graph(WIDTH * (i % COLUMNS), HEIGHT * (i // COLUMNS), name, title, readings)
    with open(sys.argv[2], "w") as file:
        file.write("\n".join([*parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
