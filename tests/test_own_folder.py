"""What a killed test run left is removed by the next one, and nothing else."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.own_folder import PREFIX, own_folder, sweep

HOLD = """
import sys
from pathlib import Path
from tests.own_folder import own_folder
print(own_folder(Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""
ROOT = Path(__file__).resolve().parents[1]


def test_folders_of_killed_runs_are_removed_and_others_left(tmp_path: Path) -> None:
    mine = Path(own_folder(tmp_path))
    foreign = tmp_path / f"{PREFIX}foreign"
    foreign.mkdir()
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        (left / "cache").mkdir()
        sweep(tmp_path)
        assert left.exists(), "its process lives"
        other.send_signal(signal.SIGKILL)
        other.wait()
    sweep(tmp_path)
    assert not left.exists()
    assert mine.exists()
    assert foreign.exists(), "without a lock nobody knows whose it is"
