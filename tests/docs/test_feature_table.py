"""The guide's table of features is what the registry says.

After a change of the registry, ``python -m tests.docs.test_feature_table`` writes the table anew.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from skyvet.features.light_curves.definition import FeatureDefinition, Scope
from skyvet.features.light_curves.registry import FEATURES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "features.md"
HEADING = "## All features\n"
COLUMNS = {
    Scope.BAND: "`<name>_<band>`",
    Scope.PAIR: "`<name>_<blue>_<red>`",
    Scope.ALGORITHM: "`<name>_<algorithm>`",
    Scope.ALGORITHM_BAND: "`<name>_<algorithm>_<band>`",
    Scope.SOURCE: "`<name>`",
}


def table_of_features() -> str:
    """Return the last section of the guide."""
    lines = [HEADING]
    for (group, scope, missing, reference), rows in groupby(FEATURES, key=_shared):
        lines.append(f"### {group[0].upper() + group[1:]}: {COLUMNS[scope]}\n")
        lines.append(f"Missing: {missing}. Source: {reference}.\n")
        lines += ["| name | definition | unit | range |", "|---|---|---|---|"]
        lines += [f"| `{row.name}` | {row.definition} | {row.unit} | {row.range} |" for row in rows]
        lines.append("")
    return "\n".join(lines)


def _shared(feature: FeatureDefinition) -> tuple[str, Scope, str, str]:
    return feature.group, feature.scope, feature.missing, feature.reference


def test_the_guide_lists_every_feature_as_the_registry_has_it():
    assert HEADING + PAGE.read_text().partition(HEADING)[2] == table_of_features()


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().partition(HEADING)[0] + table_of_features())
