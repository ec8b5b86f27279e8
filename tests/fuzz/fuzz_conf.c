/* SPDX-License-Identifier: MIT
 *
 * fuzz_conf owns the fuzz target of collectd's configuration language: whatever
 * the text, it is read without harm, and what was read, printed and read again
 * is the same, without a fault.
 */
#include "conf_file.h"
#include "conf_print.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_note(void *context, enum conf_level level, const char *path,
                       int line, const char *text) {
  size_t *count = context;
  (void)level;
  if (line < 1 || strlen(text) == 0 || strcmp(path, "conf") != 0)
    abort();
  ++*count;
}

/* Each item knows its place. */
static void check_places(const struct conf_file *conf,
                         const oconfig_item_t *item) {
  const char *path;
  int line;
  if (conf_file_place(conf, item, &path, &line) != 0 || line < 1)
    abort();
  for (int i = 0; i < item->children_num; i++)
    check_places(conf, &item->children[i]);
}

/* Returns the text that prints what was read; NULL without memory. */
static char *read_and_print(const char *text, size_t *ret_notes) {
  struct conf_file *conf;
  *ret_notes = 0;
  if (conf_file_read_text("conf", text, count_note, ret_notes, &conf) != 0)
    return NULL;
  const oconfig_item_t *root = conf_file_root(conf);
  for (int i = 0; i < root->children_num; i++)
    check_places(conf, &root->children[i]);
  char *printed = conf_print(root);
  conf_file_free(conf);
  return printed;
}

static void check_again(const char *printed) {
  size_t notes;
  char *again = read_and_print(printed, &notes);
  if (again != NULL && (strcmp(printed, again) != 0 || notes > 0)) {
    fprintf(stderr, "%s\nis then:\n%s\n", printed, again);
    abort();
  }
  free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = copy_as_text(data, size);
  if (text == NULL)
    return 0;
  size_t notes;
  char *printed = read_and_print(text, &notes);
  if (printed != NULL)
    check_again(printed);
  free(printed);
  free(text);
  return 0;
}
