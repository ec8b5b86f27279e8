/* SPDX-License-Identifier: MIT */
#include "setup.h"

#include "conf_daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The first fault of the configuration is told, and no other one. */
struct first_fault {
  const struct tool *tool;
  const struct conf_file *conf;
  bool is_told;
};

static void tell_first(struct first_fault *f, const char *path, int line,
                       const char *text) {
  if (f->is_told)
    return;
  f->is_told = true;
  char place[32] = "";
  if (line > 0)
    snprintf(place, sizeof(place), ":%d", line);
  tool_fail(TOOL_WRONG, "%s%s: %s", path, place, text);
  tool_fail(TOOL_WRONG, "for all that is wrong: onenetctl -C %s check",
            f->tool->conf_path);
}

static void tell_note(void *context, enum conf_level level, const char *path,
                      int line, const char *text) {
  if (level == CONF_FAULT)
    tell_first(context, path, line, text);
}

static void tell_remark(void *context, const struct options_remark *remark) {
  struct first_fault *f = context;
  const char *path = f->tool->conf_path;
  int line = 0;
  if (remark->level != OPTIONS_FAULT)
    return;
  conf_file_place(f->conf, remark->item, &path, &line);
  tell_first(f, path, line, remark->line);
}

/* Returns the block that collectd would hand to the plugin; if it would hand
 * none, the first one there is; or NULL. */
static const oconfig_item_t *find_block(struct conf_daemon *d) {
  struct conf_daemon first = *d;
  const oconfig_item_t *block;
  while ((block = conf_daemon_next(d)) != NULL)
    if (d->is_loaded)
      return block;
  *d = first;
  return conf_daemon_next(d);
}

static int read_block(struct first_fault *f, struct setup *s) {
  struct conf_daemon d = {.root = conf_file_root(s->conf)};
  f->conf = s->conf;
  const oconfig_item_t *block = find_block(&d);
  if (block == NULL) {
    tool_fail(TOOL_WRONG,
              "%s: there is no <Plugin onenet> block in it: name the "
              "configuration that collectd reads with -C",
              f->tool->conf_path);
    return -ENOENT;
  }
  return options_read(block, conf_daemon_base_dir(&d), OPTIONS_FOR_LOOK,
                      tell_remark, f, &s->options);
}

int setup_read(const struct tool *tool, struct setup *ret_setup) {
  struct setup s = {.conf = NULL};
  struct first_fault f = {.tool = tool};
  int status = conf_file_read(tool->conf_path, tell_note, &f, &s.conf);
  if (status == 0 && f.is_told)
    status = -EINVAL;
  if (status == 0)
    status = read_block(&f, &s);
  if (status == -ENOMEM)
    tool_fail(TOOL_WRONG, "out of memory");
  if (status == 0)
    *ret_setup = s;
  else
    setup_free(&s);
  return status;
}

void setup_free(struct setup *s) {
  options_free(s->options);
  conf_file_free(s->conf);
  *s = (struct setup){.conf = NULL};
}
