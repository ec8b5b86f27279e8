/* SPDX-License-Identifier: MIT
 *
 * fuzz_options owns the fuzz target of the <Plugin onenet> block and of a
 * DeviceFile. Whatever they hold: what is wrong is told, in lines, and then
 * there are no options; what a check finds right can be started with and looked
 * at; and the block, printed and read again, is told the same of.
 *
 * The input is the lines of the block and, behind a NUL, the DeviceFile
 * "devices".
 */
#include "base/buf.h"
#include "conf_file.h"
#include "conf_print.h"
#include "config/options.h"
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMARKS_BYTES (1 << 20)

/* ---- files ---- */

static char directory[] = "/tmp/fuzz_options.XXXXXX";

static const char *const file_names[] = {"key", "access", "body", "devices"};
#define DEVICES 3

static const char *path_of(size_t file) {
  static char path[sizeof directory + 16];
  snprintf(path, sizeof path, "%s/%s", directory, file_names[file]);
  return path;
}

static void write_file(size_t file, const char *bytes, size_t size) {
  FILE *out = fopen(path_of(file), "w");
  must(out != NULL && fwrite(bytes, 1, size, out) == size && fclose(out) == 0);
}

static void remove_files(void) {
  for (size_t i = 0; i < sizeof file_names / sizeof file_names[0]; i++)
    unlink(path_of(i));
  rmdir(directory);
}

static void make_files(void) {
  static const char *const texts[] = {
      "k3y\n", "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE=\n",
      "{\"fan\":\"%{severity}\"}"};
  static bool are_made;
  if (are_made)
    return;
  are_made = true;
  umask(077);
  unsetenv("CREDENTIALS_DIRECTORY");
  must(mkdtemp(directory) != NULL);
  atexit(remove_files);
  for (size_t i = 0; i < DEVICES; i++)
    write_file(i, texts[i], strlen(texts[i]));
}

/* ---- reading ---- */

/* What came of one reading. */
struct reading {
  int status;
  size_t faults, skipped;
  struct buf lines; /* all remarks, one a line */
};

static void keep_remark(void *context, const struct options_remark *remark) {
  struct reading *r = context;
  r->faults += remark->level == OPTIONS_FAULT;
  r->skipped += remark->level == OPTIONS_SKIPPED;
  must(remark->line[0] != '\0' && strchr(remark->line, '\n') == NULL);
  must(remark->item != NULL);
  buf_append_format(&r->lines, "%d %s\n", (int)remark->level, remark->line);
}

static struct reading read_block(const oconfig_item_t *block,
                                 enum options_purpose purpose) {
  struct reading r = {.faults = 0};
  struct options *options = NULL;
  buf_init(&r.lines, REMARKS_BYTES);
  r.status = options_read(block, directory, purpose, keep_remark, &r, &options);
  must((r.status == 0) == (options != NULL));
  must(r.status == -ENOMEM || (r.status == 0) == (r.faults == 0));
  must(purpose != OPTIONS_FOR_CHECK || r.skipped == 0);
  options_free(options);
  return r;
}

static void reading_free(struct reading *r) { buf_free(&r->lines); }

static void ignore_note(void *context, enum conf_level level, const char *path,
                        int line, const char *text) {
  (void)context, (void)level, (void)path, (void)line, (void)text;
}

/* Returns the block of the configuration; NULL: there is none. */
static const oconfig_item_t *find_block(const oconfig_item_t *root) {
  for (int i = 0; i < root->children_num; i++) {
    const oconfig_item_t *item = &root->children[i];
    if (strcasecmp(item->key, "Plugin") == 0)
      return item;
  }
  return NULL;
}

/* ---- what must hold ---- */

static void check_purpose(const oconfig_item_t *block,
                          enum options_purpose purpose) {
  struct reading r = read_block(block, purpose);
  must(r.status == 0 || r.status == -ENOMEM);
  must(r.skipped == 0);
  reading_free(&r);
}

static void check_again(const oconfig_item_t *root,
                        const struct reading *before) {
  struct conf_file *again;
  char *text = conf_print(root);
  if (text == NULL ||
      conf_file_read_text("conf", text, ignore_note, NULL, &again) != 0) {
    free(text);
    return;
  }
  const oconfig_item_t *block = find_block(conf_file_root(again));
  must(block != NULL);
  struct reading r = read_block(block, OPTIONS_FOR_CHECK);
  if (r.status != before->status ||
      strcmp(buf_text(&r.lines), buf_text(&before->lines)) != 0) {
    fprintf(stderr, "%s\nis told:\n%s\nand then:\n%s\n", text,
            buf_text(&before->lines), buf_text(&r.lines));
    abort();
  }
  reading_free(&r);
  conf_file_free(again);
  free(text);
}

static void check_conf(const oconfig_item_t *root) {
  const oconfig_item_t *block = find_block(root);
  if (block == NULL)
    return;
  struct reading r = read_block(block, OPTIONS_FOR_CHECK);
  if (r.status == 0) {
    check_purpose(block, OPTIONS_FOR_START);
    check_purpose(block, OPTIONS_FOR_LOOK);
  }
  check_again(root, &r);
  reading_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct conf_file *conf;
  struct buf text;
  const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
  size_t block_size = nul != NULL ? (size_t)(nul - data) : size;
  make_files();
  write_file(DEVICES, (const char *)data + block_size + (nul != NULL),
             size - block_size - (nul != NULL));
  buf_init(&text, REMARKS_BYTES);
  buf_append_text(&text, "<Plugin onenet>\n");
  buf_append(&text, data, block_size);
  buf_append_text(&text, "\n</Plugin>\n");
  if (text.error == 0 &&
      conf_file_read_text("conf", text.data, ignore_note, NULL, &conf) == 0) {
    check_conf(conf_file_root(conf));
    conf_file_free(conf);
  }
  buf_free(&text);
  return 0;
}
