/* SPDX-License-Identifier: MIT
 *
 * tool owns what the commands of onenetctl have in common: the options that
 * stand before all others, the exit status, and the way of a message to the
 * user.
 *
 * onenetctl is one thread. Each command is a file with one function, and a line
 * in the table of onenetctl.c.
 */
#ifndef ONENET_TOOL_H
#define ONENET_TOOL_H

#include <stdbool.h>

enum tool_exit {
  TOOL_OK = 0,
  TOOL_WRONG = 1, /* something was found to be wrong, or could not be done */
  TOOL_USAGE = 2  /* the command line is wrong */
};

struct tool {
  const char *conf_path; /* of -C: collectd's configuration */
  bool is_conf_given;    /* -C was given */
  bool is_json;          /* --json: listings are arrays of objects */
};

/* A command of onenetctl. `run` gets its words without those before it: argv[0]
 * is its name. It returns an exit status, and has written why if that is not
 * TOOL_OK. */
struct tool_command {
  const char *name;
  const char *arguments; /* all of them, as its usage shows them */
  const char *summary;   /* one line of the usage */
  int (*run)(const struct tool *tool, int argc, char **argv);
};

int check_run(const struct tool *tool, int argc, char **argv);
int explain_run(const struct tool *tool, int argc, char **argv);
int status_run(const struct tool *tool, int argc, char **argv);
int pending_run(const struct tool *tool, int argc, char **argv);
int history_run(const struct tool *tool, int argc, char **argv);
int states_run(const struct tool *tool, int argc, char **argv);
int orders_run(const struct tool *tool, int argc, char **argv);
int send_run(const struct tool *tool, int argc, char **argv);
int retry_run(const struct tool *tool, int argc, char **argv);
int cancel_run(const struct tool *tool, int argc, char **argv);
int silence_run(const struct tool *tool, int argc, char **argv);
int test_run(const struct tool *tool, int argc, char **argv);
int names_run(const struct tool *tool, int argc, char **argv);

/* Writes "onenetctl: LINE" to stderr, and returns that exit status. What came
 * from outside can not break the line or move the terminal's cursor. */
int tool_fail(enum tool_exit status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
