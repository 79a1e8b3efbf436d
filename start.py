"""Start Frontier from nothing: make .venv, install what changed, serve. Standard library only; any Python 3.

`python3 start.py` serves the app; `python3 start.py --install FILE` only prepares .venv with FILE's packages.
HOST (default 127.0.0.1) and PORT (default 8501, or the next free one) may be set in the environment.
"""

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CANDIDATES = (sys.executable, "python3.13", "python3.12", "python3.11", "python3.14", "python3", "python")
USABLE = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"
COMPLETE = "import sys, pip; sys.exit(sys.version_info < (3, 11))"


def main(arguments: "list[str]") -> None:
    os.chdir(str(ROOT))
    if arguments[:1] == ["--install"] and len(arguments) == 2:
        install(Path(arguments[1]))
    elif arguments:
        sys.exit("usage: python3 start.py [--install REQUIREMENTS]")
    else:
        install(Path("requirements.txt"))
        serve(os.environ.get("HOST") or "127.0.0.1", wanted_port(os.environ.get("PORT") or "8501"))


def install(requirements: Path) -> None:
    """Bring .venv up to date with a requirements file; does nothing when its text is the one installed last."""
    stamp = stamp_of(requirements)
    fresh = not runs(str(PYTHON), COMPLETE)
    if not fresh and stamp.is_file() and stamp.read_text() == fingerprint(requirements):
        return
    if fresh:
        python = find_python()
        print(f"Creating .venv with {python} ...", flush=True)
        must([python, "-m", "venv", "--clear", str(VENV)])
    print(f"Installing {requirements} (a few minutes the first time) ...", flush=True)
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    must([*pip, "-r", str(requirements)])
    for part in [requirements, *included(requirements)]:
        stamp_of(part).write_text(fingerprint(part))


def stamp_of(requirements: Path) -> Path:
    return VENV / (requirements.stem + ".installed")


def included(requirements: Path) -> "list[Path]":
    """The files that a requirements file takes in with -r."""
    lines = requirements.read_text().splitlines()
    return [requirements.parent / line[2:].strip() for line in lines if line.startswith("-r")]


def fingerprint(requirements: Path) -> str:
    """A hash of the file and of every file it takes in."""
    parts = [requirements.read_text()] + [fingerprint(part) for part in included(requirements)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def find_python() -> str:
    """The first Python >= 3.11 that can make a virtual environment."""
    for candidate in CANDIDATES:
        if runs(candidate, USABLE):
            return candidate
    sys.exit("Frontier needs Python 3.11 or newer with venv: install it, for example `apt-get install python3-venv`.")


def runs(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def must(command: "list[str]") -> None:
    code = subprocess.run(command).returncode
    if code:
        sys.exit(f"`{' '.join(command)}` failed with exit code {code}; its message is above.")


def wanted_port(text: str) -> int:
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    sys.exit(f"PORT={text} is not a whole number in [1, 65535].")


def serve(host: str, port: int) -> None:
    """Replace this process by the server, on the first free port from `port` on."""
    port = next((p for p in range(port, min(port + 100, 65536)) if free(host, p)), 0)
    if not port:
        sys.exit(f"No free port was found on {host}: set PORT to one that is free.")
    print(f"Frontier: http://{host}:{port}  (Ctrl-C stops it)", flush=True)
    options = ["--server.address", host, "--server.port", str(port), "--server.headless", "true"]
    os.execv(str(PYTHON), [str(PYTHON), "-m", "streamlit", "run", "app.py", *options])


def free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            sys.exit(f"HOST={host} is not an address of this machine; leave it out for 127.0.0.1.")
        except OSError:
            return False
        return True


if __name__ == "__main__":
    main(sys.argv[1:])
