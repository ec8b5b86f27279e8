/* SPDX-License-Identifier: MIT */
#include "tool.h"

int check_run(const struct tool *tool, int argc, char **argv) {
  (void)tool;
  (void)argc;
  return tool_fail(TOOL_WRONG, "%s: not written yet", argv[0]);
}
