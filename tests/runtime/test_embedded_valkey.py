"""The embedded Valkey: quick, private, bounded, and gone when its parent is."""

import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from runtime.embedded.valkey import EmbeddedServerError, EmbeddedValkey, embedded_valkey
from tests.fixtures.living import gone


def folder_of(url: str) -> Path:
    return Path(url.partition("@")[2]).parent


async def test_it_serves_while_the_block_lasts_and_leaves_nothing() -> None:
    async with embedded_valkey() as url:
        with redis.Redis.from_url(url) as client:
            client.set("a", "1")
            assert client.get("a") == b"1"
            info = client.info()
            assert isinstance(info, dict)
            pid, private = int(info["process_id"]), folder_of(url)
            assert (info["maxmemory"], info["maxmemory_policy"]) == (256 * 2**20, "allkeys-lru")
            assert (info["tcp_port"], info["aof_enabled"]) == (0, 0)
    assert gone([pid])
    assert not private.exists()


def test_only_its_owner_gets_in() -> None:
    server = EmbeddedValkey().start()
    try:
        private = folder_of(server.url)
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [private, *private.iterdir()]}
        assert modes[private.name] == 0o700
        assert (modes["valkey.sock"], modes["valkey.conf"]) == (0o700, 0o600)
        with (
            redis.Redis(
                unix_socket_path=str(private / "valkey.sock"), retry=Retry(NoBackoff(), 0)
            ) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.get("a")
    finally:
        server.stop()


def test_it_starts_in_less_than_half_a_second() -> None:
    server = EmbeddedValkey()
    began = time.monotonic()
    server.start()
    seconds = time.monotonic() - began
    server.stop()
    assert seconds < 0.5


def test_it_ends_with_its_parent_however_that_ends() -> None:
    code = (
        "import time; from runtime.embedded.valkey import EmbeddedValkey; "
        "print(EmbeddedValkey().start().url, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().decode().strip()
        with redis.Redis.from_url(url) as client:
            info = client.info("server")
        assert isinstance(info, dict)
        parent.send_signal(signal.SIGKILL)
    assert gone([int(info["process_id"])])
    assert not folder_of(url).exists()


def test_a_folder_keeps_data_and_has_one_server(tmp_path: Path) -> None:
    first = EmbeddedValkey(tmp_path).start()
    with redis.Redis.from_url(first.url) as client:
        client.set("a", "kept")
    with pytest.raises(EmbeddedServerError, match="in use by another"):
        EmbeddedValkey(tmp_path).start()
    first.stop()
    second = EmbeddedValkey(tmp_path).start()
    with redis.Redis.from_url(second.url) as client:
        assert client.get("a") == b"kept"
    second.stop()


def test_it_comes_back_at_the_same_address() -> None:
    server = EmbeddedValkey().start()
    url = server.url
    for kill in (False, True):
        server.halt(kill=kill)
        assert not server.running
        server.start()
        assert server.url == url
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    server.stop()


def test_why_it_does_not_start_is_told() -> None:
    server = EmbeddedValkey(settings={"maxmemory-policy": "nonsense"})
    with pytest.raises(EmbeddedServerError, match="set REDIS_URL"):
        server.start()
    assert not server.running
    server.stop()


def test_temporary_files_may_lie_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    server = EmbeddedValkey().start()
    try:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()
    finally:
        server.stop()
    assert list(deep.iterdir()) == []
