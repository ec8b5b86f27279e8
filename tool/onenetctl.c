/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct tool_command commands[] = {
    {"check", "[FILE]", "finds what is wrong with the configuration",
     check_run},
    {"names", "[endpoints|devices|rules]",
     "lists the names of the configuration", names_run},
    {"explain",
     "[--severity S] [--host H] [--plugin P] [--plugin-instance I] [--type T] "
     "[--type-instance I] [--data-source D] [--value X] [--message TEXT] "
     "[--meta NAME=TEXT] [--time SECONDS] [--source S]",
     "says what an event would come to, and why; it is described by options, "
     "or by a line of PUTNOTIF on stdin",
     explain_run},
    {"test", "DEVICE|ENDPOINT",
     "finds out whether a device can be reached; sends nothing", test_run},
    {"status", "[--watch [SECONDS]]",
     "shows how the agent and its endpoints are", status_run},
    {"pending", "[--device D] [--rule R] [--limit N]",
     "lists the commands that wait or are in flight", pending_run},
    {"history",
     "[--device D] [--rule R] [--outcome O] [--since 1d] [--limit N]",
     "lists commands, the newest first", history_run},
    {"states", "[--device D] [--rule R] [--limit N]",
     "lists the state of each series, and what it asks for", states_run},
    {"orders", "[--since 1d] [--limit N]",
     "lists what was asked for by hand, and silences", orders_run},
    {"send",
     "DEVICE BODY [--format F] [--expire 10m] [--service ID] [--no-wait]",
     "sends a body to a device", send_run},
    {"retry", "ID [--force] [--no-wait]",
     "sends a command of the history again", retry_run},
    {"cancel", "ID|--device D [--no-wait]", "cancels commands that wait",
     cancel_run},
    {"silence", "--device D|--rule R --for 2h [--comment TEXT] [--no-wait]",
     "makes a rule or a device send nothing for a while", silence_run},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void write_usage(FILE *to) {
  fputs("usage: onenetctl [-C FILE] [--json] COMMAND [WORD]...\n\n", to);
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    fprintf(to, "  %-9s%s\n", commands[i].name, commands[i].summary);
  fputs("\nonenetctl COMMAND --help shows how one is used; see onenetctl(1)\n",
        to);
}

static const struct tool_command *find_command(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  return NULL;
}

/* Takes --json and --help from among the words of a command: each command knows
 * them, wherever they stand before "--". Returns how many words are left. */
static int take_common(struct tool *tool, int argc, char **argv,
                       bool *ret_is_help) {
  int kept = 0;
  bool is_over = false;
  for (int i = 0; i < argc; i++) {
    is_over |= strcmp(argv[i], "--") == 0;
    if (!is_over && strcmp(argv[i], "--json") == 0)
      tool->is_json = true;
    else if (!is_over && strcmp(argv[i], "--help") == 0)
      *ret_is_help = true;
    else
      argv[kept++] = argv[i];
  }
  argv[kept] = NULL;
  return kept;
}

/* Runs the command that argv[0] names. */
static int run_command(struct tool *tool, int argc, char **argv) {
  bool is_help = false;
  const struct tool_command *command = find_command(argv[0]);
  if (command == NULL)
    return tool_fail(TOOL_USAGE,
                     "there is no command \"%s\": see onenetctl --help",
                     argv[0]);
  argc = take_common(tool, argc, argv, &is_help);
  if (is_help) {
    printf("usage: onenetctl %s %s\n\n%s\n", command->name, command->arguments,
           command->summary);
    return TOOL_OK;
  }
  optind = 0; /* the command reads its own options from the beginning */
  return command->run(tool, argc, argv);
}

/* Reads the options before the command. Returns whether a command follows; else
 * writes the exit status. */
static bool read_options(struct tool *tool, int argc, char **argv,
                         int *ret_status) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
  int o;
  *ret_status = TOOL_OK;
  while ((o = getopt_long(argc, argv, "+C:hV", options, NULL)) != -1) {
    if (o == 'C') {
      tool->conf_path = optarg;
      tool->is_conf_given = true;
    } else if (o == 'j') {
      tool->is_json = true;
    } else {
      if (o == 'h')
        write_usage(stdout);
      else if (o == 'V')
        puts("onenetctl " ONENET_VERSION);
      else
        *ret_status = TOOL_USAGE;
      return false;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  struct tool tool = {.conf_path = COLLECTD_CONF};
  int status;
  if (!read_options(&tool, argc, argv, &status))
    return status;
  if (optind == argc) {
    write_usage(stderr);
    return TOOL_USAGE;
  }
  return run_command(&tool, argc - optind, argv + optind);
}
