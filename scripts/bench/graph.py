#!/usr/bin/env python3
"""graph.py FIGURES SVG: the section `calls` of one run of the benchmarks (bench/out/*.json), as one picture.

A panel for each figure, a group of bars for each case, a bar for each who was measured, on a logarithmic scale: gateways differ by powers of ten.
"""

import json
import math
import sys

CASES = ["1 x 64 B", "50 x 64 B", "1 x 64 KiB", "1 x 1 MiB"]
FIGURES = [("p50_us", "time of a call, p50", "us"), ("calls_per_s", "calls a second", ""),
           ("processor_us_per_call", "processor of the gateway a call", "us")]
COLOURS = {"bare HTTP echo": "#8c959f", "holdfast": "#0969da", "supergateway": "#bf8700", "mcp-proxy (npm)": "#cf222e",
           "mcp-proxy (PyPI)": "#8250df"}
INK, SOFT = "#24292f", "#8c959f"
WIDTH, LEFT, RIGHT, BAR, GAP, TITLE = 760, 96, 90, 11, 12, 30


def text(x, y, words, anchor="start", colour=INK, size=12):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{words}</text>'


def short(value, unit):
    if unit == "us" and value >= 1000:
        return f"{value / 1000:,.1f} ms"
    return f"{value:,.0f} {unit}".rstrip()


def panel(y, figure, title, unit, cases):
    """The panel's parts, and where it ends."""
    values = [result[figure] for case in cases.values() for result in case.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    parts = [text(LEFT, y + 18, title)]
    y += TITLE
    for name, case in cases.items():
        parts.append(text(LEFT - 8, y + BAR * len(case) / 2 + 4, name, "end", INK, 11))
        for who, result in case.items():
            length = (WIDTH - LEFT - RIGHT) * (math.log10(result[figure]) - low) / (high - low)
            parts.append(f'<rect x="{LEFT}" y="{y:.0f}" width="{max(length, 1):.1f}" height="{BAR - 2}" fill="{COLOURS[who]}"/>')
            parts.append(text(LEFT + length + 5, y + BAR - 3, short(result[figure], unit), "start", SOFT, 10))
            y += BAR
        y += GAP
    return parts, y


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        told = json.load(file)["calls"]["cases"]
    cases = {name: {who: told[name][who] for who in COLOURS if who in told[name]} for name in CASES if name in told}
    parts, x = [], LEFT
    for who in COLOURS:
        if any(who in case for case in cases.values()):
            parts += [f'<rect x="{x}" y="10" width="10" height="10" fill="{COLOURS[who]}"/>', text(x + 14, 19, who)]
            x += 130
    y = 26
    for figure, title, unit in FIGURES:
        more, y = panel(y, figure, title, unit, cases)
        parts += more
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y:.0f}" font-family="sans-serif">',
            '<rect width="100%" height="100%" fill="white"/>']
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write("\n".join([*head, *parts, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
