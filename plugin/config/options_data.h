/* SPDX-License-Identifier: MIT
 *
 * options_data owns the content of the <Plugin onenet> block as plain data,
 * read-only once `options` has read it.
 */
#ifndef ONENET_OPTIONS_DATA_H
#define ONENET_OPTIONS_DATA_H

#include "config/rule.h"
#include "ledger/ledger.h"
#include "words/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum notify_outcomes { NOTIFY_ALL, NOTIFY_FAILURES, NOTIFY_NONE };

struct options {
  char *ledger_path; /* absolute, or ":memory:" */
  enum ledger_sync ledger_sync;
  bool has_ledger_group;
  gid_t ledger_group; /* whose members may give orders */
  int history_days;
  int64_t history_max;
  size_t queue_limit;
  size_t queue_bytes;
  size_t series_max;
  int shutdown_timeout_s;
  bool dry_run;
  enum notify_outcomes notify_outcomes;
  bool command_series;
  size_t device_metrics; /* limit of devices reported one by one */
  char **device_files;   /* absolute paths, NULL-terminated; NULL: none */
  size_t skipped_lines;  /* wrong lines of these files that were skipped */
  struct directory *directory;
  struct rule_book *rules; /* sealed */
};

struct oconfig_item_s;

enum options_level {
  OPTIONS_FAULT,   /* stops the start */
  OPTIONS_SKIPPED, /* wrong, but passed over */
  OPTIONS_WARNING
};

/* What is said of the configuration, and the place that it is about. */
struct options_remark {
  enum options_level level;
  const char *line; /* names block and its name, option, value and what is
                       allowed: `Device "fan": Timeout -1: must be
                       0..2678400` */
  const struct oconfig_item_s *item; /* the option, or the block */
  const char *file;                  /* a DeviceFile; NULL: none */
  size_t file_line;                  /* in that file */
};

/* Receives one remark, borrowed for the call. */
typedef void options_tell_fn(void *context,
                             const struct options_remark *remark);

/* The purpose of reading the configuration. A check takes every wrong line for
 * a fault. A start skips a wrong line of a DeviceFile that has been read
 * without a fault before (see known_files), so that one line does not end all
 * monitoring. A look is made by a user who need not have the rights of the
 * agent: as a start, and a file that can not be read is no fault. */
enum options_purpose { OPTIONS_FOR_CHECK, OPTIONS_FOR_START, OPTIONS_FOR_LOOK };

#endif
