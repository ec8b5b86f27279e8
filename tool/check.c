/* SPDX-License-Identifier: MIT */
#include "arguments.h"
#include "company.h"
#include "conf_daemon.h"
#include "conf_file.h"
#include "config/options.h"
#include "findings.h"
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#define NO_BLOCK "no <Plugin onenet> block in the configuration"

struct check {
  const char *path;
  struct conf_file *conf;
  struct findings findings;
  struct options *options; /* of the first block that is right */
  int blocks;              /* that collectd hands to the plugin */
};

static void add(struct check *c, bool is_fault, const oconfig_item_t *item,
                const char *text) {
  const char *path = c->path;
  int line = 0;
  if (item != NULL)
    conf_file_place(c->conf, item, &path, &line);
  findings_add(&c->findings, is_fault, path, line, text);
}

static void take_note(void *context, enum conf_level level, const char *path,
                      int line, const char *text) {
  struct check *c = context;
  findings_add(&c->findings, level == CONF_FAULT, path, line, text);
}

static void take_remark(void *context, const struct options_remark *remark) {
  struct check *c = context;
  bool is_fault = remark->level != OPTIONS_WARNING;
  if (remark->file != NULL)
    findings_add(&c->findings, is_fault, remark->file, (int)remark->file_line,
                 remark->line);
  else
    add(c, is_fault, remark->item, remark->line);
}

static void take_warning(void *context, const oconfig_item_t *item,
                         const char *text) {
  add(context, false, item, text);
}

/* ---- the blocks ---- */

/* Checks a block as the plugin does, which takes one that is right and no other
 * one behind it. */
static void check_block(struct check *c, const struct conf_daemon *d,
                        const oconfig_item_t *block) {
  if (c->options != NULL) {
    add(c, true, block,
        "<Plugin onenet>: given twice: all options belong into one block");
    return;
  }
  if (options_read(block, conf_daemon_base_dir(d), OPTIONS_FOR_CHECK,
                   take_remark, c, &c->options) == -ENOMEM)
    c->findings.out_of_memory = true;
  company_check(d->root, block, take_warning, c);
}

/* A block that is not handed to the plugin is checked all the same, unless the
 * plugin gets another one. */
static void check_unloaded(struct check *c, const struct conf_daemon *d,
                           const oconfig_item_t *block) {
  const oconfig_item_t *loads = conf_daemon_loads(d->root, "onenet");
  if (loads != NULL) {
    add(c, false, block,
        "<Plugin onenet> stands before LoadPlugin onenet: collectd passes over "
        "it; put LoadPlugin onenet before it");
    return;
  }
  add(c, false, block,
      "LoadPlugin onenet is missing: collectd passes over this block");
  check_block(c, d, block);
}

/* Returns whether the file in which the item stands is not read by collectd, so
 * that a part of the item may be missing. */
static bool is_in_broken_file(const struct check *c,
                              const oconfig_item_t *item) {
  const char *path = c->path;
  int line;
  conf_file_place(c->conf, item, &path, &line);
  return findings_has_fault(&c->findings, path);
}

static void check_one(struct check *c, const struct conf_daemon *d,
                      const oconfig_item_t *block) {
  if (is_in_broken_file(c, block))
    add(c, false, block, "this block is checked once its file can be read");
  else if (d->is_loaded)
    check_block(c, d, block);
  else
    check_unloaded(c, d, block);
}

/* Where a file can not be read, it may hold the block that is missed. */
static void check_blocks(struct check *c) {
  struct conf_daemon d = {.root = conf_file_root(c->conf)};
  const oconfig_item_t *block, *loads = conf_daemon_loads(d.root, "onenet");
  bool is_whole = c->findings.fault_count == 0;
  while ((block = conf_daemon_next(&d)) != NULL) {
    check_one(c, &d, block);
    c->blocks += d.is_loaded || loads == NULL;
  }
  if (c->blocks == 0 && is_whole)
    add(c, loads != NULL, loads, NO_BLOCK);
}

/* ---- the command ---- */

static void check_all(struct check *c) {
  if (conf_file_read(c->path, take_note, c, &c->conf) == 0)
    check_blocks(c);
  else
    c->findings.out_of_memory = true;
}

static int show(struct check *c, const struct tool *tool) {
  if (c->findings.out_of_memory)
    return tool_fail(TOOL_WRONG, "out of memory");
  int status = findings_show(&c->findings, tool->is_json, c->path);
  if (status != 0)
    return tool_fail(TOOL_WRONG, "can not write: %s", strerror(-status));
  return c->findings.fault_count > 0 ? TOOL_WRONG : TOOL_OK;
}

int check_run(const struct tool *tool, int argc, char **argv) {
  struct check c = {.path = tool->conf_path};
  int status = arguments_words(argc, argv, 0, 1, "one FILE");
  if (status != TOOL_OK)
    return status;
  if (optind < argc)
    c.path = argv[optind];
  check_all(&c);
  status = show(&c, tool);
  options_free(c.options);
  conf_file_free(c.conf);
  findings_free(&c.findings);
  return status;
}
