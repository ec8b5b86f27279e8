# SPDX-License-Identifier: MIT
"""Runs a private collectd with the plugin, for a test.

    with Collectd(folder, plugin_block, threshold=..., extra=...) as daemon:
        daemon.putval("rack1/sensors/temperature", 50)
        wait_until(lambda: daemon.metric("onenet-fan/commands-accepted") == 1)

It is Debian's collectd, unmodified; the plugin is the one that was just built:
$ONENET_BUILDDIR/.libs/onenet.so, else the one in the source tree. Everything
that it writes is in `folder`. With $ONENET_PRELOAD, libraries of sanitizers are
loaded into it, and what they find is a failure, but for what tests/*.supp name;
$ONENET_SLOWER says how many times as long it may take then. Standard library only.
"""

import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time

from simulator import ROOT, SLOWER, wait_until

HOST = "testhost"
BUILD_DIR = pathlib.Path(os.environ.get("ONENET_BUILDDIR", ROOT)).resolve()
TOOL = BUILD_DIR / "tool" / "onenetctl"
SANITIZER = re.compile(r"Sanitizer|runtime error:")
OURS = re.compile(r"onenet\.so|/plugin/\w+/\w+\.c:")
LEAKS = re.compile(r"^=+\n==\d+==ERROR: LeakSanitizer: .*?^SUMMARY: .*?$",
                   re.DOTALL | re.MULTILINE)
READY = "Initialization complete"


def read_paths():
    """Returns {name: path} of what configure found: demo/paths of the build."""
    text = (BUILD_DIR / "demo" / "paths").read_text()
    return dict(word.split("=", 1) for word in shlex.split(text, comments=True))


PATHS = read_paths()
SYSTEM_PLUGINS = PATHS["collectd_plugins"]


def free_port():
    """Returns a loopback port that the system chose and nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def config_text(folder, onenet, *, threshold="", extra="", interval=0.2,
                onenet_first=False):
    """Returns a whole collectd.conf. onenet: the content of <Plugin onenet>, or
    None for no block; extra: further configuration, with its own LoadPlugin."""
    load_onenet = f'PluginDir "{BUILD_DIR}/.libs"\nLoadPlugin onenet\n'
    load_others = f"""PluginDir "{SYSTEM_PLUGINS}"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{folder}/log"
  Timestamp true
  PrintSeverity true
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{folder}/sock"
</Plugin>
"""
    if threshold:
        load_others += ("LoadPlugin threshold\n<Plugin threshold>\n"
                        f"{threshold}\n</Plugin>\n")
    block = "" if onenet is None else f"<Plugin onenet>\n{onenet}\n</Plugin>\n"
    parts = [load_onenet, load_others] if onenet_first else [load_others,
                                                            load_onenet]
    return (f'Hostname "{HOST}"\nFQDNLookup false\nInterval {interval}\n'
            f'BaseDir "{folder}"\nPIDFile "{folder}/pid"\n'
            + "".join(parts) + block
            + f'PluginDir "{SYSTEM_PLUGINS}"\n{extra}\n')


def in_front(folder, name, source, **environment):
    """Returns words for a command line, so that the functions of this C source
    stand in front of those of the system; with `environment` more variables."""
    (folder / f"{name}.c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", f"{name}.so", f"{name}.c"],
                   cwd=folder, check=True)
    preload = [os.environ.get("ONENET_PRELOAD", ""), str(folder / f"{name}.so")]
    return ["env", "LD_PRELOAD=" + " ".join(filter(None, preload)),
            *(f"{key}={value}" for key, value in environment.items())]


def sanitizer_environment(leaves_behind=False):
    """Returns what sanitizers need, if $ONENET_PRELOAD has some. Stacks of leaks are
    unwound with care: few libraries have frame pointers. A leak as such is no
    failure, see assert_sane. leaves_behind: the daemon is to leave a thread behind,
    with all that it has."""
    if "ONENET_PRELOAD" not in os.environ:
        return {}
    leaks = int(not leaves_behind)
    return {"LD_PRELOAD": os.environ["ONENET_PRELOAD"],
            "ASAN_OPTIONS": f"detect_leaks={leaks}:fast_unwind_on_malloc=0",
            "LSAN_OPTIONS": "exitcode=0",
            "TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp:atexit_sleep_ms=0"
                            f":report_thread_leaks={leaks}"}


def assert_sane(output):
    """Asserts that no sanitizer has said anything: but for leaks in whose stacks
    there is nothing of ours. collectd itself frees little at its end, and as its
    functions have no names, no suppression could tell them from its callbacks."""
    for report in LEAKS.findall(output):
        leaks = report.split("\n\n")[1:-1]
        ours = [leak for leak in leaks if OURS.search(leak)]
        assert leaks and not ours, "\n\n".join(ours) or report
    rest = LEAKS.sub("", output)
    assert not SANITIZER.search(rest), rest


class Collectd:
    """One collectd process.

    folder  where all its files are; log() is its log
    pid     the process
    output  what it wrote on stdout and stderr, after stop()
    """

    def __init__(self, folder, onenet, *, environment=None, wrapper=(),
                 **options):
        """options: those of config_text. wrapper: words in front of the command
        line. Nothing runs before start()."""
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "collectd.conf"
        self.environment = {**os.environ, **sanitizer_environment(),
                            **(environment or {})}
        self.wrapper = list(wrapper)
        self.options = options
        self.output = None
        self._process = None
        self.configure(onenet)

    def configure(self, onenet, **options):
        """Writes the configuration anew, for the next start."""
        self.options.update(options)
        self.config.write_text(config_text(self.folder, onenet, **self.options))

    def __enter__(self):
        return self.start()

    def __exit__(self, failure, *_):
        if self._process is not None:
            self.stop(kill=failure is not None)

    @property
    def pid(self):
        return self._process.pid

    def command(self, *options):
        return [*self.wrapper, PATHS["collectd"], "-C", str(self.config), *options]

    def test(self, timeout=30):
        """Runs `collectd -T`; returns its exit status and all it said."""
        done = subprocess.run(self.command("-T"), capture_output=True, text=True,
                              timeout=SLOWER * timeout, env=self.environment,
                              check=False)
        said = done.stdout + done.stderr
        assert_sane(said)
        return done.returncode, LEAKS.sub("", said) + self.log()

    def check(self):
        """Runs `onenetctl check`; returns its exit status and what it found."""
        done = subprocess.run([TOOL, "--json", "check", str(self.config)],
                              capture_output=True, text=True, timeout=30,
                              env=self.environment, check=False)
        assert done.stderr == "", done
        return done.returncode, json.loads(done.stdout)

    def start(self, ready=True):
        """Starts it in the foreground, and waits until it takes commands."""
        self._output = tempfile.TemporaryFile(mode="w+")
        self._starts = self.log().count(READY)
        self._process = subprocess.Popen(self.command("-f"), stdout=self._output,
                                         stderr=subprocess.STDOUT,
                                         env=self.environment)
        if ready:
            wait_until(self._is_ready, 20, "collectd to start")
        return self

    def _is_ready(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"collectd ended: {self._read_output()}"
                               f"{self.log()}")
        try:
            self.ask("LISTVAL")
            return self.log().count(READY) > self._starts
        except (OSError, ConnectionError):
            return False

    def _read_output(self):
        self._output.seek(0)
        return self._output.read()

    def stop(self, kill=False, timeout=30):
        """Ends it by SIGTERM, or SIGKILL; returns (exit status, seconds)."""
        process, self._process = self._process, None
        begun = time.monotonic()
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            status = process.wait(SLOWER * timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        self._end()
        (self.folder / "sock").unlink(missing_ok=True)
        return status, time.monotonic() - begun

    def wait(self, timeout=30):
        """Waits until it ends by itself; returns the exit status."""
        process, self._process = self._process, None
        status = process.wait(SLOWER * timeout)
        self._end()
        return status

    def _end(self):
        self.output = self._read_output()
        self._output.close()
        assert_sane(self.output)

    def memory_bytes(self):
        """Returns how much memory of the process is resident."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # ---- through the unixsock plugin ----

    def ask(self, line):
        """Sends one command of the unixsock protocol; returns its lines."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20 * SLOWER)
            sock.connect(str(self.folder / "sock"))
            stream = sock.makefile("rw")
            stream.write(line + "\n")
            stream.flush()
            status = stream.readline()
            count = int(status.split()[0]) if status else -1
            if count < 0:
                raise ConnectionError(f"{line}: {status!r}")
            return [stream.readline().rstrip("\n") for _ in range(count)]

    def putval(self, identifier, value, at="N", interval=10):
        """Dispatches a value; identifier without its host is of HOST."""
        if identifier.count("/") == 1:
            identifier = f"{HOST}/{identifier}"
        self.ask(f'PUTVAL "{identifier}" interval={interval} {at}:{value}')

    def putnotif(self, severity, *, message="by hand", at=None, **fields):
        """Dispatches a notification; fields: host, plugin, type ..., and meta
        data as s_NAME."""
        words = [f"severity={severity}", f"time={at or time.time():.3f}",
                 f'message="{message}"']
        words += [f"{name.replace('s_', 's:', 1)}={value}" for name, value
                  in {"host": HOST, **fields}.items()]
        self.ask("PUTNOTIF " + " ".join(words))

    def identifiers(self):
        """Returns the names of all series but their host, as a set."""
        return {line.split(" ", 1)[1].split("/", 1)[1]
                for line in self.ask("LISTVAL")}

    def value(self, identifier, host=HOST):
        """Returns the value as collectd knows it (the rate of what counts), or
        None."""
        try:
            lines = self.ask(f'GETVAL "{host}/{identifier}"')
        except ConnectionError:
            return None
        return float(lines[0].split("=", 1)[1])


PROMETHEUS_LINE = re.compile(r"^(\w+)\{(.*)\} (\S+)(?: \d+)?$")


def parse_prometheus(text):
    """Returns {(name, frozenset of label items): value} of an exposition."""
    samples = {}
    for line in text.splitlines():
        match = PROMETHEUS_LINE.match(line)
        if match:
            labels = frozenset(re.findall(r'(\w+)="([^"]*)"', match[2]))
            samples[match[1], labels] = float(match[3])
    return samples
