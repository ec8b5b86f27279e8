# SPDX-License-Identifier: MIT
"""No memory, no thread, no descriptor: what can not be done is counted, collectd lives,
and what could be kept is sent once there is enough again."""

import mmap
import os
import re
import resource
import struct
import time

import pytest

from collectd import in_front
from questions import IS_SANITIZED
from simulator import wait_until
from test_fault_names import NAME, RESOLVER

# Of the allocations that the plugin, SQLite and yajl ask for, one in board[0] fails, by a
# random order that is always the same; board[1] counts them. While board[2] is set, no
# thread of theirs or libcurl's starts; board[3] counts those. libcurl's own allocations
# do not fail here: 7.88 was seen to divide by zero in curl_multi_socket_action some time
# after one of them. What each does to a request is told by tests/unit/test_http_limits.c.
SCARCE = RESOLVER + r"""
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static _Atomic uint32_t *board;
static const char *const names[] = {"/onenet.so", "/libsqlite3", "/libyajl", "/libcurl"};
enum { CURL = 3, RANGES_MAX = 24 };
static struct {
  uintptr_t begin, end;
  size_t name;
} ranges[RANGES_MAX];
static int range_count;
static atomic_bool has_ranges;
static _Atomic uint32_t asked;

static int add_ranges(struct dl_phdr_info *library, size_t size, void *context) {
  (void)size, (void)context;
  for (size_t n = 0; n < sizeof names / sizeof *names; n++)
    for (int i = 0; i < library->dlpi_phnum && strstr(library->dlpi_name, names[n]); i++)
      if (library->dlpi_phdr[i].p_type == PT_LOAD && range_count < RANGES_MAX) {
        uintptr_t begin = library->dlpi_addr + library->dlpi_phdr[i].p_vaddr;
        ranges[range_count].name = n;
        ranges[range_count].begin = begin;
        ranges[range_count++].end = begin + library->dlpi_phdr[i].p_memsz;
      }
  return 0;
}

/* Returns the index of the library's name, -1 for that of others. */
static int owner_of(const void *address) {
  for (int i = 0; has_ranges && i < range_count; i++)
    if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end)
      return (int)ranges[i].name;
  return -1;
}

__attribute__((constructor)) static void open_board(void) {
  int fd = open(getenv("SCARCE"), O_RDWR | O_CLOEXEC);
  void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  board = memory == MAP_FAILED ? NULL : memory;
  close(fd);
}

static int fails(const void *caller) {
  uint32_t one_in = board != NULL ? board[0] : 0;
  int owner = one_in != 0 ? owner_of(caller) : -1;
  if (owner < 0 || owner == CURL)
    return 0;
  uint64_t x = ++asked * UINT64_C(0x9E3779B97F4A7C15);
  x = (x ^ (x >> 31)) * UINT64_C(0xBF58476D1CE4E5B9);
  if ((x >> 33) % one_in != 0)
    return 0;
  board[1]++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

char *strdup(const char *text) {
  size_t size = strlen(text) + 1;
  void *copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* Before the first thread, all libraries are loaded, and nobody holds the loader's lock,
 * which an allocation must not wait for. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*run)(void *), void *context) {
  typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  create_fn *create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
  if (!has_ranges)
    dl_iterate_phdr(add_ranges, NULL);
  has_ranges = range_count > 0;
  if (board == NULL || board[2] == 0 || owner_of((const void *)run) < 0)
    return create(thread, attributes, run, context);
  board[3]++;
  return EAGAIN;
}
"""


class Scarcity:
    """The numbers of the shim, by their names."""

    FIELDS = ("one_in", "failed", "no_threads", "threads")

    def __init__(self, path):
        path.write_bytes(bytes(4096))
        with path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        self.__dict__.update(path=path, memory=memory)

    def __getattr__(self, name):
        return struct.unpack_from("I", self.memory, 4 * self.FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("I", self.memory, 4 * self.FIELDS.index(name), value)


@pytest.fixture(name="scarce")
def scarcity(setup):
    if IS_SANITIZED:
        pytest.skip("functions of the sanitizers stand in front of the test's")
    return Scarcity(setup.folder / "scarcity")


BURST = ('<Rule "burst">\nPlugin "bench"\nDevice "fan"\nOnFailure "on %{value}"\n'
         'OnOkay "off %{value|0}"\nSupersede false\nRepeat 0\n</Rule>\n')


def start(scene, scarce=None, host="127.0.0.1"):
    setup = scene.setup
    scene.has_witness = False
    wrapper = () if scarce is None else in_front(setup.folder, "scarce", SCARCE,
                                                 SCARCE=scarce.path)
    scene.start(setup.block(
        BURST, endpoint=setup.endpoint(
            f"http://{host}:{setup.sim.port}/cmds",
            "RateLimit 100000 1\nConnectTimeout 2\nBreakerThreshold 1000"),
        rule=setup.rule('OnFailure "%{message}"\nRepeat 0')), threshold="",
        wrapper=wrapper)


def decided(setup):
    """Returns how many events became commands, or were ignored and counted."""
    samples = setup.samples().items()
    return sum(value for (name, labels), value in samples
               if dict(labels).get("onenet") == "fan"
               and (name, dict(labels).get("type")) == (
                   "collectd_onenet_commands_total", "created")
               or dict(labels).get("type", "").startswith("ignored_"))


EVENTS = 2000


@pytest.mark.parametrize("one_in", [300, 50, 8])
def test_while_allocations_fail_each_event_is_counted_and_none_executed_twice(
        scene, scarce, one_in):
    setup = scene.setup
    start(scene, scarce)
    scene.fresh(setup.sim, "before")
    scarce.one_in = one_in
    scene.burst(EVENTS, gap_ns=500_000)
    scarce.one_in = 0
    assert scarce.failed > 10
    wait_until(lambda: decided(setup) >= EVENTS + 1, 120,
               "every event to be counted")
    wait_until(lambda: not setup.query("SELECT 1 FROM pending"), 40, "all to end")
    scene.ask(has_history=False)  # a row that has no memory is not written


def test_without_a_thread_the_plugin_does_not_start_and_collectd_lives(scene, scarce):
    setup = scene.setup
    scarce.no_threads = 1
    start(scene, scarce)
    assert scarce.threads > 0
    assert re.search(r"\[error\] onenet plugin: .*thread", setup.daemon.log())
    setup.notify(message="nobody hears")
    assert setup.daemon.stop()[0] == 1  # collectd's word for an init that failed
    assert setup.sim.requests() == []
    scarce.no_threads = 0
    setup.daemon.start()
    scene.began()
    scene.ask()
    assert setup.sim.bodies() == ["fresh"]


def test_without_a_thread_for_the_resolver_nothing_is_sent_until_there_is_one(
        scene, scarce):
    setup = scene.setup
    start(scene, scarce, host=NAME)
    scarce.no_threads = 1
    setup.notify(message="first")
    wait_until(lambda: setup.query("SELECT 1 FROM commands WHERE state = 'waiting' "
                                   "AND cause IS NOT NULL"), 20, "a failure")
    assert scarce.threads > 0
    assert setup.sim.requests() == []
    scarce.no_threads = 0
    scene.ask()
    assert setup.sim.bodies()[-1:] == ["fresh"]


def first_free(pid):
    return min(set(range(1000)) - set(map(int, os.listdir(f"/proc/{pid}/fd"))))


def has_none_left(pid, hard):
    """Forbids the first free descriptor and all above; returns whether none below was
    given back since, as by a client of unixsock that was just leaving."""
    limit = first_free(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    time.sleep(0.3)
    return first_free(pid) == limit


def test_without_descriptors_nothing_is_sent_until_there_are_some(scene):
    setup = scene.setup
    start(scene)
    pid = setup.daemon.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    wait_until(lambda: has_none_left(pid, hard), 20, "no descriptor to be free")
    scene.burst(50)  # collectd can not write its log, nor hear a client, either
    wait_until(lambda: setup.query("SELECT count(cause), count(*) FROM commands")
               == [(1, 50)], 20, "a failure")
    assert setup.sim.requests() == []
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: not setup.query("SELECT 1 FROM pending"), 40, "all to end")
    scene.ask()
    assert len(setup.sim.bodies()) == 51
