/* SPDX-License-Identifier: MIT
 *
 * options owns the <Plugin onenet> block as one checked struct, read-only once
 * read. Called on collectd's main thread, before it forks: files are read and
 * closed again, nothing is kept open.
 */
#ifndef ONENET_OPTIONS_H
#define ONENET_OPTIONS_H

#include "device.h"
#include "ledger.h"
#include "rule.h"

#include "liboconfig/oconfig.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum notify_outcomes { NOTIFY_ALL, NOTIFY_FAILURES, NOTIFY_NONE };

struct options {
  char *ledger_path; /* absolute, or ":memory:" */
  enum ledger_sync ledger_sync;
  int history_days;
  int64_t history_max;
  size_t queue_limit;
  size_t queue_bytes;
  int shutdown_timeout_s;
  bool dry_run;
  enum notify_outcomes notify_outcomes;
  bool command_series;
  size_t device_metrics; /* so many devices are reported one by one, at most */
  char **device_files;   /* absolute paths, NULL-terminated; NULL: none */
  size_t skipped_lines;  /* of these files: they are wrong */
  struct directory *directory;
  struct rule_book *rules; /* sealed */
};

/* Takes one fault: a line that names block and its name, option, value and what
 * is allowed, such as `Device "fan": Timeout -1: must be 0..2678400`. */
typedef void options_fault_fn(void *context, const char *line);

/* What the configuration is read for. At a start, a wrong line of a DeviceFile
 * that was read without a fault before (known_files) is skipped and logged as
 * an error, so that it does not end all monitoring; to a check it is a fault.
 */
enum options_purpose { OPTIONS_FOR_CHECK, OPTIONS_FOR_START };

/* Reads a whole <Plugin onenet> block. Relative paths are looked up in
 * base_dir; relative names of key files first in the directory that the
 * environment's CREDENTIALS_DIRECTORY names. Tells every fault, in the order of
 * the block, and writes what is skipped, and warnings, to the log. Returns 0
 * and writes options that the caller owns; -EINVAL after one fault or more,
 * with nothing written; -ENOMEM. */
int options_read(const oconfig_item_t *block, const char *base_dir,
                 enum options_purpose purpose, options_fault_fn *fault,
                 void *context, struct options **ret_options);

/* Frees them, with directory and rules; NULL is allowed. */
void options_free(struct options *o);

#endif
