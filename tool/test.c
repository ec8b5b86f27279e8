/* SPDX-License-Identifier: MIT
 *
 * test hands over to onenet-probe, which needs libcurl.
 */
#include "tool.h"

#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROBE "onenet-probe"

/* Writes the path of the program that lies beside this one, as where both were
 * built. Returns whether there is one. */
static bool find_beside(char ret_path[static PATH_MAX]) {
  char own[PATH_MAX];
  ssize_t size = readlink("/proc/self/exe", own, sizeof own - 1);
  if (size <= 0)
    return false;
  own[size] = '\0';
  *strrchr(own, '/') = '\0';
  int written = snprintf(ret_path, PATH_MAX, "%s/%s", own, PROBE);
  return written < PATH_MAX && access(ret_path, X_OK) == 0;
}

/* Returns an exit status only if the program can not be run. */
static int run_probe(const struct tool *tool, char *name) {
  char path[PATH_MAX];
  char *words[] = {PROBE, "-C", (char *)tool->conf_path, "--", name,
                   NULL,  NULL};
  if (tool->is_json) {
    words[3] = "--json";
    words[4] = "--";
    words[5] = name;
  }
  if (!find_beside(path))
    snprintf(path, sizeof path, "%s/%s", PROBE_DIR, PROBE);
  execv(path, words);
  return tool_fail(TOOL_WRONG,
                   "test: %s can not be run: %s; it belongs to this package: "
                   "install it anew",
                   path, strerror(errno));
}

int test_run(const struct tool *tool, int argc, char **argv) {
  int status = arguments_words(argc, argv, 1, 1, "DEVICE or ENDPOINT");
  return status == TOOL_OK ? run_probe(tool, argv[optind]) : status;
}
