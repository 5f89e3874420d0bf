"""Archives are hostile and break: every member becomes a candidate or a status, and nothing else happens."""

import contextlib
import gzip
import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmlkit.errors import SourceError
from dmlkit.sources import candidates
from dmlkit.storage import archives
from tests.support.errors import raises
from tests.support.images import make_image, write_tar

WNID = "n01440764"
IMAGES = {f"{WNID}_{i}.JPEG": make_image(i) for i in range(4)}
MODES = ["w", "w:gz", "w:bz2", "w:xz"]
END = b"\0" * 1024


def tar_bytes(members, mode="w", form=tarfile.GNU_FORMAT) -> bytes:
    """A tar file of names → bytes, or of (TarInfo, bytes)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form, errors="surrogateescape") as tar:
        for info, data in members.items() if isinstance(members, dict) else members:
            member = info if isinstance(info, tarfile.TarInfo) else tarfile.TarInfo(info)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def header(name="x.JPEG", size=0, kind=tarfile.REGTYPE, form=tarfile.GNU_FORMAT) -> bytes:
    """A header with any size, true or not."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(form, "utf-8", "surrogateescape")


def entry(name, data, kind=tarfile.REGTYPE) -> bytes:
    return header(name, len(data), kind) + data + b"\0" * (-len(data) % 512)


def saved(tmp_path, data, name=f"{WNID}.tar") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def found(path, **where):
    return list(candidates.tar_candidates(path, WNID, **where))


def one(tmp_path, data):
    """The single candidate of a tar file."""
    (candidate,) = found(saved(tmp_path, data))
    return candidate


def good(candidates):
    """Id → bytes of the candidates without a status."""
    return {c.upstream_id: c.read() for c in candidates if c.status is None}


WHOLE = {Path(name).stem: data for name, data in IMAGES.items()}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", MODES)
def test_tar_of_any_format_gives_its_images(tmp_path, mode, form):
    candidates = found(saved(tmp_path, tar_bytes(IMAGES, mode, form)))
    assert good(candidates) == WHOLE
    assert [c.upstream_label for c in candidates] == [WNID] * 4


def test_compressed_tar_is_read_in_any_order(tmp_path):
    candidates = found(saved(tmp_path, tar_bytes(IMAGES, "w:gz")))
    assert [c.read() for c in reversed(candidates)] == list(reversed(WHOLE.values()))


def test_replaced_archive_is_read_anew(tmp_path):
    for seed in (1, 2):
        path = saved(tmp_path, tar_bytes({"a.JPEG": make_image(seed)}, "w:gz"))
        os.utime(path, ns=(seed, seed))
        assert good(found(path)) == {"a": make_image(seed)}


def test_archive_of_many_gzip_members_is_read_whole(tmp_path):
    plain = tar_bytes(IMAGES)
    pieces = [gzip.compress(plain[i : i + 1000]) for i in range(0, len(plain), 1000)]
    assert good(found(saved(tmp_path, b"".join(pieces)))) == WHOLE


def test_a_tar_inside_another_is_read_in_place(tmp_path):
    inner = tar_bytes(IMAGES)
    outer = saved(tmp_path, tar_bytes({"first.tar": tar_bytes({"b.JPEG": b"b"}), f"{WNID}.tar": inner}))
    member = list(archives.tar_members(outer))[1]
    assert good(found(outer, offset=member.offset, size=member.num_bytes)) == WHOLE


def test_folders_are_skipped_and_cut_from_names(tmp_path):
    folder = tarfile.TarInfo(WNID)
    folder.type = tarfile.DIRTYPE
    data = tar_bytes([(folder, b""), (f"./{WNID}/{WNID}_1.JPEG", b"1")])
    assert good(found(saved(tmp_path, data))) == {f"{WNID}_1": b"1"}


def test_a_name_that_speaks_against_its_label_is_told(tmp_path):
    assert one(tmp_path, tar_bytes({"n02084071_1.JPEG": b"1"})).detail == "its name says n02084071"


# ---- hostile members


@pytest.mark.parametrize(
    "name", ["../x.JPEG", "a/../../x.JPEG", "/etc/x.JPEG", "C:\\x.JPEG", "..\\x.JPEG", "\\\\host\\x"]
)
@pytest.mark.parametrize("mode", MODES[:2])
def test_a_name_outside_the_archive_is_unsafe(tmp_path, name, mode):
    candidate = one(tmp_path, tar_bytes({name: b"1"}, mode))
    assert (candidate.status, candidate.read) == ("unsafe-member", None)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"S", b"Z"]
)
@pytest.mark.parametrize("mode", MODES[:2])
def test_links_and_devices_are_unsafe_members(tmp_path, kind, mode):
    info = tarfile.TarInfo("x.JPEG")
    info.type, info.linkname = kind, "../../secret\n"
    unsafe, sound = found(saved(tmp_path, tar_bytes([(info, b""), ("y.JPEG", b"y")], mode)))
    assert (unsafe.status, unsafe.read) == ("unsafe-member", None)
    assert "\n" not in unsafe.detail
    assert good([sound]) == {"y": b"y"}


def pax(**records) -> bytes:
    data = b""
    for key, value in records.items():
        rest = f" {key}={value}\n".encode()
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        data += str(length).encode() + rest
    return entry("pax", data, tarfile.XHDTYPE)


@pytest.mark.parametrize(
    "data",
    [
        header(size=10 * 2**40) + END,
        pax(size=10 * 2**40) + header(),
        header(size=2**62) + END,
        header(size=10 * 2**40, kind=b"S") + END,
        header(size=10 * 2**40, kind=b"Z") + END,
        header(size=-512) + END,
        header(size=-(2**40)) + END,
        pax(size=-1024) + header() + END,
        pax(size="x") + header() + END,
        pax(size="9" * 9999) + header() + END,
        header(size=2**33, kind=tarfile.GNUTYPE_LONGNAME) + END,
        header(size=-512, kind=tarfile.GNUTYPE_LONGNAME) + END,
        header(size=2**33, kind=tarfile.XHDTYPE) + END,
        entry("pax", b"3 a", tarfile.XHDTYPE) + header() + END,
        entry("pax", b"0 path=x\n", tarfile.XHDTYPE) + header() + END,
        entry("pax", b"-9 path=x\n", tarfile.XHDTYPE) + header() + END,
        entry("pax", b"x" * 900, tarfile.XHDTYPE) + header() + END,
        entry("long", b"x" * 900, tarfile.GNUTYPE_LONGNAME),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_lying_header_is_damage_in_bounded_memory(tmp_path, data, packed):
    data = entry("a.JPEG", b"a") + data
    path = saved(tmp_path, gzip.compress(data) if packed else data)
    tracemalloc.start()
    candidates = found(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert good(candidates[:1]) == {"a": b"a"}
    assert candidates[-1].status == "damaged-archive"
    assert peak < 4 * 2**20


def test_member_of_too_many_bytes_is_too_large(tmp_path):
    path = tmp_path / f"{WNID}.tar"
    with path.open("wb") as file:  # a sparse file: nothing is written
        file.write(header("big.JPEG", 2**30))
        file.seek(512 + 2**30)
        file.write(entry("a.JPEG", b"a") + END)
    big, sound = found(path)
    assert (big.upstream_id, big.status, big.detail) == ("big", "too-large", f"{2**30} bytes")
    assert good([sound]) == {"a": b"a"}


def test_many_extended_headers_are_one_member(tmp_path):
    data = entry("l", b"y.JPEG\0", tarfile.GNUTYPE_LONGNAME) * 10_000 + entry("x", b"1") + END
    assert good(found(saved(tmp_path, data))) == {"y": b"1"}


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_long_names_keep_their_last_part(tmp_path, kind):
    form = tarfile.PAX_FORMAT if kind == tarfile.XHDTYPE else tarfile.GNU_FORMAT
    names = {"d" * 4980 + f"/{WNID}_{i}.JPEG": bytes([i]) for i in range(3)}
    data = tar_bytes(names, form=form)
    assert data[156:157] == kind
    assert good(found(saved(tmp_path, data))) == {f"{WNID}_{i}": bytes([i]) for i in range(3)}


def test_odd_names_become_safe_and_distinct_ids(tmp_path):
    long = ["x" * 5000 + end for end in ("1", "2", "1.JPEG.JPEG")]
    odd = [b"\xff\xfe.jpg".decode("utf-8", "surrogateescape"), "\ud8ff.jpg", "猫.jpg", "犬.jpg", "a b.jpg", "a\nb.jpg"]
    control = ["a\x00b", "\x1b[31mred", "\u202egpj.exe", "", ".", "a/..b/. ", "<b>", "a\tb", "__"]
    ids = [candidates.upstream_id(name) for name in (*long, *odd, *control)]
    assert len(set(ids)) == len(ids)
    assert all(i.isascii() and i.isprintable() and len(i) < 220 and not set(i) & set(" /\\<>:\"'") for i in ids)
    names = [name for name in (*long, *odd, *control) if "\x00" not in name and name != "\ud8ff.jpg"]
    path = saved(tmp_path, tar_bytes([(name, b"1") for name in names]))
    assert [c.upstream_id for c in found(path)] == [candidates.upstream_id(name) for name in names]


@given(
    st.text(st.characters(exclude_categories=[]), max_size=40) | st.from_regex(r"[./\\\0-\x20]{0,8}", fullmatch=True)
)
def test_an_id_of_any_text_is_safe(text):
    made = candidates.upstream_id(text)
    assert made not in ("", ".", "..")
    assert not made.startswith(".")
    assert all(c.isascii() and (c.isalnum() or c in "_.@#+-") for c in made)
    assert len(made) <= 220


# ---- damage


@pytest.mark.parametrize("mode", MODES)
def test_cut_archive_keeps_members_before_the_cut(tmp_path, mode):
    whole = tar_bytes(IMAGES, mode)
    seen = set()
    for length in range(0, len(whole.rstrip(b"\0")), 83):
        candidates = found(saved(tmp_path, whole[:length]))
        kept = good(candidates)
        assert kept.items() <= WHOLE.items()
        assert [c.status for c in candidates] == [None] * len(kept) + ["damaged-archive"], length
        seen.add(len(kept))
    assert seen >= ({0, 1, 2, 3} if mode in ("w", "w:gz") else {0})


def test_archive_without_end_mark_is_damaged(tmp_path):
    whole = b"".join(entry(name, data) for name, data in IMAGES.items())
    candidates = found(saved(tmp_path, whole))
    assert good(candidates) == WHOLE
    assert (candidates[-1].status, len(candidates)) == ("damaged-archive", 5)
    assert good(found(saved(tmp_path, whole + END))) == WHOLE


@pytest.mark.parametrize("behind", [b"\0" * 3_000_000, b"\0" * 9000 + b"more"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_with_a_hole_of_zeros_is_told(tmp_path, behind, packed):
    """As a download that reserved its room and was never finished leaves it."""
    data = entry("a.JPEG", b"a") + behind
    candidates = found(saved(tmp_path, gzip.compress(data) if packed else data))
    assert good(candidates) == {"a": b"a"}
    assert candidates[-1].status == "damaged-archive"


def test_damaged_check_sums_of_gzip_are_told(tmp_path):
    data = bytearray(tar_bytes(IMAGES, "w:gz"))
    data[-6] ^= 1
    candidates = found(saved(tmp_path, bytes(data)))
    assert [c.status for c in candidates] == [None] * 4 + ["damaged-archive"]


@pytest.mark.parametrize(
    "data", [b"", b"x", b"<html>" * 200, make_image(1), b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\0" * 511]
)
def test_what_is_no_tar_at_all_is_one_damaged_archive(tmp_path, data):
    assert one(tmp_path, data).status == "damaged-archive"


SOUND = {mode: tar_bytes(IMAGES, mode) for mode in MODES[:2]}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), mode=st.sampled_from(MODES[:2]))
def test_random_damage_raises_only_oserror(tmp_path_factory, data, mode):
    damaged = bytearray(SOUND[mode])
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=6)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))
    path = saved(tmp_path_factory.getbasetemp(), bytes(damaged[:cut]), "damaged.tar")
    for candidate in found(path):
        if candidate.read is not None:
            with contextlib.suppress(OSError):
                assert isinstance(candidate.read(), bytes)


def test_image_behind_gzip_damage_is_an_oserror(tmp_path):
    path = saved(tmp_path, tar_bytes(IMAGES, "w:gz"))
    candidates = found(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(OSError, match="EOFError"):
        candidates[-1].read()


# ---- bombs and memory


def test_decompression_bomb_is_stopped(tmp_path):
    path = tmp_path / f"{WNID}.tar.gz"
    zeros = b"\0" * 2**20
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(entry("a.JPEG", b"a") + header("bomb.JPEG", 300 * 2**20))
        for _ in range(300):
            file.write(zeros)
    tracemalloc.start()
    candidates = found(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert good(candidates) == {"a": b"a"}
    assert (candidates[-1].upstream_id, candidates[-1].status) == ("bomb", "damaged-archive")
    assert peak < 2**20


def resident() -> int:
    """The bytes of memory that this process holds."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("memory is read from /proc")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_listing_many_members_takes_bounded_memory(tmp_path):
    path = saved(tmp_path, gzip.compress(header("a.JPEG") * 30_000 + END, 1))
    before = resident()
    count = 0
    for _ in candidates.tar_candidates(path, WNID):
        count += 1
        if count == 29_999:
            assert resident() - before < 16 * 2**20
    assert count == 30_000


def test_files_are_closed_when_a_listing_is_given_up(tmp_path):
    fds = Path("/proc/self/fd")
    if not fds.is_dir():
        pytest.skip("counts open files in /proc")
    path = saved(tmp_path, tar_bytes(IMAGES))
    before = len(list(fds.iterdir()))
    listing = candidates.tar_candidates(path, WNID)
    next(listing).read()
    listing.close()
    del listing
    assert len(list(fds.iterdir())) == before


# ---- folders


def test_folder_gives_files_and_reports_the_rest(tmp_path):
    folder = tmp_path / WNID
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.JPEG", "a.JPEG"):
        (folder / name).write_bytes(name.encode())
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "inside").symlink_to(folder / "a.JPEG")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "broken").symlink_to(folder / "gone")
    os.mkfifo(folder / "fifo")
    with (folder / "large.JPEG").open("wb") as file:
        file.truncate(archives.MAX_BYTES + 1)
    listed = list(candidates.folder_candidates(folder, WNID))
    assert good(listed) == {"a": b"a.JPEG", "b": b"b.JPEG", "inside": b"a.JPEG"}
    assert {c.upstream_id: c.status for c in listed if c.status} == {
        "deeper": "not-an-image",
        "outside": "unsafe-member",
        "broken": "unsafe-member",
        "fifo": "unsafe-member",
        "large": "too-large",
    }


# ---- zip


def zipped(tmp_path, members, patch=lambda data: data) -> list:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    path.write_bytes(patch(path.read_bytes()))
    with zipfile.ZipFile(path) as archive:
        return [candidates.zip_candidate(path, info, WNID) for info in archive.infolist()]


def test_a_zip_gives_its_images(tmp_path):
    assert good(zipped(tmp_path, IMAGES.items())) == WHOLE


@pytest.mark.parametrize("name", ["../x.JPEG", "/x.JPEG", "C:\\x.JPEG", "a/../../x"])
def test_a_zip_member_outside_is_unsafe(tmp_path, name):
    (candidate,) = zipped(tmp_path, [(name, b"1")])
    assert (candidate.status, candidate.read) == ("unsafe-member", None)


def test_a_link_in_a_zip_is_unsafe(tmp_path):
    link = zipfile.ZipInfo("x.JPEG")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    (candidate,) = zipped(tmp_path, [(link, b"/etc/passwd")])
    assert candidate.status == "unsafe-member"


def flag(data: bytes) -> bytes:
    """Mark the only member as encrypted."""
    out = bytearray(data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        out[data.index(mark) + place] |= 1
    return bytes(out)


def test_an_encrypted_zip_member_is_told(tmp_path):
    (candidate,) = zipped(tmp_path, [("x.JPEG", b"1")], flag)
    assert (candidate.status, candidate.detail) == ("unsafe-member", "encrypted")


def test_too_large_zip_member_is_not_read(tmp_path):
    (candidate,) = zipped(tmp_path, [("x.JPEG", b"\0" * (archives.MAX_BYTES + 1))])
    assert candidate.status == "too-large"


def declare(size: int):
    """Let the only member say that it unpacks to ``size`` bytes."""

    def patch(data: bytes) -> bytes:
        out = bytearray(data)
        for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
            at = data.index(mark) + place
            out[at : at + 4] = size.to_bytes(4, "little")
        return bytes(out)

    return patch


@pytest.mark.parametrize("size", [100, archives.MAX_BYTES])
def test_lying_zip_bomb_takes_bounded_memory(tmp_path, size):
    (candidate,) = zipped(tmp_path, [("x.JPEG", b"\0" * 200 * 2**20)], declare(size))
    assert candidate.status is None
    tracemalloc.start()
    with pytest.raises(OSError, match="CRC"):
        candidate.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * archives.MAX_BYTES


@pytest.mark.parametrize("place", [45, 60, 300])
def test_damaged_zip_member_spoils_no_other(tmp_path, place):
    def patch(data):
        out = bytearray(data)
        out[place] ^= 0xFF
        return bytes(out)

    first, *others = zipped(tmp_path, IMAGES.items(), patch)
    with pytest.raises(OSError, match=r"."):
        first.read()
    assert len(good(others)) == 3


def test_zip_with_one_name_twice_offers_both(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        candidates = zipped(tmp_path, [("x.JPEG", b"1"), ("x.JPEG", b"2")])
    assert [c.read() for c in candidates] == [b"2", b"2"]


def test_another_zip_under_the_same_name_is_read_anew(tmp_path):
    for seed in (1, 2):
        (candidate,) = zipped(tmp_path, [("x.JPEG", make_image(seed))])
        assert candidate.read() == make_image(seed)


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"<html>", b"PK\3\4" + b"\0" * 500])
def test_what_is_no_zip_is_a_clear_error(tmp_path, data):
    path = saved(tmp_path, data, "x.zip")
    with raises(SourceError, "source.bad-zip", path=path):
        archives.open_zip(path)


def test_type_is_told_by_content_and_never_by_suffix(tmp_path):
    assert archives.is_tar(write_tar(tmp_path / "tar.jpg", IMAGES))
    assert archives.is_tar(saved(tmp_path, tar_bytes(IMAGES, "w:xz"), "xz.tar"))
    assert not archives.is_tar(saved(tmp_path, make_image(1), "image.tar"))
    assert not archives.is_tar(saved(tmp_path, b"", "empty.tar"))
    assert not archives.is_tar(tmp_path)
