"""The tables of docs/guarantees.md: made from what gtest recorded, and read again to compare."""

import re

RUNGS = ("leaf", "tree", "pidns", "user_pidns")
NAME = re.compile(r"^(?P<adversary>\w+?)_(?P<rung>user_pidns|pidns|leaf|tree)_(?P<event>\w+)$")
NOT_PLAYED = "-"


def cells_of(report):
    """{(adversary, event): {rung: (left, why)}} of one gtest report; left is None where the machine lacks the rung."""
    cells = {}
    for suite in report["testsuites"]:
        for case in suite["testsuite"]:
            found = NAME.match(case["name"].split("/")[-1])
            if not found:
                continue
            left = int(case["left"]) if "left" in case else None
            cells.setdefault((found["adversary"], found["event"]), {})[found["rung"]] = (left, case.get("why", ""))
    return cells


def failures_of(report):
    return [case["name"].split("/")[-1] for suite in report["testsuites"] for case in suite["testsuite"]
            if case.get("failures")]


def ordered(values):
    return list(dict.fromkeys(values))


def text_of(counts, mark):
    """`0` if nobody is left on any rung, else one number a rung."""
    known = [left for left, _ in counts.values() if left is not None]
    if known and len(known) == len(counts) and not any(known):
        return "0"
    return " · ".join(NOT_PLAYED if left is None else f"**{left}** ({mark(why)})" if left else "0"
                      for left, why in counts.values())


def table(cells):
    """Markdown: a row for each adversary, a column for each event, and the reasons below."""
    events = ordered(event for _, event in cells)
    reasons = []

    def mark(why):
        if why not in reasons:
            reasons.append(why)
        return chr(ord("a") + reasons.index(why))

    rungs = [rung for rung in RUNGS if any(rung in counts for counts in cells.values())]
    lines = ["| adversary | " + " | ".join(event.replace("_", " ") for event in events) + " |",
             "|---" * (len(events) + 1) + "|"]
    for adversary in ordered(name for name, _ in cells):
        row = []
        for event in events:
            counts = cells.get((adversary, event), {})
            row.append(text_of({rung: counts[rung] for rung in rungs if rung in counts}, mark) or NOT_PLAYED)
        lines.append(f"| {adversary} | " + " | ".join(row) + " |")
    where = ", ".join(rungs)
    lines += ["", f"A single 0: on every rung ({where}). Else one number a rung, in this order; {NOT_PLAYED}: not played."]
    lines += [f"({chr(ord('a') + i)}) {why}." for i, why in enumerate(reasons)]
    return "\n".join(lines)


def begin(name):
    return f"<!-- matrix: {name} -->"


END = "<!-- end of matrix -->"


def replace(document, name, text):
    before, rest = document.split(begin(name) + "\n", 1)
    _, after = rest.split(END, 1)
    return f"{before}{begin(name)}\n{text}\n{END}{after}"


def numbers_in(document, name):
    """{(adversary, column): [left, …]} of the table that the document holds now."""
    rows = {}
    text = document.split(begin(name) + "\n", 1)[1].split(END, 1)[0]
    for line in text.splitlines():
        parts = [part.strip() for part in line.strip("|").split("|")]
        if not line.startswith("| ") or parts[0] == "adversary":
            continue
        for column, cell in enumerate(parts[1:]):
            rows[parts[0], column] = [int(n) for n in re.findall(r"\d+", cell)]
    return rows


def worse(before, now):
    """What is larger now than it was, by row and column; a cell that was not there is no worse."""
    return sorted(f"{row}, column {column + 1}: {sum(old)} -> {sum(new)}"
                  for (row, column), new in now.items()
                  if (old := before.get((row, column))) and sum(new) > sum(old))
