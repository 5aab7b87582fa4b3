"""`assayd demo`, as a newcomer runs it."""

import re
import subprocess
import sys


def test_the_demo_serves_scores_shows_and_stops() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "assayd_server", "demo"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    accuracy = re.search(r"Accuracy on 450 images that it has never seen: ([\d.]+)%", result.stdout)
    assert accuracy is not None
    assert float(accuracy[1]) > 95
    assert re.search(r"p50 [\d.]+ ms, p99 [\d.]+ ms", result.stdout)
    assert re.search(r"Streamed 100,000 rows in [\d.]+ s: [\d,]+ rows per second", result.stdout)
    assert result.stdout.count("read as") == 10
    assert result.stdout.count("cosine 0.9") == 5
    assert "\u2588" in result.stdout
    healthy = re.findall(r"  after ([\d,]+) rows: window \d+ .* no drift", result.stdout)
    assert healthy[:6] == ["250", "500", "750", "1,000", "1,250", "1,500"]
    alerts = re.findall(r"  alert after ([\d,]+) rows: ", result.stdout)
    assert alerts
    assert all(1500 < int(rows.replace(",", "")) <= 2500 for rows in alerts)
    assert re.search(r"  alert after .* has drifted: ", result.stdout)
    assert result.stdout.endswith("It finished what it had accepted and ended with exit code 0.\n")
