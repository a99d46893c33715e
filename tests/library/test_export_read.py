import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from holdfast.core.errors import BadInput, NotFound
from holdfast.library import export_read
from holdfast.library.export_read import opened
from support.exports import Yard, zipped


def test_an_export_is_told_by_what_it_is(tmp_path: Path) -> None:
    """ZIP, TAR and an unpacked folder are read; other files, and half a ZIP, are refused in words."""
    yard = Yard(tmp_path / "yard")
    for kind in ("zip", "tar"):
        with opened(yard.export(tmp_path / f"a.{kind}", format=kind).path) as members:
            assert "manifest.json" in members.sizes
    shutil.unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    with opened(tmp_path / "out/a") as members:
        assert "manifest.json" in members.sizes
    (tmp_path / "text").write_text("text")
    (tmp_path / "half.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-4000])
    for name, why in (("text", "no export"), ("half.zip", "cut off")):
        with pytest.raises(BadInput, match=why), opened(tmp_path / name):
            pass


def test_the_folder_around_it_has_any_name(tmp_path: Path) -> None:
    """What lies beside the manifest is named from there, however the folder is called, or without one."""
    for folder in ("", "some folder/", "a/b/"):
        path = tmp_path / "x.zip"
        path.write_bytes(zipped({f"{folder}manifest.json": b"{}", f"{folder}gate/main/a.mp4": b"media"}))
        with opened(path) as members:
            assert members.sizes == {"manifest.json": 2, "gate/main/a.mp4": 5}
            assert members.read("gate/main/a.mp4") == b"media"
            with pytest.raises(NotFound):
                members.read("gate/main/b.mp4")


def test_packing_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file packed in a way that no export is, which may take all of the memory, is not unpacked."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("manifest.json", bytes(1000))
    with pytest.raises(BadInput, match="packed in a way"), opened(path):
        pass


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_tar_holds_plain_files_only(tmp_path: Path, kind: bytes) -> None:
    """C083: a link in the name of a file that was signed, which takes its place when all is unpacked, is refused."""
    path = Yard(tmp_path / "yard").export(tmp_path / "a.tar", format="tar").path
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("a/gate/main/a.mp4")
        link.type, link.linkname = kind, "../../../forged.mp4"
        archive.addfile(link)
    with pytest.raises(BadInput, match=r"a/gate/main/a\.mp4 is a link"), opened(path):
        pass


def test_a_zip_holds_plain_files_only(tmp_path: Path) -> None:
    """C083: a file of a ZIP that becomes a link when it is unpacked is refused; folders and plain files are not."""
    for mode, fine in ((stat.S_IFREG | 0o644, True), (0, True), (stat.S_IFLNK | 0o777, False)):
        path = tmp_path / f"{mode}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.mkdir("a")
            info = zipfile.ZipInfo("a/manifest.json")
            info.external_attr = mode << 16
            archive.writestr(info, b"{}")
        if fine:
            with opened(path) as members:
                assert members.sizes == {"manifest.json": 2}
        else:
            with pytest.raises(BadInput, match=r"a/manifest\.json is a link"), opened(path):
                pass


def test_nothing_stands_behind_a_tar(tmp_path: Path) -> None:
    """C083: files behind a damaged header, which other programs find and Python's reader does not, are refused."""
    path = Yard(tmp_path / "yard").export(tmp_path / "a.tar", format="tar").path
    with tarfile.open(path) as archive:
        end = max(info.offset_data + -(-info.size // 512) * 512 for info in archive)
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as more:
        more.addfile(tarfile.TarInfo("a/gate/main/a.mp4"))
    path.write_bytes(path.read_bytes()[:end] + b"x" * 512 + held.getvalue())
    with pytest.raises(BadInput, match="behind the end"), opened(path):
        pass


def test_lines_are_whole_however_long_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal is read by its lines in pieces of any size, each as it stands, the last one without an end too."""
    lines = [b"one\n", b"a second\r\n", b"\n", b"x" * 40 + b"\n", b"end"]
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"manifest.json": b"{}", "j": b"".join(lines)}))
    monkeypatch.setattr(export_read, "SMALL_BYTES", 10)
    for size in (1, 3, 13, 100):
        monkeypatch.setattr(export_read, "PIECE_BYTES", size)
        with opened(path) as members:
            assert list(members.lines("j")) == lines
    monkeypatch.setattr(export_read, "LINE_BYTES", 20)
    monkeypatch.setattr(export_read, "PIECE_BYTES", 13)
    with opened(path) as members, pytest.raises(BadInput, match="longer than any"):
        list(members.lines("j"))
