"""The Java clients of tests/clients/java, on the jars that the package kclpy-ext carries.

usage: java.py CLASS [ARGUMENT ...]   compiles what is not compiled yet and runs it; the arguments follow ENDPOINT
"""
import fcntl
import importlib.util
import os
import pathlib
import subprocess
import sys

SOURCES = pathlib.Path(__file__).parent / "java"
CLASSES = pathlib.Path(sys.prefix) / "java-clients"
SECONDS = 150


def jars():
    package = pathlib.Path(importlib.util.find_spec("amazon_kclpy").origin).parent
    folder = package / "jars"
    assert list(folder.glob("kinesis-*.jar")), f"no SDK for Java in {folder}"
    return f"{folder}/*"


def compile_all():
    sources = sorted(SOURCES.glob("*.java"))
    CLASSES.mkdir(exist_ok=True)
    with open(CLASSES / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run at the same time
        stamp = CLASSES / ".compiled"
        if not stamp.exists() or any(source.stat().st_mtime > stamp.stat().st_mtime for source in sources):
            subprocess.run(["javac", "-proc:none", "-cp", jars(), "-d", CLASSES, *sources], check=True)
            stamp.touch()


def command(name, *arguments):
    compile_all()
    # Two processors and little time: what is compiled once quickly is enough.
    return ["java", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", f"{CLASSES}:{jars()}", name, *arguments]


def environment():
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": os.environ["KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": os.environ["SECRET"],
    }


if __name__ == "__main__":
    words = command(sys.argv[1], os.environ["ENDPOINT"], *sys.argv[2:])
    subprocess.run(words, env=environment(), check=True, timeout=SECONDS)
