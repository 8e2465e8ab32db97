"""The machines that a workshop's packages can be made for."""

from typing import NamedTuple

from tools.workshop.stick.install import this_machine

PYTHONS = ("3.11", "3.12", "3.13")
# A package may be pinned to another version from some release on, as soupsieve is from 3.11.5. So packages
# are fetched for the first release, and for one that is later than all there will be.
RELEASES = ("0", "99")
OLDEST_GLIBC = 28  # of the 2.x; such systems are from 2018 on, and the wheels of JAX need 2.27


class Platform(NamedTuple):
    """A kind of laptop, under the name that `make workshop PLATFORMS=` knows."""

    name: str
    words: str
    uv: str  # how uv calls it
    tags: tuple[str, ...]  # the kinds of wheel that run there, the best one first


class Target(NamedTuple):
    """A kind of laptop with a release of Python, such as 3.11.0."""

    platform: Platform
    python: str

    def __str__(self) -> str:
        return f"{self.platform.name} with Python {self.python}"

    @property
    def minor(self) -> str:
        return self.python.rpartition(".")[0]


def linux_tags(machine):
    """From the newest C library to the oldest: each runs what was made for older ones."""
    libraries = [f"manylinux_2_{minor}" for minor in range(OLDEST_GLIBC, 4, -1)]
    return tuple(f"{name}_{machine}" for name in (*libraries, "manylinux2014", "manylinux2010", "manylinux1"))


# There is no JAX for Macs with an Intel chip, nor for Windows on ARM.
PLATFORMS = {
    one.name: one
    for one in (
        Platform("linux", "Linux", "x86_64-manylinux_2_28", linux_tags("x86_64")),
        Platform("linux-arm", "Linux on ARM", "aarch64-manylinux_2_28", linux_tags("aarch64")),
        Platform("windows", "Windows", "x86_64-pc-windows-msvc", ("win_amd64",)),
        Platform(
            "macos-arm",
            "macOS 13 or newer, with an Apple chip",
            "aarch64-apple-darwin",
            ("macosx_13_0_arm64",),
        ),
    )
}


def targets(platforms: str, pythons: str) -> list[Target]:
    """Each platform with both ends of each Python, given as words with spaces or commas between them.

    Without platforms it is that of this machine, and without Pythons all of them.
    """
    names = _words(platforms) or [this_machine().kind]
    versions = _words(pythons) or list(PYTHONS)
    for name in names:
        if name not in PLATFORMS:
            raise ValueError(f"PLATFORMS names {name!r}; there are packages for {', '.join(PLATFORMS)}.")
    for version in versions:
        if version not in PYTHONS:
            raise ValueError(f"PYTHONS names {version!r}; the course runs on {', '.join(PYTHONS)}.")
    releases = [f"{version}.{release}" for version in versions for release in RELEASES]
    return [Target(PLATFORMS[name], release) for name in names for release in releases]


def _words(text):
    return list(dict.fromkeys(text.replace(",", " ").split()))
