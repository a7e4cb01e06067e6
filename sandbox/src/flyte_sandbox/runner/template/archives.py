"""Unpacks code archives by the rules of Python's ``data`` filter (PEP 706), which Python 3.11.2 lacks.

Stricter in one point: nothing is written through a symbolic link, not even one that stays inside. That makes
the result independent of the order of members.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from typing import NoReturn

_LONGEST_PATH = 4000
"""Beyond PATH_MAX (4096) realpath() stops resolving links, so such names are refused."""


class ArchiveError(ValueError):
    """The archive is broken, or wants out of its folder; the message names the member."""


def unpack(archive: str, folder: str) -> None:
    """Unpack a tar archive, compressed or not; existing files are overwritten.

    :param folder: an existing folder that nothing gets out of.
    :raises ArchiveError: after which some members may have been unpacked.
    """
    root = os.path.realpath(folder)
    folders = {root}
    links: list[str] = []
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                _place(tar, member, root, folders, links)
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise ArchiveError(f"cannot unpack {archive}: {exc}") from exc
    bad = [link for link in links if not _is_inside(link, root)]  # turned by a later member
    if bad:
        _refuse_links(bad)


def _place(
    tar: tarfile.TarFile, member: tarfile.TarInfo, root: str, folders: set[str], links: list[str]
) -> None:
    path = _path_inside(member.name, root)
    if member.isdir():
        _make_folders(path, folders)
        return
    if path == root:
        raise ArchiveError(f"member {member.name!r} would replace the folder itself")
    _make_folders(os.path.dirname(path), folders)
    _make_room(path, member.name)
    if member.isreg():
        _write_file(tar, member, path)
    elif member.issym():
        _write_link(member, path, root, links)
    elif member.islnk():
        _link_file(member, path, root)
    else:
        raise ArchiveError(f"member {member.name!r} is neither file, folder nor link")


def _path_inside(name: str, root: str) -> str:
    """Leading slashes are dropped, as the data filter does; ``..`` is refused wherever it stands."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise ArchiveError(f"member {name!r} leads out of its folder")
    path = os.path.join(root, *parts)
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ArchiveError(f"member {name[:60]!r}… has too long a name")
    return path


def _make_folders(path: str, known: set[str]) -> None:
    """:param known: folders that are really there, and stay: no member replaces one."""
    missing = []
    while path not in known:
        missing.append(path)
        path = os.path.dirname(path)
    for each in reversed(missing):
        _make_folder(each)
    known.update(missing)


def _make_folder(path: str) -> None:
    try:
        os.mkdir(path, 0o755)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise ArchiveError(f"{path!r} is no folder, but members want to be inside it") from None


def _make_room(path: str, name: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise ArchiveError(f"member {name!r} would replace a folder")
    os.unlink(path)


def _write_file(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise ArchiveError(f"member {member.name!r} has no content")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        os.fchmod(descriptor, _clamped(member.mode))
    os.utime(path, (member.mtime, member.mtime))


def _clamped(mode: int) -> int:
    """No set-id bits, no writing by others; the owner reads and writes; all execute what the owner may."""
    clamped = mode & 0o755 | 0o600
    return clamped if clamped & 0o100 else clamped & ~0o111


def _write_link(member: tarfile.TarInfo, path: str, root: str, links: list[str]) -> None:
    if os.path.isabs(member.linkname) or "\0" in member.linkname:
        raise ArchiveError(f"link {member.name!r} has an absolute target")
    os.symlink(member.linkname, path)
    if not _is_inside(path, root):
        _refuse_links([path])
    links.append(path)


def _is_inside(link: str, root: str) -> bool:
    """Whether the target, all links resolved, is inside; so is what a later member put in a link's place."""
    target = os.path.realpath(link)
    return os.path.commonpath([target, root]) == root and len(os.fsencode(target)) <= _LONGEST_PATH


def _refuse_links(links: list[str]) -> NoReturn:
    for link in links:
        os.unlink(link)
    raise ArchiveError(f"link {links[0]!r} leads out of its folder")


def _link_file(member: tarfile.TarInfo, path: str, root: str) -> None:
    source = _path_inside(member.linkname, root)
    _refuse_links_on_the_way(source, root)
    if not stat.S_ISREG(os.lstat(source).st_mode):
        raise ArchiveError(f"hard link {member.name!r} does not lead to a file of the archive")
    os.link(source, path, follow_symlinks=False)


def _refuse_links_on_the_way(path: str, root: str) -> None:
    if os.path.realpath(os.path.dirname(path)) != os.path.dirname(path):
        raise ArchiveError(f"{os.path.relpath(path, root)!r} is behind a link")
