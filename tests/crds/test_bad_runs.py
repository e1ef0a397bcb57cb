"""The cases of the corpus that only a run sees, run on this machine: the error is the one that the condition names."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_manifests import Case, cases, objects, placed

import gristmill as gm
from gristmill import errors
from gristmill.plan.resources import load_job, load_query

SEEN_HERE = [case for case in cases("conditions") if hasattr(errors, case.condition)]


def run(case: Case, folder: Path) -> None:
    manifest = placed(case.manifest, str(folder))
    if manifest["kind"] == "MapReduceJob":
        gm.run(load_job(manifest))
        return
    query = load_query(manifest)
    tables = {name: gm.parquet(list(source.uris)) for name, source in query.sources.items()}
    gm.sql(query.sql, tables=tables, params=query.bound, dialect=query.dialect).arrow()


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name.replace(" ", "-")) for case in SEEN_HERE])
def test_a_run_says_what_is_wrong(case: Case, tmp_path: Path) -> None:
    for name, content in objects().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.GristmillError) as caught:
        run(case, tmp_path)
    assert type(caught.value).__name__ == case.condition, str(caught.value)
    assert [words for words in case.says if words not in str(caught.value)] == [], str(caught.value)
    assert "Traceback" not in str(caught.value)
