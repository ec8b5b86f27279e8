/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "listing.h"
#include "setup.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* The kinds of names, as they are written on the command line. */
struct kind {
  const char *name, *one;
  size_t (*count)(const struct options *o);
  const char *(*name_at)(const struct options *o, size_t index);
};

static size_t count_endpoints(const struct options *o) {
  return directory_endpoint_count(o->directory);
}

static size_t count_devices(const struct options *o) {
  return directory_device_count(o->directory);
}

static size_t count_rules(const struct options *o) {
  return rule_book_count(o->rules);
}

static const char *endpoint_at(const struct options *o, size_t index) {
  return directory_endpoint(o->directory, index)->name;
}

static const char *device_at(const struct options *o, size_t index) {
  return directory_device(o->directory, index)->name;
}

static const char *rule_at(const struct options *o, size_t index) {
  return rule_policy(rule_book_rule(o->rules, index))->rule;
}

static const struct kind kinds[] = {
    {"endpoints", "endpoint", count_endpoints, endpoint_at},
    {"devices", "device", count_devices, device_at},
    {"rules", "rule", count_rules, rule_at}};

#define KINDS "endpoints, devices and rules"
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* Returns the kind of that name; NULL if there is none. */
static const struct kind *find_kind(const char *name) {
  for (size_t i = 0; i < KIND_COUNT; i++)
    if (strcmp(kinds[i].name, name) == 0)
      return &kinds[i];
  return NULL;
}

static int show_rows(const struct options *o, const struct kind *only,
                     bool is_json) {
  static const char *const columns[] = {"kind", "name"};
  struct listing *l = listing_begin(is_json, columns, 2);
  if (l == NULL)
    return -ENOMEM;
  for (const struct kind *k = kinds; k < kinds + KIND_COUNT; k++) {
    for (size_t i = 0; (only == NULL || k == only) && i < k->count(o); i++) {
      listing_text(l, k->one);
      listing_text(l, k->name_at(o, i));
    }
  }
  return listing_end(l);
}

/* Writes the names alone, one a line. */
static int show_names(const struct options *o, const struct kind *k) {
  for (size_t i = 0; i < k->count(o); i++)
    puts(k->name_at(o, i));
  return fflush(stdout) == 0 ? 0 : -errno;
}

/* Reads which kind alone is wanted; NULL: all. Returns an exit status. */
static int read_line(int argc, char **argv, const struct kind **ret_only) {
  int status = arguments_words(argc, argv, 0, 1, "one of " KINDS);
  *ret_only = NULL;
  if (status != TOOL_OK || optind == argc)
    return status;
  *ret_only = find_kind(argv[optind]);
  return *ret_only != NULL
             ? TOOL_OK
             : tool_fail(TOOL_USAGE, "names %s: must be one of " KINDS,
                         argv[optind]);
}

int names_run(const struct tool *tool, int argc, char **argv) {
  struct setup s;
  const struct kind *only;
  int status = read_line(argc, argv, &only);
  if (status != TOOL_OK)
    return status;
  if (setup_read(tool, &s) != 0)
    return TOOL_WRONG;
  status = only == NULL || tool->is_json
               ? show_rows(s.options, only, tool->is_json)
               : show_names(s.options, only);
  setup_free(&s);
  return status == 0 ? TOOL_OK
                     : tool_fail(TOOL_WRONG, "can not write the names: %s",
                                 strerror(-status));
}
