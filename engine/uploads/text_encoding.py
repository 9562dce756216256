"""Decode the bytes of an untrusted file as text: find its encoding, and recognise other kinds of
files.
"""

from __future__ import annotations

import re

from ..errors import BadInput
from .limits import named, refuse

TABLE_OR_PICTURES = "a CSV table or an archive of pictures"
"""What a data set is made from."""
OTHERS = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow or Feather file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"SQLite": "a database",
    b"%PDF": "a PDF",
    b"{\\rtf": "a text document (RTF)",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"MATLAB": "a MATLAB file",
    b"$FL2": "an SPSS file",
    b"<stata": "a Stata file",
    b"RDX": "an R file",
}
PICTURES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


def text_of(data: bytes, name: str, notes: list[str], wanted: str = TABLE_OR_PICTURES) -> str:
    """Return the file as a text with line ends of one kind.

    Args:
        data: the file.
        name: its name.
        notes: gets a sentence if the encoding was not certain.
        wanted: what is asked for instead of a file of another kind.

    Raises:
        BadInput: it is no text.
    """
    for magic, what in OTHERS.items():
        if data.startswith(magic):
            raise refuse(name, f"{wanted}, not {what}: save the table as CSV")
    for magic, what in PICTURES.items():
        if data.startswith(magic) and (len(magic) > 2 or b"\0" in data[:64]):
            if wanted == TABLE_OR_PICTURES:
                wanted = "an archive with a folder of pictures for every class"
            raise refuse(name, f"{wanted}, not one {what} picture")
    text = _decoded(data, name, notes, wanted)
    start = text[:2000].lstrip()
    if start.lower().startswith(("<!doctype", "<html", "<?xml", "<table", "<svg")):
        raise refuse(name, "a CSV table, not a web page or XML: save the table as CSV")
    if re.match(r"\[?\s{0,99}\{\s{0,99}[\"}]|\[\s{0,99}\[", start):
        raise refuse(name, "a CSV table, not JSON: save the table as CSV")
    if start[:9].lower() == "@relation":
        raise refuse(name, "a CSV table, not ARFF: save the table as CSV")
    if "\0" in text:
        raise _no_text(name, wanted)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _no_text(name: str, wanted: str) -> BadInput:
    if wanted == TABLE_OR_PICTURES:
        return refuse(
            name, "a CSV table, which is a text, or a zip or tar archive of PNG or JPEG pictures"
        )
    return refuse(name, f"{wanted}, which is a text")


def _decoded(data: bytes, name: str, notes: list[str], wanted: str) -> str:
    """Return the bytes as a text; reports if the encoding was not certain."""
    marks = (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    )
    for mark, encoding in marks:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                if encoding == "utf-16":
                    raise refuse(
                        name, "a whole text (it begins as UTF-16 and goes on as something else)"
                    ) from None
    if b"\0" in data:  # UTF-16 without a byte-order mark: every other byte of an English text is 0
        for encoding, place in (("utf-16-le", 1), ("utf-16-be", 0)):
            head = data[:4096]
            if (
                head[place::2].count(0) > 0.4 * len(head)
                and head[1 - place :: 2].count(0) == 0
                and len(data) % 2 == 0
            ):
                try:
                    text = data.decode(encoding)
                except UnicodeDecodeError:
                    continue
                notes.append("Read as UTF-16, although the file does not say so.")
                return text
        raise _no_text(name, wanted)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            raise refuse(
                name,
                (
                    f"a text in UTF-8 (byte {error.start:,} is neither UTF-8 nor Windows text): "
                    f"save the table as “CSV UTF-8”"
                ),
            ) from None
        around = text[max(0, error.start - 10) : error.start + 10]
        word = next((one for one in re.split(r"[\s,;|\"]", around) if not one.isascii()), around)
        notes.append(
            f"The text is not UTF-8 and was read as Windows text (cp1252). Check that "
            f"“{named(word)}” is right."
        )
        return text
