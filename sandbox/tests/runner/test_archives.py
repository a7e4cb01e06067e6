"""Archives cannot leave their folder, whatever they are made of."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flyte_sandbox.runner.template.archives import ArchiveError, unpack


def file(name: str, content: bytes = b"x", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), mode, 315_532_800
    return info, content


def special(name: str, kind: bytes, target: str = "", mode: int = 0o777) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info, b""


def symlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.SYMTYPE, target)


def hardlink(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.LNKTYPE, target)


def folder(name: str, mode: int = 0o755) -> tuple[tarfile.TarInfo, bytes]:
    return special(name, tarfile.DIRTYPE, mode=mode)


class Place:
    """``inside`` is unpacked into; ``outside`` holds a secret and must stay as it is."""

    def __init__(self, root: Path) -> None:
        self.inside, self.outside, self.archive = root / "inside", root / "outside", root / "code.tar.gz"
        self.inside.mkdir()
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")

    def unpack(self, *members: tuple[tarfile.TarInfo, bytes]) -> None:
        with tarfile.open(self.archive, "w:gz") as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content))
        unpack(str(self.archive), str(self.inside))

    def is_outside_untouched(self) -> bool:
        return [(p.name, p.read_text()) for p in self.outside.iterdir()] == [("secret", "secret")]

    def escapes(self) -> list[Path]:
        """Links inside that lead out."""
        links = [Path(top) / name for top, ds, fs in os.walk(self.inside) for name in ds + fs]
        return [
            link for link in links if not Path(os.path.realpath(link)).is_relative_to(self.inside.resolve())
        ]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_files_folders_and_links_inside_are_unpacked(place):
    place.unpack(
        folder("pkg"),
        file("pkg/__init__.py", b"import this"),
        file("./deep/er/file.txt", b"deep"),
        symlink("pkg/alias.py", "__init__.py"),
        symlink("up", "pkg/../deep"),
        hardlink("pkg/same.py", "pkg/__init__.py"),
    )
    assert (place.inside / "pkg/__init__.py").read_text() == "import this"
    assert (place.inside / "pkg/alias.py").read_text() == "import this"
    assert (place.inside / "pkg/same.py").read_text() == "import this"
    assert (place.inside / "up/er/file.txt").read_text() == "deep"
    assert (place.inside / "pkg/__init__.py").stat().st_mtime == 315_532_800


def test_what_is_there_already_is_overwritten(place):
    (place.inside / "code.py").write_text("old")
    (place.inside / "link.py").symlink_to(place.outside / "secret")
    place.unpack(file("code.py", b"new"), file("link.py", b"new"), file("code.py", b"newer"))
    assert (place.inside / "code.py").read_text() == "newer"
    assert (place.inside / "link.py").read_text() == "new"
    assert place.is_outside_untouched()


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([file("../outside/secret")], id="dots"),
        pytest.param([file("a/../../outside/secret")], id="dots after a folder"),
        pytest.param([folder("a"), file("a/../b")], id="dots that stay inside"),
        pytest.param([folder("../outside/new")], id="a folder outside"),
        pytest.param([symlink("link", "/etc/passwd")], id="absolute link"),
        pytest.param([symlink("link", "../outside/secret")], id="link out"),
        pytest.param([symlink("link", "../outside"), file("link/new")], id="writing through a link out"),
        pytest.param([folder("a"), symlink("link", "a"), file("link/b")], id="writing through a link inside"),
        pytest.param([folder("a"), symlink("link", "a"), folder("link/b")], id="a folder through a link"),
        pytest.param([symlink("a/b", ".."), symlink("c", "a/b/..")], id="link over a link"),
        pytest.param([symlink("c", "a/b/.."), symlink("a/b", "..")], id="link that a later one turns"),
        pytest.param([symlink("c", "d/../.."), folder("d")], id="dots after a folder to come"),
        pytest.param([hardlink("link", "../outside/secret")], id="hard link out"),
        pytest.param([hardlink("link", "/etc/passwd")], id="absolute hard link"),
        pytest.param([symlink("s", "x"), hardlink("link", "s")], id="hard link to a link"),
        pytest.param(
            [folder("a"), file("a/f"), symlink("s", "a"), hardlink("l", "s/f")], id="hard link via link"
        ),
        pytest.param([hardlink("link", "absent")], id="hard link to nothing"),
        pytest.param([special("dev", tarfile.CHRTYPE)], id="character device"),
        pytest.param([special("dev", tarfile.BLKTYPE)], id="block device"),
        pytest.param([special("pipe", tarfile.FIFOTYPE)], id="pipe"),
        pytest.param([file("."), file("ok")], id="the folder itself as a file"),
        pytest.param([symlink(".", "x")], id="the folder itself as a link"),
        pytest.param([folder("a"), file("a")], id="file in place of a folder"),
        pytest.param([file("a"), file("a/b")], id="folder in place of a file"),
        pytest.param([file("/".join(["d" * 200] * 25))], id="too long a name"),
    ],
)
def test_archives_that_want_out_or_make_no_sense_are_refused(place, members):
    with pytest.raises(ArchiveError):
        place.unpack(*members)
    assert place.is_outside_untouched()
    assert place.escapes() == []


def test_a_leading_slash_is_dropped_as_the_data_filter_does(place):
    place.unpack(file("/etc/absolute"))
    assert (place.inside / "etc/absolute").exists()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o777, 0o755),
        (0o666, 0o644),
        (0o4755, 0o755),
        (0o2755, 0o755),
        (0o000, 0o600),
        (0o077, 0o644),
        (0o500, 0o700),
    ],
)
def test_modes_are_clamped_as_the_data_filter_does(place, mode, expected):
    place.unpack(file("file", mode=mode), folder("folder", mode=0o000))
    assert stat.S_IMODE((place.inside / "file").stat().st_mode) == expected
    assert (place.inside / "folder").stat().st_mode & 0o700 == 0o700


def test_owners_are_not_taken_over(place):
    info, content = file("file")
    info.uid, info.uname = 4711, "nobody"
    place.unpack((info, content))
    assert (place.inside / "file").stat().st_uid == os.getuid()


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no tar"), gzip.compress(b"x" * 600)[:20]],
    ids=["nothing", "text", "compressed text", "cut"],  # gzip writes the time, and ids must not change
)
def test_what_is_no_archive_is_refused(place, content):
    place.archive.write_bytes(content)
    with pytest.raises(ArchiveError):
        unpack(str(place.archive), str(place.inside))


def test_a_cut_archive_is_refused(place):
    place.unpack(file("file", os.urandom(100_000)))
    whole = place.archive.read_bytes()
    place.archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError):
        unpack(str(place.archive), str(place.inside))


_NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", ""]), min_size=1, max_size=4).map("/".join)
_MEMBERS = st.one_of(
    st.builds(file, _NAMES),
    st.builds(folder, _NAMES),
    st.builds(symlink, _NAMES, _NAMES),
    st.builds(hardlink, _NAMES, _NAMES),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.lists(_MEMBERS, max_size=6))
def test_no_mixture_of_members_gets_out(tmp_path_factory, members):
    place = Place(tmp_path_factory.mktemp("place"))
    with contextlib.suppress(ArchiveError):
        place.unpack(*members)
    assert place.is_outside_untouched()
    assert place.escapes() == []
    assert sorted(p.name for p in place.inside.parent.iterdir()) == ["code.tar.gz", "inside", "outside"]
