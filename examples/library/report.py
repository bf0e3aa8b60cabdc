"""What is planned, as a table: `python report.py [FOLDER]`. Reads, and changes nothing."""

import sys
from pathlib import Path

import gatectl

# %% Open the estate. Nothing of the environment is read unless it is handed in (environ=, token=, trust_env=True).
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "estate"
with gatectl.open(folder) as estate:
    findings = estate.validate()
    plan = estate.plan()

# %% What is wrong
for finding in findings:
    print(f"{finding['file']}:{finding['line']}: {finding['severity']} {finding['rule']}: {finding['message']}")

# %% What would be done
rows = [("action", "object", "attach", "detach", "risk")]
for op in plan.operations:
    name = f"{op['kind']} {op['workspace']}/{op['name']}"
    rows.append((op["action"], name, str(len(op["attach"])), str(len(op["detach"])), op["risk"]))
widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
for row in rows:
    print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
print(f"\n{plan.summary['create']} to create, {plan.summary['update']} to update, {plan.summary['delete']} to delete")
