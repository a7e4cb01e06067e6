"""Makes the workflows importable under their registered names, and keeps flytekit out of the user's home."""

import sys
from pathlib import Path

import pytest

SOURCE_ROOT = Path(__file__).parents[1]
if str(SOURCE_ROOT) not in sys.path:
    sys.path.insert(0, str(SOURCE_ROOT))


@pytest.fixture(autouse=True)
def own_flyte_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for one test: no local cache, no configuration of whoever runs the tests."""
    home = tmp_path / "home"
    home.mkdir()
    config = home / "flyte.yaml"
    config.write_text("admin: {}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("FLYTECTL_CONFIG", str(config))
    monkeypatch.setenv("FLYTE_LOCAL_CACHE_ENABLED", "false")
    return home
