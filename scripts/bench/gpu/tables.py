"""Writes gpu_suite.md and gpu_suite.json from a run's records."""
import json

from gpu import cases, records as all_records

COPY = cases.COPY


def by_part(records, part):
    return [record for record in records if record["part"] == part]


PLAIN_CAUSAL = ", plain causal"  # of the same shape, for comparison


def is_plain_ours(name):
    """Of kernels that are ours: "ours cudnn" is cuDNN as the program calls it."""
    return name.startswith("ours") and not name.startswith("ours cudnn") and \
        not name.endswith((", placed", PLAIN_CAUSAL))


def grouped(seconds):
    """Times by name, the better one where a peer was tried on several layouts."""
    best = {}
    for name, time in seconds.items():
        short = name if name.startswith("ours") else name.split(",")[0]
        best[short] = min(time, best.get(short, time))
    return best


def fastest(seconds, is_wanted):
    """Name and time of the fastest, or None."""
    wanted = {name: time for name, time in seconds.items() if is_wanted(name)}
    return min(wanted.items(), key=lambda item: item[1]) if wanted else None


def is_peer(name):
    return not name.startswith("ours")


def of_copy(row, seconds):
    return row["bytes"] / seconds / row["copy_bytes_s"]


def aim_cell(row, ours):
    """The aim and how far it was reached: against the fastest of the peers that it names, or the copy's rate."""
    if not row.get("aim"):
        return ""
    names, least = row["aim"]
    if COPY in names:
        return f"{of_copy(row, ours):.2f} of a copy (aim {least})"
    peer = fastest(grouped(row["seconds"]), lambda name: name in names)
    return f"{peer[1] / ours:.2f} times {peer[0]} (aim {least})" if peer else f"none of {', '.join(names)} ran"


def rate(row, seconds, group):
    if group in cases.BY_BYTES:
        return f"{of_copy(row, seconds):.0%}"
    return f"{row['operations'] / seconds / 1e12:.0f}"


def time_cell(row, name, seconds, group):
    """Operations are counted for the row's mask."""
    return f"{seconds * 1e3:.3f}" + ("" if name.endswith(PLAIN_CAUSAL) else f" ({rate(row, seconds, group)})")


def bench_table(group, rows):
    names = list(dict.fromkeys(name for row in rows for name in grouped(row["seconds"])))
    with_first = group == "decode"
    heads = ["case", "pass", *names, "fastest peer", "ours is faster by", "aim"]
    heads += ["first call: ours ms", "that peer ms"] if with_first else []
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        times, ours = grouped(row["seconds"]), fastest(row["seconds"], is_plain_ours)
        peer = fastest(times, is_peer)
        cells = [row["case"], row["pass"]]
        cells += [time_cell(row, name, times[name], group) if name in times else "" for name in names]
        cells += [peer[0] if peer else "", f"{peer[1] / ours[1]:.2f}" if peer and ours else "",
                  aim_cell(row, ours[1]) if ours else ""]
        if with_first:
            firsts = [ours and row["first_s"].get(ours[0]), peer and grouped(row["first_s"]).get(peer[0])]
            cells += [f"{first * 1e3:.1f}" if first else "" for first in firsts]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def bench_pages(records):
    rows = by_part(records, "bench")
    for group in dict.fromkeys(row["group"] for row in rows):
        mine = [row for row in rows if row["group"] == group]
        copies, products = ([row[name] / 1e12 for row in mine] for name in ("copy_bytes_s", "product_flops_s"))
        unit = "part of the copy's rate" if group in cases.BY_BYTES else "TFLOP/s of pairs that see each other"
        yield f"## {group}"
        yield (f"ms ({unit}); in the same rounds a copy in device memory moved {min(copies):.2f}-{max(copies):.2f} "
               f"TB/s, a product of 8,192 squared ran at {min(products):.0f}-{max(products):.0f} TFLOP/s.")
        yield "\n".join(bench_table(group, mine))
        missing = {}
        for name, reason in ((name, reason) for row in mine for name, reason in row["errors"].items()):
            missing.setdefault(reason, {})[name] = None
        if missing:
            yield "\n".join(f"- did not run everywhere: {'; '.join(names)}: {reason}"
                            for reason, names in missing.items())


def check_lines(records):
    rows = by_part(records, "check")
    for kernel in dict.fromkeys(row["kernel"] for row in rows):
        mine = [row for row in rows if row["kernel"] == kernel]
        failed = [row for row in mine if not row["is_met"]]
        ratios = [a / b for row in mine for a, b in zip(row["errors"], row.get("peer_errors", [])) if b > 1e-6]
        worst = f"; the largest error is {max(ratios):.2f} times PyTorch's own" if ratios else ""
        yield f"- {kernel}: {len(mine)} cases against float64, {len(failed)} failed{worst}"
        yield from (f"  - **failed**: {row['case']}: {row['errors']}, PyTorch's {row.get('peer_errors')}"
                    for row in failed[:20])


def other_lines(records):
    for row in by_part(records, "sanitize"):
        yield f"- {row['kernel']}, {row['tool']}: {'clean' if row['is_met'] else '**failed**: ' + row['words']}"
    tests = by_part(records, "tests")
    if tests:
        bad = [row for row in tests if not row["is_met"]]
        yield f"- tests: {len(tests) - len(bad)} passed, {len(bad)} failed or skipped"
        yield from (f"  - **{row['result']}**: {row['case']}" for row in bad)
    for row in by_part(records, "train"):
        shown = ", ".join(f"{key} {value}" for key, value in row.items()
                          if key not in ("part", "case", "is_met", "words"))
        yield f"- train, {row['case']}: {shown or 'done'}" if row["is_met"] else \
            f"- train, {row['case']}: **failed**: {row['words']}"


def page(records):
    machine = {key: value for record in by_part(records, "machine") for key, value in record.items() if key != "part"}
    parts = ["# GPU suite", ", ".join(f"{key} {value}" for key, value in machine.items())]
    outcomes = by_part(records, "piece")
    parts.append("| piece | outcome | seconds | of at most |\n|---|---|---|---|\n" + "\n".join(
        f"| {row['piece']} | {row['outcome']} | {row['seconds']:.0f} | {row['limit_s']:.0f} |" for row in outcomes))
    errors = [f"- {row['piece']}: **error**: {row['words']}" for row in by_part(records, "error")]
    found = [*check_lines(records), *other_lines(records), *errors]
    return "\n\n".join([*parts, "\n".join(found), *bench_pages(records)]) + "\n"


def figures(records):
    """As `nextframe bench --json` gives them."""
    for row in by_part(records, "bench"):
        ours, peer = fastest(row["seconds"], is_plain_ours), fastest(grouped(row["seconds"]), is_peer)
        if ours:
            yield {"case": f"{row['group']}/{row['pass']}/{row['case']}", "unit": "ms", "value": ours[1] * 1e3,
                   "peer": {"name": peer[0], "value": peer[1] * 1e3} if peer else None,
                   "ratio": peer[1] / ours[1] if peer else None}


def write(records):
    rows = records.read()
    parts = dict.fromkeys(row["part"] for row in rows)
    whole = {"figures": list(figures(rows)), **{part: by_part(rows, part) for part in parts}}
    with open(f"{records.folder}/{all_records.NAME}.json", "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
    text = page(rows)
    with open(f"{records.folder}/{all_records.NAME}.md", "w", encoding="utf-8") as file:
        file.write(text)
    return text
