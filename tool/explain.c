/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include "arguments.h"
#include "base/systime.h"
#include "book.h"
#include "explanation.h"
#include "given.h"
#include "setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 8192

/* The names that given_set knows, as options. */
static const struct option options[] = {
    {"source", required_argument, NULL, 1},
    {"severity", required_argument, NULL, 1},
    {"host", required_argument, NULL, 1},
    {"plugin", required_argument, NULL, 1},
    {"plugin-instance", required_argument, NULL, 1},
    {"type", required_argument, NULL, 1},
    {"type-instance", required_argument, NULL, 1},
    {"data-source", required_argument, NULL, 1},
    {"message", required_argument, NULL, 1},
    {"value", required_argument, NULL, 1},
    {"meta", required_argument, NULL, 1},
    {"time", required_argument, NULL, 1},
    {NULL, 0, NULL, 0}};

static struct moment now(void) {
  return (struct moment){.ms = systime_ms(CLOCK_BOOTTIME),
                         .wall_ms = systime_ms(CLOCK_REALTIME)};
}

/* Sets what the option of that name says. Returns an exit status. */
static int take_option(struct given *g, const char *option) {
  char name[32], why[GIVEN_WHY_BYTES];
  snprintf(name, sizeof name, "%s", option);
  for (char *c = name; *c != '\0'; c++)
    *c = *c == '-' ? '_' : *c;
  int status = given_set(g, name, optarg, why);
  if (status == -EINVAL)
    return tool_fail(TOOL_USAGE, "explain: --%s", why);
  return status == 0 ? TOOL_OK : tool_fail(TOOL_WRONG, "out of memory");
}

static int take_options(struct given *g, int argc, char **argv) {
  int o, index = 0, status = TOOL_OK;
  opterr = 0;
  while (status == TOOL_OK &&
         (o = getopt_long(argc, argv, ":", options, &index)) != -1)
    status = o == 1 ? take_option(g, options[index].name)
                    : arguments_refuse(argv, o);
  return status == TOOL_OK ? arguments_count(argc, argv, 0, 0, "") : status;
}

/* Reads the event from a line of stdin. Returns an exit status. */
static int take_line(struct given *g) {
  char line[LINE_BYTES], why[GIVEN_WHY_BYTES];
  if (isatty(STDIN_FILENO))
    fputs("onenetctl: reading a line PUTNOTIF severity=... time=... "
          "message=...\n",
          stderr);
  if (fgets(line, sizeof line, stdin) == NULL)
    return tool_fail(TOOL_USAGE, "explain: no option was given, and no line of "
                                 "PUTNOTIF came on stdin");
  int status = given_read_line(g, line, why);
  if (status == -EINVAL)
    return tool_fail(TOOL_USAGE, "explain: stdin: %s", why);
  return status == 0 ? TOOL_OK : tool_fail(TOOL_WRONG, "out of memory");
}

/* With --json what is not of one rule goes to stderr, but for the event. */
static void tell_ground(const struct explanation *x) {
  if (x->ground == GROUND_UNKNOWN)
    tool_fail(TOOL_OK, "states are not known: %s", x->why);
}

static int write_out(const struct tool *tool, const struct explanation *x) {
  if (tool->is_json)
    tell_ground(x);
  int status = tool->is_json ? explain_json_write(x) : explain_words_write(x);
  return status == 0 ? TOOL_OK
                     : tool_fail(TOOL_WRONG, "can not be written: %s",
                                 strerror(-status));
}

static int explain(const struct tool *tool, const struct options *o,
                   const struct event *event) {
  static struct explanation x;
  long agent = (long)book_agent(o->ledger_path);
  if (explanation_make(o, event, agent, now(), &x) < 0)
    return tool_fail(TOOL_WRONG, "out of memory");
  int status = write_out(tool, &x);
  explanation_free(&x);
  return status;
}

static int explain_event(const struct tool *tool, const struct event *event) {
  struct setup setup;
  if (setup_read(tool, &setup) < 0)
    return TOOL_WRONG;
  int status = explain(tool, setup.options, event);
  setup_free(&setup);
  return status;
}

static int explain_given(const struct tool *tool, const struct given *g) {
  char why[GIVEN_WHY_BYTES];
  struct event event;
  if (given_event(g, &event, why) < 0)
    return tool_fail(TOOL_USAGE, "explain: %s", why);
  return explain_event(tool, &event);
}

int explain_run(const struct tool *tool, int argc, char **argv) {
  struct given g;
  given_init(&g, now().wall_ms);
  int status = argc > 1 ? take_options(&g, argc, argv) : take_line(&g);
  if (status == TOOL_OK)
    status = explain_given(tool, &g);
  given_free(&g);
  return status;
}
