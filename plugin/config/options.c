/* SPDX-License-Identifier: MIT */
#include "config/options.h"

#include "config/options_block.h"
#include "config/options_device.h"
#include "config/options_endpoint.h"
#include "config/options_rule.h"
#include "config/options_value.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The stages in which the options are read, whatever their order in the file.
 * DeviceFiles come after Devices: of a name that is given twice the line of the
 * file is the fault, not the block. */
enum stage {
  STAGE_ENDPOINTS,
  STAGE_DEVICES,
  STAGE_DEVICE_FILES,
  STAGE_RULES,
  STAGE_COUNT
};

static bool is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Returns whether the path does not exist. Rights and faults of the disk do not
 * count: a check may run as another user, and a disk that fails today must not
 * stop the start. */
static bool is_missing(const char *path) {
  struct stat status;
  return stat(path, &status) != 0 && errno == ENOENT;
}

/* Returns the length of the directory part of an absolute path. */
static size_t directory_size(const char *path) {
  const char *end = strrchr(path, '/');
  while (end > path && end[-1] == '/')
    end--;
  return end == path ? 1 : (size_t)(end - path);
}

/* Returns whether the directory is collectd's BaseDir. That may be missing:
 * collectd makes it after it has read the configuration. */
static bool is_base_dir(const struct options_block *b, const char *directory) {
  size_t size = strlen(directory);
  const char *base_dir = b->reader->base_dir;
  return strncmp(base_dir, directory, size) == 0 &&
         base_dir[size + strspn(base_dir + size, "/")] == '\0';
}

/* Returns whether the ledger can be at that path; keeps a fault if not. No
 * directory is made: a missing one is a mistake, or a disk that is not
 * mounted. */
static bool check_ledger(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, const char *path) {
  if (is_directory(path)) {
    options_block_fault(b, o, item,
                        "is a directory: must be the path of a file in it, as "
                        "in %s/onenet.db",
                        path);
    return false;
  }
  char *directory =
      options_reader_keep(b->reader, strndup(path, directory_size(path)));
  bool is_fault =
      directory != NULL && !is_base_dir(b, directory) && is_missing(directory);
  if (is_fault)
    options_block_fault(b, o, item,
                        "the directory %s does not exist: make it, for the "
                        "user that collectd runs as, or mend the path",
                        directory);
  free(directory);
  return !is_fault;
}

static void read_ledger(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item) {
  struct options *options = b->target;
  const char *line = options_value_line(b, o, item);
  if (line == NULL)
    return;
  bool is_memory = strcmp(line, LEDGER_IN_MEMORY) == 0;
  char *path = is_memory ? options_reader_keep(b->reader, strdup(line))
                         : options_reader_path(b->reader, line);
  if (path == NULL)
    return;
  if (is_memory || check_ledger(b, o, item, path)) {
    free(options->ledger_path);
    options->ledger_path = path;
  } else {
    free(path);
  }
}

/* Finds the number of the group. */
static void read_group(struct options_block *b, const struct options_option *o,
                       const oconfig_item_t *item) {
  struct options *options = b->target;
  const char *name = options_value_line(b, o, item);
  if (name == NULL)
    return;
  const struct group *group = getgrnam(name);
  options->has_ledger_group = group != NULL;
  if (group != NULL)
    options->ledger_group = group->gr_gid;
  else
    options_block_fault(b, o, item,
                        "no such group: make it with groupadd, or mend the "
                        "name");
}

static const struct options_word SYNCS[] = {
    {"full", LEDGER_SYNC_FULL}, {"normal", LEDGER_SYNC_NORMAL}, {NULL, 0}};

static const struct options_word NOTIFIED[] = {{"all", NOTIFY_ALL},
                                               {"failures", NOTIFY_FAILURES},
                                               {"none", NOTIFY_NONE},
                                               {NULL, 0}};

#define AT(member) .offset = offsetof(struct options, member)
#define BLOCK(of_stage)                                                        \
  .stage = (of_stage), .is_block = true, .is_repeatable = true

static const struct options_option OPTIONS[] = {
    {"Ledger", read_ledger, AT(ledger_path)},
    {"LedgerSync", options_value_read_word, AT(ledger_sync), .words = SYNCS},
    {"LedgerGroup", read_group, AT(has_ledger_group)},
    {"HistoryDays", options_value_read_int, AT(history_days), .min = 1,
     .max = 3650},
    {"HistoryMax", options_value_read_int64, AT(history_max), .min = 0,
     .max = 100000000},
    {"QueueLimit", options_value_read_size, AT(queue_limit), .min = 1,
     .max = 10000000},
    {"QueueBytes", options_value_read_size, AT(queue_bytes), .min = 65536,
     .max = 1099511627776},
    {"SeriesMax", options_value_read_size, AT(series_max), .min = 1000,
     .max = 10000000},
    {"ShutdownTimeout", options_value_read_int, AT(shutdown_timeout_s),
     .min = 1, .max = 60},
    {"DryRun", options_value_read_bool, AT(dry_run)},
    {"NotifyOutcomes", options_value_read_word, AT(notify_outcomes),
     .words = NOTIFIED},
    {"CommandSeries", options_value_read_bool, AT(command_series)},
    {"DeviceMetrics", options_value_read_size, AT(device_metrics), .min = 0,
     .max = 1000000},
    {"DeviceFile", options_device_read_file, .stage = STAGE_DEVICE_FILES,
     .is_repeatable = true},
    {"Endpoint", options_endpoint_read, BLOCK(STAGE_ENDPOINTS)},
    {"Device", options_device_read, BLOCK(STAGE_DEVICES)},
    {"Rule", options_rule_read, BLOCK(STAGE_RULES)},
    {.name = NULL}};

static const struct options_kind KINDS[] = {
    {"<Plugin onenet>", OPTIONS},
    {"<Endpoint>", options_endpoint_table},
    {"<Device>", options_device_table},
    {"<Rule>", options_rule_table},
    {.block = NULL}};

/* Returns options with the documented defaults, or NULL without memory. */
static struct options *options_new(struct options_reader *r) {
  struct options *o = calloc(1, sizeof(*o));
  if (o == NULL)
    return NULL;
  o->history_days = 30;
  o->history_max = 100000;
  o->queue_limit = 100000;
  o->queue_bytes = 64 << 20;
  o->series_max = 100000;
  o->shutdown_timeout_s = 5;
  o->notify_outcomes = NOTIFY_FAILURES;
  o->device_metrics = 1000;
  o->ledger_path = options_reader_path(r, "onenet.db");
  o->directory = directory_new();
  o->rules = rule_book_new(o->directory);
  if (o->ledger_path != NULL && o->directory != NULL && o->rules != NULL)
    return o;
  options_free(o);
  return NULL;
}

static void read_plugin(struct options_reader *r, const oconfig_item_t *block) {
  struct options_block b;
  options_block_begin(&b, r, block, "Plugin", OPTIONS);
  b.target = r->options;
  for (int stage = 0; stage < STAGE_COUNT; stage++) {
    for (int i = 0; i < block->children_num; i++) {
      r->place = (size_t)i;
      options_block_read_item(&b, &block->children[i], stage);
    }
  }
  if (options_block_find(&b, "Rule") == NULL)
    options_block_warn(&b, NULL,
                       "there is no Rule in it: nothing will be sent");
  if (rule_book_seal(r->options->rules) != 0)
    r->out_of_memory = true;
}

int options_read(const oconfig_item_t *block, const char *base_dir,
                 enum options_purpose purpose, options_tell_fn *tell,
                 void *context, struct options **ret_options) {
  struct options_reader r = {
      .base_dir = base_dir, .purpose = purpose, .kinds = KINDS};
  r.options = options_new(&r);
  if (r.options == NULL)
    return -ENOMEM;
  read_plugin(&r, block);
  int status = options_reader_finish(&r, tell, context);
  if (status != 0)
    options_free(r.options);
  else
    *ret_options = r.options;
  return status;
}

void options_free(struct options *o) {
  if (o == NULL)
    return;
  rule_book_free(o->rules);
  directory_free(o->directory);
  for (char **path = o->device_files; path != NULL && *path != NULL; path++)
    free(*path);
  free(o->device_files);
  free(o->ledger_path);
  free(o);
}
