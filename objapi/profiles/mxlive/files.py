"""Addresses of files, built from the opaque key that the data proxy gave for their directory. Pure.

They are relative to the address of the proxy, which is a setting of the site.
"""

from urllib.parse import quote


def raw_file(key: str, file: str) -> str:
    """A file as it was written."""
    return f"files/raw/{_part(key)}/{_part(file)}"


def frame_picture(key: str, file: str) -> str:
    """The picture of one frame in normal brightness, which the proxy calls `nm`."""
    return f"files/frame/{_part(key)}/{_part(file)}/nm.png"


def snapshot(key: str, name: str) -> str:
    """The picture of the sample that goes with a dataset."""
    return f"files/snapshot/{_part(key)}/{_part(name)}.gif"


def archive(key: str, name: str) -> str:
    """The whole directory, packed."""
    return f"files/archive/{_part(key)}/{_part(name)}.tar.gz"


def data_files(key: str, name: str, file_name: str) -> dict[str, str]:
    """The URLs of a dataset; empty without a key. A file name with a placeholder for a number names no single file."""
    if not key:
        return {}
    found = {"archive": archive(key, name), "snapshot": snapshot(key, name)}
    if file_name and "{" not in file_name:
        found |= {"raw": raw_file(key, file_name), "frame": frame_picture(key, file_name)}
    return found


def report_files(key: str, name: str) -> dict[str, str]:
    """The URLs of a report; empty without a key."""
    return {"archive": archive(key, name)} if key else {}


def _part(text: str) -> str:
    return quote(text, safe="")
