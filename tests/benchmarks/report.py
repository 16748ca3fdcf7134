"""Keeps results as JSON, one file per table, and writes RESULTS.md and the gate from whatever is there."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
NOISY = 0.3
OURS, RAW, HAND = "ours", "raw scan", ("hand-written", "hand-written, n_unique")
ALONE = "check alone"
VARIANTS = {"ours, no samples", "ours, 100 rules", *HAND, RAW}
READ_EVERYTHING = ("Pointblank", "pandera", "dataframely", "cuallee")
TITLES = {
    "orders": "Orders, dirty, 20 rules",
    "orders_clean_sorted": "Orders, clean and sorted, 20 rules",
    "wide_clean": "Wide and clean, 100 columns, 200 rules",
}


def median(values: list[float]) -> float:
    return statistics.median(values)


def short(rows: int) -> str:
    """10000000 as 10m."""
    for scale, unit in ((1_000_000, "m"), (1_000, "k")):
        if rows % scale == 0:
            return f"{rows // scale}{unit}"
    return str(rows)


def summary(rules: int, runs: list[dict[str, Any]]) -> dict[str, Any]:
    if "error" in runs[-1]:
        return {"error": runs[-1]["error"]}
    answer = runs[-1]["answer"]
    kept = {name: [round(run[name], 3) for run in runs] for name in ("wall", "cpu", "memory")}
    return {
        **{name: round(median(values), 3) for name, values in kept.items()},
        "runs": kept,
        "judging": {name: round(median([run["answer"][name] for run in runs]), 3) for name in ("wall", "cpu")},
        "rules": rules,
        "counts": answer["counts"],
        "differences": answer["differences"],
        "versions": answer["versions"],
    }


def keep(name: str, found: dict[str, Any]) -> None:
    """A run replaces the results of its table as a whole: only contestants that ran together are compared."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def kept() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}


def ran(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in found.get("contestants", {}).items() if "error" not in one}


def noisy(one: dict[str, Any]) -> bool:
    walls = one["runs"]["wall"]
    return bool((max(walls) - min(walls)) / median(walls) > NOISY)


def ratio(one: dict[str, Any], other: dict[str, Any]) -> tuple[float, str]:
    """One over the other, of wall time, or of processor time where wall time is too noisy."""
    kind = "cpu" if noisy(one) or noisy(other) else "wall"
    return one[kind] / other[kind], {"cpu": "CPU", "wall": "wall"}[kind]


def disagreements(found: dict[str, Any]) -> list[str]:
    """Counts that are not those of a hand-written query, and not a difference that the contestant states."""
    there = ran(found)
    truth = next((there[name] for name in (*HAND, OURS) if name in there), None)
    if truth is None:
        return []
    lines = []
    for name, one in there.items():
        for rule, value in one["counts"].items():
            expected = truth["counts"].get(rule, value)
            if value != expected and rule not in one["differences"]:
                lines.append(f"{name} counts {value:,} for {rule}, the hand-written query {expected:,}")
    return lines


def table(found: dict[str, Any]) -> list[str]:
    there = found["contestants"]
    ours = there[OURS]
    lines = ["| | rules | wall | ÷ ours | CPU | ÷ ours | peak memory | ÷ ours |", "|---|---|---|---|---|---|---|---|"]
    for name, one in there.items():
        if "error" in one:
            lines.append(f"| {name} | - | did not finish: {one['error']} | | | | | |")
            continue
        judged = "-" if name == RAW else f"{len(one['counts'])} of {one['rules']}"
        taken = {"wall": f"{one['wall']:.2f} s", "cpu": f"{one['cpu']:.2f} s", "memory": f"{one['memory']:,.0f} MB"}
        cells = [f"{text} | {one[kind] / ours[kind]:.2f}" for kind, text in taken.items()]
        lines.append(f"| {name} | {judged} | {' | '.join(cells)} |")
    return lines


def notes(found: dict[str, Any]) -> list[str]:
    lines = []
    there = ran(found)
    truth = (there.get(HAND[0]) or there[OURS])["counts"]
    for name, one in there.items():
        missing = [rule for rule in there[OURS]["counts"] if rule not in one["counts"]]
        if name not in VARIANTS and missing and len(missing) < 20:
            lines.append(f"* {name} cannot express {', '.join(missing)}.")
        for rule, reason in one["differences"].items():
            if rule in one["counts"] and one["counts"][rule] != truth.get(rule):
                told = f"{one['counts'][rule]:,} for {rule} where {truth.get(rule, 0):,} rows fail"
                lines.append(f"* {name} counts {told}: {reason}.")
    unexplained = [f"* **Disagreement:** {line}." for line in disagreements(found)]
    return [*lines, *(unexplained or ["* Every other count agrees."])]


def section(name: str, found: dict[str, Any]) -> list[str]:
    variant, rows = name.rsplit("-", 1)
    machine = found["machine"]
    versions: dict[str, set[str]] = {}
    for one in ran(found).values():
        for package, version in one["versions"].items():
            versions.setdefault(package, set()).add(version)
    host = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
    host += f", Python {machine['python']}"
    least = min(len(one["runs"]["wall"]) for one in ran(found).values())
    return [
        f"## {TITLES[variant]}, {rows} rows",
        "",
        f"`{found['command']}`  ",
        f"Medians of {least} interleaved runs. {host}. "
        + ", ".join(f"{p} {' and '.join(sorted(v))}" for p, v in sorted(versions.items()))
        + ".",
        "",
        *table(found),
        "",
        *notes(found),
        "",
    ]


def checked(results: dict[str, dict[str, Any]]) -> list[tuple[str, float, str, float, str]]:
    """Each figure of the results that has a gate: what it is, its value, at most or at least, the limit, its kind."""
    rows: list[tuple[str, float, str, float, str]] = []

    def at_most(what: str, value: float, limit: float, kind: str = "") -> None:
        rows.append((what, value, "≤", limit, kind))

    def at_least(what: str, value: float, limit: float, kind: str = "") -> None:
        rows.append((what, value, "≥", limit, kind))

    for name, limit in (("orders-1m", 130), ("orders-10m", 300), ("orders-50m", 400)):
        if OURS in (there := ran(results.get(name, {}))):
            at_most(f"{name}: peak megabytes", there[OURS]["memory"], limit)
    if OURS in (there := ran(results.get("orders-10m", {}))):
        ours = there[OURS]
        hands = [there[hand] for hand in HAND if hand in there]
        if hands:
            at_most(
                "orders-10m: ours ÷ the faster hand-written query",
                *_of(ours, min(hands, key=lambda one: one["wall"]), 1.15),
            )
        if RAW in there:
            at_most("orders-10m: ours ÷ raw scan", ours["cpu"] / there[RAW]["cpu"], 3.0, "CPU")
        if "ours, no samples" in there:
            at_most("orders-10m: with samples ÷ without", *_of(ours, there["ours, no samples"], 1.10))
        if "ours, 100 rules" in there:
            at_most("orders-10m: 100 rules ÷ 20 rules", *_of(there["ours, 100 rules"], ours, 3.2))
        for name, one in there.items():
            if name not in VARIANTS and name != OURS:
                at_least(f"orders-10m: {name} ÷ ours", one["wall"] / ours["wall"], 2.0, "wall")
        for name in READ_EVERYTHING:
            if name in there:
                at_least(f"orders-10m: memory of {name} ÷ ours", there[name]["memory"] / ours["memory"], 7.0)
    if {OURS, RAW} <= set(there := ran(results.get("orders_clean_sorted-10m", {}))):
        ours, raw = there[OURS]["cpu"], there[RAW]["cpu"]
        at_most("clean and sorted: ours ÷ raw scan", ours / raw, 2.0, "CPU")
    if OURS in (there := ran(results.get("wide_clean-2m", {}))):
        for name, one in there.items():
            if name not in VARIANTS and name != OURS:
                at_least(
                    f"wide and clean: {name} ÷ ours",
                    *_of(one, there[OURS], 5.0 if name in ("Pointblank", "DuckDB") else 3.0),
                )
    if ways := results.get("overhead-10m", {}).get("ways"):
        value, kind = beside(ways, "as operators have it")
        at_most("operators' run ÷ check alone, 10m rows", value, 1.10, kind)
    if found := results.get("core", {}).get("figures"):
        imports = found["import"]
        at_most("import: core ÷ polars and pydantic", imports["core"] / imports["polars and pydantic"], 1.15, "CPU")
        if "compile" in found["compile"]:
            at_most("compiling 100 rules, milliseconds", found["compile"]["compile"], 20)
    return rows


def beside(ways: dict[str, list[dict[str, float]]], way: str) -> tuple[float, str]:
    """Ratio of a way to the check alone, the median of its rounds; of processor time where wall is noisy."""
    alone = [one["wall"] for one in ways[ALONE]]
    kind = "cpu" if (max(alone) - min(alone)) / median(alone) > NOISY else "wall"
    return paired(ways, way, kind), {"cpu": "CPU", "wall": "wall"}[kind]


def paired(ways: dict[str, list[dict[str, float]]], way: str, kind: str) -> float:
    return median([one[kind] / other[kind] for one, other in zip(ways[way], ways[ALONE], strict=True)])


def overhead_section(rows: str, found: dict[str, Any]) -> list[str]:
    """Each way in which the same check runs, beside the check alone."""
    lines = [
        f"## What a run leaves behind, {rows} rows",
        "",
        f"`{found['command']}`  ",
        f"Medians of {len(found['ways'][ALONE])} rounds in one process, ratios round by round; see `overhead.py`.",
        "",
        "| | wall | CPU | ÷ alone, wall | ÷ alone, CPU |",
        "|---|---|---|---|---|",
    ]
    for way, rounds in found["ways"].items():
        taken = [f"{median([one[kind] for one in rounds]):.2f} s" for kind in ("wall", "cpu")]
        ratios = [f"{paired(found['ways'], way, kind):.2f}" for kind in ("wall", "cpu")]
        lines.append(f"| {way} | {' | '.join([*taken, *ratios])} |")
    return [*lines, ""]


def _of(one: dict[str, Any], other: dict[str, Any], limit: float) -> tuple[float, float, str]:
    value, kind = ratio(one, other)
    return value, limit, kind


def reached(value: float, sign: str, limit: float) -> bool:
    return value <= limit if sign == "≤" else value >= limit


def misses() -> list[str]:
    """Figures out of their gates, as sentences."""
    return [
        f"missed: {what} is {value:.2f}, wanted {sign} {limit:g}"
        for what, value, sign, limit, _ in checked(kept())
        if not reached(value, sign, limit)
    ]


def wrong() -> list[str]:
    """Counts that disagree, in any of the results."""
    return [f"disagreement: {name}: {line}" for name, found in kept().items() for line in disagreements(found)]


def write() -> None:
    results = kept()
    lines = [
        "# Results",
        "",
        "Whole processes, interpreter and imports included, on a warm page cache. Only the ratios mean anything.",
        "Written by `run.py` from `results/`; see [README.md](README.md) for what is compared.",
        "",
        "## Gates",
        "",
        "| figure | of | value | gate | |",
        "|---|---|---|---|---|",
    ]
    for what, value, sign, limit, kind in checked(results):
        good = reached(value, sign, limit)
        lines.append(f"| {what} | {kind} | {value:.2f} | {sign} {limit:g} | {'reached' if good else '**missed**'} |")
    lines.append("")
    for name, found in results.items():
        if "contestants" in found and OURS in ran(found):
            lines += section(name, found)
        if "ways" in found:
            lines += overhead_section(name.rsplit("-", 1)[1], found)
    if core := results.get("core", {}).get("figures"):
        imports, took = core["import"], core["compile"]
        lines += [
            "## Core",
            "",
            f"Import, CPU: polars and pydantic {imports['polars and pydantic']:.3f} s, "
            f"the core with them {imports['core']:.3f} s.  ",
        ]
        lines += [
            "A hundred rules, milliseconds: " + ", ".join(f"{name} {value}" for name, value in took.items()) + "."
        ]
    (HERE / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n")
