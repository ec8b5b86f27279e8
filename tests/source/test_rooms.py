# SPDX-License-Identifier: MIT
"""The rooms of plugin/, and tool/ beside them: who may include whom, and that doc/
names every module."""

import collections
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ONENET_BUILDDIR", TOP / "build-tests"))

# From the top down: a file includes from its own room and from those above it.
ROOMS = ["base", "words", "delivery", "cloud", "ledger", "config", "agent"]
STRANGERS = {"delivery", "cloud", "ledger"}  # do not know each other

# The only modules that may include these headers of others.
FOREIGN = {
    r"curl/": {"cloud/http*"},
    r"yajl/": {"base/json"},
    r"sqlite3\.h": {"ledger/sqlite_file", "ledger/sqlite_check"},
    r"openssl/": {"cloud/token"},
    r"regex\.h": {"config/rule*"},
    r"collectd/": {"agent/onenet", "agent/report", "agent/notices", "agent/metric"},
    r"(collectd/)?liboconfig/": {"config/options*"},
}


def sources():
    return sorted(p for p in (TOP / "plugin").rglob("*.[ch]"))


def room_of(path):
    return path.relative_to(TOP / "plugin").parts[0]


def module_of(path):
    return str(path.relative_to(TOP / "plugin").with_suffix(""))


def own_includes(path):
    names = re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)
    return [n for n in names if not re.match("(collectd|liboconfig)/", n)]


def test_every_file_is_in_a_room():
    assert sources()
    assert [p for p in sources() if room_of(p) not in ROOMS] == []


def test_includes_of_our_own_name_their_room():
    bad = [
        f"{module_of(p)}: {name}"
        for p in sources()
        for name in own_includes(p)
        if not (TOP / "plugin" / name).is_file()
    ]
    assert bad == []


def may_include(room, other):
    if {room, other} <= STRANGERS and room != other:
        return False
    return ROOMS.index(other) <= ROOMS.index(room)


def test_includes_go_to_the_own_room_or_up():
    bad = [
        f"{module_of(p)} includes {name}"
        for p in sources()
        for name in own_includes(p)
        if not may_include(room_of(p), name.split("/")[0])
    ]
    assert bad == []


def is_allowed(module, allowed):
    return any(
        module == one or (one.endswith("*") and module.startswith(one[:-1]))
        for one in allowed
    )


def test_headers_of_others_stay_in_their_module():
    bad = []
    for p in sources():
        for name in re.findall(r"^#include [<\"]([^>\"]+)[>\"]", p.read_text(), re.M):
            for pattern, allowed in FOREIGN.items():
                if re.match(pattern, name) and not is_allowed(module_of(p), allowed):
                    bad.append(f"{module_of(p)} includes {name}")
    assert bad == []


def cycle_in(graph):
    """Returns one circle of a graph {node: set of nodes}, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node) :] + [node]
        if node in done:
            return None
        path.append(node)
        for other in sorted(graph.get(node, ())):
            found = visit(other)
            if found:
                return found
        path.pop()
        done.add(node)
        return None

    for node in sorted(graph):
        found = visit(node)
        if found:
            return found
    return None


def test_no_circle_of_includes():
    graph = {
        str(p.relative_to(TOP / "plugin")): set(own_includes(p)) for p in sources()
    }
    assert cycle_in(graph) is None


def symbols(objects):
    """Yields (module, is_defined, symbol) of the object files."""
    for path in objects:
        module = str(path.parent.parent.relative_to(BUILD / "plugin") / path.stem)
        module = module.replace("onenet_la-", "")
        for line in subprocess.check_output(["nm", path], text=True).splitlines():
            kind, symbol = line.split()[-2:]
            if kind in "TDBRU":
                yield module, kind != "U", symbol


def test_no_circle_of_calls():
    objects = sorted((BUILD / "plugin").rglob(".libs/*.o"))
    assert objects, "nothing is built"
    home, graph = {}, collections.defaultdict(set)
    found = list(symbols(objects))
    for module, is_defined, symbol in found:
        if is_defined:
            home[symbol] = module
    for module, is_defined, symbol in found:
        if not is_defined and home.get(symbol, module) != module:
            graph[module].add(home[symbol])
    assert graph
    assert cycle_in(graph) is None


def test_the_documentation_names_every_module():
    text = (TOP / "doc" / "architecture.md").read_text()
    modules = {pathlib.PurePath(module_of(p)).name for p in sources()}
    assert [m for m in sorted(modules) if f"`{m}`" not in text] == []


# ---- onenetctl ----

# A place of its own, which looks into every room but that of the daemon.
TOOL_SEES = set(ROOMS) - {"agent"}
# A rehearsal has commands that were sent by hand, too, and so their policies.
TOOL_SEES_OF_AGENT = {("rehearsal.c", "agent/orders.h")}

# The only modules of the tool that may include these headers.
TOOL_FOREIGN = {
    r"sqlite3\.h": {"book", "rows", "status"},  # where queries are
    r"cloud/http": {"probe", "onenet_probe"},  # which is a program of its own
    r"regex\.h": {"conf_word"},
    r"(wordexp|fnmatch)\.h": {"conf_file"},
    r"liboconfig/": {"conf_*", "company"},
    r"(collectd|curl|yajl|openssl)/": set(),
}


def tool_sources():
    return sorted((TOP / "tool").glob("*.[ch]"))


def room_included(name):
    """Returns the room of a header, or None for one of the tool itself."""
    return name.split("/")[0] if "/" in name else None


def test_the_tool_includes_its_own_headers_and_those_of_rooms_it_may_see():
    assert len(tool_sources()) > 20
    bad = []
    for p in tool_sources():
        for name in own_includes(p):
            room = room_included(name)
            place = TOP / "tool" if room is None else TOP / "plugin"
            may_see = (room in {None, *TOOL_SEES}
                       or (p.name, name) in TOOL_SEES_OF_AGENT)
            if not (place / name).is_file() or not may_see:
                bad.append(f"{p.name} includes {name}")
    assert bad == []


def test_headers_of_others_stay_in_their_module_of_the_tool():
    bad = [
        f"{p.name} includes {name}"
        for p in tool_sources()
        for name in re.findall(r"^#include [<\"]([^>\"]+)[>\"]", p.read_text(), re.M)
        for pattern, allowed in TOOL_FOREIGN.items()
        if re.match(pattern, name) and not is_allowed(p.stem, allowed)
    ]
    assert bad == []


def test_no_circle_of_includes_in_the_tool():
    graph = {
        p.name: {n for n in own_includes(p) if room_included(n) is None}
        for p in tool_sources()
    }
    assert cycle_in(graph) is None


def test_a_wrong_include_of_the_tool_would_be_found():
    assert room_included("agent/worker.h") not in {None, *TOOL_SEES}
    assert not is_allowed("look", TOOL_FOREIGN[r"sqlite3\.h"])
    assert is_allowed("conf_text", TOOL_FOREIGN["liboconfig/"])


def test_the_documentation_names_every_module_of_the_tool():
    text = (TOP / "doc" / "architecture.md").read_text()
    modules = {p.stem for p in tool_sources()}
    assert [m for m in sorted(modules) if f"`{m}`" not in text] == []
