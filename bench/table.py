# SPDX-License-Identifier: MIT
"""What came out: medians, their spread, and whether the targets are reached."""

import statistics

from rows import DIFFERENCE, INVERSE, RATIO


def judge(row, ours, other):
    """Returns the number of a round that is judged."""
    if row.compare == RATIO:
        return ours / other
    if row.compare == INVERSE:
        return other / ours
    return ours - other if row.compare == DIFFERENCE else ours


def summary(values):
    return {"median": statistics.median(values), "min": min(values),
            "max": max(values), "rounds": list(values)}


def is_reached(target, value):
    bound, number = target
    return value >= number if bound == ">=" else value <= number


def result(row, pairs):
    """Returns what is known of a row, ready for JSON. pairs: those of all rounds."""
    judged = summary([judge(row, *pair) for pair in pairs])
    other = summary([pair[1] for pair in pairs]) if row.than else None
    return {"name": row.name, "unit": row.unit, "than": row.than,
            "compare": row.compare, "ours": summary([pair[0] for pair in pairs]),
            "other": other, "judged": judged,
            "to_reach": list(row.target) if row.target else None,
            "is_reached": is_reached(row.target, judged["median"])
            if row.target else None, "why_not": None}


def failure(row, why):
    """Returns what is known of a row that could not be measured."""
    return {"name": row.name, "unit": row.unit, "than": row.than,
            "compare": row.compare, "ours": None, "other": None, "judged": None,
            "to_reach": list(row.target) if row.target else None,
            "is_reached": None, "why_not": why}


# ---- text ----

HEAD = ["row", "unit", "plugin", "compared with", "its", "judged", "min..max",
        "to reach", ""]


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(one):
    """Returns the words of a row's result, one a column."""
    to_reach = " ".join([one["to_reach"][0], number(one["to_reach"][1])]) \
        if one["to_reach"] else ""
    if one["why_not"]:
        return [one["name"], one["unit"], "not measured", one["than"], "", "", "",
                to_reach, ""]
    judged, other = one["judged"], one["other"]
    return [one["name"], one["unit"], number(one["ours"]["median"]), one["than"],
            number(other["median"]) if other else "", number(judged["median"]),
            f"{number(judged['min'])}..{number(judged['max'])}", to_reach,
            {True: "yes", False: "no", None: ""}[one["is_reached"]]]


def text(results):
    """Returns the table as Markdown, which is aligned to be read as it is, and why
    something could not be measured."""
    why = [f"\n{one['name']}: {one['why_not']}" for one in results if one["why_not"]]
    return "\n".join([table(results), *why])


def table(results):
    lines = [HEAD] + [cells(one) for one in results]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width
                                       in zip(line, widths)) + " |"
                     for line in [lines[0], rule, *lines[1:]])
